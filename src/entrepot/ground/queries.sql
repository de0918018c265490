-- name: claim_commands
-- Takes command ids in key order; gives back those that are new.
INSERT INTO ground.command (command_id, content_hash, at)
SELECT c.command_id, c.content_hash, %(at)s
  FROM unnest(%(command_ids)s::text[], %(hashes)s::bytea[]) AS c (command_id, content_hash)
 ORDER BY c.command_id
ON CONFLICT (command_id) DO NOTHING
RETURNING command_id

-- name: keep_commands
-- Commands with their answers, in key order. One that somebody did meanwhile is not written: the
-- count tells.
INSERT INTO ground.command (command_id, content_hash, answer, at)
SELECT c.command_id, c.content_hash, c.answer, %(at)s
  FROM unnest(%(command_ids)s::text[], %(hashes)s::bytea[], %(answers)s::bytea[])
       AS c (command_id, content_hash, answer)
 ORDER BY c.command_id
ON CONFLICT (command_id) DO NOTHING

-- name: read_commands
SELECT command_id, content_hash, answer
  FROM ground.command
 WHERE command_id = ANY(%(command_ids)s::text[])

-- name: answer_commands
UPDATE ground.command AS c
   SET answer = a.answer
  FROM (SELECT k.command_id, k.answer
          FROM unnest(%(command_ids)s::text[], %(answers)s::bytea[]) AS k (command_id, answer)
         ORDER BY k.command_id) AS a
 WHERE c.command_id = a.command_id

-- name: forget_commands
DELETE FROM ground.command
 WHERE command_id IN (SELECT command_id FROM ground.command WHERE at < %(before)s LIMIT %(limit)s)

-- name: announce
INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, caused_by,
                           actor, traceparent, body)
SELECT f.subject, f.fact_id, f.name, f.version, f.occurred_at, f.command_id, f.caused_by,
       f.actor, %(traceparent)s, f.body
  FROM unnest(%(subjects)s::text[], %(fact_ids)s::uuid[], %(names)s::text[],
              %(versions)s::smallint[], %(occurred_ats)s::timestamptz[], %(command_ids)s::text[],
              %(caused_bys)s::uuid[], %(actors)s::text[], %(bodies)s::jsonb[])
       WITH ORDINALITY AS f (subject, fact_id, name, version, occurred_at, command_id, caused_by,
                             actor, body, nth)
 ORDER BY f.nth

-- name: sequence_batch
-- Moves the oldest committed facts into the log and numbers them. One sequencer at a time: the
-- head row is locked before, so a second one waits and finds other rows. All rows up to the last
-- one of those are seen by one snapshot: they are the oldest, found without a join.
WITH taken AS (
    DELETE FROM events.outbox
     WHERE outbox_id <= (SELECT max(o.outbox_id)
                           FROM (SELECT outbox_id FROM events.outbox
                                  ORDER BY outbox_id LIMIT %(limit)s) AS o)
    RETURNING outbox_id, subject, fact_id, name, version, occurred_at, command_id, caused_by,
              actor, traceparent, body
), numbered AS (
    SELECT t.subject, t.fact_id, t.name, t.version, t.occurred_at, t.command_id, t.caused_by,
           t.actor, t.traceparent, t.body, row_number() OVER (ORDER BY t.outbox_id) AS nth
      FROM taken AS t
)
INSERT INTO events.log (position, subject, fact_id, name, version, occurred_at, command_id,
                        caused_by, actor, traceparent, body)
SELECT %(head)s::bigint + n.nth, n.subject, n.fact_id, n.name, n.version, n.occurred_at,
       n.command_id, n.caused_by, n.actor, n.traceparent, n.body
  FROM numbered AS n

-- name: lock_head
SELECT position FROM events.head WHERE one FOR UPDATE

-- name: move_head
UPDATE events.head SET position = position + %(count)s WHERE one

-- name: read_head
SELECT position FROM events.head WHERE one

-- name: outbox_state
SELECT count(*), min(occurred_at) FROM events.outbox

-- name: register_subscription
-- A new one cannot handle what is in the archive: it begins after that, as if it had.
INSERT INTO events.subscription (name, position, handled, updated_at)
SELECT %(name)s, greatest(%(position)s, a.position),
       CASE WHEN a.position >= %(position)s
            THEN (SELECT coalesce(sum(c.facts), 0)::bigint FROM events.carried AS c
                   WHERE c.name = ANY(%(names)s::text[]))
            ELSE 0
       END, %(at)s
  FROM (SELECT coalesce(max(p.until_key::bigint) - 1, 0) AS position
          FROM archive.partition AS p
         WHERE p.relation = 'events.log' AND p.state = 'archived') AS a
 ORDER BY 1
ON CONFLICT (name) DO NOTHING

