"""The life of purchase orders on real PostgreSQL: raised, received, ended, repeated, raced."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from entrepot.departments.purchasing import service_orders
from entrepot.departments.purchasing.model import (
    Advance,
    Advanced,
    Arrived,
    BookedLine,
    Ended,
    NewLine,
    PoState,
    Raised,
    Received,
    Repeated,
)
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal, RefusalCode
from tests.integration.purchasing.suppliers import (
    DUE,
    ME,
    a_receipt,
    an_end,
    an_order,
    do,
    findings,
    order,
    with_suppliers,
)


@pytest.fixture(autouse=True)
def suppliers(database: Database) -> None:
    with_suppliers(database)


def story(database: Database, po_id: str = "PO-1") -> list[str]:
    drain(database)
    with database.transaction(read_only=True) as tx:
        return [name for _, name, *_ in facts_of(tx, f"po/{po_id}")]


def raised(database: Database, *po_ids: str) -> None:
    for po_id in po_ids or ("PO-1",):
        assert isinstance(do(database, service_orders.raise_orders, an_order(po_id)), Raised)


def receive(database: Database, *commands: object) -> object:
    return do(database, service_orders.receive, *commands)


def test_an_order_is_raised_once(database: Database) -> None:
    answers = do(
        database,
        service_orders.raise_orders,
        an_order(),
        an_order(due_at=DUE + timedelta(days=1)),
        an_order("PO-1", ("MUG", 11)),
        an_order("PO-2", supplier_id="nobody"),
    )
    assert [type(a) for a in answers] == [Raised, Repeated, Refusal, Refusal]
    assert answers[2].code is RefusalCode.key_reused
    assert answers[3].field == "supplier_id"
    assert isinstance(do(database, service_orders.raise_orders, an_order()), Repeated)
    found = order(database)
    assert found.header.state is PoState.sent and found.header.due_at == DUE
    assert [(x.line_no, x.sku, x.ordered_each, x.reason) for x in found.lines] == [
        (1, "MUG", 10, "asked for"),
        (2, "CUP", 6, "asked for"),
    ]
    assert story(database) == ["PurchaseOrderRaised"]
    assert findings(database) == []


def test_an_order_is_received_in_parts(database: Database) -> None:
    raised(database)
    first = receive(database, a_receipt("r1", Arrived(1, 6, 2)))
    assert isinstance(first, Received)
    assert first.order.header.state is PoState.partly_received
    assert first.lines == (BookedLine(1, "MUG", 6, 2, 0, 0, open=True),)
    assert isinstance(receive(database, a_receipt("r1", Arrived(1, 6, 2))), Repeated)
    other = receive(database, a_receipt("r1", Arrived(1, 5)))
    assert isinstance(other, Refusal) and other.code is RefusalCode.already_counted
    last = receive(database, a_receipt("r2", Arrived(1, 4), Arrived(2, 6)))
    assert isinstance(last, Received)
    assert last.order.header.end_reason == "everything came"
    found = order(database)
    assert found == last.order
    assert [(x.received_each, x.damaged_each, x.open) for x in found.lines] == [
        (10, 2, False),
        (6, 0, False),
    ]
    late = receive(database, a_receipt("r3", Arrived(1, 1)))
    assert isinstance(late, Refusal) and late.code is RefusalCode.wrong_state
    assert story(database) == [
        "PurchaseOrderRaised",
        "PurchaseOrderReceived",
        "PurchaseOrderReceived",
        "PurchaseOrderClosed",
    ]
    assert findings(database) == []


def test_a_line_of_which_nothing_came_may_be_told(database: Database) -> None:
    raised(database)
    nothing = receive(database, a_receipt("r1", Arrived(1, 0), Arrived(2, 0)))
    assert isinstance(nothing, Refusal) and nothing.code is RefusalCode.missing_value
    one = receive(database, a_receipt("r1", Arrived(1, 0), Arrived(2, 6)))
    assert isinstance(one, Received) and [x.line_no for x in one.lines] == [2]
    assert isinstance(receive(database, a_receipt("r1", Arrived(2, 6))), Repeated)
    assert isinstance(receive(database, a_receipt("r1", Arrived(1, 0), Arrived(2, 6))), Repeated)
    assert findings(database) == []


BAD_RECEIPTS = [
    ((), RefusalCode.missing_value),
    ((Arrived(3, 1),), RefusalCode.bad_value),
    ((Arrived(1, 1), Arrived(1, 1)), RefusalCode.duplicate_value),
    ((Arrived(1, -1), Arrived(2, 1)), RefusalCode.bad_quantity),
    ((Arrived(1, 2, 3),), RefusalCode.bad_quantity),
    ((Arrived(1, 2, -1),), RefusalCode.bad_quantity),
]


@pytest.mark.parametrize(("arrived", "code"), BAD_RECEIPTS)
def test_receipts_that_cannot_be(
    database: Database, arrived: tuple[Arrived, ...], code: RefusalCode
) -> None:
    raised(database)
    refused = receive(database, a_receipt("r1", *arrived))
    assert isinstance(refused, Refusal) and refused.code is code
    assert findings(database) == []


BAD_ORDERS = [
    ({"po_id": "a b"}, RefusalCode.bad_identifier),
    ({"node": ""}, RefusalCode.missing_value),
    ({"currency": "XXX"}, RefusalCode.bad_value),
    ({"state": PoState.received}, RefusalCode.bad_value),
    ({"lines": ()}, RefusalCode.missing_value),
    ({"lines": (NewLine("MUG", 1, 1),) * 2}, RefusalCode.duplicate_value),
    ({"lines": tuple(NewLine(f"S{n}", 1, 1) for n in range(1_001))}, RefusalCode.too_many),
    ({"lines": (NewLine("MUG", 0, 1),)}, RefusalCode.bad_quantity),
    ({"lines": (NewLine("MUG", 1, -1),)}, RefusalCode.bad_price),
]


@pytest.mark.parametrize(("changes", "code"), BAD_ORDERS)
def test_orders_that_make_no_sense(
    database: Database, changes: dict[str, Any], code: RefusalCode
) -> None:
    wanted = msgspec.structs.replace(an_order(), **changes)
    refused = do(database, service_orders.raise_orders, wanted)
    assert isinstance(refused, Refusal) and refused.code is code


def test_two_receipts_in_one_batch_count_together(database: Database) -> None:
    raised(database)
    answers = receive(
        database,
        a_receipt("r1", Arrived(1, 6)),
        a_receipt("r1", Arrived(1, 6)),
        a_receipt("r2", Arrived(1, 5)),
        a_receipt("r3", Arrived(1, 4)),
    )
    assert isinstance(answers, list)
    assert [type(a) for a in answers] == [Received, Repeated, Refusal, Received]
    assert order(database).lines[0].received_each == 10
    assert findings(database) == []


def test_more_than_ordered_is_taken_on_purpose_only(database: Database) -> None:
    raised(database)
    refused = receive(database, a_receipt("r1", Arrived(1, 12)))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.bad_quantity
    taken = receive(database, a_receipt("r1", Arrived(1, 12), accept_over=True))
    assert isinstance(taken, Received)
    assert taken.lines == (BookedLine(1, "MUG", 12, 0, 2, 0, open=False),)
    more = receive(database, a_receipt("r2", Arrived(1, 1), accept_over=True))
    assert isinstance(more, Received) and more.lines[0].over_each == 1
    assert findings(database) == []


def test_a_receipt_may_close_the_rest(database: Database) -> None:
    raised(database)
    answer = receive(database, a_receipt("r1", Arrived(1, 7), closes=True))
    assert isinstance(answer, Received)
    assert answer.order.header.state is PoState.received
    assert answer.lines == (
        BookedLine(1, "MUG", 7, 0, 0, 3, open=False),
        BookedLine(2, "CUP", 0, 0, 0, 6, open=False),
    )
    assert story(database)[-1] == "PurchaseOrderClosed"
    assert findings(database) == []


def test_what_does_not_come_is_cancelled_or_closed(database: Database) -> None:
    raised(database, "PO-1", "PO-2")
    receive(database, a_receipt("r1", Arrived(1, 1)))
    wrong = do(database, service_orders.cancel, an_end())
    assert isinstance(wrong, Refusal) and "close it" in wrong.message
    wrong = do(database, service_orders.close, an_end("PO-2"))
    assert isinstance(wrong, Refusal) and "cancel it" in wrong.message
    closed = do(database, service_orders.close, an_end())
    assert isinstance(closed, Ended)
    assert [(x.sku, x.forgone_each) for x in closed.lines] == [("MUG", 9), ("CUP", 6)]
    cancelled = do(database, service_orders.cancel, an_end("PO-2"))
    assert cancelled.order.header.state is PoState.cancelled
    again = do(database, service_orders.cancel, an_end("PO-2"))
    assert isinstance(again, Refusal) and again.code is RefusalCode.wrong_state
    unknown = do(database, service_orders.cancel, an_end("PO-9"))
    assert isinstance(unknown, Refusal) and unknown.code is RefusalCode.unknown_order
    assert order(database, "PO-2").header.end_reason == "no longer needed"
    assert findings(database) == []


def test_a_draft_is_sent_and_confirmed_before_it_is_received(database: Database) -> None:
    do(database, service_orders.raise_orders, an_order(state=PoState.draft))
    early = receive(database, a_receipt("r1", Arrived(1, 1)))
    assert isinstance(early, Refusal) and "send it first" in early.message
    later = DUE + timedelta(days=9)
    answers = do(
        database,
        service_orders.advance,
        Advance("a", ME, "PO-1", PoState.sent),
        Advance("b", ME, "PO-1", PoState.confirmed, later),
        Advance("c", ME, "PO-1", PoState.sent),
        Advance("d", ME, "PO-2", PoState.sent),
    )
    assert [type(a) for a in answers] == [Advanced, Advanced, Refusal, Refusal]
    assert order(database).header.state is PoState.confirmed
    assert order(database).header.due_at == later
    receive(database, a_receipt("r1", Arrived(1, 1)))
    moved = do(database, service_orders.advance, Advance("e", ME, "PO-1", PoState.confirmed, DUE))
    assert moved.order.header.state is PoState.partly_received
    assert moved.order.header.due_at == DUE
    assert findings(database) == []


def test_what_is_on_order_and_due(database: Database) -> None:
    do(
        database,
        service_orders.raise_orders,
        an_order("PO-1"),
        an_order("PO-2", ("MUG", 5), node="MUC", due_at=DUE + timedelta(days=2)),
        an_order("PO-3", ("MUG", 7), due_at=DUE - timedelta(days=2)),
        an_order("PO-4", ("MUG", 100)),
    )
    receive(database, a_receipt("r1", Arrived(1, 4)))
    do(database, service_orders.cancel, an_end("PO-4"))
    with database.transaction(read_only=True) as tx:
        on_order = service_orders.on_order(tx, ["MUG", "NONE"])
        due = [h.po_id for h in service_orders.due(tx, DUE)]
        first = service_orders.open_orders(tx, limit=2)
        rest = service_orders.open_orders(tx, (first[-1].due_at, first[-1].po_id))
    assert [tuple(o) for o in on_order] == [
        ("MUG", "BER", 13, DUE - timedelta(days=2)),
        ("MUG", "MUC", 5, DUE + timedelta(days=2)),
    ]
    assert due == ["PO-3", "PO-1"]
    assert [h.po_id for h in [*first, *rest]] == ["PO-3", "PO-1", "PO-2"]


def test_lateness_is_told(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(DUE - timedelta(days=10), seed=1)
    database = database_on(clock)
    raised(database)
    clock.advance_to(DUE + timedelta(days=3, hours=2))
    receive(database, a_receipt("r1", Arrived(1, 1)))
    drain(database)
    with database.transaction(read_only=True) as tx:
        body = facts_of(tx, "po/PO-1")[-1][4]
    assert '"late_days": 3' in body


def test_two_receipts_of_one_order_at_once(database: Database) -> None:
    """Both ask for all that is outstanding: one gets it, the other is told what is left."""
    raised(database)

    def come(number: int) -> object:
        return receive(database, a_receipt(f"r{number}", Arrived(1, 6)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(come, range(4)))
    assert sorted(type(a).__name__ for a in answers) == [
        "Received",
        "Refusal",
        "Refusal",
        "Refusal",
    ]
    assert order(database).lines[0].received_each == 6
    assert findings(database) == []


def test_one_receipt_told_by_many_counts_once(database: Database) -> None:
    raised(database)

    def come(_: int) -> object:
        return receive(database, a_receipt("r1", Arrived(1, 3)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(come, range(4)))
    kinds = sorted(type(a).__name__ for a in answers)
    assert kinds == ["Received", "Repeated", "Repeated", "Repeated"]
    assert order(database).lines[0].received_each == 3
    assert findings(database) == []


def test_one_order_raised_by_many_is_raised_once(database: Database) -> None:
    def ask(_: int) -> object:
        return do(database, service_orders.raise_orders, an_order())

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert sorted(type(a).__name__ for a in answers) == ["Raised"] + ["Repeated"] * 3
    assert story(database) == ["PurchaseOrderRaised"]


CORRUPTIONS = [
    ("UPDATE purchasing.po_line SET received_each = 9 WHERE line_no = 1", "its receipts say 8"),
    ("UPDATE purchasing.po_line SET damaged_each = 0 WHERE line_no = 1", "1 of it over"),
    ("UPDATE purchasing.po_line SET ordered_each = 2 WHERE line_no = 1", "2 ordered, 8 received"),
    ("UPDATE purchasing.po_line SET open = false", "is open but expects nothing"),
    (
        "UPDATE purchasing.purchase_order SET state = 'received', ended_at = received_at, "
        "end_reason = 'x'",
        "has ended but expects goods",
    ),
    (
        "UPDATE purchasing.purchase_order SET state = 'sent', received_at = NULL",
        "is sent but goods came",
    ),
    (
        "DELETE FROM purchasing.po_receipt; UPDATE purchasing.po_line "
        "SET received_each = 0, damaged_each = 0",
        "is partly_received but nothing came",
    ),
    ("DELETE FROM purchasing.po_receipt; DELETE FROM purchasing.po_line", "has no line"),
]


@pytest.mark.parametrize(("corruption", "said"), CORRUPTIONS, ids=[said for _, said in CORRUPTIONS])
def test_the_audit_finds_what_is_planted(
    database: Database, owner: psycopg.Connection, corruption: str, said: str
) -> None:
    do(database, service_orders.raise_orders, an_order("PO-1", ("MUG", 7), ("CUP", 1)))
    receive(database, a_receipt("r1", Arrived(1, 8, 2), accept_over=True))
    assert findings(database) == []
    owner.execute(corruption)
    found = findings(database)
    assert any(said in finding for finding in found), found
