"""Receive purchase orders: what came enters the stock, damaged units enter quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Receipt
from entrepot.departments.purchasing import service_orders as purchasing
from entrepot.departments.purchasing.model import Received, ReceiveOrder, Repeated
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.procure_to_stock import expected
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def receive_orders(tx: Tx, commands: Sequence[ReceiveOrder]) -> list[Received | Repeated | Refusal]:
    """Book deliveries; a line that is short stays expected unless the command closes it.

    Refuses: what purchasing refuses.
    Raises: Conflict when stock changed meanwhile.
    """
    answers = purchasing.receive(tx, commands)
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, Received)]
    agreed(inventory.receive(tx, [r for c, a in done for r in _receipts(c, a)]))
    expected.withdraw(tx, [(c.po_id, a.lines) for c, a in done])
    return answers


def _receipts(command: ReceiveOrder, answer: Received) -> Iterator[Receipt]:
    for line in answer.lines:
        sound_each = line.received_each - line.damaged_each
        for quantity_each, quarantine in ((sound_each, False), (line.damaged_each, True)):
            if quantity_each:
                yield Receipt(
                    command_id=command.command_id,
                    actor=command.actor,
                    sku=line.sku,
                    node=answer.order.header.node,
                    quantity_each=quantity_each,
                    document=command.po_id,
                    expected_id=expected.expected_id(command.po_id, line.line_no),
                    closes_expected=not line.open,
                    quarantine=quarantine,
                )