-- name: lock_subscription
SELECT position FROM events.subscription WHERE name = %(name)s FOR UPDATE SKIP LOCKED

-- name: move_subscription
UPDATE events.subscription
   SET position = %(position)s, handled = handled + %(handled)s, updated_at = %(at)s
 WHERE name = %(name)s

-- name: rewind_subscription
UPDATE events.subscription
   SET position = %(position)s, updated_at = %(at)s,
       handled = (SELECT coalesce(sum(c.facts), 0)::bigint FROM events.carried AS c
                   WHERE c.name = ANY(%(names)s::text[]))
               + (SELECT count(*) FROM events.log AS l
                   WHERE l.position <= %(position)s AND l.name = ANY(%(names)s::text[]))
               - (SELECT count(*) FROM events.dead_letter AS d
                   WHERE d.subscription = %(name)s AND d.position <= %(position)s)
 WHERE name = %(name)s AND position >= %(position)s

-- name: count_of_subscription
-- What one has handled and parked, and what it should have by where it stands.
SELECT s.position, s.handled,
       (SELECT count(*) FROM events.dead_letter AS d WHERE d.subscription = s.name),
       (SELECT count(*) FROM events.log AS l
         WHERE l.position <= s.position AND l.name = ANY(%(names)s::text[]))
       + (SELECT coalesce(sum(c.facts), 0)::bigint FROM events.carried AS c
           WHERE c.name = ANY(%(names)s::text[]))
  FROM events.subscription AS s
 WHERE s.name = %(name)s

-- name: archived_position
-- The last position that is in the archive and not in the log.
SELECT coalesce(max(p.until_key::bigint) - 1, 0)
  FROM archive.partition AS p
 WHERE p.relation = 'events.log' AND p.state = 'archived'

-- name: facts_still_needed
-- What keeps facts before a position from leaving the log: a subscription that has not handled
-- them, or could not.
SELECT s.name, s.position, NULL::text FROM events.subscription AS s
 WHERE s.position < %(until)s - 1
 UNION ALL
SELECT d.subscription, d.position, d.subject FROM events.dead_letter AS d
 WHERE d.position < %(until)s
 ORDER BY 2, 1
 LIMIT 1

-- name: carry_facts
INSERT INTO events.carried AS c (name, facts)
SELECT l.name, count(*)
  FROM events.log AS l
 WHERE l.position < %(until)s AND (%(since)s::bigint IS NULL OR l.position >= %(since)s::bigint)
 GROUP BY l.name
 ORDER BY l.name
ON CONFLICT (name) DO UPDATE SET facts = c.facts + excluded.facts

-- name: drop_dead_letters
DELETE FROM events.dead_letter WHERE subscription = %(name)s AND position > %(position)s

-- name: read_subscriptions
SELECT name, position, handled, updated_at FROM events.subscription ORDER BY name

-- name: read_log
SELECT position, subject, fact_id, name, version, occurred_at, command_id, caused_by, actor,
       traceparent, body::text
  FROM events.log
 WHERE position > %(after)s AND position <= %(to)s AND name = ANY(%(names)s::text[])
 ORDER BY position

-- name: read_told
SELECT subject, body::text
  FROM events.log
 WHERE subject = ANY(%(subjects)s::text[]) AND name = %(name)s
 ORDER BY subject, position

-- name: read_subject
SELECT position, subject, fact_id, name, version, occurred_at, command_id, caused_by, actor,
       traceparent, body::text
  FROM events.log
 WHERE subject = %(subject)s
 ORDER BY position
 LIMIT %(limit)s

-- name: parked_subjects
SELECT DISTINCT subject FROM events.dead_letter WHERE subscription = %(subscription)s

-- name: park
INSERT INTO events.dead_letter (subscription, position, subject, name, reason, attempts, parked_at)
SELECT %(subscription)s, p.position, p.subject, p.name, p.reason, p.attempts, %(at)s
  FROM unnest(%(positions)s::bigint[], %(subjects)s::text[], %(names)s::text[],
              %(reasons)s::text[], %(attempts)s::integer[])
       AS p (position, subject, name, reason, attempts)
 ORDER BY p.position, p.subject
ON CONFLICT (subscription, position, subject) DO UPDATE
   SET reason = excluded.reason, attempts = events.dead_letter.attempts + 1

-- name: read_dead_letters
SELECT subscription, position, subject, name, reason, attempts, parked_at
  FROM events.dead_letter
 ORDER BY subscription, position
 LIMIT %(limit)s

-- name: count_dead_letters
SELECT subscription, count(*) FROM events.dead_letter GROUP BY subscription

