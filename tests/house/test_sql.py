"""The tree's SQL keeps its rules, and each rule finds what it bans and passes what it does not."""

from __future__ import annotations

import pytest

from tests.house.sql_rooms import Package, check_package
from tests.house.sql_tree import check_migration, check_sql, packages, published

KEYED = "CREATE TABLE room.t (a text, b text, PRIMARY KEY (a, b))"
SPREAD = f"-- distributed by (a)\n{KEYED};\n"
LOCAL = "-- local\nCREATE TABLE room.l (a text PRIMARY KEY, one boolean UNIQUE);\n"
REFERENCE = "-- reference\nCREATE TABLE room.r (a text PRIMARY KEY);\n"
VIEW = "CREATE VIEW room.v_t AS SELECT a FROM room.t;\n"


def table(columns: str, keys: str = "PRIMARY KEY (a)", spread: str = "distributed by (a)") -> str:
    """A schema of one table with its column `a`."""
    return (
        f"-- {spread}\nCREATE TABLE room.x (a text, {columns}{', ' * bool(columns)}{keys});\n{VIEW}"
    )


def schema(text: str) -> Package:
    """A room of one schema file."""
    folder = "src/entrepot/departments/room"
    return Package("entrepot.departments.room", folder, text, None, {})


def query(body: str, call: str = "Q.q", file: str = "store.py") -> Package:
    """A room with one query and one use of it."""
    folder = "src/entrepot/departments/room"
    named = f"-- name: q\n{body}\n"
    code = {f"{folder}/{file}": f"def f(tx, Q, p):\n    return tx.rows({call}, p)\n"}
    tables = SPREAD + LOCAL + VIEW
    return Package("entrepot.departments.room", folder, tables, named, code)


def called(body: str, arguments: str) -> Package:
    """A room with one query called with the given arguments."""
    made = query(body)
    code = f"def f(tx, Q):\n    tx.run(Q.q{arguments})\n"
    return made._replace(code=dict.fromkeys(made.code, code))


def flow(body: str) -> Package:
    """A folder of flows with one query."""
    folder = "src/entrepot/flows/views"
    code = {f"{folder}/orders.py": "def f(tx, Q):\n    return tx.rows(Q.q)\n"}
    return Package("entrepot.flows.views", folder, None, f"-- name: q\n{body}\n", code)


STAR = "*"
UNNEST = "unnest(%(a)s::text[])"
INSERT = f"INSERT INTO room.t (a) SELECT k.a FROM {UNNEST} AS k (a)"
SORTED = f"(SELECT k.a FROM {UNNEST} AS k (a) ORDER BY k.a)"

