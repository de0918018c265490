"""Carts through every room, on real PostgreSQL: what they hold, and for how long."""

from __future__ import annotations

from datetime import timedelta

from entrepot.departments.ordering import service as orders
from entrepot.departments.ordering.carts import LineChange
from entrepot.flows.cart_to_order import expire
from entrepot.flows.order_to_delivery.model import ShipTo
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import subscriptions
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import MUNICH, SKUS, an_order
from tests.flows.carting import (
    HOLD_MINUTES,
    HOLD_MINUTES_MAX,
    WEB,
    abandon,
    changed,
    channels,
    complete,
    completed,
    completing,
    line,
    opened,
    opening,
    refused,
    seen,
    try_change,
    try_open,
)
from tests.flows.carts.asking import balances, held, set_price, told
from tests.flows.test_place import placed

A, B, C = SKUS[:3]
MINUTE = timedelta(minutes=1)


# Opening and holding.


def test_a_cart_holds_where_the_order_will_leave_from(shop: Database) -> None:
    cart = opened(shop, "c1", (A, 2))
    assert held(shop, A) == {"BER": 2}
    (only,) = cart.lines
    assert (only.held, only.unheld, only.unheld_because) == (2, 0, None)
    assert only.available == 6, "what is left of eight for anybody"
    assert cart.held_until == shop.clock.now() + HOLD_MINUTES * MINUTE
    assert (cart.state, cart.version, cart.country, cart.postal_area) == ("open", 1, "DE", "10")
    opened(shop, "c2", (A, 2), ship_to=MUNICH)
    assert held(shop, A) == {"BER": 2, "MUC": 2}


def test_without_a_destination_it_holds_where_there_is_most(shop: Database) -> None:
    opened(shop, "c1", (A, 2), ship_to=None)
    assert held(shop, A) == {"BER": 2}
    opened(shop, "c2", (A, 2), ship_to=None)
    opened(shop, "c3", (A, 2), ship_to=None)
    assert held(shop, A) == {"BER": 4, "MUC": 2}


def test_what_is_not_held_is_told_line_by_line(shop: Database) -> None:
    cart = opened(shop, "c1", (A, 10), (B, 2), (C, 1))
    told_of = {x.sku: (x.held, x.unheld, x.unheld_because, x.available) for x in cart.lines}
    assert told_of == {
        A: (8, 2, "stock", 0),
        B: (2, 0, None, 0),
        C: (0, 1, "stock", 0),
    }
    assert seen(shop, "c1") == cart
    assert held(shop, A) == {"BER": 5, "MUC": 3}


def test_a_channel_may_hold_nothing(shop: Database) -> None:
    cart = opened(shop, "c1", (A, 2), channel=WEB)
    assert (cart.lines[0].held, cart.lines[0].unheld_because) == (0, "channel")
    assert cart.held_until is None
    unsaid = opened(shop, "c2", (A, 2), channel="telephone")
    assert unsaid.lines[0].unheld_because == "channel"
    assert held(shop, A) == {}
    completed(shop, "c1")


def test_no_cart_holds_more_than_its_channel_lets_it(shop: Database) -> None:
    channels(shop, hold_each_max=3)
    cart = opened(shop, "c1", (A, 8))
    assert (cart.lines[0].held, cart.lines[0].unheld, cart.lines[0].unheld_because) == (
        3,
        5,
        "limit",
    )
    completed(shop, "c1")
    assert {b.available for b in balances(shop, A).values()} == {0}


def test_an_id_is_taken_once(shop: Database) -> None:
    opened(shop, "c1")
    first, second, third = try_open(shop, opening("c1"), opening("c2"), opening("c2"))
    assert refused(first).code is RefusalCode.cart_exists
    assert refused(third).code is RefusalCode.cart_exists
    assert not isinstance(second, Refusal)
    (ours,) = try_open(shop, opening(None))
    assert not isinstance(ours, Refusal) and ours.cart_id.startswith("C-")


BAD = [
    ({"cart_id": "a b"}, RefusalCode.bad_identifier),
    ({"cart_id": "x" * 65}, RefusalCode.bad_identifier),
    ({"cart_id": "-x"}, RefusalCode.bad_identifier),
    ({"channel": ""}, RefusalCode.bad_value),
    ({"channel": "a\x00b"}, RefusalCode.bad_value),
    ({"currency": "EURO"}, RefusalCode.bad_value),
    ({"ship_to": ShipTo("Germany")}, RefusalCode.bad_country),
    ({"ship_to": ShipTo("DE", "1011")}, RefusalCode.bad_postal_code),
    ({"customer_ref": "somebody@example.com"}, RefusalCode.bad_identifier),
    ({"lines": (LineChange(A, -1),)}, RefusalCode.bad_quantity),
    ({"lines": (LineChange(A, 10**10),)}, RefusalCode.bad_quantity),
    ({"lines": (LineChange(A),)}, RefusalCode.missing_value),
    ({"lines": (LineChange(A, 1), LineChange(A, 2))}, RefusalCode.duplicate_value),
    ({"lines": (LineChange("NOPE", 1),)}, RefusalCode.unknown_sku),
    ({"lines": (LineChange("\x00", 1),)}, RefusalCode.bad_identifier),
    ({"lines": (LineChange(A, 1, 5),)}, RefusalCode.price_changed),
    ({"lines": tuple(LineChange(f"S{n}", 1) for n in range(1_001))}, RefusalCode.too_many),
]


