"""Tables that only grow are cut into partitions, so that writing stays where it was written last
and what is old can leave as a whole (docs/decisions/0014).

A table is cut by a key that rises with time and stands in its primary key already: an id (UUID
version 7) at the beginnings of months, a position of the log at round numbers. The first partition
reaches back without end, each next one begins where the last one ends. What lies beyond the last
one goes to the default partition, so that nothing is ever refused; it should stay empty, and what
is found there is made a partition of its own where it stands: no row is moved.

Every change takes its lock for an instant or not at all: no order waits behind it for longer than
`LOCK_MS`. Partitions belong to the owner; the application reaches them through their table alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors, sql

from entrepot.ground.clock import Clock
from entrepot.ground.database import Tx, translated
from entrepot.ground.queries import load_queries
from entrepot.words.identifiers import uuid7
from entrepot.words.outcome import Broken, Unavailable

Q = load_queries("entrepot.ground")

PARTITIONS_LOCK = 0x656E_7472_6570_0003
# The log is cut after so many facts: some gigabytes, a month of a large retailer.
POSITIONS = 5_000_000
# Months whose partitions are there before they begin, the present one counted.
MONTHS = 2
LOCK_MS = 100
LOCK_ATTEMPTS = 100
LOCK_PAUSE_S = 0.2
YEAR_MAX = 9_000
UNHURRIED = "SET statement_timeout = 0; SET transaction_timeout = 0"

_LAST_S = datetime(9_999, 1, 1, tzinfo=UTC).timestamp()
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:'([^']+)'|MINVALUE)\) TO \('([^']+)'\)")

Connection = psycopg.Connection[Any]


class Partitioned(NamedTuple):
    """A table that is cut.

    is_timed  its key is an id and it is cut by months; else by positions of the log
    default   the name of its default partition
    options   storage parameters of its partitions
    """

    schema: str
    name: str
    key: str
    is_timed: bool
    default: str
    options: tuple[str, ...]

    @property
    def relation(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


class Partition(NamedTuple):
    """A part of a table: keys from `since` on, before `until`, as numbers.

    since  None = everything before `until`
    """

    table: Partitioned
    name: str
    since: int | None
    until: int

    @property
    def since_key(self) -> str | None:
        """The bound as the key's own text."""
        return None if self.since is None else key_text(self.table, self.since)

    @property
    def until_key(self) -> str:
        """The bound as the key's own text."""
        return key_text(self.table, self.until)


def month_key(at: datetime) -> int:
    """The least id of the month that `at` lies in (UTC), as a number."""
    start = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1_000) << 80


def time_of(key: int) -> datetime:
    """The instant that an id as a number begins with."""
    return datetime.fromtimestamp(min((key >> 80) / 1_000, _LAST_S), UTC)


