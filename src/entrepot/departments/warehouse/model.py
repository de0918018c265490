"""Warehouse values: work, its lines, cartons, receipts, commands, and the facts about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from entrepot.words.facts import Fact

PRIORITY_DEFAULT = 100


class WorkState(StrEnum):
    """How far a node has come with its part of an order."""

    released = "released"
    picked = "picked"
    packed = "packed"
    handed_over = "handed_over"
    cancelled = "cancelled"


class ShortReason(StrEnum):
    """Why a picker could not take what was asked for; a closed list."""

    not_found = "not_found"
    damaged = "damaged"
    expired = "expired"
    wrong_item = "wrong_item"
    blocked = "blocked"


class CancelReason(StrEnum):
    """Why work was given up; a closed list."""

    order_cancelled = "order_cancelled"
    nothing_picked = "nothing_picked"
    release_undone = "release_undone"
    staff = "staff"


class ReceiptState(StrEnum):
    """How far a receipt has come from the dock."""

    received = "received"
    put_away = "put_away"


class Work(NamedTuple):
    """The work of one part. `lines` counts them; `asked_each` and `short_each` are sums over them.

    mass_g  of what was asked for, from `picked` on of what was picked
    due_at  when the next step is due: picking at `pick_due_at`, packing from `picked_at` on,
            handing over at `ship_by`
    The commands are the ids of those that took the steps.
    """

    order_id: str
    part_no: int
    attempt: int
    node: str
    state: WorkState
    priority: int
    lines: int
    asked_each: int
    short_each: int
    mass_g: int
    due_at: datetime
    pick_due_at: datetime
    ship_by: datetime
    released_at: datetime
    picked_at: datetime | None
    packed_at: datetime | None
    handed_over_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    release_command: str
    pick_command: str | None
    pack_command: str | None
    hand_over_command: str | None
    cancel_command: str | None

    @property
    def picked_each(self) -> int:
        """What was picked, once it was."""
        return self.asked_each - self.short_each


class WorkLine(NamedTuple):
    """One line of work; what is not short is picked."""

    line_no: int
    sku: str
    asked_each: int
    unit_mass_g: int
    short_each: int = 0
    short_reason: str | None = None

    @property
    def picked_each(self) -> int:
        """What was picked, once it was."""
        return self.asked_each - self.short_each


class LineEach(NamedTuple):
    """So many of a line in a carton."""

    line_no: int
    quantity_each: int


class Contents(NamedTuple):
    """What is in one carton; `lines` None = everything picked for its part."""

    lines: tuple[LineEach, ...] | None
    mass_g: int


class Carton(NamedTuple):
    """A carton of a part. Closed when it was handed over; voided when its work was cancelled."""

    order_id: str
    part_no: int
    sscc: str
    mass_g: int
    lines: tuple[LineEach, ...] | None
    packed_at: datetime
    closed_at: datetime | None
    voided_at: datetime | None


class FullWork(NamedTuple):
    """Work with its lines, and its cartons (not the voided ones) with theirs spelled out."""

    work: Work
    lines: tuple[WorkLine, ...]
    cartons: tuple[Carton, ...]


class ReceiptLine(NamedTuple):
    """What came of a line. `received_each` is all of it, the damaged among it; 0 expected = not
    announced."""

    line_no: int
    sku: str
    expected_each: int
    received_each: int
    damaged_each: int = 0

    @property
    def good_each(self) -> int:
        """What may be put away for sale."""
        return self.received_each - self.damaged_each

    @property
    def over_each(self) -> int:
        """What came beyond what was announced."""
        return max(self.received_each - self.expected_each, 0)

    @property
    def short_each(self) -> int:
        """What was announced and did not come."""
        return max(self.expected_each - self.received_each, 0)


class Receipt(NamedTuple):
    """Goods that came in by one document."""

    receipt_id: str
    node: str
    document: str
    state: ReceiptState
    received_at: datetime
    put_away_at: datetime | None
    receive_command: str
    put_away_command: str | None
    lines: tuple[ReceiptLine, ...]


# Commands


class AskedLine(NamedTuple):
    """A line to be picked; `unit_mass_g` is the mass of one each."""

    line_no: int
    sku: str
    quantity_each: int
    unit_mass_g: int


class Release(msgspec.Struct, frozen=True):
    """Give a part to its node.

    pick_due_at  when it should be picked
    ship_by      the pickup it should leave with, at or after `pick_due_at`
    priority     the lower comes first among work due at the same instant
    """

    command_id: str
    actor: str
    order_id: str
    part_no: int
    node: str
    lines: tuple[AskedLine, ...]
    pick_due_at: datetime
    ship_by: datetime
    priority: int = PRIORITY_DEFAULT


class Short(NamedTuple):
    """So many of a line could not be picked; `reason` is a `ShortReason`."""

    line_no: int
    missing_each: int
    reason: str


class Pick(msgspec.Struct, frozen=True):
    """A part was picked: everything asked for, but the shorts."""

    command_id: str
    actor: str
    order_id: str
    part_no: int
    shorts: tuple[Short, ...] = ()


class Pack(msgspec.Struct, frozen=True):
    """A part was packed.

    max_mass_g  heaviest carton the carrier service takes
    cartons     what was put in which carton, with its mass on the scale; () = by the rule of
                `cartons.by_mass`
    """

    command_id: str
    actor: str
    order_id: str
    part_no: int
    max_mass_g: int
    cartons: tuple[Contents, ...] = ()


class HandOver(msgspec.Struct, frozen=True):
    """The carrier took the cartons of a part.

    ssccs  those scanned while loading, which must be all of the part's; () = not scanned
    """

    command_id: str
    actor: str
    order_id: str
    part_no: int
    ssccs: tuple[str, ...] = ()


class Cancel(msgspec.Struct, frozen=True):
    """Give work up before it leaves; `reason` is a `CancelReason`."""

    command_id: str
    actor: str
    order_id: str
    part_no: int
    reason: str


class InboundReceipt(msgspec.Struct, frozen=True):
    """Goods arrived by a document (a purchase order, a return), counted line by line."""

    command_id: str
    actor: str
    receipt_id: str
    node: str
    document: str
    lines: tuple[ReceiptLine, ...]


class PutAway(msgspec.Struct, frozen=True):
    """The goods of a receipt are at their places."""

    command_id: str
    actor: str
    receipt_id: str


# Answers. They hold only what later steps leave as it is: a repeat is answered the same.


class ReleasedWork(NamedTuple):
    """The part is with its node."""

    order_id: str
    part_no: int
    attempt: int
    node: str
    asked_each: int
    released_at: datetime


class PickedWork(NamedTuple):
    """The part is picked, but the shorts; with nothing picked it can only be cancelled."""

    order_id: str
    part_no: int
    node: str
    picked_each: int
    shorts: tuple[WorkLine, ...]
    picked_at: datetime


class PackedCarton(NamedTuple):
    """A carton by its number; its contents are with the work."""

    sscc: str
    mass_g: int


class PackedWork(NamedTuple):
    """The part is packed, in at least one carton, by SSCC."""

    order_id: str
    part_no: int
    node: str
    cartons: tuple[PackedCarton, ...]
    packed_at: datetime


class HandedOverWork(NamedTuple):
    """The part is with the carrier."""

    order_id: str
    part_no: int
    node: str
    ssccs: tuple[str, ...]
    handed_over_at: datetime


class CancelledWork(NamedTuple):
    """The work was given up; what was picked goes back to its place."""

    order_id: str
    part_no: int
    node: str
    cancelled_at: datetime


class ReceivedGoods(NamedTuple):
    """The goods are counted in; the lines tell what is over, short and damaged."""

    receipt_id: str
    node: str
    received_at: datetime
    lines: tuple[ReceiptLine, ...]


class StoredGoods(NamedTuple):
    """The goods are at their places."""

    receipt_id: str
    node: str
    put_away_at: datetime


# Facts


class WorkReleased(Fact, frozen=True):
    """A node got a part of an order to pick; `attempt` counts its releases."""

    order_id: str
    part_no: int
    attempt: int
    node: str
    lines: int
    asked_each: int
    priority: int
    pick_due_at: datetime
    ship_by: datetime


class PickShort(Fact, frozen=True):
    """A picker found less of a line than was asked for."""

    order_id: str
    part_no: int
    node: str
    line_no: int
    sku: str
    asked_each: int
    short_each: int
    reason: str


class WorkPacked(Fact, frozen=True):
    """A part of an order is in cartons: (SSCC, grams) each."""

    order_id: str
    part_no: int
    node: str
    picked_each: int
    cartons: tuple[tuple[str, int], ...]


class HandedOver(Fact, frozen=True):
    """A part of an order left its node; `ship_by` is when it should have."""

    order_id: str
    part_no: int
    node: str
    ssccs: tuple[str, ...]
    ship_by: datetime


class WorkCancelled(Fact, frozen=True):
    """A node gave up its work on a part of an order."""

    order_id: str
    part_no: int
    node: str
    from_state: str
    reason: str


class ReceivedLine(msgspec.Struct, frozen=True):
    """A line as a fact tells it; the damaged are among the received."""

    line_no: int
    sku: str
    expected_each: int
    received_each: int
    damaged_each: int
    over_each: int
    short_each: int


class GoodsReceived(Fact, frozen=True):
    """Goods came to a node and were counted."""

    receipt_id: str
    node: str
    document: str
    lines: tuple[ReceivedLine, ...]


class GoodsPutAway(Fact, frozen=True):
    """The goods of a receipt are at their places; they came at `received_at`."""

    receipt_id: str
    node: str
    document: str
    received_at: datetime
