"""Give up backorders: what could not be filled in time is cancelled, with a fact, part by part."""

from __future__ import annotations

from datetime import timedelta

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Move, ReservationState
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import OpenPart, PartMove, PartState
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx

BACKORDER_DAYS = 30
BATCH = 1_000
SYSTEM = "system"


def give_up(tx: Tx, *, days: int = BACKORDER_DAYS) -> int:
    """Cancel parts that have waited longer than so many days; gives how many, at most BATCH.

    An order of which nothing is left ends as cancelled, for lack of stock.
    Raises: Conflict when stock came for one of them meanwhile.
    """
    before = tx.now - timedelta(days=days)
    late = parts.in_state(tx, PartState.backordered, limit=BATCH, until=before)
    if not late:
        return 0
    skus = parts.skus_of(tx, [p.order_id for p in late])
    moved = ordering.move_parts(tx, [_part_move(p, days) for p in late])
    freed = commitments.move(
        tx,
        [
            Move(
                command_id=_command(p),
                actor=SYSTEM,
                sku=skus[p.order_id][line.line_no],
                reservation_id=line.reservation_id,
                to_state=ReservationState.cancelled,
                document=p.order_id,
            )
            for p in late
            for line in p.part.lines
            if line.reservation_id is not None
        ],
    )
    agreed([*moved, *freed])
    return len(late)


def _command(part: OpenPart) -> str:
    return f"give-up:{part.order_id}:{part.part.part_no}"


def _part_move(part: OpenPart, days: int) -> PartMove:
    return PartMove(
        order_id=part.order_id,
        part_no=part.part.part_no,
        to_state=PartState.cancelled,
        detail=f"no stock came in {days} days",
        command_id=_command(part),
        actor=SYSTEM,
    )
