"""Short picks: what is missing leaves the books and follows as a backorder."""

from __future__ import annotations

import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Held,
    Reservation,
    Reserve,
    Shorten,
)
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import PartState, Short
from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import Cancel
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_life import react, receive
from tests.flows.test_place import assert_sound, placed
from tests.flows.test_warehouse_flows import released


def short_of(database: Database, order_id: str, line_no: int, each: int) -> None:
    def work(tx: Tx) -> None:
        reservation = next(
            r for r in commitments.reservations_of_orders(tx, [order_id]) if r.line_no == line_no
        )
        waiting = Reserve("s", ME, order_id, line_no, reservation.sku, None, each)
        (held,) = commitments.reserve(tx, [waiting])
        assert isinstance(held, Held)
        parts.shorten(
            tx,
            [Short(order_id, 1, line_no, each, held.reservation.reservation_id, "lost", "s", ME)],
        )
        (left,) = commitments.shorten(
            tx,
            [Shorten("s", ME, reservation.sku, reservation.reservation_id, each, "lost", order_id)],
        )
        assert isinstance(left, Reservation), left
        if parts.heads(tx, [order_id])[order_id, 1].state is PartState.cancelled:
            (ended,) = warehouse.cancel(tx, [Cancel("s", ME, order_id, 1, "nothing_picked")])
            assert not isinstance(ended, Refusal), ended

    database.run(work)


def assert_whole(database: Database) -> None:
    assert_sound(database)
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []


def test_a_part_goes_on_with_what_was_found(database: Database) -> None:
    order_id = released(database, (SKUS[0], 4), (SKUS[1], 2))
    short_of(database, order_id, line_no=1, each=3)
    with database.transaction(read_only=True) as tx:
        (order,) = ordering.read(tx, [order_id])
        balance = inventory.balances(tx, [SKUS[0]])[0]
    assert [(p.state, p.node) for p in order.parts] == [
        (PartState.released, "BER"),
        (PartState.backordered, None),
    ]
    assert [x.quantity_each for x in order.parts[0].lines] == [1, 2]
    assert order.parts[1].lines[0].quantity_each == 3
    assert (balance.on_hand, balance.allocated, balance.reserved) == (7, 1, 0)
    assert [q.queue for q in order.queues] == ["backorder"]
    assert_whole(database)


def test_a_line_that_is_missing_whole_leaves_the_part(database: Database) -> None:
    order_id = released(database, (SKUS[0], 4), (SKUS[1], 2))
    short_of(database, order_id, line_no=1, each=4)
    with database.transaction(read_only=True) as tx:
        (order,) = ordering.read(tx, [order_id])
    assert [x.line_no for x in order.parts[0].lines] == [2]
    assert order.parts[0].state is PartState.released
    assert_whole(database)


def test_a_part_of_which_nothing_is_there_is_cancelled_and_follows(database: Database) -> None:
    order_id = released(database, (SKUS[0], 4))
    short_of(database, order_id, line_no=1, each=4)
    receive(database, SKUS[0], "MUC", 4, "PO-1")
    react(database)
    with database.transaction(read_only=True) as tx:
        (order,) = ordering.read(tx, [order_id])
    assert [p.state for p in order.parts] == [PartState.cancelled, PartState.reserved]
    assert order.parts[1].node in ("BER", "MUC")
    assert_whole(database)


@pytest.mark.parametrize(
    ("each", "reason", "code"),
    [
        (5, "lost", RefusalCode.bad_quantity),
        (0, "lost", RefusalCode.bad_quantity),
        (1, "whim", RefusalCode.bad_value),
    ],
)
def test_what_cannot_be_short(
    database: Database, each: int, reason: str, code: RefusalCode
) -> None:
    order_id = released(database, (SKUS[0], 4))

    def work(tx: Tx) -> Reservation | Refusal:
        (reservation,) = commitments.reservations_of_orders(tx, [order_id])
        command = Shorten(
            "s", ME, reservation.sku, reservation.reservation_id, each, reason, order_id
        )
        return commitments.shorten(tx, [command])[0]

    found = database.run(work)
    assert isinstance(found, Refusal) and found.code is code
    assert_whole(database)


def test_only_what_is_allocated_can_be_short(database: Database) -> None:
    a_retailer(database)
    order_id = placed(database, an_order("o")).order_id

    def work(tx: Tx) -> Reservation | Refusal:
        (reservation,) = commitments.reservations_of_orders(tx, [order_id])
        command = Shorten("s", ME, reservation.sku, reservation.reservation_id, 1, "lost", order_id)
        return commitments.shorten(tx, [command])[0]

    found = database.run(work)
    assert isinstance(found, Refusal) and found.code is RefusalCode.wrong_state
    assert_whole(database)


def test_parts_are_listed_by_state(database: Database) -> None:
    order_id = released(database, (SKUS[0], 1))
    with database.transaction(read_only=True) as tx:
        assert parts.in_state(tx, PartState.reserved) == []
        (found,) = parts.in_state(tx, PartState.released)
        after = (found.part.since, found.order_id, found.part.part_no)
        assert parts.in_state(tx, PartState.released, after) == []
    assert (found.order_id, found.country, found.part.node) == (order_id, "DE", "BER")
