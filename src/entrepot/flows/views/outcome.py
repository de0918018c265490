"""What became of the orders of a span of time: demand, parcels, work, queues, returns, purchases.

Every order that was placed in the span counts, and what happened to it later. The statements read
everything once, so they are for reports, not for pages that many look at; best in a read-only
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class Span(NamedTuple):
    """Orders placed from `since` until before `until`, as seen at `at`.

    zone  in which days are counted, IANA name
    """

    since: datetime
    until: datetime
    at: datetime
    zone: str


class OrdersOfDay(NamedTuple):
    """Orders placed on a day, by the state they are in now."""

    day: date
    state: str
    orders: int
    goods_minor: int


class UnitsOfDay(NamedTuple):
    """Lines and units ordered on a day; those of orders that were cancelled do not count."""

    day: date
    lines: int
    units_each: int


class Demand(NamedTuple):
    """What customers ordered, by day."""

    orders: list[OrdersOfDay]
    units: list[UnitsOfDay]


class LaneParcels(NamedTuple):
    """Parcels that left a node by a service for a postal area."""

    node: str
    service: str
    country: str
    postal_area: str
    parcels: int
    mass_g: int
    carriage_minor: int


class PromisedParcels(NamedTuple):
    """Parcels that left a node by a service.

    fate      delivered, lost, returned, on_the_way
    promised  whether the customer was told a date
    passed    whether that date lies in the past
    days      from that date to the delivery: negative = early
    """

    node: str
    service: str
    fate: str
    promised: bool
    passed: bool
    days: int | None
    parcels: int


class ParcelsOfDay(NamedTuple):
    """Parcels handed over, and parcels delivered, on a day."""

    day: date
    shipped: int
    delivered: int


class OrdersByDays(NamedTuple):
    """Orders of which something left the house.

    days        from the order to its last delivery; None = not all has arrived
    as_told     arrived in full by the date their customers were told first; None = that date lies
                ahead, or none was told
    paid_minor  what their customers paid for delivery
    """

    days: int | None
    as_told: bool | None
    orders: int
    paid_minor: int


class Delivery(NamedTuple):
    """What left the house, and how it arrived."""

    lanes: list[LaneParcels]
    promised: list[PromisedParcels]
    days: list[ParcelsOfDay]
    orders: list[OrdersByDays]


class NodeWork(NamedTuple):
    """Work that a node did.

    parts        handed over, of them `in_time` by the day of the pickup they were meant for
    units_each   handed over
    asked_each   of the pickers, of them `short_each` not found
    """

    node: str
    parts: int
    in_time: int
    units_each: int
    asked_each: int
    short_each: int


class Queued(NamedTuple):
    """Orders that cannot go on by themselves."""

    queue: str
    owner: str
    reason: str
    orders: int
    oldest_at: datetime


class Returns(NamedTuple):
    """What customers sent back: returns, and units by what became of them."""

    returns: int
    graded: int
    received_each: int
    restocked_each: int
    scrapped_each: int
    refund_minor: int


class Purchases(NamedTuple):
    """Orders to suppliers: raised, received in full, late; units, and the cost of what came."""

    raised: int
    received: int
    late: int
    ordered_each: int
    received_each: int
    damaged_each: int
    cost_minor: int


def demand(tx: Tx, span: Span) -> Demand:
    """What customers ordered, in order of the days."""
    wanted = {"since": span.since, "until": span.until, "zone": span.zone}
    return Demand(
        [OrdersOfDay(*row) for row in tx.rows(Q.orders_by_day, wanted)],
        [UnitsOfDay(*row) for row in tx.rows(Q.units_by_day, wanted)],
    )


def delivery(tx: Tx, span: Span, zones: Mapping[str, str]) -> Delivery:
    """What left the house, and how it arrived.

    zones  by country, in which promised dates are counted there; else the span's
    """
    wanted = {"since": span.since, "until": span.until}
    zoned = {**wanted, "zone": span.zone}
    there = {**zoned, "countries": list(zones), "zones": list(zones.values()), "at": span.at}
    return Delivery(
        [LaneParcels(*row) for row in tx.rows(Q.parcels_by_lane, wanted)],
        [PromisedParcels(*row) for row in tx.rows(Q.parcels_by_promise, there)],
        [ParcelsOfDay(*row) for row in tx.rows(Q.parcels_by_day, zoned)],
        [OrdersByDays(*row) for row in tx.rows(Q.orders_by_days, there)],
    )


def work(tx: Tx, span: Span) -> list[NodeWork]:
    """What the nodes did since the span began, by node."""
    return [
        NodeWork(*row) for row in tx.rows(Q.work_by_node, {"since": span.since, "zone": span.zone})
    ]


def queues(tx: Tx) -> list[Queued]:
    """What stands in queues now, by queue, owner and reason."""
    return [Queued(*row) for row in tx.rows(Q.queues)]


def returns(tx: Tx, span: Span) -> Returns:
    """What was sent back since the span began."""
    row = tx.row(Q.returns_in_all, {"since": span.since})
    assert row is not None, "an aggregate has one row"
    return Returns(*row)


def purchases(tx: Tx, span: Span) -> Purchases:
    """What was bought since the span began; drafts do not count."""
    row = tx.row(Q.purchases_in_all, {"since": span.since, "at": span.at, "zone": span.zone})
    assert row is not None, "an aggregate has one row"
    return Purchases(*row)
