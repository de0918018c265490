"""Quoting and placing through every room, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import ItemChange, Retire
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment
from entrepot.departments.ordering import service as ordering
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceEntry, SetPrice
from entrepot.flows import reactions
from entrepot.flows.order_to_delivery.model import (
    Ask,
    AskedLine,
    Placed,
    PlaceOrder,
    Quoted,
    ShipTo,
)
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground import decisions, events
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import BERLIN, ME, SIGNING_KEY, SKUS, a_retailer, an_item, an_order

TUESDAY_9 = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)  # 09:00 in Berlin


def place(database: Database, *orders: PlaceOrder) -> list[Placed | Refusal]:
    return database.run(lambda tx: place_orders(tx, orders, signing_keys=[SIGNING_KEY]))


def placed(database: Database, order: PlaceOrder) -> Placed:
    (answer,) = place(database, order)
    assert isinstance(answer, Placed), answer
    return answer


def refused(database: Database, order: PlaceOrder) -> Refusal:
    (answer,) = place(database, order)
    assert isinstance(answer, Refusal), answer
    return answer


def quoted(database: Database, *lines: tuple[str, int], ship_to: ShipTo = BERLIN) -> Quoted:
    ask = Ask(tuple(AskedLine(s, q) for s, q in lines), ship_to, "EUR")
    with database.transaction(read_only=True) as tx:
        (answer,) = quote(tx, [ask], SIGNING_KEY)
    assert isinstance(answer, Quoted), answer
    return answer


def assert_sound(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        assert inventory.audit(tx)[0] == []
        assert ordering.audit(tx)[0] == []


def test_options_trade_date_for_price(database_on: Callable[[Clock], Database]) -> None:
    database = database_on(VirtualClock(TUESDAY_9, seed=1))
    a_retailer(database)
    found = quoted(database, (SKUS[0], 1))
    dates = [o.latest_date for o in found.options]
    prices = [o.shipping_minor for o in found.options]
    assert dates == sorted(dates) and prices == sorted(prices, reverse=True)
    assert len(found.options) == 2
    # Express from Berlin: ready 11:00, picked up 17:00 on Tuesday; one day 80 %, two 95 %.
    assert found.options[0].latest_date.isoformat() == "2026-03-12"
    assert found.options[0].expected_date.isoformat() == "2026-03-11"
    assert found.options[0].probability_ppm == 950_000
    assert found.options[0].shipping_minor == 900 + 100
    assert found.options[1].shipping_minor == 300 + 100
    assert {o.service for o in found.options} == {"express", "parcel"}
    assert found.cheapest == "parcel" and found.fastest == "express"


def test_an_offer_is_kept(database: Database) -> None:
    a_retailer(database)
    option = quoted(database, (SKUS[0], 2), (SKUS[1], 1)).options[-1]
    answer = placed(database, an_order("c", (SKUS[0], 2), (SKUS[1], 1), offer=option.offer))
    assert answer.latest_date == option.latest_date
    assert answer.total_minor == option.total_minor == 2 * 100 + 200 + option.shipping_minor
    assert_sound(database)


def test_an_offer_keeps_its_prices(database: Database) -> None:
    a_retailer(database)
    option = quoted(database, (SKUS[0], 1)).options[0]
    dearer = PriceEntry(SKUS[0], "EUR", 999, valid_from=database.clock.now())
    database.run(lambda tx: pricing.set_prices(tx, [SetPrice("c", ME, dearer)]))
    answer = placed(database, an_order("kept", (SKUS[0], 1), offer=option.offer))
    assert answer.items_minor == option.items_minor == 100
    assert placed(database, an_order("new", (SKUS[0], 1))).items_minor == 999


def test_an_expired_or_forged_offer_is_refused(
    database_on: Callable[[Clock], Database],
) -> None:
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    a_retailer(database)
    offer = quoted(database, (SKUS[0], 1)).options[0].offer
    forged = offer[:-1] + ("A" if offer[-1] != "A" else "B")
    assert refused(database, an_order("a", offer=forged)).code is RefusalCode.offer_invalid
    other = an_order("b", (SKUS[1], 1), offer=offer)
    assert refused(database, other).code is RefusalCode.offer_mismatch
    elsewhere = an_order("d", offer=offer, ship_to=ShipTo("DE", "80331"))
    assert refused(database, elsewhere).code is RefusalCode.offer_mismatch
    clock.sleep(31 * 60)
    assert refused(database, an_order("c", offer=offer)).code is RefusalCode.offer_expired


def test_an_offer_is_sourced_again_when_its_stock_went(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 1, (SKUS[0], "MUC"): 5})
    option = quoted(database, (SKUS[0], 1)).options[-1]
    assert option.boxes[0].node == "BER"
    first = placed(database, an_order("first", (SKUS[0], 1)))
    assert first.parts[0].node == "BER"
    second = place(database, an_order("second", (SKUS[0], 1), offer=option.offer))[0]
    if isinstance(second, Refusal):
        assert second.code is RefusalCode.not_deliverable
    else:
        assert second.parts[0].node == "MUC"
        assert second.latest_date == option.latest_date
        assert second.shipping_minor == option.shipping_minor
    assert_sound(database)


def test_repeating_a_key_changes_nothing(database: Database) -> None:
    a_retailer(database)
    first = placed(database, an_order("same", (SKUS[0], 3)))
    assert placed(database, an_order("same", (SKUS[0], 3))) == first
    other = refused(database, an_order("same", (SKUS[0], 4)))
    assert other.code is RefusalCode.key_reused
    with database.transaction() as tx:
        assert len(ordering.find(tx)) == 1
    assert_sound(database)


def test_the_same_key_twice_in_one_batch(database: Database) -> None:
    a_retailer(database)
    order = an_order("k", (SKUS[0], 1))
    again = msgspec.structs.replace(order)
    other = an_order("k", (SKUS[0], 2))
    answers = place(database, order, again, other)
    assert answers[0] == answers[1]
    assert isinstance(answers[2], Refusal) and answers[2].code is RefusalCode.key_reused


def test_an_order_id_is_taken_once(database: Database) -> None:
    a_retailer(database)
    assert placed(database, an_order("a", order_id="INV-1")).order_id == "INV-1"
    assert refused(database, an_order("b", order_id="INV-1")).code is RefusalCode.order_exists
    both = place(database, an_order("c", order_id="INV-2"), an_order("d", order_id="INV-2"))
    assert isinstance(both[0], Placed) and isinstance(both[1], Refusal)


@pytest.mark.parametrize(
    ("changes", "lines", "code", "field"),
    [
        ({}, (("NOPE", 1),), RefusalCode.unknown_sku, "lines[1].sku"),
        ({}, ((SKUS[0], 0),), RefusalCode.bad_quantity, "lines[1].quantity"),
        ({}, ((SKUS[0], -1),), RefusalCode.bad_quantity, "lines[1].quantity"),
        ({}, ((SKUS[0], 10**12),), RefusalCode.bad_quantity, "lines[1].quantity"),
        ({}, ((SKUS[0], 301),), RefusalCode.not_enough_stock, "quantity_each"),
        ({"currency": "XXZ"}, (), RefusalCode.bad_value, "currency"),
        ({"currency": "USD"}, (), RefusalCode.no_price, "lines[1].sku"),
        ({"ship_to": ShipTo("Germany", "1")}, (), RefusalCode.bad_country, "ship_to.country"),
        ({"ship_to": ShipTo("JP", "100-0001")}, (), RefusalCode.not_deliverable, "ship_to"),
        ({"service": "teleport"}, (), RefusalCode.unknown_service, "service"),
        ({"order_id": "a b"}, (), RefusalCode.bad_identifier, "order_id"),
        ({"order_id": "x" * 65}, (), RefusalCode.bad_identifier, "order_id"),
        ({"payment_minutes": 0}, (), RefusalCode.bad_value, "payment_minutes"),
        ({"channel": ""}, (), RefusalCode.bad_value, "channel"),
        ({"lines": ()}, (), RefusalCode.missing_value, "lines"),
    ],
)
def test_bad_orders_are_refused_by_name(
    database: Database,
    changes: dict[str, object],
    lines: tuple[tuple[str, int], ...],
    code: RefusalCode,
    field: str | None,
) -> None:
    a_retailer(database)
    good = an_order("good", (SKUS[1], 1))
    bad, fine = place(database, an_order("bad", *lines, **changes), good)
    assert isinstance(bad, Refusal) and (bad.code, bad.field) == (code, field), bad
    assert isinstance(fine, Placed), "one bad order never hurts its neighbors"
    assert refused(database, an_order("bad", *lines, **changes)).code is code
    assert_sound(database)


def test_a_changed_price_is_told(database: Database) -> None:
    a_retailer(database)
    order = an_order("a", lines=(AskedLine(SKUS[0], 1, unit_price_minor=99),))
    assert refused(database, order).code is RefusalCode.price_changed
    placed(database, an_order("b", lines=(AskedLine(SKUS[0], 1, unit_price_minor=100),)))


def test_a_retired_item_is_not_sold(database: Database) -> None:
    a_retailer(database)
    database.run(lambda tx: catalog.retire(tx, [Retire("r", ME, SKUS[0])]))
    assert refused(database, an_order("a")).code is RefusalCode.not_orderable


def test_not_every_item_is_sold_on_backorder(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 1})
    only = ItemChange("c", ME, an_item(SKUS[0], backorderable=False))
    database.run(lambda tx: catalog.register(tx, [only]))
    no = refused(database, an_order("a", (SKUS[0], 2), backorder=True))
    assert (no.code, no.field) == (RefusalCode.not_enough_stock, "backorder")
    placed(database, an_order("b", (SKUS[0], 1), (SKUS[1], 1), backorder=True))
    assert_sound(database)


def test_equal_lines_stay_separate_lines(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 3, (SKUS[0], "MUC"): 2})
    answer = placed(database, an_order("a", (SKUS[0], 2), (SKUS[0], 2), (SKUS[0], 1)))
    units = sorted(line for part in answer.parts for line in part.lines)
    assert sum(each for _, each in units) == 5
    assert {no for no, _ in units} == {1, 2, 3}
    assert_sound(database)


def test_a_batch_competes_for_stock_in_order(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 5})
    answers = place(database, *[an_order(f"c{n}", (SKUS[0], 2)) for n in range(4)])
    assert [isinstance(a, Placed) for a in answers] == [True, True, False, False]
    assert_sound(database)


def test_threads_sell_exactly_the_stock(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 25, (SKUS[0], "MUC"): 10})

    def buy(number: int) -> bool:
        return isinstance(place(database, an_order(f"buyer-{number}", (SKUS[0], 1)))[0], Placed)

    with ThreadPoolExecutor(12) as pool:
        sold = sum(pool.map(buy, range(60)))
    assert sold == 35
    assert_sound(database)


def test_every_sourcing_decision_replays(database: Database) -> None:
    a_retailer(database)
    for number in range(5):
        placed(database, an_order(f"o{number}", (SKUS[number], 1), (SKUS[number + 1], 2)))
    with database.transaction(read_only=True) as tx:
        recorded = list(decisions.decisions_since(tx, tx.now - timedelta(hours=1)))
    assert len(recorded) == 5
    assert all(d.reason for d in recorded)
    assert [decisions.replay(d, reactions.REPLAYS) for d in recorded] == [None] * 5
    broken = recorded[0]._replace(outcome=recorded[0].outcome[:-1] + b"\x00")
    assert decisions.replay(broken, reactions.REPLAYS) is not None


def test_an_order_is_one_fact(database: Database) -> None:
    a_retailer(database)
    answer = placed(database, an_order("a", (SKUS[0], 1), (SKUS[1], 1)))
    events.drain(database)
    with database.transaction() as tx:
        told = events.facts_of(tx, f"order/{answer.order_id}")
    assert [fact[1] for fact in told] == ["OrderPlaced"]


def test_stock_that_went_between_reading_and_writing_is_decided_afresh(
    database: Database,
) -> None:
    """The guard refuses what the decision believed; the retry decides over fresh facts."""
    a_retailer(database, {(SKUS[0], "BER"): 1, (SKUS[0], "MUC"): 1})
    thief = Adjustment("steal", ME, SKUS[0], "BER", -1, "theft")
    tried = []

    def work(tx):  # type: ignore[no-untyped-def]
        if not tried:
            tried.append(True)
            # Seen by the order's reads as still there, gone before its write.
            original = inventory.free_stock

            def reading(inner, skus, nodes):  # type: ignore[no-untyped-def]
                found = original(inner, skus, nodes)
                database.run(lambda other: inventory.adjust(other, [thief]))
                return found

            inventory.free_stock = reading
            try:
                return place_orders(tx, [an_order("o")], signing_keys=[SIGNING_KEY])
            finally:
                inventory.free_stock = original
        return place_orders(tx, [an_order("o")], signing_keys=[SIGNING_KEY])

    (answer,) = database.run(work)
    assert isinstance(answer, Placed)
    assert answer.parts[0].node == "MUC"
    assert_sound(database)
