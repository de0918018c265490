-- name: insert_orders
-- An order id that exists already is not written: the count tells.
INSERT INTO ordering.orders (order_id, state, channel, person_id, address_id, country,
                             postal_area, currency, service, items_minor, shipping_minor,
                             cost_mills, offer_id, placed_at, payment_due_at, paid_at,
                             promise_version, command_id, actor)
SELECT o.order_id, o.state, o.channel, o.person_id, o.address_id, o.country, o.postal_area,
       o.currency, o.service, o.items_minor, o.shipping_minor, o.cost_mills, o.offer_id,
       o.placed_at, o.payment_due_at, o.paid_at, o.promise_version, o.command_id, o.actor
  FROM unnest(%(order_ids)s::text[], %(states)s::text[], %(channels)s::text[],
              %(person_ids)s::uuid[], %(address_ids)s::uuid[], %(countries)s::text[],
              %(postal_areas)s::text[], %(currencies)s::text[], %(services)s::text[],
              %(items)s::bigint[], %(shippings)s::bigint[], %(costs)s::bigint[],
              %(offer_ids)s::text[], %(placed)s::timestamptz[], %(due)s::timestamptz[],
              %(paid)s::timestamptz[], %(promise_versions)s::integer[], %(command_ids)s::text[],
              %(actors)s::text[])
       AS o (order_id, state, channel, person_id, address_id, country, postal_area, currency,
             service, items_minor, shipping_minor, cost_mills, offer_id, placed_at,
             payment_due_at, paid_at, promise_version, command_id, actor)
 ORDER BY o.order_id
ON CONFLICT (order_id) DO NOTHING

-- name: insert_lines
INSERT INTO ordering.line (order_id, line_no, sku, quantity_each, unit_price_minor, price_version)
SELECT l.order_id, l.line_no, l.sku, l.quantity_each, l.unit_price_minor, l.price_version
  FROM unnest(%(order_ids)s::text[], %(line_nos)s::integer[], %(skus)s::text[],
              %(quantities)s::bigint[], %(prices)s::bigint[], %(versions)s::text[])
       AS l (order_id, line_no, sku, quantity_each, unit_price_minor, price_version)

-- name: insert_parts
INSERT INTO ordering.part (order_id, part_no, state, node, service, since)
SELECT p.order_id, p.part_no, p.state, p.node, p.service, p.since
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(states)s::text[],
              %(nodes)s::text[], %(services)s::text[], %(sinces)s::timestamptz[])
       AS p (order_id, part_no, state, node, service, since)

-- name: insert_part_lines
INSERT INTO ordering.part_line (order_id, part_no, line_no, quantity_each, reservation_id)
SELECT p.order_id, p.part_no, p.line_no, p.quantity_each, p.reservation_id
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(line_nos)s::integer[],
              %(quantities)s::bigint[], %(reservation_ids)s::uuid[])
       AS p (order_id, part_no, line_no, quantity_each, reservation_id)

-- name: insert_expectations
INSERT INTO ordering.expectation (order_id, version, part_no, expected_date, latest_date,
                                  probability_ppm, reason, at)
SELECT e.order_id, e.version, e.part_no, e.expected_date, e.latest_date, e.probability_ppm,
       e.reason, e.at
  FROM unnest(%(order_ids)s::text[], %(versions)s::integer[], %(part_nos)s::integer[],
              %(expected)s::date[], %(latest)s::date[], %(probabilities)s::integer[],
              %(reasons)s::text[], %(ats)s::timestamptz[])
       AS e (order_id, version, part_no, expected_date, latest_date, probability_ppm, reason, at)

-- name: insert_events
INSERT INTO ordering.event (order_id, event_id, at, kind, detail, command_id, actor)
SELECT e.order_id, e.event_id, e.at, e.kind, e.detail, e.command_id, e.actor
  FROM unnest(%(order_ids)s::text[], %(event_ids)s::uuid[], %(ats)s::timestamptz[],
              %(kinds)s::text[], %(details)s::text[], %(command_ids)s::text[],
              %(actors)s::text[])
       AS e (order_id, event_id, at, kind, detail, command_id, actor)

