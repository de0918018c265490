-- name: archived_until
-- Up to when each relation is in the archive and no longer in its table.
SELECT relation, max(until_at) FROM archive.partition WHERE state = 'archived' GROUP BY relation

-- name: read_parts
SELECT relation, name, since_key, until_key, until_at, state, file, sha256, bytes, rows, frozen_at,
       archived_at
  FROM archive.partition
 ORDER BY relation, until_at, name

-- name: begin_part
INSERT INTO archive.partition (relation, name, since_key, until_key, until_at, state, frozen_at)
VALUES (%(relation)s, %(name)s, %(since_key)s, %(until_key)s, %(until_at)s, 'frozen', %(at)s)
ON CONFLICT (relation, name) DO NOTHING

-- name: note_written
UPDATE archive.partition
   SET state = 'written', file = %(file)s, sha256 = %(sha256)s, bytes = %(bytes)s, rows = %(rows)s
 WHERE relation = %(relation)s AND name = %(name)s AND state IN ('frozen', 'written')

-- name: note_archived
UPDATE archive.partition
   SET state = 'archived', archived_at = %(at)s
 WHERE relation = %(relation)s AND name = %(name)s AND state = 'written'

-- name: name_installation
INSERT INTO archive.installation (installation_id) VALUES (%(installation_id)s)
ON CONFLICT (one) DO NOTHING

-- name: read_installation
SELECT installation_id FROM archive.installation
