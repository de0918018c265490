"""Facts: none lost, none twice, no gaps, and in order within a subject."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from entrepot.ground import events
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import APPLICATION_ROLE, Database, Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from tests.processes import hang, kill, process, until

WRITERS = 16
TRANSACTIONS_EACH = 40
SUBJECTS = 12
SEED = 20_260_105


class Counted(Fact, frozen=True):
    """The `nth` change of a subject."""

    nth: int
    note: str = ""


class Renamed(Fact, frozen=True):
    """Another kind of fact, of another version."""

    to: str
    version = 3


@pytest.fixture
def subjects(owner: psycopg.Connection) -> None:
    """Rows whose lock orders the facts of each subject, as those of the rooms do."""
    owner.execute("CREATE TABLE public.subject (name text PRIMARY KEY, n integer NOT NULL)")
    owner.execute(
        "INSERT INTO public.subject SELECT 'subject/' || i, 0 FROM generate_series(1, %s) AS i",
        (SUBJECTS,),
    )
    owner.execute(f"GRANT SELECT, UPDATE ON public.subject TO {APPLICATION_ROLE}")


def change(tx: Tx, subject: str) -> Announcement:
    row = tx.row("UPDATE public.subject SET n = n + 1 WHERE name = %s RETURNING n", (subject,))
    assert row is not None
    return Announcement(subject, Counted(row[0]), f"c-{subject}-{row[0]}", "tester")


def write_unevenly(database: Database, writer: int, transactions: int) -> None:
    """Transactions of 1 to 4 facts with pauses before and after telling; one in six is undone."""
    chance = random.Random(SEED + writer)
    for _ in range(transactions):
        chosen = sorted(chance.sample(range(1, SUBJECTS + 1), chance.randint(1, 4)))
        names = sorted(f"subject/{i}" for i in chosen)
        try:
            with database.transaction() as tx:
                for name in names:
                    announce(tx, [change(tx, name)])
                    time.sleep(chance.choice([0, 0, 0.001, 0.004]))
                if chance.random() < 1 / 6:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            continue


@contextmanager
def writing(database: Database, transactions: int = TRANSACTIONS_EACH) -> Iterator[threading.Event]:
    """Sixteen writers at work; the event is set when the last has ended."""
    ended = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        done = [pool.submit(write_unevenly, database, n, transactions) for n in range(WRITERS)]

        def watch() -> None:
            for one in done:
                one.exception()
            ended.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield ended
        finally:
            watcher.join()
            for one in done:
                one.result()


def told(database: Database) -> dict[str, int]:
    """How many changes of each subject were committed, so facts that must be there."""
    with database.transaction() as tx:
        return dict(tx.rows("SELECT name, n FROM public.subject WHERE n > 0"))


Logged = list[tuple[int, str, int]]


def logged(database: Database) -> Logged:
    """The whole log: (position, subject, nth)."""
    with database.transaction() as tx:
        return tx.rows(
            "SELECT position, subject, (body ->> 'nth')::integer FROM events.log ORDER BY position"
        )


def assert_complete(found: Sequence[tuple[int, str, int]], expected: dict[str, int]) -> None:
    """Every fact once, positions without a gap, each subject's facts in their order."""
    assert [position for position, _, _ in found] == list(range(1, len(found) + 1))
    by_subject: dict[str, list[int]] = defaultdict(list)
    for _, subject, nth in found:
        by_subject[subject].append(nth)
    assert by_subject == {subject: list(range(1, n + 1)) for subject, n in expected.items()}


def test_two_sequencers_lose_and_double_nothing(
    database: Database, database_url: str, subjects: None
) -> None:
    """And a reader with a cursor over the log, at work meanwhile, sees every fact in order."""
    seen: Logged = []
    numbered = [0, 0]

    def sequence(which: int, ended: threading.Event) -> None:
        with Database(database_url, connections_max=1) as own:
            while True:
                last_round = ended.is_set()
                count = own.run(lambda tx: events.sequence_batch(tx, 7 + which))
                numbered[which] += count
                if last_round and not count:
                    return

    def follow(sequencers: Sequence[threading.Thread]) -> None:
        with Database(database_url, connections_max=1) as own:
            while True:
                last_round = not any(s.is_alive() for s in sequencers)
                with own.transaction() as tx:
                    rows = tx.rows(
                        "SELECT position, subject, (body ->> 'nth')::integer FROM events.log "
                        "WHERE position > %s ORDER BY position",
                        (seen[-1][0] if seen else 0,),
                    )
                seen.extend(rows)
                if last_round and not rows:
                    return

    with writing(database) as ended:
        sequencers = [threading.Thread(target=sequence, args=(w, ended)) for w in (0, 1)]
        follower = threading.Thread(target=follow, args=(sequencers,))
        for thread in (*sequencers, follower):
            thread.start()
    for thread in (*sequencers, follower):
        thread.join(timeout=60)
    found = logged(database)
    assert_complete(found, told(database))
    assert seen == found
    assert min(numbered) > 0, "both sequencers were at work"
    with database.transaction() as tx:
        assert events.head(tx) == len(found) == sum(numbered)
        assert events.outbox_age(tx) == (0, 0.0)