# rule, a package that breaks it
BAD = [
    ("parse", schema("CREATE TABEL room.t ()")),
    ("parse", query("SELECT a FROM WHERE")),
    *(
        ("clock", query(f"SELECT {call}"))
        for call in (
            "now()", "pg_catalog.now()", "current_timestamp", "localtime", "current_date",
            "clock_timestamp()", "random()", "gen_random_uuid()", "uuidv7()", "'now'::timestamptz",
            "date 'today'", "coalesce(a, now()) FROM room.t",
        )
    ),
    ("clock", schema(table("b uuid DEFAULT gen_random_uuid()"))),
    ("time-default", schema(table("b timestamptz DEFAULT '2025-01-01 00:00Z'"))),
    ("time-default", schema(table("b date DEFAULT current_date"))),
    ("time-zone", schema(table("b timestamp"))),
    ("serial", schema(table("b bigserial"))),
    ("float", schema(table("amount_minor numeric(12, 2)"))),
    ("float", schema(table("on_hand double precision"))),
    ("star", query(f"SELECT {STAR} FROM room.t")),
    ("star", query(f"SELECT t.{STAR} FROM room.t AS t")),
    ("star", query(f"WITH x AS (SELECT {STAR} FROM room.t) SELECT a FROM x")),
    ("star", query(f"DELETE FROM room.t RETURNING {STAR}")),
    ("star", schema(f"{SPREAD}CREATE VIEW room.v_t AS SELECT {STAR} FROM room.t;")),
    ("columns", query("INSERT INTO room.t VALUES ('a', 'b')")),
    ("columns", query("INSERT INTO room.t DEFAULT VALUES")),
    ("columns", query("COPY room.t FROM STDIN")),
    ("transaction", query("COMMIT")),
    ("transaction", query("SET lock_timeout = 1")),
    ("transaction", schema(f"{SPREAD}CREATE INDEX CONCURRENTLY i ON room.t (b);\n{VIEW}")),
    ("code", schema(f"{SPREAD}DO $$ BEGIN END $$;\n{VIEW}")),
    ("code", schema("CREATE FUNCTION room.f() RETURNS int LANGUAGE sql AS 'SELECT 1';")),
    ("lock", query("SELECT a FROM room.t WHERE a = ANY(%(a)s::text[]) FOR UPDATE")),
    ("lock", query("SELECT a FROM room.t WHERE a = %(a)s FOR UPDATE")),
    ("lock", query("SELECT a FROM room.t WHERE a = %(a)s OR b = %(b)s FOR UPDATE")),
    ("lock", query("SELECT a FROM room.t WHERE a > %(a)s AND b = %(b)s FOR SHARE")),
    ("lock", query("SELECT t.a FROM room.t, room.l WHERE t.a = 'x' AND t.b = 'y' FOR UPDATE")),
    ("lock", query("DELETE FROM room.t WHERE a IN (SELECT a FROM room.t LIMIT 9 FOR UPDATE)")),
    ("key-order", query(f"{INSERT} ON CONFLICT DO NOTHING")),
    ("key-order", query(f"UPDATE room.t SET b = 'x' FROM {UNNEST} AS k (a) WHERE t.a = k.a")),
    ("key-order", query(f"DELETE FROM room.t USING {UNNEST} AS k (a) WHERE t.a = k.a")),
    ("spread", schema(KEYED + ";\n" + VIEW)),
    ("spread", schema(f"-- local\n{SPREAD}{VIEW}")),
    ("spread", schema(table("", spread="distributed by (z)"))),
    ("spread", schema(f"{SPREAD}-- local\nCREATE INDEX i ON room.t (b);\n{VIEW}")),
    ("spread", schema(f"{SPREAD}ALTER TABLE room.t ADD UNIQUE (b);\n{VIEW}")),
    ("spread", schema(f"{SPREAD}CREATE TABLE room.u AS SELECT a FROM room.t;\n{VIEW}")),
    ("primary-key", schema(table("b text", keys="CHECK (a <> '')"))),
    ("primary-key", schema(table("b text", keys="PRIMARY KEY (b)"))),
    ("primary-key", schema(table("b text PRIMARY KEY", keys="CHECK (a <> '')"))),
    ("unique", schema(table("b text UNIQUE"))),
    ("unique", schema(table("b text, UNIQUE (b)"))),
    ("unique", schema(f"{SPREAD}CREATE UNIQUE INDEX i ON room.t (b) WHERE b > '';\n{VIEW}")),
    ("unique", schema(f"{SPREAD}CREATE UNIQUE INDEX i ON room.t (lower(a));\n{VIEW}")),
    ("unique", schema(table("b text, EXCLUDE USING gist (a WITH &&)"))),
    ("foreign-key", schema(SPREAD + table("b text REFERENCES elsewhere.t (a)"))),
    ("foreign-key", schema(SPREAD + table("b text, FOREIGN KEY (b, a) REFERENCES room.t (a, b)"))),
    ("foreign-key", schema(SPREAD + table("b text, FOREIGN KEY (b, a) REFERENCES room.t"))),
    ("foreign-key", schema(LOCAL + table("b text REFERENCES room.l"))),
    ("foreign-key", schema(SPREAD + table("b text REFERENCES room.t (a)", spread="reference"))),
    ("own-schema", schema("CREATE SCHEMA other;")),
    ("own-schema", schema("-- local\nCREATE TABLE t (a text PRIMARY KEY);\n" + VIEW)),
    ("own-schema", schema(f"{SPREAD}COMMENT ON TABLE other.t IS 'x';\n{VIEW}")),
    ("own-schema", schema(f"{SPREAD}CREATE VIEW room.v_t AS SELECT a FROM other.v_t;")),
    ("own-schema", query("SELECT a FROM other.t")),
    ("own-schema", query("SELECT a FROM t")),
    ("own-schema", query("SELECT other.f(a) FROM room.t")),
    ("own-schema", query("UPDATE other.t SET a = 'x'")),
    ("own-schema", flow("SELECT a FROM room.t")),
    ("own-schema", flow("SELECT a FROM room.v_unknown")),
    ("own-schema", flow("DELETE FROM room.v_t")),
    ("views", schema(SPREAD)),
    ("views", schema(f"{SPREAD}CREATE VIEW room.position AS SELECT a FROM room.t;")),
    ("views", schema(f"{SPREAD}{VIEW}CREATE INDEX i ON room.t (b);")),
    ("one", query("SELECT 1; SELECT 2")),
    ("unused", query("SELECT 1", call="Q.other")),
    ("unknown", query("SELECT 1", call="Q.other")),
    ("speaker", query("SELECT 1", file="service.py")),
    ("parameters", called("SELECT %(a)s, %(b)s", ', {"a": 1}')),
    ("parameters", called("SELECT %(a)s", ', {"a": 1, "b": 2}')),
    ("parameters", called("SELECT %(a)s", "")),
]  # fmt: skip

