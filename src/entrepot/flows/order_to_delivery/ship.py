"""Ship: the carrier took a part's parcels; the stock has left the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import HandOver as HandOverParcels
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Move, ReservationState
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import PartMove, PartState
from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import HandedOverWork, HandOver
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


class ShipPart(NamedTuple):
    """The carrier took the parcels of a part."""

    command_id: str
    actor: str
    order_id: str
    part_no: int


def ship(tx: Tx, commands: Sequence[ShipPart]) -> list[HandedOverWork | Refusal]:
    """Hand parts over to their carriers.

    Refuses: what the warehouse refuses.
    Raises: Conflict when a part changed meanwhile.
    """
    answers = warehouse.hand_over(tx, [HandOver(*c) for c in commands])
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, HandedOverWork)]
    agreed(carriage.hand_over(tx, [HandOverParcels(*c) for c, _ in done]))
    agreed(
        ordering.move_parts(
            tx,
            [
                PartMove(
                    order_id=c.order_id,
                    part_no=c.part_no,
                    to_state=PartState.shipped,
                    detail=f"handed over at {a.node}",
                    command_id=c.command_id,
                    actor=c.actor,
                )
                for c, a in done
            ],
        )
    )
    agreed(commitments.move(tx, _leaving(tx, [c for c, _ in done])))
    return answers


def _leaving(tx: Tx, commands: Sequence[ShipPart]) -> list[Move]:
    """The allocated units behind these parts, which are the customer's now."""
    order_ids = sorted({c.order_id for c in commands})
    standing = parts.read(tx, order_ids)
    skus = parts.skus_of(tx, order_ids)
    lines = {
        (order_id, part.part_no): part.lines
        for order_id, listed in standing.items()
        for part in listed
    }
    return [
        Move(
            command_id=c.command_id,
            actor=c.actor,
            sku=skus[c.order_id][line.line_no],
            reservation_id=line.reservation_id,
            to_state=ReservationState.shipped,
            document=c.order_id,
        )
        for c in commands
        for line in lines[c.order_id, c.part_no]
        if line.reservation_id is not None
    ]
