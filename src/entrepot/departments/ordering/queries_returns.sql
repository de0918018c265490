-- name: read_return_lines_of_orders
-- The lines of orders as returns see them.
SELECT l.order_id, l.line_no, l.sku, l.unit_price_minor, o.currency
  FROM ordering.orders AS o
  JOIN ordering.line AS l ON l.order_id = o.order_id
 WHERE o.order_id = ANY(%(order_ids)s::text[])
 ORDER BY l.order_id, l.line_no

-- name: read_shipped
SELECT p.order_id, l.line_no, p.node, sum(l.quantity_each)::bigint
  FROM ordering.part AS p
  JOIN ordering.part_line AS l ON l.order_id = p.order_id AND l.part_no = p.part_no
 WHERE p.order_id = ANY(%(order_ids)s::text[]) AND p.state IN ('shipped', 'delivered')
 GROUP BY p.order_id, l.line_no, p.node
 ORDER BY p.order_id, l.line_no, p.node

-- name: read_returned
SELECT order_id, line_no, sum(counted_each)::bigint
  FROM ordering.return_line
 WHERE order_id = ANY(%(order_ids)s::text[])
 GROUP BY order_id, line_no

-- name: insert_return_orders
INSERT INTO ordering.return_order (order_id, return_id, state, node, reason, currency,
                                   authorized_at, since, command_id, actor)
SELECT r.order_id, r.return_id, 'authorized', r.node, r.reason, r.currency, %(at)s, %(at)s,
       r.command_id, r.actor
  FROM unnest(%(order_ids)s::text[], %(return_ids)s::text[], %(nodes)s::text[],
              %(reasons)s::text[], %(currencies)s::text[], %(command_ids)s::text[],
              %(actors)s::text[])
       AS r (order_id, return_id, node, reason, currency, command_id, actor)
 ORDER BY r.order_id, r.return_id

-- name: insert_return_lines
-- Written only while no more comes back than was shipped; `wanted` is what the whole batch asks
-- for of a line. The count tells.
INSERT INTO ordering.return_line (order_id, return_id, line_no, sku, quantity_each,
                                  unit_price_minor, counted_each)
SELECT n.order_id, n.return_id, n.line_no, n.sku, n.quantity_each, n.unit_price_minor,
       n.quantity_each
  FROM unnest(%(order_ids)s::text[], %(return_ids)s::text[], %(line_nos)s::integer[],
              %(skus)s::text[], %(quantities)s::bigint[], %(prices)s::bigint[],
              %(wanted)s::bigint[])
       AS n (order_id, return_id, line_no, sku, quantity_each, unit_price_minor, wanted)
 WHERE n.wanted
       + (SELECT coalesce(sum(l.counted_each), 0) FROM ordering.return_line AS l
           WHERE l.order_id = n.order_id AND l.line_no = n.line_no)
       <= (SELECT coalesce(sum(l.quantity_each), 0)
             FROM ordering.part AS p
             JOIN ordering.part_line AS l ON l.order_id = p.order_id AND l.part_no = p.part_no
            WHERE p.order_id = n.order_id AND l.line_no = n.line_no
              AND p.state IN ('shipped', 'delivered'))

-- name: take_returns
-- Takes the rows of these returns, in key order, and gives them as they are under the lock.
UPDATE ordering.return_order AS r
   SET state = r.state
  FROM (SELECT DISTINCT k.order_id, k.return_id
          FROM unnest(%(order_ids)s::text[], %(return_ids)s::text[]) AS k (order_id, return_id)
         ORDER BY k.order_id, k.return_id) AS m
 WHERE r.order_id = m.order_id AND r.return_id = m.return_id
RETURNING r.order_id, r.return_id, r.state, r.node, r.reason, r.currency, r.authorized_at,
          r.received_at, r.graded_at, r.since, r.command_id, r.actor

-- name: read_returns
SELECT order_id, return_id, state, node, reason, currency, authorized_at, received_at, graded_at,
       since, command_id, actor
  FROM ordering.return_order
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, return_id

