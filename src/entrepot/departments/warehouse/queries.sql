-- name: release_works
-- New work, or the next attempt of work that was cancelled. What stands in another state, or was
-- released by the same command before, is left alone: the rows given back tell.
INSERT INTO warehouse.work AS w (order_id, part_no, attempt, node, state, priority, lines,
                                 asked_each, short_each, mass_g, due_at, pick_due_at, ship_by,
                                 released_at, release_command)
SELECT k.order_id, k.part_no, 1, k.node, 'released', k.priority, k.lines, k.asked_each, 0,
       k.mass_g, k.pick_due_at, k.pick_due_at, k.ship_by, %(at)s, k.command_id
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(nodes)s::text[],
              %(priorities)s::smallint[], %(line_counts)s::integer[], %(asked)s::bigint[],
              %(masses)s::bigint[], %(pick_dues)s::timestamptz[], %(ship_bys)s::timestamptz[],
              %(command_ids)s::text[])
       AS k (order_id, part_no, node, priority, lines, asked_each, mass_g, pick_due_at, ship_by,
             command_id)
 ORDER BY k.order_id, k.part_no
ON CONFLICT (order_id, part_no) DO UPDATE
   SET attempt = w.attempt + 1, node = excluded.node, state = excluded.state,
       priority = excluded.priority, lines = excluded.lines, asked_each = excluded.asked_each,
       short_each = 0, mass_g = excluded.mass_g, due_at = excluded.due_at,
       pick_due_at = excluded.pick_due_at, ship_by = excluded.ship_by,
       released_at = excluded.released_at, picked_at = NULL, packed_at = NULL,
       cancelled_at = NULL, cancel_reason = NULL, release_command = excluded.release_command,
       pick_command = NULL, pack_command = NULL, cancel_command = NULL
 WHERE w.state = 'cancelled' AND w.release_command <> excluded.release_command
RETURNING w.order_id, w.part_no, w.attempt

-- name: remove_lines
-- The lines of an earlier attempt, whose work row this transaction holds.
DELETE FROM warehouse.work_line AS l
 USING (SELECT k.order_id, k.part_no
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE l.order_id = m.order_id AND l.part_no = m.part_no

-- name: insert_lines
INSERT INTO warehouse.work_line (order_id, part_no, line_no, sku, asked_each, unit_mass_g,
                                 short_each)
SELECT k.order_id, k.part_no, k.line_no, k.sku, k.asked_each, k.unit_mass_g, 0
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(line_nos)s::integer[],
              %(skus)s::text[], %(asked)s::bigint[], %(unit_masses)s::integer[])
       AS k (order_id, part_no, line_no, sku, asked_each, unit_mass_g)

-- name: read_works
SELECT w.order_id, w.part_no, w.attempt, w.node, w.state, w.priority, w.lines, w.asked_each,
       w.short_each, w.mass_g, w.due_at, w.pick_due_at, w.ship_by, w.released_at, w.picked_at,
       w.packed_at, w.handed_over_at, w.cancelled_at, w.cancel_reason, w.release_command,
       w.pick_command, w.pack_command, w.hand_over_command, w.cancel_command
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
  JOIN warehouse.work AS w ON w.order_id = k.order_id AND w.part_no = k.part_no

-- name: works_of_orders
SELECT order_id, part_no, attempt, node, state, priority, lines, asked_each, short_each, mass_g,
       due_at, pick_due_at, ship_by, released_at, picked_at, packed_at, handed_over_at,
       cancelled_at, cancel_reason, release_command, pick_command, pack_command,
       hand_over_command, cancel_command
  FROM warehouse.work
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, part_no

