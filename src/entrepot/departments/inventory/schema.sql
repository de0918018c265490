-- Stock: ledger, balances, commitments, expected receipts.

CREATE SCHEMA inventory;

-- Balances per SKU and node, derived from the ledger and persisted by the same statement.
-- on_hand is what is there and may be sold; held, reserved and allocated are parts of it;
-- quarantined stands beside it.
-- distributed by (sku)
CREATE TABLE inventory.stock (
    sku          text    NOT NULL,
    node         text    NOT NULL,
    on_hand      bigint  NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    held         bigint  NOT NULL DEFAULT 0 CHECK (held >= 0),
    reserved     bigint  NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    allocated    bigint  NOT NULL DEFAULT 0 CHECK (allocated >= 0),
    quarantined  bigint  NOT NULL DEFAULT 0 CHECK (quarantined >= 0),
    PRIMARY KEY (sku, node),
    CONSTRAINT stock_covers_commitments CHECK (on_hand >= held + reserved + allocated)
) WITH (fillfactor = 70);

-- The ledger. One row is one double entry: quantity_each leaves from_account and enters
-- to_account. Accounts free, held, reserved, allocated and quarantine are inside the node,
-- the others outside. Cut by time, as the ids are in the order of time.
-- distributed by (sku)
CREATE TABLE inventory.movement (
    sku            text        NOT NULL,
    movement_id    uuid        NOT NULL,
    node           text        NOT NULL,
    from_account   text        NOT NULL,
    to_account     text        NOT NULL,
    quantity_each  bigint      NOT NULL CHECK (quantity_each > 0),
    cause          text        NOT NULL,
    document       text        NOT NULL,
    at             timestamptz NOT NULL,
    command_id     text        NOT NULL,
    actor          text        NOT NULL,
    PRIMARY KEY (sku, movement_id),
    CHECK (from_account <> to_account),
    CHECK (from_account IN ('free', 'held', 'reserved', 'allocated', 'quarantine', 'supplier',
                            'customer', 'opening', 'adjustment', 'scrap', 'transit')),
    CHECK (to_account IN ('free', 'held', 'reserved', 'allocated', 'quarantine', 'supplier',
                          'customer', 'opening', 'adjustment', 'scrap', 'transit'))
) PARTITION BY RANGE (movement_id);
COMMENT ON TABLE inventory.movement IS 'append only';

CREATE INDEX movement_document ON inventory.movement (document);

CREATE TABLE inventory.movement_default PARTITION OF inventory.movement DEFAULT;

-- What movements in the archive left in each account: with them the ledger is whole.
-- distributed by (sku)
CREATE TABLE inventory.carried (
    sku            text   NOT NULL,
    node           text   NOT NULL,
    account        text   NOT NULL,
    quantity_each  bigint NOT NULL,
    PRIMARY KEY (sku, node, account)
);

-- Opening stock is booked once per SKU and node; beside the ledger, as no key of a partitioned
-- table can hold it.
-- distributed by (sku)
CREATE TABLE inventory.opened (
    sku            text   NOT NULL,
    node           text   NOT NULL,
    quantity_each  bigint NOT NULL CHECK (quantity_each > 0),
    PRIMARY KEY (sku, node)
);
COMMENT ON TABLE inventory.opened IS 'append only';

-- Cart holds: stock kept for a cart until they expire.
-- distributed by (sku)
CREATE TABLE inventory.hold (
    sku            text        NOT NULL,
    hold_id        uuid        NOT NULL,
    node           text        NOT NULL,
    cart           text        NOT NULL,
    quantity_each  bigint      NOT NULL CHECK (quantity_each > 0),
    expires_at     timestamptz NOT NULL,
    PRIMARY KEY (sku, hold_id)
);

CREATE INDEX hold_expiry ON inventory.hold (expires_at);
CREATE INDEX hold_cart ON inventory.hold (cart);

-- Commitments to order lines. waiting: promised, but no stock behind it yet (no node);
-- reserved: stock at a node is kept for it; allocated: released to the warehouse;
-- shipped and cancelled are ends. Cut by time, so that what is written now lies together and not
-- among the commitments of years, which are ordered by SKU.
-- distributed by (sku)
CREATE TABLE inventory.reservation (
    sku             text        NOT NULL,
    reservation_id  uuid        NOT NULL,
    order_id        text        NOT NULL,
    line_no         integer     NOT NULL,
    node            text,
    quantity_each   bigint      NOT NULL CHECK (quantity_each > 0),
    priority        smallint    NOT NULL,
    state           text        NOT NULL,
    promised_at     timestamptz,
    since           timestamptz NOT NULL,
    PRIMARY KEY (sku, reservation_id),
    CHECK (state IN ('waiting', 'reserved', 'allocated', 'shipped', 'cancelled')),
    CHECK (node IS NOT NULL OR state IN ('waiting', 'cancelled'))
) PARTITION BY RANGE (reservation_id);

CREATE INDEX reservation_order ON inventory.reservation (order_id);
CREATE INDEX reservation_waiting ON inventory.reservation (sku, priority, since)
    WHERE state = 'waiting';

CREATE TABLE inventory.reservation_default PARTITION OF inventory.reservation DEFAULT
    WITH (fillfactor = 80);

-- What suppliers and other nodes have announced; feeds ATP by date.
-- distributed by (sku)
CREATE TABLE inventory.expected_receipt (
    sku            text        NOT NULL,
    expected_id    text        NOT NULL,
    node           text        NOT NULL,
    quantity_each  bigint      NOT NULL CHECK (quantity_each > 0),
    received_each  bigint      NOT NULL DEFAULT 0 CHECK (received_each >= 0),
    due_at         timestamptz NOT NULL,
    document       text        NOT NULL,
    open           boolean     NOT NULL,
    PRIMARY KEY (sku, expected_id)
);

CREATE INDEX expected_open ON inventory.expected_receipt (sku, due_at) WHERE open;

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW inventory.v_stock AS
SELECT sku, node, on_hand, held, reserved, allocated, quarantined,
       on_hand - held - reserved - allocated AS available
  FROM inventory.stock;

CREATE VIEW inventory.v_entry AS
SELECT sku, movement_id, node, from_account AS account, -quantity_each AS quantity_each,
       cause, document, at
  FROM inventory.movement
UNION ALL
SELECT sku, movement_id, node, to_account, quantity_each, cause, document, at
  FROM inventory.movement;

CREATE VIEW inventory.v_reservation AS
SELECT sku, reservation_id, order_id, line_no, node, quantity_each, priority, state, promised_at,
       since
  FROM inventory.reservation;

CREATE VIEW inventory.v_hold AS
SELECT sku, hold_id, node, cart, quantity_each, expires_at
  FROM inventory.hold;

CREATE VIEW inventory.v_expected_receipt AS
SELECT sku, expected_id, node, quantity_each, received_each, due_at, document
  FROM inventory.expected_receipt
 WHERE open;
