"""Receive purchase orders: what came is counted in and put away, damaged units in quarantine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Receipt
from entrepot.departments.purchasing import service_orders as purchasing
from entrepot.departments.purchasing.model import Received, ReceiveOrder, Repeated
from entrepot.departments.warehouse import service_inbound as warehouse
from entrepot.departments.warehouse.model import InboundReceipt, PutAway, ReceiptLine
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.procure_to_stock import expected
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def receive_orders(tx: Tx, commands: Sequence[ReceiveOrder]) -> list[Received | Repeated | Refusal]:
    """Book deliveries; a line that is short stays expected unless the command closes it.

    The warehouse puts away at once: units that came may be promised from this instant.

    Refuses: what purchasing refuses.
    Raises: Conflict when stock changed meanwhile.
    """
    answers = purchasing.receive(tx, commands)
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, Received)]
    counted = [_counted(c, a) for c, a in done]
    agreed(warehouse.receive(tx, counted))
    agreed(warehouse.put_away(tx, [PutAway(c.command_id, c.actor, c.receipt_id) for c in counted]))
    agreed(inventory.receive(tx, [r for c, a in done for r in _receipts(c, a)]))
    expected.withdraw(tx, [(c.po_id, a.lines) for c, a in done])
    return answers


def goods_receipt_id(po_id: str, receipt_id: str) -> str:
    """The warehouse's id of a receipt of a purchase order."""
    return f"purchase/{po_id}/{receipt_id}"


def _counted(command: ReceiveOrder, answer: Received) -> InboundReceipt:
    lacks = {line.line_no: line.ordered_each - line.received_each for line in answer.order.lines}
    return InboundReceipt(
        command_id=command.command_id,
        actor=command.actor,
        receipt_id=goods_receipt_id(command.po_id, command.receipt_id),
        node=answer.order.header.node,
        document=command.po_id,
        lines=tuple(
            ReceiptLine(
                line_no=came.line_no,
                sku=came.sku,
                expected_each=max(0, lacks[came.line_no] + came.received_each),
                received_each=came.received_each,
                damaged_each=came.damaged_each,
            )
            for came in answer.lines
        ),
    )


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
