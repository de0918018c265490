"""Rows of the network's files as the network's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from entrepot.departments.network.model import (
    ANY_DAY,
    ANY_NODE,
    Area,
    Carrier,
    DayShare,
    Footprint,
    Node,
    NodeKind,
    NodeStatus,
    Offering,
    RateStep,
    Retailer,
    Service,
    SpeedClass,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.flows.onboarding.cells import WEEKDAYS, Cells, weekday_of

SERVICE_LEVEL_PPM = 950_000


class RateRow(NamedTuple):
    """One step of the rate card of a service, zone and currency."""

    service_id: str
    zone: int
    currency: str
    step: RateStep


def retailer(cells: Cells) -> Retailer:
    """A row of `retailer`."""
    return Retailer(
        name=cells.text("name"),
        currency=cells.currency("currency"),
        country=cells.country("country"),
        zone=cells.text("time_zone"),
        service_level_ppm=cells.share_ppm("service_level", SERVICE_LEVEL_PPM),
    )


def calendar(cells: Cells, _retailer: Retailer) -> WorkCalendar:
    """A row of `calendars`."""
    mon, tue, wed, thu, fri, sat, sun = (cells.windows(day) for day in WEEKDAYS)
    calendar_id = cells.text("calendar_id")
    return WorkCalendar(
        calendar_id=calendar_id,
        name=cells.given("name") or calendar_id,
        opening=(mon, tue, wed, thu, fri, sat, sun),
        closed_dates=cells.dates("closed_dates"),
    )


def node(cells: Cells, retailer: Retailer) -> Node:
    """A row of `nodes`."""
    country = cells.country("country")
    return Node(
        node_id=cells.text("node_id"),
        name=cells.text("name"),
        kind=cells.choice("kind", NodeKind, NodeKind.fulfillment_center),
        country=country,
        postal_code=cells.postal_code("postal_code", country),
        latitude_microdeg=cells.microdegrees("latitude"),
        longitude_microdeg=cells.microdegrees("longitude"),
        zone=cells.given("time_zone") or retailer.zone,
        calendar_id=cells.text("calendar_id"),
        handling_minutes=cells.whole("handling_minutes"),
        box_cost_mills=cells.amount_mills("box_cost", retailer.currency),
        item_cost_mills=cells.amount_mills("item_cost", retailer.currency),
        orders_per_day=cells.whole_or_none("orders_per_day"),
        gln=cells.gln("gln"),
        status=cells.choice("status", NodeStatus, NodeStatus.open),
    )


def carrier(cells: Cells, _retailer: Retailer) -> Carrier:
    """A row of `carriers`."""
    return Carrier(carrier_id=cells.text("carrier_id"), name=cells.text("name"))


def service(cells: Cells, _retailer: Retailer) -> Service:
    """A row of `services`."""
    return Service(
        service_id=cells.text("service_id"),
        carrier_id=cells.text("carrier_id"),
        name=cells.text("name"),
        speed=cells.choice("speed", SpeedClass),
        cut_off_minute=cells.minute("cut_off"),
        pickup_days=cells.weekdays("pickup_days"),
        delivery_days=cells.weekdays("delivery_days"),
        max_mass_g=cells.whole("max_mass_g"),
        volumetric_divisor=cells.whole_or_none("volumetric_divisor"),
    )


def offering(cells: Cells, _retailer: Retailer) -> Offering:
    """A row of `service_nodes`."""
    return Offering(
        service_id=cells.text("service_id"),
        node_id=_node_or_any(cells),
        cut_off_minute=cells.minute_or_none("cut_off"),
    )


def _node_or_any(cells: Cells) -> str:
    text = cells.text("node_id")
    return ANY_NODE if text.lower() == ANY_NODE else text


def zone_rule(cells: Cells, _retailer: Retailer) -> ZoneRule:
    """A row of `zones`."""
    return ZoneRule(
        node_id=_node_or_any(cells),
        country=cells.country("country"),
        postal_prefix=cells.postal_prefix("postal_prefix"),
        zone=cells.whole("zone"),
    )


def transit(cells: Cells, _retailer: Retailer) -> Transit:
    """A row of `transits`."""
    day = (cells.given("weekday") or ANY_NODE).lower()
    cells.text("distribution")
    shares = (DayShare(days, ppm) for days, ppm in cells.distribution("distribution"))
    return Transit(
        service_id=cells.text("service_id"),
        zone=cells.whole("zone"),
        weekday=ANY_DAY if day == ANY_NODE else weekday_of("weekday", day),
        shares=tuple(share for share in shares if share.ppm),
    )


def rate(cells: Cells, retailer: Retailer) -> RateRow:
    """A row of `rates`."""
    currency = cells.currency("currency", retailer.currency)
    price_minor = cells.amount_minor("price", currency)
    return RateRow(
        service_id=cells.text("service_id"),
        zone=cells.whole("zone"),
        currency=currency,
        step=RateStep(
            up_to_mass_g=cells.whole("up_to_g"),
            price_minor=price_minor,
            cost_minor=cells.amount_minor("cost", currency, price_minor),
        ),
    )


def footprint(cells: Cells, _retailer: Retailer) -> Footprint:
    """A row of `carbon`."""
    return Footprint(
        service_id=cells.text("service_id"),
        zone=cells.whole("zone"),
        co2e_g_per_kg=cells.whole("co2e_g_per_kg"),
        co2e_g_per_box=cells.whole("co2e_g_per_box"),
    )


def area(cells: Cells, _retailer: Retailer) -> Area:
    """A row of `areas`."""
    return Area(
        country=cells.country("country"),
        postal_prefix=cells.postal_prefix("postal_prefix"),
        name=cells.text("name"),
        latitude_microdeg=cells.microdegrees("latitude"),
        longitude_microdeg=cells.microdegrees("longitude"),
        population=cells.whole_or_none("population"),
    )


READERS: dict[str, Callable[[Cells, Retailer], Any]] = {
    "calendars": calendar,
    "nodes": node,
    "carriers": carrier,
    "services": service,
    "service_nodes": offering,
    "zones": zone_rule,
    "transits": transit,
    "rates": rate,
    "carbon": footprint,
    "areas": area,
}