def after_months(key: int, months: int) -> int:
    """The least id of the month so many months after that of an id."""
    at = time_of(key)
    month = at.month - 1 + months
    return month_key(at.replace(year=at.year + month // 12, month=month % 12 + 1, day=1))


def least_id(at: datetime) -> UUID:
    """No id made at this instant or later sorts before it."""
    return UUID(int=uuid7(int(at.timestamp() * 1_000), bytes(10)).int & ~((1 << 80) - 1))


def key_text(table: Partitioned, key: int) -> str:
    """A key's number as the text that PostgreSQL shows for it."""
    return str(UUID(int=key)) if table.is_timed else str(key)


def key_number(table: Partitioned, text: str) -> int:
    """The number of a key's text."""
    return UUID(text).int if table.is_timed else int(text)


def tables(connection: Connection, schemas: Sequence[str]) -> list[Partitioned]:
    """Every table in these schemas that is cut, by name."""
    found = connection.execute(Q.partitioned_tables, {"schemas": list(schemas)}).fetchall()
    return [
        Partitioned(schema, name, key, kind == "uuid", default, tuple(options))
        for schema, name, key, kind, default, options in found
    ]


def partitions(connection: Connection, table: Partitioned) -> list[Partition]:
    """The partitions of a table but the default one, in the order of their keys."""
    rows = connection.execute(Q.partitions_of, {"parent": table.relation}).fetchall()
    found = []
    for name, bounds in rows:
        match = _BOUNDS.fullmatch(bounds)
        if match:
            since = None if match[1] is None else key_number(table, match[1])
            found.append(Partition(table, name, since, key_number(table, match[2])))
    return sorted(found, key=lambda p: p.until)


def keep_ahead(connection: Connection, schemas: Sequence[str], clock: Clock) -> list[str]:
    """Make the partitions that will be written to next, and make one of what the default holds.

    connection  of the tables' owner, autocommit; safe to repeat, and to be killed at any point
    Gives the names of what was made.
    Raises: Unavailable when a lock is not to be had; what is missing is made the next time.
    """
    made: list[str] = []
    with translated(), _alone(connection):
        for table in tables(connection, schemas):
            made += _keep_ahead(connection, table, clock)
    return made


def keep_ahead_at(url: str, schemas: Sequence[str], clock: Clock) -> list[str]:
    """The same through a connection of its own; `url` is that of the tables' owner.

    Raises: Broken when it is not.
    """
    try:
        with translated(), psycopg.connect(url, autocommit=True) as connection:
            return keep_ahead(connection, schemas, clock)
    except errors.InsufficientPrivilege as error:
        raise Broken(
            "partitions: this login does not own the tables; let their owner run "
            "`entrepot migrate` every month, or run the worker as the owner"
        ) from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    connection.execute(UNHURRIED, prepare=False)
    # One that drops a partition may sum it up first, which takes its time.
    connection.execute("SET lock_timeout = 0")
    connection.execute(Q.lock_partitions, {"key": PARTITIONS_LOCK})
    try:
        connection.execute("RESET lock_timeout")
        yield
    finally:
        if not connection.closed:
            connection.execute(Q.unlock_partitions, {"key": PARTITIONS_LOCK})


def _keep_ahead(connection: Connection, table: Partitioned, clock: Clock) -> Iterator[str]:
    there = partitions(connection, table)
    last = there[-1].until if there else None
    wanted = _wanted(connection, table, clock)
    if last is None or _has_rows(connection, table):
        until = max(wanted, _beyond(table, _greatest(connection, table)), last or 0)
        part = Partition(table, _name(table, last), last, until)
        _adopt(connection, part, clock)
        yield part.name
        last = until
    while last < wanted:
        part = Partition(table, _name(table, last), last, _next(table, last))
        _make(connection, part, clock)
        yield part.name
        last = part.until


def _wanted(connection: Connection, table: Partitioned, clock: Clock) -> int:
    """Up to where partitions have to be there now."""
    if table.is_timed:
        return after_months(month_key(clock.now()), MONTHS)
    row = connection.execute(Q.read_head).fetchone()
    return (int(row[0]) // POSITIONS + 2) * POSITIONS if row else 2 * POSITIONS


def _next(table: Partitioned, key: int) -> int:
    return after_months(key, 1) if table.is_timed else key + POSITIONS


def _beyond(table: Partitioned, key: int | None) -> int:
    """The bound after the one that follows a key: ids that are made meanwhile lie before it."""
    if key is None:
        return 0
    if not table.is_timed:
        return (key // POSITIONS + 2) * POSITIONS
    if time_of(key).year > YEAR_MAX:
        raise Broken(
            f"{table.relation}: found {table.key} {key_text(table, key)}, expected ids in the "
            "order of time (UUID version 7); give that row another id"
        )
    return after_months(month_key(time_of(key)), MONTHS)


def _name(table: Partitioned, since: int | None) -> str:
    if since is None:
        return f"{table.name}_first"
    return f"{table.name}_{time_of(since):%Y%m}" if table.is_timed else f"{table.name}_{since}"


def _has_rows(connection: Connection, table: Partitioned) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {})")
    row = connection.execute(query.format(sql.Identifier(table.schema, table.default))).fetchone()
    return bool(row and row[0])


def _greatest(connection: Connection, table: Partitioned) -> int | None:
    """The greatest key in the default partition."""
    query = sql.SQL("SELECT {key}::text FROM {default} ORDER BY {key} DESC LIMIT 1")
    row = connection.execute(
        query.format(
            key=sql.Identifier(table.key), default=sql.Identifier(table.schema, table.default)
        )
    ).fetchone()
    return key_number(table, row[0]) if row else None


def _adopt(connection: Connection, part: Partition, clock: Clock) -> None:
    """Make the default partition, with what is in it, the given one; a new default takes its place.

    That its rows lie within the bounds is proved beforehand, while orders go on.
    """
    table = part.table
    default = sql.Identifier(table.schema, table.default)
    checked = sql.Identifier(f"{table.default}_bounds")
    within = sql.SQL("{key} < {until}")
    if part.since is not None:
        within = sql.SQL("{key} >= {since} AND {key} < {until}")
    shortly(
        connection,
        clock,
        sql.SQL(
            "ALTER TABLE {default} DROP CONSTRAINT IF EXISTS {checked}, "
            "ADD CONSTRAINT {checked} CHECK ({within}) NOT VALID"
        ).format(
            default=default,
            checked=checked,
            within=within.format(
                key=sql.Identifier(table.key),
                since=sql.Literal(part.since_key),
                until=sql.Literal(part.until_key),
            ),
        ),
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(default, checked), prepare=False
    )
    parent, renamed = sql.Identifier(table.schema, table.name), sql.Identifier(part.name)
    indexes = connection.execute(
        Q.indexes_of, {"relation": f"{table.schema}.{table.default}"}
    ).fetchall()
    statements: list[sql.Composed | sql.SQL] = [
        sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, default),
        sql.SQL("ALTER TABLE {} RENAME TO {}").format(default, renamed),
    ]
    statements += [
        sql.SQL("ALTER INDEX {} RENAME TO {}").format(
            sql.Identifier(table.schema, name),
            sql.Identifier(part.name + name.removeprefix(table.default)),
        )
        for (name,) in indexes
    ]
    statements += [
        _attach(part),
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
            sql.Identifier(table.schema, part.name), checked
        ),
        sql.SQL("CREATE TABLE {} PARTITION OF {} DEFAULT {}").format(
            default, parent, _options(table)
        ),
    ]
    shortly(connection, clock, *statements)


def _make(connection: Connection, part: Partition, clock: Clock) -> None:
    """A new partition; made aside, as attaching it does not keep the table's writers waiting."""
    table = part.table
    shortly(
        connection,
        clock,
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES) {}").format(
            sql.Identifier(table.schema, part.name),
            sql.Identifier(table.schema, table.name),
            _options(table),
        ),
        _attach(part),
    )


