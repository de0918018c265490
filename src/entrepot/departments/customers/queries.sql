-- name: claim_references
-- Gives back the references that were free. A second claimant waits for the first to end.
INSERT INTO customers.reference (customer_ref, person_id)
SELECT r.customer_ref, r.person_id
  FROM unnest(%(customer_refs)s::text[], %(person_ids)s::uuid[]) AS r (customer_ref, person_id)
 ORDER BY r.customer_ref
ON CONFLICT (customer_ref) DO NOTHING
RETURNING customer_ref

-- name: read_references
SELECT customer_ref, person_id
  FROM customers.reference
 WHERE customer_ref = ANY(%(customer_refs)s::text[])

-- name: references_of
SELECT person_id, customer_ref
  FROM customers.reference
 WHERE person_id = ANY(%(person_ids)s::uuid[])

-- name: insert_persons
INSERT INTO customers.person (person_id, country, postal_area, records, created_at)
SELECT p.person_id, p.country, p.postal_area, 0, %(at)s
  FROM unnest(%(person_ids)s::uuid[], %(countries)s::text[], %(postal_areas)s::text[])
       AS p (person_id, country, postal_area)
 ORDER BY p.person_id

-- name: add_records
-- Adds data to persons and counts them, as one statement. Someone erased meanwhile gets none: the
-- number of rows tells.
WITH fresh AS (
    SELECT r.person_id, r.record_id, r.kind, r.ciphertext, r.content_hash, r.email_index,
           r.phone_index, r.nth
      FROM unnest(%(person_ids)s::uuid[], %(record_ids)s::uuid[], %(kinds)s::text[],
                  %(ciphertexts)s::bytea[], %(content_hashes)s::bytea[],
                  %(email_indexes)s::bytea[], %(phone_indexes)s::bytea[])
           WITH ORDINALITY AS r (person_id, record_id, kind, ciphertext, content_hash,
                                 email_index, phone_index, nth)
), counted AS (
    SELECT person_id, count(*)::integer AS records
      FROM fresh
     GROUP BY person_id
     ORDER BY person_id
), taken AS (
    UPDATE customers.person AS p
       SET records = p.records + c.records
      FROM counted AS c
     WHERE p.person_id = c.person_id AND p.erased_at IS NULL
    RETURNING p.person_id, p.records - c.records AS before
)
INSERT INTO customers.person_data (person_id, record_id, version, kind, ciphertext, content_hash,
                                   email_index, phone_index, created_at)
SELECT f.person_id, f.record_id,
       t.before + row_number() OVER (PARTITION BY f.person_id ORDER BY f.nth), f.kind,
       f.ciphertext, f.content_hash, f.email_index, f.phone_index, %(at)s
  FROM fresh AS f
  JOIN taken AS t ON t.person_id = f.person_id

-- name: read_persons
SELECT person_id, erased_at FROM customers.person WHERE person_id = ANY(%(person_ids)s::uuid[])

-- name: read_files
-- Which records persons have, oldest first.
SELECT person_id, record_id, kind, content_hash
  FROM customers.person_data
 WHERE person_id = ANY(%(person_ids)s::uuid[])
 ORDER BY person_id, version

-- name: read_records
SELECT person_id, record_id, kind, ciphertext
  FROM customers.person_data
 WHERE person_id = ANY(%(person_ids)s::uuid[])
 ORDER BY person_id, version

-- name: pick_records
SELECT d.person_id, d.record_id, d.kind, d.ciphertext
  FROM unnest(%(person_ids)s::uuid[], %(record_ids)s::uuid[]) AS k (person_id, record_id)
  JOIN customers.person_data AS d ON d.person_id = k.person_id AND d.record_id = k.record_id

-- name: find_by_email
SELECT DISTINCT d.person_id
  FROM customers.person_data AS d
  JOIN customers.person AS p ON p.person_id = d.person_id
 WHERE d.email_index = %(email_index)s AND p.erased_at IS NULL
 ORDER BY d.person_id

-- name: find_by_phone
SELECT DISTINCT d.person_id
  FROM customers.person_data AS d
  JOIN customers.person AS p ON p.person_id = d.person_id
 WHERE d.phone_index = %(phone_index)s AND p.erased_at IS NULL
 ORDER BY d.person_id

-- name: request_erasures
-- Marks persons and notes who asked, as one statement; those marked before are left out.
WITH asked AS (
    SELECT a.person_id, a.command_id, a.actor
      FROM unnest(%(person_ids)s::uuid[], %(command_ids)s::text[], %(actors)s::text[])
           AS a (person_id, command_id, actor)
     ORDER BY a.person_id
), marked AS (
    UPDATE customers.person AS p
       SET erased_at = %(at)s
      FROM asked AS a
     WHERE p.person_id = a.person_id AND p.erased_at IS NULL
    RETURNING p.person_id, a.command_id, a.actor
)
INSERT INTO customers.erasure (person_id, requested_at, command_id, actor)
SELECT m.person_id, %(at)s, m.command_id, m.actor
  FROM marked AS m

-- name: pending_erasures
SELECT person_id, command_id, actor
  FROM customers.erasure
 WHERE completed_at IS NULL
 ORDER BY requested_at, person_id
 LIMIT %(limit)s

-- name: erasures_since
SELECT person_id, requested_at
  FROM customers.erasure
 WHERE requested_at >= %(since)s
 ORDER BY requested_at, person_id

-- name: delete_data
DELETE FROM customers.person_data AS d
 USING (SELECT u.person_id FROM unnest(%(person_ids)s::uuid[]) AS u (person_id)
         ORDER BY u.person_id) AS k
 WHERE d.person_id = k.person_id

-- name: complete_erasures
UPDATE customers.erasure AS e
   SET completed_at = %(at)s
  FROM (SELECT u.person_id FROM unnest(%(person_ids)s::uuid[]) AS u (person_id)
         ORDER BY u.person_id) AS k
 WHERE e.person_id = k.person_id AND e.completed_at IS NULL
RETURNING e.person_id

-- name: persons_with_data
SELECT DISTINCT person_id
  FROM customers.person_data
 WHERE person_id > %(after)s
 ORDER BY person_id
 LIMIT %(limit)s
