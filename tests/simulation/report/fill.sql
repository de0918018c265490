-- A finished run as tables, without playing one: %(orders)s orders of 19 lines on average over
-- %(days)s days, spread over whatever nodes, services and areas the network has. Every 100th order
-- was cancelled; the last two days' are in the house; every 25th went in two parcels; every 7th
-- parcel came a day early, every 20th a day late, every 500th was lost.

CREATE TEMPORARY TABLE world AS
SELECT (SELECT array_agg(node_id ORDER BY node_id) FROM network.node) AS nodes,
       (SELECT array_agg(service_id ORDER BY service_id) FROM network.service) AS services,
       (SELECT array_agg(country ORDER BY country, postal_prefix) FROM network.area) AS countries,
       (SELECT array_agg(postal_prefix ORDER BY country, postal_prefix) FROM network.area) AS areas,
       (SELECT currency FROM network.retailer) AS currency;

CREATE TEMPORARY TABLE plan AS
SELECT n, 'O-' || lpad(n::text, 7, '0') AS order_id, %(since)s::timestamptz
           + (n - 1) * (make_interval(days => %(days)s) / %(orders)s) AS placed_at,
       n %% 100 = 0 AS cancelled,
       n %% 100 <> 0 AND n > %(orders)s * (%(days)s - 2) / %(days)s AS open,
       w.nodes[1 + n %% cardinality(w.nodes)] AS node,
       w.services[1 + n %% cardinality(w.services)] AS service,
       w.countries[1 + n * 7 %% cardinality(w.areas)] AS country,
       w.areas[1 + n * 7 %% cardinality(w.areas)] AS postal_area, w.currency
  FROM generate_series(1, %(orders)s) AS n, world AS w;

INSERT INTO ordering.orders (order_id, state, channel, country, postal_area, currency, service,
                             items_minor, shipping_minor, cost_mills, placed_at, paid_at, ended_at,
                             cancel_reason, promise_version, command_id, actor)
SELECT order_id, CASE WHEN cancelled THEN 'cancelled' WHEN open THEN 'open' ELSE 'completed' END,
       'web', country, postal_area, currency, service, 1000 + n %% 5000, 395 + n %% 100, 0,
       placed_at, placed_at, CASE WHEN NOT open THEN placed_at + interval '3 days' END,
       CASE WHEN cancelled THEN 'backorder_expired' END, 1, order_id, 'test'
  FROM plan;

INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor)
SELECT order_id, l, 'SKU-' || lpad((1 + (n * 31 + l) %% %(skus)s)::text, 4, '0'), 1 + (n + l) %% 12,
       100 + l
  FROM plan, generate_series(1, 1 + n %% 37) AS l;

CREATE TEMPORARY TABLE share AS
SELECT p.n, p.order_id, part_no, p.placed_at, p.node, p.service, p.country, p.currency,
       CASE WHEN p.cancelled THEN 'cancelled'
            WHEN p.open THEN (ARRAY['backordered', 'reserved', 'released', 'picked', 'packed',
                                    'shipped'])[1 + n %% 6]
            WHEN n %% 500 = 3 THEN 'lost'
            ELSE 'delivered'
       END AS state
  FROM plan AS p, generate_series(1, CASE WHEN n %% 25 = 0 THEN 2 ELSE 1 END) AS part_no;

INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
SELECT order_id, part_no, state, CASE WHEN state NOT IN ('backordered', 'cancelled') THEN node END,
       service, placed_at
  FROM share;

INSERT INTO ordering.expectation (order_id, version, part_no, expected_date, latest_date,
                                  probability_ppm, reason, at)
SELECT order_id, 1, 0, (placed_at + interval '2 days')::date,
       (placed_at + interval '2 days')::date - CASE WHEN n %% 10 = 1 THEN 1 ELSE 0 END, 950000,
       'as offered', placed_at
  FROM plan;

INSERT INTO ordering.queue (order_id, queue, part_no, owner, reason, since)
SELECT order_id, 'backorder', part_no, 'purchasing', 'no stock', placed_at
  FROM share
 WHERE state = 'backordered';

INSERT INTO warehouse.work (order_id, part_no, attempt, node, state, priority, lines, asked_each,
                            short_each, mass_g, due_at, pick_due_at, ship_by, released_at,
                            picked_at, packed_at, handed_over_at, release_command, pick_command,
                            pack_command, hand_over_command)
