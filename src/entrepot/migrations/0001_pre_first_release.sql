-- The schema of the first release, whole.

-- from ground/schema.sql
-- The ground's own tables. Each table declares how it is spread over a distributed engine:
-- `distributed by (column)`, `reference` (a copy everywhere) or `local` (one node).

CREATE SCHEMA ground;

-- local
CREATE TABLE ground.migration (
    number      integer     NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    checksum    text        NOT NULL,
    applied_at  timestamptz NOT NULL
);

-- Commands by id: repeating one gives its first answer. Small on purpose: the records a command
-- made are found through it, and rows go after the retention.
-- distributed by (command_id)
CREATE TABLE ground.command (
    command_id    text        NOT NULL PRIMARY KEY CHECK (length(command_id) BETWEEN 1 AND 300),
    content_hash  bytea       NOT NULL CHECK (length(content_hash) = 32),
    answer        bytea,
    at            timestamptz NOT NULL
) WITH (fillfactor = 60);

CREATE INDEX command_at ON ground.command (at);


CREATE SCHEMA events;

-- Facts as their transactions wrote them, not yet numbered.
-- distributed by (subject)
CREATE TABLE events.outbox (
    outbox_id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    subject      text        NOT NULL,
    fact_id      uuid        NOT NULL,
    name         text        NOT NULL,
    version      smallint    NOT NULL,
    occurred_at  timestamptz NOT NULL,
    command_id   text        NOT NULL,
    caused_by    uuid,
    actor        text        NOT NULL,
    traceparent  text,
    body         jsonb       NOT NULL,
    PRIMARY KEY (outbox_id, subject)
);

-- The numbered log. A position is given after commit, by one sequencer, without gaps.
-- distributed by (subject)
CREATE TABLE events.log (
    position     bigint      NOT NULL,
    subject      text        NOT NULL,
    fact_id      uuid        NOT NULL,
    name         text        NOT NULL,
    version      smallint    NOT NULL,
    occurred_at  timestamptz NOT NULL,
    command_id   text        NOT NULL,
    caused_by    uuid,
    actor        text        NOT NULL,
    traceparent  text,
    body         jsonb       NOT NULL,
    PRIMARY KEY (position, subject)
);
COMMENT ON TABLE events.log IS 'append only';

CREATE INDEX log_subject ON events.log (subject, position);

-- The position given last; one row.
-- local
CREATE TABLE events.head (
    one       boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
    position  bigint  NOT NULL CHECK (position >= 0)
);
INSERT INTO events.head (position) VALUES (0);

