"""Everything the report shows, as one frozen value; the page and the JSON are made from it alone.

A field's last word is its unit: `_each` units of goods, `_minor` minor units of the currency,
`_mills` thousandths of those, `_ppm` parts per million, `_g` grams, `days` days; others count what
they are named after. A share of nothing is None. The same data give the same bytes.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

FORMAT = "entrepot-report/1"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What was played, and how far.

    zone                 IANA name; days are counted in it
    starts_at, ends_at   orders were placed from the first until before the second
    first_day, last_day  on which they were
    reached_at           up to where everything was done
    state                running, draining (what is on its way arrives), ended
    target_ppm           how often a promise is to be kept
    sources              whose data were used, and under which license
    """

    retailer: str
    currency: str
    country: str
    zone: str
    starts_at: datetime
    ends_at: datetime
    first_day: date
    last_day: date
    reached_at: datetime
    state: str
    seed: int
    target_ppm: int
    sources: tuple[str, ...] = ()


class OrderDay(msgspec.Struct, frozen=True):
    """Orders placed on a day, of them cancelled later; units of the others."""

    day: date
    orders: int
    cancelled: int
    units_each: int


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What customers ordered; lines, units and goods are those of orders not cancelled."""

    orders: int
    completed: int
    open: int
    awaiting_payment: int
    cancelled: int
    lines: int
    units_each: int
    goods_minor: int
    days: tuple[OrderDay, ...]


class ParcelDay(msgspec.Struct, frozen=True):
    """Parcels handed over to carriers on a day, and parcels delivered."""

    day: date
    shipped: int
    delivered: int


class LateBy(msgspec.Struct, frozen=True):
    """Parcels delivered so many days after the promised date; negative = early."""

    days: int
    parcels: int


class DoorDays(msgspec.Struct, frozen=True):
    """Orders whose last parcel was delivered so many days after they were placed."""

    days: int
    orders: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that left the house, and their promises.

    delivered     of them `on_time` by the date promised last, `late` after it
    on_the_way    not yet delivered, of them `overdue` after their date
    kept_ppm      on time, of those promised a date that were delivered, lost, returned or overdue
    """

    parcels: int
    delivered: int
    on_time: int
    late: int
    lost: int
    returned: int
    on_the_way: int
    overdue: int
    kept_ppm: int | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What left the house, and how it arrived.

    in_time_ppm  parts handed over by the day of the pickup they were meant for
    orders       of which something left the house, of them `arrived` in full
    as_told_ppm  arrived in full by the date told first, of those whose such date has passed
    door         of those that arrived; half of them in the median, 95 % in the slow days
    """

    parcels: Kept
    in_time_ppm: int | None
    late_by: tuple[LateBy, ...]
    orders: int
    arrived: int
    as_told_ppm: int | None
    door: tuple[DoorDays, ...]
    door_median_days: int | None
    door_slow_days: int | None
    days: tuple[ParcelDay, ...]


class BacklogDay(msgspec.Struct, frozen=True):
    """Parts in the house at the end of a day, in the order of `stages` and of `ages`."""

    day: date
    parts: int
    by_stage: tuple[int, ...]
    by_age: tuple[int, ...]


class Queue(msgspec.Struct, frozen=True):
    """Orders that cannot go on by themselves."""

    queue: str
    owner: str
    reason: str
    orders: int
    oldest_days: int


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of orders that have not left the house.

    stages      part states, in the order of work
    ages        from how many days since the order each class begins; the last one is open
    left_parts  in the house now
    """

    stages: tuple[str, ...]
    ages: tuple[int, ...]
    days: tuple[BacklogDay, ...]
    most_parts: int
    most_on: date | None
    left_parts: int
    queued_orders: int
    queues: tuple[Queue, ...]


class StockDay(msgspec.Struct, frozen=True):
    """Stock at the end of a day, by center in the order of `centers`."""

    day: date
    on_hand_each: tuple[int, ...]
    value_minor: tuple[int, ...]


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """Stock of all centers; valued at the lowest cost agreed with a supplier."""

    on_hand_each: int
    value_minor: int
    days: tuple[StockDay, ...]


