"""Order values: orders, lines, parts, expectations, events, queues, returns, and their facts."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.words.facts import Fact

WHOLE_ORDER = 0


class OrderState(StrEnum):
    """How far an order as a whole has come."""

    awaiting_payment = "awaiting_payment"
    open = "open"
    completed = "completed"
    cancelled = "cancelled"


class PartState(StrEnum):
    """How far one node's part of an order has come."""

    backordered = "backordered"
    reserved = "reserved"
    released = "released"
    picked = "picked"
    packed = "packed"
    shipped = "shipped"
    delivered = "delivered"
    lost = "lost"
    cancelled = "cancelled"


class CancelReason(StrEnum):
    """Why an order was cancelled; a closed list."""

    customer = "customer"
    payment_timeout = "payment_timeout"
    payment_declined = "payment_declined"
    fraud = "fraud"
    stock = "stock"
    address = "address"
    staff = "staff"
    other = "other"


class Queue(StrEnum):
    """Where an order waits that cannot go on by itself."""

    backorder = "backorder"
    payment = "payment"
    exception = "exception"


QUEUE_OWNERS = {Queue.backorder: "buying", Queue.payment: "care", Queue.exception: "care"}


class Line(NamedTuple):
    """One line of an order. `unit_price_minor` is per each; `price_version` names its source."""

    line_no: int
    sku: str
    quantity_each: int
    unit_price_minor: int
    price_version: str | None = None


class PartLine(NamedTuple):
    """How much of an order line is in a part, and the stock reservation behind it."""

    line_no: int
    quantity_each: int
    reservation_id: UUID | None


class PartHead(NamedTuple):
    """Where a part stands, without its lines."""

    part_no: int
    state: PartState
    node: str | None
    service: str | None
    since: datetime


class Part(NamedTuple):
    """What one node fulfills in one box; without node it is a backorder."""

    part_no: int
    state: PartState
    node: str | None
    service: str | None
    since: datetime
    lines: tuple[PartLine, ...]


class Expectation(NamedTuple):
    """What the customer was told at `at`; `part_no` 0 = the whole order.

    The dates are None while no date can be promised. `probability_ppm` is the probability, in
    parts per million, that it arrives by `latest_date`.
    """

    version: int
    part_no: int
    expected_date: date | None
    latest_date: date | None
    probability_ppm: int | None
    reason: str
    at: datetime


class Event(NamedTuple):
    """Something that happened to an order."""

    at: datetime
    kind: str
    detail: str
    actor: str


class Queued(NamedTuple):
    """An order, or a part of it, that waits for somebody."""

    order_id: str
    queue: Queue
    part_no: int
    owner: str
    reason: str
    since: datetime


class Header(NamedTuple):
    """An order without its lines. Money in minor units of `currency`, cost in mills."""

    order_id: str
    state: OrderState
    channel: str
    person_id: UUID | None
    address_id: UUID | None
    country: str
    postal_area: str
    currency: str
    service: str
    items_minor: int
    shipping_minor: int
    cost_mills: int
    offer_id: str | None
    placed_at: datetime
    payment_due_at: datetime | None
    paid_at: datetime | None
    ended_at: datetime | None
    cancel_reason: str | None
    promise_version: int
    command_id: str
    actor: str


class Order(NamedTuple):
    """A whole order as it stands."""

    header: Header
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    expectations: tuple[Expectation, ...]
    events: tuple[Event, ...]
    queues: tuple[Queued, ...]


class NewOrder(NamedTuple):
    """An order as a flow decided it, ready to be written."""

    header: Header
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    expectations: tuple[Expectation, ...]


class PastOrder(NamedTuple):
    """A sale from before; `content_hash` (32 bytes) tells an equal repeat from other content."""

    order_id: str
    content_hash: bytes
    customer_ref: str | None
    country: str
    currency: str
    placed_at: datetime
    lines: tuple[Line, ...]


class PartMove(NamedTuple):
    """Take a part a step on. `detail` says in words what happened.

    node, service  set where a backordered part got its stock; None keeps what stands there
    """

    order_id: str
    part_no: int
    to_state: PartState
    detail: str
    command_id: str
    actor: str
    node: str | None = None
    service: str | None = None


class Short(NamedTuple):
    """So many of a line in a part are missing: they go on as a part of their own, on backorder.

    reservation_id  of the waiting reservation made for them
    """

    order_id: str
    part_no: int
    line_no: int
    short_each: int
    reservation_id: UUID
    reason: str
    command_id: str
    actor: str


class OpenPart(NamedTuple):
    """A part to be worked on, with what its order says about it."""

    order_id: str
    part: Part
    country: str
    postal_area: str
    placed_at: datetime