-- name: due_works
-- The first condition on the state is the parameter, the second the index's.
SELECT order_id, part_no, attempt, node, state, priority, lines, asked_each, short_each, mass_g,
       due_at, pick_due_at, ship_by, released_at, picked_at, packed_at, handed_over_at,
       cancelled_at, cancel_reason, release_command, pick_command, pack_command,
       hand_over_command, cancel_command
  FROM warehouse.work
 WHERE node = ANY(%(nodes)s::text[])
   AND state = %(state)s AND state IN ('released', 'picked', 'packed')
   AND due_at <= %(at)s
 ORDER BY due_at, priority, order_id, part_no
 LIMIT %(limit)s

-- name: read_lines
SELECT l.order_id, l.part_no, l.line_no, l.sku, l.asked_each, l.unit_mass_g, l.short_each,
       l.short_reason
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
  JOIN warehouse.work_line AS l ON l.order_id = k.order_id AND l.part_no = k.part_no
 ORDER BY l.order_id, l.part_no, l.line_no

-- name: read_cartons
SELECT c.order_id, c.part_no, c.sscc, c.mass_g, c.line_nos, c.quantities, c.packed_at,
       c.closed_at, c.voided_at
  FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
  JOIN warehouse.carton AS c ON c.order_id = k.order_id AND c.part_no = k.part_no
 ORDER BY c.order_id, c.part_no, c.sscc

-- name: find_cartons
SELECT order_id, part_no, sscc, mass_g, line_nos, quantities, packed_at, closed_at, voided_at
  FROM warehouse.carton
 WHERE sscc = ANY(%(ssccs)s::text[])
 ORDER BY sscc

-- name: pick_works
UPDATE warehouse.work AS w
   SET state = 'picked', picked_at = %(at)s, due_at = %(at)s, short_each = m.short_each,
       mass_g = w.mass_g - m.short_mass_g, pick_command = m.command_id
  FROM (SELECT k.order_id, k.part_no, k.short_each, k.short_mass_g, k.command_id
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(shorts)s::bigint[],
                      %(short_masses)s::bigint[], %(command_ids)s::text[])
               AS k (order_id, part_no, short_each, short_mass_g, command_id)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE w.order_id = m.order_id AND w.part_no = m.part_no AND w.state = 'released'

-- name: short_lines
UPDATE warehouse.work_line AS l
   SET short_each = m.short_each, short_reason = m.short_reason
  FROM (SELECT k.order_id, k.part_no, k.line_no, k.short_each, k.short_reason
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(line_nos)s::integer[],
                      %(shorts)s::bigint[], %(reasons)s::text[])
               AS k (order_id, part_no, line_no, short_each, short_reason)
         ORDER BY k.order_id, k.part_no, k.line_no) AS m
 WHERE l.order_id = m.order_id AND l.part_no = m.part_no AND l.line_no = m.line_no
   AND m.short_each <= l.asked_each

-- name: take_serials
-- A block of serial numbers of a company prefix; no row when too few are left.
INSERT INTO warehouse.sscc_counter AS c (company_prefix, next_serial)
VALUES (%(prefix)s, %(count)s)
ON CONFLICT (company_prefix) DO UPDATE
   SET next_serial = c.next_serial + excluded.next_serial
 WHERE c.next_serial + excluded.next_serial <= %(serials)s
RETURNING next_serial

-- name: pack_works
UPDATE warehouse.work AS w
   SET state = 'packed', packed_at = %(at)s, due_at = w.ship_by, pack_command = m.command_id
  FROM (SELECT k.order_id, k.part_no, k.command_id
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(command_ids)s::text[])
               AS k (order_id, part_no, command_id)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE w.order_id = m.order_id AND w.part_no = m.part_no AND w.state = 'picked'

-- name: insert_cartons
INSERT INTO warehouse.carton (order_id, sscc, part_no, mass_g, line_nos, quantities, packed_at)
SELECT k.order_id, k.sscc, k.part_no, k.mass_g, k.line_nos::integer[], k.quantities::bigint[],
       %(at)s
  FROM unnest(%(order_ids)s::text[], %(ssccs)s::text[], %(part_nos)s::integer[],
              %(masses)s::bigint[], %(line_nos)s::text[], %(quantities)s::text[])
       AS k (order_id, sscc, part_no, mass_g, line_nos, quantities)

