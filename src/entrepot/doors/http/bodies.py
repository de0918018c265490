"""Request and answer bodies of the API; values only.

Money is in minor units of `currency`, quantities are whole pieces, times are RFC 3339 in UTC.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from entrepot.flows.order_to_delivery.model import AskedLine, PlaceOrder, Recipient, ShipTo


class QuoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask how, when and for what price something can be delivered."""

    lines: list[AskedLine]
    ship_to: ShipTo
    currency: str


class OrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Place an order. Either `offer` (a token of a quote) or `service` says how it is delivered."""

    lines: list[AskedLine]
    ship_to: ShipTo
    currency: str
    order_id: str | None = None
    channel: str = "web"
    offer: str | None = None
    service: str = "cheapest"
    customer_ref: str | None = None
    recipient: Recipient | None = None
    backorder: bool = False
    payment_minutes: int | None = None


def place_command(body: OrderBody, command_id: str, actor: str) -> PlaceOrder:
    """The command to place what a body asks for."""
    return PlaceOrder(
        command_id=command_id,
        actor=actor,
        lines=tuple(body.lines),
        ship_to=body.ship_to,
        currency=body.currency,
        order_id=body.order_id,
        channel=body.channel,
        offer=body.offer,
        service=body.service,
        customer_ref=body.customer_ref,
        recipient=body.recipient,
        backorder=body.backorder,
        payment_minutes=body.payment_minutes,
    )


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the order is cancelled.

    reason  customer, payment_declined, payment_timeout, fraud, stock, address, staff or other
    """

    reason: str


class AdjustmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correct free stock. `change` is signed; `reason` says why: damaged, lost, found, ..."""

    sku: str
    node: str
    change: int
    reason: str
    document: str = ""


class StockView(msgspec.Struct, frozen=True):
    """Stock of one SKU at one node, each."""

    sku: str
    node: str
    on_hand: int
    held: int
    reserved: int
    allocated: int
    quarantined: int
    available: int


class AvailableStep(msgspec.Struct, frozen=True):
    """From this time on so many may be promised."""

    since: datetime
    available: int


class SkuView(msgspec.Struct, frozen=True):
    """Stock of one SKU everywhere, and what is available to promise, now and by date."""

    sku: str
    as_of: datetime
    available: int
    nodes: list[StockView]
    available_by_date: list[AvailableStep]


class StockPage(msgspec.Struct, frozen=True):
    """A page of balances; `next` continues it, None at the end."""

    as_of: datetime
    stock: list[StockView]
    next: str | None


class OrderLineView(msgspec.Struct, frozen=True):
    """A line as ordered."""

    line_no: int
    sku: str
    quantity: int
    unit_price_minor: int


class OrderPartView(msgspec.Struct, frozen=True):
    """What one node fulfills; lines are (line number, each)."""

    part_no: int
    state: str
    node: str | None
    service: str | None
    since: datetime
    lines: list[tuple[int, int]]


class PromiseView(msgspec.Struct, frozen=True):
    """A version of what the customer was told; part 0 is the whole order."""

    version: int
    part_no: int
    expected_date: date | None
    latest_date: date | None
    probability_ppm: int | None
    reason: str
    at: datetime


class EventView(msgspec.Struct, frozen=True):
    """Something that happened."""

    at: datetime
    kind: str
    detail: str
    actor: str


class QueueView(msgspec.Struct, frozen=True):
    """Why and since when the order waits, and who has to act."""

    queue: str
    part_no: int
    owner: str
    reason: str
    since: datetime


class OrderView(msgspec.Struct, frozen=True):
    """A whole order as it stands."""

    order_id: str
    state: str
    channel: str
    country: str
    postal_area: str
    currency: str
    items_minor: int
    shipping_minor: int
    total_minor: int
    service: str
    placed_at: datetime
    payment_due_at: datetime | None
    paid_at: datetime | None
    ended_at: datetime | None
    cancel_reason: str | None
    lines: list[OrderLineView]
    parts: list[OrderPartView]
    promises: list[PromiseView]
    events: list[EventView]
    waits: list[QueueView]


class OrderSummary(msgspec.Struct, frozen=True):
    """An order in a list."""

    order_id: str
    state: str
    channel: str
    country: str
    currency: str
    total_minor: int
    placed_at: datetime


class OrderPage(msgspec.Struct, frozen=True):
    """A page of orders, newest first; `next` continues it, None at the end."""

    orders: list[OrderSummary]
    next: str | None


class CancelledView(msgspec.Struct, frozen=True):
    """The order is cancelled and its stock is free again."""

    order_id: str
    state: str
    reason: str


class HealthView(msgspec.Struct, frozen=True):
    """Whether the process lives, and whether it can take orders."""

    status: str
    checks: dict[str, str] = {}
