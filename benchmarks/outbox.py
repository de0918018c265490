"""Facts through the outbox to a reader: numbered after commit, against a cursor over the ids.

The plain cursor reads what is committed beyond the last id it saw. Ids are given when a row is
written, and rows appear when they are committed: one that commits late with an early id is never
read. Both readers note what they got in the transaction that moves their cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from time import perf_counter, sleep
from typing import Any, NamedTuple

import psycopg

from benchmarks.runner import Report, Way, threads
from benchmarks.server import Server
from entrepot.doors.worker import Worker
from entrepot.ground import events, subscriptions
from entrepot.ground.database import APPLICATION_ROLE, Database, Tx
from entrepot.ground.events import Announcement, Recorded, Subscription, announce
from entrepot.words.facts import Fact

WRITERS = 12
# Transactions of each writer in one repeat, by facts of a transaction.
COUNTS = {1: 160, 10: 80}
READ = 1_000
PAUSE_S = 0.002
PATIENCE_S = 60.0

TABLES = f"""
CREATE SCHEMA plain;
CREATE TABLE plain.outbox (
    id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject  text   NOT NULL,
    number   bigint NOT NULL
);
CREATE TABLE plain.cursor (one boolean NOT NULL PRIMARY KEY, id bigint NOT NULL);
INSERT INTO plain.cursor (one, id) VALUES (true, 0);
CREATE TABLE plain.writer (writer integer NOT NULL PRIMARY KEY, number bigint NOT NULL)
  WITH (fillfactor = 50);
INSERT INTO plain.writer (writer, number) SELECT w, 0 FROM generate_series(0, {WRITERS - 1}) AS w;
CREATE TABLE plain.seen (subject text NOT NULL, number bigint NOT NULL);
GRANT USAGE ON SCHEMA plain TO {APPLICATION_ROLE};
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA plain TO {APPLICATION_ROLE};
"""
CHANGE = "UPDATE plain.writer SET number = %s WHERE writer = %s"
NOTE = (
    "INSERT INTO plain.seen (subject, number) "
    "SELECT subject, number FROM unnest(%s::text[], %s::bigint[]) AS s (subject, number)"
)
IN_ORDER = """
SELECT count(*), count(*) FILTER (WHERE number <> before + 1)
  FROM (SELECT (body ->> 'number')::bigint AS number,
               lag((body ->> 'number')::bigint, 1, -1::bigint)
                   OVER (PARTITION BY subject ORDER BY position) AS before
          FROM events.log
         WHERE subject LIKE %s) AS told
