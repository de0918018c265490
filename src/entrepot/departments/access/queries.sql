-- name: find_key
-- A key, its principal's kind, and what all roles of that principal permit.
SELECT k.prefix, k.principal_id, k.scopes, k.created_at, k.expires_at, k.last_used_at,
       k.revoked_at, k.secret_hash, p.kind,
       ARRAY(SELECT rp.permission
               FROM access.role_grant AS g
               JOIN access.role_permission AS rp ON rp.role = g.role
              WHERE g.principal_id = k.principal_id)
  FROM access.api_key AS k
  JOIN access.principal AS p ON p.principal_id = k.principal_id
 WHERE k.prefix = %(prefix)s

-- name: touch_key
-- Guarded by the time again: of two processes that saw an old time only one writes.
UPDATE access.api_key
   SET last_used_at = %(at)s
 WHERE prefix = %(prefix)s AND (last_used_at IS NULL OR last_used_at <= %(before)s)

-- name: read_principals
SELECT p.principal_id, p.kind, p.created_at,
       ARRAY(SELECT g.role FROM access.role_grant AS g
              WHERE g.principal_id = p.principal_id ORDER BY g.role)
  FROM access.principal AS p
 WHERE p.principal_id = ANY(%(principal_ids)s::text[])

-- name: list_principals
SELECT p.principal_id, p.kind, p.created_at,
       ARRAY(SELECT g.role FROM access.role_grant AS g
              WHERE g.principal_id = p.principal_id ORDER BY g.role)
  FROM access.principal AS p
 WHERE p.principal_id > %(after)s
 ORDER BY p.principal_id
 LIMIT %(limit)s

-- name: insert_principals
INSERT INTO access.principal (principal_id, kind, created_at)
SELECT p.principal_id, p.kind, %(at)s
  FROM unnest(%(principal_ids)s::text[], %(kinds)s::text[]) AS p (principal_id, kind)
 ORDER BY p.principal_id

-- name: read_roles
SELECT role FROM access.role ORDER BY role

-- name: insert_grants
INSERT INTO access.role_grant (principal_id, role, granted_at)
SELECT g.principal_id, g.role, %(at)s
  FROM unnest(%(principal_ids)s::text[], %(roles)s::text[]) AS g (principal_id, role)
 ORDER BY g.principal_id, g.role

-- name: delete_grants
DELETE FROM access.role_grant AS t
 USING (SELECT u.principal_id, u.role
          FROM unnest(%(principal_ids)s::text[], %(roles)s::text[]) AS u (principal_id, role)
         ORDER BY u.principal_id, u.role) AS g
 WHERE t.principal_id = g.principal_id AND t.role = g.role

-- name: insert_keys
INSERT INTO access.api_key (prefix, principal_id, secret_hash, scopes, created_at, expires_at)
SELECT k.prefix, k.principal_id, k.secret_hash, string_to_array(k.scopes, ' '), %(at)s,
       k.expires_at
  FROM unnest(%(prefixes)s::text[], %(principal_ids)s::text[], %(hashes)s::bytea[],
              %(scopes)s::text[], %(expires)s::timestamptz[])
       AS k (prefix, principal_id, secret_hash, scopes, expires_at)
 ORDER BY k.prefix

-- name: read_keys
SELECT prefix, principal_id, scopes, created_at, expires_at, last_used_at, revoked_at
  FROM access.api_key
 WHERE prefix = ANY(%(prefixes)s::text[])

-- name: list_keys
SELECT prefix, principal_id, scopes, created_at, expires_at, last_used_at, revoked_at
  FROM access.api_key
 WHERE prefix > %(after)s
   AND (%(principal_id)s::text IS NULL OR principal_id = %(principal_id)s::text)
 ORDER BY prefix
 LIMIT %(limit)s

-- name: revoke_keys
UPDATE access.api_key AS t
   SET revoked_at = %(at)s
  FROM (SELECT u.prefix FROM unnest(%(prefixes)s::text[]) AS u (prefix) ORDER BY u.prefix) AS k
 WHERE t.prefix = k.prefix AND t.revoked_at IS NULL

-- name: claim_first_admin
-- One row for ever: a second claimant waits for the first and then finds it taken.
INSERT INTO access.first_admin (one, created_at) VALUES (true, %(at)s)
ON CONFLICT (one) DO NOTHING

-- name: take_head
-- Reserves the next positions of a stream and keeps its row until the end of the transaction.
INSERT INTO access.audit_head (stream, position, hash)
VALUES (%(stream)s, %(count)s, %(genesis)s)
ON CONFLICT (stream) DO UPDATE SET position = access.audit_head.position + excluded.position
RETURNING position - %(count)s, hash

-- name: append_audit
-- The entries and the new end of their stream, as one statement.
WITH moved AS (
    UPDATE access.audit_head
       SET hash = %(head_hash)s
     WHERE stream = %(stream)s AND position = %(head_position)s AND hash = %(previous_hash)s
    RETURNING stream
)
INSERT INTO access.audit (stream, position, at, actor, action, subject, command_id, details, hash)
SELECT m.stream, e.position, e.at, e.actor, e.action, e.subject, e.command_id, e.details, e.hash
  FROM unnest(%(positions)s::bigint[], %(ats)s::timestamptz[], %(actors)s::text[],
              %(actions)s::text[], %(subjects)s::text[], %(command_ids)s::text[],
              %(details)s::json[], %(hashes)s::bytea[])
       AS e (position, at, actor, action, subject, command_id, details, hash)
 CROSS JOIN moved AS m

-- name: read_heads
SELECT stream, position, hash FROM access.audit_head ORDER BY stream

-- name: read_streams
SELECT stream FROM access.audit_head
UNION
SELECT DISTINCT stream FROM access.audit
 ORDER BY stream

-- name: read_end
-- What the head says and where the entries really end, at one moment.
SELECT (SELECT h.position FROM access.audit_head AS h WHERE h.stream = %(stream)s),
       (SELECT h.hash FROM access.audit_head AS h WHERE h.stream = %(stream)s),
       (SELECT max(a.position) FROM access.audit AS a WHERE a.stream = %(stream)s)

-- name: read_audit
SELECT stream, position, at, actor, action, subject, command_id, details::text, hash
  FROM access.audit
 WHERE stream = %(stream)s AND position > %(after)s AND position <= %(last)s
 ORDER BY position
 LIMIT %(limit)s
