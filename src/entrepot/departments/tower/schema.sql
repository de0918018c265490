-- The tower: figures of the whole house, kept by one subscription over the facts. All tables but
-- that of open parts are small: they grow with nodes and days, not with orders.

CREATE SCHEMA tower;

-- Parts that have not ended, so that late and old ones are found by index. stage is the part's own
-- state, or awaiting_payment while its order is not paid. A row goes when its part ends.
-- distributed by (order_id)
CREATE TABLE tower.open_part (
    order_id     text        NOT NULL,
    part_no      integer     NOT NULL CHECK (part_no > 0),
    stage        text        NOT NULL,
    state        text        NOT NULL,
    node         text        NOT NULL,
    units        bigint      NOT NULL CHECK (units >= 0),
    since        timestamptz NOT NULL,
    first_on     date,
    promised_on  date,
    own_promise  boolean     NOT NULL,
    arrived_at   timestamptz,
    PRIMARY KEY (order_id, part_no),
    CHECK (state IN ('backordered', 'reserved', 'released', 'picked', 'packed', 'shipped')),
    CHECK (stage = state OR stage = 'awaiting_payment')
) WITH (fillfactor = 70);

CREATE INDEX open_part_promised ON tower.open_part (promised_on, order_id, part_no);
CREATE INDEX open_part_stage ON tower.open_part (stage, since);

-- Open parts by stage, node and the day on which they came into the stage; none, no row.
-- local
CREATE TABLE tower.stage (
    stage       text   NOT NULL,
    node        text   NOT NULL,
    entered_on  date   NOT NULL,
    parts       bigint NOT NULL CHECK (parts > 0),
    units       bigint NOT NULL CHECK (units >= 0),
    PRIMARY KEY (stage, node, entered_on)
) WITH (fillfactor = 70);

-- Open parts by the date promised last; none, no row.
-- local
CREATE TABLE tower.due (
    promised_on  date   NOT NULL,
    stage        text   NOT NULL,
    node         text   NOT NULL,
    parts        bigint NOT NULL CHECK (parts > 0),
    units        bigint NOT NULL CHECK (units >= 0),
    PRIMARY KEY (promised_on, stage, node)
) WITH (fillfactor = 70);

-- What happened on a day (UTC) at a node.
-- local
CREATE TABLE tower.day (
    day                date   NOT NULL,
    node               text   NOT NULL,
    orders_placed      bigint NOT NULL CHECK (orders_placed >= 0),
    orders_cancelled   bigint NOT NULL CHECK (orders_cancelled >= 0),
    units_placed       bigint NOT NULL CHECK (units_placed >= 0),
    backorders_opened  bigint NOT NULL CHECK (backorders_opened >= 0),
    backorders_filled  bigint NOT NULL CHECK (backorders_filled >= 0),
    parts_shipped      bigint NOT NULL CHECK (parts_shipped >= 0),
    units_shipped      bigint NOT NULL CHECK (units_shipped >= 0),
    parts_delivered    bigint NOT NULL CHECK (parts_delivered >= 0),
    parts_on_time      bigint NOT NULL CHECK (parts_on_time >= 0),
    parts_late         bigint NOT NULL CHECK (parts_late >= 0),
    parts_kept         bigint NOT NULL CHECK (parts_kept >= 0),
    parts_lost         bigint NOT NULL CHECK (parts_lost >= 0),
    parts_cancelled    bigint NOT NULL CHECK (parts_cancelled >= 0),
    units_received     bigint NOT NULL CHECK (units_received >= 0),
    units_returned     bigint NOT NULL CHECK (units_returned >= 0),
    parcels_delayed    bigint NOT NULL CHECK (parcels_delayed >= 0),
    PRIMARY KEY (day, node)
) WITH (fillfactor = 70);

-- Money of a day (UTC) at a node: goods and shipping as sold.
-- local
CREATE TABLE tower.money (
    day             date   NOT NULL,
    node            text   NOT NULL,
    currency        text   NOT NULL,
    items_minor     bigint NOT NULL CHECK (items_minor >= 0),
    shipping_minor  bigint NOT NULL CHECK (shipping_minor >= 0),
    PRIMARY KEY (day, node, currency)
) WITH (fillfactor = 70);

-- Units at a node. What is promised of them follows from the open parts there.
-- local
CREATE TABLE tower.node_stock (
    node         text   NOT NULL PRIMARY KEY,
    on_hand      bigint NOT NULL CHECK (on_hand >= 0),
    quarantined  bigint NOT NULL CHECK (quarantined >= 0)
) WITH (fillfactor = 50);

-- The instant of the newest fact in the figures, and a number that rises when they change.
-- local
CREATE TABLE tower.as_of (
    one      boolean     NOT NULL PRIMARY KEY CHECK (one),
    at       timestamptz NOT NULL,
    version  bigint      NOT NULL CHECK (version > 0)
) WITH (fillfactor = 50);

-- Published views: pages read these and nothing else of this room.

CREATE VIEW tower.v_open_part AS
SELECT order_id, part_no, stage, node, units, since, first_on, promised_on
  FROM tower.open_part;

CREATE VIEW tower.v_stage AS
SELECT stage, node, entered_on, parts, units FROM tower.stage;

CREATE VIEW tower.v_due AS
SELECT promised_on, stage, node, parts, units FROM tower.due;

CREATE VIEW tower.v_day AS
SELECT day, node, orders_placed, orders_cancelled, units_placed, backorders_opened,
       backorders_filled, parts_shipped, units_shipped, parts_delivered, parts_on_time, parts_late,
       parts_kept, parts_lost, parts_cancelled, units_received, units_returned,
       parcels_delayed
  FROM tower.day;

CREATE VIEW tower.v_money AS
SELECT day, node, currency, items_minor, shipping_minor FROM tower.money;

CREATE VIEW tower.v_node_stock AS
SELECT s.node, s.on_hand, s.quarantined, coalesce(c.units, 0)::bigint AS committed
  FROM tower.node_stock AS s
  LEFT JOIN (SELECT node, sum(units) AS units FROM tower.stage
              WHERE stage <> 'shipped' GROUP BY node) AS c ON c.node = s.node;

CREATE VIEW tower.v_as_of AS
SELECT at, version FROM tower.as_of;