"""


class Counted(Fact, frozen=True):
    """A writer counted on."""

    number: int


class Bench(NamedTuple):
    """What both ways work on; `connections` are the plain writers', the last one is the reader's.

    asker  an autocommit connection that looks on
    """

    database: Database
    connections: list[psycopg.Connection[Any]]
    asker: psycopg.Connection[Any]
    numbers: Iterator[int]


def run(report: Report, server: Server) -> None:
    """Facts per second from the writers to the reader, and how many never get there."""
    with _bench(server) as on:
        for size, total in COUNTS.items():
            _compare(report, on, size, report.scaled(total))


@contextmanager
def _bench(server: Server) -> Iterator[Bench]:
    with server.opened(connections=WRITERS + 8) as database:
        opened = [psycopg.connect(database.url, autocommit=True) for _ in range(WRITERS + 2)]
        opened[0].execute(TABLES)
        try:
            yield Bench(database, opened[1:], opened[0], count(1))
        finally:
            for each in opened:
                each.close()


def _compare(report: Report, on: Bench, size: int, total: int) -> None:
    wanted = WRITERS * size * total
    lost: list[float] = []

    def plain() -> float:
        name = f"plain-{next(on.numbers)}"
        taken = _plain(on, name, size, total)
        lost.append((wanted - _seen(on, name)[0]) / wanted * 100)
        return wanted / taken

    def ours() -> float:
        name = f"ours-{next(on.numbers)}"
        taken = _ours(on, name, size, total)
        seen, different = _seen(on, name)
        logged, out_of_order = on.asker.execute(IN_ORDER, (f"{name}/%",)).fetchone() or (0, 0)
        if not (seen == different == logged == wanted and not out_of_order):
            report.check(
                False,
                f"{wanted} facts: {logged} numbered, {out_of_order} out of order, {seen} handled, "
                f"{different} of them different",
            )
        return wanted / taken

    facts = "one fact" if size == 1 else f"{size} facts"
    title = f"{WRITERS} writers, {facts} a transaction"
    ways = [Way("plain, cursor over ids", plain), Way("ours, sequencer and worker", ours)]
    report.compare("outbox", title, "facts/s", ways)
    loss = report.add("outbox", f"{title}: lost by the plain cursor", "%", lost[1:])
    report.note(
        f"the plain cursor LOST {loss.median:.1f} % of the facts ({loss.min:.1f} to {loss.max:.1f}"
        " %); the sequencer none, each was handled once and in the order of its subject"
    )


def _seen(on: Bench, name: str) -> tuple[int, int]:
    found = on.asker.execute(
        "SELECT count(*), count(DISTINCT (subject, number)) FROM plain.seen WHERE subject LIKE %s",
        (f"{name}/%",),
    ).fetchone()
    assert found is not None
    return found[0], found[1]


def _ours(on: Bench, name: str, size: int, total: int) -> float:
    """Announce from all writers with a worker beside them; seconds until all is handled."""

    def write(writer: int) -> None:
        for first in range(0, total * size, size):
            told = [
                Announcement(f"{name}/{writer}", Counted(n), f"{name}-{writer}-{n}", "benchmark")
                for n in range(first, first + size)
            ]

            def work(tx: Tx, told: Sequence[Announcement] = told, first: int = first) -> None:
                tx.run(CHANGE, (first, writer))
                announce(tx, told)

            on.database.run(work)

    with _worker(on, name) as handled, threads(WRITERS) as together:
        begun = perf_counter()
        together(write)
        while handled() < WRITERS * size * total and perf_counter() - begun < PATIENCE_S:
            sleep(PAUSE_S)
        return perf_counter() - begun


@contextmanager
def _worker(on: Bench, name: str) -> Iterator[Callable[[], int]]:
    """A worker with one subscription that begins here; gives how many facts it has handled."""

    def handle(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
        mine = [(f.subject, f.fact.number) for f in facts if isinstance(f.fact, Counted)]
        tx.run(NOTE, ([subject for subject, _ in mine], [number for _, number in mine]))

    def handled() -> int:
        row = on.asker.execute(
            "SELECT handled FROM events.subscription WHERE name = %s", (name,)
        ).fetchone()
        return int(row[0]) if row else 0

    wanted = [Subscription(name, (Counted,), handle)]
    on.database.run(lambda tx: subscriptions.register(tx, wanted, position=events.head(tx)))
    worker = Worker(on.database, subscriptions=wanted, handlers={}, timetable=[])
    worker.start()
    try:
        yield handled
    finally:
        worker.stop()


def _plain(on: Bench, name: str, size: int, total: int) -> float:
    """Write from all writers with a reader beside them; seconds until it finds nothing more."""

    def write(writer: int) -> None:
        connection = on.connections[writer]
        for first in range(0, total * size, size):
            with connection.transaction():
                connection.execute(CHANGE, (first, writer))
                connection.execute(
                    "INSERT INTO plain.outbox (subject, number) "
                    "SELECT %s, n FROM generate_series(%s::bigint, %s::bigint) AS n",
                    (f"{name}/{writer}", first, first + size - 1),
                )

    written = Event()
    reader = Thread(target=_read_on, args=(on.connections[-1], written))
    with threads(WRITERS) as together:
        begun = perf_counter()
        reader.start()
        together(write)
        written.set()
        reader.join()
        return perf_counter() - begun


def _read_on(connection: psycopg.Connection[Any], written: Event) -> None:
    """The reader that many write first: what is beyond the cursor, in order, then move it."""
    while True:
        last = written.is_set()
        with connection.transaction():
            rows = connection.execute(
                "SELECT id, subject, number FROM plain.outbox "
                "WHERE id > (SELECT id FROM plain.cursor) ORDER BY id LIMIT %s",
                (READ,),
            ).fetchall()
            if rows:
                connection.execute(NOTE, ([row[1] for row in rows], [row[2] for row in rows]))
                connection.execute("UPDATE plain.cursor SET id = %s", (rows[-1][0],))
        if not rows:
            if last:
                return
            sleep(PAUSE_S)
