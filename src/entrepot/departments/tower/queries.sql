-- name: read_open_parts
SELECT order_id, part_no, state, stage = 'awaiting_payment', node, units, since, first_on,
       promised_on, own_promise, arrived_at
  FROM tower.open_part
 WHERE order_id = ANY(%(order_ids)s::text[])

-- name: keep_open_parts
INSERT INTO tower.open_part (order_id, part_no, stage, state, node, units, since, first_on,
                             promised_on, own_promise, arrived_at)
SELECT p.order_id, p.part_no, p.stage, p.state, p.node, p.units, p.since, p.first_on,
       p.promised_on, p.own_promise, p.arrived_at
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(stages)s::text[],
              %(states)s::text[], %(nodes)s::text[], %(units)s::bigint[],
              %(sinces)s::timestamptz[], %(firsts)s::date[], %(promised)s::date[],
              %(own)s::boolean[], %(arrived)s::timestamptz[])
       AS p (order_id, part_no, stage, state, node, units, since, first_on, promised_on,
             own_promise, arrived_at)
 ORDER BY p.order_id, p.part_no
ON CONFLICT (order_id, part_no) DO UPDATE
   SET stage = excluded.stage, state = excluded.state, node = excluded.node,
       units = excluded.units, since = excluded.since, first_on = excluded.first_on,
       promised_on = excluded.promised_on, own_promise = excluded.own_promise,
       arrived_at = excluded.arrived_at

-- name: end_open_parts
DELETE FROM tower.open_part AS o
 USING (SELECT p.order_id, p.part_no
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS p (order_id, part_no)
         ORDER BY p.order_id, p.part_no) AS e
 WHERE o.order_id = e.order_id AND o.part_no = e.part_no

-- name: move_stages
MERGE INTO tower.stage AS s
USING (SELECT c.stage, c.node, c.entered_on, c.parts, c.units
         FROM unnest(%(stages)s::text[], %(nodes)s::text[], %(entered)s::date[],
                     %(parts)s::bigint[], %(units)s::bigint[])
              AS c (stage, node, entered_on, parts, units)
        ORDER BY c.stage, c.node, c.entered_on) AS d
   ON s.stage = d.stage AND s.node = d.node AND s.entered_on = d.entered_on
 WHEN MATCHED AND s.parts + d.parts = 0 AND s.units + d.units = 0 THEN DELETE
 WHEN MATCHED THEN UPDATE SET parts = s.parts + d.parts, units = s.units + d.units
 WHEN NOT MATCHED THEN
      INSERT (stage, node, entered_on, parts, units)
      VALUES (d.stage, d.node, d.entered_on, d.parts, d.units)

-- name: move_dues
MERGE INTO tower.due AS s
USING (SELECT c.promised_on, c.stage, c.node, c.parts, c.units
         FROM unnest(%(promised)s::date[], %(stages)s::text[], %(nodes)s::text[],
                     %(parts)s::bigint[], %(units)s::bigint[])
              AS c (promised_on, stage, node, parts, units)
        ORDER BY c.promised_on, c.stage, c.node) AS d
   ON s.promised_on = d.promised_on AND s.stage = d.stage AND s.node = d.node
 WHEN MATCHED AND s.parts + d.parts = 0 AND s.units + d.units = 0 THEN DELETE
 WHEN MATCHED THEN UPDATE SET parts = s.parts + d.parts, units = s.units + d.units
 WHEN NOT MATCHED THEN
      INSERT (promised_on, stage, node, parts, units)
      VALUES (d.promised_on, d.stage, d.node, d.parts, d.units)

-- name: count_days
INSERT INTO tower.day (day, node, orders_placed, orders_cancelled, units_placed, backorders_opened,
                       backorders_filled, parts_shipped, units_shipped, parts_delivered,
                       parts_on_time, parts_late, parts_kept, parts_lost, parts_cancelled,
                       units_received, units_returned, parcels_delayed)
