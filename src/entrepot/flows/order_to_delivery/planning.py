"""Which ways there are to send an order: from rooms' values to dated, priced ways and back.

A leg is one node sending by one service to the destination, with its date distribution and rate
card. For each date that some leg can meet, the cheapest split over the legs that meet it is one
way; those that another way beats in date and price are dropped.

The cost that the split minimizes is linear: per box (the node's box cost and the rate card's base)
and per each (the node's item cost and the card's slope by mass). The rate card itself is applied
to the boxes of the finished split. The customer pays the card's price for the whole mass once per
service, from the cheapest zone: that stock lies apart is the house's cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from entrepot.departments.catalog.model import Item
from entrepot.departments.network import decisions as network
from entrepot.departments.network.model import Network
from entrepot.departments.promise import decisions as promise
from entrepot.departments.promise.model import Estimate
from entrepot.departments.sourcing import decisions as sourcing
from entrepot.departments.sourcing import records, terms
from entrepot.departments.sourcing.decisions import Split
from entrepot.departments.sourcing.model import Box, Demand, Sites
from entrepot.departments.sourcing.searching import lay_out
from entrepot.flows.order_to_delivery.gather import View
from entrepot.flows.order_to_delivery.reach import Leg, Reach
from entrepot.words.outcome import Refusal, RefusalCode

# What leaving one each to a backorder weighs: more than any box, so that stock is used first.
UNFILLED_MILLS = 1_000_000_000
CHEAPEST = "cheapest"
BACKORDER = "backorder"
FASTEST = "fastest"


class Question(NamedTuple):
    """One sourcing decision: everything it is made over."""

    demand: Sequence[Demand]
    sites: Sites
    unfilled_mills: Sequence[int] | None
    keep_together: bool
    max_boxes: int | None
    currency: str

    def answer(self) -> Split:
        """The cheapest plan."""
        return sourcing.split(
            self.demand,
            self.sites,
            unfilled_mills=self.unfilled_mills,
            keep_together=self.keep_together,
            max_boxes=self.max_boxes,
        )

    def record(self, found: Split) -> tuple[bytes, bytes, str]:
        """Inputs, outcome and reason, as the log of decisions keeps them."""
        able = sourcing.able(self.sites, found.alone)
        inputs = records.decision_inputs(
            self.demand,
            self.sites,
            unfilled_mills=self.unfilled_mills,
            keep_together=self.keep_together,
            max_boxes=self.max_boxes,
        )
        outcome = records.decision_outcome(found.result, able)
        return inputs, outcome, sourcing.explain(found.result, able, self.currency)


class Way(NamedTuple):
    """One way to send an order.

    boxes      who sends what: (node, service, ((sku, each), ...))
    estimates  of each box; `estimate` is that of the last one to arrive, None without boxes
    unfilled   (sku, each) that no node has now
    question   what was decided, and `found` what came out, for the record of the way that is taken
    """

    label: str
    boxes: tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]
    estimates: tuple[Estimate, ...]
    estimate: Estimate | None
    price_minor: int
    cost_mills: int
    grams_co2e: int
    unfilled: tuple[tuple[str, int], ...]
    question: Question
    found: Split


def ways(
    view: View,
    wanted: Mapping[str, int],
    reached: Reach,
    currency: str,
    *,
    backorder: bool,
) -> list[Way] | Refusal:
    """The ways worth offering to send `wanted` (SKU -> each), the earliest first.

    backorder  leave what no node has to a later delivery instead of refusing

    Refuses: not_deliverable when nothing reaches the destination, not_enough_stock, too_large.
    """
    if not reached.legs:
        return Refusal(
            code=RefusalCode.not_deliverable,
            message="ship_to: no node and service reach this destination; "
            "expected a destination that a zone, a transit and a rate cover",
            field="ship_to",
        )
    found: list[Way] = []
    refusal: Refusal | None = None
    for way in _by_date(view, wanted, reached, currency, backorder=backorder):
        if isinstance(way, Refusal):
            refusal = way
        else:
            found.append(way)
    if not found:
        assert refusal is not None, "each date gave a way or a refusal"
        return refusal
    return _worth_offering(found)


def way_by(
    view: View, wanted: Mapping[str, int], reached: Reach, currency: str, latest_date: date
) -> Way | Refusal:
    """The cheapest way, for the house, to send `wanted` so that it is there by a date.

    reached  legs that can each meet the date; what several of them bring may be later together

    Refuses: not_enough_stock, too_large; not_deliverable when no way meets the date.
    """
    # The more legs, the cheaper: the first way that meets the date is the one.
    refusal: Refusal | None = None
    for way in _by_date(view, wanted, reached, currency, backorder=False, is_latest_first=True):
        if isinstance(way, Refusal):
            return refusal or way
        if way.estimate is not None and way.estimate.latest_date <= latest_date:
            return way
        refusal = too_late(latest_date)
    assert refusal is not None, "there is a leg"
    return refusal


def too_late(latest_date: date) -> Refusal:
    """The refusal of an offer whose date no way meets any more."""
    return Refusal(
        code=RefusalCode.not_deliverable,
        message=(
            f"offer: its date {latest_date.isoformat()} cannot be met any more; ask for a new quote"
        ),
        field="offer",
        facts={"latest_date": latest_date.isoformat()},
    )


def _by_date(
    view: View,
    wanted: Mapping[str, int],
    reached: Reach,
    currency: str,
    *,
    backorder: bool,
    is_latest_first: bool = False,
) -> Iterator[Way | Refusal]:
    """The cheapest way over the legs that meet a date, for each of their dates."""
    demand = [Demand(n, sku, each) for n, (sku, each) in enumerate(wanted.items(), start=1)]
    sites = _sites(view, reached, wanted)
    policy = view.policy
    for latest in sorted(set(reached.latest), reverse=is_latest_first):
        usable = [place for place, day in enumerate(reached.latest) if day <= latest]
        question = Question(
            demand=demand,
            sites=sites if len(usable) == len(sites.keys) else sites.of_these(usable),
            unfilled_mills=[UNFILLED_MILLS] * len(demand) if backorder else None,
            keep_together=policy.keep_together,
            max_boxes=policy.max_boxes,
            currency=currency,
        )
        yield _way(view, reached, question)


def _sites(view: View, reached: Reach, wanted: Mapping[str, int]) -> Sites:
    """What sending each line costs on each leg, and what lies there."""
    items = [view.items[sku] for sku in wanted]
    rows = view.stock.skus
    item_mills, stock = lay_out(
        (reached.item_mills, reached.per_kg_mills, reached.divisor),
        (
            np.array([item.mass_g for item in items], np.int64),
            np.array([item.volume_mm3 for item in items], np.int64),
        ),
        reached.node_of,
        view.stock.each,
        np.array([rows[sku] for sku in wanted], np.int64),
    )
    return Sites(reached.keys, reached.node_of, reached.box_mills, item_mills, stock)


def not_on_backorder(view: View, wanted: Mapping[str, int], reached: Reach) -> Refusal | None:
    """Refuses: not_enough_stock for an item that may not be ordered while there is none of it."""
    nodes = sorted({leg.node_id for leg in reached.legs})
    for sku, each in wanted.items():
        if view.items[sku].backorderable:
            continue
        there = sum(view.stock.available(sku, node) for node in nodes)
        if there < each:
            return Refusal(
                code=RefusalCode.not_enough_stock,
                message=(
                    f"backorder: {sku} is not sold on backorder; asked for {each}, "
                    f"available for this destination {there}"
                ),
                field="backorder",
                facts={"sku": sku, "asked_each": each, "available_each": there},
            )
    return None


def _way(view: View, reached: Reach, question: Question) -> Way | Refusal:
    found = question.answer()
    plan = found.result
    if isinstance(plan, Refusal):
        return plan
    chosen = [reached.legs[reached.place_of[box.node, box.service_id]] for box in plan.boxes]
    estimates = tuple([leg.estimate for leg in chosen])
    skus = [line.sku for line in question.demand]
    sent = [
        (leg, _Load.of(view.items, skus, box)) for leg, box in zip(chosen, plan.boxes, strict=True)
    ]
    return Way(
        label="+".join(sorted({leg.service.service_id for leg in chosen})) or BACKORDER,
        boxes=tuple(
            [
                (box.node, box.service_id, tuple([(skus[n - 1], each) for n, each in box.lines]))
                for box in plan.boxes
            ]
        ),
        estimates=estimates,
        estimate=_joint(estimates, view.policy.quantile_ppm),
        price_minor=_price(sent),
        cost_mills=_cost(view.network, sent),
        grams_co2e=_grams(view.network, sent),
        unfilled=tuple([(skus[n - 1], each) for n, each in plan.unfilled]),
        question=question,
        found=found,
    )


def _joint(estimates: tuple[Estimate, ...], quantile_ppm: int) -> Estimate | None:
    if len(estimates) < 2:
        return estimates[0] if estimates else None
    joint = promise.combine(estimates, quantile_ppm)
    assert not isinstance(joint, Refusal), "the policy's quantile is checked when it is made"
    return joint


class _Load(NamedTuple):
    """What lies in a box."""

    mass_g: int
    volume_mm3: int
    each: int

    @classmethod
    def of(cls, items: Mapping[str, Item], skus: Sequence[str], box: Box) -> _Load:
        """The box's lines are numbered from 1, as `skus` has them."""
        mass_g = volume_mm3 = total = 0
        for number, each in box.lines:
            item = items[skus[number - 1]]
            mass_g += item.mass_g * each
            volume_mm3 += item.volume_mm3 * each
            total += each
        return cls(mass_g, volume_mm3, total)


