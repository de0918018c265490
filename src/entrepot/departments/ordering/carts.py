"""Cart values: what somebody is about to order, how a channel treats it, and the commands."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.departments.ordering.model import ChannelRule


class CartState(StrEnum):
    """How far a cart has come. One that expired is open again with the next change."""

    open = "open"
    expired = "expired"
    abandoned = "abandoned"
    completed = "completed"


class CartLine(NamedTuple):
    """One SKU in a cart. `unit_price_minor` is the price the customer saw, per each.

    line_no  gives the order of the lines; a line that is taken out leaves a gap
    saved    kept for later: it is not ordered and holds nothing
    """

    line_no: int
    sku: str
    quantity_each: int
    unit_price_minor: int
    saved: bool = False


class CartHead(NamedTuple):
    """A cart without its lines.

    version          counts the changes of what is wished
    country          of the destination, None = not known yet; postal_area likewise
    expires_at       when an untouched cart expires
    holds            whether it holds something
    held_since       when the span began within which its holds must end; None = it never held
    held_until       when its holds end, or when it held last
    order_id         the order it became, placed by the command `order_command`
    completion_hash  of what was asked when it became that order
    """

    cart_id: str
    state: CartState
    version: int
    channel: str
    currency: str
    person_id: UUID | None
    country: str | None
    postal_area: str | None
    opened_at: datetime
    active_at: datetime
    expires_at: datetime
    holds: bool = False
    held_since: datetime | None = None
    held_until: datetime | None = None
    ended_at: datetime | None = None
    order_id: str | None = None
    order_command: str | None = None
    completion_hash: bytes | None = None


class Cart(NamedTuple):
    """A cart as it stands, its lines in order."""

    head: CartHead
    lines: tuple[CartLine, ...]

    @property
    def wanted(self) -> tuple[CartLine, ...]:
        """The lines that are to be ordered."""
        return tuple(line for line in self.lines if not line.saved)


class LineChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of one SKU in a cart; what is not given stays as it is.

    quantity          each, absolute: repeating a change changes nothing more; 0 takes the line out
    unit_price_minor  the price the customer saw, per each; without it, the price in force when the
                      line is new
    saved             true = keep it for later, false = order it
    """

    sku: str
    quantity: int | None = None
    unit_price_minor: int | None = None
    saved: bool | None = None


class ChannelChange(msgspec.Struct, frozen=True):
    """Say how a channel treats carts, in place of what was said before."""

    command_id: str
    actor: str
    rule: ChannelRule


class ChannelSaid(NamedTuple):
    """Written."""

    rule: ChannelRule


class SameRule(NamedTuple):
    """Nothing to do: it was so already."""

    rule: ChannelRule


class Completion(NamedTuple):
    """A cart that became an order."""

    cart: Cart
    order_id: str
    order_command: str
    completion_hash: bytes
    actor: str
