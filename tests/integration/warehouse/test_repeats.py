"""The same command again, and many at once: nothing happens twice, nobody gets another answer."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.decisions import serials_max
from entrepot.departments.warehouse.model import PackedWork, PickedWork, Short
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import RefusalCode
from tests.integration.warehouse.parts import (
    PREFIX,
    cancel,
    code,
    do,
    done,
    findings,
    full,
    hand_over,
    pack,
    pick,
    release,
    told,
)

THREADS = 12
A = TypeVar("A")


def at_once(work: Callable[[int], A], count: int = THREADS) -> list[A]:
    """`count` threads begin together; their answers by number."""
    together = threading.Barrier(count)

    def begin(number: int) -> A:
        together.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_every_step_repeated_later_is_answered_the_same(database: Database) -> None:
    way = [
        release(),
        pick(shorts=(Short(2, 1, "expired"),)),
        pack(max_mass_g=1_000),
        hand_over(),
    ]
    first = []
    for number, command in enumerate(way):
        first.append(do(database, command))
        before = full(database)
        assert [do(database, c) for c in way[: number + 1]] == first
        assert full(database) == before
    facts = told(database, "work/O-1/1")
    assert facts == ["WorkReleased", "PickShort", "WorkPacked", "HandedOver"]


def test_a_cancelled_part_answers_its_earlier_steps_the_same(database: Database) -> None:
    way = [release(), pick(), pack(max_mass_g=1_300), cancel()]
    first = [do(database, command) for command in way]
    assert len(first[2].cartons) == 3
    assert [do(database, command) for command in way] == first
    assert full(database).work.attempt == 1


def test_the_number_of_a_voided_carton_is_not_given_again(database: Database) -> None:
    seen: list[str] = []
    for attempt in range(3):
        ids = {"command_id": f"attempt {attempt}"}
        done(database, release(**ids), pick(**ids))
        seen += [c.sscc for c in do(database, pack(max_mass_g=1_300, **ids)).cartons]
        done(database, cancel(**ids))
    assert len(set(seen)) == len(seen) == 9
    assert findings(database) == []


def test_two_pickers_on_one_part(database: Database) -> None:
    done(database, release())
    answers = at_once(
        lambda n: do(
            database, pick(command_id=f"picker {n}", shorts=(Short(1, 1 + n % 3, "damaged"),))
        )
    )
    (won,) = [a for a in answers if isinstance(a, PickedWork)]
    lost = Counter(map(code, answers))
    assert lost == {None: 1, RefusalCode.wrong_state: THREADS - 1}
    work, lines, _ = full(database)
    assert work.picked_each == won.picked_each == 5 - lines[0].short_each
    assert told(database, "work/O-1/1") == ["WorkReleased", "PickShort"]


def test_one_command_sent_many_times_at_once(database: Database) -> None:
    for command in (release(), pick(), pack(max_mass_g=1_300), hand_over()):
        answers = at_once(lambda _, c=command: do(database, c))
        assert all(answer == answers[0] for answer in answers)
        assert code(answers[0]) is None
    assert told(database, "work/O-1/1") == ["WorkReleased", "WorkPacked", "HandedOver"]
    assert findings(database) == []


def test_batches_that_cross_take_rows_in_one_order(database: Database) -> None:
    orders = [f"O-{n:02}" for n in range(30)]
    database.run(lambda tx: warehouse.release(tx, [release(o) for o in orders]))

    def half(number: int) -> list[Any]:
        mine = orders if number % 2 else orders[::-1]
        picks = [pick(o, command_id=f"{number % 3}:{o}") for o in mine]
        return database.run(lambda tx: warehouse.pick(tx, picks))

    answers = at_once(half)
    assert {code(a) for batch in answers for a in batch} <= {None, RefusalCode.wrong_state}
    assert len(database.run(lambda tx: warehouse.work_of(tx, orders))) == 30
    assert all(
        w.work.state == "picked" for w in database.run(lambda tx: warehouse.work_of(tx, orders))
    )


def test_serial_numbers_are_taken_in_blocks_and_never_twice(database: Database) -> None:
    parts = 20

    def work(number: int) -> list[int]:
        orders = [f"O-{number}-{n}" for n in range(parts)]

        def prepare(tx: Tx) -> None:
            warehouse.release(tx, [release(o) for o in orders])
            warehouse.pick(tx, [pick(o) for o in orders])

        database.run(prepare)
        packs = [pack(o, max_mass_g=1_300 if number % 2 else 30_000) for o in orders]
        answers = database.run(lambda tx: warehouse.pack(tx, packs, company_prefix=PREFIX))
        found: list[int] = []
        for answer in answers:
            assert isinstance(answer, PackedWork), answer
            found += [int(c.sscc[:17]) for c in answer.cartons]
        return found

    blocks = at_once(work)
    for block in blocks:
        assert all(b == a + 1 for a, b in itertools.pairwise(block)), "a block is in one piece"
    everything = sorted(n for block in blocks for n in block)
    assert len(set(everything)) == len(everything) == parts * (THREADS // 2) * (1 + 3)
    first = int(f"0{PREFIX}{0:0{len(str(serials_max(PREFIX))) - 2}d}")
    assert everything == list(range(first, first + len(everything))), "without a gap"
    assert findings(database) == []


def test_a_batch_that_fails_leaves_no_trace(database: Database) -> None:
    done(database, release(), pick())

    class Stop(Exception):
        pass

    def fail(tx: Tx) -> None:
        warehouse.pack(tx, [pack()], company_prefix=PREFIX)
        raise Stop

    with pytest.raises(Stop):
        database.run(fail)
    assert full(database).cartons == () and full(database).work.state == "picked"
    assert told(database, "work/O-1/1") == ["WorkReleased"]
    assert do(database, pack()).cartons[0].sscc.startswith(f"0{PREFIX}000000000")
