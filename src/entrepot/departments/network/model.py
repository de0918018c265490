"""Network values: nodes, calendars, services, zones, transits, rates, and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

import msgspec

from entrepot.words.calendar import Calendar, Week
from entrepot.words.facts import Fact

V = TypeVar("V")

ANY_NODE = "any"
ANY_DAY = 7
PPM = 1_000_000
RETAILER = "retailer"
NEVER_CHANGED = bytes(32)
"""The fingerprint of an empty network."""


class NodeKind(StrEnum):
    """What a node is for."""

    fulfillment_center = "fulfillment_center"
    store = "store"
    supplier_site = "supplier_site"


class NodeStatus(StrEnum):
    """Whether a node takes work."""

    open = "open"
    closed = "closed"


class SpeedClass(StrEnum):
    """How fast a service is, as it is offered to customers."""

    economy = "economy"
    standard = "standard"
    express = "express"
    same_day = "same_day"


class Retailer(msgspec.Struct, frozen=True):
    """Who runs this network.

    zone               IANA name of the head office, for dates without a node
    service_level_ppm  how sure a promise is to be kept by default, in parts per million
    """

    name: str
    currency: str
    country: str
    zone: str
    service_level_ppm: int

    @property
    def key(self) -> str:
        """What there is one of in the network."""
        return RETAILER


class WorkCalendar(msgspec.Struct, frozen=True):
    """Weekly hours and closed dates, in the local time of whichever node uses them.

    opening       Monday to Sunday: windows in minutes after midnight, as in `words.calendar`
    closed_dates  in order
    """

    calendar_id: str
    name: str
    opening: Week
    closed_dates: tuple[date, ...] = ()

    @property
    def key(self) -> str:
        """What there is one of in the network."""
        return self.calendar_id


class Node(msgspec.Struct, frozen=True):
    """A place that stores or ships.

    latitude_microdeg, longitude_microdeg  WGS 84, millionths of a degree
    handling_minutes  working minutes from release to ready for pickup, at the service level
    box_cost_mills    handling one box, in 1/1,000 of the minor unit of the retailer's currency
    item_cost_mills   handling one each more, likewise
    orders_per_day    capacity; None = not limited
    """

    node_id: str
    name: str
    kind: NodeKind
    country: str
    postal_code: str
    latitude_microdeg: int
    longitude_microdeg: int
    zone: str
    calendar_id: str
    handling_minutes: int
    box_cost_mills: int = 0
    item_cost_mills: int = 0
    orders_per_day: int | None = None
    gln: str | None = None
    status: NodeStatus = NodeStatus.open

    @property
    def key(self) -> str:
        """What there is one of in the network."""
        return self.node_id


class Carrier(msgspec.Struct, frozen=True):
    """Who carries."""

    carrier_id: str
    name: str

    @property
    def key(self) -> str:
        """What there is one of in the network."""
        return self.carrier_id


class Service(msgspec.Struct, frozen=True):
    """One way a carrier carries.

    cut_off_minute      local minute of the pickup, 0 to 1440
    pickup_days         weekdays of pickup, 0 = Monday, in order
    delivery_days       weekdays of delivery, likewise
    max_mass_g          heaviest parcel
    volumetric_divisor  cubic centimeters charged as one kilogram; None = by mass alone
    """

    service_id: str
    carrier_id: str
    name: str
    speed: SpeedClass
    cut_off_minute: int
    pickup_days: tuple[int, ...]
    delivery_days: tuple[int, ...]
    max_mass_g: int
    volumetric_divisor: int | None = None

    @property
    def key(self) -> str:
        """What there is one of in the network."""
        return self.service_id


class Offering(msgspec.Struct, frozen=True):
    """A service can be had at a node (or ANY_NODE), there perhaps with a cut-off of its own."""

    service_id: str
    node_id: str
    cut_off_minute: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What there is one of in the network."""
        return self.service_id, self.node_id