class Center(msgspec.Struct, frozen=True, kw_only=True):
    """One node.

    in_time_ppm    parts handed over by the day of the pickup they were meant for
    picked_ppm     units found, of those pickers were asked for
    in_stock_ppm   SKUs it has held of which something is free to be sold
    """

    node: str
    name: str
    latitude_microdeg: int
    longitude_microdeg: int
    units_each: int
    kept: Kept
    in_time_ppm: int | None
    picked_ppm: int | None
    in_stock_ppm: int | None
    on_hand_each: int
    value_minor: int
    box_per_parcel_mills: int | None
    item_per_parcel_mills: int | None
    carriage_per_parcel_mills: int | None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier service; `co2e_g` of parcels whose footprint is stated."""

    service: str
    name: str
    carrier: str
    speed: str
    kept: Kept
    mass_g: int
    carriage_minor: int
    carriage_per_parcel_mills: int | None
    co2e_g: int
    co2e_per_parcel_g: int | None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What it cost to send the orders of which something left the house, and what was paid for it.

    orders  of which something left the house; the `per_order` figures are over them
    """

    box_mills: int
    item_mills: int
    carriage_mills: int
    paid_minor: int
    box_per_order_mills: int | None
    item_per_order_mills: int | None
    carriage_per_order_mills: int | None
    per_order_mills: int | None
    paid_per_order_mills: int | None
    parcels_per_100_orders: int | None


class Carbon(msgspec.Struct, frozen=True, kw_only=True):
    """CO2 equivalent of the parcels; `unstated_parcels` went where no footprint is stated."""

    co2e_g: int
    per_order_g: int | None
    unstated_parcels: int


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where parcels went: a postal area, placed at its center; None = nobody knows where it is."""

    country: str
    area: str
    name: str
    latitude_microdeg: int | None
    longitude_microdeg: int | None
    parcels: int


class Lane(msgspec.Struct, frozen=True):
    """Parcels from a center to a destination, each by its position."""

    center: int
    destination: int
    parcels: int


class Returns(msgspec.Struct, frozen=True, kw_only=True):
    """What customers sent back."""

    returns: int
    graded: int
    received_each: int
    restocked_each: int
    scrapped_each: int
    refund_minor: int


class Purchases(msgspec.Struct, frozen=True, kw_only=True):
    """Orders to suppliers."""

    raised: int
    received: int
    late: int
    ordered_each: int
    received_each: int
    damaged_each: int
    cost_minor: int


class Went(msgspec.Struct, frozen=True):
    """Rows of the history that went one way; `why` in words."""

    what: str
    why: str
    rows: int


class HistoryRows(msgspec.Struct, frozen=True, kw_only=True):
    """Where every row of the history's file went.

    went        sums to `rows`
    not_goods   by stock code, and what it is
    refused     by country's name, and why
    credits     rows that came back: tied to earlier sales whole, in part, or not at all
    sales       invoices that can be orders
    span_sales  invoices within the run's span, those to refused countries too
    """

    rows: int
    invoices: int
    went: tuple[Went, ...]
    not_goods: tuple[Went, ...]
    refused: tuple[Went, ...]
    credits_tied: int
    credits_tied_in_part: int
    credits_untied: int
    sales: int
    refused_sales: int
    span_sales: int


class Counted(msgspec.Struct, frozen=True):
    """A number of something."""

    what: str
    count: int


class Assumed(msgspec.Struct, frozen=True):
    """Something invented about the world, with its value and unit in words."""

    what: str
    value: str


class Audit(msgspec.Struct, frozen=True):
    """The verdict: findings in words, none = all is well; what was looked at."""

    ok: bool
    findings: tuple[str, ...]
    looked_at: tuple[Counted, ...]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report. `world` is what the simulated world did; `assumed` how it was made."""

    settings: Settings
    demand: Demand
    delivery: Delivery
    backlog: Backlog
    stock: Stock
    centers: tuple[Center, ...]
    services: tuple[Service, ...]
    destinations: tuple[Destination, ...]
    lanes: tuple[Lane, ...]
    cost: Cost
    carbon: Carbon
    returns: Returns
    purchases: Purchases
    history: HistoryRows | None
    world: tuple[Counted, ...]
    assumed: tuple[Assumed, ...]
    audit: Audit
    format: str = FORMAT
