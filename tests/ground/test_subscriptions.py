"""Subscriptions: exactly once, in order, never stuck behind a fact that cannot be handled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import psycopg
import pytest

from entrepot.ground import events, subscriptions
from entrepot.ground.database import APPLICATION_ROLE, Database, Tx
from entrepot.ground.events import Announcement, Handler, Recorded, Subscription, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Broken, Conflict, Unavailable
from tests.processes import hang, kill, process, until

NAME = "effects"
NAMES = ("Counted",)
BEHIND = "waits behind an earlier dead letter of its subject"


class Counted(Fact, frozen=True):
    """The `nth` fact of its subject."""

    nth: int


class Ignored(Fact, frozen=True):
    """A fact nobody here subscribes to."""


@pytest.fixture(autouse=True)
def effects(owner: psycopg.Connection) -> None:
    """Where a handled fact leaves its trace, as often as it is handled."""
    owner.execute(
        "CREATE TABLE public.effect (subject text, nth integer CHECK (nth < 1000), "
        "id integer GENERATED ALWAYS AS IDENTITY)"
    )
    owner.execute("CREATE TABLE public.once (nth integer PRIMARY KEY)")
    owner.execute("INSERT INTO public.once VALUES (3)")
    owner.execute(f"GRANT SELECT, INSERT ON public.effect, public.once TO {APPLICATION_ROLE}")


def write_effects(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
    for recorded in facts:
        assert isinstance(recorded.fact, Counted)
        tx.run(
            "INSERT INTO public.effect (subject, nth) VALUES (%s, %s)",
            (recorded.subject, recorded.fact.nth),
        )


def failing(subject: str, nth: int, fail: Callable[[Tx], object]) -> Handler:
    """Writes effects, and fails after those of one fact."""

    def handle(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
        for recorded in facts:
            write_effects(tx, [recorded])
            if (recorded.subject, recorded.fact) == (subject, Counted(nth)):
                fail(tx)

    return handle


def bug(tx: Tx) -> None:
    raise ValueError("cannot be handled")


def subscription(handle: Handler = write_effects) -> Subscription:
    return Subscription(NAME, (Counted,), handle)


def tell(database: Database, *facts: tuple[str, int]) -> None:
    with database.transaction() as tx:
        announce(tx, [Announcement(s, Counted(n), f"c-{s}-{n}", "tester") for s, n in facts])
    events.drain(database)


def start(database: Database, subjects: str = "abc", count: int = 5) -> None:
    """`count` facts of each subject, the subjects taking turns; and a registered subscription."""
    tell(database, *((s, n) for n in range(1, count + 1) for s in subjects))
    with database.transaction() as tx:
        subscriptions.register(tx, [subscription()])


def run_to_end(database: Database, wanted: Subscription, window: int = 1_000) -> None:
    while subscriptions.advance(database, wanted, window=window):
        pass


def found_effects(database: Database) -> dict[str, list[int]]:
    with database.transaction() as tx:
        rows = tx.rows(
            "SELECT subject, array_agg(nth ORDER BY id) FROM public.effect GROUP BY subject"
        )
    return dict(rows)


def parked(database: Database) -> list[tuple[int, str, str, int]]:
    with database.transaction() as tx:
        letters = subscriptions.dead_letters(tx)
    assert {d.subscription for d in letters} <= {NAME}
    return [(d.position, d.subject, d.reason, d.attempts) for d in letters]


def stands(database: Database) -> tuple[int, int]:
    """(position, facts handled) of the subscription."""
    with database.transaction() as tx:
        (progress,) = subscriptions.progress(tx)
    return progress.position, progress.handled


ALL = {"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5], "c": [1, 2, 3, 4, 5]}


@pytest.mark.parametrize("window", [1, 2, 7, 1_000])
def test_every_fact_is_handled_once_in_order(database: Database, window: int) -> None:
    start(database)
    run_to_end(database, subscription(), window)
    assert found_effects(database) == ALL
    assert stands(database) == (15, 15)
    assert subscriptions.advance(database, subscription()) == 0


def test_facts_of_other_classes_are_passed_over(database: Database) -> None:
    with database.transaction() as tx:
        announce(tx, [Announcement("x", Ignored(), "c", "t")] * 20)
    start(database, "a")
    run_to_end(database, subscription(), window=6)
    assert found_effects(database) == {"a": [1, 2, 3, 4, 5]}
    assert stands(database) == (25, 5)


def test_a_subscription_may_start_late_and_registers_once(database: Database) -> None:
    tell(database, ("a", 1), ("a", 2), ("a", 3))
    for position in (2, 0):
        with database.transaction() as tx:
            subscriptions.register(tx, [subscription()], position=position)
    run_to_end(database, subscription())
    assert found_effects(database) == {"a": [3]}


def test_an_unregistered_subscription_handles_nothing(database: Database) -> None:
    tell(database, ("a", 1))
    assert subscriptions.advance(database, subscription()) == 0
    assert found_effects(database) == {}


# Killed, and at work twice.


def handle_and_hang(url: str, at: int) -> None:
    """A worker that hangs after the effects of position `at`, before its transaction commits."""

    def handle(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
        write_effects(tx, facts)
        if any(recorded.position == at for recorded in facts):
            hang()

    with Database(url) as database:
        run_to_end(database, subscription(handle), window=4)


def in_the_middle(owner: psycopg.Connection) -> bool:
    return bool(
        owner.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event = 'ClientRead' AND query LIKE 'INSERT INTO public.effect%' "
            # Not one that is only between two statements.
            "AND state_change < clock_timestamp() - interval '500 ms'"
        ).fetchone()
    )


@pytest.mark.parametrize("at", [4, 10, 15])
def test_a_worker_killed_between_effects_and_commit_handles_nothing_twice(
    database: Database, database_url: str, owner: psycopg.Connection, at: int
) -> None:
    start(database)
    with process(handle_and_hang, database_url, at) as worker:
        until(lambda: in_the_middle(owner), "the worker to be between effects and commit")
        before = sum(map(len, found_effects(database).values()))
        assert before == (at - 1) // 4 * 4
        assert subscriptions.advance(database, subscription()) == 0, "the cursor is taken"
        kill(worker)
        until(lambda: subscriptions.advance(database, subscription()), "the cursor to be free")
    run_to_end(database, subscription())
    assert found_effects(database) == ALL
    assert stands(database) == (15, 15)


def test_two_workers_share_one_subscription_without_a_double(
    database: Database, database_url: str
) -> None:
    start(database, "abcdef", 60)
    most = [0, 0]

    def work(which: int) -> None:
        with Database(database_url, connections_max=1) as own:
            while stands(own)[0] < 360:
                most[which] += subscriptions.advance(own, subscription(), window=3)

    workers = [threading.Thread(target=work, args=(n,)) for n in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert found_effects(database) == {s: list(range(1, 61)) for s in "abcdef"}
    assert sum(most) == 360
    assert min(most) > 0, "both workers were at it"


# What cannot be handled.


@pytest.mark.parametrize("window", [1, 3, 1_000])
def test_a_poisoned_fact_is_parked_and_its_subject_waits(database: Database, window: int) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)), window)
    assert found_effects(database) == {**ALL, "b": [1, 2]}
    assert parked(database) == [
        (8, "b", "ValueError('cannot be handled')", 1),
        (11, "b", BEHIND, 0),
        (14, "b", BEHIND, 0),
    ]
    assert stands(database) == (15, 12)
    tell(database, ("b", 6), ("a", 6))
    run_to_end(database, subscription())
    assert parked(database)[-1] == (16, "b", BEHIND, 0)
    assert found_effects(database)["a"][-1] == 6


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (lambda tx: tx.run("SELEKT 1"), "SyntaxError"),
        (lambda tx: tx.run("INSERT INTO public.effect VALUES ('x', 1000)"), "effect_nth_check"),
        (lambda tx: tx.run("INSERT INTO public.once VALUES (3)"), "once_pkey"),
        (lambda tx: tx.run("SELECT nothing FROM events.head"), "does not fit this version"),
    ],
    ids=["wrong statement", "broken check", "broken key", "missing column"],
)
def test_what_the_database_refuses_every_time_is_parked(
    database: Database, fail: Callable[[Tx], object], reason: str
) -> None:
    start(database, "ab", 4)
    run_to_end(database, subscription(failing("b", 2, fail)))
    assert found_effects(database) == {"a": [1, 2, 3, 4], "b": [1]}
    (position, _, found, attempts), *behind = parked(database)
    assert (position, attempts, [p for p, _, _, _ in behind]) == (4, 1, [6, 8])
    assert reason in found


def test_a_fault_that_needs_a_person_is_parked(database: Database) -> None:
    def broken(tx: Tx) -> None:
        raise Broken("the partner's key is gone")

    start(database, "ab", 2)
    run_to_end(database, subscription(failing("a", 1, broken)))
    assert parked(database) == [(1, "a", "the partner's key is gone", 1), (3, "a", BEHIND, 0)]


def test_a_body_that_does_not_fit_its_class_is_parked(database: Database) -> None:
    class Counted(Fact, frozen=True):
        nth: int
        since: str

    start(database, "a", 2)
    run_to_end(database, Subscription(NAME, (Counted,), write_effects))
    assert found_effects(database) == {}
    assert "missing required field `since`" in parked(database)[0][2]


def test_the_world_failing_parks_nothing(database: Database) -> None:
    def away(tx: Tx) -> None:
        raise Unavailable("the partner does not answer")

    start(database)
    with pytest.raises(Unavailable):
        run_to_end(database, subscription(failing("b", 3, away)))
    assert (found_effects(database), parked(database), stands(database)) == ({}, [], (0, 0))
    run_to_end(database, subscription())
    assert found_effects(database) == ALL


def test_a_passing_conflict_is_tried_again(database: Database) -> None:
    failures = [0]

    def sometimes(tx: Tx) -> None:
        failures[0] += 1
        if failures[0] <= 3:
            raise Conflict("someone was faster", kind="guard")

    start(database)
    run_to_end(database, subscription(failing("b", 3, sometimes)))
    assert (found_effects(database), parked(database)) == (ALL, [])


@pytest.mark.parametrize("code", ["40P01", "55P03", "40001"])
def test_a_deadlock_while_trying_a_fact_alone_parks_nothing(database: Database, code: str) -> None:
    """First a bug, so that the fact is tried alone; then what passes when tried again."""
    calls = [0]

    def first_one_then_the_other(tx: Tx) -> None:
        calls[0] += 1
        if calls[0] == 1:
            bug(tx)
        if calls[0] == 2:
            tx.run(f"DO $$ BEGIN RAISE EXCEPTION 'passing' USING ERRCODE = '{code}'; END $$")

    start(database, "a", 1)
    wanted = subscription(failing("a", 1, first_one_then_the_other))
    assert subscriptions.advance(database, wanted, window=1) == 1
    assert (calls, found_effects(database), parked(database)) == ([3], {"a": [1]}, [])
    assert stands(database) == (1, 1)


# Afterwards.


def test_parked_facts_are_handled_in_order_when_the_cause_is_gone(database: Database) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)))
    assert subscriptions.retry_dead_letters(database, subscription(), "a") == 0
    assert subscriptions.retry_dead_letters(database, subscription(), "b") == 3
    assert (found_effects(database), parked(database)) == (ALL, [])
    assert stands(database) == (15, 15)
    tell(database, ("b", 6))
    run_to_end(database, subscription())
    assert found_effects(database)["b"][-1] == 6


def test_a_retry_stops_where_it_fails_again(database: Database) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)))
    again = subscription(failing("b", 3, bug))
    for attempts in (2, 3):
        assert subscriptions.retry_dead_letters(database, again, "b") == 0
        assert parked(database)[0] == (8, "b", "ValueError('cannot be handled')", attempts)
    later = subscription(failing("b", 5, bug))
    assert subscriptions.retry_dead_letters(database, later, "b") == 2
    assert parked(database) == [(14, "b", "ValueError('cannot be handled')", 1)]
    assert found_effects(database)["b"] == [1, 2, 3, 4]


def test_a_retry_does_not_meet_a_worker(
    database: Database, database_url: str, owner: psycopg.Connection
) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)))
    with owner.transaction():
        owner.execute(events.Q.lock_subscription, {"name": NAME})
        with pytest.raises(Conflict, match="at work elsewhere"):
            subscriptions.retry_dead_letters(database, subscription(), "b")
    assert subscriptions.retry_dead_letters(database, subscription(), "b") == 3


def test_rewinding_handles_the_log_again(database: Database) -> None:
    start(database)
    run_to_end(database, subscription())
    with database.transaction() as tx:
        assert subscriptions.rewind(tx, NAME, 9, NAMES)
    run_to_end(database, subscription())
    assert found_effects(database) == {s: [1, 2, 3, 4, 5, 4, 5] for s in "abc"}


def test_rewinding_tries_dead_letters_again_from_their_place(database: Database) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)))
    with database.transaction() as tx:
        assert subscriptions.rewind(tx, NAME, 3, NAMES)
    run_to_end(database, subscription(failing("b", 4, bug)))
    assert found_effects(database)["b"] == [1, 2, 2, 3]
    assert parked(database) == [
        (11, "b", "ValueError('cannot be handled')", 1),
        (14, "b", BEHIND, 0),
    ]


def test_rewinding_keeps_the_dead_letters_before_it(database: Database) -> None:
    start(database)
    run_to_end(database, subscription(failing("b", 3, bug)))
    with database.transaction() as tx:
        assert subscriptions.rewind(tx, NAME, 12, NAMES)
    run_to_end(database, subscription())
    assert [(p, reason) for p, _, reason, _ in parked(database)] == [
        (8, "ValueError('cannot be handled')"),
        (11, BEHIND),
        (14, BEHIND),
    ]
    assert found_effects(database)["b"] == [1, 2]


def test_rewinding_never_goes_forward(database: Database) -> None:
    start(database)
    with database.transaction() as tx:
        assert not subscriptions.rewind(tx, NAME, 3, NAMES)
        assert not subscriptions.rewind(tx, "no such subscription", 0)
    run_to_end(database, subscription())
    assert found_effects(database) == ALL
