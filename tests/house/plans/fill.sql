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

INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, quantity_each,
                                   priority, state, since)
SELECT 'SKU-' || lpad((n / 4)::text, 6, '0'), lpad(to_hex(n), 32, '0')::uuid, 'O-' || n / 2,
       1 + n % 2, 'DC' || n % 4, 1, 5,
       (ARRAY['reserved', 'allocated', 'shipped', 'shipped'])[1 + n % 4],
       timestamptz '2025-03-01 00:00Z'
  FROM generate_series(0, 29999) AS n;
