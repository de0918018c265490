"""Carts that become orders: once, with what they held, and alone or in batches the same."""

from __future__ import annotations

import psycopg

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Erase
from entrepot.departments.inventory.model import Balance
from entrepot.departments.ordering import service as orders
from entrepot.departments.ordering.carts import LineChange
from entrepot.flows.cart_to_order.quote import quote_cart
from entrepot.flows.order_to_delivery.model import Placed, Quoted, Recipient
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import BERLIN, ME, SIGNING_KEY, SKUS, an_order
from tests.flows.carting import (
    WEB,
    abandon,
    changed,
    channels,
    complete,
    completed,
    completing,
    opened,
    opening,
    refused,
    seen,
    try_change,
    try_open,
)
from tests.flows.carts.asking import adjust, balances, held, set_price, told
from tests.flows.test_place import place

A, B, C = SKUS[:3]


def test_what_is_held_is_sold_to_its_cart(shop: Database) -> None:
    opened(shop, "c1", (B, 2))
    (other,) = place(shop, an_order("o", (B, 1)))
    assert refused(other).code is RefusalCode.not_enough_stock
    order = completed(shop, "c1")
    assert balances(shop, B)["BER"] == Balance(B, "BER", on_hand=2, reserved=2)
    cart = seen(shop, "c1")
    assert (cart.state, cart.order_id) == ("completed", order.order_id)
    assert told(shop, "c1") == ["CartCompleted"]
    assert refused(try_change(shop, "c1", (B, 1))).code is RefusalCode.wrong_state
    assert refused(abandon(shop, "c1")).code is RefusalCode.wrong_state


def test_a_cart_is_completed_once(shop: Database, keys: KeyStore) -> None:
    opened(shop, "c1", (B, 2))
    someone = Recipient("Ann Ono", "Main Street 1", "Berlin")
    command = completing("c1", recipient=someone)
    (first,) = complete(shop, command, keys=keys)
    assert isinstance(first, Placed)
    again, at_once = complete(shop, command, completing("c1", recipient=someone), keys=keys)
    assert again == at_once == first
    (by_another,) = complete(
        shop, completing("c1", recipient=someone, actor="care", version=1), keys=keys
    )
    assert by_another == first, "whoever asks, and whichever version they saw"
    (otherwise,) = complete(shop, completing("c1"), keys=keys)
    assert refused(otherwise).code is RefusalCode.order_exists
    assert refused(otherwise).facts["order_id"] == first.order_id
    assert balances(shop, B)["BER"].reserved == 2


def test_completed_twice_in_one_batch(shop: Database) -> None:
    opened(shop, "c1", (B, 1))
    opened(shop, "c2", (B, 1))
    first, second, other = complete(shop, completing("c1"), completing("c1"), completing("c2"))
    assert isinstance(first, Placed) and first == second
    assert isinstance(other, Placed) and other != first


def test_what_was_refused_may_be_asked_for_again(shop: Database) -> None:
    opened(shop, "c1", (C, 1))
    (first,) = complete(shop, completing("c1"))
    assert refused(first).code is RefusalCode.not_enough_stock
    adjust(shop, C, "BER", 1)
    completed(shop, "c1")


def test_a_cart_that_is_refused_keeps_what_it_holds(shop: Database) -> None:
    opened(shop, "c1", (A, 2), (C, 1))
    before = seen(shop, "c1")
    (answer,) = complete(shop, completing("c1"))
    assert refused(answer).code is RefusalCode.not_enough_stock
    assert seen(shop, "c1") == before
    assert held(shop, A) == {"BER": 2}
    assert told(shop, "c1") == []


def test_every_price_that_changed_is_told(shop: Database) -> None:
    opened(shop, "c1", (A, 1), (B, 1))
    set_price(shop, A, 150)
    set_price(shop, B, 50)
    (answer,) = complete(shop, completing("c1"))
    assert refused(answer).code is RefusalCode.price_changed
    assert refused(answer).facts["lines"] == [
        {"sku": A, "seen_minor": 100, "price_minor": 150},
        {"sku": B, "seen_minor": 200, "price_minor": 50},
    ]
    assert held(shop, A) == {"BER": 1}


