-- Orders: state rows, promises, events, queues, returns.

CREATE SCHEMA ordering;

-- distributed by (order_id)
CREATE TABLE ordering.orders (
    order_id        text        NOT NULL PRIMARY KEY CHECK (length(order_id) BETWEEN 1 AND 64),
    state           text        NOT NULL,
    channel         text        NOT NULL,
    person_id       uuid,
    address_id      uuid,
    country         text        NOT NULL,
    postal_area     text        NOT NULL,
    currency        text        NOT NULL,
    service         text        NOT NULL,
    items_minor     bigint      NOT NULL CHECK (items_minor >= 0),
    shipping_minor  bigint      NOT NULL CHECK (shipping_minor >= 0),
    cost_mills      bigint      NOT NULL CHECK (cost_mills >= 0),
    offer_id        text,
    placed_at       timestamptz NOT NULL,
    payment_due_at  timestamptz,
    paid_at         timestamptz,
    ended_at        timestamptz,
    cancel_reason   text,
    promise_version integer     NOT NULL CHECK (promise_version >= 0),
    command_id      text        NOT NULL,
    actor           text        NOT NULL,
    CHECK (state IN ('awaiting_payment', 'open', 'completed', 'cancelled')),
    CHECK ((state = 'cancelled') = (cancel_reason IS NOT NULL)),
    CHECK ((state IN ('completed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK (state <> 'awaiting_payment' OR payment_due_at IS NOT NULL)
) WITH (fillfactor = 80);

CREATE INDEX orders_placed ON ordering.orders (placed_at, order_id);
CREATE INDEX orders_person ON ordering.orders (person_id, placed_at) WHERE person_id IS NOT NULL;
CREATE INDEX orders_payment_due ON ordering.orders (payment_due_at)
    WHERE state = 'awaiting_payment';

-- The rows of an order are written together and never deleted: no foreign key looks each of them up
-- again (docs/decisions/0015), the audit does.
-- distributed by (order_id)
CREATE TABLE ordering.line (
    order_id          text    NOT NULL,
    line_no           integer NOT NULL CHECK (line_no > 0),
    sku               text    NOT NULL,
    quantity_each     bigint  NOT NULL CHECK (quantity_each > 0),
    unit_price_minor  bigint  NOT NULL CHECK (unit_price_minor >= 0),
    price_version     text,
    PRIMARY KEY (order_id, line_no)
);

-- A part is what one node fulfills of an order in one box (a fulfillment order); without node it
-- is a backorder.
-- distributed by (order_id)
CREATE TABLE ordering.part (
    order_id    text        NOT NULL,
    part_no     integer     NOT NULL CHECK (part_no > 0),
    state       text        NOT NULL,
    node        text,
    service     text,
    since       timestamptz NOT NULL,
    PRIMARY KEY (order_id, part_no),
    CHECK (state IN ('backordered', 'reserved', 'released', 'picked', 'packed', 'shipped',
                     'delivered', 'lost', 'cancelled')),
    CHECK (node IS NOT NULL OR state IN ('backordered', 'cancelled'))
) WITH (fillfactor = 80);

CREATE INDEX part_open ON ordering.part (state, since)
    WHERE state NOT IN ('delivered', 'lost', 'cancelled');

-- distributed by (order_id)
CREATE TABLE ordering.part_line (
    order_id        text    NOT NULL,
    part_no         integer NOT NULL,
    line_no         integer NOT NULL,
    quantity_each   bigint  NOT NULL CHECK (quantity_each > 0),
    reservation_id  uuid,
    PRIMARY KEY (order_id, part_no, line_no)
);

-- What the customer was told, every version kept: a promise is never overwritten.
-- distributed by (order_id)
CREATE TABLE ordering.expectation (
    order_id         text        NOT NULL,
    version          integer     NOT NULL CHECK (version > 0),
    part_no          integer     NOT NULL,
    expected_date    date,
    latest_date      date,
    probability_ppm  integer CHECK (probability_ppm BETWEEN 0 AND 1000000),
    reason           text        NOT NULL,
    at               timestamptz NOT NULL,
    PRIMARY KEY (order_id, version, part_no),
    CHECK ((latest_date IS NULL) = (probability_ppm IS NULL))
);
COMMENT ON TABLE ordering.expectation IS 'append only';

-- What happened to the order, in order; cut by time.
-- distributed by (order_id)
CREATE TABLE ordering.event (
    order_id    text        NOT NULL,
    event_id    uuid        NOT NULL,
    at          timestamptz NOT NULL,
    kind        text        NOT NULL,
    detail      text        NOT NULL,
    command_id  text        NOT NULL,
    actor       text        NOT NULL,
    PRIMARY KEY (order_id, event_id)
) PARTITION BY RANGE (event_id);
COMMENT ON TABLE ordering.event IS 'append only';

CREATE TABLE ordering.event_default PARTITION OF ordering.event DEFAULT;

-- Orders that cannot go on by themselves: why, since when, and who has to act.
-- distributed by (order_id)
CREATE TABLE ordering.queue (
    order_id  text        NOT NULL,
    queue     text        NOT NULL,
    part_no   integer     NOT NULL,
    owner     text        NOT NULL,
    reason    text        NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (order_id, queue, part_no),
    CHECK (queue IN ('backorder', 'payment', 'exception'))
);

CREATE INDEX queue_since ON ordering.queue (queue, since);

-- Order history from elsewhere: sales that were fulfilled before this system knew of them.
-- distributed by (order_id)
CREATE TABLE ordering.past_order (
    order_id       text        NOT NULL PRIMARY KEY CHECK (length(order_id) BETWEEN 1 AND 64),
    content_hash   bytea       NOT NULL CHECK (length(content_hash) = 32),
    customer_ref   text,
    country        text        NOT NULL,
    currency       text        NOT NULL,
    placed_at      timestamptz NOT NULL,
    imported_at    timestamptz NOT NULL
);

CREATE INDEX past_order_placed ON ordering.past_order (placed_at);

-- distributed by (order_id)
CREATE TABLE ordering.past_line (
    order_id          text    NOT NULL REFERENCES ordering.past_order (order_id),
    line_no           integer NOT NULL CHECK (line_no > 0),
    sku               text    NOT NULL,
    quantity_each     bigint  NOT NULL CHECK (quantity_each > 0),
    unit_price_minor  bigint  NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, line_no)
);

CREATE INDEX past_line_sku ON ordering.past_line (sku);

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

-- How channels treat carts; one that is not here holds nothing.
-- reference
CREATE TABLE ordering.channel (
    channel           text    NOT NULL PRIMARY KEY CHECK (length(channel) BETWEEN 1 AND 40),
    hold_minutes      integer NOT NULL CHECK (hold_minutes BETWEEN 0 AND 1440),
    hold_minutes_max  integer NOT NULL CHECK (hold_minutes_max BETWEEN hold_minutes AND 1440),
    hold_each_max     bigint  CHECK (hold_each_max > 0),
    cart_days         integer NOT NULL CHECK (cart_days BETWEEN 1 AND 400)
);

-- What somebody is about to order. While it holds (the holds themselves are inventory's),
-- held_until is when they end, and held_since when the span began within which they must;
-- afterwards they say when it held last. An open cart expires at expires_at.
-- distributed by (cart_id)
CREATE TABLE ordering.cart (
    cart_id          text        NOT NULL PRIMARY KEY CHECK (length(cart_id) BETWEEN 1 AND 64),
    state            text        NOT NULL,
    version          integer     NOT NULL CHECK (version > 0),
    channel          text        NOT NULL,
    currency         text        NOT NULL,
    person_id        uuid,
    country          text,
    postal_area      text,
    opened_at        timestamptz NOT NULL,
    active_at        timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    holds            boolean     NOT NULL,
    held_since       timestamptz,
    held_until       timestamptz,
    ended_at         timestamptz,
    order_id         text,
    order_command    text,
    completion_hash  bytea       CHECK (length(completion_hash) = 32),
    CHECK (state IN ('open', 'expired', 'abandoned', 'completed')),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (NOT holds OR (state = 'open' AND held_until IS NOT NULL)),
    CHECK ((held_since IS NULL) = (held_until IS NULL)),
    CHECK ((country IS NULL) = (postal_area IS NULL)),
    CHECK ((state = 'completed') = (order_id IS NOT NULL)),
    CHECK ((order_id IS NULL) = (order_command IS NULL)),
    CHECK ((order_id IS NULL) = (completion_hash IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX cart_holds ON ordering.cart (held_until) WHERE holds;
CREATE INDEX cart_expiry ON ordering.cart (expires_at) WHERE state = 'open';
CREATE INDEX cart_ended ON ordering.cart (ended_at) WHERE ended_at IS NOT NULL;

-- saved: kept for later, not ordered.
-- distributed by (cart_id)
CREATE TABLE ordering.cart_line (
    cart_id           text    NOT NULL REFERENCES ordering.cart (cart_id),
    sku               text    NOT NULL,
    line_no           integer NOT NULL CHECK (line_no > 0),
    quantity_each     bigint  NOT NULL CHECK (quantity_each > 0),
    unit_price_minor  bigint  NOT NULL CHECK (unit_price_minor >= 0),
    saved             boolean NOT NULL,
    PRIMARY KEY (cart_id, sku)
) WITH (fillfactor = 80);

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW ordering.v_cart AS
SELECT cart_id, state, version, channel, currency, country, postal_area, opened_at, active_at,
       expires_at, holds, held_since, held_until, ended_at, order_id
  FROM ordering.cart;

CREATE VIEW ordering.v_cart_line AS
SELECT cart_id, sku, line_no, quantity_each, unit_price_minor, saved FROM ordering.cart_line;

CREATE VIEW ordering.v_order AS
SELECT order_id, state, channel, country, postal_area, currency, service, items_minor,
       shipping_minor, placed_at, payment_due_at, paid_at, ended_at, cancel_reason
  FROM ordering.orders;

CREATE VIEW ordering.v_part AS
SELECT order_id, part_no, state, node, service, since FROM ordering.part;

CREATE VIEW ordering.v_queue AS
SELECT order_id, queue, part_no, owner, reason, since FROM ordering.queue;

CREATE VIEW ordering.v_sale AS
SELECT o.order_id, l.line_no, l.sku, l.quantity_each, l.unit_price_minor, o.currency, o.country,
       o.placed_at
  FROM ordering.orders AS o
  JOIN ordering.line AS l ON l.order_id = o.order_id
 WHERE o.state <> 'cancelled'
UNION ALL
SELECT o.order_id, l.line_no, l.sku, l.quantity_each, l.unit_price_minor, o.currency, o.country,
       o.placed_at
  FROM ordering.past_order AS o
  JOIN ordering.past_line AS l ON l.order_id = o.order_id;

CREATE VIEW ordering.v_return AS
SELECT order_id, return_id, state, node, reason, currency, authorized_at, received_at, graded_at,
       since
  FROM ordering.return_order;

CREATE VIEW ordering.v_return_line AS
SELECT order_id, return_id, line_no, sku, quantity_each, unit_price_minor, counted_each,
       received_each, restocked_each, scrapped_each, refund_minor
  FROM ordering.return_line;

CREATE VIEW ordering.v_line AS
SELECT order_id, line_no, sku, quantity_each, unit_price_minor FROM ordering.line;

CREATE VIEW ordering.v_part_line AS
SELECT order_id, part_no, line_no, quantity_each FROM ordering.part_line;

CREATE VIEW ordering.v_expectation AS
SELECT order_id, version, part_no, expected_date, latest_date, probability_ppm, reason, at
  FROM ordering.expectation;

CREATE VIEW ordering.v_event AS
SELECT order_id, event_id, at, kind, detail, actor FROM ordering.event;
