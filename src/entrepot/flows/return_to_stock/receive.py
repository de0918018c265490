"""Receive returns: what came back stands in quarantine until it is graded."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Account, Receipt
from entrepot.departments.ordering import service_returns as ordering
from entrepot.departments.ordering.returns import ReceiveReturn, Returned, SameReturn
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
                for c, a in zip(commands, answers, strict=True)
                if isinstance(a, Returned)
                for line in a.order.lines
                if line.received_each
            ],
        )
    )
    return answers
