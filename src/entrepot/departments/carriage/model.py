"""Carriage values: shipments, tracking events, commands, and the facts about them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from entrepot.words.facts import Fact


class ShipmentState(StrEnum):
    """Where a parcel is known to be."""

    booked = "booked"
    handed_over = "handed_over"
    in_transit = "in_transit"
    out_for_delivery = "out_for_delivery"
    exception = "exception"
    lost = "lost"
    returned = "returned"
    delivered = "delivered"
    voided = "voided"


class TrackingKind(StrEnum):
    """What a carrier's event says, in one list for all carriers."""

    accepted = "accepted"
    in_transit = "in_transit"
    out_for_delivery = "out_for_delivery"
    ready_for_collection = "ready_for_collection"
    attempted = "attempted"
    delayed = "delayed"
    on_hold = "on_hold"
    damaged = "damaged"
    returning = "returning"
    returned = "returned"
    lost = "lost"
    delivered = "delivered"
    information = "information"


class Party(StrEnum):
    """Who or what caused an incident."""

    carrier = "carrier"
    retailer = "retailer"
    consignee = "consignee"
    customs = "customs"
    weather = "weather"


class Incident(StrEnum):
    """Why a parcel is delayed, damaged or lost; each has one party."""

    missed_connection = "missed_connection"
    missorted = "missorted"
    vehicle_breakdown = "vehicle_breakdown"
    over_capacity = "over_capacity"
    parcel_damaged = "parcel_damaged"
    parcel_missing = "parcel_missing"
    label_unreadable = "label_unreadable"
    bad_packaging = "bad_packaging"
    late_hand_over = "late_hand_over"
    not_at_home = "not_at_home"
    closed = "closed"
    address_not_found = "address_not_found"
    access_denied = "access_denied"
    refused = "refused"
    unclaimed = "unclaimed"
    customs_inspection = "customs_inspection"
    customs_documents = "customs_documents"
    duties_unpaid = "duties_unpaid"
    bad_weather = "bad_weather"
    disaster = "disaster"


class Shipment(NamedTuple):
    """One parcel.

    cost_minor     what the carrier charges, in minor units of `currency`
    latest_date    the date that was promised, in the zone of the destination
    last_event_at  the instant of the news its state is known from
    version        raised by every change
    """

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    sscc: str
    tracking_no: str
    mass_g: int
    cost_minor: int
    currency: str
    state: ShipmentState
    latest_date: date | None
    booked_at: datetime
    handed_over_at: datetime | None
    delivered_at: datetime | None
    voided_at: datetime | None
    last_event_at: datetime
    incident: str | None
    book_command: str
    hand_over_command: str | None
    void_command: str | None
    version: int


class Heard(NamedTuple):
    """An event as a carrier told it; `to_state` None = it was no news."""

    order_id: str
    part_no: int
    shipment_no: int
    event_id: str
    at: datetime
    heard_at: datetime
    kind: TrackingKind
    incident: Incident | None
    place: str
    detail: str
    to_state: ShipmentState | None


# Commands


class Book(msgspec.Struct, frozen=True):
    """Book a parcel with a carrier's service.

    sscc         of the carton
    cost_minor   what the carrier charges, in minor units of `currency`
    latest_date  what was promised
    tracking_no  as the carrier gave it; None = its SSCC
    """

    command_id: str
    actor: str
    order_id: str
    part_no: int
    node: str
    service: str
    sscc: str
    mass_g: int
    cost_minor: int
    currency: str
    latest_date: date | None = None
    tracking_no: str | None = None


class HandOver(msgspec.Struct, frozen=True):
    """The carrier took the parcels of a part."""

    command_id: str
    actor: str
    order_id: str
    part_no: int


class Void(msgspec.Struct, frozen=True):
    """Give the bookings of a part up before the carrier has it."""

    command_id: str
    actor: str
    order_id: str
    part_no: int


class TrackingEvent(msgspec.Struct, frozen=True):
    """What a carrier tells about a parcel.

    event_id  the carrier's own; unique for the parcel
    at        when it happened
    kind      a `TrackingKind`, or a carrier's word for one
    place     depot or city; never a person's address
    detail    the carrier's code or phrase; never a person's name
    incident  an `Incident`; None = the usual one of the kind
    """

    command_id: str
    actor: str
    tracking_no: str
    event_id: str
    at: datetime
    kind: str
    place: str = ""
    detail: str = ""
    incident: str | None = None


# Answers. They hold only what later steps leave as it is: a repeat is answered the same.


class Booked(NamedTuple):
    """The parcel has its number within the part and its tracking number."""

    order_id: str
    part_no: int
    shipment_no: int
    sscc: str
    tracking_no: str
    booked_at: datetime


class HandedOver(NamedTuple):
    """The parcels of the part are with the carrier, by shipment number."""

    order_id: str
    part_no: int
    tracking_nos: tuple[str, ...]


class Voided(NamedTuple):
    """The bookings of the part are given up."""

    order_id: str
    part_no: int
    tracking_nos: tuple[str, ...]


class Tracked(NamedTuple):
    """The event is kept; `state` = what the parcel is known to be in by it, None = no news."""

    order_id: str
    part_no: int
    shipment_no: int
    event_id: str
    state: ShipmentState | None


# Facts


class ShipmentBooked(Fact, frozen=True):
    """A parcel was booked; `cost_minor` is what the carrier charges."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    sscc: str
    tracking_no: str
    mass_g: int
    cost_minor: int
    currency: str
    latest_date: date | None


class ShipmentHandedOver(Fact, frozen=True):
    """The carrier has a parcel, by our word or its own."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    at: datetime


class ShipmentDelivered(Fact, frozen=True):
    """A parcel was delivered; `latest_date` is what was promised."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    at: datetime
    handed_over_at: datetime
    latest_date: date | None


class ShipmentDelayed(Fact, frozen=True):
    """Something stands between a parcel and its delivery, caused by `party`."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    at: datetime
    kind: str
    incident: str
    party: str
    latest_date: date | None


class ShipmentLost(Fact, frozen=True):
    """A carrier gave a parcel up; it may still be found, and then says so itself."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    at: datetime
    incident: str
    party: str
    latest_date: date | None


class ShipmentReturned(Fact, frozen=True):
    """A parcel came back to its node, not delivered."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
    at: datetime


class ShipmentVoided(Fact, frozen=True):
    """A booking was given up before the carrier had the parcel."""

    order_id: str
    part_no: int
    shipment_no: int
    node: str
    service: str