-- name: enqueue
INSERT INTO ordering.queue (order_id, queue, part_no, owner, reason, since)
SELECT q.order_id, q.queue, q.part_no, q.owner, q.reason, q.since
  FROM unnest(%(order_ids)s::text[], %(queues)s::text[], %(part_nos)s::integer[],
              %(owners)s::text[], %(reasons)s::text[], %(sinces)s::timestamptz[])
       AS q (order_id, queue, part_no, owner, reason, since)
 ORDER BY q.order_id, q.queue, q.part_no
ON CONFLICT (order_id, queue, part_no) DO UPDATE SET reason = excluded.reason

-- name: dequeue
DELETE FROM ordering.queue AS q
 USING (SELECT k.order_id, k.queue, k.part_no
          FROM unnest(%(order_ids)s::text[], %(queues)s::text[], %(part_nos)s::integer[])
               AS k (order_id, queue, part_no)
         ORDER BY k.order_id, k.queue, k.part_no) AS d
 WHERE q.order_id = d.order_id AND q.queue = d.queue AND q.part_no = d.part_no

-- name: dequeue_orders
DELETE FROM ordering.queue WHERE order_id = ANY(%(order_ids)s::text[])

-- name: read_headers
SELECT order_id, state, channel, person_id, address_id, country, postal_area, currency, service,
       items_minor, shipping_minor, cost_mills, offer_id, placed_at, payment_due_at, paid_at,
       ended_at, cancel_reason, promise_version, command_id, actor
  FROM ordering.orders
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id

-- name: find_headers
SELECT order_id, state, channel, person_id, address_id, country, postal_area, currency, service,
       items_minor, shipping_minor, cost_mills, offer_id, placed_at, payment_due_at, paid_at,
       ended_at, cancel_reason, promise_version, command_id, actor
  FROM ordering.orders
 WHERE (placed_at, order_id) < (%(before)s, %(before_id)s)
   AND (%(state)s::text IS NULL OR state = %(state)s)
   AND (%(person_id)s::uuid IS NULL OR person_id = %(person_id)s)
   AND (%(since)s::timestamptz IS NULL OR placed_at >= %(since)s)
 ORDER BY placed_at DESC, order_id DESC
 LIMIT %(limit)s

-- name: read_lines
SELECT order_id, line_no, sku, quantity_each, unit_price_minor, price_version
  FROM ordering.line
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, line_no

-- name: read_parts
SELECT order_id, part_no, state, node, service, since
  FROM ordering.part
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no

-- name: read_part_lines
SELECT order_id, part_no, line_no, quantity_each, reservation_id
  FROM ordering.part_line
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no, line_no

-- name: read_expectations
SELECT order_id, version, part_no, expected_date, latest_date, probability_ppm, reason, at
  FROM ordering.expectation
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, version, part_no

-- name: read_events
SELECT order_id, at, kind, detail, actor
  FROM ordering.event
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, event_id

-- name: read_queues
SELECT order_id, queue, part_no, owner, reason, since
  FROM ordering.queue
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, queue, part_no

-- name: list_queue
SELECT order_id, queue, part_no, owner, reason, since
  FROM ordering.queue
 WHERE (%(queue)s::text IS NULL OR queue = %(queue)s)
 ORDER BY since, order_id, part_no
 LIMIT %(limit)s

-- name: count_queues
SELECT queue, count(*), min(since) FROM ordering.queue GROUP BY queue ORDER BY queue