-- How far each subscription has handled the log; moved in the transaction of its effects.
-- local
CREATE TABLE events.subscription (
    name        text        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL CHECK (position >= 0),
    handled     bigint      NOT NULL DEFAULT 0 CHECK (handled >= 0),
    updated_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Facts a subscription could not handle, and those of the same subject waiting behind them.
-- distributed by (subject)
CREATE TABLE events.dead_letter (
    subscription  text        NOT NULL,
    position      bigint      NOT NULL,
    subject       text        NOT NULL,
    name          text        NOT NULL,
    reason        text        NOT NULL,
    attempts      integer     NOT NULL CHECK (attempts >= 0),
    parked_at     timestamptz NOT NULL,
    PRIMARY KEY (subscription, position, subject)
);


CREATE SCHEMA jobs;

-- Deferred work; done in the transaction that removes it.
-- distributed by (job_id)
CREATE TABLE jobs.job (
    job_id      uuid        NOT NULL PRIMARY KEY,
    kind        text        NOT NULL,
    arguments   jsonb       NOT NULL,
    run_at      timestamptz NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    state       text        NOT NULL CHECK (state IN ('waiting', 'dead')),
    error       text,
    created_at  timestamptz NOT NULL
);

CREATE INDEX job_due ON jobs.job (run_at) WHERE state = 'waiting';

-- Periodic work and when it is due next.
-- local
CREATE TABLE jobs.timetable (
    name        text        NOT NULL PRIMARY KEY,
    next_at     timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz,
    error       text
);


CREATE SCHEMA decisions;

-- Every automatic decision: what was known, what was possible, what was chosen and why.
-- distributed by (subject)
CREATE TABLE decisions.decision (
    subject         text        NOT NULL,
    decision_id     uuid        NOT NULL,
    kind            text        NOT NULL,
    policy          text        NOT NULL,
    policy_version  integer     NOT NULL,
    at              timestamptz NOT NULL,
    inputs          bytea       NOT NULL,
    inputs_hash     bytea       NOT NULL CHECK (length(inputs_hash) = 32),
    outcome         bytea       NOT NULL,
    reason          text        NOT NULL,
    PRIMARY KEY (subject, decision_id)
);
COMMENT ON TABLE decisions.decision IS 'append only';

CREATE INDEX decision_at ON decisions.decision (at);

-- from departments/access/schema.sql
-- Principals, roles, API keys, and the audit log.

CREATE SCHEMA access;

-- Who can act. Ids are opaque: they name no natural person.
-- reference
CREATE TABLE access.principal (
    principal_id  text        NOT NULL PRIMARY KEY CHECK (length(principal_id) BETWEEN 1 AND 100),
    kind          text        NOT NULL CHECK (kind IN ('person', 'service', 'supplier',
                                                       'customer_agent')),
    created_at    timestamptz NOT NULL
);

-- reference
CREATE TABLE access.role (
    role     text NOT NULL PRIMARY KEY,
    purpose  text NOT NULL
);

-- What a role permits; whatever is not here is denied.
-- reference
CREATE TABLE access.role_permission (
    role        text NOT NULL REFERENCES access.role (role),
    permission  text NOT NULL,
    PRIMARY KEY (role, permission)
);

-- Who holds which role now; the history stands in the audit log.
-- reference
CREATE TABLE access.role_grant (
    principal_id  text        NOT NULL REFERENCES access.principal (principal_id),
    role          text        NOT NULL REFERENCES access.role (role),
    granted_at    timestamptz NOT NULL,
    PRIMARY KEY (principal_id, role)
);

-- API keys: found by the public prefix, proven by the hash of the whole key.
-- reference
CREATE TABLE access.api_key (
    prefix        text        NOT NULL PRIMARY KEY,
    principal_id  text        NOT NULL REFERENCES access.principal (principal_id),
    secret_hash   bytea       NOT NULL CHECK (length(secret_hash) = 32),
    scopes        text[],
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
) WITH (fillfactor = 80);

CREATE INDEX api_key_principal ON access.api_key (principal_id);

-- Has its one row once the first admin was made: there is never a second first one.
-- local
CREATE TABLE access.first_admin (
    one         boolean     NOT NULL PRIMARY KEY CHECK (one),
    created_at  timestamptz NOT NULL
);

-- The end of each chain; an update of its row is what puts writers in line.
-- distributed by (stream)
CREATE TABLE access.audit_head (
    stream    text   NOT NULL PRIMARY KEY,
    position  bigint NOT NULL CHECK (position > 0),
    hash      bytea  NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);

-- Who did what. Positions have no gaps; each hash covers the entry and the hash before it.
-- details is json and not jsonb: its text is kept as it was hashed.
-- distributed by (stream)
CREATE TABLE access.audit (
    stream      text        NOT NULL,
    position    bigint      NOT NULL CHECK (position > 0),
    at          timestamptz NOT NULL,
    actor       text        NOT NULL,
    action      text        NOT NULL,
    subject     text        NOT NULL,
    command_id  text        NOT NULL,
    details     json        NOT NULL,
    hash        bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (stream, position)
);
COMMENT ON TABLE access.audit IS 'append only';

INSERT INTO access.role (role, purpose)
VALUES ('admin', 'everything, for whoever runs the installation'),
       ('auditor', 'reads everything that is no personal data, changes nothing'),
       ('buyer', 'suppliers and what is ordered from them'),
       ('care', 'helps customers: their orders and their data'),
       ('planner', 'prices, the network, and what to stock where'),
       ('service', 'another system of the house: catalog, prices, stock, orders'),
       ('storefront', 'a shop: quotes, places and shows orders'),
       ('warehouse', 'receives, counts and ships goods');

INSERT INTO access.role_permission (role, permission)
VALUES ('admin', 'orders:quote'), ('admin', 'orders:place'), ('admin', 'orders:read'),
       ('admin', 'orders:cancel'), ('admin', 'orders:pay'), ('admin', 'stock:read'),
       ('admin', 'stock:adjust'), ('admin', 'stock:receive'), ('admin', 'catalog:write'),
       ('admin', 'network:write'), ('admin', 'prices:write'), ('admin', 'suppliers:write'),
       ('admin', 'customers:read'), ('admin', 'customers:erase'), ('admin', 'access:manage'),
       ('admin', 'audit:read'), ('admin', 'operations:read'), ('admin', 'operations:manage'),
       ('admin', 'load:write'),
       ('auditor', 'orders:read'), ('auditor', 'stock:read'), ('auditor', 'audit:read'),
       ('auditor', 'operations:read'),
       ('buyer', 'suppliers:write'), ('buyer', 'stock:read'), ('buyer', 'orders:read'),
       ('care', 'orders:quote'), ('care', 'orders:place'), ('care', 'orders:read'),
       ('care', 'orders:cancel'), ('care', 'stock:read'), ('care', 'customers:read'),
       ('care', 'customers:erase'),
       ('planner', 'stock:read'), ('planner', 'orders:read'), ('planner', 'network:write'),
       ('planner', 'prices:write'), ('planner', 'operations:read'),
       ('service', 'orders:quote'), ('service', 'orders:place'), ('service', 'orders:read'),
       ('service', 'orders:cancel'), ('service', 'orders:pay'), ('service', 'stock:read'),
       ('service', 'stock:receive'), ('service', 'catalog:write'), ('service', 'prices:write'),
       ('service', 'load:write'),
       ('storefront', 'orders:quote'), ('storefront', 'orders:place'),
       ('storefront', 'orders:read'), ('storefront', 'orders:cancel'),
       ('storefront', 'stock:read'),
       ('warehouse', 'stock:read'), ('warehouse', 'stock:adjust'), ('warehouse', 'stock:receive'),
       ('warehouse', 'orders:read');

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW access.v_principal AS
SELECT principal_id, kind, created_at
  FROM access.principal;

CREATE VIEW access.v_role_grant AS
SELECT principal_id, role, granted_at
  FROM access.role_grant;

CREATE VIEW access.v_api_key AS
SELECT prefix, principal_id, scopes, created_at, expires_at, last_used_at, revoked_at
  FROM access.api_key;

CREATE VIEW access.v_audit AS
SELECT stream, position, at, actor, action, subject, command_id, details
  FROM access.audit;

-- from departments/catalog/schema.sql
-- Items and the GTINs in use.

CREATE SCHEMA catalog;

-- distributed by (sku)
CREATE TABLE catalog.item (
    sku            text    NOT NULL PRIMARY KEY,
    name           text    NOT NULL,
    category       text    NOT NULL,
    mass_g         integer NOT NULL CHECK (mass_g > 0),
    length_mm      integer NOT NULL CHECK (length_mm > 0),
    width_mm       integer NOT NULL CHECK (width_mm > 0),
    height_mm      integer NOT NULL CHECK (height_mm > 0),
    handling       text    NOT NULL CHECK (handling IN ('standard', 'fragile', 'bulky',
                                                        'dangerous', 'chilled', 'frozen')),
    backorderable  boolean NOT NULL,
    gtin           text,
    inner_each     integer CHECK (inner_each > 1),
    case_each      integer CHECK (case_each > 1),
    pallet_each    integer CHECK (pallet_each > 1),
    status         text    NOT NULL CHECK (status IN ('active', 'retired'))
);

-- Which SKU a GTIN names, in its 14-digit form: a GTIN names one.
-- distributed by (gtin)
CREATE TABLE catalog.gtin (
    gtin  text NOT NULL PRIMARY KEY CHECK (length(gtin) = 14),
    sku   text NOT NULL
);

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW catalog.v_item AS
SELECT sku, name, category, mass_g, length_mm, width_mm, height_mm, handling, backorderable, gtin,
       inner_each, case_each, pallet_each, status
  FROM catalog.item;

-- from departments/customers/schema.sql
-- Persons, their encrypted data, references to them, erasures.

CREATE SCHEMA customers;

-- An id and a region; nothing here tells who it is. records counts the personal data ever added:
-- its update is the guard that no data are added to someone who is being erased.
-- distributed by (person_id)
CREATE TABLE customers.person (
    person_id    uuid        NOT NULL PRIMARY KEY,
    country      text,
    postal_area  text,
    records      integer     NOT NULL CHECK (records >= 0),
    created_at   timestamptz NOT NULL,
    erased_at    timestamptz
) WITH (fillfactor = 80);

-- Personal data, encrypted with the person's key; every version is kept until the erasure.
-- The indexes and the content hash are keyed hashes.
-- distributed by (person_id)
CREATE TABLE customers.person_data (
    person_id     uuid        NOT NULL REFERENCES customers.person (person_id),
    record_id     uuid        NOT NULL,
    version       integer     NOT NULL CHECK (version > 0),
    kind          text        NOT NULL CHECK (kind IN ('contact', 'address')),
    ciphertext    bytea       NOT NULL,
    content_hash  bytea       NOT NULL CHECK (length(content_hash) = 32),
    email_index   bytea       CHECK (length(email_index) = 32),
    phone_index   bytea       CHECK (length(phone_index) = 32),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (person_id, record_id),
    UNIQUE (person_id, version)
);

CREATE INDEX person_data_email ON customers.person_data (email_index)
    WHERE email_index IS NOT NULL;
CREATE INDEX person_data_phone ON customers.person_data (phone_index)
    WHERE phone_index IS NOT NULL;

-- The shop's own id of a person. Kept after an erasure, so that an import brings nobody back.
-- distributed by (customer_ref)
CREATE TABLE customers.reference (
    customer_ref  text NOT NULL PRIMARY KEY,
    person_id     uuid NOT NULL
);

-- Who asked to be forgotten; complete once the key is destroyed and the data are deleted.
-- distributed by (person_id)
CREATE TABLE customers.erasure (
    person_id     uuid        NOT NULL PRIMARY KEY,
    requested_at  timestamptz NOT NULL,
    completed_at  timestamptz,
    command_id    text        NOT NULL,
    actor         text        NOT NULL
);

CREATE INDEX erasure_pending ON customers.erasure (requested_at) WHERE completed_at IS NULL;

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW customers.v_person AS
SELECT person_id, country, postal_area, created_at, erased_at
  FROM customers.person;

CREATE VIEW customers.v_erasure AS
SELECT person_id, requested_at, completed_at
  FROM customers.erasure;

-- from departments/inventory/schema.sql
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
-- the others outside.
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
);
COMMENT ON TABLE inventory.movement IS 'append only';

