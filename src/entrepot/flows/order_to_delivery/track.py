"""Track: what carriers tell about parcels; a part has arrived with the last of its parcels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import (
    Shipment,
    ShipmentState,
    Tracked,
    TrackingEvent,
)
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import PartMove, PartState
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal

ENDED = frozenset({ShipmentState.delivered, ShipmentState.lost, ShipmentState.returned})


def track(tx: Tx, events: Sequence[TrackingEvent]) -> list[Tracked | Refusal]:
    """Take in tracking events; parts whose parcels have all come to an end are delivered or lost.

    Refuses: what carriage refuses.
    Raises: Conflict when a part changed meanwhile.
    """
    answers = carriage.track(tx, events)
    heard = [
        (e, a)
        for e, a in zip(events, answers, strict=True)
        if isinstance(a, Tracked) and a.state in ENDED
    ]
    if not heard:
        return answers
    by_part: dict[tuple[str, int], list[Shipment]] = defaultdict(list)
    for shipment in carriage.shipments_of(tx, sorted({a.order_id for _, a in heard})):
        if shipment.state is not ShipmentState.voided:
            by_part[shipment.order_id, shipment.part_no].append(shipment)
    heads = parts.heads(tx, {a.order_id for _, a in heard})
    shipped = {key for key, head in heads.items() if head.state is PartState.shipped}
    last = {(a.order_id, a.part_no): e for e, a in heard if (a.order_id, a.part_no) in shipped}
    agreed(
        ordering.move_parts(
            tx,
            [
                _ended(key, event, by_part[key])
                for key, event in last.items()
                if all(s.state in ENDED for s in by_part[key])
            ],
        )
    )
    return answers


def _ended(key: tuple[str, int], event: TrackingEvent, shipments: Sequence[Shipment]) -> PartMove:
    missing = [s.tracking_no for s in shipments if s.state is not ShipmentState.delivered]
    return PartMove(
        order_id=key[0],
        part_no=key[1],
        to_state=PartState.lost if missing else PartState.delivered,
        detail=f"{len(missing)} of {len(shipments)} parcels did not arrive"
        if missing
        else "delivered",
        command_id=event.command_id,
        actor=event.actor,
    )