class ZoneRule(msgspec.Struct, frozen=True):
    """From this node (or ANY_NODE), postal codes that begin so lie in this zone.

    postal_prefix  in capitals without spaces; '' = the whole country
    """

    node_id: str
    country: str
    postal_prefix: str
    zone: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one of in the network."""
        return self.node_id, self.country, self.postal_prefix


class DayShare(NamedTuple):
    """How many of a million parcels take so many days."""

    days: int
    ppm: int


class Transit(msgspec.Struct, frozen=True):
    """How long a service takes to a zone after a pickup on a weekday (or ANY_DAY).

    shares  by days, which count the service's delivery days after the date of the pickup;
            they sum to a million
    """

    service_id: str
    zone: int
    weekday: int
    shares: tuple[DayShare, ...]

    @property
    def key(self) -> tuple[str, int, int]:
        """What there is one of in the network."""
        return self.service_id, self.zone, self.weekday


class RateStep(NamedTuple):
    """Up to a mass: what the customer is charged, and what the carrier charges us."""

    up_to_mass_g: int
    price_minor: int
    cost_minor: int


class RateCard(msgspec.Struct, frozen=True):
    """What a service costs to a zone, by steps of rising mass."""

    service_id: str
    zone: int
    currency: str
    steps: tuple[RateStep, ...]

    @property
    def key(self) -> tuple[str, int, str]:
        """What there is one of in the network."""
        return self.service_id, self.zone, self.currency


class Footprint(msgspec.Struct, frozen=True):
    """Grams of CO2 equivalent of a parcel on a service to a zone: per kilogram, and per box."""

    service_id: str
    zone: int
    co2e_g_per_kg: int
    co2e_g_per_box: int

    @property
    def key(self) -> tuple[str, int]:
        """What there is one of in the network."""
        return self.service_id, self.zone


class Area(msgspec.Struct, frozen=True):
    """Where the postal codes that begin so lie: the center, in millionths of a degree."""

    country: str
    postal_prefix: str
    name: str
    latitude_microdeg: int
    longitude_microdeg: int
    population: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What there is one of in the network."""
        return self.country, self.postal_prefix


class Network(msgspec.Struct, frozen=True):
    """The whole network as of one version; to be read only.

    number          counts the changes
    fingerprint     SHA-256 over all changes in order: equal ones mean equal networks
    node_calendars  the working hours of each node in its own zone
    serving         open node and zone -> the services that reach it, by id
    """

    number: int
    fingerprint: bytes
    retailer: Retailer | None
    calendars: Mapping[str, WorkCalendar]
    nodes: Mapping[str, Node]
    carriers: Mapping[str, Carrier]
    services: Mapping[str, Service]
    offerings: Mapping[tuple[str, str], Offering]
    zones: Mapping[tuple[str, str, str], ZoneRule]
    transits: Mapping[tuple[str, int, int], Transit]
    rates: Mapping[tuple[str, int, str], RateCard]
    footprints: Mapping[tuple[str, int], Footprint]
    areas: Mapping[tuple[str, str], Area]
    node_calendars: Mapping[str, Calendar]
    serving: Mapping[tuple[str, int], tuple[Service, ...]]


# Commands


class Change(msgspec.Struct, Generic[V], frozen=True):
    """Put a value into the network, in place of the one with its key."""

    command_id: str
    actor: str
    value: V


class CloseNode(msgspec.Struct, frozen=True):
    """Let a node take no more work."""

    command_id: str
    actor: str
    node_id: str


# Answers


class Changed(NamedTuple, Generic[V]):
    """Written."""

    value: V


class Unchanged(NamedTuple, Generic[V]):
    """Nothing to do: it was so already."""

    value: V


# Facts


class NodeOpened(Fact, frozen=True):
    """A node takes work, for the first time or again."""

    node: Node


class NodeClosed(Fact, frozen=True):
    """A node takes no more work."""

    node: Node


class NetworkChanged(Fact, frozen=True):
    """Values of one kind changed; `keys` names them, `number` is the network's after it."""

    kind: str
    keys: tuple[str, ...]
    number: int
