-- Carts and how channels treat them; the references of a person; who may do what with carts.

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

CREATE VIEW ordering.v_cart AS
SELECT cart_id, state, version, channel, currency, country, postal_area, opened_at, active_at,
       expires_at, holds, held_since, held_until, ended_at, order_id
  FROM ordering.cart;

CREATE VIEW ordering.v_cart_line AS
SELECT cart_id, sku, line_no, quantity_each, unit_price_minor, saved FROM ordering.cart_line;

CREATE VIEW inventory.v_hold AS
SELECT sku, hold_id, node, cart, quantity_each, expires_at
  FROM inventory.hold;

CREATE INDEX reference_person ON customers.reference (person_id);

INSERT INTO access.role_permission (role, permission)
VALUES ('admin', 'carts:read'), ('admin', 'carts:write'), ('auditor', 'carts:read'),
       ('care', 'carts:read'), ('care', 'carts:write'), ('service', 'carts:read'),
       ('service', 'carts:write'), ('storefront', 'carts:read'), ('storefront', 'carts:write');
