"""Goods that come are counted in by the warehouse and put away, and all rooms say the same."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from entrepot.departments.purchasing.model import Arrived, ReceiveOrder, Repeated
from entrepot.departments.warehouse import service_inbound as warehouse
from entrepot.departments.warehouse.model import InboundReceipt, Receipt, ReceiptLine, ReceiptState
from entrepot.flows.procure_to_stock.raise_orders import raise_orders
from entrepot.flows.procure_to_stock.receive import receive_orders
from entrepot.flows.return_to_stock.authorize import authorize_returns
from entrepot.flows.return_to_stock.grade import grade_returns
from entrepot.flows.return_to_stock.receive import receive_returns
from entrepot.flows.views.po_story import po_story
from entrepot.flows.watch.audit import audit
from entrepot.ground import migrate
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.builders import ME, a_retailer
from tests.flows.test_procure_to_stock import (
    CUP,
    MUG,
    a_purchase,
    a_receipt,
    assert_sound,
    balance,
    clock,
    do,
    shop,
)
from tests.flows.test_return_to_stock import authorize, grade, receive, sold

__all__ = ["clock", "shop"]


def receipts_of(database: Database, document: str) -> list[Receipt]:
    with database.transaction(read_only=True) as tx:
        return warehouse.receipts_of(tx, [document])


def findings(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return audit(tx).findings


def a_delivery_in_two(database: Database) -> None:
    """Of 24 MUG and 5 CUP: 20 and none, 3 damaged; then 2 and 6, and the rest does not come."""
    do(database, raise_orders, a_purchase())
    do(database, receive_orders, a_receipt("dock-1", Arrived(1, 20, 3)))
    last = a_receipt("dock-2", Arrived(1, 2), Arrived(2, 6), closes=True, accept_over=True)
    do(database, receive_orders, last)


def a_return(database: Database) -> str:
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = sold(database)
    do(database, authorize_returns, authorize(order_id, 3))
    do(database, receive_returns, receive(order_id, 2))
    return order_id


def test_a_delivery_is_counted_in_and_put_away(shop: Database, clock: VirtualClock) -> None:
    a_delivery_in_two(shop)
    first, second = receipts_of(shop, "PO-1")
    assert (first.receipt_id, first.node) == ("purchase/PO-1/dock-1", "BER")
    assert first.lines == (ReceiptLine(1, MUG, 24, 20, 3),)
    assert second.lines == (ReceiptLine(1, MUG, 4, 2), ReceiptLine(2, CUP, 5, 6))
    assert [line.over_each for line in second.lines] == [0, 1]
    assert [line.short_each for line in second.lines] == [2, 0]
    for receipt in (first, second):
        assert receipt.state is ReceiptState.put_away
        assert receipt.received_at == receipt.put_away_at == clock.now()
    assert_sound(shop)


def test_a_line_that_never_comes_is_counted_as_short(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 24), closes=True))
    (receipt,) = receipts_of(shop, "PO-1")
    assert receipt.lines == (ReceiptLine(1, MUG, 24, 24), ReceiptLine(2, CUP, 5, 0))
    assert_sound(shop)


def test_a_delivery_told_again_is_counted_once(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    first = a_receipt("dock-1", Arrived(1, 20))
    do(shop, receive_orders, first)
    before = receipts_of(shop, "PO-1")
    assert isinstance(do(shop, receive_orders, first), Repeated)
    again = ReceiveOrder("other", ME, "PO-1", "dock-1", (Arrived(1, 20),))
    assert isinstance(do(shop, receive_orders, again), Repeated)
    refused = do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 4)))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.already_counted
    assert receipts_of(shop, "PO-1") == before
    assert_sound(shop)


def test_what_purchasing_refuses_is_counted_nowhere(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    for refused in (
        do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 25))),
        do(shop, receive_orders, a_receipt("d" * 101, Arrived(1, 1))),
    ):
        assert isinstance(refused, Refusal)
    assert receipts_of(shop, "PO-1") == []
    assert isinstance(do(shop, receive_orders, a_receipt("d" * 100, Arrived(1, 1))), tuple)
    assert_sound(shop)


def test_a_receipt_that_the_warehouse_has_already_undoes_the_whole(shop: Database) -> None:
    do(shop, raise_orders, a_purchase())
    own = InboundReceipt(
        "by hand", ME, "purchase/PO-1/dock-1", "BER", "PO-1", (ReceiptLine(1, MUG, 24, 24),)
    )
    do(shop, warehouse.receive, own)
    with pytest.raises(Conflict, match="was received at BER"):
        do(shop, receive_orders, a_receipt("dock-1", Arrived(1, 24)))
    assert balance(shop, MUG, "BER").on_hand == 10
    assert findings(shop) == [
        "purchase order PO-1, SKU-01 at BER: 0 received (damaged among them 0) by purchasing, "
        "24 (0) by the warehouse, 0 (0) by the stock"
    ]


def test_the_story_of_the_order_tells_what_was_missing(shop: Database) -> None:
    a_delivery_in_two(shop)
    with shop.transaction(read_only=True) as tx:
        story = po_story(tx, "PO-1")
    assert story is not None
    told = [m.words for m in story.moments if m.words.startswith("line ")]
    assert told == [
        "line 1: 20 of SKU-01 by dock-1, 3 of them damaged, 4 less than expected",
        "line 1: 2 of SKU-01 by dock-2, 2 less than expected",
        "line 2: 6 of SKU-02 by dock-2, 1 more than ordered",
    ]


def test_a_return_is_counted_in_and_put_away_when_it_is_graded(
    database_on: Callable[[Clock], Database], clock: VirtualClock
) -> None:
    database = database_on(clock)
    order_id = a_return(database)
    (receipt,) = receipts_of(database, order_id)
    assert receipt.receipt_id == f"return/{order_id}/R-1"
    assert receipt.lines == (ReceiptLine(1, MUG, 3, 2),)
    assert receipt.state is ReceiptState.received
    assert_sound(database)
    came_at = clock.now()
    clock.sleep(3_600)
    for _ in range(2):
        do(database, receive_returns, receive(order_id, 2))
        do(database, grade_returns, grade(order_id, 1, 1))
    (receipt,) = receipts_of(database, order_id)
    assert receipt.state is ReceiptState.put_away
    assert (receipt.received_at, receipt.put_away_at) == (came_at, clock.now())
    assert_sound(database)


PLANTED = [
    ("DELETE FROM warehouse.receipt_line WHERE line_no = 1", "0 (0) by the warehouse"),
    ("UPDATE warehouse.receipt_line SET damaged_each = 0", "22 (0) by the warehouse"),
    ("UPDATE warehouse.receipt SET node = 'MUC'", "SKU-02 at MUC: 0 received"),
    ("UPDATE inventory.movement SET document = 'PO-2' WHERE cause = 'receipt'", "by the stock"),
    (
        "UPDATE inventory.movement SET to_account = 'free' WHERE to_account = 'quarantine'",
        "22 (0) by the stock",
    ),
]


@pytest.mark.parametrize(("statement", "finding"), PLANTED)
def test_the_audit_finds_deliveries_that_differ(
    shop: Database, owner: psycopg.Connection, statement: str, finding: str
) -> None:
    a_delivery_in_two(shop)
    assert_sound(shop)
    owner.execute(statement)
    assert any(finding in found for found in findings(shop)), findings(shop)


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE warehouse.receipt_line SET received_each = 1", "2 received by ordering, 1 by"),
        ("UPDATE inventory.movement SET document = 'x' WHERE from_account = 'customer'", "by the"),
    ],
)
def test_the_audit_finds_returns_that_differ(
    database: Database, owner: psycopg.Connection, statement: str, finding: str
) -> None:
    order_id = a_return(database)
    assert findings(database) == []
    owner.execute(statement)
    assert any(
        found.startswith(f"return of order {order_id}") and finding in found
        for found in findings(database)
    ), findings(database)


def test_an_older_database_gets_the_receipts_it_lacks(
    shop: Database, owner: psycopg.Connection
) -> None:
    """What the migration writes is what the flows wrote, but for who did it."""
    a_delivery_in_two(shop)
    order_id = sold(shop)
    do(shop, authorize_returns, authorize(order_id, 3))
    do(shop, receive_returns, receive(order_id, 2))
    before = receipts_of(shop, order_id)
    owner.execute("DELETE FROM warehouse.receipt_line")
    owner.execute("DELETE FROM warehouse.receipt")
    assert findings(shop)
    (step,) = [m for m in migrate.migrations() if m.name == "goods_receipts"]
    for _ in range(2):
        owner.execute(step.text)
        assert findings(shop) == []
    (after,) = receipts_of(shop, order_id)
    assert after._replace(receive_command="") == before[0]._replace(receive_command="")
    assert [r.state for r in receipts_of(shop, "PO-1")] == [ReceiptState.put_away] * 2
    do(shop, grade_returns, grade(order_id, 1, 1))
    assert findings(shop) == []