def _attach(part: Partition) -> sql.Composed | sql.SQL:
    table = part.table
    return sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
        sql.Identifier(table.schema, table.name),
        sql.Identifier(table.schema, part.name),
        sql.SQL("MINVALUE") if part.since_key is None else sql.Literal(part.since_key),
        sql.Literal(part.until_key),
    )


def _options(table: Partitioned) -> sql.Composed | sql.SQL:
    if not table.options:
        return sql.SQL("")
    pairs = [option.partition("=") for option in table.options]
    listed = [sql.SQL("{} = {}").format(sql.Identifier(n), sql.Literal(v)) for n, _, v in pairs]
    return sql.SQL("WITH ({})").format(sql.SQL(", ").join(listed))


def shortly(
    connection: Connection,
    clock: Clock,
    *statements: sql.Composed | sql.SQL,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Execute statements in one transaction that waits for no lock longer than LOCK_MS; when one
    is not to be had, again a little later.

    before  what else is to be done in that transaction, first
    Raises: Unavailable after LOCK_ATTEMPTS.
    """
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            with connection.transaction():
                before()
                connection.execute(
                    sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_MS)),
                    prepare=False,
                )
                for statement in statements:
                    connection.execute(statement, prepare=False)
        except errors.LockNotAvailable as error:
            if attempt == LOCK_ATTEMPTS:
                raise Unavailable(
                    f"partitions: a table was in use at {LOCK_ATTEMPTS} attempts; "
                    "end long transactions, it is tried again by itself"
                ) from error
            clock.sleep(LOCK_PAUSE_S)
        else:
            return


def audit(tx: Tx, schemas: Sequence[str]) -> list[str]:
    """Tables of which rows lie beyond the last partition: findings."""
    found = []
    for schema, name, key, kind, default, options in tx.rows(
        Q.partitioned_tables, {"schemas": list(schemas)}
    ):
        table = Partitioned(schema, name, key, kind == "uuid", default, tuple(options))
        rows = tx.rows(Q.partitions_of, {"parent": table.relation})
        bounds = [_BOUNDS.fullmatch(row[1]) for row in rows]
        last = max((key_number(table, m[2]) for m in bounds if m), default=0)
        if tx.rows(_beyond_last(table, last)):
            found.append(
                f"{table.relation}: rows lie beyond the last partition; `entrepot migrate` makes "
                "one of them, and so does the worker"
            )
    return found


def _beyond_last(table: Partitioned, last: int) -> Any:
    return sql.SQL("SELECT 1 FROM {} WHERE {} >= {} LIMIT 1").format(
        sql.Identifier(table.schema, table.name),
        sql.Identifier(table.key),
        sql.Literal(key_text(table, last)),
    )
