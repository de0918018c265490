"""Supplier values, terms, purchase orders, and the facts about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from entrepot.words.facts import Fact

PPM = 1_000_000


class Incoterm(StrEnum):
    """Where cost and risk pass to the buyer. Source: ICC Incoterms 2020."""

    exw = "EXW"
    fca = "FCA"
    cpt = "CPT"
    cip = "CIP"
    dap = "DAP"
    dpu = "DPU"
    ddp = "DDP"
    fas = "FAS"
    fob = "FOB"
    cfr = "CFR"
    cif = "CIF"


class LeadTimeShare(NamedTuple):
    """How many of a million orders arrive after so many calendar days."""

    days: int
    ppm: int


class Supplier(msgspec.Struct, frozen=True):
    """Who we buy from.

    currency     in which they invoice, ISO 4217
    lead_time    calendar days from order to receipt; the shares sum to a million
    calendar_id  of the network's calendars, for the days on which they ship; None = any day
    """

    supplier_id: str
    name: str
    country: str
    currency: str
    lead_time: tuple[LeadTimeShare, ...]
    calendar_id: str | None = None
    gln: str | None = None


class PriceBreak(NamedTuple):
    """From this order quantity on, one each costs so much."""

    from_each: int
    cost_minor: int


class Terms(msgspec.Struct, frozen=True):
    """What one item costs from one supplier, and how it is ordered there.

    cost_minor      for one each, before price breaks
    moq_each        smallest order
    multiple_each   orders are whole multiples of it: the case pack
    price_breaks    by rising quantity, each cheaper than the one before
    lead_time_days  for this item, in place of the supplier's distribution
    named_place     where the incoterm applies; stands with it or not at all
    """

    supplier_id: str
    sku: str
    currency: str
    cost_minor: int
    moq_each: int = 1
    multiple_each: int = 1
    price_breaks: tuple[PriceBreak, ...] = ()
    lead_time_days: int | None = None
    incoterm: Incoterm | None = None
    named_place: str | None = None


class PoState(StrEnum):
    """How far a purchase order has come; `received` when nothing more is expected of it."""

    draft = "draft"
    sent = "sent"
    confirmed = "confirmed"
    partly_received = "partly_received"
    received = "received"
    cancelled = "cancelled"


class PoHeader(NamedTuple):
    """A purchase order without its lines.

    node         where the goods go
    due_at       when all of it should be there
    received_at  when the last goods of it came
    ended_at     since when nothing more is expected, and `end_reason` why
    """

    po_id: str
    supplier_id: str
    node: str
    currency: str
    state: PoState
    raised_at: datetime
    due_at: datetime
    received_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    command_id: str
    actor: str


class PoLine(NamedTuple):
    """One line of a purchase order, each.

    cost_minor     for one each
    received_each  all that came; damaged_each is a part of it
    open           whether more is expected
    reason         why it was bought, in words
    """

    line_no: int
    sku: str
    ordered_each: int
    cost_minor: int
    received_each: int
    damaged_each: int
    open: bool
    reason: str

    @property
    def outstanding_each(self) -> int:
        """What is still expected."""
        return max(0, self.ordered_each - self.received_each) if self.open else 0


class PurchaseOrder(NamedTuple):
    """A purchase order as it stands."""

    header: PoHeader
    lines: tuple[PoLine, ...]


class OnOrder(NamedTuple):
    """What is still expected of a SKU at a node, over all open orders."""

    sku: str
    node: str
    quantity_each: int
    next_due_at: datetime


# Commands


class SupplierChange(msgspec.Struct, frozen=True):
    """Register a supplier, or replace what is known of them."""

    command_id: str
    actor: str
    supplier: Supplier


class TermsChange(msgspec.Struct, frozen=True):
    """Agree on terms, in place of earlier ones for the same item and supplier."""

    command_id: str
    actor: str
    terms: Terms


class NewLine(NamedTuple):
    """A line about to be ordered; `cost_minor` for one each, `reason` in words."""

    sku: str
    ordered_each: int
    cost_minor: int
    reason: str = ""


class RaiseOrder(msgspec.Struct, frozen=True):
    """Order goods from a supplier.

    po_id  ours; raising it again with the same content changes nothing
    state  draft, sent, or confirmed when the supplier agreed already
    """

    command_id: str
    actor: str
    po_id: str
    supplier_id: str
    node: str
    currency: str
    due_at: datetime
    lines: tuple[NewLine, ...]
    state: PoState = PoState.sent


class Advance(msgspec.Struct, frozen=True):
    """An order is sent, or its supplier confirms it, perhaps for another time.

    to_state  sent or confirmed; a confirmation of what came in part moves its time alone
    due_at    None = as before
    """

    command_id: str
    actor: str
    po_id: str
    to_state: PoState
    due_at: datetime | None = None


class Arrived(NamedTuple):
    """What came of a line; `damaged_each` is a part of `received_each`."""

    line_no: int
    received_each: int
    damaged_each: int = 0


class ReceiveOrder(msgspec.Struct, frozen=True):
    """Goods of an order came.

    receipt_id   of this delivery; receiving it again with the same lines changes nothing
    accept_over  take more than was ordered, and record that
    closes       whatever is still missing does not come
    """

    command_id: str
    actor: str
    po_id: str
    receipt_id: str
    arrived: tuple[Arrived, ...]
    accept_over: bool = False
    closes: bool = False


class EndOrder(msgspec.Struct, frozen=True):
    """Nothing more is expected of an order; `reason` in words."""

    command_id: str
    actor: str
    po_id: str
    reason: str


# Answers


class Registered(NamedTuple):
    """Written."""

    supplier: Supplier


class Agreed(NamedTuple):
    """Written."""

    terms: Terms


class Unchanged(NamedTuple):
    """Nothing to do: it was so already."""


class Raised(NamedTuple):
    """Written."""

    order: PurchaseOrder


class Advanced(NamedTuple):
    """Done."""

    order: PurchaseOrder


class BookedLine(NamedTuple):
    """What a receipt or an end did to a line.

    over_each      of what came, more than was ordered
    forgone_each   ordered, and not coming any more
    """

    line_no: int
    sku: str
    received_each: int
    damaged_each: int
    over_each: int
    forgone_each: int
    open: bool


class Received(NamedTuple):
    """Booked; `lines` are those that came or are given up, `order` stands as after it."""

    order: PurchaseOrder
    receipt_id: str
    lines: tuple[BookedLine, ...]


class Ended(NamedTuple):
    """Ended; `lines` are those given up."""

    order: PurchaseOrder
    lines: tuple[BookedLine, ...]


class Repeated(NamedTuple):
    """Nothing to do: it was done before, with the same content."""

    order: PurchaseOrder


# Facts


class SupplierRegistered(Fact, frozen=True):
    """A supplier is known, for the first time or with other particulars."""

    supplier: Supplier


class TermsAgreed(Fact, frozen=True):
    """Terms hold from now on."""

    terms: Terms


class RaisedLine(msgspec.Struct, frozen=True):
    """A line of a new purchase order as a fact tells it."""

    line_no: int
    sku: str
    ordered_each: int
    cost_minor: int


class ReceivedLine(msgspec.Struct, frozen=True):
    """What a receipt brought of a line; `damaged_each` and `over_each` are parts of it."""

    line_no: int
    sku: str
    received_each: int
    damaged_each: int
    over_each: int


class ForgoneLine(msgspec.Struct, frozen=True):
    """What of a line does not come any more."""

    line_no: int
    sku: str
    forgone_each: int


class PurchaseOrderRaised(Fact, frozen=True):
    """Goods were ordered from a supplier, or are about to be (draft)."""

    po_id: str
    supplier_id: str
    node: str
    currency: str
    state: str
    due_at: datetime
    lines: tuple[RaisedLine, ...]


class PurchaseOrderAdvanced(Fact, frozen=True):
    """An order was sent, or confirmed by its supplier, due at this time."""

    po_id: str
    state: str
    due_at: datetime


class PurchaseOrderReceived(Fact, frozen=True):
    """Goods of an order came; `late_days` counts from the day they were due, 0 when in time."""

    po_id: str
    supplier_id: str
    node: str
    receipt_id: str
    state: str
    late_days: int
    lines: tuple[ReceivedLine, ...]


class PurchaseOrderClosed(Fact, frozen=True):
    """Nothing more is expected of an order: all came, the rest was given up, or it was cancelled.

    lines  what was ordered and never came
    """

    po_id: str
    supplier_id: str
    node: str
    state: str
    reason: str
    lines: tuple[ForgoneLine, ...]
