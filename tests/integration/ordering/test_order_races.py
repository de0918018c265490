"""Two at one order: one of them is first, the other is told so, and the facts say it in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import OrderState, PartState
from entrepot.departments.ordering.service import Cancelled, Promise
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal
from tests.integration.ordering.orders import (
    LATEST,
    LIFE,
    WHO,
    a_move,
    an_order,
    an_unpaid_order,
    expectation,
    findings,
    kinds,
    move,
    read,
    record,
    told,
)

ROUNDS = 12


def at_once(database: Database, *works: Callable[[Tx], Any]) -> list[Any]:
    """Each work in a thread of its own, all beginning together; their answers."""
    together = threading.Barrier(len(works))

    def begin(work: Callable[[Tx], Any]) -> Any:
        together.wait(20)
        return database.run(work)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def cancel(tx: Tx, order_id: str = "O-1") -> Any:
    return ordering.cancel(tx, {order_id: "customer"}, **WHO)[order_id]


def test_sixteen_cancel_one_order_once(database: Database) -> None:
    record(database, an_order(states=(PartState.reserved, PartState.backordered)))
    answers = at_once(database, *[cancel] * 16)
    assert kinds(answers) == {"Cancelled": 1, "wrong_state": 15}
    assert told(database) == ["OrderPlaced", "OrderCancelled"]
    assert len(read(database).events) == 2
    assert findings(database) == []


def test_cancelling_and_paying_at_once(database: Database) -> None:
    """Whoever is first: the order ends cancelled; it was paid only if the payment came before."""
    for number in range(ROUNDS):
        order_id = f"O-{number}"
        record(database, an_unpaid_order(order_id))
        cancelled, (paid,) = at_once(
            database,
            lambda tx, o=order_id: cancel(tx, o),
            lambda tx, o=order_id: ordering.confirm_payment(tx, [o], **WHO),
        )
        assert isinstance(cancelled, Cancelled)
        header = read(database, order_id).header
        assert header.state is OrderState.cancelled
        assert (header.paid_at is None) == isinstance(paid, Refusal)
        in_between = [] if isinstance(paid, Refusal) else ["OrderPaid"]
        assert told(database, order_id) == ["OrderPlaced", *in_between, "OrderCancelled"]
    assert findings(database) == []


def test_one_payment_counts_once(database: Database) -> None:
    record(database, an_unpaid_order())
    pay = [lambda tx: ordering.confirm_payment(tx, ["O-1"], **WHO)[0]] * 8
    assert kinds(at_once(database, *pay)) == {"Header": 1, "wrong_state": 7}
    assert told(database) == ["OrderPlaced", "OrderPaid"]


def test_cancelling_and_releasing_at_once(database: Database) -> None:
    for number in range(ROUNDS):
        order_id = f"O-{number}"
        record(database, an_order(order_id))
        cancelled, (released,) = at_once(
            database,
            lambda tx, o=order_id: cancel(tx, o),
            lambda tx, o=order_id: move(tx, a_move(PartState.released, 1, o)),
        )
        assert isinstance(cancelled, Cancelled) != isinstance(released, PartState)
        won = isinstance(released, PartState)
        state = read(database, order_id).parts[0].state
        assert state is (PartState.released if won else PartState.cancelled)
    assert findings(database) == []


def test_one_part_takes_one_step_once(database: Database) -> None:
    record(database, an_order())
    for state in LIFE:
        answers = at_once(database, *[lambda tx, s=state: move(tx, a_move(s))[0]] * 8)
        assert kinds(answers) == {"PartState": 1, "wrong_state": 7}
    assert told(database) == ["OrderPlaced", *["PartMoved"] * 5, "OrderCompleted"]


def test_the_last_two_parts_end_at_once_and_complete_the_order_once(database: Database) -> None:
    for number in range(ROUNDS):
        order_id = f"O-{number}"
        record(database, an_order(order_id, states=(PartState.shipped, PartState.shipped)))
        at_once(
            database,
            lambda tx, o=order_id: move(tx, a_move(PartState.delivered, 1, o)),
            lambda tx, o=order_id: move(tx, a_move(PartState.lost, 2, o)),
        )
        assert read(database, order_id).header.state is OrderState.completed
        assert told(database, order_id)[1:] == ["PartMoved", "PartMoved", "OrderCompleted"]
    assert findings(database) == []


def test_promises_at_once_get_versions_of_their_own(database: Database) -> None:
    record(database, an_order())

    def postpone(days: int) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            version = ordering.headers(tx, ["O-1"])["O-1"].promise_version + 1
            latest = LATEST + timedelta(days=days)
            ordering.promise(tx, [Promise("O-1", expectation(version, latest_date=latest), **WHO)])

        return work

    at_once(database, *(postpone(days) for days in range(4)))
    order = read(database)
    assert order.header.promise_version == 5
    assert [e.version for e in order.expectations if e.part_no == 0] == [1, 2, 3, 4, 5]
    assert findings(database) == []


def test_batches_that_name_orders_in_other_orders_do_not_deadlock(database: Database) -> None:
    ids = [f"O-{n:02d}" for n in range(30)]
    record(database, *(an_order(o) for o in ids))
    tries: list[int] = []

    def step(names: list[str]) -> Callable[[Tx], Any]:
        def work(tx: Tx) -> Any:
            tries.append(1)
            return move(tx, *(a_move(PartState.released, 1, o) for o in names))

        return work

    answers = at_once(
        database, *(step(ids[n:] + ids[:n]) for n in range(0, 30, 5)), step(ids[::-1])
    )
    assert kinds([a for batch in answers for a in batch])["PartState"] == 30
    assert len(tries) == 7, "nobody had to try again"