-- name: hand_over_works
UPDATE warehouse.work AS w
   SET state = 'handed_over', handed_over_at = %(at)s, hand_over_command = m.command_id
  FROM (SELECT k.order_id, k.part_no, k.command_id
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(command_ids)s::text[])
               AS k (order_id, part_no, command_id)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE w.order_id = m.order_id AND w.part_no = m.part_no AND w.state = 'packed'

-- name: close_cartons
UPDATE warehouse.carton AS c
   SET closed_at = %(at)s
  FROM (SELECT k.order_id, k.sscc
          FROM unnest(%(order_ids)s::text[], %(ssccs)s::text[]) AS k (order_id, sscc)
         ORDER BY k.order_id, k.sscc) AS m
 WHERE c.order_id = m.order_id AND c.sscc = m.sscc
   AND c.closed_at IS NULL AND c.voided_at IS NULL

-- name: cancel_works
UPDATE warehouse.work AS w
   SET state = 'cancelled', cancelled_at = %(at)s, cancel_reason = m.reason,
       cancel_command = m.command_id
  FROM (SELECT k.order_id, k.part_no, k.from_state, k.reason, k.command_id
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[], %(from_states)s::text[],
                      %(reasons)s::text[], %(command_ids)s::text[])
               AS k (order_id, part_no, from_state, reason, command_id)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE w.order_id = m.order_id AND w.part_no = m.part_no AND w.state = m.from_state

-- name: void_cartons
-- The cartons of cancelled work, whose rows this transaction holds.
UPDATE warehouse.carton AS c
   SET voided_at = %(at)s
  FROM (SELECT k.order_id, k.part_no
          FROM unnest(%(order_ids)s::text[], %(part_nos)s::integer[]) AS k (order_id, part_no)
         ORDER BY k.order_id, k.part_no) AS m
 WHERE c.order_id = m.order_id AND c.part_no = m.part_no AND c.voided_at IS NULL

-- name: insert_receipts
-- A receipt id that exists already is not written: the rows given back tell.
INSERT INTO warehouse.receipt (receipt_id, node, document, state, received_at, receive_command,
                               actor)
SELECT k.receipt_id, k.node, k.document, 'received', %(at)s, k.command_id, k.actor
  FROM unnest(%(receipt_ids)s::text[], %(nodes)s::text[], %(documents)s::text[],
              %(command_ids)s::text[], %(actors)s::text[])
       AS k (receipt_id, node, document, command_id, actor)
 ORDER BY k.receipt_id
ON CONFLICT (receipt_id) DO NOTHING
RETURNING receipt_id

-- name: insert_receipt_lines
INSERT INTO warehouse.receipt_line (receipt_id, line_no, sku, expected_each, received_each,
                                    damaged_each)
SELECT k.receipt_id, k.line_no, k.sku, k.expected_each, k.received_each, k.damaged_each
  FROM unnest(%(receipt_ids)s::text[], %(line_nos)s::integer[], %(skus)s::text[],
              %(expected)s::bigint[], %(received)s::bigint[], %(damaged)s::bigint[])
       AS k (receipt_id, line_no, sku, expected_each, received_each, damaged_each)

-- name: read_receipts
SELECT receipt_id, node, document, state, received_at, put_away_at, receive_command,
       put_away_command
  FROM warehouse.receipt
 WHERE receipt_id = ANY(%(receipt_ids)s::text[])
 ORDER BY receipt_id

-- name: read_receipt_lines
SELECT receipt_id, line_no, sku, expected_each, received_each, damaged_each
  FROM warehouse.receipt_line
 WHERE receipt_id = ANY(%(receipt_ids)s::text[])
 ORDER BY receipt_id, line_no

