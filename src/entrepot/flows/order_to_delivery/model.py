"""What the order corridor is asked and answers; values only.

Requests come from a door already typed; their business content is checked by `check.py`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

LINES_MAX = 1_000
ORDER_ID_CHARACTERS_MAX = 64
CHANNEL_CHARACTERS_MAX = 40
PAYMENT_MINUTES_MAX = 60 * 24 * 30


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line as the customer asks for it.

    quantity          each
    unit_price_minor  the price the customer saw, per each; checked against the price in force
    """

    sku: str
    quantity: int
    unit_price_minor: int | None = None


class ShipTo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it goes. `postal_code` may be empty where a country has none."""

    country: str
    postal_code: str = ""


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Personal data of the person who receives; kept encrypted, never in facts or logs."""

    name: str
    street: str
    city: str
    email: str | None = None
    phone: str | None = None


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a quote is asked for; `at` is when, None = now."""

    lines: tuple[AskedLine, ...]
    ship_to: ShipTo
    currency: str
    at: datetime | None = None


class OptionBox(msgspec.Struct, frozen=True):
    """One box of an option: which node ships which lines (line number, each)."""

    node: str
    service: str
    lines: tuple[tuple[int, int], ...]


class QuotedOption(msgspec.Struct, frozen=True):
    """One way to have it delivered: a date, its probability, a price, and a token to order it by.

    probability_ppm  that everything has arrived by `latest_date`, parts per million
    """

    service: str
    expected_date: date
    latest_date: date
    probability_ppm: int
    currency: str
    items_minor: int
    shipping_minor: int
    total_minor: int
    grams_co2e: int
    boxes: tuple[OptionBox, ...]
    offer: str
    expires_at: datetime


class Quoted(msgspec.Struct, frozen=True):
    """The options worth offering, the cheapest first; `backorder` = lines without stock now."""

    options: tuple[QuotedOption, ...]
    cheapest: str
    fastest: str


class PlaceOrder(msgspec.Struct, frozen=True):
    """The command to place one order.

    command_id       scoped by the actor; repeating it gives the first answer
    order_id         the shop's own number, or None for one of ours
    offer            a token of a quote; None = choose by `service`
    service          `cheapest`, `fastest` or a service id; used when there is no offer
    customer_ref     the shop's own id of the customer
    backorder        accept what has no stock now and deliver it later
    payment_minutes  how long to wait for a payment; None = nothing to wait for
    """

    command_id: str
    actor: str
    lines: tuple[AskedLine, ...]
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
    placed_at: datetime | None = None


class PlacedPart(msgspec.Struct, frozen=True):
    """One part of a placed order."""

    part_no: int
    state: str
    node: str | None
    service: str | None
    lines: tuple[tuple[int, int], ...]


class Placed(msgspec.Struct, frozen=True):
    """The answer to a placed order; kept as the command's first answer."""

    order_id: str
    state: Literal["open", "awaiting_payment"]
    placed_at: datetime
    currency: str
    items_minor: int
    shipping_minor: int
    total_minor: int
    service: str
    expected_date: date | None
    latest_date: date | None
    probability_ppm: int | None
    payment_due_at: datetime | None
    parts: tuple[PlacedPart, ...]
