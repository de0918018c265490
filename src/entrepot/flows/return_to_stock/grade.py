"""Grade returns: each unit goes from quarantine back to sale and its place, or is scrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Quarantine
from entrepot.departments.ordering import service_returns as ordering
from entrepot.departments.ordering.returns import GradeReturn, Returned, SameReturn
from entrepot.departments.warehouse import service_inbound as warehouse
from entrepot.departments.warehouse.model import PutAway
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.return_to_stock.receive import goods_receipt_id
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def grade_returns(tx: Tx, commands: Sequence[GradeReturn]) -> list[Returned | SameReturn | Refusal]:
    """Book what becomes of the units that came back.

    Refuses: what ordering refuses.
    Raises: Conflict when the units are not in quarantine any more.
    """
    answers = ordering.grade_returns(tx, commands)
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, Returned)]
    agreed(
        warehouse.put_away(
            tx,
            [
                PutAway(c.command_id, c.actor, goods_receipt_id(c.order_id, c.return_id))
                for c, _ in done
            ],
        )
    )
    agreed(inventory.quarantine(tx, [move for c, a in done for move in _moves(c, a)]))
    return answers


def _moves(command: GradeReturn, answer: Returned) -> Iterator[Quarantine]:
    for line in answer.order.lines:
        for quantity_each, scrap in ((line.restocked_each, False), (line.scrapped_each, True)):
            if quantity_each:
                yield Quarantine(
                    command_id=command.command_id,
                    actor=command.actor,
                    sku=line.sku,
                    node=answer.order.header.node,
                    quantity_each=quantity_each,
                    document=command.order_id,
                    release=not scrap,
                    scrap=scrap,
                )