CREATE INDEX movement_document ON inventory.movement (document);
-- Opening stock is booked once per SKU and node.
CREATE UNIQUE INDEX movement_opening ON inventory.movement (sku, node)
    WHERE from_account = 'opening';

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
-- shipped and cancelled are ends.
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
) WITH (fillfactor = 80);

CREATE INDEX reservation_order ON inventory.reservation (order_id);
CREATE INDEX reservation_waiting ON inventory.reservation (sku, priority, since)
    WHERE state = 'waiting';

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

CREATE VIEW inventory.v_expected_receipt AS
SELECT sku, expected_id, node, quantity_each, received_each, due_at, document
  FROM inventory.expected_receipt
 WHERE open;

-- from departments/network/schema.sql
-- The network: nodes, hours, carriers, services, zones, transits, rates.

CREATE SCHEMA network;

-- One row, raised by every change; processes compare it with what they hold.
-- reference
CREATE TABLE network.version (
    one          boolean NOT NULL PRIMARY KEY CHECK (one),
    number       bigint  NOT NULL CHECK (number >= 0),
    fingerprint  bytea   NOT NULL CHECK (length(fingerprint) = 32)
);
INSERT INTO network.version (one, number, fingerprint)
VALUES (true, 0, decode(repeat('00', 32), 'hex'));

