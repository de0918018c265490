"""Which nodes and services reach a destination, and when: legs, dated once for most orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from entrepot.departments.network import decisions as network
from entrepot.departments.network.model import Network, RateCard, Service
from entrepot.departments.promise import decisions as promise
from entrepot.departments.promise.model import Estimate, Handling
from entrepot.departments.promise.model import Service as PromiseService
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.flows.order_to_delivery.gather import View
from entrepot.words.calendar import local_date
from entrepot.words.outcome import Refusal

HOUR = timedelta(hours=1)


class Leg(NamedTuple):
    """One node sending by one service to the destination."""

    node_id: str
    service: Service
    zone: int
    card: RateCard
    estimate: Estimate


def legs(view: View, destination: Destination, currency: str, at: datetime) -> list[Leg]:
    """Every open node and service that reaches the destination, dated from `at`."""
    found = []
    there = _destination_zone(view.network, destination.country)
    for node_id in sorted(view.network.nodes):
        zone = network.zone_for(view.network, node_id, destination.country, destination.postal_code)
        if zone is None:
            continue
        for service in network.services_for(view.network, node_id, zone):
            card = view.network.rates.get((service.service_id, zone, currency))
            estimate = _estimate(view, node_id, service, zone, there, at)
            if card is not None and estimate is not None:
                found.append(Leg(node_id, service, zone, card, estimate))
    return found


def _destination_zone(known: Network, country: str) -> str:
    """The time zone that delivery dates are counted in: of a node there, or the head office's."""
    nodes = sorted(n.node_id for n in known.nodes.values() if n.country == country)
    if nodes:
        return known.nodes[nodes[0]].zone
    return known.retailer.zone if known.retailer else "UTC"


def _estimate(
    view: View, node_id: str, service: Service, zone: int, destination_zone: str, at: datetime
) -> Estimate | None:
    """The dates of one leg; worked out once per pickup, which most orders of an hour share."""
    found = _pickup(view, node_id, service, at)
    if found is None:
        return None
    ready_at, handover_at = found
    key = (node_id, service.service_id, zone, destination_zone, handover_at)
    if key not in view.estimates:
        calendar = view.network.node_calendars[node_id]
        weekday = local_date(calendar, handover_at).weekday()
        shares = network.transit(view.network, service.service_id, zone, weekday)
        arrival = (
            None
            if shares is None
            else promise.arrival(
                ready_at,
                handover_at,
                _carried(view, node_id, service),
                _by_days(shares),
                destination_zone,
                view.policy.quantile_ppm,
            )
        )
        view.estimates[key] = None if isinstance(arrival, Refusal) else arrival
    return view.estimates[key]


def _pickup(
    view: View, node_id: str, service: Service, at: datetime
) -> tuple[datetime, datetime] | None:
    """When a box ordered at `at` is ready and picked up; None when it never is.

    A later order is never picked up earlier: when the beginning and the end of an hour meet the
    same pickup, so does everything between.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    first = _handover(view, node_id, service, hour)
    last = _handover(view, node_id, service, hour + HOUR)
    if first is not None and last is not None and first[1] == last[1]:
        return last
    return _handover(view, node_id, service, at)


def _handover(
    view: View, node_id: str, service: Service, at: datetime
) -> tuple[datetime, datetime] | None:
    key = (node_id, service.service_id, at)
    if key not in view.pickups:
        node = view.network.nodes[node_id]
        handling = Handling(view.network.node_calendars[node_id], node.handling_minutes)
        found = promise.handover(at, handling, _carried(view, node_id, service))
        view.pickups[key] = None if isinstance(found, Refusal) else found
    return view.pickups[key]


def _carried(view: View, node_id: str, service: Service) -> PromiseService:
    return PromiseService(
        service_id=service.service_id,
        cut_off_minute=network.cut_off_minute(view.network, service.service_id, node_id),
        pickup_days=frozenset(service.pickup_days),
        delivery_days=frozenset(service.delivery_days),
    )


def _by_days(shares: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    parts = [0] * (max(days for days, _ in shares) + 1)
    for days, ppm in shares:
        parts[days] += ppm
    return tuple(parts)
