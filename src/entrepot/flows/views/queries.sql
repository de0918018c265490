-- name: backlog
-- Parts that have not left the house, by how far they are and by whole days since the order.
SELECT p.state, extract(day FROM %(at)s::timestamptz - o.placed_at)::integer AS days, count(*)
  FROM ordering.v_part AS p
  JOIN ordering.v_order AS o ON o.order_id = p.order_id
 WHERE p.state IN ('backordered', 'reserved', 'released', 'picked', 'packed')
 GROUP BY p.state, days
 ORDER BY p.state, days

-- name: stock_by_node
WITH cost AS (
    SELECT sku, min(cost_minor) AS cost_minor
      FROM purchasing.v_terms
     WHERE currency = %(currency)s
     GROUP BY sku
)
SELECT s.node, count(*), count(*) FILTER (WHERE s.available = 0), sum(s.on_hand)::bigint,
       coalesce(sum(s.on_hand * cost.cost_minor), 0)::bigint
  FROM inventory.v_stock AS s
  LEFT JOIN cost ON cost.sku = s.sku
 GROUP BY s.node
 ORDER BY s.node

-- name: orders_by_day
SELECT (placed_at AT TIME ZONE %(zone)s)::date AS day, state, count(*), sum(items_minor)::bigint
  FROM ordering.v_order
 WHERE placed_at >= %(since)s AND placed_at < %(until)s
 GROUP BY day, state
 ORDER BY day, state

-- name: units_by_day
-- Summed by instant first, as there are far fewer of them than lines, and dates are dear.
WITH sold AS (
    SELECT placed_at, count(*) AS lines, sum(quantity_each) AS units
      FROM ordering.v_sale
     WHERE placed_at >= %(since)s AND placed_at < %(until)s
     GROUP BY placed_at
)
SELECT (placed_at AT TIME ZONE %(zone)s)::date AS day, sum(lines)::bigint, sum(units)::bigint
  FROM sold
 GROUP BY day
 ORDER BY day

-- name: parcels_by_lane
-- Parcels that left the house, by where they came from and where they went.
SELECT s.node, s.service, o.country, o.postal_area, count(*), sum(s.mass_g)::bigint,
       sum(s.cost_minor)::bigint
  FROM carriage.v_shipment AS s
  JOIN ordering.v_order AS o ON o.order_id = s.order_id
 WHERE s.handed_over_at IS NOT NULL
   AND o.placed_at >= %(since)s AND o.placed_at < %(until)s
 GROUP BY s.node, s.service, o.country, o.postal_area
 ORDER BY s.node, s.service, o.country, o.postal_area

-- name: parcels_by_promise
-- What became of the same parcels, and how many days after the promised date they arrived, counted
-- in the zone of the destination. Their date has passed when it lies before the one there at `at`.
WITH zones AS (
    SELECT z.country, z.zone
      FROM unnest(%(countries)s::text[], %(zones)s::text[]) AS z (country, zone)
), ended AS (
    SELECT s.node, s.service, s.state, s.latest_date,
           (s.delivered_at AT TIME ZONE coalesce(z.zone, %(zone)s))::date AS delivered_on,
           (%(at)s::timestamptz AT TIME ZONE coalesce(z.zone, %(zone)s))::date AS today
      FROM carriage.v_shipment AS s
      JOIN ordering.v_order AS o ON o.order_id = s.order_id
      LEFT JOIN zones AS z ON z.country = o.country
     WHERE s.handed_over_at IS NOT NULL
       AND o.placed_at >= %(since)s AND o.placed_at < %(until)s
)
SELECT node, service,
       CASE WHEN state IN ('delivered', 'lost', 'returned') THEN state
            ELSE 'on_the_way'
       END AS fate,
       latest_date IS NOT NULL AS promised,
       coalesce(latest_date < today, false) AS passed, delivered_on - latest_date AS days,
       count(*)
  FROM ended
 GROUP BY node, service, fate, promised, passed, days
 ORDER BY node, service, fate, promised, passed, days