-- reference
CREATE TABLE network.retailer (
    one                boolean NOT NULL PRIMARY KEY CHECK (one),
    name               text    NOT NULL,
    currency           text    NOT NULL CHECK (length(currency) = 3),
    country            text    NOT NULL CHECK (length(country) = 2),
    zone               text    NOT NULL,
    service_level_ppm  integer NOT NULL CHECK (service_level_ppm BETWEEN 1 AND 999999)
);

-- reference
CREATE TABLE network.calendar (
    calendar_id   text   NOT NULL PRIMARY KEY,
    name          text   NOT NULL,
    opening       jsonb  NOT NULL CHECK (jsonb_array_length(opening) = 7),
    closed_dates  date[] NOT NULL
);

-- reference
CREATE TABLE network.node (
    node_id              text    NOT NULL PRIMARY KEY CHECK (node_id <> 'any'),
    name                 text    NOT NULL,
    kind                 text    NOT NULL CHECK (kind IN ('fulfillment_center', 'store',
                                                          'supplier_site')),
    country              text    NOT NULL CHECK (length(country) = 2),
    postal_code          text    NOT NULL,
    latitude_microdeg    integer NOT NULL CHECK (abs(latitude_microdeg) <= 90000000),
    longitude_microdeg   integer NOT NULL CHECK (abs(longitude_microdeg) <= 180000000),
    zone                 text    NOT NULL,
    calendar_id          text    NOT NULL REFERENCES network.calendar (calendar_id),
    handling_minutes     integer NOT NULL CHECK (handling_minutes >= 0),
    box_cost_mills       bigint  NOT NULL CHECK (box_cost_mills >= 0),
    item_cost_mills      bigint  NOT NULL CHECK (item_cost_mills >= 0),
    orders_per_day       integer CHECK (orders_per_day > 0),
    gln                  text,
    status               text    NOT NULL CHECK (status IN ('open', 'closed'))
);

