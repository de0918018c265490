"""Pure tracking decisions: what a carrier's event means, and whether it is news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from entrepot.departments.carriage.decisions import MOVING, SHIPMENT_STEPS, bad
from entrepot.departments.carriage.model import (
    Incident,
    Party,
    Shipment,
    ShipmentState,
    TrackingEvent,
    TrackingKind,
)
from entrepot.words.outcome import Refusal, RefusalCode

EVENT_ID_CHARACTERS_MAX = 200
TEXT_CHARACTERS_MAX = 200
# Carriers that send local time for UTC are up to 14 hours ahead.
AHEAD_MAX = timedelta(hours=24)

STATE_OF: Mapping[TrackingKind, ShipmentState | None] = {
    TrackingKind.accepted: ShipmentState.handed_over,
    TrackingKind.in_transit: ShipmentState.in_transit,
    TrackingKind.out_for_delivery: ShipmentState.out_for_delivery,
    TrackingKind.ready_for_collection: ShipmentState.out_for_delivery,
    TrackingKind.attempted: ShipmentState.exception,
    TrackingKind.delayed: ShipmentState.exception,
    TrackingKind.on_hold: ShipmentState.exception,
    TrackingKind.damaged: ShipmentState.exception,
    TrackingKind.returning: ShipmentState.exception,
    TrackingKind.returned: ShipmentState.returned,
    TrackingKind.lost: ShipmentState.lost,
    TrackingKind.delivered: ShipmentState.delivered,
    TrackingKind.information: None,
}
"""The state a kind of event shows; None = none."""

# What carriers write, in lower case with one underscore between words.
# Source: status lists of the carriers' public tracking interfaces, joined.
_WORDS: Mapping[TrackingKind, str] = {
    TrackingKind.accepted: "picked_up collected pickup carrier_pickup received_by_carrier "
    "origin_scan handed_over acceptance",
    TrackingKind.in_transit: "transit arrived arrival departed departure hub_scan depot_scan "
    "arrived_at_hub departed_hub arrived_at_facility departed_facility processed sorted on_the_way "
    "customs_cleared export_scan import_scan",
    TrackingKind.out_for_delivery: "with_courier with_driver on_vehicle_for_delivery "
    "out_with_courier loaded_for_delivery",
    TrackingKind.ready_for_collection: "ready_for_pickup available_for_pickup at_pickup_point "
    "at_parcel_shop in_locker awaiting_collection",
    TrackingKind.attempted: "delivery_attempted attempted_delivery delivery_failed "
    "failed_attempt delivery_failure not_delivered",
    TrackingKind.delayed: "delay delivery_delayed rescheduled exception late",
    TrackingKind.on_hold: "held customs_hold held_by_customs held_at_depot awaiting_instructions",
    TrackingKind.damaged: "damage parcel_damaged",
    TrackingKind.returning: "return_to_sender returning_to_sender return_in_transit return_started",
    TrackingKind.returned: "returned_to_sender return_delivered",
    TrackingKind.lost: "missing parcel_lost declared_lost",
    TrackingKind.delivered: "delivery_complete delivered_to_neighbor delivered_to_safe_place "
    "delivered_to_locker signed proof_of_delivery collected_by_consignee pod",
    TrackingKind.information: "info information_received label_created pre_transit "
    "electronic_notification unknown",
}
_KINDS = {kind.value: kind for kind in TrackingKind} | {
    word: kind for kind, words in _WORDS.items() for word in words.split()
}

PARTY_OF: Mapping[Incident, Party] = {
    Incident.missed_connection: Party.carrier,
    Incident.missorted: Party.carrier,
    Incident.vehicle_breakdown: Party.carrier,
    Incident.over_capacity: Party.carrier,
    Incident.parcel_damaged: Party.carrier,
    Incident.parcel_missing: Party.carrier,
    Incident.label_unreadable: Party.retailer,
    Incident.bad_packaging: Party.retailer,
    Incident.late_hand_over: Party.retailer,
    Incident.not_at_home: Party.consignee,
    Incident.closed: Party.consignee,
    Incident.address_not_found: Party.consignee,
    Incident.access_denied: Party.consignee,
    Incident.refused: Party.consignee,
    Incident.unclaimed: Party.consignee,
    Incident.customs_inspection: Party.customs,
    Incident.customs_documents: Party.customs,
    Incident.duties_unpaid: Party.customs,
    Incident.bad_weather: Party.weather,
    Incident.disaster: Party.weather,
}
"""Who or what an incident is put down to."""

_USUAL: Mapping[TrackingKind, Incident] = {
    TrackingKind.attempted: Incident.not_at_home,
    TrackingKind.delayed: Incident.missed_connection,
    TrackingKind.on_hold: Incident.missed_connection,
    TrackingKind.damaged: Incident.parcel_damaged,
    TrackingKind.returning: Incident.refused,
    TrackingKind.lost: Incident.parcel_missing,
}

# Of news from the same instant the one that tells more counts.
_WEIGHT = {
    ShipmentState.in_transit: 0,
    ShipmentState.out_for_delivery: 1,
    ShipmentState.exception: 2,
    ShipmentState.lost: 3,
}


def parse_kind(value: str) -> TrackingKind | Refusal:
    """The kind a carrier's word stands for, whatever its case and signs between words.

    Refuses: bad_value for a word that is not known: an event is never guessed.
    """
    letters = "".join(c if c.isalnum() else " " for c in value.lower())
    kind = _KINDS.get("_".join(letters.split()))
    if kind is not None:
        return kind
    wanted = f"one of {', '.join(TrackingKind)} or a usual word for it"
    return bad(RefusalCode.bad_value, "kind", value, wanted)


class Told(NamedTuple):
    """An event in the house's words."""

    kind: TrackingKind
    incident: Incident | None


