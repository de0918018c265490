"""From a parcel sent back to units on sale again, through every room, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Account, Balance
from entrepot.departments.ordering.model import PartState
from entrepot.departments.ordering.returns import (
    AskedReturn,
    AuthorizeReturn,
    Grade,
    GradeReturn,
    ReceiveReturn,
    Returned,
    ReturnState,
    SameReturn,
)
from entrepot.departments.warehouse.model import Pick
from entrepot.flows.order_to_delivery.pick import pick
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.return_to_stock.authorize import authorize_returns
from entrepot.flows.return_to_stock.grade import grade_returns
from entrepot.flows.return_to_stock.receive import receive_returns
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.lived import all_in, hear, pack_all, ship_all
from tests.flows.test_life import order_of, react
from tests.flows.test_place import placed

MUG = SKUS[0]


def hand_over(database: Database, order_id: str) -> None:
    """Let every part of an order leave the house."""
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved), actor=ME))

    def picked(tx: Tx) -> None:
        due = [p for p in all_in(tx, PartState.released) if p.order_id == order_id]
        keys = [(p.order_id, p.part.part_no) for p in due]
        for answer in pick(tx, [Pick(f"pick:{key}", ME, *key) for key in keys]):
            assert not isinstance(answer, Refusal), answer

    database.run(picked)
    pack_all(database, 9)
    ship_all(database, 9)


def sold(database: Database, command_id: str = "a", each: int = 4) -> str:
    """An order of so many MUG that was delivered from Berlin; its id."""
    order_id = placed(database, an_order(command_id, (MUG, each))).order_id
    hand_over(database, order_id)
    hear(database, "delivered", 9)
    return order_id


def do(database: Database, verb: Callable[[Tx, Sequence[Any]], list[Any]], *commands: Any) -> Any:
    answers = database.run(lambda tx: verb(tx, commands))
    return answers if len(answers) > 1 else answers[0]


def authorize(order_id: str, each: int, return_id: str = "R-1", **changes: Any) -> AuthorizeReturn:
    lines = (AskedReturn(1, each),)
    return AuthorizeReturn(
        f"a {return_id}", ME, order_id, return_id, "does_not_fit", lines, **changes
    )


def receive(order_id: str, each: int, return_id: str = "R-1") -> ReceiveReturn:
    return ReceiveReturn(f"r {return_id}", ME, order_id, return_id, (AskedReturn(1, each),))


def grade(order_id: str, restocked: int, scrapped: int, return_id: str = "R-1") -> GradeReturn:
    lines = (Grade(1, restocked, scrapped),)
    return GradeReturn(f"g {return_id}", ME, order_id, return_id, lines)


def stock(database: Database, node: str = "BER") -> Balance:
    with database.transaction(read_only=True) as tx:
        return next(b for b in inventory.balances(tx, [MUG]) if b.node == node)


def assert_sound(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []


def test_goods_come_back_and_are_graded(database: Database) -> None:
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = sold(database)
    first = do(database, authorize_returns, authorize(order_id, 3))
    assert isinstance(first, Returned) and first.order.header.node == "BER"
    assert first.order.refund_minor == 300
    second = do(database, receive_returns, receive(order_id, 3))
    assert isinstance(second, Returned)
    assert (stock(database).on_hand, stock(database).quarantined) == (6, 3)
    third = do(database, grade_returns, grade(order_id, 2, 1))
    assert isinstance(third, Returned) and third.order.header.state is ReturnState.graded
    assert (stock(database).on_hand, stock(database).quarantined) == (8, 0)
    with database.transaction(read_only=True) as tx:
        moved = [m for m in inventory.story(tx, MUG) if m.document == order_id][:3]
    assert [(m.from_account, m.to_account, m.quantity_each) for m in reversed(moved)] == [
        (Account.customer, Account.quarantine, 3),
        (Account.quarantine, Account.free, 2),
        (Account.quarantine, Account.scrap, 1),
    ]
    assert_sound(database)


def test_what_was_lost_on_its_way_may_come_back(database: Database) -> None:
    """The return was agreed to while the parcel was under way; then its carrier gave it up."""
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = placed(database, an_order("a", (MUG, 4))).order_id
    hand_over(database, order_id)
    do(database, authorize_returns, authorize(order_id, 4))
    hear(database, "lost", 9)
    assert_sound(database)
    assert isinstance(do(database, receive_returns, receive(order_id, 4)), Returned)
    assert (stock(database).on_hand, stock(database).quarantined) == (6, 4)
    assert_sound(database)


def test_repeats_move_nothing(database: Database) -> None:
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = sold(database)
    for verb, command in (
        (authorize_returns, authorize(order_id, 3)),
        (receive_returns, receive(order_id, 3)),
        (grade_returns, grade(order_id, 2, 1)),
    ):
        assert isinstance(do(database, verb, command), Returned)
        before = stock(database)
        assert isinstance(do(database, verb, command), SameReturn)
        assert stock(database) == before
    assert_sound(database)


def test_graded_units_fill_who_waits(database: Database) -> None:
    a_retailer(database, {(MUG, "BER"): 4})
    order_id = sold(database)
    waiting = placed(database, an_order("b", (MUG, 2), backorder=True)).order_id
    do(database, authorize_returns, authorize(order_id, 3))
    do(database, receive_returns, receive(order_id, 3))
    react(database)
    assert order_of(database, waiting).parts[0].state is PartState.backordered
    do(database, grade_returns, grade(order_id, 2, 1))
    react(database)
    assert order_of(database, waiting).parts[0].state is PartState.reserved
    assert_sound(database)


def test_to_another_node_or_to_none(database: Database) -> None:
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = sold(database)
    good, bad = do(
        database,
        authorize_returns,
        authorize(order_id, 1, node="PAR"),
        authorize(order_id, 1, "R-2", node="XXX"),
    )
    assert isinstance(good, Returned) and good.order.header.node == "PAR"
    assert isinstance(bad, Refusal) and bad.code is RefusalCode.unknown_node
    do(database, receive_returns, receive(order_id, 1))
    assert stock(database, "PAR").quarantined == 1
    assert_sound(database)


def test_before_it_is_shipped_nothing_comes_back(database: Database) -> None:
    a_retailer(database, {(MUG, "BER"): 10})
    order_id = placed(database, an_order("a", (MUG, 1))).order_id
    refused = do(database, authorize_returns, authorize(order_id, 1))
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.wrong_state


def test_returns_of_one_line_at_once(database: Database) -> None:
    """Ten ask for one of four each, and take each its way: four come back, no more."""
    a_retailer(database, {(MUG, "BER"): 4})
    order_id = sold(database)

    def send_back(number: int) -> bool:
        return_id = f"R-{number}"
        if isinstance(do(database, authorize_returns, authorize(order_id, 1, return_id)), Refusal):
            return False
        assert isinstance(do(database, receive_returns, receive(order_id, 1, return_id)), Returned)
        graded = do(database, grade_returns, grade(order_id, 1, 0, return_id))
        return isinstance(graded, Returned)

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(send_back, range(10))) == 4
    assert (stock(database).on_hand, stock(database).quarantined) == (4, 0)
    assert_sound(database)
