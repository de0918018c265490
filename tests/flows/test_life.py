"""Backorders, cancellations, payments and expiry through the flows, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import PlaceHold, Receipt
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import OrderState, PartState
from entrepot.departments.ordering.service import Cancelled
from entrepot.flows.cart_to_order.expire import expire_holds
from entrepot.flows.order_to_delivery import expire
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.order_to_delivery.give_up import give_up
from entrepot.flows.watch import subscribed
from entrepot.ground import events, subscriptions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_place import TUESDAY_9, assert_sound, place, placed


def react(database: Database) -> None:
    """Number and handle everything that was announced, to quiet."""
    database.run(lambda tx: subscriptions.register(tx, subscribed.SUBSCRIPTIONS))
    while True:
        moved = events.drain(database)
        moved += sum(subscriptions.advance(database, s) for s in subscribed.SUBSCRIPTIONS)
        if not moved:
            return


def receive(database: Database, sku: str, node: str, each: int, document: str) -> None:
    command = Receipt(document, ME, sku, node, each, document)
    database.run(lambda tx: inventory.receive(tx, [command]))


def order_of(database: Database, order_id: str):  # type: ignore[no-untyped-def]
    with database.transaction(read_only=True) as tx:
        (order,) = ordering.read(tx, [order_id])
    return order


def available(database: Database, sku: str) -> int:
    with database.transaction(read_only=True) as tx:
        return sum(b.available for b in inventory.balances(tx, [sku]))


def test_a_backorder_waits_in_a_queue_and_is_filled(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 1, (SKUS[1], "BER"): 5})
    answer = placed(database, an_order("a", (SKUS[0], 3), (SKUS[1], 1), backorder=True))
    assert answer.latest_date is None
    order = order_of(database, answer.order_id)
    assert [p.state for p in order.parts] == [PartState.reserved, PartState.backordered]
    assert [(q.queue, q.owner) for q in order.queues] == [("backorder", "buying")]
    react(database)
    assert order_of(database, answer.order_id).queues, "nothing came yet"
    receive(database, SKUS[0], "MUC", 2, "PO-1")
    react(database)
    order = order_of(database, answer.order_id)
    assert [p.state for p in order.parts] == [PartState.reserved] * 2
    assert order.parts[1].node == "MUC"
    assert not order.queues
    assert order.header.promise_version == 3
    newest = order.expectations[-1]
    assert newest.part_no == 0 and newest.latest_date is not None
    assert_sound(database)


def test_backorders_are_served_in_order(database: Database) -> None:
    a_retailer(database, {})
    first = placed(database, an_order("a", (SKUS[0], 4), backorder=True))
    second = placed(database, an_order("b", (SKUS[0], 1), backorder=True))
    receive(database, SKUS[0], "BER", 4, "PO-1")
    react(database)
    assert order_of(database, first.order_id).parts[0].state is PartState.reserved
    assert order_of(database, second.order_id).parts[0].state is PartState.backordered
    receive(database, SKUS[0], "BER", 1, "PO-2")
    react(database)
    assert order_of(database, second.order_id).parts[0].state is PartState.reserved
    assert_sound(database)


def test_cancelling_frees_stock_and_fills_who_waits(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 2})
    first = placed(database, an_order("a", (SKUS[0], 2)))
    second = placed(database, an_order("b", (SKUS[0], 2), backorder=True))
    answers = database.run(
        lambda tx: cancel_orders(
            tx, {first.order_id: "customer", "no-such": "customer"}, command_id="x", actor=ME
        )
    )
    assert isinstance(answers[first.order_id], Cancelled)
    unknown = answers["no-such"]
    assert isinstance(unknown, Refusal) and unknown.code is RefusalCode.unknown_order
    react(database)
    assert order_of(database, second.order_id).parts[0].state is PartState.reserved
    assert order_of(database, first.order_id).header.cancel_reason == "customer"
    again = database.run(
        lambda tx: cancel_orders(tx, {first.order_id: "customer"}, command_id="y", actor=ME)
    )[first.order_id]
    assert isinstance(again, Refusal) and again.code is RefusalCode.wrong_state
    assert_sound(database)


def test_a_cancelled_backorder_gets_nothing(database: Database) -> None:
    a_retailer(database, {})
    answer = placed(database, an_order("a", (SKUS[0], 1), backorder=True))
    database.run(
        lambda tx: cancel_orders(tx, {answer.order_id: "customer"}, command_id="x", actor=ME)
    )
    receive(database, SKUS[0], "BER", 1, "PO-1")
    react(database)
    assert available(database, SKUS[0]) == 1
    assert_sound(database)


def test_an_unknown_reason_is_refused(database: Database) -> None:
    a_retailer(database)
    answer = placed(database, an_order("a"))
    found = database.run(
        lambda tx: cancel_orders(tx, {answer.order_id: "whim"}, command_id="x", actor=ME)
    )[answer.order_id]
    assert isinstance(found, Refusal) and found.code is RefusalCode.bad_value
    assert_sound(database)


def test_an_unpaid_order_releases_its_stock(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database, {(SKUS[0], "BER"): 3})
    late = placed(database, an_order("late", (SKUS[0], 1), payment_minutes=30))
    paid = placed(database, an_order("paid", (SKUS[0], 1), payment_minutes=30))
    assert late.state == "awaiting_payment"
    assert order_of(database, late.order_id).queues[0].queue == "payment"
    database.run(lambda tx: ordering.confirm_payment(tx, [paid.order_id], command_id="p", actor=ME))
    expire.expire_unpaid(database)
    assert order_of(database, late.order_id).header.state is OrderState.awaiting_payment
    clock.sleep(30 * 60)
    expire.expire_unpaid(database)
    assert order_of(database, late.order_id).header.cancel_reason == "payment_timeout"
    assert order_of(database, paid.order_id).header.state is OrderState.open
    assert available(database, SKUS[0]) == 2
    assert_sound(database)


def test_payment_and_expiry_race_to_one_end(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database)
    orders = [
        placed(database, an_order(f"o{n}", (SKUS[n % 12], 1), payment_minutes=1)).order_id
        for n in range(12)
    ]
    clock.sleep(61)

    def pay(order_id: str) -> object:
        try:
            return database.run(
                lambda tx: ordering.confirm_payment(
                    tx, [order_id], command_id=f"pay-{order_id}", actor=ME
                )
            )[0]
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(6) as pool:
        expiring = pool.submit(expire.expire_unpaid, database)
        list(pool.map(pay, orders))
        expiring.result()
    states = {order_of(database, o).header.state for o in orders}
    assert states <= {OrderState.open, OrderState.cancelled}
    assert_sound(database)


def test_a_hold_that_no_cart_answers_for_is_not_lost_to_sale(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database, {(SKUS[0], "BER"): 1})
    hold = PlaceHold("h", ME, "cart-1", SKUS[0], "BER", 1, clock.now() + timedelta(minutes=10))
    database.run(lambda tx: commitments.hold(tx, [hold]))
    (answer,) = place(database, an_order("a"))
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.not_enough_stock
    clock.sleep(601)
    expire_holds(database)
    (answer,) = place(database, an_order("b"))
    assert isinstance(answer, Refusal), "a cart would have given it back"
    clock.sleep(60)
    expire_holds(database)
    placed(database, an_order("c"))
    assert_sound(database)


def test_cancel_races_fill(database: Database) -> None:
    """Orders are cancelled while stock arrives for them: no unit is lost or given twice."""
    a_retailer(database, {})
    orders = [
        placed(database, an_order(f"o{n}", (SKUS[0], 1), backorder=True)).order_id
        for n in range(20)
    ]

    def end(order_id: str) -> None:
        database.run(
            lambda tx: cancel_orders(tx, {order_id: "customer"}, command_id=order_id, actor=ME)
        )

    receive(database, SKUS[0], "BER", 20, "PO-1")
    with ThreadPoolExecutor(4) as pool:
        filling = pool.submit(react, database)
        list(pool.map(end, orders[::2]))
        filling.result()
    react(database)
    states = [order_of(database, o).header.state for o in orders]
    assert states[::2] == [OrderState.cancelled] * 10
    assert available(database, SKUS[0]) == 10
    assert_sound(database)


def test_a_backorder_is_given_up_in_time(database_on: Callable[[Clock], Database]) -> None:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database, {(SKUS[0], "BER"): 1})
    partly = placed(database, an_order("a", (SKUS[0], 3), backorder=True))
    whole = placed(database, an_order("b", (SKUS[1], 1), backorder=True))
    clock.sleep(29 * 86_400)
    assert database.run(give_up) == 0
    clock.sleep(86_400)
    assert database.run(give_up) == 2
    assert database.run(give_up) == 0
    left = order_of(database, partly.order_id)
    assert [p.state for p in left.parts] == [PartState.reserved, PartState.cancelled]
    assert left.header.state is OrderState.open and not left.queues
    gone = order_of(database, whole.order_id).header
    assert (gone.state, gone.cancel_reason) == (OrderState.cancelled, "stock")
    receive(database, SKUS[1], "BER", 1, "PO-1")
    react(database)
    assert available(database, SKUS[1]) == 1
    assert_sound(database)
