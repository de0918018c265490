"""A small retailer for tests: three centers, two services, twelve items; sensible defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from entrepot.words.outcome import Refusal

ME = "test"
SIGNING_KEY = b"k" * 32
WEEK = (((8 * 60, 18 * 60),),) * 5 + ((), ())
WORKDAYS = (0, 1, 2, 3, 4)
NODES = ("BER", "MUC", "PAR")
ZONES = {"BER": (1, 2), "MUC": (2, 1), "PAR": (3, 3)}
SKUS = tuple(f"SKU-{number:02d}" for number in range(1, 13))
BERLIN = ShipTo("DE", "10117")
MUNICH = ShipTo("DE", "80331")


def _set(tx: Tx, verb: Any, values: Sequence[Any]) -> None:
    for answer in verb(tx, [Change("set-up", ME, value) for value in values]):
        assert not isinstance(answer, Refusal), answer


def _node(node_id: str, country: str, postal_code: str, zone: str) -> Node:
    return Node(
        node_id=node_id,
        name=node_id,
        kind=NodeKind.fulfillment_center,
        country=country,
        postal_code=postal_code,
        latitude_microdeg=0,
        longitude_microdeg=0,
        zone=zone,
        calendar_id="workdays",
        handling_minutes=120,
        box_cost_mills=50_000,
        item_cost_mills=5_000,
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


def a_network(tx: Tx) -> None:
    """Berlin, Munich and Paris, all of which send to Germany by two services."""
    _set(tx, network.set_retailer, [Retailer("Test", "EUR", "DE", "Europe/Berlin", 950_000)])
    _set(tx, network.set_calendars, [WorkCalendar("workdays", "workdays", WEEK)])
    _set(
        tx,
        network.open_nodes,
        [
            _node("BER", "DE", "10115", "Europe/Berlin"),
            _node("MUC", "DE", "80331", "Europe/Berlin"),
            _node("PAR", "FR", "75001", "Europe/Paris"),
        ],
    )
    _set(tx, network.set_carriers, [Carrier("post", "Post")])
    services = [
        _service("parcel", SpeedClass.standard),
        _service("express", SpeedClass.express),
    ]
    _set(tx, network.set_services, services)
    _set(tx, network.offer_services, [Offering(s.service_id, "any") for s in services])
    rules = [
        ZoneRule(node, "DE", prefix, zone)
        for node, pair in ZONES.items()
        for prefix, zone in zip(("1", "8"), pair, strict=True)
    ]
    _set(tx, network.set_zones, rules)
    for service, days, base in (("parcel", 1, 300), ("express", 0, 900)):
        for zone in (1, 2, 3):
            shares = tuple(
                DayShare(zone + days + late, ppm)
                for late, ppm in enumerate((800_000, 150_000, 50_000))
            )
            _set(tx, network.set_transits, [Transit(service, zone, 7, shares)])
            _set(tx, network.set_rates, [RateCard(service, zone, "EUR", _steps(base, zone))])
            _set(tx, network.set_footprints, [Footprint(service, zone, 100 * zone, 50)])


def _steps(base: int, zone: int) -> tuple[RateStep, ...]:
    return tuple(
        RateStep(up_to, base * times + 100 * zone, base * times + 80 * zone)
        for up_to, times in ((2_000, 1), (10_000, 2), (31_500, 4))
    )


def an_item(sku: str, *, backorderable: bool = True) -> Item:
    """An item of half a kilogram."""
    return Item(sku, sku, "Test", 500, 100, 100, 100, backorderable=backorderable)


def a_catalog(tx: Tx, skus: Sequence[str] = SKUS) -> None:
    """Items of half a kilogram, each a Euro dearer than the one before."""
    for answer in catalog.register(tx, [ItemChange("set-up", ME, an_item(s)) for s in skus]):
        assert not isinstance(answer, Refusal), answer
    for priced in pricing.set_prices(
        tx,
        [
            SetPrice("set-up", ME, PriceEntry(s, "EUR", 100 * number))
            for number, s in enumerate(skus, start=1)
        ],
    ):
        assert not isinstance(priced, Refusal), priced


def stocked(tx: Tx, each: Mapping[tuple[str, str], int]) -> None:
    """Opening stock: (SKU, node) -> each."""
    for answer in inventory.record_opening(
        tx,
        [OpeningStock(f"open-{s}-{n}", ME, s, n, quantity) for (s, n), quantity in each.items()],
    ):
        assert not isinstance(answer, Refusal), answer


def a_retailer(database: Database, each: Mapping[tuple[str, str], int] | None = None) -> None:
    """Network, catalog and stock in one go; by default 100 of every SKU at every node."""

    def work(tx: Tx) -> None:
        a_network(tx)
        a_catalog(tx)
        stocked(tx, each if each is not None else {(s, n): 100 for s in SKUS for n in NODES})

    database.run(work)


def an_order(command_id: str, *lines: tuple[str, int], **changes: Any) -> PlaceOrder:
    """A command to place an order for (SKU, each) lines to Berlin."""
    wanted: dict[str, Any] = {
        "command_id": command_id,
        "actor": ME,
        "lines": tuple(AskedLine(sku, each) for sku, each in lines or ((SKUS[0], 1),)),
        "ship_to": BERLIN,
        "currency": "EUR",
    }
    return PlaceOrder(**{**wanted, **changes})