def _cost(known: Network, sent: Iterable[tuple[Leg, _Load]]) -> int:
    """What sending costs the house: carriage by the rate card, and the nodes' handling."""
    total = 0
    for leg, load in sent:
        node = known.nodes[leg.node_id]
        mass = network.billable_mass_g(leg.service, load.mass_g, load.volume_mm3)
        parcels, mills = terms.parcels(mass, leg.cost_mills, leg.service.max_mass_g)
        total += mills
        total += node.box_cost_mills * parcels + node.item_cost_mills * load.each
    return total


def _price(sent: Sequence[tuple[Leg, _Load]]) -> int:
    """What the customer pays: once per service, for all it carries, from its cheapest zone."""
    by_service: dict[str, list[tuple[Leg, _Load]]] = defaultdict(list)
    for leg, load in sent:
        by_service[leg.service.service_id].append((leg, load))
    total = 0
    for pairs in by_service.values():
        service = pairs[0][0].service
        mass = network.billable_mass_g(
            service, sum(p.mass_g for _, p in pairs), sum(p.volume_mm3 for _, p in pairs)
        )
        total += min(
            terms.parcels(mass, leg.price_minor, service.max_mass_g)[1] for leg, _ in pairs
        )
    return total


def _grams(known: Network, sent: Iterable[tuple[Leg, _Load]]) -> int:
    return sum(
        network.co2e_g(known, leg.service.service_id, leg.zone, load.mass_g) or 0
        for leg, load in sent
    )


