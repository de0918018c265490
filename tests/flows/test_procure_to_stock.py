"""From a shortage to goods on the shelf, through every room, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Retire
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Balance
from entrepot.departments.ordering.model import PartState
from entrepot.departments.purchasing import decisions_reorder as rule
from entrepot.departments.purchasing import service as purchasing
from entrepot.departments.purchasing import service_orders
from entrepot.departments.purchasing.decisions import lead_time
from entrepot.departments.purchasing.model import (
    Advance,
    Arrived,
    EndOrder,
    NewLine,
    PoState,
    PurchaseOrder,
    RaiseOrder,
    Received,
    ReceiveOrder,
    Repeated,
    Supplier,
    SupplierChange,
    Terms,
    TermsChange,
)
from entrepot.flows.procure_to_stock.end import cancel_orders, close_orders
from entrepot.flows.procure_to_stock.model import Demand, Reorder, Reordered
from entrepot.flows.procure_to_stock.raise_orders import advance_orders, raise_orders
from entrepot.flows.procure_to_stock.receive import receive_orders
from entrepot.flows.procure_to_stock.reorder import reorder
from entrepot.flows.watch.audit import audit
from entrepot.ground import decisions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_life import order_of, react
from tests.flows.test_place import TUESDAY_9, placed

MUG, CUP, JUG = SKUS[:3]
EVEN = {"BER": 1, "MUC": 1}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(TUESDAY_9, seed=1)


@pytest.fixture
def shop(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Database:
    """10 MUG in Berlin, nothing else; Porto sells MUG by the dozen and CUP, Lyon sells CUP too."""
    database = database_on(clock)
    a_retailer(database, {(MUG, "BER"): 10})

    def set_up(tx: Tx) -> None:
        suppliers = [
            Supplier("porto", "Porto", "PT", "EUR", lead_time(14, 4)),
            Supplier("lyon", "Lyon", "FR", "EUR", lead_time(7, 0)),
        ]
        terms = [
            Terms("porto", MUG, "EUR", 120, 24, 12),
            Terms("porto", CUP, "EUR", 50),
            Terms("lyon", CUP, "EUR", 55),
        ]
        for answer in (
            *purchasing.register_suppliers(tx, [SupplierChange("s", ME, s) for s in suppliers]),
            *purchasing.agree_terms(tx, [TermsChange("t", ME, t) for t in terms]),
        ):
            assert not isinstance(answer, Refusal), answer

    database.run(set_up)
    return database


def do(database: Database, verb: Callable[[Tx, Sequence[Any]], list[Any]], *commands: Any) -> Any:
    answers = database.run(lambda tx: verb(tx, commands))
    return answers if len(answers) > 1 else answers[0]


def review(database: Database, *demand: Demand, command_id: str = "review-1") -> Reordered:
    answer = database.run(lambda tx: reorder(tx, Reorder(command_id, ME, demand)))
    assert isinstance(answer, Reordered), answer
    return answer


def orders_of(database: Database, answer: Reordered) -> list[PurchaseOrder]:
    with database.transaction(read_only=True) as tx:
        return list(service_orders.read(tx, answer.po_ids).values())


def balance(database: Database, sku: str, node: str) -> Balance:
    with database.transaction(read_only=True) as tx:
        found = {(b.sku, b.node): b for b in inventory.balances(tx, [sku])}
    return found[sku, node]


def expected(database: Database, sku: str) -> list[tuple[str, int, datetime]]:
    with database.transaction(read_only=True) as tx:
        return sorted((e.node, e.quantity_each, e.due_at) for e in inventory.expected(tx, [sku]))


def assert_sound(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []
        assert service_orders.audit(tx)[0] == []


def a_purchase(po_id: str = "PO-1", **changes: Any) -> RaiseOrder:
    wanted: dict[str, Any] = {
        "supplier_id": "porto",
        "node": "BER",
        "currency": "EUR",
        "due_at": TUESDAY_9 + timedelta(days=14),
        "lines": (NewLine(MUG, 24, 120), NewLine(CUP, 5, 50)),
    }
    return RaiseOrder("raise", ME, po_id, **{**wanted, **changes})


def a_receipt(receipt_id: str, *arrived: Arrived, **changes: Any) -> ReceiveOrder:
    return ReceiveOrder(f"receive {receipt_id}", ME, "PO-1", receipt_id, arrived, **changes)


def test_a_shortage_is_ordered_and_comes(shop: Database, clock: VirtualClock) -> None:
    # MUG: 2 a day, s = 2 x (14 + 7 + 7) = 56, S = 84; 10 there, 74 lack: 84 in dozens, by 32 : 42
    # as 3 and 4 dozen. CUP: 1 a day from Porto, s = 28, S = 42: 21 to each.
    answer = review(shop, Demand(MUG, 2_000, EVEN), Demand(CUP, 1_000, EVEN))
    assert answer.unbought == ()
    ber, muc = sorted(orders_of(shop, answer), key=lambda o: o.header.node)
    assert [(x.sku, x.ordered_each, x.cost_minor) for x in ber.lines] == [
        (MUG, 36, 120),
        (CUP, 21, 50),
    ]
    assert [(x.sku, x.ordered_each) for x in muc.lines] == [(MUG, 48), (CUP, 21)]
    assert ber.lines[0].reason.endswith("36 of them to BER by what it lacks")
    assert ber.header.supplier_id == "porto" and ber.header.state is PoState.sent
    due = datetime(2026, 3, 24, 8, tzinfo=UTC)
    assert ber.header.due_at == due
    assert expected(shop, MUG) == [("BER", 36, due), ("MUC", 48, due)]
    # What is on order counts: nothing more is bought.
    assert review(shop, Demand(MUG, 2_000, EVEN), command_id="review-2").po_ids == ()
    clock.advance_to(due)
    for order in (ber, muc):
        arrived = tuple(Arrived(x.line_no, x.ordered_each) for x in order.lines)
        came = do(
            shop, receive_orders, ReceiveOrder("r", ME, order.header.po_id, "dock-1", arrived)
        )
        assert came.order.header.state is PoState.received
    assert balance(shop, MUG, "BER").on_hand == 46
    assert balance(shop, MUG, "MUC").on_hand == 48
    assert expected(shop, MUG) == []
    assert_sound(shop)


def test_a_review_is_repeated_without_effect(shop: Database) -> None:
    first = review(shop, Demand(MUG, 2_000))
    do(shop, cancel_orders, *(EndOrder("c", ME, po_id, "no room") for po_id in first.po_ids))
    assert review(shop, Demand(MUG, 2_000)) == first
    assert expected(shop, MUG) == []
    other = shop.run(lambda tx: reorder(tx, Reorder("review-1", ME, (Demand(MUG, 1),))))
    assert isinstance(other, Refusal) and other.code is RefusalCode.key_reused
    assert review(shop, Demand(MUG, 2_000), command_id="review-2").po_ids
    assert_sound(shop)


def test_reviews_at_once_buy_once(shop: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: review(shop, Demand(MUG, 2_000, EVEN)), range(4)))
    assert all(a == answers[0] for a in answers)
    assert sum(each for _, each, _ in expected(shop, MUG)) == 84
    assert_sound(shop)


def test_reserved_and_waiting_units_are_bought_again(shop: Database) -> None:
    placed(shop, an_order("a", (MUG, 6)))
    placed(shop, an_order("b", (MUG, 7), backorder=True))
    # 10 there, 6 of them reserved, 7 waiting: -3 in position; s = S = 0 without demand.
    answer = review(shop, Demand(MUG, 0, EVEN))
    (order,) = orders_of(shop, answer)
    assert order.lines[0].reason.startswith("-3 in position, at or below 0 =")
    assert order.lines[0].ordered_each == 24
    assert_sound(shop)


def test_every_purchase_can_be_decided_again(shop: Database) -> None:
    review(shop, Demand(MUG, 2_000, EVEN), Demand(CUP, 350))
    with shop.transaction(read_only=True) as tx:
        recorded = [*decisions.decisions_of(tx, f"sku/{MUG}")]
        recorded += decisions.decisions_of(tx, f"sku/{CUP}")
    assert len(recorded) == 2
    for each in recorded:
        assert decisions.replay(each, {rule.DECISION_KIND: rule.replay}) is None


def test_what_cannot_be_bought_is_told(shop: Database) -> None:
    shop.run(lambda tx: catalog.retire(tx, [Retire("r", ME, CUP)]))
    answer = review(
        shop,
        Demand(MUG, 2_000, EVEN),
        Demand(CUP, 1_000, EVEN),
        Demand(JUG, 1_000, EVEN),
        Demand(SKUS[3], 1, {"NOWHERE": 1}),
        Demand(SKUS[4], 1, {}),
        Demand(SKUS[5], -1),
    )
    assert len(answer.po_ids) == 2
    told = {u.sku: u.refusal.code for u in answer.unbought}
    assert told == {
        CUP: RefusalCode.not_orderable,
        JUG: RefusalCode.missing_value,
        SKUS[3]: RefusalCode.unknown_node,
        SKUS[4]: RefusalCode.unknown_node,
        SKUS[5]: RefusalCode.bad_value,
    }
    twice = Reorder("review-2", ME, (Demand(MUG, 1), Demand(MUG, 2)))
    refused = shop.run(lambda tx: reorder(tx, twice))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.duplicate_value


def test_a_delivery_in_parts_with_damage(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    first = a_receipt("dock-1", Arrived(1, 20, 3))
    assert isinstance(do(shop, receive_orders, first), Received)
    assert isinstance(do(shop, receive_orders, first), Repeated)
    stock = balance(shop, MUG, "BER")
    assert (stock.on_hand, stock.quarantined) == (10 + 17, 3)
    assert [(n, e) for n, e, _ in expected(shop, MUG)] == [("BER", 4)]
    assert [(n, e) for n, e, _ in expected(shop, CUP)] == [("BER", 5)]
    last = a_receipt("dock-2", Arrived(1, 2), closes=True)
    assert isinstance(do(shop, receive_orders, last), Received)
    assert expected(shop, MUG) == expected(shop, CUP) == []
    assert balance(shop, MUG, "BER").on_hand == 29
    assert_sound(shop)


def test_more_than_ordered(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    over = a_receipt("dock-1", Arrived(1, 30, 30), Arrived(2, 6), accept_over=True)
    assert isinstance(do(shop, receive_orders, over), Received)
    assert balance(shop, MUG, "BER").quarantined == 30
    assert balance(shop, CUP, "BER").on_hand == 6
    assert expected(shop, MUG) == expected(shop, CUP) == []
    assert_sound(shop)


def test_what_does_not_come_is_not_counted_on(shop: Database) -> None:
    do(shop, raise_orders, a_purchase(), a_purchase("PO-2"), a_purchase("PO-3", node="XXX"))
    do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 1)))
    assert sum(e for _, e, _ in expected(shop, MUG)) == 23 + 24
    do(shop, close_orders, EndOrder("e", ME, "PO-1", "supplier is out of it"))
    do(shop, cancel_orders, EndOrder("e", ME, "PO-2", "supplier is out of it"))
    assert expected(shop, MUG) == expected(shop, CUP) == []
    assert_sound(shop)


def test_an_order_to_an_unknown_node_is_refused_alone(shop: Database) -> None:
    good, bad = do(shop, raise_orders, a_purchase(), a_purchase("PO-2", node="XXX"))
    assert good.order.header.po_id == "PO-1"
    assert bad.code is RefusalCode.unknown_node


def test_a_draft_is_expected_when_it_is_sent(shop: Database) -> None:
    do(shop, raise_orders, a_purchase(state=PoState.draft))
    assert expected(shop, MUG) == []
    do(shop, advance_orders, Advance("a", ME, "PO-1", PoState.sent))
    assert [e for _, e, _ in expected(shop, MUG)] == [24]
    do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 4)))
    later = TUESDAY_9 + timedelta(days=30)
    do(shop, advance_orders, Advance("b", ME, "PO-1", PoState.confirmed, later))
    assert expected(shop, MUG) == [("BER", 20, later)]
    assert_sound(shop)


def test_goods_that_come_fill_who_waits(shop: Database) -> None:
    waiting = placed(shop, an_order("a", (MUG, 15), backorder=True))
    react(shop)
    do(shop, raise_orders, a_purchase())
    do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 24, 20)))
    react(shop)
    # 10 in Berlin and 4 sound ones: not enough, the damaged ones are not for sale.
    assert PartState.backordered in {p.state for p in order_of(shop, waiting.order_id).parts}
    do(shop, raise_orders, a_purchase("PO-2"))
    receipt = ReceiveOrder("r", ME, "PO-2", "dock-2", (Arrived(1, 24),))
    do(shop, receive_orders, receipt)
    react(shop)
    assert {p.state for p in order_of(shop, waiting.order_id).parts} == {PartState.reserved}
    assert_sound(shop)


def test_two_deliveries_of_one_order_at_once(shop: Database) -> None:
    """Each brings all that is outstanding: one enters the stock, the others are told."""
    do(shop, raise_orders, a_purchase())

    def come(number: int) -> str:
        return type(do(shop, receive_orders, a_receipt(f"dock-{number}", Arrived(1, 24)))).__name__

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(come, range(4)))
    assert answers == ["Received", "Refusal", "Refusal", "Refusal"]
    assert balance(shop, MUG, "BER").on_hand == 34
    assert_sound(shop)
