-- The warehouse: work of outbound parts, cartons, serial numbers of SSCCs, inbound receipts.

CREATE SCHEMA warehouse;

-- What a node has to do for one part of an order. A step is kept with the id of the command that
-- took it, so that a repeat is known. Work that was cancelled may be released again: its next
-- attempt, with lines of its own.
-- distributed by (order_id)
CREATE TABLE warehouse.work (
    order_id           text        NOT NULL,
    part_no            integer     NOT NULL CHECK (part_no > 0),
    attempt            integer     NOT NULL CHECK (attempt > 0),
    node               text        NOT NULL,
    state              text        NOT NULL,
    priority           smallint    NOT NULL,
    lines              integer     NOT NULL CHECK (lines > 0),
    asked_each         bigint      NOT NULL CHECK (asked_each > 0),
    short_each         bigint      NOT NULL CHECK (short_each BETWEEN 0 AND asked_each),
    mass_g             bigint      NOT NULL CHECK (mass_g >= 0),
    due_at             timestamptz NOT NULL,
    pick_due_at        timestamptz NOT NULL,
    ship_by            timestamptz NOT NULL,
    released_at        timestamptz NOT NULL,
    picked_at          timestamptz,
    packed_at          timestamptz,
    handed_over_at     timestamptz,
    cancelled_at       timestamptz,
    cancel_reason      text,
    release_command    text        NOT NULL,
    pick_command       text,
    pack_command       text,
    hand_over_command  text,
    cancel_command     text,
    PRIMARY KEY (order_id, part_no),
    CHECK (state IN ('released', 'picked', 'packed', 'handed_over', 'cancelled')),
    CHECK (pick_due_at <= ship_by),
    CHECK (state NOT IN ('picked', 'packed', 'handed_over') OR picked_at IS NOT NULL),
    CHECK (state NOT IN ('packed', 'handed_over') OR packed_at IS NOT NULL),
    CHECK (state NOT IN ('packed', 'handed_over') OR asked_each > short_each),
    CHECK ((state = 'handed_over') = (handed_over_at IS NOT NULL)),
    CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL)),
    CHECK ((picked_at IS NULL) = (pick_command IS NULL)),
    CHECK ((packed_at IS NULL) = (pack_command IS NULL)),
    CHECK ((handed_over_at IS NULL) = (hand_over_command IS NULL)),
    CHECK ((cancelled_at IS NULL) = (cancel_command IS NULL)),
    CHECK ((cancelled_at IS NULL) = (cancel_reason IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX work_due ON warehouse.work (node, state, due_at, priority, order_id, part_no)
    WHERE state IN ('released', 'picked', 'packed');

-- What is asked for, and how much of it could not be picked; picked is the rest.
-- distributed by (order_id)
CREATE TABLE warehouse.work_line (
    order_id      text    NOT NULL,
    part_no       integer NOT NULL,
    line_no       integer NOT NULL CHECK (line_no > 0),
    sku           text    NOT NULL,
    asked_each    bigint  NOT NULL CHECK (asked_each > 0),
    unit_mass_g   integer NOT NULL CHECK (unit_mass_g >= 0),
    short_each    bigint  NOT NULL CHECK (short_each BETWEEN 0 AND asked_each),
    short_reason  text,
    PRIMARY KEY (order_id, part_no, line_no),
    FOREIGN KEY (order_id, part_no) REFERENCES warehouse.work (order_id, part_no),
    CHECK ((short_each > 0) = (short_reason IS NOT NULL)),
    CHECK (short_reason IN ('not_found', 'damaged', 'expired', 'wrong_item', 'blocked'))
);

-- A carton that leaves, or was voided before it did. Without line numbers it holds everything
-- that was picked for its part.
-- distributed by (order_id)
CREATE TABLE warehouse.carton (
    order_id    text        NOT NULL,
    sscc        text        NOT NULL CHECK (length(sscc) = 18),
    part_no     integer     NOT NULL,
    mass_g      bigint      NOT NULL CHECK (mass_g >= 0),
    line_nos    integer[],
    quantities  bigint[],
    packed_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    voided_at   timestamptz,
    PRIMARY KEY (order_id, sscc),
    FOREIGN KEY (order_id, part_no) REFERENCES warehouse.work (order_id, part_no),
    CHECK ((line_nos IS NULL) = (quantities IS NULL)),
    CHECK (cardinality(line_nos) = cardinality(quantities)),
    CHECK (closed_at IS NULL OR voided_at IS NULL)
);

CREATE INDEX carton_sscc ON warehouse.carton (sscc);

-- The next serial number of each company prefix; taken in blocks, never given twice.
-- distributed by (company_prefix)
CREATE TABLE warehouse.sscc_counter (
    company_prefix  text   NOT NULL PRIMARY KEY CHECK (company_prefix ~ '^[0-9]{4,12}$'),
    next_serial     bigint NOT NULL,
    CHECK (next_serial BETWEEN 0 AND (10::bigint ^ (17 - length(company_prefix)))::bigint)
) WITH (fillfactor = 50);

-- Goods that came in by one document.
-- distributed by (receipt_id)
CREATE TABLE warehouse.receipt (
    receipt_id        text        NOT NULL PRIMARY KEY CHECK (length(receipt_id) BETWEEN 1 AND 200),
    node              text        NOT NULL,
    document          text        NOT NULL,
    state             text        NOT NULL,
    received_at       timestamptz NOT NULL,
    put_away_at       timestamptz,
    receive_command   text        NOT NULL,
    put_away_command  text,
    actor             text        NOT NULL,
    CHECK (state IN ('received', 'put_away')),
    CHECK ((state = 'put_away') = (put_away_at IS NOT NULL)),
    CHECK ((put_away_at IS NULL) = (put_away_command IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX receipt_waiting ON warehouse.receipt (node, received_at, receipt_id)
    WHERE state = 'received';
CREATE INDEX receipt_document ON warehouse.receipt (document);

-- received_each is all that came, the damaged among it.
-- distributed by (receipt_id)
CREATE TABLE warehouse.receipt_line (
    receipt_id     text    NOT NULL REFERENCES warehouse.receipt (receipt_id),
    line_no        integer NOT NULL CHECK (line_no > 0),
    sku            text    NOT NULL,
    expected_each  bigint  NOT NULL CHECK (expected_each >= 0),
    received_each  bigint  NOT NULL CHECK (received_each >= 0),
    damaged_each   bigint  NOT NULL CHECK (damaged_each BETWEEN 0 AND received_each),
    PRIMARY KEY (receipt_id, line_no)
);
COMMENT ON TABLE warehouse.receipt_line IS 'append only';

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW warehouse.v_work AS
SELECT order_id, part_no, attempt, node, state, priority, lines, asked_each, short_each,
       asked_each - short_each AS picked_each, mass_g, due_at, pick_due_at, ship_by, released_at,
       picked_at, packed_at, handed_over_at, cancelled_at, cancel_reason
  FROM warehouse.work;

CREATE VIEW warehouse.v_work_line AS
SELECT order_id, part_no, line_no, sku, asked_each, asked_each - short_each AS picked_each,
       short_each, short_reason
  FROM warehouse.work_line;

CREATE VIEW warehouse.v_carton AS
SELECT order_id, part_no, sscc, mass_g, packed_at, closed_at, voided_at
  FROM warehouse.carton;

CREATE VIEW warehouse.v_carton_line AS
SELECT c.order_id, c.part_no, c.sscc, l.line_no, l.sku,
       CASE WHEN c.line_nos IS NULL THEN l.asked_each - l.short_each
            ELSE c.quantities[array_position(c.line_nos, l.line_no)]
       END AS quantity_each
  FROM warehouse.carton AS c
  JOIN warehouse.work_line AS l ON l.order_id = c.order_id AND l.part_no = c.part_no
 WHERE c.voided_at IS NULL
   AND l.asked_each > l.short_each
   AND (c.line_nos IS NULL OR l.line_no = ANY(c.line_nos));

CREATE VIEW warehouse.v_receipt AS
SELECT receipt_id, node, document, state, received_at, put_away_at
  FROM warehouse.receipt;

CREATE VIEW warehouse.v_receipt_line AS
SELECT receipt_id, line_no, sku, expected_each, received_each, damaged_each,
       greatest(received_each - expected_each, 0) AS over_each,
       greatest(expected_each - received_each, 0) AS short_each
  FROM warehouse.receipt_line;