def _worth_offering(found: Sequence[Way]) -> list[Way]:
    """Without ways that another one beats in what it leaves open, in date and in price."""
    shown: list[Way] = []
    for way in sorted(found, key=_rank):
        dearer = shown and way.price_minor >= shown[-1].price_minor
        if not dearer or _open_units(way) < _open_units(shown[-1]):
            shown.append(way)
    return [_named(way, shown) for way in shown]


def _open_units(way: Way) -> int:
    return sum(each for _, each in way.unfilled)


def _rank(way: Way) -> tuple[bool, object, int, int, str]:
    estimate = way.estimate
    date = estimate.latest_date.toordinal() if estimate else 0
    return (estimate is None, date, way.price_minor, way.cost_mills, way.label)


def _named(way: Way, shown: Sequence[Way]) -> Way:
    """Labels are unique among the options shown together: the date tells equal ones apart."""
    if sum(other.label == way.label for other in shown) == 1 or way.estimate is None:
        return way
    return way._replace(label=f"{way.label}-by-{way.estimate.latest_date.isoformat()}")


def choose(found: Sequence[Way], service: str) -> Way | Refusal:
    """The way a customer's word means: `cheapest`, `fastest`, or an option's label."""
    if service == FASTEST:
        return min(found, key=lambda w: (_open_units(w), _rank(w)))
    if service == CHEAPEST:
        return min(found, key=lambda w: (_open_units(w), w.price_minor, w.cost_mills))
    named = [w for w in found if service in (w.label, w.label.partition("-by-")[0])]
    if named:
        return min(named, key=lambda w: (_open_units(w), w.price_minor))
    return Refusal(
        code=RefusalCode.unknown_service,
        message=(
            f"service: found {service!r}, expected cheapest, fastest or one of "
            f"{', '.join(w.label for w in found)}"
        ),
        field="service",
        facts={"possible": [w.label for w in found]},
    )


def split_over_lines(
    boxes: Sequence[tuple[str, str, tuple[tuple[str, int], ...]]],
    lines: Sequence[tuple[int, str, int]],
) -> tuple[list[list[tuple[int, int]]], list[tuple[int, int]]]:
    """Hand the units of each box to order lines, lines in order; equal SKUs share.

    lines  (line number, SKU, each)
    Gives per box its (line number, each), and what no box holds.
    """
    left: dict[str, list[list[int]]] = defaultdict(list)
    for line_no, sku, each in lines:
        left[sku].append([line_no, each])
    handed: list[list[tuple[int, int]]] = []
    for _, _, contents in boxes:
        mine: list[tuple[int, int]] = []
        for sku, each in contents:
            rest = each
            while rest:
                entry = left[sku][0]
                take = min(rest, entry[1])
                mine.append((entry[0], take))
                entry[1] -= take
                rest -= take
                if not entry[1]:
                    left[sku].pop(0)
        handed.append(mine)
    over = sorted((no, each) for entries in left.values() for no, each in entries if each)
    return handed, over
