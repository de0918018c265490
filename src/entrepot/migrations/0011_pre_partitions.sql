-- Tables that only grow are cut by their keys. What is in them becomes the default partition as it
-- stands, without a look at its rows; it is given its bounds afterwards, while orders go on.

-- inventory.movement

CREATE TABLE inventory.opened (
    sku            text   NOT NULL,
    node           text   NOT NULL,
    quantity_each  bigint NOT NULL CHECK (quantity_each > 0),
    PRIMARY KEY (sku, node)
);
COMMENT ON TABLE inventory.opened IS 'append only';

INSERT INTO inventory.opened (sku, node, quantity_each)
SELECT sku, node, quantity_each FROM inventory.movement WHERE from_account = 'opening';

CREATE TABLE inventory.carried (
    sku            text   NOT NULL,
    node           text   NOT NULL,
    account        text   NOT NULL,
    quantity_each  bigint NOT NULL,
    PRIMARY KEY (sku, node, account)
);

ALTER TABLE inventory.movement RENAME TO movement_default;
ALTER TABLE inventory.movement_default RENAME CONSTRAINT movement_pkey TO movement_default_pkey;
ALTER INDEX inventory.movement_document RENAME TO movement_default_document_idx;
COMMENT ON TABLE inventory.movement_default IS NULL;

-- What was booked until nobody could write any more.
INSERT INTO inventory.opened (sku, node, quantity_each)
SELECT sku, node, quantity_each FROM inventory.movement_default WHERE from_account = 'opening'
 ORDER BY sku, node
ON CONFLICT (sku, node) DO NOTHING;

DROP INDEX inventory.movement_opening;

CREATE TABLE inventory.movement (
    LIKE inventory.movement_default INCLUDING CONSTRAINTS,
    PRIMARY KEY (sku, movement_id)
) PARTITION BY RANGE (movement_id);
COMMENT ON TABLE inventory.movement IS 'append only';

CREATE INDEX movement_document ON inventory.movement (document);

ALTER TABLE inventory.movement ATTACH PARTITION inventory.movement_default DEFAULT;

CREATE OR REPLACE VIEW inventory.v_entry AS
SELECT sku, movement_id, node, from_account AS account, -quantity_each AS quantity_each,
       cause, document, at
  FROM inventory.movement
UNION ALL
SELECT sku, movement_id, node, to_account, quantity_each, cause, document, at
  FROM inventory.movement;

-- inventory.reservation

ALTER TABLE inventory.reservation RENAME TO reservation_default;
ALTER TABLE inventory.reservation_default
    RENAME CONSTRAINT reservation_pkey TO reservation_default_pkey;
ALTER INDEX inventory.reservation_order RENAME TO reservation_default_order_id_idx;
ALTER INDEX inventory.reservation_waiting RENAME TO reservation_default_sku_priority_since_idx;

CREATE TABLE inventory.reservation (
    LIKE inventory.reservation_default INCLUDING CONSTRAINTS,
    PRIMARY KEY (sku, reservation_id)
) PARTITION BY RANGE (reservation_id);

CREATE INDEX reservation_order ON inventory.reservation (order_id);
CREATE INDEX reservation_waiting ON inventory.reservation (sku, priority, since)
    WHERE state = 'waiting';

ALTER TABLE inventory.reservation ATTACH PARTITION inventory.reservation_default DEFAULT;

CREATE OR REPLACE VIEW inventory.v_reservation AS
SELECT sku, reservation_id, order_id, line_no, node, quantity_each, priority, state, promised_at,
       since
  FROM inventory.reservation;

-- ordering.event

ALTER TABLE ordering.event RENAME TO event_default;
ALTER TABLE ordering.event_default RENAME CONSTRAINT event_pkey TO event_default_pkey;
COMMENT ON TABLE ordering.event_default IS NULL;

CREATE TABLE ordering.event (
    LIKE ordering.event_default INCLUDING CONSTRAINTS,
    PRIMARY KEY (order_id, event_id)
) PARTITION BY RANGE (event_id);
COMMENT ON TABLE ordering.event IS 'append only';

ALTER TABLE ordering.event ATTACH PARTITION ordering.event_default DEFAULT;

CREATE OR REPLACE VIEW ordering.v_event AS
SELECT order_id, event_id, at, kind, detail, actor FROM ordering.event;

-- events.log

ALTER TABLE events.log RENAME TO log_default;
ALTER TABLE events.log_default RENAME CONSTRAINT log_pkey TO log_default_pkey;
ALTER INDEX events.log_subject RENAME TO log_default_subject_position_idx;
COMMENT ON TABLE events.log_default IS NULL;

CREATE TABLE events.log (
    LIKE events.log_default INCLUDING CONSTRAINTS,
    PRIMARY KEY (position, subject)
) PARTITION BY RANGE (position);
COMMENT ON TABLE events.log IS 'append only';

CREATE INDEX log_subject ON events.log (subject, position);

ALTER TABLE events.log ATTACH PARTITION events.log_default DEFAULT;

CREATE TABLE events.carried (
    name   text   NOT NULL PRIMARY KEY,
    facts  bigint NOT NULL CHECK (facts > 0)
);

-- decisions.decision

ALTER TABLE decisions.decision RENAME TO decision_default;
ALTER TABLE decisions.decision_default RENAME CONSTRAINT decision_pkey TO decision_default_pkey;
ALTER INDEX decisions.decision_at RENAME TO decision_default_at_idx;
COMMENT ON TABLE decisions.decision_default IS NULL;

CREATE TABLE decisions.decision (
    LIKE decisions.decision_default INCLUDING CONSTRAINTS,
    PRIMARY KEY (subject, decision_id)
) PARTITION BY RANGE (decision_id);
COMMENT ON TABLE decisions.decision IS 'append only';

CREATE INDEX decision_at ON decisions.decision (at);

ALTER TABLE decisions.decision ATTACH PARTITION decisions.decision_default DEFAULT;

-- The new tables are used from the moment this step is done.
GRANT SELECT, INSERT ON inventory.movement, inventory.opened, ordering.event, events.log,
                        decisions.decision TO entrepot_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON inventory.reservation, inventory.carried, events.carried
    TO entrepot_app;

-- archive

CREATE SCHEMA archive;

CREATE TABLE archive.partition (
    relation     text        NOT NULL,
    name         text        NOT NULL,
    since_key    text,
    until_key    text        NOT NULL,
    until_at     timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('frozen', 'written', 'archived')),
    file         text,
    sha256       bytea CHECK (length(sha256) = 32),
    bytes        bigint CHECK (bytes > 0),
    rows         bigint CHECK (rows >= 0),
    frozen_at    timestamptz NOT NULL,
    archived_at  timestamptz,
    PRIMARY KEY (relation, name),
    CHECK (state = 'frozen' OR (file IS NOT NULL AND sha256 IS NOT NULL AND bytes IS NOT NULL
                                AND rows IS NOT NULL)),
    CHECK ((state = 'archived') = (archived_at IS NOT NULL))
);

CREATE TABLE archive.installation (
    one              boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    installation_id  uuid    NOT NULL
);
