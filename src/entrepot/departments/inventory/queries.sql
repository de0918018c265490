-- name: take_stock
-- Takes the rows of these keys, in key order, and gives them as they are under the lock.
UPDATE inventory.stock AS s
   SET on_hand = s.on_hand
  FROM (SELECT DISTINCT k.sku, k.node
          FROM unnest(%(skus)s::text[], %(nodes)s::text[]) AS k (sku, node)
         ORDER BY k.sku, k.node) AS m
 WHERE s.sku = m.sku AND s.node = m.node
RETURNING s.sku, s.node, s.on_hand, s.held, s.reserved, s.allocated, s.quarantined

-- name: ensure_stock
-- Rows for keys that have none yet, so that the guarded update finds them. A row that another
-- transaction wrote meanwhile is left alone: the count tells.
INSERT INTO inventory.stock (sku, node)
SELECT DISTINCT k.sku, k.node
  FROM unnest(%(skus)s::text[], %(nodes)s::text[]) AS k (sku, node)
 ORDER BY k.sku, k.node
ON CONFLICT (sku, node) DO NOTHING

-- name: post
-- Moves balances and writes the movements that mean it, as one statement. When a balance would
-- break its guard nothing is written: the count tells, and the transaction ends.
WITH changed AS (
    UPDATE inventory.stock AS s
       SET on_hand = s.on_hand + d.on_hand,
           held = s.held + d.held,
           reserved = s.reserved + d.reserved,
           allocated = s.allocated + d.allocated,
           quarantined = s.quarantined + d.quarantined
      FROM (SELECT b.sku, b.node, b.on_hand, b.held, b.reserved, b.allocated, b.quarantined
              FROM unnest(%(balance_skus)s::text[], %(balance_nodes)s::text[],
                          %(on_hand)s::bigint[], %(held)s::bigint[], %(reserved)s::bigint[],
                          %(allocated)s::bigint[], %(quarantined)s::bigint[])
                   AS b (sku, node, on_hand, held, reserved, allocated, quarantined)
             ORDER BY b.sku, b.node) AS d
     WHERE s.sku = d.sku AND s.node = d.node
       AND s.on_hand + d.on_hand
           >= s.held + d.held + s.reserved + d.reserved + s.allocated + d.allocated
       AND s.held + d.held >= 0
       AND s.reserved + d.reserved >= 0
       AND s.allocated + d.allocated >= 0
       AND s.quarantined + d.quarantined >= 0
    RETURNING s.sku
)
INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT m.sku, m.movement_id, m.node, m.from_account, m.to_account, m.quantity_each, m.cause,
       m.document, %(at)s, m.command_id, m.actor
  FROM unnest(%(movement_ids)s::uuid[], %(skus)s::text[], %(nodes)s::text[],
              %(from_accounts)s::text[], %(to_accounts)s::text[], %(quantities)s::bigint[],
              %(causes)s::text[], %(documents)s::text[], %(command_ids)s::text[],
              %(actors)s::text[])
       AS m (movement_id, sku, node, from_account, to_account, quantity_each, cause, document,
             command_id, actor)
 WHERE (SELECT count(*) FROM changed) = %(balances)s

-- name: read_available
-- What may be promised, as three columns: the place of the SKU, the place of the node (both from
-- 0), and how many there are.
SELECT array_agg(k.nth - 1), array_agg(array_position(%(nodes)s::text[], s.node) - 1),
       array_agg(s.on_hand - s.held - s.reserved - s.allocated)
  FROM unnest(%(skus)s::text[]) WITH ORDINALITY AS k (sku, nth)
  JOIN inventory.stock AS s ON s.sku = k.sku
 WHERE s.node = ANY(%(nodes)s::text[])
   AND s.on_hand > s.held + s.reserved + s.allocated

-- name: read_stock
SELECT sku, node, on_hand, held, reserved, allocated, quarantined
  FROM inventory.stock
 WHERE sku = ANY(%(skus)s::text[])
 ORDER BY sku, node