-- name: parcels_by_day
WITH moved AS (
    SELECT s.handed_over_at AS handed_over_at, s.delivered_at AS delivered_at
      FROM carriage.v_shipment AS s
      JOIN ordering.v_order AS o ON o.order_id = s.order_id
     WHERE s.handed_over_at IS NOT NULL
       AND o.placed_at >= %(since)s AND o.placed_at < %(until)s
), told AS (
    SELECT (handed_over_at AT TIME ZONE %(zone)s)::date AS day, 1 AS shipped, 0 AS delivered
      FROM moved
    UNION ALL
    SELECT (delivered_at AT TIME ZONE %(zone)s)::date, 0, 1
      FROM moved
     WHERE delivered_at IS NOT NULL
)
SELECT day, sum(shipped)::bigint, sum(delivered)::bigint
  FROM told
 GROUP BY day
 ORDER BY day

-- name: orders_by_days
-- Orders of which something left the house, by the days from the order to the last delivery (null
-- as long as something of them is to come, or when it never came), and by whether they arrived on
-- the date that their customers were told first (null before that date, or when none was told).
-- Looked up order by order, as the planner guesses badly how many groups there are.
WITH zones AS (
    SELECT z.country, z.zone
      FROM unnest(%(countries)s::text[], %(zones)s::text[]) AS z (country, zone)
), seen AS (
    SELECT o.placed_at, o.shipping_minor,
           (SELECT e.latest_date
              FROM ordering.v_expectation AS e
             WHERE e.order_id = o.order_id AND e.part_no = 0 AND e.latest_date IS NOT NULL
             ORDER BY e.version
             LIMIT 1) AS latest_date,
           CASE WHEN sent.whole AND o.ended_at IS NOT NULL
                THEN (sent.delivered_at AT TIME ZONE coalesce(z.zone, %(zone)s))::date
           END AS arrived_on,
           (o.placed_at AT TIME ZONE coalesce(z.zone, %(zone)s))::date AS placed_on,
           (%(at)s::timestamptz AT TIME ZONE coalesce(z.zone, %(zone)s))::date AS today
      FROM ordering.v_order AS o
     CROSS JOIN LATERAL (SELECT max(s.delivered_at) AS delivered_at, count(*) AS parcels,
                                bool_and(s.state = 'delivered') AS whole
                           FROM carriage.v_shipment AS s
                          WHERE s.order_id = o.order_id AND s.handed_over_at IS NOT NULL) AS sent
      LEFT JOIN zones AS z ON z.country = o.country
     WHERE o.placed_at >= %(since)s AND o.placed_at < %(until)s AND sent.parcels > 0
)
SELECT arrived_on - placed_on AS days,
       CASE WHEN arrived_on IS NOT NULL THEN arrived_on <= latest_date
            WHEN latest_date < today THEN false
       END AS as_told,
       count(*), sum(shipping_minor)::bigint
  FROM seen
 GROUP BY days, as_told
 ORDER BY days, as_told

-- name: work_by_node
-- What the nodes did for parts of which something left the house, or nothing could be picked. In
-- time is on the day of the pickup: a service calls once a day, and not always on the minute.
SELECT node, count(*) FILTER (WHERE handed_over_at IS NOT NULL),
       count(*) FILTER (WHERE (handed_over_at AT TIME ZONE %(zone)s)::date
                              <= (ship_by AT TIME ZONE %(zone)s)::date),
       coalesce(sum(picked_each) FILTER (WHERE handed_over_at IS NOT NULL), 0)::bigint,
       coalesce(sum(asked_each) FILTER (WHERE picked_at IS NOT NULL), 0)::bigint,
       coalesce(sum(short_each) FILTER (WHERE picked_at IS NOT NULL), 0)::bigint
  FROM warehouse.v_work
 WHERE released_at >= %(since)s
 GROUP BY node
 ORDER BY node

-- name: queues
SELECT queue, owner, reason, count(*), min(since)
  FROM ordering.v_queue
 GROUP BY queue, owner, reason
 ORDER BY queue, owner, reason