-- reference
CREATE TABLE network.carrier (
    carrier_id  text NOT NULL PRIMARY KEY,
    name        text NOT NULL
);

-- reference
CREATE TABLE network.service (
    service_id          text       NOT NULL PRIMARY KEY,
    carrier_id          text       NOT NULL REFERENCES network.carrier (carrier_id),
    name                text       NOT NULL,
    speed               text       NOT NULL CHECK (speed IN ('economy', 'standard', 'express',
                                                             'same_day')),
    cut_off_minute      integer    NOT NULL CHECK (cut_off_minute BETWEEN 0 AND 1440),
    pickup_days         smallint[] NOT NULL CHECK (cardinality(pickup_days) > 0),
    delivery_days       smallint[] NOT NULL CHECK (cardinality(delivery_days) > 0),
    max_mass_g          integer    NOT NULL CHECK (max_mass_g > 0),
    volumetric_divisor  integer    CHECK (volumetric_divisor > 0)
);

-- Where a service can be had; node_id 'any' = at every node.
-- reference
CREATE TABLE network.offering (
    service_id      text    NOT NULL REFERENCES network.service (service_id),
    node_id         text    NOT NULL,
    cut_off_minute  integer CHECK (cut_off_minute BETWEEN 0 AND 1440),
    PRIMARY KEY (service_id, node_id)
);

-- The longest prefix decides; at equal length the node's own rule comes before the one for 'any'.
-- reference
CREATE TABLE network.zone_rule (
    node_id        text     NOT NULL,
    country        text     NOT NULL CHECK (length(country) = 2),
    postal_prefix  text     NOT NULL,
    zone           smallint NOT NULL CHECK (zone >= 0),
    PRIMARY KEY (node_id, country, postal_prefix)
);

-- One row per number of days; those of one service, zone and weekday sum to 1,000,000.
-- weekday 0 = Monday, 7 = any.
-- reference
CREATE TABLE network.transit (
    service_id  text     NOT NULL REFERENCES network.service (service_id),
    zone        smallint NOT NULL CHECK (zone >= 0),
    weekday     smallint NOT NULL CHECK (weekday BETWEEN 0 AND 7),
    days        smallint NOT NULL CHECK (days >= 0),
    ppm         integer  NOT NULL CHECK (ppm BETWEEN 1 AND 1000000),
    PRIMARY KEY (service_id, zone, weekday, days)
);

-- reference
CREATE TABLE network.rate (
    service_id    text     NOT NULL REFERENCES network.service (service_id),
    zone          smallint NOT NULL CHECK (zone >= 0),
    currency      text     NOT NULL CHECK (length(currency) = 3),
    up_to_mass_g  integer  NOT NULL CHECK (up_to_mass_g > 0),
    price_minor   bigint   NOT NULL CHECK (price_minor >= 0),
    cost_minor    bigint   NOT NULL CHECK (cost_minor >= 0),
    PRIMARY KEY (service_id, zone, currency, up_to_mass_g)
);

