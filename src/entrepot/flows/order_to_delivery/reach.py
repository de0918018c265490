"""Which nodes and services reach a destination, and when: legs, found once for most orders."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from entrepot.departments.network import decisions as network
from entrepot.departments.network.model import Network, RateCard, Service
from entrepot.departments.promise import decisions as promise
from entrepot.departments.promise.model import Estimate, Handling
from entrepot.departments.promise.model import Service as PromiseService
from entrepot.departments.sourcing import terms
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.words.calendar import local_date
from entrepot.words.money import MILLS_PER_MINOR
from entrepot.words.outcome import Refusal

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# How many answers of a kind are kept: destinations of one hour, and what they are made of.
KEPT_MAX = 5_000
ROUTES_MAX = 4
ELSEWHERE = ""

Array = np.ndarray[Any, Any]
Zones = tuple[tuple[str, int], ...]
V = TypeVar("V")
_MISSING: Any = object()


class Leg(NamedTuple):
    """One node sending by one service to the destination.

    cost_mills, price_minor  the rate card: (mass in grams up to which, amount), ascending
    """

    node_id: str
    service: Service
    zone: int
    cost_mills: tuple[tuple[int, int], ...]
    price_minor: tuple[tuple[int, int], ...]
    estimate: Estimate


class Reach(NamedTuple):
    """Every leg to a destination, and the same as columns for the split.

    place_of      by (node, service), where in `legs`
    latest        by leg, the day number of the date it can promise
    node_of       by leg, its node's place among all nodes by id
    box_mills     by leg, what a box costs at no mass; item_mills an each, per_kg_mills a kilogram
    divisor       by leg, cubic millimeters a gram, 0 = charged by mass alone
    by_day        what `by` has found
    """

    legs: tuple[Leg, ...]
    keys: tuple[tuple[str, str], ...]
    place_of: dict[tuple[str, str], int]
    latest: tuple[int, ...]
    node_of: Array
    box_mills: Array
    item_mills: Array
    per_kg_mills: Array
    divisor: Array
    by_day: dict[int, Reach]

    def of_these(self, places: list[int]) -> Reach:
        """Some of the legs."""
        keys = tuple([self.keys[place] for place in places])
        return Reach(
            tuple([self.legs[place] for place in places]),
            keys,
            {key: place for place, key in enumerate(keys)},
            tuple([self.latest[place] for place in places]),
            self.node_of[places],
            self.box_mills[places],
            self.item_mills[places],
            self.per_kg_mills[places],
            self.divisor[places],
            {},
        )

    def by(self, latest_date: date) -> Reach:
        """The legs that can meet a date."""
        day = latest_date.toordinal()
        found = self.by_day.get(day)
        if found is None:
            places = [place for place, latest in enumerate(self.latest) if latest <= day]
            found = self if len(places) == len(self.legs) else self.of_these(places)
            self.by_day[day] = found
        return found


class _Kept(Generic[V]):
    """Answers as they are found, up to so many; when there are more, all are found anew.

    Threads share it: what one has found another may have dropped before it is looked at again.
    """

    def __init__(self, most: int = KEPT_MAX) -> None:
        self._most = most
        self._found: dict[Hashable, V] = {}

    def get(self, key: Hashable, find: Callable[[], V]) -> V:
        found: V = self._found.get(key, _MISSING)
        if found is _MISSING:
            found = find()
            if len(self._found) >= self._most:
                self._found.clear()
            self._found[key] = found
        return found


class Routes:
    """The legs of one network, kept as they are found; equal whichever order asks first."""

    def __init__(self, known: Network, quantile_ppm: int) -> None:
        self._network = known
        self._quantile_ppm = quantile_ppm
        self.nodes = tuple(sorted(known.nodes))
        self._prefix_length = _prefix_lengths(known)
        self._time_zones = _time_zones(known)
        self._zones: _Kept[tuple[int, Zones]] = _Kept()
        self._numbers: dict[Zones, int] = {}
        self._next_number = count()
        self._reach: _Kept[Reach | None] = _Kept()
        self._estimates: _Kept[Estimate | None] = _Kept()
        self._pickups: _Kept[tuple[datetime, datetime] | None] = _Kept()

    def legs(self, destination: Destination, currency: str, at: datetime) -> Reach:
        """Every open node and service that reaches the destination, dated from `at`.

        A later order is never picked up earlier: when the beginning and the end of an hour, or of
        a minute, meet the same pickups, so does everything between.
        """
        number, zones = self._zones_of(destination)
        there = self._time_zones.get(destination.country, self._time_zones[ELSEWHERE])

        def of_span(begin: datetime, span: timedelta) -> Reach | None:
            def find() -> Reach | None:
                if not self._is_one_pickup(zones, begin, begin + span):
                    return None
                return self._find(zones, currency, there, begin + span)

            return self._reach.get((number, currency, there, begin, span), find)

        return (
            of_span(at.replace(minute=0, second=0, microsecond=0), HOUR)
            or of_span(at.replace(second=0, microsecond=0), MINUTE)
            or self._find(zones, currency, there, at)
        )

    def _zones_of(self, destination: Destination) -> tuple[int, Zones]:
        """Every node that reaches the destination with its zone, and the number of that answer."""
        country, code = destination.country, network.compact(destination.postal_code)
        length = max(self._prefix_length.get(country, 0), network.leading_letters(code))
        prefix = code[:length]

        def find() -> tuple[int, Zones]:
            pairs = [(n, network.zone_for(self._network, n, country, prefix)) for n in self.nodes]
            zones = tuple([(n, zone) for n, zone in pairs if zone is not None])
            # A number may stay unused, but no two answers share one.
            return self._numbers.setdefault(zones, next(self._next_number)), zones

        return self._zones.get((country, prefix), find)

    def _is_one_pickup(self, zones: Zones, first: datetime, last: datetime) -> bool:
        for node_id, zone in zones:
            for service in network.services_for(self._network, node_id, zone):
                one = self._pickup(node_id, service, first)
                other = self._pickup(node_id, service, last)
                if one is None or other is None or one[1] != other[1]:
                    return False
        return True

    def _find(self, zones: Zones, currency: str, there: str, at: datetime) -> Reach:
        legs = []
        for node_id, zone in zones:
            for service in network.services_for(self._network, node_id, zone):
                card = self._network.rates.get((service.service_id, zone, currency))
                estimate = self._estimate(node_id, service, zone, there, at)
                if card is not None and estimate is not None:
                    legs.append(_leg(node_id, service, zone, card, estimate))
        return self._columns(legs)

    def _columns(self, legs: Sequence[Leg]) -> Reach:
        nodes = [self._network.nodes[leg.node_id] for leg in legs]
        lines = [terms.linear_card(leg.cost_mills) for leg in legs]
        numbers = {node: place for place, node in enumerate(self.nodes)}
        keys = tuple([(leg.node_id, leg.service.service_id) for leg in legs])
        return Reach(
            tuple(legs),
            keys,
            {key: place for place, key in enumerate(keys)},
            tuple([leg.estimate.latest_date.toordinal() for leg in legs]),
            _column([numbers[leg.node_id] for leg in legs]),
            _column([n.box_cost_mills + base for n, (base, _) in zip(nodes, lines, strict=True)]),
            _column([node.item_cost_mills for node in nodes]),
            _column([per_kg for _, per_kg in lines]),
            _column([leg.service.volumetric_divisor or 0 for leg in legs]),
            {},
        )

    def _estimate(
        self, node_id: str, service: Service, zone: int, there: str, at: datetime
    ) -> Estimate | None:
        """The dates of one leg, worked out once per pickup."""
        found = self._pickup(node_id, service, at)
        if found is None:
            return None
        ready_at, handover_at = found
        key = (node_id, service.service_id, zone, there, ready_at, handover_at)
        return self._estimates.get(key, lambda: self._arrival(node_id, service, zone, there, found))

    def _arrival(
        self,
        node_id: str,
        service: Service,
        zone: int,
        there: str,
        pickup: tuple[datetime, datetime],
    ) -> Estimate | None:
        ready_at, handover_at = pickup
        weekday = local_date(self._network.node_calendars[node_id], handover_at).weekday()
        shares = network.transit(self._network, service.service_id, zone, weekday)
        if shares is None:
            return None
        arrival = promise.arrival(
            ready_at,
            handover_at,
            self._carried(node_id, service),
            _by_days(shares),
            there,
            self._quantile_ppm,
        )
        return None if isinstance(arrival, Refusal) else arrival

    def _pickup(
        self, node_id: str, service: Service, at: datetime
    ) -> tuple[datetime, datetime] | None:
        """When a box ordered at `at` is ready and picked up; None when it never is."""

        def find() -> tuple[datetime, datetime] | None:
            node = self._network.nodes[node_id]
            handling = Handling(self._network.node_calendars[node_id], node.handling_minutes)
            found = promise.handover(at, handling, self._carried(node_id, service))
            return None if isinstance(found, Refusal) else found

        return self._pickups.get((node_id, service.service_id, at), find)

    def _carried(self, node_id: str, service: Service) -> PromiseService:
        return PromiseService(
            service_id=service.service_id,
            cut_off_minute=network.cut_off_minute(self._network, service.service_id, node_id),
            pickup_days=frozenset(service.pickup_days),
            delivery_days=frozenset(service.delivery_days),
        )


_ROUTES: _Kept[Routes] = _Kept(ROUTES_MAX)


def routes(known: Network, quantile_ppm: int) -> Routes:
    """The routes of a network, kept as long as it is one of those used last."""
    return _ROUTES.get((known.fingerprint, quantile_ppm), lambda: Routes(known, quantile_ppm))


def _column(values: list[int]) -> Array:
    return np.array(values, np.int64)


def _leg(node_id: str, service: Service, zone: int, card: RateCard, estimate: Estimate) -> Leg:
    return Leg(
        node_id,
        service,
        zone,
        tuple([(s.up_to_mass_g, s.cost_minor * MILLS_PER_MINOR) for s in card.steps]),
        tuple([(s.up_to_mass_g, s.price_minor) for s in card.steps]),
        estimate,
    )


def _prefix_lengths(known: Network) -> dict[str, int]:
    """By country, how long the longest prefix of a zone rule is."""
    lengths: dict[str, int] = {}
    for _, country, prefix in known.zones:
        lengths[country] = max(lengths.get(country, 0), len(prefix))
    return lengths


def _time_zones(known: Network) -> dict[str, str]:
    """By country, the time zone that delivery dates are counted in: of its first node, or the head
    office's."""
    found = {ELSEWHERE: known.retailer.zone if known.retailer else "UTC"}
    for node in sorted(known.nodes.values(), key=lambda node: node.node_id, reverse=True):
        found[node.country] = node.zone
    return found


def _by_days(shares: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    parts = [0] * (max(days for days, _ in shares) + 1)
    for days, ppm in shares:
        parts[days] += ppm
    return tuple(parts)
