"""Stock values: accounts, movements, balances, commitments, and the facts about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.words.facts import Fact


class Account(StrEnum):
    """Where a unit can be. The first five are inside a node."""

    free = "free"
    held = "held"
    reserved = "reserved"
    allocated = "allocated"
    quarantine = "quarantine"
    supplier = "supplier"
    customer = "customer"
    opening = "opening"
    adjustment = "adjustment"
    scrap = "scrap"
    transit = "transit"


class Cause(StrEnum):
    """Why units moved; every movement has exactly one."""

    opening = "opening"
    receipt = "receipt"
    hold = "hold"
    hold_released = "hold_released"
    hold_expired = "hold_expired"
    order = "order"
    backorder_filled = "backorder_filled"
    order_cancelled = "order_cancelled"
    release = "release"
    release_undone = "release_undone"
    shipment = "shipment"
    customer_return = "customer_return"
    cycle_count = "cycle_count"
    damaged = "damaged"
    lost = "lost"
    found = "found"
    theft = "theft"
    expired = "expired"
    sample = "sample"
    correction = "correction"
    write_off = "write_off"
    untied_return = "untied_return"
    quality_check = "quality_check"


ADJUSTMENT_REASONS = (
    Cause.damaged,
    Cause.lost,
    Cause.found,
    Cause.theft,
    Cause.expired,
    Cause.sample,
    Cause.correction,
    Cause.write_off,
    Cause.untied_return,
)


class ReservationState(StrEnum):
    """How far a commitment to an order line has come."""

    waiting = "waiting"
    reserved = "reserved"
    allocated = "allocated"
    shipped = "shipped"
    cancelled = "cancelled"


class Balance(NamedTuple):
    """Stock of one SKU at one node, each. held, reserved and allocated are parts of on_hand."""

    sku: str
    node: str
    on_hand: int
    held: int = 0
    reserved: int = 0
    allocated: int = 0
    quarantined: int = 0

    @property
    def available(self) -> int:
        """What may still be promised now."""
        return self.on_hand - self.held - self.reserved - self.allocated


class Movement(NamedTuple):
    """One double entry: `quantity_each` leaves `from_account` and enters `to_account`."""

    sku: str
    node: str
    from_account: Account
    to_account: Account
    quantity_each: int
    cause: Cause
    document: str
    command_id: str
    actor: str


class Posted(NamedTuple):
    """A movement as it stands in the ledger."""

    sku: str
    movement_id: UUID
    node: str
    from_account: Account
    to_account: Account
    quantity_each: int
    cause: Cause
    document: str
    at: datetime
    command_id: str
    actor: str


class Reservation(NamedTuple):
    """A commitment to one order line; `node` is None while it waits for stock."""

    sku: str
    reservation_id: UUID
    order_id: str
    line_no: int
    node: str | None
    quantity_each: int
    priority: int
    state: ReservationState
    promised_at: datetime | None
    since: datetime


class Hold(NamedTuple):
    """Stock kept for a cart until `expires_at`."""

    sku: str
    hold_id: UUID
    node: str
    cart: str
    quantity_each: int
    expires_at: datetime


class Expected(NamedTuple):
    """Units announced and not yet received, available from `due_at`."""

    sku: str
    expected_id: str
    node: str
    quantity_each: int
    due_at: datetime
    document: str


# Commands


class OpeningStock(msgspec.Struct, frozen=True):
    """Stock that was there before the system knew of it; once per SKU and node."""

    command_id: str
    actor: str
    sku: str
    node: str
    quantity_each: int


class Receipt(msgspec.Struct, frozen=True):
    """Goods arrive. `expected_id` names what was announced; `quarantine` keeps them from sale."""

    command_id: str
    actor: str
    sku: str
    node: str
    quantity_each: int
    document: str
    expected_id: str | None = None
    closes_expected: bool = False
    quarantine: bool = False
    from_account: Account = Account.supplier


class Adjustment(msgspec.Struct, frozen=True):
    """Stock found or missing, with its reason. `change_each` is signed and not zero."""

    command_id: str
    actor: str
    sku: str
    node: str
    change_each: int
    reason: str
    document: str = ""


class Count(msgspec.Struct, frozen=True):
    """A cycle count: what is really there (without quarantine), each >= 0."""

    command_id: str
    actor: str
    sku: str
    node: str
    counted_each: int
    document: str


class Quarantine(msgspec.Struct, frozen=True):
    """Take units from sale (`release` False), give them back, or scrap them."""

    command_id: str
    actor: str
    sku: str
    node: str
    quantity_each: int
    document: str
    release: bool = False
    scrap: bool = False


class PlaceHold(msgspec.Struct, frozen=True):
    """Keep stock for a cart until `expires_at`."""

    command_id: str
    actor: str
    cart: str
    sku: str
    node: str
    quantity_each: int
    expires_at: datetime


class ReleaseHold(msgspec.Struct, frozen=True):
    """Give the stock of a hold back."""

    command_id: str
    actor: str
    hold: Hold


class Reserve(msgspec.Struct, frozen=True):
    """Commit units to an order line. `node` None = wait for stock (backorder).

    reservation_id  given by the caller who writes it into the order first; None = made here
    """

    command_id: str
    actor: str
    order_id: str
    line_no: int
    sku: str
    node: str | None
    quantity_each: int
    promised_at: datetime | None = None
    priority: int = 100
    reservation_id: UUID | None = None


class Move(msgspec.Struct, frozen=True):
    """Take one reservation a step on; `node` says where a waiting one got its stock."""

    command_id: str
    actor: str
    sku: str
    reservation_id: UUID
    to_state: ReservationState
    document: str
    node: str | None = None


class Shorten(msgspec.Struct, frozen=True):
    """Fewer units were found than allocated: `short_each` of them are gone, for this reason."""

    command_id: str
    actor: str
    sku: str
    reservation_id: UUID
    short_each: int
    reason: str
    document: str


class Expect(msgspec.Struct, frozen=True):
    """Announce units; repeating the id with other figures replaces them while it is open."""

    command_id: str
    actor: str
    expected_id: str
    sku: str
    node: str
    quantity_each: int
    due_at: datetime
    document: str


# Answers


class Recorded(NamedTuple):
    """Done; the balance after it."""

    balance: Balance


class Repeated(NamedTuple):
    """Nothing to do: it was done before, with the same content."""

    balance: Balance


class Held(NamedTuple):
    """A commitment made."""

    reservation: Reservation


# Facts


class StockReceived(Fact, frozen=True):
    """Goods came in and may be sold (or stand in quarantine)."""

    sku: str
    node: str
    quantity_each: int
    document: str
    quarantined: bool


class StockAdjusted(Fact, frozen=True):
    """Stock was found or went missing, for the stated reason."""

    sku: str
    node: str
    change_each: int
    reason: str
    document: str


class StockCounted(Fact, frozen=True):
    """A cycle count was booked; `change_each` is the difference it found."""

    sku: str
    node: str
    counted_each: int
    change_each: int
    document: str


class StockQuarantined(Fact, frozen=True):
    """Units were taken from sale (positive), or came back to it or were scrapped (negative)."""

    sku: str
    node: str
    change_each: int
    document: str
    scrapped: bool = False


class ReceiptExpected(Fact, frozen=True):
    """Units were announced for a node and a time."""

    sku: str
    node: str
    expected_id: str
    quantity_each: int
    due_at: datetime
    document: str
