-- Rows enough that the planner chooses as it would in earnest. At most 30,000 in a table: ANALYZE
-- then reads all of them, so that the same plan comes out every time.

INSERT INTO ground.command (command_id, content_hash, answer, at)
SELECT 'app:' || lpad(n::text, 8, '0'), decode(repeat('ab', 32), 'hex'), '{}',
       timestamptz '2025-03-01 00:00Z' + n * interval '1 minute'
  FROM generate_series(1, 30000) AS n;

INSERT INTO events.log (position, subject, fact_id, name, version, occurred_at, command_id, actor,
                        body)
SELECT n, 'order/O-' || n / 5, lpad(to_hex(n), 32, '0')::uuid,
       (ARRAY['OrderPlaced', 'OrderPaid', 'StockReceived', 'StockCounted', 'PriceSet'])[1 + n % 5],
       1, timestamptz '2025-03-01 00:00Z' + n * interval '1 second', 'app:' || n, 'app', '{}'
  FROM generate_series(1, 30000) AS n;

UPDATE events.head SET position = 30000 WHERE one;

INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, actor, body)
SELECT 'order/O-' || n / 5, lpad(to_hex(n), 32, '0')::uuid, 'OrderPlaced', 1,
       timestamptz '2025-03-02 00:00Z', 'app:' || n, 'app', '{}'
  FROM generate_series(1, 5000) AS n;

INSERT INTO events.subscription (name, position, updated_at)
SELECT 'subscription_' || n, 30000, timestamptz '2025-03-02 00:00Z'
  FROM generate_series(1, 20) AS n;

INSERT INTO jobs.job (job_id, kind, arguments, run_at, state, created_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, (ARRAY['print_label', 'send_notice', 'settle'])[1 + n % 3],
       '{}', timestamptz '2025-03-01 00:00Z' + n * interval '1 second',
       CASE n % 50 WHEN 0 THEN 'dead' ELSE 'waiting' END, timestamptz '2025-03-01 00:00Z'
  FROM generate_series(1, 20000) AS n;

INSERT INTO inventory.stock (sku, node, on_hand, reserved)
SELECT 'SKU-' || lpad((n / 4)::text, 6, '0'), 'DC' || n % 4, 100, n % 7
  FROM generate_series(0, 29999) AS n;

INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT 'SKU-' || lpad((n / 4)::text, 6, '0'), lpad(to_hex(n), 32, '0')::uuid, 'DC' || n % 4,
       'opening', 'free', 100, 'opening', 'D-' || n, timestamptz '2025-03-01 00:00Z', 'app:' || n,
       'app'
  FROM generate_series(0, 29999) AS n;

INSERT INTO inventory.hold (sku, hold_id, node, cart, quantity_each, expires_at)
SELECT 'SKU-' || lpad((n / 4)::text, 6, '0'), lpad(to_hex(n), 32, '0')::uuid, 'DC' || n % 4,
       'cart-' || n / 2, 1, timestamptz '2025-03-02 00:00Z' + n * interval '1 second'
  FROM generate_series(0, 9999) AS n;

INSERT INTO ordering.cart (cart_id, state, version, channel, currency, opened_at, active_at,
                           expires_at, holds, held_since, held_until, ended_at)
SELECT 'cart-' || n, CASE WHEN n < 4900 THEN 'expired' ELSE 'open' END, 3, 'web', 'EUR', s.at, s.at,
       s.at + interval '30 days', n >= 4900, s.at, s.at + interval '10 minutes',
       CASE WHEN n < 4900 THEN s.at + interval '30 days' END
  FROM generate_series(0, 4999) AS n
 CROSS JOIN LATERAL (
     SELECT timestamptz '2025-03-01 00:00Z' + n * interval '10 seconds' AS at) AS s;

INSERT INTO ordering.cart_line (cart_id, sku, line_no, quantity_each, unit_price_minor, saved)
SELECT 'cart-' || n / 2, 'SKU-' || lpad((n / 4)::text, 6, '0') || n % 2, 1 + n % 2, 1, 250, false
  FROM generate_series(0, 9999) AS n;

INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, quantity_each,
                                   priority, state, since)
