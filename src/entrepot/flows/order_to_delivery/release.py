"""Release: parts whose stock is reserved go to their nodes to be picked; the stock is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Item
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Move, ReservationState
from entrepot.departments.network import decisions as network
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import OpenPart, PartMove, PartState
from entrepot.departments.warehouse import service as warehouse
from entrepot.departments.warehouse.model import AskedLine, Release
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.calendar import add_working_minutes, next_cut_off


def release(tx: Tx, due: Sequence[OpenPart], *, actor: str) -> int:
    """Release reserved parts of open orders; gives how many.

    due  as `ordering.service_parts.in_state` lists them

    A part is due to be picked within its node's handling time, and leaves with the first pickup of
    its service after that.
    Raises: Conflict when a part changed meanwhile.
    """
    if not due:
        return 0
    known = network_service.snapshot(tx)
    skus = parts.skus_of(tx, [d.order_id for d in due])
    items = catalog.read(tx, {s for lines in skus.values() for s in lines.values()})
    agreed(
        ordering.move_parts(
            tx,
            [
                PartMove(
                    order_id=d.order_id,
                    part_no=d.part.part_no,
                    to_state=PartState.released,
                    detail=f"released to {d.part.node}",
                    command_id=_command(d),
                    actor=actor,
                )
                for d in due
            ],
        )
    )
    agreed(warehouse.release(tx, [_work(tx.now, known, d, skus, items, actor) for d in due]))
    agreed(
        commitments.move(
            tx,
            [
                Move(
                    command_id=_command(d),
                    actor=actor,
                    sku=skus[d.order_id][line.line_no],
                    reservation_id=line.reservation_id,
                    to_state=ReservationState.allocated,
                    document=d.order_id,
                )
                for d in due
                for line in d.part.lines
                if line.reservation_id is not None
            ],
        )
    )
    return len(due)


def _command(due: OpenPart) -> str:
    return f"release:{due.order_id}:{due.part.part_no}"


def _work(
    at: datetime,
    known: Network,
    due: OpenPart,
    skus: Mapping[str, Mapping[int, str]],
    items: Mapping[str, Item],
    actor: str,
) -> Release:
    node, service = due.part.node, due.part.service
    assert node is not None and service is not None, "a reserved part has a node and a service"
    calendar = known.node_calendars[node]
    pick_due_at = add_working_minutes(calendar, at, known.nodes[node].handling_minutes)
    cut_off = network.cut_off_minute(known, service, node)
    pickup_days = known.services[service].pickup_days
    return Release(
        command_id=_command(due),
        actor=actor,
        order_id=due.order_id,
        part_no=due.part.part_no,
        node=node,
        lines=tuple(
            AskedLine(
                line.line_no,
                skus[due.order_id][line.line_no],
                line.quantity_each,
                items[skus[due.order_id][line.line_no]].mass_g,
            )
            for line in due.part.lines
        ),
        pick_due_at=pick_due_at,
        ship_by=next_cut_off(calendar, cut_off, pickup_days, pick_due_at),
    )
