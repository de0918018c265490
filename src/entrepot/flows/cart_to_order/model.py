"""What the cart corridor is asked and answers; values only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from entrepot.departments.ordering.carts import LineChange
from entrepot.flows.order_to_delivery.model import Recipient, ShipTo


class OpenCart(msgspec.Struct, frozen=True):
    """Open a cart.

    cart_id       the shop's own id, or None for one of ours
    ship_to       where it will go, as far as that is known; of it a country and an area are kept
    customer_ref  the shop's own id of the customer
    """

    command_id: str
    actor: str
    currency: str
    cart_id: str | None = None
    channel: str = "web"
    lines: tuple[LineChange, ...] = ()
    ship_to: ShipTo | None = None
    customer_ref: str | None = None


class ChangeCart(msgspec.Struct, frozen=True):
    """Change a cart, or only show that somebody is still there; what is not given stays.

    version  which the change was decided over; None = whichever it is
    """

    actor: str
    cart_id: str
    version: int | None = None
    lines: tuple[LineChange, ...] = ()
    ship_to: ShipTo | None = None
    customer_ref: str | None = None


class AbandonCart(msgspec.Struct, frozen=True):
    """Give a cart up; what it holds is free again."""

    actor: str
    cart_id: str
    version: int | None = None


class CompleteCart(msgspec.Struct, frozen=True):
    """Make an order of a cart: its lines, at the prices the customer saw.

    offer         a token of a quote of this cart; it says how it is delivered, and at what prices
    customer_ref  for a cart that was opened without one
    For the other fields see `PlaceOrder`.
    """

    actor: str
    cart_id: str
    ship_to: ShipTo
    version: int | None = None
    order_id: str | None = None
    offer: str | None = None
    service: str = "cheapest"
    customer_ref: str | None = None
    recipient: Recipient | None = None
    backorder: bool = False
    payment_minutes: int | None = None


class CartLineView(msgspec.Struct, frozen=True):
    """A line of a cart.

    quantity          each
    unit_price_minor  the price the customer saw
    price_minor       the price in force; null when there is none any more
    held, unheld      of `quantity`: kept for this cart, and not
    unheld_because    saved: the line is kept for later; channel: this channel holds nothing; limit:
                      more than one cart may hold; time: the holds are over; stock: no more is there
    available         free for anybody at the nodes that serve the destination
    """

    line_no: int
    sku: str
    quantity: int
    saved: bool
    unit_price_minor: int
    price_minor: int | None
    held: int
    unheld: int
    unheld_because: str | None
    available: int


class CartView(msgspec.Struct, frozen=True):
    """A cart as it stands.

    version      for If-Match: counts the changes of what is wished
    items_minor  what the lines that are to be ordered cost, at the prices the customer saw
    held_until   when its holds end; null when it holds nothing
    order_id     the order it became
    """

    cart_id: str
    state: str
    version: int
    channel: str
    currency: str
    country: str | None
    postal_area: str | None
    items_minor: int
    opened_at: datetime
    active_at: datetime
    expires_at: datetime
    held_until: datetime | None
    order_id: str | None
    lines: tuple[CartLineView, ...]
