"""The verbs of purchase orders: raise, advance, receive, cancel, close; what is open and due.

An order is locked before it is decided over, so that two receipts of one order come one after the
other. Goods are another room's: the flow moves stock after the order (lock order).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from entrepot.departments.purchasing import decisions, decisions_orders, store, store_orders
from entrepot.departments.purchasing.decisions_orders import po_subject
from entrepot.departments.purchasing.model import (
    Advance,
    Advanced,
    Arrived,
    BookedLine,
    Ended,
    EndOrder,
    ForgoneLine,
    OnOrder,
    PoHeader,
    PoState,
    PurchaseOrder,
    PurchaseOrderAdvanced,
    PurchaseOrderClosed,
    PurchaseOrderRaised,
    PurchaseOrderReceived,
    Raised,
    RaisedLine,
    RaiseOrder,
    Received,
    ReceivedLine,
    ReceiveOrder,
    Repeated,
)
from entrepot.departments.purchasing.store_orders import ReceiptRow
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Refusal

PAGE_MAX = 5_000
AUDIT_FINDINGS_MAX = 100
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
BEGINNING = (LONG_AGO, "")

Command = RaiseOrder | Advance | ReceiveOrder | EndOrder


def raise_orders(tx: Tx, commands: Sequence[RaiseOrder]) -> list[Raised | Repeated | Refusal]:
    """Order goods. Fact: PurchaseOrderRaised.

    Refuses: key_reused when the id stands for another order; bad_value for an unknown supplier;
    bad_identifier, missing_value, bad_value, too_many, duplicate_value, bad_quantity, bad_price.
    Raises: Conflict when an id was taken meanwhile.
    """
    known = store_orders.orders(tx, (c.po_id for c in commands))
    suppliers = store.suppliers(tx, (c.supplier_id for c in commands))
    answers: list[Raised | Repeated | Refusal] = []
    written: list[PurchaseOrder] = []
    told: list[Announcement] = []
    for command in commands:
        refusal = decisions_orders.check_raise(command)
        if refusal is None and command.supplier_id not in suppliers:
            refusal = decisions.unknown_supplier(command.supplier_id)
        if refusal is not None:
            answers.append(refusal)
        elif (order := known.get(command.po_id)) is not None:
            repeat = decisions_orders.is_repeat(order, command)
            answers.append(
                Repeated(order) if repeat else decisions_orders.other_order(command.po_id)
            )
        else:
            order = known[command.po_id] = decisions_orders.new_order(command, tx.now)
            written.append(order)
            answers.append(Raised(order))
            told.append(_told(command, _raised(order)))
    store_orders.insert(tx, written)
    announce(tx, told)
    return answers


def _raised(order: PurchaseOrder) -> PurchaseOrderRaised:
    header = order.header
    return PurchaseOrderRaised(
        po_id=header.po_id,
        supplier_id=header.supplier_id,
        node=header.node,
        currency=header.currency,
        state=header.state,
        due_at=header.due_at,
        lines=tuple(
            RaisedLine(line.line_no, line.sku, line.ordered_each, line.cost_minor)
            for line in order.lines
        ),
    )


def _told(command: Command, fact: Fact) -> Announcement:
    return Announcement(po_subject(command.po_id), fact, command.command_id, command.actor)


def advance(tx: Tx, commands: Sequence[Advance]) -> list[Advanced | Refusal]:
    """Orders are sent, or confirmed, perhaps for another time. Fact: PurchaseOrderAdvanced.

    Refuses: unknown_order, wrong_state.
    """
    before = store_orders.take(tx, (c.po_id for c in commands))
    now = dict(before)
    answers: list[Advanced | Refusal] = []
    told: list[Announcement] = []
    for command in commands:
        order = now.get(command.po_id)
        decided = (
            decisions_orders.unknown_order(command.po_id)
            if order is None
            else decisions_orders.advance(order, command)
        )
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        now[command.po_id] = decided
        answers.append(Advanced(decided))
        header = decided.header
        told.append(
            _told(command, PurchaseOrderAdvanced(header.po_id, header.state, header.due_at))
        )
    store_orders.move(tx, before, [o for o in now.values() if o != before[o.header.po_id]])
    announce(tx, told)
    return answers


def receive(tx: Tx, commands: Sequence[ReceiveOrder]) -> list[Received | Repeated | Refusal]:
    """Goods came. Facts: PurchaseOrderReceived, and PurchaseOrderClosed with the last of them.

    Refuses: unknown_order; bad_identifier for the receipt's id, already_counted when it is booked
    with other quantities; wrong_state, missing_value, bad_value, duplicate_value, bad_quantity.
    """
    before = store_orders.take(tx, (c.po_id for c in commands))
    booked = store_orders.receipts(tx, ((c.po_id, c.receipt_id) for c in commands))
    now = dict(before)
    answers: list[Received | Repeated | Refusal] = []
    rows: list[ReceiptRow] = []
    told: list[Announcement] = []
    for command in commands:
        key = (command.po_id, command.receipt_id)
        decided = _decide_receipt(now.get(command.po_id), command, booked.get(key), tx.now)
        if isinstance(decided, Repeated | Refusal):
            answers.append(decided)
            continue
        order, lines = decided
        now[command.po_id], booked[key] = order, command.arrived
        answers.append(Received(order, command.receipt_id, lines))
        rows += [
            ReceiptRow(command.po_id, command.receipt_id, line, command.command_id, command.actor)
            for line in lines
            if line.received_each
        ]
        told += [_told(command, fact) for fact in _received(order, command.receipt_id, lines)]
    store_orders.move(tx, before, [o for o in now.values() if o != before[o.header.po_id]])
    store_orders.insert_receipts(tx, rows)
    announce(tx, told)
    return answers


def _decide_receipt(
    order: PurchaseOrder | None,
    command: ReceiveOrder,
    booked: Sequence[Arrived] | None,
    at: datetime,
) -> tuple[PurchaseOrder, tuple[BookedLine, ...]] | Repeated | Refusal:
    if order is None:
        return decisions_orders.unknown_order(command.po_id)
    if refusal := decisions_orders.bad_receipt_id(command.receipt_id):
        return refusal
    if booked is None:
        return decisions_orders.receive(order, command, at)
    if decisions_orders.is_receipt_repeat(command.arrived, booked):
        return Repeated(order)
    return decisions_orders.other_receipt(command.receipt_id)


def _received(order: PurchaseOrder, receipt_id: str, lines: Sequence[BookedLine]) -> list[Fact]:
    header = order.header
    assert header.received_at is not None, "a receipt says when it came"
    facts: list[Fact] = [
        PurchaseOrderReceived(
            po_id=header.po_id,
            supplier_id=header.supplier_id,
            node=header.node,
            receipt_id=receipt_id,
            state=header.state,
            late_days=decisions_orders.late_days(header.due_at, header.received_at),
            lines=tuple(
                ReceivedLine(
                    line_no=line.line_no,
                    sku=line.sku,
                    received_each=line.received_each,
                    damaged_each=line.damaged_each,
                    over_each=line.over_each,
                )
                for line in lines
                if line.received_each
            ),
        )
    ]
    if header.ended_at is not None:
        facts.append(_closed(order, lines))
    return facts


def _closed(order: PurchaseOrder, lines: Sequence[BookedLine]) -> PurchaseOrderClosed:
    header = order.header
    assert header.end_reason is not None, "an order that ended says why"
    return PurchaseOrderClosed(
        po_id=header.po_id,
        supplier_id=header.supplier_id,
        node=header.node,
        state=header.state,
        reason=header.end_reason,
        lines=tuple(
            ForgoneLine(line.line_no, line.sku, line.forgone_each)
            for line in lines
            if line.forgone_each
        ),
    )


def cancel(tx: Tx, commands: Sequence[EndOrder]) -> list[Ended | Refusal]:
    """Take back orders of which nothing came. Fact: PurchaseOrderClosed.

    Refuses: unknown_order, wrong_state, missing_value or bad_value for the reason.
    """
    return _end(tx, commands, PoState.cancelled)


def close(tx: Tx, commands: Sequence[EndOrder]) -> list[Ended | Refusal]:
    """Wait no longer for the rest of orders of which a part came. Fact: PurchaseOrderClosed.

    Refuses: unknown_order, wrong_state, missing_value or bad_value for the reason.
    """
    return _end(tx, commands, PoState.received)


def _end(tx: Tx, commands: Sequence[EndOrder], to_state: PoState) -> list[Ended | Refusal]:
    before = store_orders.take(tx, (c.po_id for c in commands))
    now = dict(before)
    answers: list[Ended | Refusal] = []
    told: list[Announcement] = []
    for command in commands:
        order = now.get(command.po_id)
        decided = (
            decisions_orders.unknown_order(command.po_id)
            if order is None
            else decisions_orders.end(order, command, to_state, tx.now)
        )
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        order, lines = decided
        now[command.po_id] = order
        answers.append(Ended(order, lines))
        told.append(_told(command, _closed(order, lines)))
    store_orders.move(tx, before, [o for o in now.values() if o != before[o.header.po_id]])
    announce(tx, told)
    return answers


def read(tx: Tx, po_ids: Iterable[str]) -> dict[str, PurchaseOrder]:
    """Whole orders by id; unknown ones left out."""
    return store_orders.orders(tx, po_ids)


def open_orders(
    tx: Tx, after: tuple[datetime, str] = BEGINNING, limit: int = PAGE_MAX
) -> list[PoHeader]:
    """Orders that expect goods, by due time; `after` = (due, id) of the last of the page before."""
    return store_orders.open_orders(tx, FAR_FUTURE, after, min(limit, PAGE_MAX))


def due(tx: Tx, at: datetime, limit: int = PAGE_MAX) -> list[PoHeader]:
    """Orders whose goods should be there at `at`, the longest overdue first."""
    return store_orders.open_orders(tx, at, BEGINNING, min(limit, PAGE_MAX))


def on_order(tx: Tx, skus: Iterable[str]) -> list[OnOrder]:
    """What is still expected of these SKUs, drafts included, by SKU and node."""
    return store_orders.on_order(tx, skus)


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    orders, lines, receipts = store_orders.audit_counts(tx)
    return store_orders.audit(tx, AUDIT_FINDINGS_MAX), {
        "purchase orders": orders,
        "purchase order lines": lines,
        "receipts from suppliers": receipts,
    }
