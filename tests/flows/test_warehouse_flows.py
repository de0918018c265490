"""Release and pick through ordering, warehouse and inventory, on real PostgreSQL."""

from __future__ import annotations

from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import Order, OrderState, PartState
from entrepot.departments.warehouse.model import Pick, PickedWork, Short
from entrepot.flows.order_to_delivery.pick import pick
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_life import react
from tests.flows.test_place import placed


def released(database: Database, *lines: tuple[str, int], stock: int = 10) -> str:
    a_retailer(database, {(sku, "BER"): stock for sku, _ in lines})
    order_id = placed(database, an_order("o", *lines)).order_id
    due = database.run(lambda tx: release(tx, parts.in_state(tx, PartState.reserved), actor=ME))
    assert due == 1
    return order_id


def picked(database: Database, order_id: str, *shorts: Short) -> PickedWork | Refusal:
    command = Pick(f"pick-{order_id}", ME, order_id, 1, shorts)
    return database.run(lambda tx: pick(tx, [command]))[0]


def order_of(database: Database, order_id: str) -> Order:
    with database.transaction(read_only=True) as tx:
        return ordering.read(tx, [order_id])[0]


def assert_whole(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []


def test_release_allocates_and_pick_goes_on(database: Database) -> None:
    order_id = released(database, (SKUS[0], 2), (SKUS[1], 3))
    with database.transaction() as tx:
        balance = inventory.balances(tx, [SKUS[0]])[0]
    assert (balance.reserved, balance.allocated) == (0, 2)
    assert isinstance(picked(database, order_id), PickedWork)
    assert order_of(database, order_id).parts[0].state is PartState.picked
    assert_whole(database)


def test_releasing_again_finds_nothing(database: Database) -> None:
    released(database, (SKUS[0], 2))
    again = database.run(lambda tx: release(tx, parts.in_state(tx, PartState.reserved), actor=ME))
    assert again == 0
    assert_whole(database)


def test_a_short_pick_follows_as_a_backorder(database: Database) -> None:
    order_id = released(database, (SKUS[0], 2), (SKUS[1], 3))
    answer = picked(database, order_id, Short(2, 1, "damaged"))
    assert isinstance(answer, PickedWork) and answer.picked_each == 4
    react(database)
    order = order_of(database, order_id)
    assert [p.state for p in order.parts] == [PartState.picked, PartState.reserved]
    assert_whole(database)


def test_nothing_found_cancels_the_part(database: Database) -> None:
    order_id = released(database, (SKUS[0], 2), stock=2)
    assert isinstance(picked(database, order_id, Short(1, 2, "not_found")), PickedWork)
    react(database)
    order = order_of(database, order_id)
    assert [p.state for p in order.parts] == [PartState.cancelled, PartState.backordered]
    assert order.header.state is OrderState.open
    assert_whole(database)


def test_a_pick_is_booked_once(database: Database) -> None:
    order_id = released(database, (SKUS[0], 2))
    first = picked(database, order_id)
    other = database.run(lambda tx: pick(tx, [Pick("other", ME, order_id, 1)]))[0]
    assert isinstance(first, PickedWork)
    assert isinstance(other, Refusal) and other.code is RefusalCode.wrong_state
    assert_whole(database)
