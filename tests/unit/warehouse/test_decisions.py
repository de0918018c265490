"""What the warehouse may do, in each state and with each value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from entrepot.departments.warehouse import decisions, inbound
from entrepot.departments.warehouse.model import (
    AskedLine,
    Contents,
    InboundReceipt,
    LineEach,
    Pack,
    Pick,
    Receipt,
    ReceiptLine,
    ReceiptState,
    Release,
    Short,
    ShortReason,
    Work,
    WorkLine,
    WorkState,
)
from entrepot.words.identifiers import make_sscc
from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import MAX_EACH

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LINES = (WorkLine(1, "MUG", 3, 400), WorkLine(2, "BOWL", 2, 900))


def work(state: WorkState, **changes: Any) -> Work:
    """Five pieces of 3,000 g."""
    wanted: dict[str, Any] = dict.fromkeys(Work._fields) | {
        "order_id": "O-1",
        "part_no": 1,
        "attempt": 1,
        "node": "LDS",
        "state": state,
        "lines": 2,
        "asked_each": 5,
        "short_each": 0,
        "mass_g": 3_000,
        "release_command": "r",
    }
    return Work(**{**wanted, **changes})


def release(**changes: Any) -> Release:
    wanted: dict[str, Any] = {
        "command_id": "c",
        "actor": "me",
        "order_id": "O-1",
        "part_no": 1,
        "node": "LDS",
        "lines": (AskedLine(1, "MUG", 3, 400),),
        "pick_due_at": NOON,
        "ship_by": NOON,
    }
    return Release(**{**wanted, **changes})


def code(answer: object) -> RefusalCode | None:
    return answer.code if isinstance(answer, Refusal) else None


def test_the_table_of_steps() -> None:
    allowed = {
        (state, to)
        for state in WorkState
        for to in WorkState
        if not decisions.step(work(state), to)
    }
    assert allowed == {
        ("released", "picked"),
        ("released", "cancelled"),
        ("picked", "packed"),
        ("picked", "cancelled"),
        ("packed", "handed_over"),
        ("packed", "cancelled"),
        ("cancelled", "released"),
    }
    refused = decisions.step(work(WorkState.picked), WorkState.handed_over)
    assert refused is not None and refused.message == (
        "work of order O-1 part 1 is picked and cannot become handed_over; "
        "from there it can become cancelled, packed"
    )
    ended = decisions.step(work(WorkState.handed_over), WorkState.cancelled)
    assert ended is not None and ended.message.endswith("it has come to its end")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"lines": ()}, RefusalCode.missing_value),
        ({"lines": (AskedLine(1, "A", 1, 1), AskedLine(1, "B", 1, 1))}, "duplicate_value"),
        ({"lines": (AskedLine(1, "A", 0, 1),)}, RefusalCode.bad_quantity),
        ({"lines": (AskedLine(1, "A", MAX_EACH + 1, 1),)}, RefusalCode.bad_quantity),
        ({"lines": (AskedLine(1, "A", 1, -1),)}, RefusalCode.bad_value),
        ({"lines": (AskedLine(1, "A", 1, 0),)}, None),
        ({"ship_by": NOON - timedelta(seconds=1)}, RefusalCode.bad_date),
        (
            {"lines": tuple(AskedLine(n, "A", 1, 1) for n in range(1, 10_002))},
            RefusalCode.too_many,
        ),
        ({"lines": tuple(AskedLine(n, "A", 1, 1) for n in range(1, 10_001))}, None),
    ],
)
def test_what_may_be_released(changes: dict[str, Any], expected: str | None) -> None:
    assert code(decisions.release(release(**changes))) == expected


@pytest.mark.parametrize(
    ("shorts", "expected"),
    [
        ((), None),
        ((Short(1, 3, "not_found"), Short(2, 1, "damaged")), None),
        ((Short(3, 1, "not_found"),), RefusalCode.bad_value),
        ((Short(1, 4, "not_found"),), RefusalCode.bad_quantity),
        ((Short(1, 0, "not_found"),), RefusalCode.bad_quantity),
        ((Short(1, 1, "tired"),), RefusalCode.bad_value),
        ((Short(1, 1, "damaged"), Short(1, 1, "expired")), RefusalCode.duplicate_value),
    ],
)
def test_what_may_be_short(shorts: tuple[Short, ...], expected: str | None) -> None:
    answer = decisions.pick(work(WorkState.released), LINES, Pick("c", "me", "O-1", 1, shorts))
    assert code(answer) == expected
    if not isinstance(answer, Refusal):
        assert [(x.line_no, x.short_each, x.short_reason) for x in answer] == list(shorts)


def test_the_reasons_of_the_database_are_those_of_the_code() -> None:
    schema = resources.files("entrepot.departments.warehouse").joinpath("schema.sql").read_text()
    listed = ", ".join(f"'{reason}'" for reason in ShortReason)
    assert f"CHECK (short_reason IN ({listed}))" in schema
    states = ", ".join(f"'{state}'" for state in WorkState)
    assert f"CHECK (state IN ({states}))" in schema


@pytest.mark.parametrize(
    ("found", "max_mass_g", "expected"),
    [
        (work(WorkState.picked), 1, None),
        (work(WorkState.picked), 0, RefusalCode.bad_value),
        (work(WorkState.picked, mass_g=10_001), 1, RefusalCode.too_many),
        (work(WorkState.picked, short_each=5), 1, RefusalCode.wrong_state),
        (work(WorkState.released), 1, RefusalCode.wrong_state),
    ],
)
def test_what_may_be_packed(found: Work, max_mass_g: int, expected: str | None) -> None:
    assert code(decisions.pack(found, Pack("c", "me", "O-1", 1, max_mass_g))) == expected


def held(*lines: tuple[int, int], mass_g: int = 1) -> Contents:
    return Contents(tuple(LineEach(*line) for line in lines), mass_g)


@pytest.mark.parametrize(
    ("cartons", "expected"),
    [
        ([held((1, 3), (2, 2))], None),
        ([held((1, 3)), held((2, 2))], None),
        ([held((1, 1), (2, 2)), held((1, 2))], None),
        ([held((1, 3))], RefusalCode.bad_quantity),
        ([held((1, 3), (2, 3))], RefusalCode.bad_quantity),
        ([held((1, 3), (2, 2), (9, 1))], RefusalCode.bad_quantity),
        ([held((1, 4), (2, 2)), held((1, -1))], RefusalCode.bad_quantity),
        ([held((1, 3), (2, 2)), held()], RefusalCode.missing_value),
        ([Contents(None, 5)], RefusalCode.missing_value),
        ([held((1, 1), (1, 2), (2, 2))], RefusalCode.duplicate_value),
        ([held((1, 3), (2, 2), mass_g=-1)], RefusalCode.bad_value),
    ],
)
def test_cartons_hold_what_was_picked(cartons: list[Contents], expected: str | None) -> None:
    assert code(decisions.packed_by_hand(LINES, cartons)) == expected


def test_what_is_short_is_in_no_carton() -> None:
    lines = (LINES[0]._replace(short_each=1, short_reason="damaged"), LINES[1])
    assert decisions.packed_by_hand(lines, [held((1, 2), (2, 2))]) is None
    refused = decisions.packed_by_hand(lines, [held((1, 3), (2, 2))])
    assert refused is not None and "1 of line 1 too many in the cartons" in refused.message


def test_what_is_loaded_is_what_was_packed() -> None:
    packed = work(WorkState.packed)
    assert decisions.hand_over(packed, ["a", "b"], ()) is None
    assert decisions.hand_over(packed, ["a", "b"], ("b", "a", "a")) is None
    refused = decisions.hand_over(packed, ["a", "b"], ("a", "c"))
    assert refused is not None and refused.message == (
        "ssccs: found b not loaded and c not of this part, expected the 2 cartons of order O-1 "
        "part 1; load exactly these"
    )


def test_work_is_given_up_for_a_reason_of_the_list() -> None:
    assert decisions.cancel(work(WorkState.packed), "staff") is None
    assert code(decisions.cancel(work(WorkState.packed), "why not")) == "bad_value"
    assert code(decisions.cancel(work(WorkState.handed_over), "staff")) == "wrong_state"


@pytest.mark.parametrize("prefix", ["1234", "4006381", "123456789012"])
def test_every_number_of_a_prefix_makes_another_sscc(prefix: str) -> None:
    most = decisions.serials_max(prefix)
    chosen = [0, 1, most // 10 - 1, most // 10, most // 2, most - 1]
    made = [make_sscc(d, prefix, s) for d, s in _digits(prefix, chosen)]
    assert len(set(made)) == len(chosen)
    assert made == sorted(made), "numbers rise"
    assert made[-1].startswith(f"9{prefix}9") and all(code[1:].startswith(prefix) for code in made)


def _digits(prefix: str, numbers: list[int]) -> list[tuple[int, int]]:
    return [decisions.extension_and_serial(prefix, n) for n in numbers]


def received(*lines: ReceiptLine, receipt_id: str = "R-1") -> InboundReceipt:
    return InboundReceipt("c", "me", receipt_id, "LDS", "PO-1", lines)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (received(ReceiptLine(1, "A", 0, 0)), None),
        (received(ReceiptLine(1, "A", 5, 9, 9)), None),
        (received(), RefusalCode.missing_value),
        (received(ReceiptLine(1, "A", 1, 1), ReceiptLine(1, "A", 1, 1)), "duplicate_value"),
        (received(ReceiptLine(1, "A", -1, 1)), RefusalCode.bad_quantity),
        (received(ReceiptLine(1, "A", 1, -1)), RefusalCode.bad_quantity),
        (received(ReceiptLine(1, "A", 9, 3, 4)), RefusalCode.bad_quantity),
        (received(ReceiptLine(1, "A", 1, MAX_EACH + 1)), RefusalCode.bad_quantity),
        (received(ReceiptLine(1, "A", 1, 1), receipt_id=""), RefusalCode.bad_identifier),
        (received(ReceiptLine(1, "A", 1, 1), receipt_id="x" * 201), RefusalCode.bad_identifier),
    ],
)
def test_what_may_be_received(command: InboundReceipt, expected: str | None) -> None:
    assert code(inbound.receive(command)) == expected


def test_goods_are_put_away_once() -> None:
    waiting = Receipt("R-1", "LDS", "PO-1", ReceiptState.received, NOON, None, "c", None, ())
    assert inbound.put_away(waiting) is None
    assert code(inbound.put_away(waiting._replace(state=ReceiptState.put_away))) == "wrong_state"
