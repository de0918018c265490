"""What purchase orders mean for the stock: units announced, and units that do not come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Expect
from entrepot.departments.purchasing.model import BookedLine, PoState, PurchaseOrder
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx


class Announced(NamedTuple):
    """An order whose goods are expected, by this command."""

    command_id: str
    actor: str
    order: PurchaseOrder


def expected_id(po_id: str, line_no: int) -> str:
    """The id of what a line announces."""
    return f"{po_id}/{line_no}"


def announce(tx: Tx, announced: Iterable[Announced]) -> None:
    """Let the stock count on the open lines of orders; a draft announces nothing."""
    agreed(
        inventory.expect(
            tx,
            [
                Expect(
                    command_id=a.command_id,
                    actor=a.actor,
                    expected_id=expected_id(a.order.header.po_id, line.line_no),
                    sku=line.sku,
                    node=a.order.header.node,
                    quantity_each=line.ordered_each,
                    due_at=a.order.header.due_at,
                    document=a.order.header.po_id,
                )
                for a in announced
                if a.order.header.state is not PoState.draft
                for line in a.order.lines
                if line.open
            ],
        )
    )


def withdraw(tx: Tx, given_up: Iterable[tuple[str, Sequence[BookedLine]]]) -> None:
    """Let the stock count no more on what does not come: (order, lines)."""
    inventory.withdraw(
        tx,
        {
            (line.sku, expected_id(po_id, line.line_no))
            for po_id, lines in given_up
            for line in lines
            if line.forgone_each
        },
    )
