"""Two suppliers, and commands about orders given to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from entrepot.departments.purchasing import service, service_orders
from entrepot.departments.purchasing.decisions import lead_time
from entrepot.departments.purchasing.model import (
    Arrived,
    EndOrder,
    NewLine,
    PurchaseOrder,
    RaiseOrder,
    ReceiveOrder,
    Supplier,
    SupplierChange,
)
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal

ME = "buyer"
DUE = datetime(2026, 4, 1, 8, tzinfo=UTC)
PORTO = Supplier("porto", "Atelier Porto", "PT", "EUR", lead_time(14, 4))
LYON = Supplier("lyon", "Verre de Lyon", "FR", "EUR", lead_time(7, 0))

C = TypeVar("C")


def with_suppliers(database: Database) -> None:
    """Both suppliers are registered."""
    changes = [SupplierChange("set-up", ME, each) for each in (PORTO, LYON)]
    for answer in database.run(lambda tx: service.register_suppliers(tx, changes)):
        assert not isinstance(answer, Refusal), answer


def an_order(po_id: str = "PO-1", *lines: tuple[str, int], **changes: Any) -> RaiseOrder:
    """A command to order (SKU, each) lines from Porto to Berlin; by default 10 MUG and 6 CUP."""
    wanted: dict[str, Any] = {
        "command_id": f"raise:{po_id}",
        "actor": ME,
        "po_id": po_id,
        "supplier_id": "porto",
        "node": "BER",
        "currency": "EUR",
        "due_at": DUE,
        "lines": tuple(
            NewLine(sku, each, 120, "asked for") for sku, each in lines or (("MUG", 10), ("CUP", 6))
        ),
    }
    return RaiseOrder(**{**wanted, **changes})


def a_receipt(receipt_id: str, *arrived: Arrived, po_id: str = "PO-1", **changes: Any) -> Any:
    """A command to receive these lines of an order."""
    return ReceiveOrder(f"receive:{receipt_id}", ME, po_id, receipt_id, arrived, **changes)


def an_end(po_id: str = "PO-1", reason: str = "no longer needed") -> EndOrder:
    """A command to expect nothing more of an order."""
    return EndOrder(f"end:{po_id}", ME, po_id, reason)


def do(database: Database, verb: Callable[[Tx, Sequence[Any]], list[Any]], *commands: Any) -> Any:
    """One transaction with these commands; the answers, or the answer to the only one."""
    answers = database.run(lambda tx: verb(tx, commands))
    return answers if len(answers) > 1 else answers[0]


def order(database: Database, po_id: str = "PO-1") -> PurchaseOrder:
    """A purchase order as it stands."""
    with database.transaction(read_only=True) as tx:
        return service_orders.read(tx, [po_id])[po_id]


def findings(database: Database) -> list[str]:
    """What the audit of the purchase orders finds."""
    with database.transaction(read_only=True) as tx:
        return service_orders.audit(tx)[0]