def test_bad_carts_are_refused_by_name(shop: Database) -> None:
    for changes, code in BAD:
        (answer,) = try_open(shop, opening(**{"cart_id": "c1", **changes}))
        assert refused(answer).code is code, (changes, answer)


def test_one_bad_cart_does_not_hurt_its_neighbors(shop: Database) -> None:
    good, bad, also = try_open(
        shop, opening("c1", (B, 1)), opening("c2", ("NOPE", 1)), opening("c3", (B, 1))
    )
    assert not isinstance(good, Refusal) and good.lines[0].held == 1
    assert not isinstance(also, Refusal) and also.lines[0].held == 1
    assert isinstance(bad, Refusal)


# Changing.


def test_a_change_holds_what_is_more_and_releases_what_is_less(shop: Database) -> None:
    opened(shop, "c1", (A, 2), (B, 1))
    cart = changed(shop, "c1", (A, 4), (B, 0), (C, 1))
    assert held(shop, A) == {"BER": 4} and held(shop, B) == {}
    assert [(x.sku, x.quantity, x.held) for x in cart.lines] == [(A, 4, 4), (C, 1, 0)]
    assert cart.version == 2
    assert held(shop, A) == {"BER": 4}
    changed(shop, "c1", (A, 1))
    assert held(shop, A) == {"BER": 1}
    assert told(shop, "c1") == ["HoldsReleased", "HoldsReleased"]


def test_a_repeated_change_changes_nothing_more(shop: Database) -> None:
    opened(shop, "c1", (A, 2))
    first = changed(shop, "c1", (A, 3), version=1)
    again = changed(shop, "c1", (A, 3), version=1)
    assert again == first
    other = refused(try_change(shop, "c1", (A, 4), version=1))
    assert other.code is RefusalCode.cart_changed and other.facts == {"version": 2}
    assert changed(shop, "c1", (A, 4), version=2).version == 3


def test_a_line_kept_for_later_holds_nothing_and_is_not_ordered(shop: Database) -> None:
    opened(shop, "c1", (A, 2), (B, 1))
    cart = changed(shop, "c1", lines=(LineChange(A, saved=True),))
    assert line(cart, A).unheld_because == "saved"
    assert cart.items_minor == line(cart, B).unit_price_minor
    assert held(shop, A) == {}
    order = completed(shop, "c1")
    assert order.items_minor == cart.items_minor
    assert line(seen(shop, "c1"), A).saved, "the completed cart still says what was kept"


def test_a_cart_with_nothing_to_order_is_told_so(shop: Database) -> None:
    opened(shop, "c1", lines=())
    (empty,) = complete(shop, completing("c1"))
    assert refused(empty).code is RefusalCode.missing_value
    changed(shop, "c1", lines=(LineChange(A, 1, saved=True),))
    (saved,) = complete(shop, completing("c1"))
    assert refused(saved).code is RefusalCode.missing_value


def test_holds_move_to_where_the_cart_goes(shop: Database) -> None:
    opened(shop, "c1", (A, 2))
    cart = changed(shop, "c1", ship_to=MUNICH)
    assert held(shop, A) == {"MUC": 2}
    assert cart.lines[0].held == 2 and cart.postal_area == "80"
    changed(shop, "c1", ship_to=ShipTo("DE", "10"))
    assert held(shop, A) == {"BER": 2}


def test_the_price_that_was_seen_stays_until_another_one_is_agreed_to(shop: Database) -> None:
    opened(shop, "c1", (A, 1))
    set_price(shop, A, 150)
    cart = changed(shop, "c1", (A, 1), (B, 1))
    assert (line(cart, A).unit_price_minor, line(cart, A).price_minor) == (100, 150)
    stale = refused(try_change(shop, "c1", lines=(LineChange(A, unit_price_minor=100),)))
    assert stale.code is RefusalCode.price_changed
    cart = changed(shop, "c1", lines=(LineChange(A, unit_price_minor=150),))
    assert line(cart, A).unit_price_minor == 150
    assert completed(shop, "c1").items_minor == 150 + 200


