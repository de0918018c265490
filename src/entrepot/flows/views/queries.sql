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
SELECT d.day, d.node, coalesce(m.items_minor + m.shipping_minor, 0)::bigint, d.orders_placed,
       d.orders_cancelled, d.units_placed, d.backorders_opened, d.backorders_filled,
       d.parts_shipped, d.units_shipped, d.parts_delivered, d.parts_on_time, d.parts_late,
       d.parts_kept, d.parts_lost, d.parts_cancelled, d.units_received, d.units_returned,
       d.parcels_delayed
  FROM tower.v_day AS d
  LEFT JOIN tower.v_money AS m
    ON m.day = d.day AND m.node = d.node AND m.currency = %(currency)s
 WHERE d.day BETWEEN %(first)s AND %(last)s

-- name: tower_nodes
SELECT node, on_hand, committed, quarantined FROM tower.v_node_stock

-- name: find
SELECT 'order', order_id FROM ordering.v_order WHERE order_id = ANY(%(ids)s::text[])
UNION ALL
SELECT DISTINCT 'past_order', s.order_id FROM ordering.v_sale AS s
 WHERE s.order_id = ANY(%(ids)s::text[])
   AND NOT EXISTS (SELECT 1 FROM ordering.v_order AS o WHERE o.order_id = s.order_id)
UNION ALL
SELECT 'sku', sku FROM catalog.v_item WHERE sku = ANY(%(ids)s::text[])
UNION ALL
SELECT 'purchase_order', po_id FROM purchasing.v_purchase_order
 WHERE po_id = ANY(%(ids)s::text[])

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
SELECT r.at, r.receipt_id, r.line_no, l.sku, r.received_each, r.damaged_each, r.over_each
  FROM purchasing.v_po_receipt AS r
  JOIN purchasing.v_po_line AS l ON l.po_id = r.po_id AND l.line_no = r.line_no
 WHERE r.po_id = %(po_id)s
 ORDER BY r.at, r.receipt_id, r.line_no
