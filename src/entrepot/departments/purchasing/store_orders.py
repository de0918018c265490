"""SQL about purchase orders: written whole, taken under lock, booked with a guard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from entrepot.departments.purchasing.model import (
    Arrived,
    BookedLine,
    OnOrder,
    PoHeader,
    PoLine,
    PoState,
    PurchaseOrder,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.purchasing")


class ReceiptRow(NamedTuple):
    """A line of a receipt about to be written."""

    po_id: str
    receipt_id: str
    line: BookedLine
    command_id: str
    actor: str


def insert(tx: Tx, orders: Sequence[PurchaseOrder]) -> None:
    """Write new orders with their lines.

    Raises: Conflict when an id was taken meanwhile.
    """
    if not orders:
        return
    headers = [o.header for o in orders]
    tx.guard(
        Q.insert_purchase_orders,
        {
            "po_ids": [h.po_id for h in headers],
            "supplier_ids": [h.supplier_id for h in headers],
            "nodes": [h.node for h in headers],
            "currencies": [h.currency for h in headers],
            "states": [h.state.value for h in headers],
            "due": [h.due_at for h in headers],
            "command_ids": [h.command_id for h in headers],
            "actors": [h.actor for h in headers],
            "at": tx.now,
        },
        len(orders),
        "the id of a purchase order was taken meanwhile",
    )
    rows = [(o.header.po_id, line) for o in orders for line in o.lines]
    tx.run(
        Q.insert_po_lines,
        {
            "po_ids": [po_id for po_id, _ in rows],
            "line_nos": [line.line_no for _, line in rows],
            "skus": [line.sku for _, line in rows],
            "ordered": [line.ordered_each for _, line in rows],
            "costs": [line.cost_minor for _, line in rows],
            "reasons": [line.reason for _, line in rows],
        },
    )


def _header(row: tuple[Any, ...]) -> PoHeader:
    return PoHeader(*row)._replace(state=PoState(row[4]))


def _whole(tx: Tx, headers: Iterable[PoHeader]) -> dict[str, PurchaseOrder]:
    known = {h.po_id: h for h in headers}
    if not known:
        return {}
    lines: dict[str, list[PoLine]] = defaultdict(list)
    for po_id, *rest in tx.rows(Q.read_po_lines, {"po_ids": sorted(known)}):
        lines[po_id].append(PoLine(*rest))
    return {
        po_id: PurchaseOrder(header, tuple(lines[po_id])) for po_id, header in sorted(known.items())
    }


def orders(tx: Tx, po_ids: Iterable[str]) -> dict[str, PurchaseOrder]:
    """Whole orders by id."""
    rows = tx.rows(Q.read_purchase_orders, {"po_ids": sorted(set(po_ids))})
    return _whole(tx, map(_header, rows))


def take(tx: Tx, po_ids: Iterable[str]) -> dict[str, PurchaseOrder]:
    """Lock orders, in key order; gives them as nobody changes them until the transaction ends."""
    rows = tx.rows(Q.take_purchase_orders, {"po_ids": sorted(set(po_ids))})
    return _whole(tx, map(_header, rows))


def receipts(tx: Tx, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[Arrived, ...]]:
    """What is booked under these (order, receipt) ids."""
    pairs = sorted(set(keys))
    found: dict[tuple[str, str], list[Arrived]] = defaultdict(list)
    wanted = {"po_ids": [p[0] for p in pairs], "receipt_ids": [p[1] for p in pairs]}
    for po_id, receipt_id, *rest in tx.rows(Q.read_po_receipts, wanted):
        found[po_id, receipt_id].append(Arrived(*rest))
    return {key: tuple(arrived) for key, arrived in found.items()}


def open_orders(tx: Tx, by: datetime, after: tuple[datetime, str], limit: int) -> list[PoHeader]:
    """Orders that expect goods by an instant, from after (due, id)."""
    wanted = {"by": by, "after": after[0], "after_id": after[1], "limit": limit}
    return [_header(row) for row in tx.rows(Q.open_purchase_orders, wanted)]


def on_order(tx: Tx, skus: Iterable[str]) -> list[OnOrder]:
    """What is still expected, by SKU and node."""
    return [OnOrder(*row) for row in tx.rows(Q.on_order, {"skus": sorted(set(skus))})]


def move(tx: Tx, before: Mapping[str, PurchaseOrder], after: Sequence[PurchaseOrder]) -> None:
    """Write headers and lines that changed, only over what they were read as.

    Raises: Conflict when an order changed meanwhile.
    """
    if not after:
        return
    headers = [o.header for o in after]
    changed = "a purchase order changed meanwhile"
    tx.guard(
        Q.move_purchase_orders,
        {
            "po_ids": [h.po_id for h in headers],
            "from_states": [before[h.po_id].header.state.value for h in headers],
            "to_states": [h.state.value for h in headers],
            "due": [h.due_at for h in headers],
            "received": [h.received_at for h in headers],
            "ended": [h.ended_at for h in headers],
            "reasons": [h.end_reason for h in headers],
        },
        len(after),
        changed,
    )
    rows = [
        (order.header.po_id, was, now)
        for order in after
        for was, now in zip(before[order.header.po_id].lines, order.lines, strict=True)
        if was != now
    ]
    tx.guard(
        Q.book_po_lines,
        {
            "po_ids": [po_id for po_id, _, _ in rows],
            "line_nos": [now.line_no for _, _, now in rows],
            "known": [was.received_each for _, was, _ in rows],
            "received": [now.received_each for _, _, now in rows],
            "damaged": [now.damaged_each for _, _, now in rows],
            "open": [now.open for _, _, now in rows],
        },
        len(rows),
        changed,
    )


def insert_receipts(tx: Tx, rows: Sequence[ReceiptRow]) -> None:
    """Write what deliveries brought."""
    if rows:
        tx.run(
            Q.insert_po_receipts,
            {
                "po_ids": [r.po_id for r in rows],
                "receipt_ids": [r.receipt_id for r in rows],
                "line_nos": [r.line.line_no for r in rows],
                "received": [r.line.received_each for r in rows],
                "damaged": [r.line.damaged_each for r in rows],
                "over": [r.line.over_each for r in rows],
                "command_ids": [r.command_id for r in rows],
                "actors": [r.actor for r in rows],
                "at": tx.now,
            },
        )


def audit(tx: Tx, limit: int) -> list[str]:
    """What does not add up within the purchase orders, in words."""
    findings = [
        f"purchase order {r[0]} line {r[1]}: {r[2]} ordered, {r[3]} received and {r[4]} damaged, "
        f"its receipts say {r[5]} and {r[6]}, {r[7]} of it over on purpose"
        for r in tx.rows(Q.audit_po_lines, {"limit": limit})
    ]
    return findings + [
        f"purchase order {r[0]} {r[1]}" for r in tx.rows(Q.audit_po_states, {"limit": limit})
    ]


def audit_counts(tx: Tx) -> tuple[int, int, int]:
    """Orders, lines and receipt lines looked at."""
    row = tx.row(Q.audit_po_counts)
    assert row is not None
    return row[0], row[1], row[2]
