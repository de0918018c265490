-- Carriage: shipments, their tracking numbers, what carriers tell about them.

CREATE SCHEMA carriage;

-- A parcel. last_event_at is the instant of the news its state is known from; incident and party
-- say what delayed it last. A step is kept with the id of the command that took it.
-- distributed by (order_id)
CREATE TABLE carriage.shipment (
    order_id           text        NOT NULL,
    part_no            integer     NOT NULL CHECK (part_no > 0),
    shipment_no        integer     NOT NULL CHECK (shipment_no > 0),
    node               text        NOT NULL,
    service            text        NOT NULL,
    sscc               text        NOT NULL CHECK (length(sscc) = 18),
    tracking_no        text        NOT NULL,
    mass_g             bigint      NOT NULL CHECK (mass_g >= 0),
    cost_minor         bigint      NOT NULL CHECK (cost_minor >= 0),
    currency           text        NOT NULL,
    state              text        NOT NULL,
    latest_date        date,
    booked_at          timestamptz NOT NULL,
    handed_over_at     timestamptz,
    delivered_at       timestamptz,
    voided_at          timestamptz,
    last_event_at      timestamptz NOT NULL,
    incident           text,
    book_command       text        NOT NULL,
    hand_over_command  text,
    void_command       text,
    version            integer     NOT NULL CHECK (version > 0),
    PRIMARY KEY (order_id, part_no, shipment_no),
    UNIQUE (sscc, order_id),
    CHECK (state IN ('booked', 'handed_over', 'in_transit', 'out_for_delivery', 'exception',
                     'lost', 'returned', 'delivered', 'voided')),
    CHECK ((state IN ('booked', 'voided')) = (handed_over_at IS NULL)),
    CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
    CHECK ((state = 'voided') = (voided_at IS NOT NULL)),
    CHECK ((voided_at IS NULL) = (void_command IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX shipment_moving
    ON carriage.shipment (last_event_at, order_id, part_no, shipment_no)
    WHERE state IN ('handed_over', 'in_transit', 'out_for_delivery', 'exception');

-- Through which a carrier's news finds its shipment; no number is given twice.
-- distributed by (tracking_no)
CREATE TABLE carriage.tracking_number (
    tracking_no  text    NOT NULL PRIMARY KEY CHECK (length(tracking_no) BETWEEN 1 AND 64),
    order_id     text    NOT NULL,
    part_no      integer NOT NULL,
    shipment_no  integer NOT NULL
);
COMMENT ON TABLE carriage.tracking_number IS 'append only';

-- What carriers told, each event once; to_state is the state the shipment is known to be in by it,
-- or null when it was no news.
-- distributed by (order_id)
CREATE TABLE carriage.tracking_event (
    order_id     text        NOT NULL,
    part_no      integer     NOT NULL,
    shipment_no  integer     NOT NULL,
    event_id     text        NOT NULL CHECK (length(event_id) BETWEEN 1 AND 200),
    at           timestamptz NOT NULL,
    heard_at     timestamptz NOT NULL,
    kind         text        NOT NULL,
    incident     text,
    place        text        NOT NULL,
    detail       text        NOT NULL,
    to_state     text,
    PRIMARY KEY (order_id, part_no, shipment_no, event_id),
    FOREIGN KEY (order_id, part_no, shipment_no)
        REFERENCES carriage.shipment (order_id, part_no, shipment_no)
);
COMMENT ON TABLE carriage.tracking_event IS 'append only';

-- Published views: other rooms' pages read these and nothing else of this room.

CREATE VIEW carriage.v_shipment AS
SELECT order_id, part_no, shipment_no, node, service, sscc, tracking_no, mass_g, cost_minor,
       currency, state, latest_date, booked_at, handed_over_at, delivered_at, voided_at,
       last_event_at, incident
  FROM carriage.shipment;

CREATE VIEW carriage.v_tracking_event AS
SELECT order_id, part_no, shipment_no, event_id, at, heard_at, kind, incident, place, to_state
  FROM carriage.tracking_event;