-- name: take_dead_letters
SELECT l.position, l.subject, l.fact_id, l.name, l.version, l.occurred_at, l.command_id,
       l.caused_by, l.actor, l.traceparent, l.body::text
  FROM events.dead_letter AS d
  JOIN events.log AS l ON l.subject = d.subject AND l.position = d.position
 WHERE d.subscription = %(subscription)s AND d.subject = %(subject)s
 ORDER BY l.position

-- name: remove_dead_letters
DELETE FROM events.dead_letter
 WHERE subscription = %(subscription)s AND subject = %(subject)s
   AND position = ANY(%(positions)s::bigint[])

-- name: enqueue_jobs
INSERT INTO jobs.job (job_id, kind, arguments, run_at, state, created_at)
SELECT j.job_id, j.kind, j.arguments, j.run_at, 'waiting', %(at)s
  FROM unnest(%(job_ids)s::uuid[], %(kinds)s::text[], %(arguments)s::jsonb[],
              %(run_ats)s::timestamptz[]) AS j (job_id, kind, arguments, run_at)

-- name: take_job
SELECT job_id, kind, arguments::text, attempts
  FROM jobs.job
 WHERE state = 'waiting' AND kind = ANY(%(kinds)s::text[]) AND run_at <= %(at)s
 ORDER BY run_at
 LIMIT 1
   FOR UPDATE SKIP LOCKED

-- name: remove_job
DELETE FROM jobs.job WHERE job_id = %(job_id)s

-- name: postpone_job
UPDATE jobs.job
   SET attempts = attempts + 1, run_at = %(run_at)s, error = %(error)s, state = %(state)s
 WHERE job_id = %(job_id)s AND state = 'waiting'

-- name: revive_job
UPDATE jobs.job SET state = 'waiting', attempts = 0, run_at = %(at)s
 WHERE job_id = %(job_id)s AND state = 'dead'

-- name: read_jobs
SELECT job_id, kind, run_at, attempts, state, error FROM jobs.job ORDER BY run_at LIMIT %(limit)s

-- name: register_timetable
INSERT INTO jobs.timetable (name, next_at)
SELECT t.name, %(at)s FROM unnest(%(names)s::text[]) AS t (name) ORDER BY t.name
ON CONFLICT (name) DO NOTHING

-- name: read_due
SELECT name FROM jobs.timetable
 WHERE next_at <= %(at)s AND name = ANY(%(names)s::text[])
 ORDER BY next_at, name

-- name: lock_periodic
SELECT pg_try_advisory_lock(%(space)s::integer, hashtext(%(name)s))

-- name: unlock_periodic
SELECT pg_advisory_unlock(%(space)s::integer, hashtext(%(name)s))

-- name: end_due
UPDATE jobs.timetable
   SET next_at = %(next_at)s, started_at = %(started_at)s, ended_at = %(ended_at)s,
       error = %(error)s
 WHERE name = %(name)s

-- name: next_due
SELECT min(at) FROM (
    SELECT min(next_at) AS at FROM jobs.timetable
    UNION ALL
    SELECT min(run_at) FROM jobs.job WHERE state = 'waiting'
) AS due

-- name: record_decisions
INSERT INTO decisions.decision (subject, decision_id, kind, policy, policy_version, at, inputs,
                                inputs_hash, outcome, reason)
SELECT d.subject, d.decision_id, d.kind, d.policy, d.policy_version, d.at, d.inputs,
       d.inputs_hash, d.outcome, d.reason
  FROM unnest(%(subjects)s::text[], %(decision_ids)s::uuid[], %(kinds)s::text[],
              %(policies)s::text[], %(versions)s::integer[], %(ats)s::timestamptz[],
              %(inputs)s::bytea[], %(hashes)s::bytea[], %(outcomes)s::bytea[],
              %(reasons)s::text[])
       AS d (subject, decision_id, kind, policy, policy_version, at, inputs, inputs_hash,
             outcome, reason)

-- name: read_decisions
SELECT subject, decision_id, kind, policy, policy_version, at, inputs, inputs_hash, outcome, reason
  FROM decisions.decision
 WHERE subject = %(subject)s
 ORDER BY decision_id

-- name: decisions_since
SELECT subject, decision_id, kind, policy, policy_version, at, inputs, inputs_hash, outcome, reason
  FROM decisions.decision
 WHERE at >= %(since)s AND (at, subject, decision_id) > (%(after_at)s, %(after_subject)s,
                                                         %(after_id)s)
 ORDER BY at, subject, decision_id
 LIMIT %(limit)s

-- name: read_migrations
SELECT number, name, checksum FROM ground.migration ORDER BY number

-- name: record_migration
INSERT INTO ground.migration (number, name, checksum, applied_at)
VALUES (%(number)s, %(name)s, %(checksum)s, %(at)s)

-- name: has_migrations
SELECT to_regclass('ground.migration') IS NOT NULL
