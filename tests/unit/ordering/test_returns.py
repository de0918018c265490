"""What may come back, what came and what becomes of it, decided without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entrepot.departments.ordering import decisions_returns as decisions
from entrepot.departments.ordering.returns import (
    AskedReturn,
    AuthorizeReturn,
    CloseReturn,
    Grade,
    GradeReturn,
    ReceiveReturn,
    Returnable,
    ReturnLine,
    ReturnOrder,
    ReturnReason,
    ReturnState,
    SameReturn,
)
from entrepot.words.outcome import Refusal, RefusalCode

AT = datetime(2026, 3, 10, 8, tzinfo=UTC)
LATER = AT + timedelta(days=3)
ORDER = {
    1: Returnable(1, "MUG", 250, "EUR", (("BER", 3), ("MUC", 2)), 1),
    2: Returnable(2, "CUP", 1_000, "EUR", (("MUC", 4),), 0),
    3: Returnable(3, "JUG", 90, "EUR", (), 0),
}


def asked(*lines: tuple[int, int]) -> tuple[AskedReturn, ...]:
    return tuple(AskedReturn(*line) for line in lines)


def authorize(*lines: tuple[int, int], **changes: Any) -> ReturnOrder | Refusal:
    wanted: dict[str, Any] = {"reason": "unwanted", "lines": asked(*lines), "return_id": "R-1"}
    command = AuthorizeReturn("c", "ann", "O-1", **{**wanted, **changes})
    return decisions.authorize(command, ORDER, AT)


def authorized(*lines: tuple[int, int]) -> ReturnOrder:
    decided = authorize(*lines or ((1, 4), (2, 2)))
    assert isinstance(decided, ReturnOrder), decided
    return decided


def receive(order: ReturnOrder, *lines: tuple[int, int]) -> ReturnOrder | SameReturn | Refusal:
    command = ReceiveReturn("c", "ann", "O-1", "R-1", asked(*lines))
    return decisions.receive(order, command, LATER)


def received(*lines: tuple[int, int]) -> ReturnOrder:
    decided = receive(authorized(), *lines or ((1, 4), (2, 2)))
    assert isinstance(decided, ReturnOrder), decided
    return decided


def grade(order: ReturnOrder, *grades: tuple[int, int, int]) -> ReturnOrder | SameReturn | Refusal:
    command = GradeReturn("c", "ann", "O-1", "R-1", tuple(Grade(*g) for g in grades))
    return decisions.grade(order, command, LATER)


def close(order: ReturnOrder, detail: str = "never came") -> ReturnOrder | SameReturn | Refusal:
    return decisions.close(order, CloseReturn("c", "ann", "O-1", "R-1", detail), LATER)


def refused(decided: object, code: RefusalCode) -> str:
    assert isinstance(decided, Refusal), decided
    assert decided.code is code
    return decided.message


def test_what_was_shipped_may_come_back() -> None:
    order = authorized((2, 2), (1, 4))
    assert order.header.state is ReturnState.authorized
    assert order.header.reason is ReturnReason.unwanted
    assert order.lines == (
        ReturnLine(1, "MUG", 4, 250, 4),
        ReturnLine(2, "CUP", 2, 1_000, 2),
    )
    assert order.refund_minor == 4 * 250 + 2 * 1_000


def test_it_goes_to_the_node_that_shipped_most() -> None:
    assert authorized((1, 1)).header.node == "BER"
    assert authorized((1, 1), (2, 1)).header.node == "MUC"
    named = authorize((1, 1), node="PAR")
    assert isinstance(named, ReturnOrder) and named.header.node == "PAR"


@pytest.mark.parametrize(
    ("lines", "changes", "code"),
    [
        ([(1, 5)], {}, RefusalCode.bad_quantity),  # 5 shipped, 1 returned already
        ([(1, 0)], {}, RefusalCode.bad_quantity),
        ([(2, 5)], {}, RefusalCode.bad_quantity),
        ([(3, 1)], {}, RefusalCode.wrong_state),
        ([(4, 1)], {}, RefusalCode.bad_value),
        ([(1, 1), (1, 1)], {}, RefusalCode.duplicate_value),
        ([], {}, RefusalCode.missing_value),
        ([(1, 1)], {"reason": "whim"}, RefusalCode.bad_value),
        ([(1, 1)], {"return_id": "a b"}, RefusalCode.bad_identifier),
        ([(1, 1)], {"return_id": ""}, RefusalCode.bad_identifier),
    ],
)
def test_what_may_not_come_back(
    lines: list[tuple[int, int]], changes: dict[str, Any], code: RefusalCode
) -> None:
    refused(authorize(*lines, **changes), code)


def test_the_refusal_says_what_is_left() -> None:
    message = refused(authorize((1, 5)), RefusalCode.bad_quantity)
    assert "expected 1 to 4: 5 were shipped, 1 are returned already" in message


def test_the_refund_is_for_what_came() -> None:
    order = received((1, 3))
    assert order.header.state is ReturnState.received
    assert order.header.received_at == LATER
    assert [(x.received_each, x.counted_each) for x in order.lines] == [(3, 3), (0, 0)]
    assert order.refund_minor == 3 * 250


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([(1, 5)], RefusalCode.bad_quantity),
        ([(1, 0)], RefusalCode.bad_quantity),
        ([(3, 1)], RefusalCode.bad_value),
        ([(1, 1), (1, 1)], RefusalCode.duplicate_value),
        ([], RefusalCode.missing_value),
    ],
)
def test_what_cannot_have_come(lines: list[tuple[int, int]], code: RefusalCode) -> None:
    refused(receive(authorized(), *lines), code)


def test_a_parcel_comes_once() -> None:
    order = received((1, 3))
    assert receive(order, (1, 3)) == SameReturn(order)
    refused(receive(order, (1, 4)), RefusalCode.already_counted)


def test_every_unit_is_graded() -> None:
    order = received((1, 3), (2, 2))
    decided = grade(order, (2, 0, 2), (1, 2, 1))
    assert isinstance(decided, ReturnOrder)
    assert decided.header.state is ReturnState.graded
    assert [(x.restocked_each, x.scrapped_each) for x in decided.lines] == [(2, 1), (0, 2)]
    assert decided.refund_minor == order.refund_minor
    assert grade(decided, (1, 2, 1), (2, 0, 2)) == SameReturn(decided)
    refused(grade(decided, (1, 3, 0), (2, 0, 2)), RefusalCode.already_counted)


@pytest.mark.parametrize(
    "grades",
    [
        [(1, 3, 0)],
        [(1, 2, 0), (2, 2, 0)],
        [(1, 4, -1), (2, 2, 0)],
        [(1, 3, 0), (1, 0, 0), (2, 2, 0)],
        [(1, 3, 0), (2, 2, 0), (3, 0, 0)],
        [],
    ],
)
def test_grades_that_do_not_add_up(grades: list[tuple[int, int, int]]) -> None:
    message = refused(grade(received((1, 3), (2, 2)), *grades), RefusalCode.bad_quantity)
    assert "3 of line 1, 2 of line 2" in message


def test_nothing_is_graded_before_it_came() -> None:
    refused(grade(authorized(), (1, 4, 0), (2, 2, 0)), RefusalCode.wrong_state)


def test_what_never_came_counts_no_more() -> None:
    decided = close(authorized())
    assert isinstance(decided, ReturnOrder)
    assert decided.header.state is ReturnState.closed
    assert [x.counted_each for x in decided.lines] == [0, 0]
    assert decided.refund_minor == 0
    assert close(decided) == SameReturn(decided)
    refused(receive(decided, (1, 1)), RefusalCode.wrong_state)
    refused(grade(decided, (1, 1, 0)), RefusalCode.wrong_state)


def test_a_graded_return_keeps_its_refund_when_it_is_closed() -> None:
    graded = grade(received((1, 3)), (1, 3, 0))
    assert isinstance(graded, ReturnOrder)
    decided = close(graded, "settled")
    assert isinstance(decided, ReturnOrder)
    assert decided.refund_minor == 3 * 250
    assert receive(decided, (1, 3)) == SameReturn(decided)


def test_what_is_in_quarantine_is_graded_before_it_is_closed() -> None:
    refused(close(received()), RefusalCode.wrong_state)
    refused(close(authorized(), " "), RefusalCode.missing_value)
    refused(close(authorized(), "x" * 201), RefusalCode.bad_value)