# rule, a package near it that keeps it
GOOD = [
    ("parse", query("SELECT a FROM room.t WHERE a LIKE %(a)s || '%%'")),
    ("clock", query("SELECT %(at)s, 'now', current_user, lower('now()')")),
    ("time-default", schema(table("b timestamptz, c bigint NOT NULL DEFAULT 0"))),
    ("time-zone", schema(table("b timestamptz, c date"))),
    ("serial", schema(table("b bigint GENERATED ALWAYS AS IDENTITY"))),
    ("float", schema(table("amount_minor bigint, mean_each double precision"))),
    ("star", query("SELECT count(*), a FROM room.t GROUP BY a")),
    ("columns", query("INSERT INTO room.t (a) VALUES ('a')")),
    ("columns", query("COPY room.t (a, b) FROM STDIN")),
    ("transaction", schema(f"{SPREAD}CREATE INDEX i ON room.t (b);\n{VIEW}")),
    ("code", schema(SPREAD + VIEW)),
    ("lock", query("SELECT a FROM room.t WHERE a = %(a)s::text AND b = 'x' FOR UPDATE")),
    ("lock", query("SELECT a FROM room.l WHERE one FOR UPDATE")),
    ("lock", query("SELECT a FROM room.t ORDER BY a LIMIT 1 FOR UPDATE")),
    ("lock", query("SELECT a FROM room.t WHERE a > %(a)s FOR UPDATE SKIP LOCKED")),
    ("key-order", query(f"UPDATE room.t SET b = 'x' FROM {SORTED} AS k WHERE t.a = k.a")),
    ("key-order", query(INSERT)),
    ("key-order", query("INSERT INTO room.t (a) VALUES ('x') ON CONFLICT DO NOTHING")),
    (
        "key-order",
        query(f"{INSERT} ORDER BY k.a ON CONFLICT DO NOTHING"),
    ),
    ("spread", schema(f"-- The words.\n-- local\n\n-- of it\n{KEYED};\n{VIEW}")),
    (
        "spread",
        schema(
            "-- distributed by (a)\nCREATE TABLE room.t (a text PRIMARY KEY)"
            " PARTITION BY LIST (a);\n"
            f"CREATE TABLE room.t1 PARTITION OF room.t FOR VALUES IN ('x');\n{VIEW}"
        ),
    ),
    ("primary-key", schema(table("b text", keys="PRIMARY KEY (b, a)"))),
    ("primary-key", schema(table("b text PRIMARY KEY", keys="CHECK (a <> '')", spread="local"))),
    ("unique", schema(table("b text, UNIQUE (b, a)"))),
    ("unique", schema(table("b text UNIQUE", spread="reference"))),
    ("unique", schema(table("b text, EXCLUDE USING gist (a WITH =, b WITH &&)"))),
    ("foreign-key", schema(SPREAD + table("b text, FOREIGN KEY (a, b) REFERENCES room.t (a, b)"))),
    ("foreign-key", schema(SPREAD + table("b text, FOREIGN KEY (a, b) REFERENCES room.t"))),
    ("foreign-key", schema(REFERENCE + table("b text REFERENCES room.r"))),
    ("own-schema", schema(f"CREATE SCHEMA room;\n{SPREAD}COMMENT ON TABLE room.t IS 'x';\n{VIEW}")),
    ("own-schema", query("WITH x AS (SELECT a FROM room.t) SELECT room.t.a FROM x, room.t")),
    ("own-schema", flow("WITH x AS (SELECT a FROM room.v_t) SELECT a FROM x")),
    ("views", schema(f"{SPREAD}{VIEW}COMMENT ON VIEW room.v_t IS 'x';")),
    ("one", query("-- why\nSELECT 1")),
    ("unused", query("SELECT 1")),
    ("unknown", query("SELECT 1")),
    ("speaker", query("SELECT 1", file="store/reading.py")),
    ("parameters", called("SELECT %(a)s, %(a)s, '%%'", ', {"a": 1}')),
    ("parameters", called("SELECT %(a)s", ', {**given, "a": 1}')),
    ("parameters", called("SELECT 1", "")),
]  # fmt: skip