-- name: list_stock
SELECT sku, node, on_hand, held, reserved, allocated, quarantined
  FROM inventory.stock
 WHERE (sku, node) > (%(after_sku)s, %(after_node)s)
 ORDER BY sku, node
 LIMIT %(limit)s

-- name: opened
-- Which of these SKUs and nodes have an opening entry already, and how large.
SELECT o.sku, o.node, o.quantity_each
  FROM inventory.opened AS o
 WHERE o.sku = ANY(%(skus)s::text[])

-- name: record_opened
-- A second opening of a SKU at a node ends at the primary key.
INSERT INTO inventory.opened (sku, node, quantity_each)
SELECT o.sku, o.node, o.quantity_each
  FROM unnest(%(skus)s::text[], %(nodes)s::text[], %(quantities)s::bigint[])
       AS o (sku, node, quantity_each)
 ORDER BY o.sku, o.node

-- name: insert_holds
INSERT INTO inventory.hold (sku, hold_id, node, cart, quantity_each, expires_at)
SELECT h.sku, h.hold_id, h.node, h.cart, h.quantity_each, h.expires_at
  FROM unnest(%(skus)s::text[], %(hold_ids)s::uuid[], %(nodes)s::text[], %(carts)s::text[],
              %(quantities)s::bigint[], %(expires)s::timestamptz[])
       AS h (sku, hold_id, node, cart, quantity_each, expires_at)

-- name: read_holds
SELECT sku, hold_id, node, cart, quantity_each, expires_at
  FROM inventory.hold
 WHERE cart = ANY(%(carts)s::text[])
 ORDER BY cart, sku, hold_id

-- name: extend_holds
UPDATE inventory.hold AS h
   SET expires_at = m.expires_at
  FROM (SELECT k.cart, k.expires_at
          FROM unnest(%(carts)s::text[], %(expires)s::timestamptz[]) AS k (cart, expires_at)
         ORDER BY k.cart) AS m
 WHERE h.cart = m.cart AND h.expires_at > %(at)s

-- name: remove_holds
DELETE FROM inventory.hold AS h
 USING (SELECT k.sku, k.hold_id, k.quantity_each
          FROM unnest(%(skus)s::text[], %(hold_ids)s::uuid[], %(quantities)s::bigint[])
               AS k (sku, hold_id, quantity_each)
         ORDER BY k.sku, k.hold_id) AS d
 WHERE h.sku = d.sku AND h.hold_id = d.hold_id AND h.quantity_each = d.quantity_each

-- name: remove_cart_holds
DELETE FROM inventory.hold AS h
 WHERE h.cart = ANY(%(carts)s::text[])
RETURNING h.sku, h.hold_id, h.node, h.cart, h.quantity_each, h.expires_at

