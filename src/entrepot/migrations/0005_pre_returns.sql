-- Returns and their lines.

-- What customers send back; graded means that every unit went back to sale or was scrapped.
-- distributed by (order_id)
CREATE TABLE ordering.return_order (
    order_id       text        NOT NULL REFERENCES ordering.orders (order_id),
    return_id      text        NOT NULL CHECK (length(return_id) BETWEEN 1 AND 64),
    state          text        NOT NULL,
    node           text        NOT NULL,
    reason         text        NOT NULL,
    currency       text        NOT NULL,
    authorized_at  timestamptz NOT NULL,
    received_at    timestamptz,
    graded_at      timestamptz,
    since          timestamptz NOT NULL,
    command_id     text        NOT NULL,
    actor          text        NOT NULL,
    PRIMARY KEY (order_id, return_id),
    CHECK (state IN ('authorized', 'received', 'graded', 'closed')),
    CHECK (state = 'closed' OR (state <> 'authorized') = (received_at IS NOT NULL)),
    CHECK (state = 'closed' OR (state = 'graded') = (graded_at IS NOT NULL)),
    CHECK (graded_at IS NULL OR received_at IS NOT NULL)
) WITH (fillfactor = 80);

CREATE INDEX return_order_open ON ordering.return_order (state, since, order_id, return_id)
    WHERE state IN ('authorized', 'received');

-- counted_each is what counts as returned, and is paid back: what was authorized until the goods
-- come, then what came; nothing when they never do.
-- distributed by (order_id)
CREATE TABLE ordering.return_line (
    order_id          text    NOT NULL,
    return_id         text    NOT NULL,
    line_no           integer NOT NULL,
    sku               text    NOT NULL,
    quantity_each     bigint  NOT NULL CHECK (quantity_each > 0),
    unit_price_minor  bigint  NOT NULL CHECK (unit_price_minor >= 0),
    counted_each      bigint  NOT NULL CHECK (counted_each BETWEEN 0 AND quantity_each),
    received_each     bigint  NOT NULL DEFAULT 0 CHECK (received_each IN (0, counted_each)),
    restocked_each    bigint  NOT NULL DEFAULT 0 CHECK (restocked_each >= 0),
    scrapped_each     bigint  NOT NULL DEFAULT 0 CHECK (scrapped_each >= 0),
    refund_minor      bigint  GENERATED ALWAYS AS (unit_price_minor * counted_each) STORED,
    PRIMARY KEY (order_id, return_id, line_no),
    FOREIGN KEY (order_id, return_id) REFERENCES ordering.return_order (order_id, return_id),
    FOREIGN KEY (order_id, line_no) REFERENCES ordering.line (order_id, line_no),
    CHECK (restocked_each + scrapped_each <= received_each)
) WITH (fillfactor = 80);

CREATE VIEW ordering.v_return AS
SELECT order_id, return_id, state, node, reason, currency, authorized_at, received_at, graded_at,
       since
  FROM ordering.return_order;

CREATE VIEW ordering.v_return_line AS
SELECT order_id, return_id, line_no, sku, quantity_each, unit_price_minor, counted_each,
       received_each, restocked_each, scrapped_each, refund_minor
  FROM ordering.return_line;
