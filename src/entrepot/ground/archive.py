"""Which partitions are on their way to the archive or there, and the steps a partition goes.

A partition is frozen, so that nothing more is written to it; its rows are written to a file
outside, and what the file holds is compared with them; then, in one transaction, what it leaves
behind is carried forward and it is dropped. Each step is noted before the next begins: whatever
kills the process, the next one goes on from there. Until it is dropped its rows stand where they
always stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors, sql

from entrepot.ground.clock import Clock
from entrepot.ground.database import Tx, translated
from entrepot.ground.partitions import (
    PARTITIONS_LOCK,
    UNHURRIED,
    Partition,
    Partitioned,
    partitions,
    shortly,
    tables,
    time_of,
)
from entrepot.ground.queries import load_queries
from entrepot.words.outcome import Broken, Conflict

Q = load_queries("entrepot.ground")

ARCHIVE_LOCK = 0x656E_7472_6570_0004

Connection = psycopg.Connection[Any]


class ClosedPartition(NamedTuple):
    """A partition that was frozen, and how far it has come.

    since_key, until_key  its bounds as text; None = everything before
    until_at              an instant that everything in it lies before
    state                 frozen, written or archived
    file                  its name in the store
    """

    relation: str
    name: str
    since_key: str | None
    until_key: str
    until_at: datetime
    state: str
    file: str | None
    sha256: bytes | None
    bytes: int | None
    rows: int | None
    frozen_at: datetime
    archived_at: datetime | None


def parts(tx: Tx) -> list[ClosedPartition]:
    """Every partition that was frozen, by table and time."""
    return [ClosedPartition(*row) for row in tx.rows(Q.read_parts)]


def archived_until(tx: Tx) -> Mapping[str, datetime]:
    """For each table of which something is in the archive alone: everything before this instant.
    Later rows may be there too when a table is not cut by time."""
    return {row[0]: row[1] for row in tx.rows(Q.archived_until)}


class Ranges(NamedTuple):
    """Keys of a table that are in the archive: from the first until before the second."""

    pairs: tuple[tuple[int, int], ...]

    def hold(self, key: UUID | None) -> bool:
        """Whether an id is among them."""
        return key is not None and any(a <= key.int < b for a, b in self.pairs)


def ranges(tx: Tx, relation: str) -> Ranges:
    """What is in the archive of a table that is cut by ids."""
    return Ranges(
        tuple(
            (UUID(part.since_key).int if part.since_key else 0, UUID(part.until_key).int)
            for part in parts(tx)
            if part.relation == relation and part.state == "archived"
        )
    )


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """The way of the tables' owner to them, for one archiver at a time.

    Raises: Conflict when another one is at work.
    """
    with translated(), psycopg.connect(url, autocommit=True, application_name="archive") as opened:
        opened.execute("SET TIME ZONE 'UTC'")
        opened.execute(UNHURRIED, prepare=False)
        # A repeated step reads the rows in the same order, and so makes the same file.
        opened.execute("SET synchronize_seqscans = off")
        row = opened.execute("SELECT pg_try_advisory_lock(%s)", (ARCHIVE_LOCK,)).fetchone()
        if not row or not row[0]:
            raise Conflict("archive: another process is at it; wait for its end", kind="busy")
        try:
            yield opened
        except errors.InsufficientPrivilege as error:
            raise Broken(
                "archive: this login does not own the tables; run the worker, or "
                "`entrepot archive close`, as their owner"
            ) from error


def installation(connection: Connection, clock: Clock) -> UUID:
    """The id of this installation, which its manifests carry."""
    connection.execute(Q.name_installation, {"installation_id": clock.new_id()})
    row = connection.execute(Q.read_installation).fetchone()
    assert row is not None, "it was written a moment ago"
    return UUID(str(row[0]))


def partitioned(connection: Connection, relation: str) -> Partitioned:
    """The table of this name, `schema.name`.

    Raises: Broken when there is none that is cut.
    """
    schema, _, name = relation.partition(".")
    for table in tables(connection, [schema]):
        if table.name == name:
            return table
    raise Broken(f"{relation}: found no table cut into partitions; run `entrepot migrate`")


def ended(
    connection: Connection, table: Partitioned, at_column: str, before: datetime
) -> Iterator[tuple[Partition, datetime]]:
    """Partitions of which everything lies before an instant, the oldest first, each with an instant
    that everything in it lies before.

    at_column  of a table cut by position: the column of its times
    """
    for part in partitions(connection, table):
        until_at = time_of(part.until) if table.is_timed else _after(connection, part, at_column)
        if until_at is None or until_at > before:
            return
        yield part, until_at


def _after(connection: Connection, part: Partition, at_column: str) -> datetime | None:
    """An instant after everything in a partition that is cut by position; None = it is not full."""
    head = connection.execute(Q.read_head).fetchone()
    if head is None or head[0] < part.until - 1:
        return None
    query = sql.SQL("SELECT max({at}) + interval '1 microsecond' FROM {part}").format(
        at=sql.Identifier(at_column), part=identifier(part)
    )
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def identifier(part: Partition) -> sql.Identifier:
    """The partition as SQL names it."""
    return sql.Identifier(part.table.schema, part.name)


def freeze(
    connection: Connection, clock: Clock, part: Partition, until_at: datetime
) -> ClosedPartition:
    """Let nothing more be written to a partition; gives where it stands. Safe to repeat."""
    known = _known(connection, part)
    if known is None:
        shortly(
            connection,
            clock,
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK (false) NOT VALID").format(
                identifier(part), sql.Identifier(f"{part.name}_frozen")
            ),
            before=lambda: _begin(connection, clock, part, until_at),
        )
        known = _known(connection, part)
    assert known is not None, "it was noted a moment ago"
    return known


def _begin(connection: Connection, clock: Clock, part: Partition, until_at: datetime) -> None:
    connection.execute(
        Q.begin_part,
        {
            "relation": part.table.relation,
            "name": part.name,
            "since_key": part.since_key,
            "until_key": part.until_key,
            "until_at": until_at,
            "at": clock.now(),
        },
    )


def _known(connection: Connection, part: Partition) -> ClosedPartition | None:
    for row in connection.execute(Q.read_parts).fetchall():
        if (row[0], row[1]) == (part.table.relation, part.name):
            return ClosedPartition(*row)
    return None


def note_written(
    connection: Connection, part: Partition, *, file: str, sha256: bytes, size: int, rows: int
) -> None:
    """Note that a partition's file is in the store and holds what the partition holds."""
    connection.execute(
        Q.note_written,
        {
            "relation": part.table.relation,
            "name": part.name,
            "file": file,
            "sha256": sha256,
            "bytes": size,
            "rows": rows,
        },
    )


def drop(
    connection: Connection, clock: Clock, part: Partition, carry: Callable[[Tx, Partition], None]
) -> None:
    """Drop a partition that is in the store, and carry forward what it leaves behind, at once.

    carry  called in that transaction, first
    Raises: Unavailable when the table's lock is not to be had: nothing has happened then.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (PARTITIONS_LOCK,))
        tx = Tx(connection, clock)
        with tx.whole():
            carry(tx, part)
        noted = connection.execute(
            Q.note_archived,
            {"relation": part.table.relation, "name": part.name, "at": clock.now()},
        )
        assert noted.rowcount == 1, f"{part.name} is written before it is dropped"
        shortly(connection, clock, sql.SQL("DROP TABLE {}").format(identifier(part)))
