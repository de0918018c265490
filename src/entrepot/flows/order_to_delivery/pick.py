"""Pick: a node booked what it took from the shelves; what was missing follows as a backorder."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Held, Reserve, Shorten
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import PartMove, PartState, Short
from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import Cancel, Pick, PickedWork, WorkLine
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal

# How the books call what a picker found.
BOOKED_AS = {"damaged": "damaged", "expired": "expired"}
NOTHING_PICKED = "nothing_picked"


def pick(tx: Tx, commands: Sequence[Pick]) -> list[PickedWork | Refusal]:
    """Book picks: the part goes on with what was found; missing units leave the stock with their
    reason and wait as a part of their own. A part of which nothing was found is cancelled.

    Refuses: what the warehouse refuses.
    Raises: Conflict when a part changed meanwhile.
    """
    answers = warehouse.pick(tx, commands)
    done = [(c, a) for c, a in zip(commands, answers, strict=True) if isinstance(a, PickedWork)]
    moves = [
        PartMove(
            order_id=c.order_id,
            part_no=c.part_no,
            to_state=PartState.picked,
            detail=f"picked at {a.node}",
            command_id=c.command_id,
            actor=c.actor,
        )
        for c, a in done
        if a.picked_each
    ]
    agreed(ordering.move_parts(tx, moves))
    _book_shorts(tx, [(c, line) for c, a in done for line in a.shorts])
    empty = [
        Cancel(f"{c.command_id}:cancel", c.actor, c.order_id, c.part_no, NOTHING_PICKED)
        for c, a in done
        if not a.picked_each
    ]
    agreed(warehouse.cancel(tx, empty))
    return answers


def _book_shorts(tx: Tx, missing: Sequence[tuple[Pick, WorkLine]]) -> None:
    if not missing:
        return
    behind = {
        (order_id, part.part_no, line.line_no): line.reservation_id
        for order_id, listed in parts.read(tx, sorted({c.order_id for c, _ in missing})).items()
        for part in listed
        for line in part.lines
    }
    waiting = commitments.reserve(
        tx,
        [
            Reserve(
                command_id=c.command_id,
                actor=c.actor,
                order_id=c.order_id,
                line_no=line.line_no,
                sku=line.sku,
                node=None,
                quantity_each=line.short_each,
            )
            for c, line in missing
        ],
    )
    shorts = []
    for (command, line), answer in zip(missing, waiting, strict=True):
        assert isinstance(answer, Held), "waiting for stock needs no stock"
        shorts.append(
            Short(
                order_id=command.order_id,
                part_no=command.part_no,
                line_no=line.line_no,
                short_each=line.short_each,
                reservation_id=answer.reservation.reservation_id,
                reason=line.short_reason or "not_found",
                command_id=command.command_id,
                actor=command.actor,
            )
        )
    parts.shorten(tx, shorts)
    gone = [
        Shorten(
            command_id=c.command_id,
            actor=c.actor,
            sku=line.sku,
            reservation_id=_known(behind[c.order_id, c.part_no, line.line_no]),
            short_each=line.short_each,
            reason=BOOKED_AS.get(line.short_reason or "", "lost"),
            document=c.order_id,
        )
        for c, line in missing
    ]
    agreed(commitments.shorten(tx, gone))


def _known(reservation_id: UUID | None) -> UUID:
    assert reservation_id is not None, "a released part has its reservations"
    return reservation_id
