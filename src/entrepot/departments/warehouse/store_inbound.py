"""The warehouse's inbound tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from entrepot.departments.warehouse.model import (
    InboundReceipt,
    Receipt,
    ReceiptLine,
    ReceiptState,
)
from entrepot.departments.warehouse.store import Q
from entrepot.ground.database import Tx


def receive(tx: Tx, commands: Sequence[InboundReceipt]) -> set[str]:
    """Write receipts with their lines; gives the ids that were new.

    commands  one per receipt id
    """
    if not commands:
        return set()
    rows = tx.rows(
        Q.insert_receipts,
        {
            "receipt_ids": [c.receipt_id for c in commands],
            "nodes": [c.node for c in commands],
            "documents": [c.document for c in commands],
            "command_ids": [c.command_id for c in commands],
            "actors": [c.actor for c in commands],
            "at": tx.now,
        },
    )
    fresh = {row[0] for row in rows}
    counted = [(c.receipt_id, line) for c in commands if c.receipt_id in fresh for line in c.lines]
    if counted:
        tx.run(
            Q.insert_receipt_lines,
            {
                "receipt_ids": [receipt_id for receipt_id, _ in counted],
                "line_nos": [line.line_no for _, line in counted],
                "skus": [line.sku for _, line in counted],
                "expected": [line.expected_each for _, line in counted],
                "received": [line.received_each for _, line in counted],
                "damaged": [line.damaged_each for _, line in counted],
            },
        )
    return fresh


def receipts(tx: Tx, receipt_ids: Iterable[str]) -> dict[str, Receipt]:
    """Receipts with their lines, by id."""
    wanted = {"receipt_ids": sorted(set(receipt_ids))}
    if not wanted["receipt_ids"]:
        return {}
    lines: dict[str, list[ReceiptLine]] = defaultdict(list)
    for receipt_id, *rest in tx.rows(Q.read_receipt_lines, wanted):
        lines[receipt_id].append(ReceiptLine(*rest))
    return {
        row[0]: Receipt(
            receipt_id=row[0],
            node=row[1],
            document=row[2],
            state=ReceiptState(row[3]),
            received_at=row[4],
            put_away_at=row[5],
            receive_command=row[6],
            put_away_command=row[7],
            lines=tuple(lines[row[0]]),
        )
        for row in tx.rows(Q.read_receipts, wanted)
    }


def of_documents(tx: Tx, documents: Iterable[str]) -> list[str]:
    """The ids of the receipts of documents, the oldest first."""
    rows = tx.rows(Q.receipts_of_documents, {"documents": sorted(set(documents))})
    return [row[0] for row in rows]


def waiting(tx: Tx, nodes: Iterable[str], at: datetime, limit: int) -> list[str]:
    """The ids of receipts that came up to an instant and are not put away, the oldest first."""
    rows = tx.rows(Q.waiting_receipts, {"nodes": sorted(set(nodes)), "at": at, "limit": limit})
    return [row[0] for row in rows]


def put_away(tx: Tx, done: Mapping[str, str]) -> None:
    """Take receipts to put away: receipt id -> command id.

    Raises: Conflict when one is put away already.
    """
    if not done:
        return
    receipt_ids = sorted(done)
    tx.guard(
        Q.put_away_receipts,
        {
            "receipt_ids": receipt_ids,
            "command_ids": [done[r] for r in receipt_ids],
            "at": tx.now,
        },
        len(receipt_ids),
        "a receipt was put away meanwhile",
    )
