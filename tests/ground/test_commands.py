"""Commands: repeating one gives its first answer, and has no second effect."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from entrepot.ground import commands
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.commands import RETENTION_DAYS, Command, Repeated
from entrepot.ground.database import APPLICATION_ROLE, Database, Tx
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.processes import until

THREADS = 16


@pytest.fixture(autouse=True)
def effects(owner: psycopg.Connection) -> None:
    """Where a command leaves its trace, as often as it is done."""
    owner.execute("CREATE TABLE public.effect (n integer GENERATED ALWAYS AS IDENTITY, what text)")
    owner.execute(f"GRANT SELECT, INSERT ON public.effect TO {APPLICATION_ROLE}")


def do(tx: Tx, key: str, content: str) -> str | RefusalCode:
    """A verb as the house writes them: claim, effect, answer."""
    (claimed,) = commands.claim(tx, [Command(key, content.encode())])
    if isinstance(claimed, Repeated):
        return claimed.answer.decode()
    if isinstance(claimed, Refusal):
        return claimed.code
    row = tx.row("INSERT INTO public.effect (what) VALUES (%s) RETURNING n", (content,))
    assert row is not None
    answer = f"done {content} as {row[0]}"
    commands.answer(tx, {key: answer.encode()})
    return answer


def effects_of(database: Database) -> list[str]:
    with database.transaction() as tx:
        return [row[0] for row in tx.rows("SELECT what FROM public.effect ORDER BY n")]


def test_a_repeat_gives_the_first_answer(database: Database) -> None:
    first = database.run(lambda tx: do(tx, "ann:1", "buy"))
    assert database.run(lambda tx: do(tx, "ann:1", "buy")) == first
    assert database.run(lambda tx: do(tx, "bob:1", "buy")) == "done buy as 2"
    assert effects_of(database) == ["buy", "buy"]


def test_one_key_from_many_threads_has_one_effect_and_one_answer(database: Database) -> None:
    for key in ("k1", "k2", "k3", "k4"):
        together = threading.Barrier(THREADS)

        def call(_: int, key: str = key, together: threading.Barrier = together) -> object:
            together.wait(20)
            return database.run(lambda tx: do(tx, key, key))

        with ThreadPoolExecutor(THREADS) as pool:
            answers = set(pool.map(call, range(THREADS)))
        assert len(answers) == 1
    assert effects_of(database) == ["k1", "k2", "k3", "k4"]


def test_one_key_with_two_contents_from_many_threads_does_one_of_them(database: Database) -> None:
    together = threading.Barrier(THREADS)

    def call(n: int) -> str | RefusalCode:
        together.wait(20)
        return database.run(lambda tx: do(tx, "k", f"content {n % 2}"))

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(call, range(THREADS)))
    (done,) = effects_of(database)
    winner = int(done[-1])
    assert [a for n, a in enumerate(answers) if n % 2 == winner] == [f"done {done} as 1"] * 8
    assert [a for n, a in enumerate(answers) if n % 2 != winner] == [RefusalCode.key_reused] * 8


def test_other_content_is_refused_and_changes_nothing(database: Database) -> None:
    first = database.run(lambda tx: do(tx, "k", "buy one"))
    with database.transaction() as tx:
        (refusal,) = commands.claim(tx, [Command("k", b"buy two")])
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (RefusalCode.key_reused, "command_id")
    assert "nothing was changed" in refusal.message
    assert database.run(lambda tx: do(tx, "k", "buy one")) == first
    assert effects_of(database) == ["buy one"]


def test_a_rollback_frees_the_key(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction() as tx:
        do(tx, "k", "first")
        raise KeyError
    assert database.run(lambda tx: do(tx, "k", "second")) == "done second as 2"
    assert effects_of(database) == ["second"]


def test_who_waits_for_a_command_that_is_given_up_does_it(
    database: Database, owner: psycopg.Connection
) -> None:
    claimed, answers = threading.Event(), []

    def wait() -> None:
        assert claimed.wait(20)
        answers.append(database.run(lambda tx: do(tx, "k", "the same")))

    waiter = threading.Thread(target=wait)
    waiter.start()
    with pytest.raises(KeyError), database.transaction() as tx:
        do(tx, "k", "the same")
        claimed.set()
        until(
            lambda: owner.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()"
            ).fetchone(),
            "the second caller to wait",
        )
        raise KeyError
    waiter.join(20)
    assert answers == ["done the same as 2"]
    assert effects_of(database) == ["the same"]


def test_a_batch_is_answered_in_its_order(database: Database) -> None:
    with database.transaction() as tx:
        do(tx, "b", "old")
        do(tx, "d", "old")
    with database.transaction() as tx:
        claims = commands.claim(
            tx,
            [
                Command("d", b"new"),
                Command("c", b"fresh"),
                Command("b", b"old"),
                Command("a", b"fresh"),
            ],
        )
        commands.answer(tx, {"c": b"", "a": b"\x00\xff"})
    assert claims[1] is None
    assert claims[3] is None
    assert isinstance(claims[0], Refusal)
    assert claims[2] == Repeated(b"done old as 1")
    with database.transaction() as tx:
        again = commands.claim(tx, [Command("a", b"fresh"), Command("c", b"fresh")])
        assert again == [Repeated(b"\x00\xff"), Repeated(b"")]
        assert commands.claim(tx, []) == []


def test_batches_of_the_same_keys_in_any_order_never_deadlock(database: Database) -> None:
    keys = [f"k{n}" for n in range(50)]
    attempts: list[int] = []

    def call(n: int) -> int:
        ordered = keys[n:] + keys[:n] if n % 2 else keys[n::-1] + keys[:n:-1]

        def attempt(tx: Tx) -> int:
            attempts.append(n)
            claims = commands.claim(tx, [Command(k, b"x") for k in ordered])
            mine = [k for k, c in zip(ordered, claims, strict=True) if c is None]
            commands.answer(tx, dict.fromkeys(mine, b"done"))
            return len(mine)

        return database.run(attempt)

    with ThreadPoolExecutor(THREADS) as pool:
        fresh = list(pool.map(call, range(THREADS)))
    assert (sum(fresh), len(attempts)) == (50, THREADS)


def test_a_key_has_a_length(database: Database) -> None:
    assert database.run(lambda tx: do(tx, "k" * 300, "x")) == "done x as 1"
    for bad in ("", "k" * 301):
        with pytest.raises(Conflict, match="command_command_id_check"):
            database.run(lambda tx, bad=bad: do(tx, bad, "x"), attempts=1)


def test_two_callers_never_meet_in_one_key() -> None:
    assert commands.scoped("ann", "1") != commands.scoped("bob", "1")


def test_commands_are_forgotten_after_the_retention(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(datetime(2026, 1, 5, tzinfo=UTC), seed=1)
    database = database_on(clock)
    database.run(lambda tx: do(tx, "old", "x"))
    clock.advance_to(clock.now() + timedelta(days=1))
    database.run(lambda tx: do(tx, "newer", "x"))
    clock.advance_to(clock.now() + timedelta(days=RETENTION_DAYS))
    assert commands.forget(database) == 1
    assert commands.forget(database) == 0
    assert database.run(lambda tx: do(tx, "newer", "x")) == "done x as 2"
    assert database.run(lambda tx: do(tx, "old", "x")) == "done x as 3"


def test_forgetting_goes_on_until_all_is_done(
    database: Database, owner: psycopg.Connection
) -> None:
    owner.execute(
        "INSERT INTO ground.command (command_id, content_hash, answer, at) "
        "SELECT 'c' || i, sha256(''), '', '2000-01-01Z' FROM generate_series(1, %s) AS i",
        (commands.FORGET_BATCH + 5,),
    )
    assert commands.forget(database) == commands.FORGET_BATCH + 5