SELECT 'SKU-' || lpad((n / 4)::text, 6, '0'), lpad(to_hex(n), 32, '0')::uuid, 'O-' || n / 2,
       1 + n % 2, 'DC' || n % 4, 1, 5,
       (ARRAY['reserved', 'allocated', 'shipped', 'shipped'])[1 + n % 4],
       timestamptz '2025-03-01 00:00Z'
  FROM generate_series(0, 29999) AS n;

INSERT INTO warehouse.work (order_id, part_no, attempt, node, state, priority, lines, asked_each,
                            short_each, mass_g, due_at, pick_due_at, ship_by, released_at,
                            picked_at, packed_at, handed_over_at, release_command, pick_command,
                            pack_command, hand_over_command)
SELECT 'O-' || lpad(n::text, 6, '0'), 1, 1, 'DC' || n % 4, s.state, 100, 2, 2, 0, 800, s.at, s.at,
       s.at, s.at, CASE WHEN s.step > 0 THEN s.at END, CASE WHEN s.step > 1 THEN s.at END,
       CASE WHEN s.step > 2 THEN s.at END, 'c', CASE WHEN s.step > 0 THEN 'c' END,
       CASE WHEN s.step > 1 THEN 'c' END, CASE WHEN s.step > 2 THEN 'c' END
  FROM generate_series(0, 14999) AS n
 CROSS JOIN LATERAL (
     SELECT timestamptz '2025-03-01 00:00Z' + n * interval '10 seconds' AS at,
            CASE WHEN n < 12000 THEN 3 ELSE n % 3 END AS step,
            CASE WHEN n < 12000 THEN 'handed_over'
                 ELSE (ARRAY['released', 'picked', 'packed'])[1 + n % 3] END AS state) AS s;

INSERT INTO warehouse.work_line (order_id, part_no, line_no, sku, asked_each, unit_mass_g,
                                 short_each)
SELECT 'O-' || lpad((n / 2)::text, 6, '0'), 1, 1 + n % 2, 'SKU-' || lpad((n / 4)::text, 6, '0'),
       1, 400, 0
  FROM generate_series(0, 29999) AS n;

INSERT INTO warehouse.carton (order_id, sscc, part_no, mass_g, packed_at, closed_at)
SELECT order_id, lpad(right(order_id, 6), 18, '0'), part_no, mass_g, packed_at, handed_over_at
  FROM warehouse.work
 WHERE packed_at IS NOT NULL;

INSERT INTO warehouse.sscc_counter (company_prefix, next_serial)
SELECT lpad(n::text, 7, '0'), 1000 FROM generate_series(1, 20) AS n;

INSERT INTO carriage.shipment (order_id, part_no, shipment_no, node, service, sscc, tracking_no,
                               mass_g, cost_minor, currency, state, booked_at, handed_over_at,
                               delivered_at, last_event_at, book_command, version)
SELECT c.order_id, c.part_no, 1, 'DC1', 'parcel', c.sscc, c.sscc, c.mass_g, 450, 'EUR', s.state,
       c.packed_at, c.packed_at, CASE s.state WHEN 'delivered' THEN c.packed_at END, c.packed_at,
       'c', 1
  FROM warehouse.carton AS c
 CROSS JOIN LATERAL (SELECT CASE WHEN c.order_id < 'O-010000' THEN 'delivered'
                                 ELSE 'in_transit' END AS state) AS s;

INSERT INTO carriage.tracking_number (tracking_no, order_id, part_no, shipment_no)
SELECT tracking_no, order_id, part_no, shipment_no FROM carriage.shipment;

INSERT INTO carriage.tracking_event (order_id, part_no, shipment_no, event_id, at, heard_at, kind,
                                     place, detail, to_state)
SELECT s.order_id, s.part_no, s.shipment_no, 'E' || n, s.booked_at, s.booked_at, 'in_transit', '',
       '', 'in_transit'
  FROM carriage.shipment AS s
 CROSS JOIN generate_series(1, 2) AS n;

