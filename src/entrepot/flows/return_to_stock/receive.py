"""Receive returns: what came is counted in, and stands in quarantine until it is graded."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Account, Receipt
from entrepot.departments.ordering import service_returns as ordering
from entrepot.departments.ordering.returns import ReceiveReturn, Returned, SameReturn
from entrepot.departments.warehouse import service_inbound as warehouse
from entrepot.departments.warehouse.model import InboundReceipt, ReceiptLine
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def receive_returns(
    tx: Tx, commands: Sequence[ReceiveReturn]
) -> list[Returned | SameReturn | Refusal]:
    """Book parcels that customers sent back.

    Refuses: what ordering refuses.
    Raises: Conflict when stock changed meanwhile.
    """
    answers = ordering.receive_returns(tx, commands)
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, Returned)]
    agreed(warehouse.receive(tx, [_counted(c, a) for c, a in done]))
    agreed(
        inventory.receive(
            tx,
            [
                Receipt(
                    command_id=c.command_id,
                    actor=c.actor,
                    sku=line.sku,
                    node=a.order.header.node,
                    quantity_each=line.received_each,
                    document=c.order_id,
                    quarantine=True,
                    from_account=Account.customer,
                )
                for c, a in done
                for line in a.order.lines
                if line.received_each
            ],
        )
    )
    return answers


def goods_receipt_id(order_id: str, return_id: str) -> str:
    """The warehouse's id of the receipt of a return."""
    return f"return/{order_id}/{return_id}"


def _counted(command: ReceiveReturn, answer: Returned) -> InboundReceipt:
    return InboundReceipt(
        command_id=command.command_id,
        actor=command.actor,
        receipt_id=goods_receipt_id(command.order_id, command.return_id),
        node=answer.order.header.node,
        document=command.order_id,
        lines=tuple(
            ReceiptLine(line.line_no, line.sku, line.quantity_each, line.received_each)
            for line in answer.order.lines
        ),
    )
