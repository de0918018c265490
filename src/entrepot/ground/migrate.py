"""The schema: written whole for a new database, step by step for an old one.

`schema.sql` of the ground and of each room says what the database is today; the numbered files in
`entrepot/migrations` say how an older one gets there. A test proves that both end the same.
A migration is one transaction under a short lock time-out and is tried again when the lock is not
to be had, so that no order ever waits behind a schema change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, sql

from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.database import APPLICATION_ROLE, Tx, translated
from entrepot.ground.partitions import keep_ahead
from entrepot.ground.queries import load_queries
from entrepot.words.outcome import Broken, Unavailable

Q = load_queries("entrepot.ground")

MIGRATE_LOCK = 0x656E_7472_6570_0002
LIMIT_WAITING = "SET LOCAL lock_timeout = 200"
LOCK_ATTEMPTS = 150
LOCK_PAUSE_S = 0.2
APPEND_ONLY = "append only"

_FILE = re.compile(r"^(\d{4})_(pre|post)_([a-z0-9_]+)\.sql$")


class Migration(NamedTuple):
    """One step from an older schema to a newer one.

    phase  `pre` runs before the new code is deployed, `post` after the old code is gone
    """

    number: int
    phase: str
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Migrated(NamedTuple):
    """What `migrate` did: the schema's number before and after, and the steps applied."""

    before: int
    after: int
    applied: list[str]


def schema_files() -> list[tuple[str, str]]:
    """Every schema.sql as (package, text): the ground's first, then the rooms by name, then that
    of the simulation."""
    found = [("entrepot.ground", _read(resources.files("entrepot.ground") / "schema.sql"))]
    departments = resources.files("entrepot.departments")
    for folder in sorted(departments.iterdir(), key=lambda f: f.name):
        file = folder / "schema.sql"
        if folder.is_dir() and file.is_file():
            found.append((f"entrepot.departments.{folder.name}", _read(file)))
    simulation = resources.files("entrepot") / "simulation" / "schema.sql"
    if simulation.is_file():
        found.append(("entrepot.simulation", _read(simulation)))
    return found


def migrations() -> list[Migration]:
    """Every migration, by number.

    Raises: ValueError for a file name that does not fit or a number that is missing or double.
    """
    found = []
    for file in sorted(resources.files("entrepot.migrations").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        match = _FILE.match(file.name)
        if match is None:
            raise ValueError(f"migrations/{file.name}: expected NNNN_pre_name.sql or NNNN_post_...")
        found.append(Migration(int(match[1]), match[2], match[3], _read(file)))
    numbers = [m.number for m in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"migrations: expected numbers 1 to {len(numbers)}, found {numbers}")
    return found


def _read(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def latest() -> int:
    """The schema number this code needs."""
    return len(migrations())


def migrate(url: str, *, clock: Clock | None = None, from_files: bool = False) -> Migrated:
    """Bring the database at `url` to this version's schema; gives what was done.

    from_files  build a new database by the migrations instead of by schema.sql (for the test
                that compares them)
    Raises: Broken when the database is newer than this code or a migration was changed after it
    was applied; Unavailable when it cannot be reached or a lock is not to be had.
    """
    clock = clock or SystemClock()
    with translated(), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATE_LOCK,))
        wanted = migrations()
        is_new = not _has_schema(connection)
        known = [] if is_new else _known(connection)
        _compare(known, wanted)
        _ensure_role(connection)
        if is_new and not from_files:
            applied = _create(connection, clock, wanted)
        else:
            applied = [
                _apply(connection, clock, step) for step in wanted if step.number > len(known)
            ]
        keep_ahead(connection, own_schemas(), clock)
        _grant(connection)
        return Migrated(before=len(known), after=len(wanted), applied=applied)


def schema_number(connection: psycopg.Connection[Any]) -> int:
    """The number of the database's schema; 0 when it has none."""
    return len(_known(connection)) if _has_schema(connection) else 0


def schema_number_of(tx: Tx) -> int:
    """The number of the schema behind a transaction."""
    return len(tx.rows(Q.read_migrations))


def require_schema(url: str) -> None:
    """Raises: Broken when the database's schema is not this version's."""
    with translated(), psycopg.connect(url, autocommit=True) as connection:
        found = schema_number(connection)
    if found != latest():
        raise Broken(
            f"database schema: found number {found}, expected {latest()}; "
            + ("run `entrepot migrate`" if found < latest() else "use the newer entrepot")
        )


