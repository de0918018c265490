"""Pure questions to the network: which zone, which services, what rate, how long.

All take a `Network` as `service.snapshot` gives it, or as `assemble` builds it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from entrepot.departments.network.model import (
    ANY_DAY,
    ANY_NODE,
    Area,
    Carrier,
    DayShare,
    Footprint,
    Network,
    Node,
    NodeStatus,
    Offering,
    RateCard,
    RateStep,
    Retailer,
    Service,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.words.calendar import Calendar

_GRAMS_PER_KILOGRAM = 1_000


class Parts(NamedTuple):
    """The network as it is stored, before it is put together."""

    retailer: Retailer | None = None
    calendars: Iterable[WorkCalendar] = ()
    nodes: Iterable[Node] = ()
    carriers: Iterable[Carrier] = ()
    services: Iterable[Service] = ()
    offerings: Iterable[Offering] = ()
    zones: Iterable[ZoneRule] = ()
    transits: Iterable[Transit] = ()
    rates: Iterable[RateCard] = ()
    footprints: Iterable[Footprint] = ()
    areas: Iterable[Area] = ()


def assemble(number: int, fingerprint: bytes, parts: Parts) -> Network:
    """The network of these parts, with what is derived from them."""
    calendars = {c.key: c for c in parts.calendars}
    nodes = {n.key: n for n in parts.nodes}
    services = {s.key: s for s in parts.services}
    offerings = {o.key: o for o in parts.offerings}
    transits = {t.key: t for t in parts.transits}
    rates = {r.key: r for r in parts.rates}
    return Network(
        number=number,
        fingerprint=fingerprint,
        retailer=parts.retailer,
        calendars=calendars,
        nodes=nodes,
        carriers={c.key: c for c in parts.carriers},
        services=services,
        offerings=offerings,
        zones={z.key: z for z in parts.zones},
        transits=transits,
        rates=rates,
        footprints={f.key: f for f in parts.footprints},
        areas={a.key: a for a in parts.areas},
        node_calendars={i: in_zone(calendars[n.calendar_id], n.zone) for i, n in nodes.items()},
        serving=_serving(nodes, services, offerings, transits, rates),
    )


def in_zone(calendar: WorkCalendar, zone: str) -> Calendar:
    """Working hours as they are in a time zone."""
    return Calendar(zone, calendar.opening, frozenset(calendar.closed_dates))


def _serving(
    nodes: Mapping[str, Node],
    services: Mapping[str, Service],
    offerings: Mapping[tuple[str, str], Offering],
    transits: Mapping[tuple[str, int, int], Transit],
    rates: Mapping[tuple[str, int, str], RateCard],
) -> dict[tuple[str, int], tuple[Service, ...]]:
    reached = {(s, zone) for s, zone, _ in transits} & {(s, zone) for s, zone, _ in rates}
    found: dict[tuple[str, int], list[Service]] = {}
    for node in nodes.values():
        if node.status is not NodeStatus.open:
            continue
        for service_id, zone in sorted(reached):
            if (service_id, node.node_id) in offerings or (service_id, ANY_NODE) in offerings:
                found.setdefault((node.node_id, zone), []).append(services[service_id])
    return {key: tuple(reaching) for key, reaching in found.items()}


def zone_for(network: Network, node_id: str, country: str, postal_code: str) -> int | None:
    """The zone of a destination seen from a node; None when no rule covers it.

    postal_code  whole, or only its area; '' = not known
    The longest prefix that fits decides; at equal length the node's own rule comes before the one
    for any node.
    """
    for prefix in prefixes(country, postal_code):
        rule = network.zones.get((node_id, country, prefix)) or network.zones.get(
            (ANY_NODE, country, prefix)
        )
        if rule is not None:
            return rule.zone
    return None


def area_for(network: Network, country: str, postal_code: str) -> Area | None:
    """The area of a postal code with the longest prefix that fits."""
    found = (network.areas.get((country, prefix)) for prefix in prefixes(country, postal_code))
    return next((area for area in found if area is not None), None)


def prefixes(country: str, postal_code: str) -> Iterator[str]:
    """Every prefix a postal code may be listed under, longest first, ending with ''.

    In GB, a prefix of letters only names a postcode area and fits that area alone: L1 1AA begins
    with L, but LE1 1AA does not.
    """
    code = compact(postal_code)
    letters = leading_letters(code)
    for length in range(len(code), 0, -1):
        if country != "GB" or length >= letters:
            yield code[:length]
    yield ""


def leading_letters(code: str) -> int:
    """How many letters a compact postal code begins with."""
    return len(code) - len(code.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def compact(postal_code: str) -> str:
    """A postal code in capitals without spaces and hyphens, as prefixes are written."""
    return postal_code.upper().replace(" ", "").replace("-", "")


def services_for(network: Network, node_id: str, zone: int) -> tuple[Service, ...]:
    """The services that carry from a node to a zone, by id; none from a closed or unknown node."""
    return network.serving.get((node_id, zone), ())


def nodes_reaching(network: Network, country: str, postal_code: str) -> dict[str, int]:
    """Open nodes that have a service to a destination, and the zone it lies in seen from each.

    postal_code  whole, or only its area; '' = not known
    """
    zones = {n: zone_for(network, n, country, postal_code) for n in sorted(network.nodes)}
    return {
        node_id: zone
        for node_id, zone in zones.items()
        if zone is not None and services_for(network, node_id, zone)
    }


def open_nodes(network: Network) -> list[str]:
    """The nodes that take work, by id."""
    return sorted(i for i, n in network.nodes.items() if n.status is NodeStatus.open)


def cut_off_minute(network: Network, service_id: str, node_id: str) -> int:
    """The local minute at which a service picks up at a node that has it.

    The node's own cut-off comes before the one for any node, and that before the service's.
    """
    for node in (node_id, ANY_NODE):
        offering = network.offerings.get((service_id, node))
        if offering is not None and offering.cut_off_minute is not None:
            return offering.cut_off_minute
    return network.services[service_id].cut_off_minute


def billable_mass_g(service: Service, mass_g: int, volume_mm3: int) -> int:
    """The mass a parcel is charged by: its own, or its volume's where the service says so.

    Source: volumetric weight of IATA resolution 502, cubic centimeters / divisor = kilograms.
    """
    if service.volumetric_divisor is None:
        return mass_g
    return max(mass_g, -(-volume_mm3 // service.volumetric_divisor))


def rate(
    network: Network, service_id: str, zone: int, mass_g: int, currency: str
) -> RateStep | None:
    """What one parcel costs; None without a rate card, or beyond its last step.

    mass_g  billable mass, see `billable_mass_g`; that the parcel itself is not heavier than the
            service takes is for the caller to see
    """
    card = network.rates.get((service_id, zone, currency))
    if card is None or mass_g > card.steps[-1].up_to_mass_g:
        return None
    return card.steps[bisect_left(card.steps, mass_g, key=attrgetter("up_to_mass_g"))]


def transit(
    network: Network, service_id: str, zone: int, weekday: int
) -> tuple[DayShare, ...] | None:
    """How long a parcel picked up on a weekday takes; None when the service does not go there.

    weekday  0 = Monday to 6 = Sunday; where that day has no shares of its own, those of any day
    """
    found = network.transits.get((service_id, zone, weekday)) or network.transits.get(
        (service_id, zone, ANY_DAY)
    )
    return found.shares if found is not None else None


def co2e_g(network: Network, service_id: str, zone: int, mass_g: int, boxes: int = 1) -> int | None:
    """Grams of CO2 equivalent of boxes with this mass together; None when not stated.

    mass_g  actual mass, not the billable one
    """
    footprint = network.footprints.get((service_id, zone))
    if footprint is None:
        return None
    per_mass = -(-footprint.co2e_g_per_kg * mass_g // _GRAMS_PER_KILOGRAM)
    return per_mass + footprint.co2e_g_per_box * boxes


def fingerprint_after(fingerprint: bytes, kind: str, values: Iterable[Any]) -> bytes:
    """The network's fingerprint after values of one kind were put into it, in this order."""
    return hashlib.sha256(fingerprint + msgspec.json.encode([kind, list(values)])).digest()