def read(event: TrackingEvent, now: datetime) -> Told | Refusal:
    """What an event says.

    Refuses: bad_value for an unknown kind or incident, or a text that is too long; bad_identifier
    for the event id; bad_date when it is more than a day ahead of `now`.
    """
    if not 0 < len(event.event_id) <= EVENT_ID_CHARACTERS_MAX:
        wanted = f"1 to {EVENT_ID_CHARACTERS_MAX} characters"
        return bad(RefusalCode.bad_identifier, "event_id", event.event_id, wanted)
    for field, text in (("place", event.place), ("detail", event.detail)):
        if len(text) > TEXT_CHARACTERS_MAX:
            wanted = f"at most {TEXT_CHARACTERS_MAX} characters"
            return bad(RefusalCode.bad_value, field, text, wanted)
    if event.at > now + AHEAD_MAX:
        wanted = f"a time up to {now.isoformat(timespec='minutes')}; correct the carrier's clock"
        return bad(RefusalCode.bad_date, "at", event.at.isoformat(), wanted)
    kind = parse_kind(event.kind)
    if isinstance(kind, Refusal):
        return kind
    if event.incident is None:
        return Told(kind, _USUAL.get(kind))
    if event.incident not in list(Incident):
        wanted = f"one of {', '.join(Incident)}"
        return bad(RefusalCode.bad_value, "incident", event.incident, wanted)
    return Told(kind, Incident(event.incident))


def follow(shipment: Shipment, told: Told, at: datetime) -> Shipment | None:
    """The shipment as it is known after an event; None when that is no news.

    Whatever the order in which events come in, the state ends the same: a parcel that moves is
    where its latest news says, one that was handed over has not yet moved, and an end stays an
    end. Only "returned" gives way, to "delivered".
    """
    to_state = STATE_OF[told.kind]
    if to_state is None or to_state not in SHIPMENT_STEPS[shipment.state]:
        return None
    if shipment.state in MOVING and to_state in MOVING:
        known = shipment.last_event_at, _WEIGHT[shipment.state]
        if (at, _WEIGHT[to_state]) <= known:
            return None
    return shipment._replace(
        state=to_state,
        handed_over_at=shipment.handed_over_at or at,
        delivered_at=at if to_state is ShipmentState.delivered else None,
        last_event_at=at,
        incident=told.incident.value if told.incident else shipment.incident,
    )