-- name: remove_expired_holds
-- Two sweepers share the work: rows another one is removing are skipped. In a CTE, because a plan
-- may run a joined subquery again for each row, and each time it would lock and give other rows.
WITH due AS MATERIALIZED (
    SELECT sku, hold_id
      FROM inventory.hold
     WHERE expires_at <= %(at)s
     ORDER BY expires_at
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
DELETE FROM inventory.hold AS h
 USING due
 WHERE h.sku = due.sku AND h.hold_id = due.hold_id
RETURNING h.sku, h.hold_id, h.node, h.cart, h.quantity_each, h.expires_at

-- name: insert_reservations
INSERT INTO inventory.reservation (sku, reservation_id, order_id, line_no, node, quantity_each,
                                   priority, state, promised_at, since)
SELECT r.sku, r.reservation_id, r.order_id, r.line_no, r.node, r.quantity_each, r.priority,
       r.state, r.promised_at, %(at)s
  FROM unnest(%(skus)s::text[], %(reservation_ids)s::uuid[], %(order_ids)s::text[],
              %(line_nos)s::integer[], %(nodes)s::text[], %(quantities)s::bigint[],
              %(priorities)s::smallint[], %(states)s::text[], %(promised)s::timestamptz[])
       AS r (sku, reservation_id, order_id, line_no, node, quantity_each, priority, state,
             promised_at)

-- name: read_reservations
SELECT r.sku, r.reservation_id, r.order_id, r.line_no, r.node, r.quantity_each, r.priority,
       r.state, r.promised_at, r.since
  FROM unnest(%(skus)s::text[], %(reservation_ids)s::uuid[]) AS k (sku, reservation_id)
  JOIN inventory.reservation AS r
    ON r.sku = k.sku AND r.reservation_id = k.reservation_id

-- name: reservations_of_orders
SELECT sku, reservation_id, order_id, line_no, node, quantity_each, priority, state, promised_at,
       since
  FROM inventory.reservation
 WHERE order_id = ANY(%(order_ids)s::text[])
 ORDER BY order_id, line_no, reservation_id

-- name: waiting
SELECT sku, reservation_id, order_id, line_no, node, quantity_each, priority, state, promised_at,
       since
  FROM inventory.reservation
 WHERE sku = ANY(%(skus)s::text[]) AND state = 'waiting'
 ORDER BY sku, priority, since, reservation_id

-- name: move_reservations
-- From one state to the next, only where state and units are still the expected ones.
UPDATE inventory.reservation AS r
   SET state = m.to_state, node = coalesce(m.node, r.node)
  FROM (SELECT k.sku, k.reservation_id, k.quantity_each, k.from_state, k.to_state, k.node
          FROM unnest(%(skus)s::text[], %(reservation_ids)s::uuid[], %(quantities)s::bigint[],
                      %(from_states)s::text[], %(to_states)s::text[], %(nodes)s::text[])
               AS k (sku, reservation_id, quantity_each, from_state, to_state, node)
         ORDER BY k.sku, k.reservation_id) AS m
 WHERE r.sku = m.sku AND r.reservation_id = m.reservation_id AND r.state = m.from_state
   AND r.quantity_each = m.quantity_each

-- name: shorten_reservations
UPDATE inventory.reservation AS r
   SET quantity_each = r.quantity_each - m.short_each
  FROM (SELECT k.sku, k.reservation_id, k.short_each
          FROM unnest(%(skus)s::text[], %(reservation_ids)s::uuid[], %(shorts)s::bigint[])
               AS k (sku, reservation_id, short_each)
         ORDER BY k.sku, k.reservation_id) AS m
 WHERE r.sku = m.sku AND r.reservation_id = m.reservation_id AND r.state = 'allocated'
   AND r.quantity_each > m.short_each

-- name: expect
-- One that is closed stays as it is and is not given back.
INSERT INTO inventory.expected_receipt (sku, expected_id, node, quantity_each, due_at, document,
                                        open)
SELECT e.sku, e.expected_id, e.node, e.quantity_each, e.due_at, e.document, true
  FROM unnest(%(skus)s::text[], %(expected_ids)s::text[], %(nodes)s::text[],
              %(quantities)s::bigint[], %(due)s::timestamptz[], %(documents)s::text[])
       AS e (sku, expected_id, node, quantity_each, due_at, document)
 ORDER BY e.sku, e.expected_id
ON CONFLICT (sku, expected_id) DO UPDATE
   SET node = excluded.node, quantity_each = excluded.quantity_each, due_at = excluded.due_at,
       document = excluded.document
 WHERE inventory.expected_receipt.open
RETURNING sku, expected_id

-- name: close_expected
UPDATE inventory.expected_receipt AS x
   SET received_each = x.received_each + e.received_each,
       open = x.received_each + e.received_each < x.quantity_each AND NOT e.close
  FROM (SELECT k.sku, k.expected_id, k.received_each, k.close
          FROM unnest(%(skus)s::text[], %(expected_ids)s::text[], %(received)s::bigint[],
                      %(closes)s::boolean[]) AS k (sku, expected_id, received_each, close)
         ORDER BY k.sku, k.expected_id) AS e
 WHERE x.sku = e.sku AND x.expected_id = e.expected_id AND x.open

-- name: read_expected
SELECT sku, expected_id, node, quantity_each - received_each, due_at, document
  FROM inventory.expected_receipt
 WHERE sku = ANY(%(skus)s::text[]) AND open AND quantity_each > received_each
 ORDER BY sku, due_at, expected_id

-- name: story
SELECT sku, movement_id, node, from_account, to_account, quantity_each, cause, document, at,
       command_id, actor
  FROM inventory.movement
 WHERE sku = %(sku)s AND (%(node)s::text IS NULL OR node = %(node)s)
 ORDER BY movement_id DESC
 LIMIT %(limit)s

-- name: audit_balances
-- Balances that are not what the ledger says, or hold more than is committed to someone.
WITH ledger AS (
    SELECT sku, node,
           sum(quantity_each) FILTER (
               WHERE account IN ('free', 'held', 'reserved', 'allocated')) AS on_hand,
           sum(quantity_each) FILTER (WHERE account = 'held') AS held,
           sum(quantity_each) FILTER (WHERE account = 'reserved') AS reserved,
           sum(quantity_each) FILTER (WHERE account = 'allocated') AS allocated,
           sum(quantity_each) FILTER (WHERE account = 'quarantine') AS quarantined
      FROM (SELECT sku, node, from_account AS account, -quantity_each AS quantity_each
              FROM inventory.movement
             UNION ALL
            SELECT sku, node, to_account, quantity_each FROM inventory.movement
             UNION ALL
            SELECT sku, node, account, quantity_each FROM inventory.carried) AS entries
     GROUP BY sku, node
), committed AS (
    SELECT sku, node, sum(quantity_each) FILTER (WHERE state = 'held') AS held,
           sum(quantity_each) FILTER (WHERE state = 'reserved') AS reserved,
           sum(quantity_each) FILTER (WHERE state = 'allocated') AS allocated
      FROM (SELECT sku, node, state, quantity_each FROM inventory.reservation
             WHERE state IN ('reserved', 'allocated')
             UNION ALL
            SELECT sku, node, 'held', quantity_each FROM inventory.hold) AS commitments
     GROUP BY sku, node
)
SELECT coalesce(s.sku, l.sku, c.sku), coalesce(s.node, l.node, c.node),
       ARRAY[s.on_hand, s.held, s.reserved, s.allocated, s.quarantined]::text,
       ARRAY[coalesce(l.on_hand, 0), coalesce(l.held, 0), coalesce(l.reserved, 0),
             coalesce(l.allocated, 0), coalesce(l.quarantined, 0)]::text,
       ARRAY[coalesce(c.held, 0), coalesce(c.reserved, 0), coalesce(c.allocated, 0)]::text
  FROM inventory.stock AS s
  FULL JOIN ledger AS l ON l.sku = s.sku AND l.node = s.node
  FULL JOIN committed AS c
    ON c.sku = coalesce(s.sku, l.sku) AND c.node = coalesce(s.node, l.node)
 WHERE s.on_hand IS DISTINCT FROM coalesce(l.on_hand, 0)
    OR s.held IS DISTINCT FROM coalesce(l.held, 0)
    OR s.reserved IS DISTINCT FROM coalesce(l.reserved, 0)
    OR s.allocated IS DISTINCT FROM coalesce(l.allocated, 0)
    OR s.quarantined IS DISTINCT FROM coalesce(l.quarantined, 0)
    OR s.held IS DISTINCT FROM coalesce(c.held, 0)
    OR s.reserved IS DISTINCT FROM coalesce(c.reserved, 0)
    OR s.allocated IS DISTINCT FROM coalesce(c.allocated, 0)
 LIMIT %(limit)s

-- name: audit_conservation
-- SKUs where what is there is not what came in from outside less what went out, or where what was
-- carried forward from the archive does not come to nothing over all accounts.
WITH entries AS (
    SELECT sku,
           CASE WHEN to_account IN ('free', 'held', 'reserved', 'allocated', 'quarantine')
                THEN quantity_each ELSE 0 END
           - CASE WHEN from_account IN ('free', 'held', 'reserved', 'allocated', 'quarantine')
                  THEN quantity_each ELSE 0 END AS quantity_each
      FROM inventory.movement
     UNION ALL
    SELECT sku, quantity_each
      FROM inventory.carried
     WHERE account IN ('free', 'held', 'reserved', 'allocated', 'quarantine')
     UNION ALL
    SELECT sku, sum(quantity_each) FROM inventory.carried GROUP BY sku
), flows AS (
    SELECT sku, sum(quantity_each) AS net FROM entries GROUP BY sku
), there AS (
    SELECT sku, sum(on_hand + quarantined) AS units FROM inventory.stock GROUP BY sku
)
SELECT coalesce(t.sku, f.sku), coalesce(t.units, 0)::bigint, coalesce(f.net, 0)::bigint
  FROM there AS t
  FULL JOIN flows AS f ON f.sku = t.sku
 WHERE coalesce(t.units, 0) <> coalesce(f.net, 0)
 LIMIT %(limit)s

-- name: audit_opened
-- Opening stock that is noted otherwise than it was booked.
WITH booked AS (
    SELECT sku, node, sum(quantity_each) AS quantity_each
      FROM (SELECT sku, node, quantity_each FROM inventory.movement
             WHERE from_account = 'opening'
             UNION ALL
            SELECT sku, node, -quantity_each FROM inventory.carried
             WHERE account = 'opening') AS entries
     GROUP BY sku, node
)
SELECT coalesce(o.sku, b.sku), coalesce(o.node, b.node), coalesce(o.quantity_each, 0),
       coalesce(b.quantity_each, 0)::bigint
  FROM inventory.opened AS o
  FULL JOIN booked AS b ON b.sku = o.sku AND b.node = o.node
 WHERE o.quantity_each IS DISTINCT FROM b.quantity_each
 LIMIT %(limit)s

-- name: living_reservation
-- One of these ids that still stands for something; none, no row.
SELECT r.order_id, r.state
  FROM inventory.reservation AS r
 WHERE r.reservation_id < %(until)s::uuid
   AND (%(since)s::uuid IS NULL OR r.reservation_id >= %(since)s::uuid)
   AND r.state NOT IN ('shipped', 'cancelled')
 LIMIT 1

-- name: carry_forward
-- What the movements of these ids left in each account, added to what was carried before.
INSERT INTO inventory.carried AS c (sku, node, account, quantity_each)
SELECT e.sku, e.node, e.account, sum(e.quantity_each)::bigint
  FROM (SELECT m.sku, m.node, m.from_account AS account, -m.quantity_each AS quantity_each
          FROM inventory.movement AS m
         WHERE m.movement_id < %(until)s::uuid
           AND (%(since)s::uuid IS NULL OR m.movement_id >= %(since)s::uuid)
         UNION ALL
        SELECT m.sku, m.node, m.to_account, m.quantity_each
          FROM inventory.movement AS m
         WHERE m.movement_id < %(until)s::uuid
           AND (%(since)s::uuid IS NULL OR m.movement_id >= %(since)s::uuid)) AS e
 GROUP BY e.sku, e.node, e.account
 ORDER BY e.sku, e.node, e.account
ON CONFLICT (sku, node, account) DO UPDATE
   SET quantity_each = c.quantity_each + excluded.quantity_each

-- name: audit_counts
SELECT (SELECT count(*) FROM inventory.movement), (SELECT count(*) FROM inventory.stock),
       (SELECT count(*) FROM inventory.reservation)