INSERT INTO ordering.orders (order_id, state, channel, country, postal_area, currency, service,
                             items_minor, shipping_minor, cost_mills, placed_at, ended_at,
                             promise_version, command_id, actor)
SELECT 'O-' || n, 'completed', 'web', 'DE', '10', 'EUR', 'parcel', 3000, 490, 0,
       timestamptz '2025-03-01 00:00Z' + n * interval '1 minute', timestamptz '2025-03-09 00:00Z',
       1, 'app:' || n, 'app'
  FROM generate_series(0, 9999) AS n;

INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor)
SELECT 'O-' || n / 3, 1 + n % 3, 'SKU-' || lpad((n / 4)::text, 6, '0'), 4, 250
  FROM generate_series(0, 29999) AS n;

INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
SELECT 'O-' || n / 2, 1 + n % 2, 'delivered', 'DC' || n % 4, 'parcel',
       timestamptz '2025-03-08 00:00Z'
  FROM generate_series(0, 19999) AS n;

INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each)
SELECT 'O-' || n / 3, 1 + n % 3 / 2, 1 + n % 3, 4 FROM generate_series(0, 29999) AS n;

INSERT INTO ordering.return_order (order_id, return_id, state, node, reason, currency,
                                   authorized_at, since, command_id, actor)
SELECT 'O-' || n * 4, 'R-1', 'authorized', 'DC' || n % 4, 'unwanted', 'EUR',
       timestamptz '2025-03-10 00:00Z', timestamptz '2025-03-10 00:00Z' + n * interval '1 minute',
       'app:' || n, 'app'
  FROM generate_series(0, 2499) AS n;

INSERT INTO ordering.return_line (order_id, return_id, line_no, sku, quantity_each,
                                  unit_price_minor, counted_each)
SELECT 'O-' || n / 2 * 4, 'R-1', 1 + n % 2, 'SKU-' || lpad((n / 4)::text, 6, '0'), 1, 250, 1
  FROM generate_series(0, 4999) AS n;

INSERT INTO purchasing.supplier (supplier_id, name, country, currency)
SELECT 'S-' || n, 'Supplier', 'PT', 'EUR' FROM generate_series(0, 39) AS n;

INSERT INTO purchasing.purchase_order (po_id, supplier_id, node, currency, state, raised_at, due_at,
                                       received_at, ended_at, end_reason, command_id, actor)
SELECT 'PO-' || n, 'S-' || n % 40, 'DC' || n % 4, 'EUR',
       CASE WHEN n < 9500 THEN 'received' ELSE 'sent' END, timestamptz '2025-03-01 00:00Z',
       timestamptz '2025-03-15 00:00Z' + n * interval '1 hour',
       CASE WHEN n < 9500 THEN timestamptz '2025-03-20 00:00Z' END,
       CASE WHEN n < 9500 THEN timestamptz '2025-03-20 00:00Z' END,
       CASE WHEN n < 9500 THEN 'everything came' END, 'app:' || n, 'app'
  FROM generate_series(0, 9999) AS n;

INSERT INTO purchasing.po_line (po_id, line_no, sku, ordered_each, cost_minor, received_each, open,
                                reason)
SELECT 'PO-' || n / 3, 1 + n % 3, 'SKU-' || lpad((n / 4)::text, 6, '0'), 24, 120,
       CASE WHEN n / 3 < 9500 THEN 24 ELSE 0 END, n / 3 >= 9500, 'short'
  FROM generate_series(0, 29999) AS n;

INSERT INTO purchasing.po_receipt (po_id, receipt_id, line_no, received_each, damaged_each,
                                   over_each, at, command_id, actor)
SELECT 'PO-' || n / 3, 'dock-1', 1 + n % 3, 24, 0, 0, timestamptz '2025-03-20 00:00Z', 'app:' || n,
       'app'
  FROM generate_series(0, 28499) AS n;