-- name: returns_in_all
SELECT count(DISTINCT (r.order_id, r.return_id)),
       count(DISTINCT (r.order_id, r.return_id)) FILTER (WHERE r.graded_at IS NOT NULL),
       coalesce(sum(l.received_each), 0)::bigint, coalesce(sum(l.restocked_each), 0)::bigint,
       coalesce(sum(l.scrapped_each), 0)::bigint,
       coalesce(sum(l.refund_minor) FILTER (WHERE r.received_at IS NOT NULL), 0)::bigint
  FROM ordering.v_return AS r
  LEFT JOIN ordering.v_return_line AS l
    ON l.order_id = r.order_id AND l.return_id = r.return_id
 WHERE r.authorized_at >= %(since)s

-- name: purchases_in_all
-- An order is late when it came, or has still not come, after the day it was due.
WITH lines AS (
    SELECT po_id, sum(ordered_each) AS ordered, sum(received_each) AS received,
           sum(damaged_each) AS damaged, sum(received_each * cost_minor) AS cost_minor
      FROM purchasing.v_po_line
     GROUP BY po_id
)
SELECT count(*), count(*) FILTER (WHERE p.state = 'received'),
       count(*) FILTER (WHERE (coalesce(p.received_at, %(at)s) AT TIME ZONE %(zone)s)::date
                              > (p.due_at AT TIME ZONE %(zone)s)::date
                          AND p.state <> 'cancelled'),
       coalesce(sum(l.ordered), 0)::bigint, coalesce(sum(l.received), 0)::bigint,
       coalesce(sum(l.damaged), 0)::bigint, coalesce(sum(l.cost_minor), 0)::bigint
  FROM purchasing.v_purchase_order AS p
  LEFT JOIN lines AS l ON l.po_id = p.po_id
 WHERE p.raised_at >= %(since)s
   AND p.state <> 'draft'

-- name: tower_head
-- How fresh the figures are, how many parts are late or due that day, and the latest of the late.
SELECT a.at, late.parts, due.parts, p.order_id, p.part_no, p.stage, p.node, p.units, p.since,
       p.promised_on
  FROM (SELECT at, (at AT TIME ZONE 'UTC')::date AS day FROM tower.v_as_of) AS a
 CROSS JOIN LATERAL (SELECT coalesce(sum(d.parts), 0)::bigint AS parts FROM tower.v_due AS d
                      WHERE d.promised_on < a.day) AS late
 CROSS JOIN LATERAL (SELECT coalesce(sum(d.parts), 0)::bigint AS parts FROM tower.v_due AS d
                      WHERE d.promised_on = a.day) AS due
  LEFT JOIN LATERAL (SELECT o.order_id, o.part_no, o.stage, o.node, o.units, o.since, o.promised_on
                       FROM tower.v_open_part AS o
                      WHERE o.promised_on < a.day
                      ORDER BY o.promised_on, o.order_id, o.part_no
                      LIMIT %(limit)s) AS p ON true
 ORDER BY p.promised_on, p.order_id, p.part_no

-- name: tower_stages
-- Open parts by stage, node and day of entry; with each row, since when the stage's oldest waits.
SELECT s.stage, s.node, s.entered_on, s.parts, s.units, o.since
  FROM tower.v_stage AS s
  LEFT JOIN (SELECT k.stage, p.since
               FROM unnest(%(stages)s::text[]) AS k (stage)
              CROSS JOIN LATERAL (SELECT q.since FROM tower.v_open_part AS q
                                   WHERE q.stage = k.stage ORDER BY q.since LIMIT 1) AS p) AS o
    ON o.stage = s.stage

