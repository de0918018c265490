-- name: start_run
INSERT INTO simulation.run (run_id, seed, starts_at, ends_at, reached_at, state, counts)
VALUES (%(run_id)s, %(seed)s, %(starts_at)s, %(ends_at)s, %(starts_at)s, 'running', '{}')
ON CONFLICT (run_id) DO NOTHING

-- name: read_run
SELECT run_id, seed, starts_at, ends_at, reached_at, state, counts::text
  FROM simulation.run
 WHERE run_id = %(run_id)s

-- name: move_run
UPDATE simulation.run
   SET reached_at = %(reached_at)s, state = %(state)s, counts = %(counts)s::jsonb
 WHERE run_id = %(run_id)s

-- name: add_pending
INSERT INTO simulation.pending (kind, key, due_at, payload)
SELECT p.kind, p.key, p.due_at, p.payload
  FROM unnest(%(kinds)s::text[], %(keys)s::text[], %(due)s::timestamptz[],
              %(payloads)s::jsonb[]) AS p (kind, key, due_at, payload)
 ORDER BY p.kind, p.key
ON CONFLICT (kind, key) DO NOTHING

-- name: take_pending
DELETE FROM simulation.pending
 WHERE due_at <= %(at)s
RETURNING kind, key, due_at, payload::text

-- name: next_pending
SELECT min(due_at) FROM simulation.pending

-- name: add_days
INSERT INTO simulation.day (run_id, day, day_close)
SELECT %(run_id)s, d.day, d.day_close
  FROM unnest(%(days)s::date[], %(closes)s::jsonb[]) AS d (day, day_close)
 ORDER BY d.day

-- name: read_days
SELECT day_close::text
  FROM simulation.day
 WHERE run_id = %(run_id)s
 ORDER BY day
