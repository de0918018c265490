-- name: read_channels
SELECT channel, hold_minutes, hold_minutes_max, hold_each_max, cart_days
  FROM ordering.channel
 WHERE channel = ANY(%(channels)s::text[])

-- name: put_channels
INSERT INTO ordering.channel (channel, hold_minutes, hold_minutes_max, hold_each_max, cart_days)
SELECT c.channel, c.hold_minutes, c.hold_minutes_max, c.hold_each_max, c.cart_days
  FROM unnest(%(channels)s::text[], %(minutes)s::integer[], %(minutes_max)s::integer[],
              %(each_max)s::bigint[], %(days)s::integer[])
       AS c (channel, hold_minutes, hold_minutes_max, hold_each_max, cart_days)
 ORDER BY c.channel
ON CONFLICT (channel) DO UPDATE
   SET hold_minutes = excluded.hold_minutes, hold_minutes_max = excluded.hold_minutes_max,
       hold_each_max = excluded.hold_each_max, cart_days = excluded.cart_days

-- name: insert_carts
-- A cart id that exists already is not written: the count tells.
INSERT INTO ordering.cart (cart_id, state, version, channel, currency, person_id, country,
                           postal_area, opened_at, active_at, expires_at, holds, held_since,
                           held_until)
SELECT c.cart_id, 'open', c.version, c.channel, c.currency, c.person_id, c.country, c.postal_area,
       %(at)s, %(at)s, c.expires_at, c.holds, c.held_since, c.held_until
  FROM unnest(%(cart_ids)s::text[], %(versions)s::integer[], %(channels)s::text[],
              %(currencies)s::text[], %(person_ids)s::uuid[], %(countries)s::text[],
              %(postal_areas)s::text[], %(expires)s::timestamptz[], %(holds)s::boolean[],
              %(held_since)s::timestamptz[], %(held_until)s::timestamptz[])
       AS c (cart_id, version, channel, currency, person_id, country, postal_area, expires_at,
             holds, held_since, held_until)
 ORDER BY c.cart_id
ON CONFLICT (cart_id) DO NOTHING

-- name: put_cart_lines
INSERT INTO ordering.cart_line (cart_id, sku, line_no, quantity_each, unit_price_minor, saved)
SELECT l.cart_id, l.sku, l.line_no, l.quantity_each, l.unit_price_minor, l.saved
  FROM unnest(%(cart_ids)s::text[], %(skus)s::text[], %(line_nos)s::integer[],
              %(quantities)s::bigint[], %(prices)s::bigint[], %(saved)s::boolean[])
       AS l (cart_id, sku, line_no, quantity_each, unit_price_minor, saved)
 ORDER BY l.cart_id, l.sku
ON CONFLICT (cart_id, sku) DO UPDATE
   SET line_no = excluded.line_no, quantity_each = excluded.quantity_each,
       unit_price_minor = excluded.unit_price_minor, saved = excluded.saved

-- name: remove_cart_lines
DELETE FROM ordering.cart_line AS l
 USING (SELECT k.cart_id, k.sku FROM unnest(%(cart_ids)s::text[], %(skus)s::text[])
               AS k (cart_id, sku)
         ORDER BY k.cart_id, k.sku) AS d
 WHERE l.cart_id = d.cart_id AND l.sku = d.sku

-- name: read_carts
SELECT cart_id, state, version, channel, currency, person_id, country, postal_area, opened_at,
       active_at, expires_at, holds, held_since, held_until, ended_at, order_id, order_command,
       completion_hash
  FROM ordering.cart
 WHERE cart_id = ANY(%(cart_ids)s::text[])

-- name: take_carts
-- Takes the rows in key order and gives them as they are under the lock.
UPDATE ordering.cart AS c
   SET version = c.version
  FROM (SELECT k.cart_id FROM unnest(%(cart_ids)s::text[]) AS k (cart_id)
         ORDER BY k.cart_id) AS m
 WHERE c.cart_id = m.cart_id
RETURNING c.cart_id, c.state, c.version, c.channel, c.currency, c.person_id, c.country,
          c.postal_area, c.opened_at, c.active_at, c.expires_at, c.holds, c.held_since,
          c.held_until, c.ended_at, c.order_id, c.order_command, c.completion_hash

-- name: read_cart_lines
SELECT cart_id, line_no, sku, quantity_each, unit_price_minor, saved
  FROM ordering.cart_line
 WHERE cart_id = ANY(%(cart_ids)s::text[])
 ORDER BY cart_id, line_no