def _has_schema(connection: psycopg.Connection[Any]) -> bool:
    has = connection.execute(Q.has_migrations).fetchone()
    return bool(has and has[0])


def _known(connection: psycopg.Connection[Any]) -> list[tuple[int, str, str]]:
    return [(row[0], row[1], row[2]) for row in connection.execute(Q.read_migrations)]


def _compare(known: Sequence[tuple[int, str, str]], wanted: Sequence[Migration]) -> None:
    if len(known) > len(wanted):
        raise Broken(
            f"database schema: found number {len(known)}, expected at most {len(wanted)}; "
            "a newer entrepot has been at work here: use that version"
        )
    for (number, name, checksum), step in zip(known, wanted, strict=False):
        if checksum != step.checksum:
            raise Broken(
                f"migration {number:04d} {name}: the file is not the one that was applied; "
                "restore the file (a change goes into a new migration)"
            )


def _ensure_role(connection: psycopg.Connection[Any]) -> None:
    """The role the application works as: reads and writes, but owns and changes no table."""
    role = sql.Identifier(APPLICATION_ROLE)
    exists = connection.execute(
        "SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION_ROLE,)
    ).fetchone()
    try:
        if not exists:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    except (errors.DuplicateObject, errors.UniqueViolation):
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    except errors.InsufficientPrivilege as error:
        raise Broken(
            f"role {APPLICATION_ROLE}: it is missing and this login may not create it; "
            f"let an administrator run: CREATE ROLE {APPLICATION_ROLE} NOLOGIN; "
            f"GRANT {APPLICATION_ROLE} TO <this login> WITH ADMIN OPTION"
        ) from error


def _create(
    connection: psycopg.Connection[Any], clock: Clock, wanted: Sequence[Migration]
) -> list[str]:
    with connection.transaction():
        for _package, text in schema_files():
            connection.execute(text)
        for step in wanted:
            _record(connection, clock, step)
    return ["schema.sql"]


def _apply(connection: psycopg.Connection[Any], clock: Clock, step: Migration) -> str:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            with connection.transaction():
                connection.execute(LIMIT_WAITING)
                connection.execute(step.text)
                _record(connection, clock, step)
        except errors.LockNotAvailable as error:
            if attempt == LOCK_ATTEMPTS:
                raise Unavailable(
                    f"migration {step.number:04d} {step.name}: its table was in use for "
                    f"{LOCK_ATTEMPTS} attempts; end long transactions and run it again"
                ) from error
            clock.sleep(LOCK_PAUSE_S * (0.5 + clock.random_bytes(1)[0] / 255))
        else:
            break
    return f"{step.number:04d}_{step.phase}_{step.name}"


def _record(connection: psycopg.Connection[Any], clock: Clock, step: Migration) -> None:
    connection.execute(
        Q.record_migration,
        {
            "number": step.number,
            "name": step.name,
            "checksum": step.checksum,
            "at": clock.now(),
        },
    )


_TABLES = """
SELECT n.nspname, c.relname, c.relkind, c.relispartition,
       coalesce(obj_description(c.oid, 'pg_class'), '')
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname = ANY(%s)
 ORDER BY 1, 2
"""


def own_schemas() -> list[str]:
    """The database schemas this code owns, from the schema files."""
    return [
        name
        for _package, text in schema_files()
        for name in re.findall(r"^CREATE SCHEMA (\w+);", text, flags=re.MULTILINE)
    ]


def _grant(connection: psycopg.Connection[Any]) -> None:
    """Reading everywhere, writing tables, and no changing of what is append-only; partitions are
    reached through their tables alone."""
    role = sql.Identifier(APPLICATION_ROLE)
    there = connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", (own_schemas(),)
    )
    schemas = sorted(row[0] for row in there)
    with connection.transaction():
        for schema in schemas:
            connection.execute(
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role)
            )
        found = connection.execute(_TABLES, (schemas,)).fetchall()
        for schema, table, kind, is_partition, comment in found:
            target = sql.Identifier(schema, table)
            connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(target, role))
            if is_partition:
                continue
            if kind == "v":
                rights = sql.SQL("SELECT")
            elif comment.startswith(APPEND_ONLY):
                rights = sql.SQL("SELECT, INSERT")
            else:
                rights = sql.SQL("SELECT, INSERT, UPDATE, DELETE")
            connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(rights, target, role))
        connection.execute(
            sql.SQL("REVOKE INSERT, UPDATE, DELETE ON ground.migration FROM {}").format(role)
        )
