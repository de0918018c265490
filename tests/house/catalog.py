"""Everything PostgreSQL knows about a database, as lines that two databases can be compared by.

Columns are compared by name, not by place: a migration adds them at the end, and no statement of
the house depends on their order.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg import sql

# Each query gives kind, name, and the rest of what is known as text. `own` holds the schemas that
# are neither PostgreSQL's nor empty of meaning; names are written with their schema.
CATALOG: LiteralString = """
WITH own AS (
    SELECT oid, nspname FROM pg_namespace
     WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
), relation AS (
    SELECT c.oid, c.relkind, c.relpersistence, c.reloptions, c.relpartbound, c.relrowsecurity,
           c.relacl, c.relowner, format('%I.%I', n.nspname, c.relname) AS named
      FROM pg_class AS c JOIN own AS n ON n.oid = c.relnamespace
), rights AS (
    SELECT 'schema' AS kind, format('%I', nspname) AS named, nspacl AS acl, 'n' AS class,
           nspowner AS owner
      FROM pg_namespace WHERE oid IN (SELECT oid FROM own)
    UNION ALL
    SELECT 'relation', named, relacl, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END, relowner
      FROM relation WHERE relkind <> 'i'
    UNION ALL
    SELECT 'column', format('%s.%I', r.named, a.attname), a.attacl, 'c', r.relowner
      FROM relation AS r JOIN pg_attribute AS a ON a.attrelid = r.oid
     WHERE a.attacl IS NOT NULL
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, p.proacl, 'f', p.proowner
      FROM pg_proc AS p JOIN own AS n ON n.oid = p.pronamespace
)
SELECT 'schema', format('%I', nspname), '' FROM own
UNION ALL
SELECT 'relation', named,
       format('%s %s %s partition of %s %s row security %s',
              relkind, relpersistence, coalesce(reloptions::text, '-'),
              coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = r.oid),
                       '-'),
              coalesce(pg_get_expr(relpartbound, r.oid), '-'), relrowsecurity)
  FROM relation AS r WHERE relkind <> 'i'
UNION ALL
SELECT 'column', format('%s.%I', r.named, a.attname),
       format('%s null %s default %s identity %s generated %s collation %s storage %s sampled %s',
              format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
              coalesce(pg_get_expr(d.adbin, d.adrelid), '-'), a.attidentity, a.attgenerated,
              coalesce(nullif(a.attcollation, 0)::regcollation::text, '-'), a.attstorage,
              coalesce(a.attstattarget, -1))
  FROM relation AS r
  JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
UNION ALL
SELECT 'constraint', format('%s.%I', coalesce(nullif(k.conrelid, 0)::regclass::text,
                                              k.contypid::regtype::text), k.conname),
       format('%s valid %s enforced %s', pg_get_constraintdef(k.oid), k.convalidated, k.conenforced)
  FROM pg_constraint AS k JOIN own AS n ON n.oid = k.connamespace
UNION ALL
SELECT 'index', i.indexrelid::regclass::text,
       format('%s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
  FROM pg_index AS i JOIN relation AS r ON r.oid = i.indexrelid
UNION ALL
SELECT 'view', named, pg_get_viewdef(oid) FROM relation WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'sequence', s.seqrelid::regclass::text,
       format('%s from %s by %s in %s to %s cache %s cycle %s of %s', s.seqtypid::regtype,
              s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
              (SELECT string_agg(format('%s.%I', a.attrelid::regclass, a.attname), ' ')
                 FROM pg_depend AS d
                 JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.objid = s.seqrelid AND d.deptype IN ('a', 'i')))
  FROM pg_sequence AS s JOIN relation AS r ON r.oid = s.seqrelid
UNION ALL
SELECT 'function', p.oid::regprocedure::text,
       CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE p.prokind::text END
  FROM pg_proc AS p JOIN own AS n ON n.oid = p.pronamespace
UNION ALL
SELECT 'trigger', format('%s.%I', t.tgrelid::regclass, t.tgname),
       format('%s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_trigger AS t JOIN relation AS r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule', format('%s.%I', w.ev_class::regclass, w.rulename), pg_get_ruledef(w.oid)
  FROM pg_rewrite AS w JOIN relation AS r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', format('%s.%I', p.polrelid::regclass, p.polname),
       format('%s %s %s', p.polcmd, pg_get_expr(p.polqual, p.polrelid),
              pg_get_expr(p.polwithcheck, p.polrelid))
  FROM pg_policy AS p JOIN relation AS r ON r.oid = p.polrelid
UNION ALL
SELECT 'type', t.oid::regtype::text,
       format('%s base %s labels %s', t.typtype, nullif(t.typbasetype, 0)::regtype,
              (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum AS e
                WHERE e.enumtypid = t.oid))
  FROM pg_type AS t JOIN own AS n ON n.oid = t.typnamespace WHERE t.typtype IN ('d', 'e', 'r')
UNION ALL
SELECT 'statistics', format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
  FROM pg_statistic_ext AS s JOIN own AS n ON n.oid = s.stxnamespace
UNION ALL
SELECT 'extension', extname, extversion FROM pg_extension
UNION ALL
SELECT 'default rights', format('%s in %s', defaclobjtype, defaclnamespace::regnamespace),
       defaclacl::text
  FROM pg_default_acl
UNION ALL
SELECT 'comment', format('%s %s', o.type, o.identity), d.description
  FROM pg_description AS d
 CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
 WHERE o.schema IN (SELECT nspname FROM own)
    OR d.classoid = 'pg_namespace'::regclass AND d.objoid IN (SELECT oid FROM own)
UNION ALL
SELECT 'right', format('%s %s', r.kind, r.named),
       format('%s may %s grant on %s', CASE a.grantee WHEN 0 THEN 'public'
              ELSE a.grantee::regrole::text END, a.privilege_type, a.is_grantable)
  FROM rights AS r
 CROSS JOIN LATERAL aclexplode(coalesce(r.acl, acldefault(r.class::"char", r.owner))) AS a
 WHERE r.class <> 'c' OR r.acl IS NOT NULL
"""

TABLES: LiteralString = """
SELECT n.nspname, c.relname
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""

# When a step was applied differs; which steps are there does not.
UNEQUAL = {("ground", "migration"): ("applied_at",)}


def snapshot(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """What there is, one line each: `kind name: the rest`, and every row of every table."""
    lines = {f"{kind} {name}: {rest}" for kind, name, rest in connection.execute(CATALOG)}
    for schema, table in connection.execute(TABLES).fetchall():
        lines |= {f"row {schema}.{table}: {row}" for row in _rows(connection, schema, table)}
    return frozenset(lines)


def _rows(connection: psycopg.Connection[Any], schema: str, table: str) -> list[str]:
    left_out = list(UNEQUAL.get((schema, table), ()))
    query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text FROM {} AS t")
    found = connection.execute(query.format(sql.Identifier(schema, table)), (left_out,))
    return [row[0] for row in found]


def difference(left: frozenset[str], right: frozenset[str]) -> list[str]:
    """Lines of one side alone, `-` for the left and `+` for the right, sorted by what they say."""
    marked = [(line, "-") for line in left - right] + [(line, "+") for line in right - left]
    return [f"{mark} {line}" for line, mark in sorted(marked)]