-- reference
CREATE TABLE network.footprint (
    service_id      text     NOT NULL REFERENCES network.service (service_id),
    zone            smallint NOT NULL CHECK (zone >= 0),
    co2e_g_per_kg   integer  NOT NULL CHECK (co2e_g_per_kg >= 0),
    co2e_g_per_box  integer  NOT NULL CHECK (co2e_g_per_box >= 0),
    PRIMARY KEY (service_id, zone)
);

-- reference
CREATE TABLE network.area (
    country             text    NOT NULL CHECK (length(country) = 2),
    postal_prefix       text    NOT NULL,
    name                text    NOT NULL,
    latitude_microdeg   integer NOT NULL CHECK (abs(latitude_microdeg) <= 90000000),
    longitude_microdeg  integer NOT NULL CHECK (abs(longitude_microdeg) <= 180000000),
    population          bigint  CHECK (population >= 0),
    PRIMARY KEY (country, postal_prefix)
);

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW network.v_node AS
SELECT node_id, name, kind, country, postal_code, latitude_microdeg, longitude_microdeg, zone,
       orders_per_day, status
  FROM network.node;

CREATE VIEW network.v_service AS
SELECT s.service_id, s.carrier_id, c.name AS carrier_name, s.name, s.speed
  FROM network.service AS s
  JOIN network.carrier AS c ON c.carrier_id = s.carrier_id;

CREATE VIEW network.v_area AS
SELECT country, postal_prefix, name, latitude_microdeg, longitude_microdeg, population
  FROM network.area;

-- from departments/ordering/schema.sql
-- Orders: state rows, promises, events, queues.

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

-- distributed by (order_id)
CREATE TABLE ordering.line (
    order_id          text    NOT NULL REFERENCES ordering.orders (order_id),
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
    order_id    text        NOT NULL REFERENCES ordering.orders (order_id),
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
    PRIMARY KEY (order_id, part_no, line_no),
    FOREIGN KEY (order_id, part_no) REFERENCES ordering.part (order_id, part_no),
    FOREIGN KEY (order_id, line_no) REFERENCES ordering.line (order_id, line_no)
);

-- What the customer was told, every version kept: a promise is never overwritten.
-- distributed by (order_id)
CREATE TABLE ordering.expectation (
    order_id         text        NOT NULL REFERENCES ordering.orders (order_id),
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

-- What happened to the order, in order.
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
);
COMMENT ON TABLE ordering.event IS 'append only';

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

-- Published views: other rooms' pages read these and nothing else of this room.

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

-- from departments/pricing/schema.sql
-- Price lists: every version of every price.

CREATE SCHEMA pricing;

-- An entry holds from valid_from until before valid_to. A later revision at the same place (sku,
-- list, currency, valid_from) replaces an earlier one whole; where periods overlap, the entry
-- with the latest valid_from is in force.
-- distributed by (sku)
CREATE TABLE pricing.price (
    sku           text        NOT NULL,
    price_list    text        NOT NULL,
    currency      text        NOT NULL CHECK (length(currency) = 3),
    valid_from    timestamptz NOT NULL,
    revision      integer     NOT NULL CHECK (revision > 0),
    version_id    uuid        NOT NULL,
    valid_to      timestamptz,
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    set_at        timestamptz NOT NULL,
    command_id    text        NOT NULL,
    actor         text        NOT NULL,
    PRIMARY KEY (sku, price_list, currency, valid_from, revision),
    UNIQUE (sku, version_id),
    CHECK (valid_to > valid_from)
);
COMMENT ON TABLE pricing.price IS 'append only';

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW pricing.v_price AS
SELECT DISTINCT ON (sku, price_list, currency, valid_from)
       sku, price_list, currency, valid_from, valid_to, amount_minor, version_id, revision
  FROM pricing.price
 ORDER BY sku, price_list, currency, valid_from, revision DESC;

-- from departments/purchasing/schema.sql
-- Suppliers, their lead times, and the terms agreed with them.

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

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW purchasing.v_supplier AS
SELECT supplier_id, name, country, currency FROM purchasing.supplier;

CREATE VIEW purchasing.v_terms AS
SELECT sku, supplier_id, currency, cost_minor, moq_each, multiple_each, lead_time_days, incoterm,
       named_place
  FROM purchasing.terms;
