"""The work of a part from release to the carrier, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import (
    AskedLine,
    Contents,
    HandedOverWork,
    LineEach,
    PackedWork,
    PickedWork,
    ReleasedWork,
    Short,
    WorkState,
)
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.words.identifiers import has_check_digit
from entrepot.words.outcome import RefusalCode
from tests.integration.warehouse.parts import (
    KILOS_30,
    NOON,
    PREFIX,
    cancel,
    clock,
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


@pytest.fixture
def ticking(database_on: Callable[[Clock], Database]) -> tuple[Database, VirtualClock]:
    """A database and the clock it runs on."""
    at = clock()
    return database_on(at), at


def test_a_part_goes_its_whole_way(ticking: tuple[Database, VirtualClock]) -> None:
    database, at = ticking
    assert do(database, release()) == ReleasedWork("O-1", 1, 1, "LDS", 5, NOON)
    at.sleep(3600)
    assert do(database, pick()) == PickedWork("O-1", 1, "LDS", 5, (), NOON + timedelta(hours=1))
    at.sleep(600)
    packed = do(database, pack())
    assert isinstance(packed, PackedWork)
    ((sscc, mass_g),) = packed.cartons
    assert mass_g == 3 * 400 + 2 * 900
    assert len(sscc) == 18 and sscc.startswith(f"0{PREFIX}") and has_check_digit(sscc)
    at.sleep(3600)
    handed = do(database, hand_over(ssccs=(sscc,)))
    assert handed == HandedOverWork("O-1", 1, "LDS", (sscc,), database.clock.now())
    work, lines, cartons = full(database)
    assert work.state is WorkState.handed_over and work.picked_each == 5
    assert [(line.sku, line.picked_each) for line in lines] == [("MUG", 3), ("BOWL", 2)]
    assert [c.lines for c in cartons] == [(LineEach(1, 3), LineEach(2, 2))]
    assert cartons[0].closed_at == handed.handed_over_at
    assert told(database, "work/O-1/1") == ["WorkReleased", "WorkPacked", "HandedOver"]
    assert findings(database) == []


def test_what_is_short_is_told_with_its_reason(database: Database) -> None:
    done(database, release())
    answer = do(database, pick(shorts=(Short(2, 1, "damaged"), Short(1, 3, "not_found"))))
    assert answer.picked_each == 1
    assert [(s.line_no, s.sku, s.short_each, s.short_reason) for s in answer.shorts] == [
        (1, "MUG", 3, "not_found"),
        (2, "BOWL", 1, "damaged"),
    ]
    assert told(database, "work/O-1/1") == ["WorkReleased", "PickShort", "PickShort"]
    (carton,) = do(database, pack()).cartons
    assert carton.mass_g == 900
    assert full(database).cartons[0].lines == (LineEach(2, 1),)
    assert findings(database) == []


def test_nothing_picked_can_only_be_cancelled(database: Database) -> None:
    everything = (Short(1, 3, "not_found"), Short(2, 2, "not_found"))
    done(database, release(), pick(shorts=everything))
    refused = do(database, pack())
    assert refused.code is RefusalCode.wrong_state and "cancel it" in refused.message
    done(database, cancel(reason="nothing_picked"))
    assert findings(database) == []


def test_a_heavy_part_goes_in_several_cartons(database: Database) -> None:
    done(database, release(), pick())
    answer = do(database, pack(max_mass_g=1_300))
    assert [c.mass_g for c in answer.cartons] == [1_300, 1_300, 400]
    assert len({c.sscc for c in answer.cartons}) == 3
    contents = {c.sscc: c.lines for c in full(database).cartons}
    assert [contents[c.sscc] for c in answer.cartons] == [
        (LineEach(1, 1), LineEach(2, 1)),
        (LineEach(1, 1), LineEach(2, 1)),
        (LineEach(1, 1),),
    ]
    assert findings(database) == []


def test_cartons_may_be_told_as_they_were_packed(database: Database) -> None:
    done(database, release(), pick())
    first = Contents((LineEach(1, 3),), 1_350)
    second = Contents((LineEach(2, 2),), 2_100)
    less = Contents((LineEach(2, 1),), 2_100)
    refused = do(database, pack(cartons=(first, less)))
    assert refused.code is RefusalCode.bad_quantity and "1 of line 2 missing" in refused.message
    answer = do(database, pack(cartons=(first, second)))
    assert [c.mass_g for c in answer.cartons] == [1_350, 2_100]
    assert findings(database) == []


def test_no_carton_is_left_behind(database: Database) -> None:
    done(database, release(), pick(), release("O-2"), pick("O-2"))
    one, two, three = (c.sscc for c in do(database, pack(max_mass_g=1_300)).cartons)
    (foreign,) = (c.sscc for c in do(database, pack("O-2")).cartons)
    refused = do(database, hand_over(ssccs=(one, two, foreign)))
    assert refused.code is RefusalCode.bad_value
    assert refused.facts == {"missing": [three], "foreign": [foreign]}
    done(database, hand_over(ssccs=(three, two, one)))


def test_cancelled_work_voids_its_cartons_and_may_begin_anew(database: Database) -> None:
    done(database, release(), pick())
    (old,) = do(database, pack()).cartons
    done(database, cancel())
    assert full(database).cartons == ()
    (stray,) = database.run(lambda tx: warehouse.find_cartons(tx, [old.sscc]))
    assert stray.voided_at is not None and stray.order_id == "O-1"
    again = release(command_id="release again", node="BHM", lines=(AskedLine(7, "TRAY", 1, 2_000),))
    answer = do(database, again)
    assert (answer.attempt, answer.node, answer.asked_each) == (2, "BHM", 1)
    assert [line.sku for line in full(database).lines] == ["TRAY"]
    done(database, pick(command_id="pick again"))
    (new,) = do(database, pack(command_id="pack again")).cartons
    assert new.sscc != old.sscc
    done(database, hand_over(command_id="hand again"))
    assert findings(database) == []


def test_due_work_is_listed_oldest_first(ticking: tuple[Database, VirtualClock]) -> None:
    database, at = ticking
    hour = timedelta(hours=1)
    done(
        database,
        release("late", pick_due_at=NOON + 3 * hour),
        release("usual", pick_due_at=NOON + hour),
        release("urgent", pick_due_at=NOON + hour, priority=10),
        release("elsewhere", node="BHM", pick_due_at=NOON),
        release("far", node="ABZ", pick_due_at=NOON),
    )

    def due(state: WorkState, hours: int, *nodes: str, limit: int = 10) -> list[str]:
        found = database.run(lambda tx: warehouse.due(tx, nodes, state, NOON + hours * hour, limit))
        return [work.order_id for work in found]

    assert due(WorkState.released, 1, "LDS") == ["urgent", "usual"]
    assert due(WorkState.released, 9, "LDS", "BHM") == ["elsewhere", "urgent", "usual", "late"]
    assert due(WorkState.released, 9, "LDS", "BHM", limit=2) == ["elsewhere", "urgent"]
    at.sleep(7200)
    done(database, pick("usual"))
    assert due(WorkState.released, 9, "LDS") == ["urgent", "late"]
    assert due(WorkState.picked, 1, "LDS") == []
    assert due(WorkState.picked, 2, "LDS") == ["usual"]
    done(database, pack("usual"))
    assert due(WorkState.packed, 4, "LDS") == [] and due(WorkState.packed, 5, "LDS") == ["usual"]
    done(database, hand_over("usual"))
    assert due(WorkState.packed, 9, "LDS") == []


WRONG = [
    (release(command_id="other"), {"released", "picked", "packed", "handed_over"}),
    (pick(command_id="other"), {"picked", "packed", "handed_over", "cancelled"}),
    (pack(command_id="other"), {"released", "packed", "handed_over", "cancelled"}),
    (hand_over(command_id="other"), {"released", "picked", "handed_over", "cancelled"}),
    (cancel(command_id="other"), {"handed_over", "cancelled"}),
]


@pytest.mark.parametrize("command", WRONG, ids=lambda pair: type(pair[0]).__name__)
def test_a_step_from_a_wrong_state_is_refused(
    database: Database, command: tuple[Any, set[str]]
) -> None:
    ways = {
        "released": (release(),),
        "picked": (release(), pick()),
        "packed": (release(), pick(), pack()),
        "handed_over": (release(), pick(), pack(), hand_over()),
        "cancelled": (release(), pick(), cancel()),
    }
    step, wrong = command
    for state in sorted(wrong):
        done(database, *(_of(c, state) for c in ways[state]))
        before = full(database, state)
        refused = do(database, _of(step, state))
        assert code(refused) is RefusalCode.wrong_state, state
        assert refused.facts["state"] == state and state in refused.message
        assert full(database, state) == before
    assert findings(database) == []


def _of(command: Any, order_id: str) -> Any:
    build = {"Release": release, "Pick": pick, "Pack": pack}.get(type(command).__name__)
    build = build or (hand_over if type(command).__name__ == "HandOver" else cancel)
    return build(order_id, command_id=command.command_id)


def test_a_part_nobody_released_is_unknown(database: Database) -> None:
    for command in (pick("X"), pack("X"), hand_over("X"), cancel("X")):
        refused = do(database, command)
        assert code(refused) is RefusalCode.unknown_order and "X part 1" in refused.message


def test_one_bad_part_does_not_hurt_the_others(database: Database) -> None:
    answers = database.run(
        lambda tx: warehouse.release(
            tx, [release("A"), release("B", lines=()), release("C"), release("A")]
        )
    )
    assert [code(a) for a in answers] == [None, RefusalCode.missing_value, None, None]
    assert answers[0] == answers[3]
    picked = database.run(
        lambda tx: warehouse.pick(
            tx, [pick("B"), pick("C", shorts=(Short(9, 1, "damaged"),)), pick("A"), pick("A")]
        )
    )
    unknown, bad = RefusalCode.unknown_order, RefusalCode.bad_value
    assert [code(a) for a in picked] == [unknown, bad, None, None]
    packed = database.run(
        lambda tx: warehouse.pack(
            tx,
            [pack("C"), pack("A"), pack("A"), pack("A", command_id="other")],
            company_prefix=PREFIX,
        )
    )
    wrong = RefusalCode.wrong_state
    assert [code(a) for a in packed] == [wrong, None, None, wrong]
    assert packed[1] == packed[2]
    handed = database.run(lambda tx: warehouse.hand_over(tx, [hand_over("A"), hand_over("A")]))
    assert handed[0] == handed[1] and code(handed[0]) is None
    assert findings(database) == []


def test_batches_may_be_empty(database: Database) -> None:
    def nothing(tx: Tx) -> list[list[Any]]:
        return [
            warehouse.release(tx, []),
            warehouse.pick(tx, []),
            warehouse.pack(tx, [], company_prefix=PREFIX),
            warehouse.hand_over(tx, []),
            warehouse.cancel(tx, []),
            warehouse.work_of(tx, []),
        ]

    assert database.run(nothing) == [[]] * 6


def test_a_company_prefix_runs_out_before_a_number_is_given_twice(database: Database) -> None:
    prefix = "123456789012"  # leaves 5 digits: 100,000 numbers
    commands = [release(f"O-{n}") for n in range(3)]
    picks = [pick(f"O-{n}") for n in range(3)]
    database.run(lambda tx: (warehouse.release(tx, commands), warehouse.pick(tx, picks)))

    def packed(order_id: str, max_mass_g: int) -> Any:
        (answer,) = database.run(
            lambda tx: warehouse.pack(
                tx, [pack(order_id, max_mass_g=max_mass_g)], company_prefix=prefix
            )
        )
        return answer

    assert len(packed("O-0", 900).cartons) == 4
    with database.session() as owner:
        owner.execute("UPDATE warehouse.sscc_counter SET next_serial = 99998")
    refused = packed("O-1", 900)
    assert code(refused) is RefusalCode.too_many and "ask GS1" in refused.message
    (last,) = packed("O-1", KILOS_30).cartons
    assert last.sscc[:17] == f"9{prefix}9998"
    for wrong in ("123", "12345678901234", "40063x1", ""):
        refused = database.run(
            lambda tx, w=wrong: warehouse.pack(tx, [pack("O-2")], company_prefix=w)
        )[0]
        assert code(refused) is RefusalCode.bad_identifier, wrong
    assert findings(database) == []