SELECT order_id, part_no, 1, node, 'handed_over', 100, 1 + n %% 37, 10 + n %% 100,
       CASE WHEN n %% 50 = 9 THEN 2 ELSE 0 END, 400 + n %% 900, placed_at + interval '6 hours',
       placed_at + interval '4 hours', placed_at + interval '6 hours', placed_at, placed_at,
       placed_at, placed_at + make_interval(hours => CASE WHEN n %% 40 = 1 THEN 30 ELSE 5 END),
       'r', 'p', 'k', 'h'
  FROM share
 WHERE state IN ('shipped', 'delivered', 'lost');

INSERT INTO carriage.shipment (order_id, part_no, shipment_no, node, service, sscc, tracking_no,
                               mass_g, cost_minor, currency, state, latest_date, booked_at,
                               handed_over_at, delivered_at, last_event_at, book_command, version)
SELECT order_id, part_no, 1, node, service, lpad((n * 2 + part_no)::text, 18, '0'), 'T-' || n,
       400 + n %% 900, 300 + n %% 200, currency,
       CASE WHEN state = 'shipped' THEN 'in_transit' ELSE state END,
       (placed_at + interval '2 days')::date
           - CASE WHEN n %% 20 = 1 THEN 1 WHEN n %% 7 = 2 THEN -1 ELSE 0 END,
       placed_at, placed_at + interval '5 hours',
       CASE WHEN state = 'delivered' THEN placed_at + interval '2 days' END,
       placed_at + interval '2 days', 'b', 1
  FROM share
 WHERE state IN ('shipped', 'delivered', 'lost');

INSERT INTO inventory.stock (sku, node, on_hand, reserved)
SELECT 'SKU-' || lpad(s::text, 4, '0'), node, CASE WHEN s %% 13 = 0 THEN 0 ELSE s %% 90 END, 0
  FROM generate_series(1, %(skus)s) AS s, world AS w, unnest(w.nodes) AS node;

INSERT INTO purchasing.supplier (supplier_id, name, country, currency)
SELECT 'maker', 'Maker', 'GB', currency FROM world;

INSERT INTO purchasing.terms (sku, supplier_id, currency, cost_minor, moq_each, multiple_each)
SELECT 'SKU-' || lpad(s::text, 4, '0'), 'maker', currency, 40 + s %% 400, 1, 1
  FROM generate_series(1, %(skus)s) AS s, world;

INSERT INTO purchasing.purchase_order (po_id, supplier_id, node, currency, state, raised_at, due_at,
                                       received_at, ended_at, end_reason, command_id, actor)
SELECT 'PO-' || n, 'maker', nodes[1], currency, 'received', %(since)s,
       %(since)s + interval '5 days',
       %(since)s + make_interval(days => CASE WHEN n %% 10 = 0 THEN 7 ELSE 5 END),
       %(since)s + interval '7 days', 'received', 'c', 'test'
  FROM generate_series(1, %(orders)s / 20) AS n, world;

INSERT INTO purchasing.po_line (po_id, line_no, sku, ordered_each, cost_minor, received_each,
                                damaged_each, open, reason)
SELECT 'PO-' || n, l, 'SKU-' || lpad(l::text, 4, '0'), 48, 50, 47, 1, false, 'below'
  FROM generate_series(1, %(orders)s / 20) AS n, generate_series(1, 5) AS l;

INSERT INTO ordering.return_order (order_id, return_id, state, node, reason, currency,
                                   authorized_at, received_at, graded_at, since, command_id, actor)
SELECT order_id, 'R-' || n, 'graded', node, 'unwanted', currency, placed_at + interval '4 days',
       placed_at + interval '6 days', placed_at + interval '6 days', placed_at, 'c', 'test'
  FROM plan
 WHERE n %% 50 = 1 AND NOT cancelled AND NOT open;

INSERT INTO ordering.return_line (order_id, return_id, line_no, sku, quantity_each,
                                  unit_price_minor, counted_each, received_each,
                                  restocked_each, scrapped_each)
SELECT order_id, 'R-' || n, 1, 'SKU-0001', 3, 100, 3, 3, 2, 1
  FROM plan
 WHERE n %% 50 = 1 AND NOT cancelled AND NOT open;