def test_a_quote_of_a_cart_counts_what_it_holds(shop: Database) -> None:
    opened(shop, "c1", (B, 2))
    before = balances(shop, B)
    with shop.transaction(read_only=True) as tx:
        found = quote_cart(tx, "c1", BERLIN, SIGNING_KEY)
    assert isinstance(found, Quoted), found
    assert balances(shop, B) == before
    option = found.options[-1]
    order = completed(shop, "c1", offer=option.offer)
    assert (order.total_minor, order.latest_date) == (option.total_minor, option.latest_date)
    with shop.transaction(read_only=True) as tx:
        over = quote_cart(tx, "c1", BERLIN, SIGNING_KEY)
        unknown = quote_cart(tx, "c9", BERLIN, SIGNING_KEY)
    assert refused(over).code is RefusalCode.wrong_state
    assert refused(unknown).code is RefusalCode.unknown_cart


def test_a_cart_keeps_whose_it_is(
    shop: Database, keys: KeyStore, owner: psycopg.Connection
) -> None:
    (cart,) = try_open(shop, opening("c1", (A, 1), customer_ref="K-7"), keys=keys)
    assert not isinstance(cart, Refusal)
    (other,) = complete(shop, completing("c1", customer_ref="K-8"), keys=keys)
    assert refused(other).code is RefusalCode.bad_value
    (order,) = complete(shop, completing("c1"), keys=keys)
    assert isinstance(order, Placed)
    with shop.transaction(read_only=True) as tx:
        person = customers.by_reference(tx, ["K-7"])["K-7"]
        assert orders.headers(tx, [order.order_id])[order.order_id].person_id == person
    opened(shop, "c2", (A, 1))
    changed(shop, "c2", customer_ref="K-7", keys=keys)
    shop.run(lambda tx: customers.erase(tx, [Erase("e", ME, person)]))
    (gone,) = complete(shop, completing("c2"), keys=keys)
    assert refused(gone).code is RefusalCode.unknown_person
    (new,) = try_open(shop, opening("c3", customer_ref="K-7"), keys=keys)
    assert refused(new).code is RefusalCode.unknown_person
    abandon(shop, "c2")


# Fairness within a batch.


def test_a_batch_never_breaks_a_hold(shop: Database) -> None:
    """Who holds nothing stands first in the batch and wants the last units."""
    opened(shop, "holder", (B, 2))
    opened(shop, "greedy", (B, 2), channel=WEB)
    greedy, holder = complete(shop, completing("greedy"), completing("holder"))
    assert refused(greedy).code is RefusalCode.not_enough_stock
    assert isinstance(holder, Placed)


def test_a_batch_leaves_the_holds_of_a_cart_that_is_refused(shop: Database) -> None:
    """Its units were lent to the batch, and wanted by another: they are still its own."""
    opened(shop, "holder", (B, 2))
    opened(shop, "greedy", (B, 2), channel=WEB)
    set_price(shop, B, 999)
    changed(shop, "greedy", lines=(LineChange(B, unit_price_minor=999),))
    greedy, holder = complete(shop, completing("greedy"), completing("holder"))
    assert refused(holder).code is RefusalCode.price_changed
    assert refused(greedy).code is RefusalCode.not_enough_stock
    assert held(shop, B) == {"BER": 2}
    changed(shop, "holder", lines=(LineChange(B, unit_price_minor=999),))
    completed(shop, "holder")


def test_who_holds_a_part_competes_for_the_rest_by_arrival(shop: Database) -> None:
    opened(shop, "partly", (B, 1))
    changed(shop, "partly", (B, 2), (C, 1))  # holds both of B, and C is not there
    opened(shop, "first", (A, 8), channel=WEB)
    opened(shop, "second", (A, 1), channel=WEB)
    first, partly, second = complete(
        shop, completing("first"), completing("partly"), completing("second")
    )
    assert isinstance(first, Placed)
    assert refused(partly).code is RefusalCode.not_enough_stock
    assert refused(second).code is RefusalCode.not_enough_stock
    assert held(shop, B) == {"BER": 2}


def test_a_batch_of_carts_is_placed_together(shop: Database) -> None:
    channels(shop, hold_each_max=2)
    for number in range(4):
        opened(shop, f"c{number}", (A, 2))
    answers = complete(shop, *(completing(f"c{number}") for number in range(4)))
    assert all(isinstance(a, Placed) for a in answers)
    assert sum(b.reserved for b in balances(shop, A).values()) == 8
    assert held(shop, A) == {}