-- name: move_orders
UPDATE ordering.orders AS o
   SET state = m.to_state,
       paid_at = coalesce(m.paid_at, o.paid_at),
       ended_at = coalesce(m.ended_at, o.ended_at),
       cancel_reason = coalesce(m.cancel_reason, o.cancel_reason)
  FROM (SELECT k.order_id, k.from_state, k.to_state, k.paid_at, k.ended_at, k.cancel_reason
          FROM unnest(%(order_ids)s::text[], %(from_states)s::text[], %(to_states)s::text[],
                      %(paid)s::timestamptz[], %(ended)s::timestamptz[], %(reasons)s::text[])
               AS k (order_id, from_state, to_state, paid_at, ended_at, cancel_reason)
         ORDER BY k.order_id) AS m
 WHERE o.order_id = m.order_id AND o.state = m.from_state

-- name: touch_orders
-- Takes the rows of orders whose parts change, in key order, and tells their states: facts of one
-- order keep their order.
UPDATE ordering.orders AS o
   SET promise_version = o.promise_version
  FROM (SELECT k.order_id FROM unnest(%(order_ids)s::text[]) AS k (order_id)
         ORDER BY k.order_id) AS m
 WHERE o.order_id = m.order_id
RETURNING o.order_id, o.state

-- name: raise_promise_version
UPDATE ordering.orders AS o
   SET promise_version = m.version
  FROM (SELECT k.order_id, k.version
          FROM unnest(%(order_ids)s::text[], %(versions)s::integer[]) AS k (order_id, version)
         ORDER BY k.order_id) AS m
 WHERE o.order_id = m.order_id AND o.promise_version = m.version - 1

-- name: move_parts
UPDATE ordering.part AS p
   SET state = m.to_state, since = %(at)s,
       node = coalesce(m.node, p.node), service = coalesce(m.service, p.service)
  FROM (SELECT k.order_id, k.part_no, k.from_state, k.to_state, k.node, k.service
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(from_states)s::text[],
                      %(to_states)s::text[], %(nodes)s::text[], %(services)s::text[])
               AS k (order_id, part_no, from_state, to_state, node, service)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE p.order_id = m.order_id AND p.part_no = m.part_no AND p.state = m.from_state

-- name: parts_in_state
-- Parts of open orders in a state, those that stand in it longest first.
SELECT p.order_id, p.part_no, p.state, p.node, p.service, p.since, o.country, o.postal_area,
       o.placed_at
  FROM ordering.part AS p
  JOIN ordering.orders AS o ON o.order_id = p.order_id
 WHERE p.state = %(state)s AND o.state = 'open'
   AND (p.since, p.order_id, p.part_no) > (%(since)s, %(after_id)s, %(after_part)s)
   AND p.since <= %(until)s
 ORDER BY p.since, p.order_id, p.part_no
 LIMIT %(limit)s

-- name: lines_of_parts
SELECT l.order_id, l.part_no, l.line_no, l.quantity_each, l.reservation_id
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
  JOIN ordering.part_line AS l ON l.order_id = k.order_id AND l.part_no = k.part_no
 ORDER BY l.order_id, l.part_no, l.line_no

-- name: is_any_part_in
SELECT EXISTS (SELECT 1
                 FROM ordering.part AS p
                 JOIN ordering.orders AS o ON o.order_id = p.order_id
                WHERE p.state = ANY(%(states)s::text[]) AND o.state = 'open')

-- name: promised
SELECT DISTINCT ON (order_id, part_no) order_id, part_no, latest_date
  FROM ordering.expectation
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no, version DESC

-- name: shorten_part_lines
UPDATE ordering.part_line AS l
   SET quantity_each = l.quantity_each - m.short_each
  FROM (SELECT k.order_id, k.part_no, k.line_no, k.short_each
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(line_nos)s::integer[],
                      %(shorts)s::bigint[]) AS k (order_id, part_no, line_no, short_each)
         ORDER BY k.order_id, k.part_no, k.line_no) AS m
 WHERE l.order_id = m.order_id AND l.part_no = m.part_no AND l.line_no = m.line_no
   AND l.quantity_each > m.short_each

