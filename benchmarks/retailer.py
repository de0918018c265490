"""The retailer of the benchmarks: ten centers in one country, two services, items as many as asked.

Every item lies at six of the ten centers, so that orders of several lines need one box or more.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Item, ItemChange
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import OpeningStock
from entrepot.departments.network import service as network
from entrepot.departments.network.model import (
    Carrier,
    Change,
    DayShare,
    Footprint,
    Node,
    NodeKind,
    Offering,
    RateCard,
    RateStep,
    Retailer,
    Service,
    SpeedClass,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceEntry, SetPrice
from entrepot.flows.order_to_delivery.model import AskedLine, PlaceOrder, ShipTo
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import drain
from entrepot.words.outcome import Refusal

ME = "benchmark"
NODES = tuple(f"DC-{number}" for number in range(10))
COUNTRY, CURRENCY, ZONE = "DE", "EUR", "Europe/Berlin"
UNITS = 1_000_000
LINES = (1, 2, 3, 4, 5)
LINES_WEIGHTS = (50, 22, 14, 8, 6)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
WORKDAYS = (0, 1, 2, 3, 4)
WEEK = (((8 * 60, 18 * 60),),) * 5 + ((), ())
STEPS = ((2_000, 1), (10_000, 2), (31_500, 4))

_GOODS = """
WITH goods AS (
    SELECT sku, item - 1 AS item FROM unnest(%(skus)s::text[]) WITH ORDINALITY AS g (sku, item)
), items AS (
    INSERT INTO catalog.item (sku, name, category, mass_g, length_mm, width_mm, height_mm,
                              handling, backorderable, status)
    SELECT sku, 'Item ' || item, 'Benchmark', 200 + item %% 1800, 100 + item %% 200, 100, 50,
           'standard', false, 'active'
      FROM goods
)
INSERT INTO pricing.price (sku, price_list, currency, valid_from, revision, version_id,
                           amount_minor, set_at, command_id, actor)
SELECT sku, 'standard', %(currency)s, '1970-01-01T00:00:00Z', 1, md5(sku)::uuid,
       500 + item %% 9500, '2026-01-01T00:00:00Z', 'opening', 'benchmark'
  FROM goods
"""

_STOCK = """
WITH placed AS (
    SELECT s.sku, n.node
      FROM unnest(%(skus)s::text[]) WITH ORDINALITY AS s (sku, item)
     CROSS JOIN unnest(%(nodes)s::text[]) WITH ORDINALITY AS n (node, place)
     WHERE (s.item * 7 + n.place * 3) %% 10 < 6
), booked AS (
    INSERT INTO inventory.stock (sku, node, on_hand)
    SELECT sku, node, %(units)s FROM placed
), opened AS (
    INSERT INTO inventory.opened (sku, node, quantity_each)
    SELECT sku, node, %(units)s FROM placed
)
INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT sku, lpad(to_hex(row_number() OVER ()), 32, '0')::uuid, node, 'opening', 'free', %(units)s,
       'opening', 'opening', '2026-01-01T00:00:00Z', 'opening', 'benchmark'
  FROM placed
