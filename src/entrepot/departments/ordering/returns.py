"""Return values: what comes back of an order, how far it has come, and the commands about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec


class ReturnState(StrEnum):
    """How far a return has come."""

    authorized = "authorized"
    received = "received"
    graded = "graded"
    closed = "closed"


class ReturnReason(StrEnum):
    """Why a customer sends goods back; a closed list."""

    unwanted = "unwanted"
    does_not_fit = "does_not_fit"
    damaged = "damaged"
    defective = "defective"
    wrong_item = "wrong_item"
    not_as_described = "not_as_described"
    late = "late"
    refused = "refused"
    other = "other"


class ReturnLine(NamedTuple):
    """What comes back of an order line, each.

    line_no        the order's
    quantity_each  as authorized
    counted_each   what counts as returned: as authorized until the goods come, then what came
    received_each  what came; of it restocked_each went back to sale and scrapped_each did not
    """

    line_no: int
    sku: str
    quantity_each: int
    unit_price_minor: int
    counted_each: int
    received_each: int = 0
    restocked_each: int = 0
    scrapped_each: int = 0

    @property
    def refund_minor(self) -> int:
        """What the customer gets for it."""
        return self.unit_price_minor * self.counted_each


class ReturnHeader(NamedTuple):
    """A return without its lines; `node` is where the goods go, `since` when its state began."""

    order_id: str
    return_id: str
    state: ReturnState
    node: str
    reason: ReturnReason
    currency: str
    authorized_at: datetime
    received_at: datetime | None
    graded_at: datetime | None
    since: datetime
    command_id: str
    actor: str


class ReturnOrder(NamedTuple):
    """A return as it stands."""

    header: ReturnHeader
    lines: tuple[ReturnLine, ...]

    @property
    def refund_minor(self) -> int:
        """What the customer gets for all of it."""
        return sum(line.refund_minor for line in self.lines)


class Returnable(NamedTuple):
    """An order line as returns see it, each.

    shipped   by node; returned_each came back or is authorized to
    """

    line_no: int
    sku: str
    unit_price_minor: int
    currency: str
    shipped: tuple[tuple[str, int], ...]
    returned_each: int


class AskedReturn(NamedTuple):
    """How many of an order line are to come back."""

    line_no: int
    quantity_each: int


class AuthorizeReturn(msgspec.Struct, frozen=True):
    """Let a customer send goods back.

    return_id  of this return among those of its order; repeating it changes nothing
    node       where they go; None = to the node that shipped most of them
    """

    command_id: str
    actor: str
    order_id: str
    return_id: str
    reason: str
    lines: tuple[AskedReturn, ...]
    node: str | None = None


class ReceiveReturn(msgspec.Struct, frozen=True):
    """The parcel of a return came; lines that are left out did not come."""

    command_id: str
    actor: str
    order_id: str
    return_id: str
    lines: tuple[AskedReturn, ...]


class Grade(NamedTuple):
    """What becomes of the units of a line that came back."""

    line_no: int
    restocked_each: int
    scrapped_each: int


class GradeReturn(msgspec.Struct, frozen=True):
    """What came back was looked at; every unit goes back to sale or is scrapped."""

    command_id: str
    actor: str
    order_id: str
    return_id: str
    lines: tuple[Grade, ...]


class CloseReturn(msgspec.Struct, frozen=True):
    """Nothing comes any more, or nothing is left to do."""

    command_id: str
    actor: str
    order_id: str
    return_id: str
    detail: str


class Returned(NamedTuple):
    """A return after the step that was asked for."""

    order: ReturnOrder


class SameReturn(NamedTuple):
    """Nothing to do: the step was taken before, with the same content."""

    order: ReturnOrder