SELECT c.day, c.node, c.orders_placed, c.orders_cancelled, c.units_placed, c.backorders_opened,
       c.backorders_filled, c.parts_shipped, c.units_shipped, c.parts_delivered, c.parts_on_time,
       c.parts_late, c.parts_kept, c.parts_lost, c.parts_cancelled, c.units_received,
       c.units_returned, c.parcels_delayed
  FROM unnest(%(days)s::date[], %(nodes)s::text[], %(orders_placed)s::bigint[],
              %(orders_cancelled)s::bigint[], %(units_placed)s::bigint[],
              %(backorders_opened)s::bigint[], %(backorders_filled)s::bigint[],
              %(parts_shipped)s::bigint[], %(units_shipped)s::bigint[],
              %(parts_delivered)s::bigint[], %(parts_on_time)s::bigint[], %(parts_late)s::bigint[],
              %(parts_kept)s::bigint[], %(parts_lost)s::bigint[], %(parts_cancelled)s::bigint[],
              %(units_received)s::bigint[], %(units_returned)s::bigint[],
              %(parcels_delayed)s::bigint[])
       AS c (day, node, orders_placed, orders_cancelled, units_placed, backorders_opened,
             backorders_filled, parts_shipped, units_shipped, parts_delivered, parts_on_time,
             parts_late, parts_kept, parts_lost, parts_cancelled, units_received, units_returned,
             parcels_delayed)
 ORDER BY c.day, c.node
ON CONFLICT (day, node) DO UPDATE
   SET orders_placed = tower.day.orders_placed + excluded.orders_placed,
       orders_cancelled = tower.day.orders_cancelled + excluded.orders_cancelled,
       units_placed = tower.day.units_placed + excluded.units_placed,
       backorders_opened = tower.day.backorders_opened + excluded.backorders_opened,
       backorders_filled = tower.day.backorders_filled + excluded.backorders_filled,
       parts_shipped = tower.day.parts_shipped + excluded.parts_shipped,
       units_shipped = tower.day.units_shipped + excluded.units_shipped,
       parts_delivered = tower.day.parts_delivered + excluded.parts_delivered,
       parts_on_time = tower.day.parts_on_time + excluded.parts_on_time,
       parts_late = tower.day.parts_late + excluded.parts_late,
       parts_kept = tower.day.parts_kept + excluded.parts_kept,
       parts_lost = tower.day.parts_lost + excluded.parts_lost,
       parts_cancelled = tower.day.parts_cancelled + excluded.parts_cancelled,
       units_received = tower.day.units_received + excluded.units_received,
       units_returned = tower.day.units_returned + excluded.units_returned,
       parcels_delayed = tower.day.parcels_delayed + excluded.parcels_delayed

-- name: add_money
INSERT INTO tower.money (day, node, currency, items_minor, shipping_minor)
SELECT c.day, c.node, c.currency, c.items_minor, c.shipping_minor
  FROM unnest(%(days)s::date[], %(nodes)s::text[], %(currencies)s::text[], %(items)s::bigint[],
              %(shippings)s::bigint[])
       AS c (day, node, currency, items_minor, shipping_minor)
 ORDER BY c.day, c.node, c.currency
ON CONFLICT (day, node, currency) DO UPDATE
   SET items_minor = tower.money.items_minor + excluded.items_minor,
       shipping_minor = tower.money.shipping_minor + excluded.shipping_minor

-- name: move_stock
MERGE INTO tower.node_stock AS s
USING (SELECT c.node, c.on_hand, c.quarantined
         FROM unnest(%(nodes)s::text[], %(on_hand)s::bigint[], %(quarantined)s::bigint[])
              AS c (node, on_hand, quarantined)
        ORDER BY c.node) AS d
   ON s.node = d.node
 WHEN MATCHED THEN
      UPDATE SET on_hand = s.on_hand + d.on_hand, quarantined = s.quarantined + d.quarantined
 WHEN NOT MATCHED THEN
      INSERT (node, on_hand, quarantined) VALUES (d.node, d.on_hand, d.quarantined)

-- name: move_as_of
INSERT INTO tower.as_of (one, at, version)
VALUES (true, %(at)s, 1)
ON CONFLICT (one) DO UPDATE
   SET at = greatest(tower.as_of.at, excluded.at), version = tower.as_of.version + 1

-- name: read_as_of
SELECT at, version FROM tower.as_of

-- name: clear_open_parts
DELETE FROM tower.open_part

-- name: clear_stages
DELETE FROM tower.stage

-- name: clear_dues
DELETE FROM tower.due

-- name: clear_days
DELETE FROM tower.day

-- name: clear_money
DELETE FROM tower.money

-- name: clear_stock
DELETE FROM tower.node_stock

-- name: clear_as_of
DELETE FROM tower.as_of
