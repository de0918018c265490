-- name: partitioned_tables
-- Tables cut by range of one key, with their default partition.
SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, NULL), d.relname,
       coalesce(d.reloptions, '{}')
  FROM pg_catalog.pg_partitioned_table AS p
  JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  JOIN pg_catalog.pg_class AS d ON d.oid = p.partdefid
 WHERE p.partstrat = 'r' AND p.partnatts = 1 AND n.nspname = ANY(%(schemas)s::text[])
 ORDER BY n.nspname, c.relname

-- name: partitions_of
SELECT c.relname, pg_catalog.pg_get_expr(c.relpartbound, c.oid)
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = pg_catalog.to_regclass(%(parent)s)
 ORDER BY c.relname

-- name: indexes_of
SELECT i.relname
  FROM pg_catalog.pg_index AS x
  JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
 WHERE x.indrelid = pg_catalog.to_regclass(%(relation)s)
 ORDER BY i.relname

-- name: lock_partitions
SELECT pg_advisory_lock(%(key)s)

-- name: unlock_partitions
SELECT pg_advisory_unlock(%(key)s)