-- name: change_carts
-- The rows were taken before.
UPDATE ordering.cart AS c
   SET state = m.state, version = m.version, person_id = m.person_id, country = m.country,
       postal_area = m.postal_area, active_at = m.active_at, expires_at = m.expires_at,
       holds = m.holds, held_since = m.held_since, held_until = m.held_until, ended_at = m.ended_at,
       order_id = m.order_id, order_command = m.order_command,
       completion_hash = m.completion_hash
  FROM (SELECT k.cart_id, k.state, k.version, k.person_id, k.country, k.postal_area, k.active_at,
               k.expires_at, k.holds, k.held_since, k.held_until, k.ended_at, k.order_id,
               k.order_command, k.completion_hash
          FROM unnest(%(cart_ids)s::text[], %(states)s::text[], %(versions)s::integer[],
                      %(person_ids)s::uuid[], %(countries)s::text[], %(postal_areas)s::text[],
                      %(active)s::timestamptz[], %(expires)s::timestamptz[], %(holds)s::boolean[],
                      %(held_since)s::timestamptz[], %(held_until)s::timestamptz[],
                      %(ended)s::timestamptz[], %(order_ids)s::text[], %(order_commands)s::text[],
                      %(hashes)s::bytea[])
               AS k (cart_id, state, version, person_id, country, postal_area, active_at,
                     expires_at, holds, held_since, held_until, ended_at, order_id, order_command,
                     completion_hash)
         ORDER BY k.cart_id) AS m
 WHERE c.cart_id = m.cart_id

-- name: lapse_carts
-- Carts whose holds are over hold nothing any more. Two sweepers share the work, and one that is
-- being changed or completed is passed by: what becomes of its holds is decided there.
WITH due AS MATERIALIZED (
    SELECT cart_id
      FROM ordering.cart
     WHERE holds AND held_until <= %(at)s
     ORDER BY held_until
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE ordering.cart AS c
   SET holds = false
  FROM due
 WHERE c.cart_id = due.cart_id
RETURNING c.cart_id

-- name: expire_carts
WITH due AS MATERIALIZED (
    SELECT cart_id
      FROM ordering.cart
     WHERE state = 'open' AND expires_at <= %(at)s AND NOT holds
     ORDER BY expires_at
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE ordering.cart AS c
   SET state = 'expired', ended_at = %(at)s
  FROM due
 WHERE c.cart_id = due.cart_id
RETURNING c.cart_id, c.channel

-- name: forgettable_carts
SELECT cart_id
  FROM ordering.cart
 WHERE ended_at <= %(before)s
 ORDER BY ended_at
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED

-- name: forget_cart_lines
DELETE FROM ordering.cart_line WHERE cart_id = ANY(%(cart_ids)s::text[])

-- name: forget_carts
DELETE FROM ordering.cart WHERE cart_id = ANY(%(cart_ids)s::text[])

-- name: audit_carts
-- Completed carts whose order is not there, has other lines than they wanted, or became of another
-- cart too; and open ones that should have expired long ago.
SELECT c.cart_id, f.finding
  FROM ordering.cart AS c
  JOIN LATERAL (
      SELECT 'its order ' || c.order_id || ' is not there' AS finding
       WHERE c.state = 'completed'
         AND NOT EXISTS (SELECT 1 FROM ordering.orders AS o WHERE o.order_id = c.order_id)
      UNION ALL
      SELECT 'its order ' || c.order_id || ' has other lines'
       WHERE c.state = 'completed'
         AND ARRAY(SELECT l.sku || '*' || l.quantity_each FROM ordering.line AS l
                    WHERE l.order_id = c.order_id ORDER BY l.line_no)
             <> ARRAY(SELECT l.sku || '*' || l.quantity_each FROM ordering.cart_line AS l
                       WHERE l.cart_id = c.cart_id AND NOT l.saved ORDER BY l.line_no)
      UNION ALL
      SELECT 'should have expired at ' || c.expires_at
       WHERE c.state = 'open' AND c.expires_at < %(late)s
  ) AS f ON true
 LIMIT %(limit)s

-- name: audit_twice
-- Orders that became of more than one cart.
SELECT order_id, count(*), min(cart_id)
  FROM ordering.cart
 WHERE order_id IS NOT NULL
 GROUP BY order_id
HAVING count(*) > 1
 LIMIT %(limit)s

-- name: count_carts
SELECT count(*) FROM ordering.cart