-- name: remove_part_lines
DELETE FROM ordering.part_line AS l
 USING (SELECT k.order_id, k.part_no, k.line_no, k.short_each
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(line_nos)s::integer[],
                      %(shorts)s::bigint[]) AS k (order_id, part_no, line_no, short_each)
         ORDER BY k.order_id, k.part_no, k.line_no) AS m
 WHERE l.order_id = m.order_id AND l.part_no = m.part_no AND l.line_no = m.line_no
   AND l.quantity_each = m.short_each

-- name: payment_overdue
SELECT order_id FROM ordering.orders
 WHERE state = 'awaiting_payment' AND payment_due_at <= %(at)s
 ORDER BY payment_due_at
 LIMIT %(limit)s

-- name: insert_past_orders
INSERT INTO ordering.past_order (order_id, content_hash, customer_ref, country, currency,
                                 placed_at, imported_at)
SELECT o.order_id, o.content_hash, o.customer_ref, o.country, o.currency, o.placed_at, %(at)s
  FROM unnest(%(order_ids)s::text[], %(hashes)s::bytea[], %(customers)s::text[],
              %(countries)s::text[], %(currencies)s::text[], %(placed)s::timestamptz[])
       AS o (order_id, content_hash, customer_ref, country, currency, placed_at)
 ORDER BY o.order_id
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id

-- name: insert_past_lines
INSERT INTO ordering.past_line (order_id, line_no, sku, quantity_each, unit_price_minor)
SELECT l.order_id, l.line_no, l.sku, l.quantity_each, l.unit_price_minor
  FROM unnest(%(order_ids)s::text[], %(line_nos)s::integer[], %(skus)s::text[],
              %(quantities)s::bigint[], %(prices)s::bigint[])
       AS l (order_id, line_no, sku, quantity_each, unit_price_minor)

-- name: known_order_ids
-- Ids that are taken, by living orders or by history; the hash is null for living ones.
SELECT order_id, NULL::bytea FROM ordering.orders WHERE order_id = ANY(%(order_ids)s::text[])
UNION ALL
SELECT order_id, content_hash FROM ordering.past_order
 WHERE order_id = ANY(%(order_ids)s::text[])

-- name: audit_lines
-- Lines whose parts do not add up to what was ordered.
SELECT l.order_id, l.line_no, l.quantity_each, coalesce(sum(p.quantity_each), 0)::bigint
  FROM ordering.line AS l
  LEFT JOIN ordering.part_line AS p ON p.order_id = l.order_id AND p.line_no = l.line_no
 GROUP BY l.order_id, l.line_no, l.quantity_each
HAVING coalesce(sum(p.quantity_each), 0) <> l.quantity_each
 LIMIT %(limit)s

-- name: audit_loose
-- Rows that belong to no order, part or line.
SELECT l.order_id, 'line ' || l.line_no
  FROM ordering.line AS l
 WHERE NOT EXISTS (SELECT 1 FROM ordering.orders AS o WHERE o.order_id = l.order_id)
UNION ALL
SELECT p.order_id, 'part ' || p.part_no
  FROM ordering.part AS p
 WHERE NOT EXISTS (SELECT 1 FROM ordering.orders AS o WHERE o.order_id = p.order_id)
UNION ALL
SELECT x.order_id, 'units of line ' || x.line_no || ' in part ' || x.part_no
  FROM ordering.part_line AS x
 WHERE NOT EXISTS (SELECT 1 FROM ordering.part AS p
                    WHERE p.order_id = x.order_id AND p.part_no = x.part_no)
    OR NOT EXISTS (SELECT 1 FROM ordering.line AS l
                    WHERE l.order_id = x.order_id AND l.line_no = x.line_no)
UNION ALL
SELECT e.order_id, 'promise ' || e.version || ' of part ' || e.part_no
  FROM ordering.expectation AS e
 WHERE NOT EXISTS (SELECT 1 FROM ordering.orders AS o WHERE o.order_id = e.order_id)
 LIMIT %(limit)s