-- name: returns_in_state
SELECT order_id, return_id, state, node, reason, currency, authorized_at, received_at, graded_at,
       since, command_id, actor
  FROM ordering.return_order
 WHERE state = %(state)s
   AND (since, order_id, return_id) > (%(since)s, %(after_order)s, %(after_return)s)
 ORDER BY since, order_id, return_id
 LIMIT %(limit)s

-- name: read_return_lines
SELECT order_id, return_id, line_no, sku, quantity_each, unit_price_minor, counted_each,
       received_each, restocked_each, scrapped_each
  FROM ordering.return_line
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, return_id, line_no

-- name: move_returns
UPDATE ordering.return_order AS r
   SET state = m.to_state, received_at = m.received_at, graded_at = m.graded_at, since = %(at)s
  FROM (SELECT k.order_id, k.return_id, k.from_state, k.to_state, k.received_at, k.graded_at
          FROM unnest(%(order_ids)s::text[], %(return_ids)s::text[], %(from_states)s::text[],
                      %(to_states)s::text[], %(received)s::timestamptz[],
                      %(graded)s::timestamptz[])
               AS k (order_id, return_id, from_state, to_state, received_at, graded_at)
         ORDER BY k.order_id, k.return_id) AS m
 WHERE r.order_id = m.order_id AND r.return_id = m.return_id AND r.state = m.from_state

-- name: book_return_lines
UPDATE ordering.return_line AS l
   SET counted_each = m.counted_each, received_each = m.received_each,
       restocked_each = m.restocked_each, scrapped_each = m.scrapped_each
  FROM (SELECT k.order_id, k.return_id, k.line_no, k.counted_each, k.received_each,
               k.restocked_each, k.scrapped_each
          FROM unnest(%(order_ids)s::text[], %(return_ids)s::text[], %(line_nos)s::integer[],
                      %(counted)s::bigint[], %(received)s::bigint[], %(restocked)s::bigint[],
                      %(scrapped)s::bigint[])
               AS k (order_id, return_id, line_no, counted_each, received_each, restocked_each,
                     scrapped_each)
         ORDER BY k.order_id, k.return_id, k.line_no) AS m
 WHERE l.order_id = m.order_id AND l.return_id = m.return_id AND l.line_no = m.line_no

-- name: audit_returned
-- Order lines of which more comes back than was shipped; what is lost may have turned up.
SELECT r.order_id, r.line_no, r.returned::bigint, coalesce(s.shipped, 0)::bigint
  FROM (SELECT order_id, line_no, sum(counted_each) AS returned
          FROM ordering.return_line GROUP BY order_id, line_no) AS r
  LEFT JOIN (SELECT l.order_id, l.line_no, sum(l.quantity_each) AS shipped
               FROM ordering.part AS p
               JOIN ordering.part_line AS l ON l.order_id = p.order_id AND l.part_no = p.part_no
              WHERE p.state IN ('shipped', 'delivered', 'lost')
              GROUP BY l.order_id, l.line_no) AS s
    ON s.order_id = r.order_id AND s.line_no = r.line_no
 WHERE r.returned > coalesce(s.shipped, 0)
 LIMIT %(limit)s

-- name: audit_returns
-- Returns whose state is not what their lines say.
SELECT h.order_id, h.return_id, f.finding
  FROM ordering.return_order AS h
  JOIN LATERAL (
      SELECT count(*) AS lines, coalesce(sum(l.counted_each), 0) AS counted,
             coalesce(sum(l.received_each), 0) AS received,
             coalesce(sum(l.restocked_each + l.scrapped_each), 0) AS graded
        FROM ordering.return_line AS l
       WHERE l.order_id = h.order_id AND l.return_id = h.return_id) AS l ON true
  JOIN LATERAL (
      SELECT 'has no line' AS finding WHERE l.lines = 0
      UNION ALL
      SELECT 'has not come but holds units' WHERE h.received_at IS NULL AND l.received > 0
      UNION ALL
      SELECT 'counts units that never came' WHERE h.state <> 'authorized' AND l.counted > l.received
      UNION ALL
      SELECT 'is graded, but not every unit is'
       WHERE h.graded_at IS NOT NULL AND l.graded <> l.received
      UNION ALL
      SELECT 'is not graded, but units are' WHERE h.graded_at IS NULL AND l.graded > 0
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_return_counts
SELECT count(*) FROM ordering.return_order
