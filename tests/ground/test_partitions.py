"""Partitions are there before they are written to, and nobody waits for their making."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest

from entrepot.ground import partitions
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate, own_schemas
from entrepot.words.outcome import Unavailable
from tests.postgres import Server, fresh_database

START = datetime(2026, 1, 20, tzinfo=UTC)
INSERT = (
    "INSERT INTO ordering.event (order_id, event_id, at, kind, detail, command_id, actor) "
    "VALUES ('O-1', %s, %s, 'k', '', 'c', 'a')"
)


@pytest.fixture
def clock() -> VirtualClock:
    """In the middle of January 2026."""
    return VirtualClock(START, seed=1)


@pytest.fixture
def owner(server: Server, clock: VirtualClock) -> Iterator[psycopg.Connection]:
    """A database that was made then, as its owner."""
    with fresh_database(server) as url:
        migrate(url, clock=clock)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def ahead(owner: psycopg.Connection, clock: VirtualClock) -> list[str]:
    return [n for n in partitions.keep_ahead(owner, own_schemas(), clock) if n.startswith("event")]


def insert(owner: psycopg.Connection, clock: VirtualClock) -> str:
    """Write an event now; gives the partition it went to."""
    event_id = clock.new_id()
    owner.execute(INSERT, (event_id, clock.now()))
    row = owner.execute(
        "SELECT tableoid::regclass::text FROM ordering.event WHERE event_id = %s", (event_id,)
    ).fetchone()
    assert row is not None
    return str(row[0])


def found(owner: psycopg.Connection) -> list[partitions.Partition]:
    (table,) = [t for t in partitions.tables(owner, ["ordering"]) if t.name == "event"]
    return partitions.partitions(owner, table)


def test_bounds_are_the_beginnings_of_months() -> None:
    january = partitions.month_key(START)
    assert partitions.time_of(january) == datetime(2026, 1, 1, tzinfo=UTC)
    assert partitions.time_of(partitions.after_months(january, 1)).month == 2
    assert partitions.time_of(partitions.after_months(january, 14)) == datetime(
        2027, 3, 1, tzinfo=UTC
    )
    last = VirtualClock(datetime(2026, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC), seed=1).new_id()
    first = VirtualClock(datetime(2026, 2, 1, tzinfo=UTC), seed=1).new_id()
    assert last.int < partitions.after_months(january, 1) <= first.int
    assert partitions.least_id(START) <= VirtualClock(START, seed=3).new_id()


def test_they_are_there_before_their_month(owner: psycopg.Connection, clock: VirtualClock) -> None:
    assert insert(owner, clock) == "ordering.event_first"
    assert ahead(owner, clock) == []
    for month, made in (("2026-02-03", "event_202603"), ("2026-03-01", "event_202604")):
        clock.advance_to(datetime.fromisoformat(month).replace(tzinfo=UTC))
        assert ahead(owner, clock) == [made]
        assert ahead(owner, clock) == []
    assert insert(owner, clock) == "ordering.event_202603"
    bounds = [(p.since, p.until) for p in found(owner)]
    assert bounds[0][0] is None
    assert all(a[1] == b[0] for a, b in pairwise(bounds)), "without gaps"


def test_what_came_too_early_becomes_a_partition_where_it_stands(
    owner: psycopg.Connection, clock: VirtualClock
) -> None:
    clock.advance_to(START + timedelta(days=200))
    for _ in range(3):
        assert insert(owner, clock) == "ordering.event_default"
    stands = "SELECT ctid::text, event_id FROM ordering.event ORDER BY event_id"
    before = owner.execute(stands).fetchall()
    with Database(owner.info.dsn, name="test") as database, database.transaction() as tx:
        (finding,) = partitions.audit(tx, own_schemas())
        assert "ordering.event: rows lie beyond the last partition" in finding
    assert ahead(owner, clock) == ["event_202603"]
    assert owner.execute(stands).fetchall() == before, "no row was moved"
    assert [p.name for p in found(owner)] == ["event_first", "event_202603"]
    assert partitions.time_of(found(owner)[-1].until) == datetime(2026, 10, 1, tzinfo=UTC)
    assert insert(owner, clock) == "ordering.event_202603"
    with Database(owner.info.dsn, name="test") as database, database.transaction() as tx:
        assert partitions.audit(tx, own_schemas()) == []


def test_it_goes_on_where_it_was_killed(owner: psycopg.Connection, clock: VirtualClock) -> None:
    clock.advance_to(START + timedelta(days=200))
    insert(owner, clock)
    with pytest.MonkeyPatch.context() as killed:
        real = partitions.shortly

        def shortly(connection: object, clock: object, *statements: object) -> None:
            if len(statements) > 1:
                raise KeyboardInterrupt
            real(connection, clock, *statements)  # type: ignore[arg-type]

        killed.setattr(partitions, "shortly", shortly)
        with pytest.raises(KeyboardInterrupt):
            ahead(owner, clock)
    assert insert(owner, clock) == "ordering.event_default"
    assert ahead(owner, clock) == ["event_202603"]
    assert insert(owner, clock) == "ordering.event_202603"


def test_partitions_have_what_their_table_has(
    owner: psycopg.Connection, clock: VirtualClock
) -> None:
    clock.advance_to(START + timedelta(days=20))
    partitions.keep_ahead(owner, own_schemas(), clock)
    shape = """
        SELECT (SELECT count(*) FROM pg_index WHERE indrelid = c.oid),
               (SELECT array_agg(conname ORDER BY conname) FROM pg_constraint
                 WHERE conrelid = c.oid AND contype IN ('c', 'n')), c.reloptions
          FROM pg_class AS c WHERE c.oid = to_regclass(%s)
    """
    for table in partitions.tables(owner, own_schemas()):
        names = [table.default, *(p.name for p in partitions.partitions(owner, table))]
        assert len(names) >= 2
        shapes = {str(owner.execute(shape, (f"{table.schema}.{n}",)).fetchone()) for n in names}
        assert len(shapes) == 1, shapes


def test_no_writer_waits_long_and_nothing_is_lost(server: Server) -> None:
    """Writers go on while partitions are made, and while one holds the table, making gives up."""
    real = SystemClock()
    with fresh_database(server) as url:
        migrate(url)
        stop, waited, written = threading.Event(), [0.0], [0]

        def write() -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                while not stop.is_set():
                    begun = real.monotonic()
                    connection.execute(INSERT, (real.new_id(), real.now()))
                    waited[0] = max(waited[0], real.monotonic() - begun)
                    written[0] += 1

        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        later = VirtualClock(real.now() + timedelta(days=400), seed=1)
        with psycopg.connect(url, autocommit=True) as owner:
            assert len(ahead(owner, later)) >= 12
        stop.set()
        for thread in threads:
            thread.join()
        assert written[0] > 0 and waited[0] < 2.0
        with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as owner:
            reader.execute("SELECT count(*) FROM ordering.event")  # holds its lock to the end
            later.sleep(40 * 24 * 3_600)
            with pytest.MonkeyPatch.context() as few:
                few.setattr(partitions, "LOCK_ATTEMPTS", 2)
                with pytest.raises(Unavailable, match="a table was in use at 2 attempts"):
                    ahead(owner, later)
