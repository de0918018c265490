"""The verbs of carriage: book, hand over, void, track.

Each takes a batch and gives an answer per command, in order: one read, pure decisions, guarded
writes. A command is known by its id, an event by the carrier's: repeated, it changes nothing and
is answered the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from entrepot.departments.carriage import decisions, store, tracking
from entrepot.departments.carriage.decisions import Hands, normal_tracking_no, shipment_subject
from entrepot.departments.carriage.model import (
    Book,
    Booked,
    HandedOver,
    HandOver,
    Heard,
    Incident,
    Shipment,
    ShipmentBooked,
    ShipmentDelayed,
    ShipmentDelivered,
    ShipmentHandedOver,
    ShipmentLost,
    ShipmentReturned,
    ShipmentState,
    ShipmentVoided,
    Tracked,
    TrackingEvent,
    Void,
    Voided,
)
from entrepot.departments.carriage.store import Key, key_of
from entrepot.departments.carriage.tracking import PARTY_OF, Told
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.outcome import Conflict, Refusal, RefusalCode

MOVING_MAX = 100_000
AUDIT_FINDINGS_MAX = 100

Part = tuple[str, int]
A = TypeVar("A")


def book(tx: Tx, commands: Sequence[Book]) -> list[Booked | Refusal]:
    """Book parcels with carriers' services, each a shipment of its part. Fact: ShipmentBooked.

    Refuses: wrong_state for a carton that has its shipment; duplicate_value for a tracking number
    that another parcel has; bad_identifier, bad_value, bad_price for what the command says.
    Raises: Conflict when the part was booked at the same time.
    """
    refusals = [decisions.book(c) for c in commands]
    good = [c for c, refusal in zip(commands, refusals, strict=True) if refusal is None]
    known = store.of_orders(tx, {c.order_id for c in good})
    by_carton = {(s.order_id, s.sscc): s for s in known}
    last: dict[Part, int] = defaultdict(int)
    for shipment in known:
        last[shipment.order_id, shipment.part_no] = shipment.shipment_no
    new: dict[tuple[str, str], tuple[Shipment, Book]] = {}
    for command in good:
        carton = command.order_id, command.sscc
        if carton not in by_carton:
            last[command.order_id, command.part_no] += 1
            number = last[command.order_id, command.part_no]
            by_carton[carton] = _new(tx, command, number)
            new[carton] = by_carton[carton], command
    taken = _write_booked(tx, list(new.values()))
    return [
        refusal or _booked(by_carton[c.order_id, c.sscc], c, taken)
        for c, refusal in zip(commands, refusals, strict=True)
    ]


def _new(tx: Tx, command: Book, shipment_no: int) -> Shipment:
    return Shipment(
        order_id=command.order_id,
        part_no=command.part_no,
        shipment_no=shipment_no,
        node=command.node,
        service=command.service,
        sscc=command.sscc,
        tracking_no=normal_tracking_no(command.tracking_no or command.sscc),
        mass_g=command.mass_g,
        cost_minor=command.cost_minor,
        currency=command.currency,
        state=ShipmentState.booked,
        latest_date=command.latest_date,
        booked_at=tx.now,
        handed_over_at=None,
        delivered_at=None,
        voided_at=None,
        last_event_at=tx.now,
        incident=None,
        book_command=command.command_id,
        hand_over_command=None,
        void_command=None,
        version=1,
    )


def _write_booked(tx: Tx, new: Sequence[tuple[Shipment, Book]]) -> set[Key]:
    """Writes shipments with their facts; gives those whose tracking number is another's."""
    numbered = store.claim_numbers(tx, [shipment for shipment, _ in new])
    refused = [shipment for shipment, _ in new if key_of(shipment) not in numbered]
    if refused:
        _not_ours(tx, refused)
    written = [(shipment, c) for shipment, c in new if key_of(shipment) in numbered]
    store.insert(tx, [shipment for shipment, _ in written])
    announce(tx, [_told(shipment, c, _booked_fact(shipment)) for shipment, c in written])
    return {key_of(shipment) for shipment in refused}


def _not_ours(tx: Tx, refused: Sequence[Shipment]) -> None:
    """Raises: Conflict when a number was taken for the same carton by a command at work at the
    same time: tried again, it is a repeat."""
    owners = store.by_number(tx, (s.tracking_no for s in refused))
    for shipment in refused:
        owner = owners.get(shipment.tracking_no)
        if owner and (owner.order_id, owner.sscc) == (shipment.order_id, shipment.sscc):
            raise Conflict("a carton was booked twice at once", kind="guard")