-- name: tower_days
-- The last weeks in which something happened, day by day and node by node.
SELECT d.day, d.node, coalesce(m.items_minor + m.shipping_minor, 0)::bigint, d.orders_placed,
       d.orders_cancelled, d.units_placed, d.backorders_opened, d.backorders_filled,
       d.parts_shipped, d.units_shipped, d.parts_delivered, d.parts_on_time, d.parts_late,
       d.parts_kept, d.parts_lost, d.parts_cancelled, d.units_received, d.units_returned,
       d.parcels_delayed
  FROM tower.v_day AS d
  LEFT JOIN tower.v_money AS m
    ON m.day = d.day AND m.node = d.node AND m.currency = %(currency)s
 WHERE d.day <= %(last)s
   AND d.day >= (SELECT min(w.monday)
                   FROM (SELECT DISTINCT date_trunc('week', x.day)::date AS monday
                           FROM tower.v_day AS x
                          WHERE x.day <= %(last)s
                          ORDER BY monday DESC
                          LIMIT %(weeks)s) AS w)

-- name: tower_nodes
SELECT node, on_hand, committed, quarantined FROM tower.v_node_stock

-- name: find
SELECT 'order', order_id FROM ordering.v_order WHERE order_id = ANY(%(ids)s::text[])
UNION ALL
SELECT DISTINCT 'past_order', s.order_id FROM ordering.v_sale AS s
 WHERE s.order_id = ANY(%(ids)s::text[])
   AND NOT EXISTS (SELECT 1 FROM ordering.v_order AS o WHERE o.order_id = s.order_id)
UNION ALL
SELECT 'cart', cart_id FROM ordering.v_cart WHERE cart_id = ANY(%(ids)s::text[])
UNION ALL
SELECT 'sku', sku FROM catalog.v_item WHERE sku = ANY(%(ids)s::text[])
UNION ALL
SELECT 'purchase_order', po_id FROM purchasing.v_purchase_order
 WHERE po_id = ANY(%(ids)s::text[])

-- name: cart_lines
-- A cart with each of its lines and what is held of it; one row without line for an empty one.
SELECT c.cart_id, c.state, c.version, c.channel, c.currency, c.country, c.postal_area, c.opened_at,
       c.active_at, c.expires_at, CASE WHEN c.holds THEN c.held_until END, c.ended_at, c.order_id,
       l.line_no, l.sku, i.name, l.quantity_each, l.unit_price_minor, l.saved,
       coalesce((SELECT sum(h.quantity_each) FROM inventory.v_hold AS h
                  WHERE h.cart = c.cart_id AND h.sku = l.sku), 0)::bigint
  FROM ordering.v_cart AS c
  LEFT JOIN ordering.v_cart_line AS l ON l.cart_id = c.cart_id
  LEFT JOIN catalog.v_item AS i ON i.sku = l.sku
 WHERE c.cart_id = %(cart_id)s
 ORDER BY l.line_no

-- name: order_lines
-- An order with each line, once for each part that the line is in.
SELECT o.order_id, o.state, o.channel, o.country, o.postal_area, o.currency, o.service,
       o.items_minor, o.shipping_minor, o.placed_at, o.payment_due_at, o.paid_at, o.ended_at,
       o.cancel_reason, l.line_no, l.sku, i.name, l.quantity_each, l.unit_price_minor, p.part_no,
       x.quantity_each, p.state, p.node, p.service, p.since
  FROM ordering.v_order AS o
  JOIN ordering.v_line AS l ON l.order_id = o.order_id
  LEFT JOIN ordering.v_part_line AS x ON x.order_id = l.order_id AND x.line_no = l.line_no
  LEFT JOIN ordering.v_part AS p ON p.order_id = x.order_id AND p.part_no = x.part_no
  LEFT JOIN catalog.v_item AS i ON i.sku = l.sku
 WHERE o.order_id = %(order_id)s
 ORDER BY l.line_no, p.part_no

-- name: order_moments
-- What happened, what was promised and what it waits for, told by rows of one shape.
SELECT 'order', at, kind, detail, actor, NULL::integer, NULL::integer, NULL::date, NULL::date,
       NULL::integer, event_id::text AS nth
  FROM ordering.v_event WHERE order_id = %(order_id)s
