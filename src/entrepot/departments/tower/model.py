"""Tower values: open parts, what the figures are told, and how they change by it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

SUBSCRIPTION = "tower-figures"
# The node of what waits for stock, and of an order none of whose parts has a node.
NOWHERE = ""
PPM = 1_000_000


class Stage(StrEnum):
    """Where an open part stands; one that awaits payment is in no other stage."""

    awaiting_payment = "awaiting_payment"
    backordered = "backordered"
    reserved = "reserved"
    released = "released"
    picked = "picked"
    packed = "packed"
    shipped = "shipped"


class End(StrEnum):
    """How a part ceased to be open."""

    delivered = "delivered"
    lost = "lost"
    cancelled = "cancelled"


class OpenPart(NamedTuple):
    """A part that has not ended.

    state         its own stage, whether or not its order is paid
    since         when it came into its stage
    first_on      latest date its customer was told first; None = no date yet
    promised_on   latest date its customer was told last
    own_promise   whether that date is the part's own; else it is the whole order's
    arrived_at    when the last of its parcels that arrived did so; None = none yet
    """

    order_id: str
    part_no: int
    state: Stage
    awaits_payment: bool
    node: str
    units: int
    since: datetime
    first_on: date | None
    promised_on: date | None
    own_promise: bool
    arrived_at: datetime | None = None

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return Stage.awaiting_payment if self.awaits_payment else self.state


# What the figures are told. `at` is when it happened.


class PlacedPart(NamedTuple):
    """A part of a new order; without node it waits for stock. It sells for `items_minor`.

    promised_on  counts when no date was told for the whole order
    """

    part_no: int
    node: str
    units: int
    items_minor: int
    promised_on: date | None = None


class OrderPlacedNote(NamedTuple):
    """An order came."""

    at: datetime
    order_id: str
    awaits_payment: bool
    promised_on: date | None
    currency: str
    shipping_minor: int
    parts: tuple[PlacedPart, ...]


class OrderPaidNote(NamedTuple):
    """An order need not wait for its payment any more."""

    at: datetime
    order_id: str


class OrderCancelledNote(NamedTuple):
    """An order was cancelled, with every part that was still open."""

    at: datetime
    order_id: str


class PartMovedNote(NamedTuple):
    """A part took a step. `to` is a Stage or an End."""

    at: datetime
    order_id: str
    part_no: int
    to: str
    node: str


class PartShortNote(NamedTuple):
    """Units of a part were missing at its node; they wait for stock as a part of their own."""

    at: datetime
    order_id: str
    part_no: int
    new_part_no: int
    node: str
    units: int


class PromiseNote(NamedTuple):
    """A customer was told another date; `part_no` 0 = for the whole order."""

    at: datetime
    order_id: str
    part_no: int
    promised_on: date | None


class ParcelArrivedNote(NamedTuple):
    """A parcel of a part arrived at `arrived_at`, as its carrier says."""

    at: datetime
    order_id: str
    part_no: int
    arrived_at: datetime


class StockNote(NamedTuple):
    """Stock of a node changed, other than by parts that left it."""

    at: datetime
    node: str
    on_hand: int
    quarantined: int


class DayNote(NamedTuple):
    """Something to be counted on its day, by the name of a figure of `Day`."""

    at: datetime
    node: str
    figure: str
    number: int


OrderNote = OrderPlacedNote | OrderPaidNote | OrderCancelledNote
PartNote = PartMovedNote | PartShortNote | PromiseNote | ParcelArrivedNote
Note = OrderNote | PartNote | StockNote | DayNote


# Figures


class Counted(NamedTuple):
    """So many parts with so many units; in a change, the difference."""

    parts: int
    units: int


class Day(NamedTuple):
    """What happened on a day at a node; in a change, the difference.

    orders_placed, orders_cancelled  each counted once, at the node of its first part
    backorders_opened, backorders_filled  parts that began and ended to wait for stock
    parts_on_time, parts_late  delivered by the date told last, or after it
    parts_kept  delivered by the date told first
    units_received  that came from suppliers
    units_returned  that customers sent back
    parcels_delayed  news of something that stands between a parcel and its delivery
    """

    orders_placed: int = 0
    orders_cancelled: int = 0
    units_placed: int = 0
    backorders_opened: int = 0
    backorders_filled: int = 0
    parts_shipped: int = 0
    units_shipped: int = 0
    parts_delivered: int = 0
    parts_on_time: int = 0
    parts_late: int = 0
    parts_kept: int = 0
    parts_lost: int = 0
    parts_cancelled: int = 0
    units_received: int = 0
    units_returned: int = 0
    parcels_delayed: int = 0


class Money(NamedTuple):
    """Goods and shipping as sold, in minor units; in a change, the difference.

    Shipping stands at the node of the order's first part.
    """

    items_minor: int = 0
    shipping_minor: int = 0


class Stock(NamedTuple):
    """Units at a node; in a change, the difference."""

    on_hand: int = 0
    quarantined: int = 0


class AsOf(NamedTuple):
    """The instant of the newest fact in the figures; `version` rises when they change."""

    at: datetime
    version: int


class Changes(NamedTuple):
    """What a batch of notes does to the figures.

    stages  by (stage, node, day of entry)
    dues    by (promised date, stage, node)
    days    by (day, node)
    money   by (day, node, currency)
    stock   by node
    kept    open parts as they are after it, new or changed
    ended   (order, part) of those that are open no longer
    as_of   instant of the newest note
    """

    stages: Mapping[tuple[Stage, str, date], Counted]
    dues: Mapping[tuple[date, Stage, str], Counted]
    days: Mapping[tuple[date, str], Day]
    money: Mapping[tuple[date, str, str], Money]
    stock: Mapping[str, Stock]
    kept: tuple[OpenPart, ...]
    ended: tuple[tuple[str, int], ...]
    as_of: datetime