-- name: audit_states
-- Ended orders with a living part, open orders whose parts have all ended, unpaid ones at work,
-- orders without lines or promise, and waiting ones that stand in no queue.
SELECT o.order_id, f.finding
  FROM ordering.orders AS o
  JOIN LATERAL (
      SELECT count(*) FILTER (WHERE p.state NOT IN ('delivered', 'lost', 'cancelled')) AS living,
             count(*) FILTER (WHERE p.state NOT IN ('backordered', 'reserved', 'cancelled'))
                 AS at_work,
             count(*) AS parts
        FROM ordering.part AS p WHERE p.order_id = o.order_id) AS p ON true
  JOIN LATERAL (
      SELECT 'has ended but a part has not' AS finding
       WHERE o.state IN ('completed', 'cancelled') AND p.living > 0
      UNION ALL
      SELECT 'is open but every part has ended' WHERE o.state = 'open' AND p.living = 0
      UNION ALL
      SELECT 'waits for payment but a part is at work'
       WHERE o.state = 'awaiting_payment' AND p.at_work > 0
      UNION ALL
      SELECT 'has no part' WHERE p.parts = 0
      UNION ALL
      SELECT 'has no line'
       WHERE NOT EXISTS (SELECT 1 FROM ordering.line AS l WHERE l.order_id = o.order_id)
      UNION ALL
      SELECT 'has no expectation of its promise version'
       WHERE NOT EXISTS (SELECT 1 FROM ordering.expectation AS e
                          WHERE e.order_id = o.order_id AND e.version = o.promise_version)
      UNION ALL
      SELECT 'waits for payment but stands in no queue'
       WHERE o.state = 'awaiting_payment'
         AND NOT EXISTS (SELECT 1 FROM ordering.queue AS q
                          WHERE q.order_id = o.order_id AND q.queue = 'payment')
      UNION ALL
      SELECT 'has a backordered part that stands in no queue'
       WHERE EXISTS (SELECT 1 FROM ordering.part AS b
                      WHERE b.order_id = o.order_id AND b.state = 'backordered'
                        AND NOT EXISTS (SELECT 1 FROM ordering.queue AS q
                                         WHERE q.order_id = b.order_id
                                           AND q.part_no = b.part_no
                                           AND q.queue = 'backorder'))
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_queues
-- What stands in a queue and does not wait.
SELECT q.order_id, q.part_no, q.queue
  FROM ordering.queue AS q
  LEFT JOIN ordering.orders AS o ON o.order_id = q.order_id
  LEFT JOIN ordering.part AS p ON p.order_id = q.order_id AND p.part_no = q.part_no
 WHERE NOT coalesce(CASE q.queue WHEN 'payment' THEN o.state = 'awaiting_payment'
                                 WHEN 'backorder' THEN p.state = 'backordered'
                                 ELSE o.state IN ('awaiting_payment', 'open') END, false)
 LIMIT %(limit)s

-- name: audit_promises
-- Promise versions with a gap, or raised without an expectation that says why.
SELECT o.order_id, o.promise_version, count(DISTINCT e.version)
  FROM ordering.orders AS o
  LEFT JOIN ordering.expectation AS e ON e.order_id = o.order_id
 GROUP BY o.order_id, o.promise_version
HAVING count(DISTINCT e.version) <> o.promise_version
 LIMIT %(limit)s

-- name: audit_counts
SELECT (SELECT count(*) FROM ordering.orders), (SELECT count(*) FROM ordering.part),
       (SELECT count(*) FROM ordering.past_order)

-- name: reservations_behind
-- Every reservation that a living part counts on, for the audit across rooms.
SELECT p.order_id, p.part_no, l.line_no, l.quantity_each, l.reservation_id, p.state, p.node
  FROM ordering.part AS p
  JOIN ordering.part_line AS l ON l.order_id = p.order_id AND l.part_no = p.part_no
 WHERE (p.order_id, p.part_no, l.line_no) > (%(after_id)s, %(after_part)s, %(after_line)s)
 ORDER BY p.order_id, p.part_no, l.line_no
 LIMIT %(limit)s
