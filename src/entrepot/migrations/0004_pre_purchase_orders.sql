-- Purchase orders, their lines and receipts.

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
