"""What happens to orders inside and outside the warehouse, step by step on the virtual clock.

Each step takes what is due, does it through the same flows as live business, and lets the next
thing happen: a released part is picked, a picked one packed, a packed one handed over with its
service's next pickup, a parcel arrives or is lost. What follows is reckoned from the instant at
which a thing was due, not from the end of the hour in which it is done: hours would add up to
pickups that are missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import ShipmentState, TrackingEvent
from entrepot.departments.network import decisions as network
from entrepot.departments.network.model import Network
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import OpenPart, PartState
from entrepot.departments.warehouse.model import Pick, PickedWork, Short
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.order_to_delivery.pack import PackPart, pack
from entrepot.flows.order_to_delivery.pick import pick
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.order_to_delivery.ship import ShipPart, ship
from entrepot.flows.order_to_delivery.track import track
from entrepot.ground.database import Tx
from entrepot.simulation import store, world
from entrepot.simulation.store import Pending
from entrepot.words.calendar import (
    Calendar,
    add_working_minutes,
    is_open,
    local_date,
    next_cut_off,
)

ACTOR = "simulation"
COMPANY_PREFIX = "9501101"  # GS1's own range for examples
RELEASE_PAGE = 2_000
PICK, PACK, SHIP, ARRIVE = "pick", "pack", "ship", "arrive"
ALWAYS = (((0, 24 * 60),),) * 7
HOUR = timedelta(hours=1)


class Box(msgspec.Struct, frozen=True, array_like=True):
    """A part on its way; lines are (line, each).

    arrives_at  when its parcels come to their end; None = they have not left yet
    """

    order_id: str
    part_no: int
    node: str
    service: str
    country: str
    area: str
    lines: tuple[tuple[int, int], ...]
    arrives_at: datetime | None = None


class Scene(NamedTuple):
    """What every step needs.

    counts  what happened so far in this run, by name
    """

    tx: Tx
    seed: int
    network: Network
    counts: Counter[str]

    @property
    def now(self) -> datetime:
        """The virtual instant."""
        return self.tx.now


def _boxes(due: Sequence[Pending]) -> list[Box]:
    return [msgspec.convert(p.payload, Box) for p in due]


def _key(box: Box) -> str:
    return f"{box.order_id}/{box.part_no}"


def _next(scene: Scene, kind: str, boxes: Sequence[tuple[Box, datetime]]) -> list[Pending]:
    """Let the next thing happen to these parts; gives those to which it happens at once."""
    coming = [Pending(kind, _key(box), at, _plain(box)) for box, at in boxes]
    store.add(scene.tx, [p for p in coming if p.due_at > scene.now])
    return [p for p in coming if p.due_at <= scene.now]


def _plain(box: Box) -> Any:
    return msgspec.to_builtins(box)


def work_parts(scene: Scene, due: Sequence[Pending]) -> None:
    """Everything that is due inside the warehouses, as far as each part comes."""

    def of(kind: str) -> list[Pending]:
        return [p for p in due if p.kind == kind]

    if picking := [*of(PICK), *release_parts(scene)]:
        packing = [*of(PACK), *pick_parts(scene, picking)]
    else:
        packing = of(PACK)
    shipping = [*of(SHIP), *(pack_parts(scene, packing) if packing else ())]
    if shipping:
        ship_parts(scene, shipping)


def release_parts(scene: Scene) -> list[Pending]:
    """Nodes that are open take the parts whose stock is there; gives what is picked already."""
    if not any(is_open(c, scene.now) for c in scene.network.node_calendars.values()):
        return []
    found = parts.in_state(scene.tx, PartState.reserved, limit=RELEASE_PAGE)
    due = [p for p in found if is_open(scene.network.node_calendars[_node(p)], scene.now)]
    if not due:
        return []
    release(scene.tx, due, actor=ACTOR)
    scene.counts["released"] += len(due)
    boxes = []
    for part in due:
        box = _box(part)
        minutes = world.pick_minutes(scene.seed, box.order_id, box.part_no, len(box.lines))
        calendar = scene.network.node_calendars[box.node]
        boxes.append((box, add_working_minutes(calendar, _there_at(part), minutes)))
    return _next(scene, PICK, boxes)


def _there_at(part: OpenPart) -> datetime:
    """When a node could begin: as soon as it was ordered, or what was missing had come."""
    since = part.part.since
    return part.placed_at if since - part.placed_at < HOUR else since


def _node(part: OpenPart) -> str:
    assert part.part.node is not None, "a reserved part has a node"
    return part.part.node


def _box(part: OpenPart) -> Box:
    assert part.part.service is not None, "a reserved part has a service"
    return Box(
        order_id=part.order_id,
        part_no=part.part.part_no,
        node=_node(part),
        service=part.part.service,
        country=part.country,
        area=part.postal_area,
        lines=tuple((line.line_no, line.quantity_each) for line in part.part.lines),
    )


def pick_parts(scene: Scene, due: Sequence[Pending]) -> list[Pending]:
    """Pickers are done; some lines were short. Gives what is packed already."""
    boxes = _boxes(due)
    answers = pick(
        scene.tx,
        [
            Pick(
                command_id=f"pick:{_key(box)}",
                actor=ACTOR,
                order_id=box.order_id,
                part_no=box.part_no,
                shorts=tuple(
                    Short(*short)
                    for short in world.shorts(scene.seed, box.order_id, box.part_no, box.lines)
                ),
            )
            for box in boxes
        ],
    )
    agreed(answers)
    going = []
    for box, pending, answer in zip(boxes, due, answers, strict=True):
        assert isinstance(answer, PickedWork)
        scene.counts["short_lines"] += len(answer.shorts)
        scene.counts["picked" if answer.picked_each else "nothing_picked"] += 1
        if answer.picked_each:
            calendar = scene.network.node_calendars[box.node]
            done = add_working_minutes(calendar, pending.due_at, world.PACK_MINUTES)
            going.append((box, done))
    return _next(scene, PACK, going)


def pack_parts(scene: Scene, due: Sequence[Pending]) -> list[Pending]:
    """Packers are done; the parcels leave with the next pickup of their service, some at once."""
    boxes = _boxes(due)
    agreed(
        pack(
            scene.tx,
            [PackPart(f"pack:{_key(b)}", ACTOR, b.order_id, b.part_no) for b in boxes],
            company_prefix=COMPANY_PREFIX,
        )
    )
    scene.counts["packed"] += len(boxes)
    going = []
    for box, pending in zip(boxes, due, strict=True):
        cut_off = network.cut_off_minute(scene.network, box.service, box.node)
        days = scene.network.services[box.service].pickup_days
        calendar = scene.network.node_calendars[box.node]
        going.append((box, next_cut_off(calendar, cut_off, days, pending.due_at)))
    return _next(scene, SHIP, going)


def ship_parts(scene: Scene, due: Sequence[Pending]) -> None:
    """The carriers call; what they took arrives, or does not, and they tell some time later."""
    boxes = _boxes(due)
    agreed(
        ship(scene.tx, [ShipPart(f"ship:{_key(b)}", ACTOR, b.order_id, b.part_no) for b in boxes])
    )
    scene.counts["shipped"] += len(boxes)
    gone = [
        replace(box, arrives_at=_arrival(scene, box, pending.due_at).at)
        for box, pending in zip(boxes, due, strict=True)
    ]
    soonest = scene.now + timedelta(minutes=1)
    _next(scene, ARRIVE, [(b, max(world.told_at(_arrives_at(b)), soonest)) for b in gone])


def _arrives_at(box: Box) -> datetime:
    assert box.arrives_at is not None, "its parcels have left"
    return box.arrives_at


def _arrival(scene: Scene, box: Box, picked_up_at: datetime) -> world.Arrival:
    zone = network.zone_for(scene.network, box.node, box.country, box.area)
    assert zone is not None, f"{box.node} reached the destination when the order was sourced"
    there = _destination(scene.network, box.country)
    return world.arrival(
        scene.seed,
        scene.network,
        (box.order_id, box.part_no),
        box.service,
        zone,
        local_date(there, picked_up_at),
        there,
    )


def _destination(known: Network, country: str) -> Calendar:
    nodes = sorted(n.node_id for n in known.nodes.values() if n.country == country)
    zone = known.nodes[nodes[0]].zone if nodes else "UTC"
    if not nodes and known.retailer is not None:
        zone = known.retailer.zone
    return Calendar(zone, ALWAYS)


def end_parts(scene: Scene, due: Sequence[Pending]) -> None:
    """Carriers tell that parcels arrived, or that they are lost."""
    boxes = {(b.order_id, b.part_no): b for b in _boxes(due)}
    found = carriage.shipments_of(scene.tx, sorted({order_id for order_id, _ in boxes}))
    events = []
    for shipment in found:
        key = (shipment.order_id, shipment.part_no)
        if key not in boxes or shipment.state is ShipmentState.voided:
            continue
        lost = world.happens(scene.seed, world.LOST_PPM, *key, "lost")
        kind = "lost" if lost else "delivered"
        scene.counts[f"parcels_{kind}"] += 1
        events.append(
            TrackingEvent(
                command_id=f"arrive:{shipment.tracking_no}",
                actor=ACTOR,
                tracking_no=shipment.tracking_no,
                event_id=f"{kind}:{shipment.tracking_no}",
                at=_arrives_at(boxes[key]),
                kind=kind,
            )
        )
    agreed(track(scene.tx, events))


def waits(tx: Tx) -> bool:
    """Whether some part still waits for stock or for its node."""
    return parts.is_any_in(tx, (PartState.backordered, PartState.reserved))