# Time.


def test_holds_end_by_themselves_and_the_wish_stays(shop: Database, clock: VirtualClock) -> None:
    opened(shop, "c1", (A, 2))
    clock.sleep(HOLD_MINUTES * 60 - 1)
    expire.expire_holds(shop)
    assert held(shop, A) == {"BER": 2}
    clock.sleep(1)
    expire.expire_holds(shop)
    assert held(shop, A) == {}
    cart = seen(shop, "c1")
    assert (cart.state, cart.held_until, cart.version) == ("open", None, 1)
    assert (cart.lines[0].quantity, cart.lines[0].unheld_because) == (2, "time")
    assert told(shop, "c1") == ["HoldsReleased"]
    assert completed(shop, "c1").parts[0].lines == ((1, 2),)


def test_whoever_comes_back_holds_again(shop: Database, clock: VirtualClock) -> None:
    opened(shop, "c1", (B, 2))
    clock.sleep(HOLD_MINUTES * 60)
    expire.expire_holds(shop)
    opened(shop, "c2", (B, 1))
    cart = changed(shop, "c1")
    assert (cart.lines[0].held, cart.lines[0].unheld_because) == (1, "stock")


def test_changes_prolong_up_to_a_cap(shop: Database, clock: VirtualClock) -> None:
    begun = opened(shop, "c1", (A, 2)).opened_at
    for minutes in (8, 16, 24):
        clock.advance_to(begun + minutes * MINUTE)
        expire.expire_holds(shop)
        until = changed(shop, "c1").held_until
        assert until == min(
            begun + (minutes + HOLD_MINUTES) * MINUTE, begun + HOLD_MINUTES_MAX * MINUTE
        )
    clock.advance_to(begun + HOLD_MINUTES_MAX * MINUTE)
    late = changed(shop, "c1")
    assert (late.held_until, late.lines[0].unheld_because) == (None, "time")
    assert held(shop, A) == {}
    # After it left the stock to others for as long, it may hold again.
    clock.advance_to(begun + 2 * HOLD_MINUTES_MAX * MINUTE - MINUTE)
    assert changed(shop, "c1").held_until is None
    clock.advance_to(begun + 2 * HOLD_MINUTES_MAX * MINUTE)
    assert changed(shop, "c1").lines[0].held == 2


def test_reading_prolongs_nothing(shop: Database, clock: VirtualClock) -> None:
    cart = opened(shop, "c1", (A, 2))
    clock.sleep(300)
    assert seen(shop, "c1").held_until == cart.held_until


def test_a_cart_nobody_touches_expires_and_comes_back(shop: Database, clock: VirtualClock) -> None:
    opened(shop, "c1", (A, 1))
    clock.sleep(30 * 86_400)
    expire.expire_holds(shop)
    expire.expire_carts(shop)
    assert seen(shop, "c1").state == "expired"
    assert told(shop, "c1") == ["HoldsReleased", "CartExpired"]
    assert changed(shop, "c1").state == "open"
    clock.sleep(30 * 86_400)
    expire.expire_holds(shop)
    expire.expire_carts(shop)
    completed(shop, "c1")
    clock.sleep(90 * 86_400)
    expire.expire_carts(shop)
    answer = complete(shop, completing("c1"))
    assert refused(answer[0]).code is RefusalCode.unknown_cart


def test_released_units_fill_what_waits_for_them(shop: Database, clock: VirtualClock) -> None:
    opened(shop, "c1", (B, 2))
    waiting = placed(shop, an_order("late", (B, 1), backorder=True))
    assert waiting.parts[0].state == "backordered"
    clock.sleep(HOLD_MINUTES * 60)
    expire.expire_holds(shop)
    subscriptions.quiet(shop, SUBSCRIPTIONS)
    with shop.transaction(read_only=True) as tx:
        (order,) = orders.read(tx, [waiting.order_id])
    assert order.parts[0].state == "reserved"


# Giving up.


def test_a_cart_that_is_given_up_frees_its_stock(shop: Database) -> None:
    opened(shop, "c1", (A, 2))
    assert refused(abandon(shop, "c1", version=7)).code is RefusalCode.cart_changed
    first = abandon(shop, "c1", version=1)
    assert not isinstance(first, Refusal) and first.state == "abandoned"
    assert held(shop, A) == {}
    assert abandon(shop, "c1", version=1) == first
    assert told(shop, "c1") == ["CartAbandoned", "HoldsReleased"]
    assert refused(try_change(shop, "c1", (A, 1))).code is RefusalCode.wrong_state
    assert refused(complete(shop, completing("c1"))[0]).code is RefusalCode.wrong_state
    assert refused(abandon(shop, "nobody")).code is RefusalCode.unknown_cart
