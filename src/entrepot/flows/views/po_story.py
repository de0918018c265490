"""The story of one purchase order: what was bought and why, what came, and how late."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from entrepot.flows.views.story import Moment, Topic, in_order, stock_moved
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class PoHead(NamedTuple):
    """A purchase order without its lines."""

    po_id: str
    supplier_id: str
    supplier: str | None
    node: str
    currency: str
    state: str
    raised_at: datetime
    due_at: datetime
    received_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


class PoLineView(NamedTuple):
    """A line, each; `cost_minor` for one each, `reason` why it was bought."""

    line_no: int
    sku: str
    name: str | None
    ordered_each: int
    received_each: int
    damaged_each: int
    cost_minor: int
    open: bool
    reason: str


class PoStory(NamedTuple):
    """A purchase order, its lines, and what happened, oldest first."""

    head: PoHead
    lines: tuple[PoLineView, ...]
    moments: tuple[Moment, ...]


def po_story(tx: Tx, po_id: str) -> PoStory | None:
    """The story of a purchase order; None when there is no such order."""
    rows = tx.rows(Q.po_lines, {"po_id": po_id})
    if not rows:
        return None
    width = len(PoHead._fields)
    head = PoHead(*rows[0][:width])
    lines = tuple(PoLineView(*row[width:]) for row in rows if row[width] is not None)
    moments = [Moment(head.raised_at, Topic.purchase, "raised", f"{len(lines)} lines")]
    for at, receipt_id, line_no, sku, received, damaged, over, short in tx.rows(
        Q.po_receipts, {"po_id": po_id}
    ):
        words = f"line {line_no}: {received} of {sku} by {receipt_id}"
        words += f", {damaged} of them damaged" if damaged else ""
        words += f", {over} more than ordered" if over else ""
        words += f", {short} less than expected" if short else ""
        moments.append(Moment(at, Topic.purchase, "received", words))
    if head.ended_at is not None:
        moments.append(Moment(head.ended_at, Topic.purchase, head.state, head.end_reason or ""))
    moved = tx.rows(Q.document_movements, {"document": po_id})
    return PoStory(head, lines, in_order([*moments, *(stock_moved(*row) for row in moved)]))
