"""The life of returns on real PostgreSQL: authorized, received, graded, repeated, raced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from entrepot.departments.ordering import decisions_returns, store_returns
from entrepot.departments.ordering import service_returns as returns
from entrepot.departments.ordering.model import PartState
from entrepot.departments.ordering.returns import (
    AskedReturn,
    AuthorizeReturn,
    CloseReturn,
    Grade,
    GradeReturn,
    ReceiveReturn,
    Returned,
    ReturnOrder,
    ReturnState,
    SameReturn,
)
from entrepot.ground import events
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.integration.ordering.orders import AT, an_order, findings, kinds, read, record

SHIPPED = (PartState.shipped, *(PartState.delivered,) * 4)
"""Line n holds n units of SKU-n at 10.00 EUR each, all of them sent from DC1."""


def authorize(return_id: str, *lines: tuple[int, int], **changes: Any) -> AuthorizeReturn:
    asked = tuple(AskedReturn(*line) for line in lines)
    wanted: dict[str, Any] = {"order_id": "O-1", "reason": "unwanted"}
    return AuthorizeReturn(
        f"authorize {return_id}", "ann", return_id=return_id, lines=asked, **{**wanted, **changes}
    )


def receive(return_id: str, *lines: tuple[int, int]) -> ReceiveReturn:
    asked = tuple(AskedReturn(*line) for line in lines)
    return ReceiveReturn(f"receive {return_id}", "ann", "O-1", return_id, asked)


def grade(return_id: str, *grades: tuple[int, int, int]) -> GradeReturn:
    given = tuple(Grade(*each) for each in grades)
    return GradeReturn(f"grade {return_id}", "ann", "O-1", return_id, given)


def close(return_id: str) -> CloseReturn:
    return CloseReturn(f"close {return_id}", "ann", "O-1", return_id, "never came")


def do(database: Database, verb: Callable[[Tx, Sequence[Any]], list[Any]], *commands: Any) -> Any:
    answers = database.run(lambda tx: verb(tx, commands))
    return answers if len(answers) > 1 else answers[0]


def stands(database: Database, return_id: str = "R-1") -> ReturnOrder:
    with database.transaction(read_only=True) as tx:
        found = {o.header.return_id: o for o in returns.returns_of(tx, ["O-1"])}
    return found[return_id]


def story(database: Database, return_id: str = "R-1") -> list[str]:
    events.drain(database)
    with database.transaction(read_only=True) as tx:
        return [name for _, name, *_ in events.facts_of(tx, f"return/O-1/{return_id}")]


def test_a_return_from_authorization_to_grade(database: Database) -> None:
    record(database, an_order(states=SHIPPED))
    first = do(database, returns.authorize_returns, authorize("R-1", (3, 2), (5, 5)))
    assert isinstance(first, Returned)
    assert first.order == stands(database)
    assert first.order.header.node == "DC1" and first.order.refund_minor == 7_000
    second = do(database, returns.receive_returns, receive("R-1", (5, 4)))
    assert isinstance(second, Returned) and second.order == stands(database)
    assert second.order.refund_minor == 4_000
    third = do(database, returns.grade_returns, grade("R-1", (5, 3, 1)))
    assert isinstance(third, Returned) and third.order == stands(database)
    assert third.order.header.state is ReturnState.graded
    assert story(database) == ["ReturnAuthorized", "ReturnReceived", "ReturnGraded"]
    told = [(e.kind, e.detail) for e in read(database).events]
    assert told[1:] == [
        ("return authorized", "return R-1 to DC1: 7 each, refund 70.00 EUR"),
        ("return received", "return R-1 to DC1: 4 each, refund 40.00 EUR"),
        ("return graded", "return R-1 to DC1: 4 each, refund 40.00 EUR"),
    ]
    assert findings(database) == []


def test_repeats_change_nothing(database: Database) -> None:
    record(database, an_order(states=SHIPPED))
    steps = [
        (returns.authorize_returns, authorize("R-1", (5, 5))),
        (returns.receive_returns, receive("R-1", (5, 5))),
        (returns.grade_returns, grade("R-1", (5, 5, 0))),
        (returns.close_returns, close("R-1")),
    ]
    for verb, command in steps:
        assert isinstance(do(database, verb, command), Returned)
        before = stands(database)
        assert do(database, verb, command) == SameReturn(before)
        assert stands(database) == before
    other = do(database, returns.authorize_returns, authorize("R-1", (5, 4)))
    assert isinstance(other, Refusal) and other.code is RefusalCode.key_reused
    other = do(database, returns.receive_returns, receive("R-1", (5, 4)))
    assert isinstance(other, Refusal) and other.code is RefusalCode.already_counted
    assert len(story(database)) == 4
    assert findings(database) == []


def test_a_batch_shares_what_was_shipped(database: Database) -> None:
    record(database, an_order(states=SHIPPED))
    answers = do(
        database,
        returns.authorize_returns,
        authorize("R-1", (5, 3)),
        authorize("R-1", (5, 3)),
        authorize("R-2", (5, 3)),
        authorize("R-3", (5, 2), (4, 1)),
        authorize("R-1", (5, 1), order_id="O-2"),
    )
    assert [type(a) for a in answers] == [Returned, SameReturn, Refusal, Returned, Refusal]
    assert answers[2].code is RefusalCode.bad_quantity
    assert answers[4].code is RefusalCode.unknown_order
    answers = do(
        database,
        returns.receive_returns,
        receive("R-3", (4, 1)),
        receive("R-1", (5, 3)),
        receive("R-9", (5, 3)),
    )
    assert [type(a) for a in answers] == [Returned, Returned, Refusal]
    assert findings(database) == []


def test_what_did_not_come_may_be_returned_again(database: Database) -> None:
    record(database, an_order(states=SHIPPED))
    do(database, returns.authorize_returns, authorize("R-1", (5, 3)), authorize("R-2", (5, 2)))
    do(database, returns.receive_returns, receive("R-1", (5, 1)))
    do(database, returns.close_returns, close("R-2"))
    again = do(database, returns.authorize_returns, authorize("R-3", (5, 4)))
    assert isinstance(again, Returned)
    refused = do(database, returns.authorize_returns, authorize("R-4", (5, 1)))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.bad_quantity
    assert findings(database) == []


@pytest.mark.parametrize("state", [PartState.packed, PartState.lost, PartState.cancelled])
def test_only_what_was_shipped_comes_back(database: Database, state: PartState) -> None:
    record(database, an_order(states=(state, PartState.shipped)))
    refused = do(database, returns.authorize_returns, authorize("R-1", (1, 1)))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.wrong_state
    assert isinstance(do(database, returns.authorize_returns, authorize("R-2", (2, 1))), Returned)


def test_lists_by_state(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(AT, seed=1)
    database = database_on(clock)
    record(database, an_order(states=SHIPPED))
    for number in range(1, 5):
        do(database, returns.authorize_returns, authorize(f"R-{number}", (5, 1)))
        clock.advance_to(clock.now() + timedelta(hours=1))
    do(database, returns.receive_returns, receive("R-2", (5, 1)))
    with database.transaction(read_only=True) as tx:
        first = returns.in_state(tx, ReturnState.authorized, limit=2)
        last = first[-1].header
        rest = returns.in_state(
            tx, ReturnState.authorized, (last.since, last.order_id, last.return_id)
        )
        (came,) = returns.in_state(tx, ReturnState.received)
    assert [o.header.return_id for o in [*first, *rest]] == ["R-1", "R-3", "R-4"]
    assert came == stands(database, "R-2")


def test_returns_of_one_line_at_once(database: Database) -> None:
    """Six ask for two of five each: two get them, whoever they are."""
    record(database, an_order(states=SHIPPED))

    def ask(number: int) -> object:
        return do(database, returns.authorize_returns, authorize(f"R-{number}", (5, 2)))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert kinds(answers) == {"Returned": 2, "bad_quantity": 4}
    assert findings(database) == []


def test_one_return_told_by_many_happens_once(database: Database) -> None:
    record(database, an_order(states=SHIPPED))
    for verb, command in (
        (returns.authorize_returns, authorize("R-1", (5, 2))),
        (returns.receive_returns, receive("R-1", (5, 2))),
        (returns.grade_returns, grade("R-1", (5, 1, 1))),
    ):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _, v=verb, c=command: do(database, v, c), range(4)))
        assert kinds(answers) == {"Returned": 1, "SameReturn": 3}
    assert story(database) == ["ReturnAuthorized", "ReturnReceived", "ReturnGraded"]
    assert findings(database) == []


def test_the_guard_has_the_last_word(database: Database, owner: psycopg.Connection) -> None:
    """A part that is lost between the reading and the writing takes its units along."""
    record(database, an_order(states=(PartState.shipped,)))

    def authorize_late(tx: Tx) -> list[Any]:
        decided = store_returns.returnable(tx, ["O-1"])
        assert decided["O-1"][1].shipped == (("DC1", 1),)
        owner.execute("UPDATE ordering.part SET state = 'lost'")
        order = decisions_returns.authorize(authorize("R-1", (1, 1)), decided["O-1"], AT)
        assert isinstance(order, ReturnOrder)
        store_returns.insert(tx, [order])
        return []

    with pytest.raises(Conflict):
        database.run(authorize_late, attempts=1)


CORRUPTIONS = [
    (
        "UPDATE ordering.part SET state = 'cancelled' WHERE part_no = 5",
        "5 returned, but only 0 shipped",
    ),
    (
        "UPDATE ordering.part_line SET quantity_each = 4 WHERE line_no = 5",
        "5 returned, but only 4 shipped",
    ),
    (
        "UPDATE ordering.return_order SET state = 'authorized', received_at = NULL",
        "has not come but holds units",
    ),
    ("UPDATE ordering.return_line SET received_each = 0", "counts units that never came"),
    (
        "UPDATE ordering.return_order SET state = 'graded', graded_at = received_at",
        "is graded, but not every unit is",
    ),
    ("UPDATE ordering.return_line SET scrapped_each = 1", "is not graded, but units are"),
    ("DELETE FROM ordering.return_line", "has no line"),
]


@pytest.mark.parametrize(("corruption", "said"), CORRUPTIONS, ids=[said for _, said in CORRUPTIONS])
def test_the_audit_finds_what_is_planted(
    database: Database, owner: psycopg.Connection, corruption: str, said: str
) -> None:
    record(database, an_order(states=SHIPPED))
    do(database, returns.authorize_returns, authorize("R-1", (5, 5)))
    do(database, returns.receive_returns, receive("R-1", (5, 5)))
    assert findings(database) == []
    owner.execute(corruption)
    found = findings(database)
    assert any(said in finding for finding in found), found