# Facts


class OrderedLine(msgspec.Struct, frozen=True):
    """A line as a fact tells it."""

    line_no: int
    sku: str
    quantity_each: int
    unit_price_minor: int


class PlannedPart(msgspec.Struct, frozen=True):
    """A part as a fact tells it; lines are (line number, SKU, each).

    latest_date  promised for this part when its order was placed
    """

    part_no: int
    node: str | None
    service: str | None
    lines: tuple[tuple[int, str, int], ...]
    latest_date: date | None = None


class OrderPlaced(Fact, frozen=True):
    """An order was accepted, with everything reserved or backordered for it."""

    order_id: str
    channel: str
    state: str
    country: str
    postal_area: str
    currency: str
    items_minor: int
    shipping_minor: int
    latest_date: date | None
    lines: tuple[OrderedLine, ...]
    parts: tuple[PlannedPart, ...]


class OrderPaid(Fact, frozen=True):
    """The payment an order waited for was confirmed; it may be fulfilled."""

    order_id: str


class OrderCancelled(Fact, frozen=True):
    """An order was cancelled; `parts` are those whose stock went back."""

    order_id: str
    reason: str
    parts: tuple[PlannedPart, ...]


class OrderCompleted(Fact, frozen=True):
    """Every part of an order has come to its end."""

    order_id: str


class PartMoved(Fact, frozen=True):
    """A part of an order took a step."""

    order_id: str
    part_no: int
    from_state: str
    to_state: str
    node: str | None
    detail: str


class PartShort(Fact, frozen=True):
    """Units of a part were missing; they became a part of their own, on backorder."""

    order_id: str
    part_no: int
    node: str | None
    new_part: PlannedPart
    reason: str


class PromiseChanged(Fact, frozen=True):
    """The customer's expectation has a new version."""

    order_id: str
    promise_version: int
    part_no: int
    latest_date: date | None
    reason: str


class ReturnedLine(msgspec.Struct, frozen=True):
    """A line of a return as facts tell it, each; what is not known yet is 0."""

    line_no: int
    sku: str
    quantity_each: int
    received_each: int
    restocked_each: int
    scrapped_each: int
    refund_minor: int


class ReturnAuthorized(Fact, frozen=True):
    """A customer may send goods back."""

    order_id: str
    return_id: str
    node: str
    reason: str
    currency: str
    refund_minor: int
    lines: tuple[ReturnedLine, ...]


class ReturnReceived(Fact, frozen=True):
    """Goods came back; the refund is for those that came."""

    order_id: str
    return_id: str
    node: str
    currency: str
    refund_minor: int
    lines: tuple[ReturnedLine, ...]


class ReturnGraded(Fact, frozen=True):
    """What came back went back to sale or was scrapped."""

    order_id: str
    return_id: str
    node: str
    lines: tuple[ReturnedLine, ...]


class ReturnClosed(Fact, frozen=True):
    """Nothing more happens to a return; one that never came can be asked for again."""

    order_id: str
    return_id: str
    detail: str


class ChannelRule(msgspec.Struct, frozen=True):
    """How a channel treats carts.

    hold_minutes      how long stock is held after each change of a cart; 0 = nothing is held
    hold_minutes_max  how long one cart may hold in all, however often it is changed
    hold_each_max     most units of one SKU that one cart holds; None = what it wants
    cart_days         days after which an untouched cart expires
    """

    channel: str
    hold_minutes: int = 0
    hold_minutes_max: int = 0
    hold_each_max: int | None = None
    cart_days: int = 30


class ChannelSet(Fact, frozen=True):
    """A channel treats carts so from now on."""

    rule: ChannelRule


class CartedLine(msgspec.Struct, frozen=True):
    """A line of a cart as facts tell it."""

    sku: str
    quantity_each: int
    saved: bool


class ReleasedLine(msgspec.Struct, frozen=True):
    """Units that a cart held at a node and holds no more."""

    sku: str
    node: str
    quantity_each: int


class CartCompleted(Fact, frozen=True):
    """A cart became an order; what it held is reserved for it."""

    cart_id: str
    channel: str
    order_id: str


class CartAbandoned(Fact, frozen=True):
    """A cart was given up by whoever filled it."""

    cart_id: str
    channel: str
    lines: tuple[CartedLine, ...]


class CartExpired(Fact, frozen=True):
    """Nobody touched a cart for as long as its channel waits."""

    cart_id: str
    channel: str
    lines: tuple[CartedLine, ...]


class HoldsReleased(Fact, frozen=True):
    """Units that a cart held are free again.

    reason  expired, changed, or abandoned
    """

    cart_id: str
    reason: str
    lines: tuple[ReleasedLine, ...]