UNION ALL
SELECT 'promise', at, '', reason, '', part_no, version, expected_date, latest_date,
       probability_ppm, lpad(version::text, 9, '0')
  FROM ordering.v_expectation WHERE order_id = %(order_id)s
UNION ALL
SELECT 'queue', since, queue, reason, owner, part_no, NULL, NULL, NULL, NULL, ''
  FROM ordering.v_queue WHERE order_id = %(order_id)s
 ORDER BY 2, 1, 11, 6

-- name: order_parcels
-- Parcels, once for each piece of news about them.
SELECT s.part_no, s.shipment_no, s.service, s.tracking_no, s.sscc, s.mass_g, s.state,
       s.latest_date, t.at, t.kind, t.incident, t.place
  FROM carriage.v_shipment AS s
  LEFT JOIN carriage.v_tracking_event AS t
    ON t.order_id = s.order_id AND t.part_no = s.part_no AND t.shipment_no = s.shipment_no
 WHERE s.order_id = %(order_id)s
 ORDER BY s.part_no, s.shipment_no, t.at, t.event_id

-- name: document_movements
SELECT min(at), min(sku), min(node), min(account) FILTER (WHERE quantity_each < 0),
       min(account) FILTER (WHERE quantity_each > 0), max(quantity_each), min(cause)
  FROM inventory.v_entry
 WHERE document = %(document)s
 GROUP BY movement_id
 ORDER BY movement_id

-- name: past_lines
SELECT s.line_no, s.sku, i.name, s.quantity_each, s.unit_price_minor, s.currency, s.country,
       s.placed_at
  FROM ordering.v_sale AS s
  LEFT JOIN catalog.v_item AS i ON i.sku = s.sku
 WHERE s.order_id = %(order_id)s
 ORDER BY s.line_no

-- name: item_head
SELECT sku, name, category, mass_g, length_mm, width_mm, height_mm, handling, status,
       backorderable
  FROM catalog.v_item
 WHERE sku = %(sku)s

-- name: sku_stock
SELECT node, on_hand, held, reserved, allocated, quarantined, available
  FROM inventory.v_stock
 WHERE sku = %(sku)s
 ORDER BY node

-- name: sku_coming
SELECT node, quantity_each - received_each, due_at, document
  FROM inventory.v_expected_receipt
 WHERE sku = %(sku)s
 ORDER BY due_at, expected_id

-- name: sku_waiting
SELECT order_id, line_no, quantity_each, since
  FROM inventory.v_reservation
 WHERE sku = %(sku)s AND state = 'waiting'
 ORDER BY priority, since, reservation_id

-- name: po_lines
SELECT o.po_id, o.supplier_id, s.name, o.node, o.currency, o.state, o.raised_at, o.due_at,
       o.received_at, o.ended_at, o.end_reason, l.line_no, l.sku, i.name, l.ordered_each,
       l.received_each, l.damaged_each, l.cost_minor, l.open, l.reason
  FROM purchasing.v_purchase_order AS o
  LEFT JOIN purchasing.v_supplier AS s ON s.supplier_id = o.supplier_id
  LEFT JOIN purchasing.v_po_line AS l ON l.po_id = o.po_id
  LEFT JOIN catalog.v_item AS i ON i.sku = l.sku
 WHERE o.po_id = %(po_id)s
 ORDER BY l.line_no

-- name: po_receipts
-- With what the warehouse missed when it counted.
SELECT r.at, r.receipt_id, r.line_no, l.sku, r.received_each, r.damaged_each, r.over_each,
       coalesce(w.short_each, 0)
  FROM purchasing.v_po_receipt AS r
  JOIN purchasing.v_po_line AS l ON l.po_id = r.po_id AND l.line_no = r.line_no
  LEFT JOIN warehouse.v_receipt_line AS w
    ON w.receipt_id = 'purchase/' || r.po_id || '/' || r.receipt_id AND w.line_no = r.line_no
 WHERE r.po_id = %(po_id)s
 ORDER BY r.at, r.receipt_id, r.line_no
