-- Suppliers, their lead times, the terms agreed with them, and the orders given to them.

CREATE SCHEMA purchasing;

-- reference
CREATE TABLE purchasing.supplier (
    supplier_id  text NOT NULL PRIMARY KEY,
    name         text NOT NULL,
    country      text NOT NULL CHECK (length(country) = 2),
    currency     text NOT NULL CHECK (length(currency) = 3),
    calendar_id  text,
    gln          text
);

-- One row per number of days; those of a supplier sum to 1,000,000.
-- reference
CREATE TABLE purchasing.lead_time (
    supplier_id  text    NOT NULL REFERENCES purchasing.supplier (supplier_id),
    days         integer NOT NULL CHECK (days >= 0),
    ppm          integer NOT NULL CHECK (ppm BETWEEN 1 AND 1000000),
    PRIMARY KEY (supplier_id, days)
);

-- distributed by (sku)
CREATE TABLE purchasing.terms (
    sku             text    NOT NULL,
    supplier_id     text    NOT NULL REFERENCES purchasing.supplier (supplier_id),
    currency        text    NOT NULL CHECK (length(currency) = 3),
    cost_minor      bigint  NOT NULL CHECK (cost_minor >= 0),
    moq_each        integer NOT NULL CHECK (moq_each > 0),
    multiple_each   integer NOT NULL CHECK (multiple_each > 0),
    lead_time_days  integer CHECK (lead_time_days >= 0),
    incoterm        text    CHECK (incoterm IN ('EXW', 'FCA', 'CPT', 'CIP', 'DAP', 'DPU', 'DDP',
                                                'FAS', 'FOB', 'CFR', 'CIF')),
    named_place     text,
    PRIMARY KEY (sku, supplier_id),
    CHECK ((incoterm IS NULL) = (named_place IS NULL))
);

-- distributed by (sku)
CREATE TABLE purchasing.price_break (
    sku          text    NOT NULL,
    supplier_id  text    NOT NULL,
    from_each    integer NOT NULL CHECK (from_each > 1),
    cost_minor   bigint  NOT NULL CHECK (cost_minor >= 0),
    PRIMARY KEY (sku, supplier_id, from_each),
    FOREIGN KEY (sku, supplier_id) REFERENCES purchasing.terms (sku, supplier_id)
);

-- Orders to suppliers; received means that nothing more is expected.
-- distributed by (po_id)
CREATE TABLE purchasing.purchase_order (
    po_id        text        NOT NULL PRIMARY KEY CHECK (length(po_id) BETWEEN 1 AND 64),
    supplier_id  text        NOT NULL REFERENCES purchasing.supplier (supplier_id),
    node         text        NOT NULL,
    currency     text        NOT NULL CHECK (length(currency) = 3),
    state        text        NOT NULL,
    raised_at    timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    received_at  timestamptz,
    ended_at     timestamptz,
    end_reason   text,
    command_id   text        NOT NULL,
    actor        text        NOT NULL,
    CHECK (state IN ('draft', 'sent', 'confirmed', 'partly_received', 'received', 'cancelled')),
    CHECK ((state IN ('received', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((state IN ('partly_received', 'received')) = (received_at IS NOT NULL))
) WITH (fillfactor = 80);

CREATE INDEX purchase_order_due ON purchasing.purchase_order (due_at, po_id)
    WHERE ended_at IS NULL;

-- received_each is the sum of the line's receipts; damaged_each is a part of it.
-- distributed by (po_id)
CREATE TABLE purchasing.po_line (
    po_id          text    NOT NULL REFERENCES purchasing.purchase_order (po_id),
    line_no        integer NOT NULL CHECK (line_no > 0),
    sku            text    NOT NULL,
    ordered_each   bigint  NOT NULL CHECK (ordered_each > 0),
    cost_minor     bigint  NOT NULL CHECK (cost_minor >= 0),
    received_each  bigint  NOT NULL DEFAULT 0 CHECK (received_each >= 0),
    damaged_each   bigint  NOT NULL DEFAULT 0 CHECK (damaged_each BETWEEN 0 AND received_each),
    open           boolean NOT NULL,
    reason         text    NOT NULL,
    PRIMARY KEY (po_id, line_no)
) WITH (fillfactor = 80);

CREATE INDEX po_line_open ON purchasing.po_line (sku) WHERE open;

-- What each delivery brought; over_each is what of it was more than ordered, taken on purpose.
-- distributed by (po_id)
CREATE TABLE purchasing.po_receipt (
    po_id          text        NOT NULL,
    receipt_id     text        NOT NULL CHECK (length(receipt_id) BETWEEN 1 AND 200),
    line_no        integer     NOT NULL,
    received_each  bigint      NOT NULL CHECK (received_each > 0),
    damaged_each   bigint      NOT NULL CHECK (damaged_each BETWEEN 0 AND received_each),
    over_each      bigint      NOT NULL CHECK (over_each BETWEEN 0 AND received_each),
    at             timestamptz NOT NULL,
    command_id     text        NOT NULL,
    actor          text        NOT NULL,
    PRIMARY KEY (po_id, receipt_id, line_no),
    FOREIGN KEY (po_id, line_no) REFERENCES purchasing.po_line (po_id, line_no)
);
COMMENT ON TABLE purchasing.po_receipt IS 'append only';

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW purchasing.v_supplier AS
SELECT supplier_id, name, country, currency FROM purchasing.supplier;

CREATE VIEW purchasing.v_terms AS
SELECT sku, supplier_id, currency, cost_minor, moq_each, multiple_each, lead_time_days, incoterm,
       named_place
  FROM purchasing.terms;

CREATE VIEW purchasing.v_purchase_order AS
SELECT po_id, supplier_id, node, currency, state, raised_at, due_at, received_at, ended_at,
       end_reason
  FROM purchasing.purchase_order;

CREATE VIEW purchasing.v_po_line AS
SELECT po_id, line_no, sku, ordered_each, cost_minor, received_each, damaged_each, open, reason
  FROM purchasing.po_line;

CREATE VIEW purchasing.v_po_receipt AS
SELECT po_id, receipt_id, line_no, received_each, damaged_each, over_each, at
  FROM purchasing.po_receipt;