VIEWS = frozenset({"room.v_t"})


def rules(package: Package) -> set[str]:
    """The names of the rules a package breaks."""
    return {violation.rule for violation in check_package(package, VIEWS)}


def identity(value: object) -> str:
    if isinstance(value, Package):
        return (value.queries or value.schema or "").replace("\n", " ")[-50:]
    return str(value)


@pytest.mark.parametrize(("rule", "package"), BAD, ids=identity)
def test_what_is_banned_is_found(rule: str, package: Package) -> None:
    assert rule in rules(package)


@pytest.mark.parametrize(("rule", "package"), GOOD, ids=identity)
def test_what_is_allowed_passes(rule: str, package: Package) -> None:
    assert rule not in rules(package)


def test_every_rule_has_samples_of_both_kinds() -> None:
    assert {rule for rule, _ in BAD} == {rule for rule, _ in GOOD}


def test_a_migration_is_checked() -> None:
    path = "src/entrepot/migrations/0001_pre_x.sql"
    (found,) = check_migration(path, "SELECT 1;\n\nSELECT now();\n")
    assert str(found) == f"{path}:3: clock: now(): pass tx.now or tx.new_id() as a parameter"


def test_a_violation_is_found_in_its_line() -> None:
    made = query("SELECT a\n  FROM room.t")._replace(
        queries=f"-- name: q\n-- why\nSELECT 1\n\n-- name: r\n\nSELECT {STAR}\n  FROM room.t\n"
    )
    found = [v for v in check_package(made) if v.rule == "star"]
    assert [(v.path, v.line) for v in found] == [("src/entrepot/departments/room/queries.sql", 7)]


def test_the_tree_keeps_the_rules() -> None:
    found = packages()
    assert {"entrepot.ground", "entrepot.departments.inventory"} <= {p.name for p in found}
    assert "inventory.v_stock" in published(found)
    broken = check_sql()
    assert not broken, "\n" + "\n".join(map(str, broken))
