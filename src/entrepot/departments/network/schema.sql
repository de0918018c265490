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