def _booked(shipment: Shipment, command: Book, taken: set[Key]) -> Booked | Refusal:
    if shipment.book_command != command.command_id:
        return decisions.booked_before(shipment)
    if key_of(shipment) in taken:
        return decisions.number_taken(shipment.tracking_no)
    return decisions.booked(shipment)


def _booked_fact(shipment: Shipment) -> Fact:
    return ShipmentBooked(
        order_id=shipment.order_id,
        part_no=shipment.part_no,
        shipment_no=shipment.shipment_no,
        node=shipment.node,
        service=shipment.service,
        sscc=shipment.sscc,
        tracking_no=shipment.tracking_no,
        mass_g=shipment.mass_g,
        cost_minor=shipment.cost_minor,
        currency=shipment.currency,
        latest_date=shipment.latest_date,
    )


def _told(
    shipment: Shipment, command: Book | HandOver | Void | TrackingEvent, fact: Fact
) -> Announcement:
    return Announcement(
        shipment_subject(shipment.order_id, shipment.part_no, shipment.shipment_no),
        fact,
        command.command_id,
        command.actor,
    )


def hand_over(tx: Tx, commands: Sequence[HandOver]) -> list[HandedOver | Refusal]:
    """Give the parcels of parts to their carriers. Fact: ShipmentHandedOver, one per parcel.

    Refuses: unknown_order for a part without a booking; wrong_state.
    Raises: Conflict when somebody else was faster.
    """
    return _whole_parts(
        tx,
        commands,
        decisions.hand_over,
        lambda s, c: s._replace(
            state=ShipmentState.handed_over if s.state is ShipmentState.booked else s.state,
            last_event_at=tx.now if s.state is ShipmentState.booked else s.last_event_at,
            handed_over_at=s.handed_over_at or tx.now,
            hand_over_command=c.command_id,
        ),
        HandedOver,
    )


def void(tx: Tx, commands: Sequence[Void]) -> list[Voided | Refusal]:
    """Give the bookings of parts up. Fact: ShipmentVoided, one per parcel.

    Refuses: unknown_order for a part without a booking; wrong_state when the carrier has one.
    Raises: Conflict when somebody else was faster.
    """
    return _whole_parts(
        tx,
        commands,
        decisions.void,
        lambda s, c: s._replace(
            state=ShipmentState.voided, voided_at=tx.now, void_command=c.command_id
        ),
        Voided,
    )


C = TypeVar("C", HandOver, Void)


def _whole_parts(
    tx: Tx,
    commands: Sequence[C],
    decide: Callable[[str, int, Iterable[Shipment], str], Hands | Refusal],
    change: Callable[[Shipment, C], Shipment],
    answer: Callable[[str, int, tuple[str, ...]], A],
) -> list[A | Refusal]:
    """Carry out commands each of which is about all parcels of a part."""
    parts: dict[Part, dict[int, Shipment]] = defaultdict(dict)
    for shipment in store.of_orders(tx, (c.order_id for c in commands)):
        parts[shipment.order_id, shipment.part_no][shipment.shipment_no] = shipment
    answers: list[A | Refusal] = []
    changes: list[tuple[Shipment, Shipment]] = []
    told: list[Announcement] = []
    for command in commands:
        part = parts[command.order_id, command.part_no]
        decided = decide(command.order_id, command.part_no, part.values(), command.command_id)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        for old in decided.change:
            part[old.shipment_no] = new = change(old, command)
            changes.append((old, new))
            told += [_told(new, command, fact) for fact in _news(old, new, None)]
        numbers = tuple(shipment.tracking_no for shipment in decided.answer)
        answers.append(answer(command.order_id, command.part_no, numbers))
    store.move(tx, changes)
    announce(tx, told)
    return answers


