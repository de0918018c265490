"""The story of one order: what was asked, promised, decided and done, until it is at the door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple

from entrepot.departments.tower.model import PPM
from entrepot.flows.views.story import Moment, Topic, in_order, stock_moved
from entrepot.ground.database import Tx
from entrepot.ground.decisions import decisions_of
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class OrderHead(NamedTuple):
    """An order without its lines; money in minor units of `currency`."""

    order_id: str
    state: str
    channel: str
    country: str
    postal_area: str
    currency: str
    service: str
    items_minor: int
    shipping_minor: int
    placed_at: datetime
    payment_due_at: datetime | None
    paid_at: datetime | None
    ended_at: datetime | None
    cancel_reason: str | None


class LineView(NamedTuple):
    """A line, or what of it is in one part; the part's own state, node and service with it."""

    line_no: int
    sku: str
    name: str | None
    ordered_each: int
    unit_price_minor: int
    part_no: int | None
    part_each: int | None
    part_state: str | None
    node: str | None
    service: str | None
    since: datetime | None


class ParcelView(NamedTuple):
    """A parcel with its carrier."""

    part_no: int
    shipment_no: int
    service: str
    tracking_no: str
    sscc: str
    mass_g: int
    state: str
    latest_date: date | None


class OrderStory(NamedTuple):
    """An order, its lines by part, its parcels, and everything that happened, oldest first."""

    head: OrderHead
    lines: tuple[LineView, ...]
    parcels: tuple[ParcelView, ...]
    moments: tuple[Moment, ...]
    waits: tuple[Moment, ...]


def order_story(tx: Tx, order_id: str) -> OrderStory | None:
    """The whole story of an order; None when there is no such order."""
    rows = tx.rows(Q.order_lines, {"order_id": order_id})
    if not rows:
        return None
    width = len(OrderHead._fields)
    told = [_Told(*row) for row in tx.rows(Q.order_moments, {"order_id": order_id})]
    moved = tx.rows(Q.document_movements, {"document": order_id})
    parcels = tx.rows(Q.order_parcels, {"order_id": order_id})
    decided = [
        Moment(d.at, Topic.decision, d.kind.replace("_", " "), d.reason)
        for d in decisions_of(tx, f"order/{order_id}")
    ]
    happened = [_WORDS[one.topic](one) for one in told if one.topic != Topic.queue]
    news = [_news(row) for row in parcels if row[8] is not None]
    stock = [stock_moved(*row) for row in moved]
    return OrderStory(
        head=OrderHead(*rows[0][:width]),
        lines=tuple(LineView(*row[width:]) for row in rows),
        parcels=tuple(dict.fromkeys(ParcelView(*row[:8]) for row in parcels)),
        moments=in_order([*happened, *decided, *stock, *news]),
        waits=in_order(_waiting(one) for one in told if one.topic == Topic.queue),
    )


class _Told(NamedTuple):
    """A row of order_moments; part_no 0 = the whole order, `nth` only orders the rows."""

    topic: str
    at: datetime
    what: str
    words: str
    actor: str
    part_no: int | None
    version: int | None
    expected_date: date | None
    latest_date: date | None
    probability_ppm: int | None
    nth: str


def _event(told: _Told) -> Moment:
    return Moment(told.at, Topic.order, told.what.replace("_", " "), told.words, told.actor)


def _promise(told: _Told) -> Moment:
    about = f"part {told.part_no}" if told.part_no else "the order"
    date_told = "no date yet"
    if told.latest_date is not None:
        sure = (told.probability_ppm or 0) * 100 / PPM
        date_told = (
            f"by {told.latest_date:%a %d %b %Y} ({sure:.1f} %), expected {told.expected_date:%d %b}"
        )
    what, words = f"version {told.version}", f"{about}: {date_told}; {told.words}"
    return Moment(told.at, Topic.promise, what, words)


_WORDS: dict[str, Callable[[_Told], Moment]] = {Topic.order: _event, Topic.promise: _promise}


def _waiting(told: _Told) -> Moment:
    about = f"part {told.part_no}: " if told.part_no else ""
    return Moment(told.at, Topic.queue, told.what, f"{about}{told.words}", told.actor)


def _news(row: tuple[Any, ...]) -> Moment:
    part_no, shipment_no, *_, at, kind, incident, place = row
    said = [text for text in (place, (incident or "").replace("_", " ")) if text]
    about = f"part {part_no}, parcel {shipment_no}"
    words = ": ".join([about, ", ".join(said)]) if said else about
    return Moment(at, Topic.parcel, kind.replace("_", " "), words)


class PastLine(NamedTuple):
    """A line of a sale from before this system; its order's place and time with it."""

    line_no: int
    sku: str
    name: str | None
    quantity_each: int
    unit_price_minor: int
    currency: str
    country: str
    placed_at: datetime


def past_order(tx: Tx, order_id: str) -> tuple[PastLine, ...]:
    """The lines of an imported sale; none when there is no such sale."""
    return tuple(PastLine(*row) for row in tx.rows(Q.past_lines, {"order_id": order_id}))