def test_control_a_cursor_over_the_outbox_loses_facts(database: Database, subjects: None) -> None:
    """The same writers with the plain way of reading: if this lost nothing, the test above
    could not fail either."""
    seen: set[tuple[str, int]] = set()
    with writing(database) as ended:
        last = 0
        while True:
            last_round = ended.is_set()
            with database.transaction() as tx:
                rows = tx.rows(
                    "SELECT outbox_id, subject, (body ->> 'nth')::integer FROM events.outbox "
                    "WHERE outbox_id > %s ORDER BY outbox_id",
                    (last,),
                )
            for outbox_id, subject, nth in rows:
                last = outbox_id
                seen.add((subject, nth))
            if last_round and not rows:
                break
    expected = {(s, n) for s, count in told(database).items() for n in range(1, count + 1)}
    assert seen < expected


def test_a_fact_committed_late_gets_a_late_position(database: Database, subjects: None) -> None:
    """The case behind it: the lower outbox id is committed after the higher one was read."""
    with database.transaction() as slow:
        announce(slow, [change(slow, "subject/1")])
        with database.transaction() as fast:
            announce(fast, [change(fast, "subject/2")])
        assert events.drain(database) == 1
    assert events.drain(database) == 1
    assert logged(database) == [(1, "subject/2", 1), (2, "subject/1", 1)]


# What a killed process leaves.


def sequence_and_hang(url: str, batches_before: int) -> None:
    with Database(url) as database:
        for _ in range(batches_before):
            database.run(lambda tx: events.sequence_batch(tx, 5))
        with database.transaction() as tx:
            events.sequence_batch(tx, 5)
            tx.run("SELECT 'numbered, not committed'")
            hang()


def hangs(owner: psycopg.Connection) -> bool:
    return bool(
        owner.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event = 'ClientRead' AND query LIKE '%not committed%'"
        ).fetchone()
    )


def test_a_killed_sequencer_leaves_no_trace_of_its_batch(
    database: Database, database_url: str, owner: psycopg.Connection, subjects: None
) -> None:
    for _ in range(23):
        with database.transaction() as tx:
            announce(tx, [change(tx, "subject/1")])
    with process(sequence_and_hang, database_url, 2) as sequencer:
        until(lambda: hangs(owner), "the sequencer to be in the middle of its batch")
        assert len(logged(database)) == 10
        kill(sequencer)
        assert events.drain(database, limit=4) == 13
    assert_complete(logged(database), {"subject/1": 23})


def sequence_forever(url: str) -> None:
    with Database(url) as database:
        while True:
            events.drain(database, limit=3)


@pytest.mark.parametrize(
    "kills", [3, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_sequencers_killed_again_and_again_lose_nothing(
    database: Database, database_url: str, subjects: None, kills: int
) -> None:
    with writing(database, kills * TRANSACTIONS_EACH // 3) as ended:
        for _ in range(kills):
            with process(sequence_forever, database_url):
                before = len(logged(database))
                until(
                    lambda before=before: ended.is_set() or len(logged(database)) > before,
                    "the sequencer to get something done",
                )
    events.drain(database)
    assert_complete(logged(database), told(database))


# What is told.


def test_what_is_announced_stands_in_the_log_as_it_was_told(
    database_on: Callable[[Clock], Database],
) -> None:
    database = database_on(VirtualClock(datetime(2026, 1, 5, tzinfo=UTC), seed=1))
    earlier = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
    with database.transaction() as tx:
        now, cause = tx.now, tx.new_id()
        announce(
            tx,
            [
                Announcement("order/1", Counted(1, 'a "quoted" Größe\n'), "c-1", "ann"),
                Announcement("order/2", Renamed("x"), "c-1", "ann", cause, earlier),
                Announcement("order/1", Counted(2), "c-1", "ann"),
            ],
        )
        announce(tx, [])
        tx.end()
        assert events.outbox_age(tx) == (3, (now - earlier).total_seconds())
    assert events.drain(database) == 3
    with database.transaction() as tx:
        rows = tx.rows(
            events.Q.read_log, {"after": 0, "to": 99, "names": ["Counted", "Renamed", "Other"]}
        )
        story = events.facts_of(tx, "order/1")
    first, second, third = events.decode(rows, {"Counted": Counted, "Renamed": Renamed})
    assert (first.position, first.subject, first.fact) == (
        1,
        "order/1",
        Counted(1, 'a "quoted" Größe\n'),
    )
    assert (first.occurred_at, first.caused_by, first.command_id) == (now, None, "c-1")
    assert (second.fact, second.caused_by, second.occurred_at) == (Renamed("x"), cause, earlier)
    assert (second.actor, rows[1][4]) == ("ann", 3)
    assert third.fact == Counted(2)
    assert first.fact_id < second.fact_id < third.fact_id
    assert [(p, name, at) for p, name, at, _, _ in story] == [
        (1, "Counted", now),
        (3, "Counted", now),
    ]


def test_the_order_of_a_long_announcement_is_kept(database: Database) -> None:
    with database.transaction() as tx:
        announce(tx, [Announcement("order/1", Counted(n), "c", "ann") for n in range(1, 3_001)])
    assert events.drain(database, limit=700) == 3_000
    assert_complete(logged(database), {"order/1": 3_000})


def test_the_waiting_outbox_has_an_age(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(datetime(2026, 1, 5, tzinfo=UTC), seed=1)
    database = database_on(clock)
    with database.transaction() as tx:
        announce(tx, [Announcement("order/1", Counted(1), "c", "ann")])
    clock.advance_to(clock.now() + timedelta(seconds=42))
    with database.transaction() as tx:
        assert events.outbox_age(tx) == (1, 42.0)
        assert events.facts_of(tx, "order/1") == []