def track(tx: Tx, events: Sequence[TrackingEvent]) -> list[Tracked | Refusal]:
    """Take in what carriers tell; an event id counts once per parcel, whatever it says again.

    Facts: ShipmentHandedOver, ShipmentDelayed, ShipmentLost, ShipmentReturned, ShipmentDelivered,
    as the news is.
    Refuses: unknown_order for a tracking number of nobody; bad_value, bad_identifier and bad_date
    for what the event says.
    Raises: Conflict when news of the same parcel came in at the same time.
    """
    read = [tracking.read(event, tx.now) for event in events]
    numbers = [normal_tracking_no(event.tracking_no) for event in events]
    before = store.by_number(tx, numbers)
    seen = store.told_before(
        tx,
        [
            (key_of(before[n]), e.event_id)
            for n, e in zip(numbers, events, strict=True)
            if n in before
        ],
    )
    now = dict(before)
    answers: list[Tracked | Refusal] = []
    heard: list[Heard] = []
    told: list[Announcement] = []
    for event, number, said in zip(events, numbers, read, strict=True):
        if isinstance(said, Refusal) or number not in now:
            answers.append(said if isinstance(said, Refusal) else _nobody(event))
            continue
        old = now[number]
        key = key_of(old)
        if (key, event.event_id) not in seen:
            new = tracking.follow(old, said, event.at)
            seen[key, event.event_id] = new.state if new else None
            heard.append(_heard(tx, key, event, said, new))
            if new is not None:
                now[number] = new
                told += [_told(new, event, fact) for fact in _news(old, new, said)]
        answers.append(Tracked(*key, event.event_id, seen[key, event.event_id]))
    store.move(tx, [(old, now[n]) for n, old in before.items() if now[n] is not old])
    store.insert_events(tx, heard)
    announce(tx, told)
    return answers


def _nobody(event: TrackingEvent) -> Refusal:
    return decisions.bad(
        RefusalCode.unknown_order,
        "tracking_no",
        event.tracking_no,
        "the tracking number of a shipment",
    )


def _heard(tx: Tx, key: Key, event: TrackingEvent, told: Told, new: Shipment | None) -> Heard:
    return Heard(
        *key,
        event_id=event.event_id,
        at=event.at,
        heard_at=tx.now,
        kind=told.kind,
        incident=told.incident,
        place=event.place,
        detail=event.detail,
        to_state=new.state if new else None,
    )


def _news(old: Shipment, new: Shipment, told: Told | None) -> list[Fact]:
    """The facts of a change; `told` = the event behind it, None = our own doing."""
    where = (new.order_id, new.part_no, new.shipment_no, new.node, new.service)
    facts: list[Fact] = []
    if new.state is ShipmentState.voided:
        return [ShipmentVoided(*where)]
    if old.handed_over_at is None and new.handed_over_at is not None:
        facts.append(ShipmentHandedOver(*where, at=new.handed_over_at))
    if told is None:
        return facts
    at = new.last_event_at
    incident = told.incident or Incident.missed_connection
    party = PARTY_OF[incident]
    if new.state is ShipmentState.exception:
        facts.append(
            ShipmentDelayed(
                *where,
                at=at,
                kind=told.kind,
                incident=incident,
                party=party,
                latest_date=new.latest_date,
            )
        )
    elif new.state is ShipmentState.lost and old.state is not ShipmentState.lost:
        facts.append(
            ShipmentLost(*where, at=at, incident=incident, party=party, latest_date=new.latest_date)
        )
    elif new.state is ShipmentState.returned:
        facts.append(ShipmentReturned(*where, at=at))
    elif new.state is ShipmentState.delivered:
        assert new.handed_over_at is not None, "what was delivered was handed over"
        facts.append(
            ShipmentDelivered(
                *where,
                at=at,
                handed_over_at=new.handed_over_at,
                latest_date=new.latest_date,
            )
        )
    return facts


def shipments_of(tx: Tx, order_ids: Iterable[str]) -> list[Shipment]:
    """The shipments of these orders, voided ones too, by order, part and number."""
    return store.of_orders(tx, order_ids)


def shipments_by_number(tx: Tx, tracking_nos: Iterable[str]) -> Mapping[str, Shipment]:
    """Shipments by tracking number (in capitals, without spaces), those that exist."""
    return store.by_number(tx, map(normal_tracking_no, tracking_nos))


def events_of(tx: Tx, order_ids: Iterable[str]) -> Mapping[Key, tuple[Heard, ...]]:
    """What carriers told about the shipments of orders: (order, part, number) -> events, in the
    order in which they happened."""
    return store.events_of(tx, order_ids)


def in_transit(tx: Tx, before: datetime, limit: int = MOVING_MAX) -> list[Shipment]:
    """Shipments with their carriers, not yet at an end, whose last news is from before an
    instant; those silent for the longest first."""
    return store.moving(tx, before, min(max(limit, 1), MOVING_MAX))


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    shipments, events = store.audit_counts(tx)
    return store.audit(tx, AUDIT_FINDINGS_MAX), {
        "shipments": shipments,
        "tracking events": events,
    }