"""

_SETTLE = (
    "VACUUM (ANALYZE) inventory.stock, inventory.movement, catalog.item, pricing.price, events.log"
)


def skus(count: int) -> tuple[str, ...]:
    """The names of so many items."""
    return tuple(f"SKU-{number:05d}" for number in range(count))


SKUS = skus(10_000)


def nodes_of(item: int) -> tuple[str, ...]:
    """The centers where an item lies, by its number in SKUS."""
    return tuple(
        node for place, node in enumerate(NODES, start=1) if ((item + 1) * 7 + place * 3) % 10 < 6
    )


def fill(url: str, size: int = len(SKUS)) -> None:
    """Write the retailer into a migrated database.

    size  items; their rows are written as they stand, without the verbs: a hundred thousand in
          seconds
    """
    with Database(url, name="benchmark-fill") as database:
        database.run(_network)
        drain(database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET statement_timeout = 0")
        goods = list(skus(size))
        connection.execute(_GOODS, {"skus": goods, "currency": CURRENCY})
        connection.execute(_STOCK, {"skus": goods, "nodes": list(NODES), "units": UNITS})
        # Only what is filled: empty tables that were vacuumed are planned for as if they stayed so.
        connection.execute(_SETTLE)


def add_item(url: str, sku: str, node: str, units: int) -> None:
    """One more item, by the verbs, so many of it at one center alone: what a sale is about."""

    def work(tx: Tx) -> None:
        item = Item(sku, sku, "Benchmark", 300, 150, 100, 50)
        _accepted(catalog.register(tx, [ItemChange(f"item-{sku}", ME, item)]))
        entry = PriceEntry(sku, CURRENCY, 1_999)
        _accepted(pricing.set_prices(tx, [SetPrice(f"price-{sku}", ME, entry)]))
        stock = OpeningStock(f"stock-{sku}", ME, sku, node, units)
        _accepted(inventory.record_opening(tx, [stock]))

    with Database(url, connections_max=1, name="benchmark-fill") as database:
        database.run(work)
        drain(database)


def _accepted(answers: Sequence[object]) -> None:
    refused = [a for a in answers if isinstance(a, Refusal)]
    assert not refused, refused[0]


def _set(tx: Tx, verb: Any, values: Sequence[Any]) -> None:
    _accepted(verb(tx, [Change("set-up", ME, value) for value in values]))


def _network(tx: Tx) -> None:
    _set(tx, network.set_retailer, [Retailer("Benchmark", CURRENCY, COUNTRY, ZONE, 950_000)])
    _set(tx, network.set_calendars, [WorkCalendar("workdays", "workdays", WEEK)])
    _set(tx, network.open_nodes, [_node(place) for place in range(len(NODES))])
    _set(tx, network.set_carriers, [Carrier("post", "Post")])
    services = [_service("parcel", SpeedClass.standard), _service("express", SpeedClass.express)]
    _set(tx, network.set_services, services)
    _set(tx, network.offer_services, [Offering(s.service_id, "any") for s in services])
    rules = [
        ZoneRule(node, COUNTRY, str(prefix), 1 + min(2, (abs(prefix - place) + 1) // 2))
        for place, node in enumerate(NODES)
        for prefix in range(10)
    ]
    _set(tx, network.set_zones, rules)
    for service, days, base in (("parcel", 1, 300), ("express", 0, 900)):
        for zone in (1, 2, 3):
            parts = enumerate((800_000, 150_000, 50_000))
            shares = tuple(DayShare(zone + days + late, ppm) for late, ppm in parts)
            _set(tx, network.set_transits, [Transit(service, zone, 7, shares)])
            steps = tuple(
                RateStep(up_to, base * times + 100 * zone, base * times + 80 * zone)
                for up_to, times in STEPS
            )
            _set(tx, network.set_rates, [RateCard(service, zone, CURRENCY, steps)])
            _set(tx, network.set_footprints, [Footprint(service, zone, 100 * zone, 50)])


def _node(place: int) -> Node:
    return Node(
        node_id=NODES[place],
        name=NODES[place],
        kind=NodeKind.fulfillment_center,
        country=COUNTRY,
        postal_code=f"{place}0115",
        latitude_microdeg=0,
        longitude_microdeg=0,
        zone=ZONE,
        calendar_id="workdays",
        handling_minutes=120,
        box_cost_mills=50_000,
        item_cost_mills=5_000 + 100 * place,
    )


def _service(service_id: str, speed: SpeedClass) -> Service:
    return Service(
        service_id=service_id,
        carrier_id="post",
        name=service_id,
        speed=speed,
        cut_off_minute=17 * 60,
        pickup_days=WORKDAYS,
        delivery_days=(*WORKDAYS, 5),
        max_mass_g=31_500,
    )


def orders(
    count: int,
    seed: int,
    *,
    goods: Sequence[str] = SKUS,
    weights: Sequence[int] = LINES_WEIGHTS,
) -> list[PlaceOrder]:
    """Commands to place orders of one to five lines to all parts of the country.

    weights  how often an order has one line, two, and so on up to five
    """
    chance = random.Random(seed)
    return [
        PlaceOrder(
            command_id=f"{ME}:{seed}-{number}",
            actor=ME,
            lines=tuple(
                AskedLine(sku, 1 if chance.random() < 0.8 else 2)
                for sku in chance.sample(goods, chance.choices(LINES, weights)[0])
            ),
            ship_to=ShipTo(COUNTRY, f"{chance.randrange(10)}{chance.randrange(1_000, 9_999)}"),
            currency=CURRENCY,
        )
        for number in range(count)
    ]