-- name: receipts_of_documents
SELECT receipt_id FROM warehouse.receipt
 WHERE document = ANY(%(documents)s::text[])
 ORDER BY received_at, receipt_id

-- name: waiting_receipts
SELECT receipt_id
  FROM warehouse.receipt
 WHERE node = ANY(%(nodes)s::text[]) AND state = 'received' AND received_at <= %(at)s
 ORDER BY received_at, receipt_id
 LIMIT %(limit)s

-- name: put_away_receipts
UPDATE warehouse.receipt AS r
   SET state = 'put_away', put_away_at = %(at)s, put_away_command = m.command_id
  FROM (SELECT k.receipt_id, k.command_id
          FROM unnest(%(receipt_ids)s::text[], %(command_ids)s::text[])
               AS k (receipt_id, command_id)
         ORDER BY k.receipt_id) AS m
 WHERE r.receipt_id = m.receipt_id AND r.state = 'received'

-- name: audit_works
-- Work whose sums are not those of its lines, or whose cartons are not as its state says.
SELECT w.order_id, w.part_no, f.finding
  FROM warehouse.work AS w
  JOIN LATERAL (
      SELECT count(*) AS lines, coalesce(sum(l.asked_each), 0) AS asked_each,
             coalesce(sum(l.short_each), 0) AS short_each,
             coalesce(sum(l.unit_mass_g * (l.asked_each - l.short_each)), 0) AS mass_g
        FROM warehouse.work_line AS l
       WHERE l.order_id = w.order_id AND l.part_no = w.part_no) AS l ON true
  JOIN LATERAL (
      SELECT count(*) AS cartons, count(c.closed_at) AS closed,
             count(*) FILTER (WHERE c.line_nos IS NULL) AS whole
        FROM warehouse.carton AS c
       WHERE c.order_id = w.order_id AND c.part_no = w.part_no
         AND c.voided_at IS NULL) AS c ON true
  JOIN LATERAL (
      SELECT 'has sums that differ from its lines' AS finding
       WHERE (w.lines, w.asked_each, w.short_each, w.mass_g)
             IS DISTINCT FROM (l.lines, l.asked_each, l.short_each, l.mass_g)
      UNION ALL
      SELECT 'is packed but has no carton'
       WHERE w.state IN ('packed', 'handed_over') AND c.cartons = 0
      UNION ALL
      SELECT 'has a carton although it is not packed'
       WHERE w.state NOT IN ('packed', 'handed_over') AND c.cartons > 0
      UNION ALL
      SELECT 'has open cartons although it was handed over'
       WHERE w.state = 'handed_over' AND c.closed < c.cartons
      UNION ALL
      SELECT 'has closed cartons although it was not handed over'
       WHERE w.state <> 'handed_over' AND c.closed > 0
      UNION ALL
      SELECT 'has further cartons beside one with everything' WHERE c.whole > 0 AND c.cartons > 1
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_cartons
-- Lines of which another quantity is in cartons than was picked.
SELECT l.order_id, l.part_no, l.line_no, l.asked_each - l.short_each,
       coalesce(sum(c.quantities[array_position(c.line_nos, l.line_no)]), 0)::bigint
  FROM warehouse.work_line AS l
  JOIN warehouse.carton AS c ON c.order_id = l.order_id AND c.part_no = l.part_no
                            AND c.voided_at IS NULL AND c.line_nos IS NOT NULL
 GROUP BY l.order_id, l.part_no, l.line_no, l.asked_each, l.short_each
HAVING coalesce(sum(c.quantities[array_position(c.line_nos, l.line_no)]), 0)
       <> l.asked_each - l.short_each
 LIMIT %(limit)s

-- name: audit_counts
SELECT (SELECT count(*) FROM warehouse.work), (SELECT count(*) FROM warehouse.carton),
       (SELECT count(*) FROM warehouse.receipt)
