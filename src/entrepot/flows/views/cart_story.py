"""The story of one cart: what it wants, what it holds of it, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from entrepot.flows.views.story import Moment, Topic, in_order, stock_moved
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class CartHead(NamedTuple):
    """A cart without its lines; money in minor units of `currency`."""

    cart_id: str
    state: str
    version: int
    channel: str
    currency: str
    country: str | None
    postal_area: str | None
    opened_at: datetime
    active_at: datetime
    expires_at: datetime
    held_until: datetime | None
    ended_at: datetime | None
    order_id: str | None


class CartedView(NamedTuple):
    """A line, at the price the customer saw, and what is held of it now."""

    line_no: int
    sku: str
    name: str | None
    quantity_each: int
    unit_price_minor: int
    saved: bool
    held_each: int


class CartStory(NamedTuple):
    """A cart, its lines, and what happened, oldest first."""

    head: CartHead
    lines: tuple[CartedView, ...]
    moments: tuple[Moment, ...]


def cart_story(tx: Tx, cart_id: str) -> CartStory | None:
    """The whole story of a cart; None when there is no such cart."""
    rows = tx.rows(Q.cart_lines, {"cart_id": cart_id})
    if not rows:
        return None
    width = len(CartHead._fields)
    head = CartHead(*rows[0][:width])
    moments = [Moment(head.opened_at, Topic.cart, "opened", f"by {head.channel}")]
    if head.ended_at is not None:
        words = f"as order {head.order_id}" if head.order_id else ""
        moments.append(Moment(head.ended_at, Topic.cart, head.state, words))
    elif head.active_at > head.opened_at:
        moments.append(
            Moment(head.active_at, Topic.cart, "changed last", f"version {head.version}")
        )
    moved = tx.rows(Q.document_movements, {"document": cart_id})
    return CartStory(
        head=head,
        lines=tuple(CartedView(*row[width:]) for row in rows if row[width] is not None),
        moments=in_order([*moments, *(stock_moved(*row) for row in moved)]),
    )
