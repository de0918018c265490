"""Decisions of microseconds: splits against brute force and a greedy rule; dates; tokens.

The plain ways are written here from the definition alone and share no code with ours.
"""

from __future__ import annotations

import hmac
import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import NamedTuple
from uuid import UUID

from benchmarks.runner import Report, Way, microseconds
from benchmarks.server import Server
from entrepot.departments.promise.decisions import combine, estimate
from entrepot.departments.promise.model import Estimate, Handling, PlannedBox, Service
from entrepot.departments.promise.offers import Offer, open_offer, seal
from entrepot.departments.sourcing.decisions import best_split
from entrepot.departments.sourcing.model import Demand, Plan, Site
from entrepot.words.calendar import Calendar
from entrepot.words.outcome import Refusal

LEVEL_PPM = 950_000
PPM = 1_000_000
KEY = b"k" * 32
NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
TRANSIT_PPM = (0, 0, 800_000, 150_000, 50_000)
CALLS = 4_000


class Shape(NamedTuple):
    """A kind of order and network.

    held      share of the lines that a node holds
    orders    how many different ones are decided in a repeat
    every_set whether trying every set of sites is bearable
    """

    lines: int
    nodes: int
    services: int
    held: float
    orders: int
    every_set: bool

    def __str__(self) -> str:
        by = f" x {self.services} services" if self.services > 1 else ""
        word = "line" if self.lines == 1 else "lines"
        return f"{self.lines} {word}, {self.nodes} nodes{by}, each holds {self.held:.0%}"


SHAPES = (
    Shape(1, 10, 1, 0.6, 400, True),
    Shape(3, 10, 1, 0.6, 200, True),
    Shape(5, 10, 1, 0.3, 100, True),
    Shape(3, 6, 2, 0.6, 100, True),
    Shape(5, 10, 2, 0.6, 200, False),
    Shape(20, 12, 1, 0.4, 12, True),
    Shape(200, 12, 1, 0.4, 8, False),
)

Case = tuple[list[Demand], list[Site]]


def run(report: Report, _server: Server) -> None:
    """Splits by shape, then dates and tokens."""
    for number, shape in enumerate(SHAPES):
        _splits(report, shape, number)
    _dates(report)
    _joint_dates(report)
    _tokens(report)


def cases(shape: Shape, seed: int) -> list[Case]:
    """Orders that the nodes together can send, with costs like those of a rate card."""
    chance = random.Random(seed)
    found: list[Case] = []
    while len(found) < shape.orders:
        demand = [
            Demand(n, f"S{n}", chance.choice((1, 1, 1, 2, 3))) for n in range(1, shape.lines + 1)
        ]
        sites: list[Site] = []
        for node in range(shape.nodes):
            stock = tuple(
                chance.randrange(3, 50) if chance.random() < shape.held else 0 for _ in demand
            )
            for service in range(shape.services):
                items = tuple(chance.randrange(20_000, 200_000) for _ in demand)
                box = chance.randrange(250_000, 900_000)
                sites.append(Site(f"N{node}", f"S{service}", box, items, stock))
        if all(any(site.stock[n] for site in sites) for n in range(len(demand))):
            found.append((demand, sites))
    return found


def _splits(report: Report, shape: Shape, seed: int) -> None:
    asked = cases(shape, seed)[: max(4, report.scaled(shape.orders))]

    def timed(decide: Callable[[list[Demand], list[Site]], object]) -> Callable[[], float]:
        return lambda: microseconds(len(asked), lambda: [decide(d, s) for d, s in asked])

    ways = [Way("greedy", timed(greedy)), Way("ours", timed(best_split))]
    if shape.every_set:
        ways.insert(0, Way("every set of sites", timed(every_set)))
    report.compare("sourcing", f"split: {shape}", "us", ways)
    ours = [_cost(best_split(*case)) for case in asked]
    quick = [greedy(*case) for case in asked]
    dearer = sum(quick) / sum(ours)
    worse = sum(cost > mine for cost, mine in zip(quick, ours, strict=True)) / len(asked)
    costs = report.add("sourcing", f"split: {shape}: cost of greedy to ours", "ratio", [dearer])
    report.note(
        f"greedy costs {costs.median - 1:.1%} more; it misses the best in {worse:.0%} of orders"
    )
    not_dearer = all(mine <= cost for mine, cost in zip(ours, quick, strict=True))
    report.check(not_dearer, f"ours never costs more than greedy ({len(asked)} orders)")
    if shape.every_set:
        same = ours == [every_set(*case) for case in asked]
        report.check(same, f"ours costs what the best of all sets costs ({len(asked)} orders)")


def _cost(found: Plan | Refusal) -> int:
    assert isinstance(found, Plan), "the cases can be sent"
    return found.cost_mills


def _set_cost(demand: Sequence[Demand], chosen: Sequence[Site]) -> int | None:
    """Boxes, and every line whole from the cheapest site that has it; None when one has none."""
    total = sum(site.box_mills for site in chosen)
    for n, line in enumerate(demand):
        able = [s.item_mills[n] for s in chosen if s.stock[n] >= line.quantity_each]
        if not able:
            return None
        total += min(able) * line.quantity_each
    return total


def every_set(demand: Sequence[Demand], sites: Sequence[Site]) -> int:
    """The least cost over all sets with at most one service for each node."""
    by_node: dict[str, list[Site | None]] = {}
    for site in sites:
        by_node.setdefault(site.node, [None]).append(site)
    costs = (_set_cost(demand, [s for s in some if s]) for some in product(*by_node.values()))
    return min(cost for cost in costs if cost is not None)


def greedy(demand: Sequence[Demand], sites: Sequence[Site]) -> int:
    """The usual rule: the site with most of the open lines, the cheaper of equals; and again."""
    opened = dict(enumerate(demand))
    total = 0
    while opened:
        best: tuple[int, int] | None = None
        taken: list[int] = []
        for site in sites:
            has = [n for n, line in opened.items() if site.stock[n] >= line.quantity_each]
            items = (site.item_mills[n] * opened[n].quantity_each for n in has)
            rank = (-len(has), site.box_mills + sum(items))
            if best is None or rank < best:
                best, taken = rank, has
        assert best is not None and taken, "the cases can be sent"
        total += best[1]
        for n in taken:
            del opened[n]
    return total


def _instants(count: int) -> list[datetime]:
    chance = random.Random(count)
    return [NOW + timedelta(minutes=chance.randrange(60 * 24 * 365)) for _ in range(count)]


def _handling() -> tuple[Handling, Service]:
    week = (((8 * 60, 18 * 60),),) * 5 + ((), ())
    calendar = Calendar("Europe/Berlin", week, frozenset({date(2026, 5, 1), date(2026, 12, 25)}))
    days = frozenset(range(5))
    return Handling(calendar, 120), Service("parcel", 17 * 60, days, days | {5})


def business_days_later(at: datetime, days: int) -> date:
    """The plain promise: so many weekdays after today, whatever the hour or the holidays."""
    on = at.date()
    while days:
        on += timedelta(days=1)
        days -= on.weekday() < 5
    return on


def _dates(report: Report) -> None:
    handling, service = _handling()
    instants = _instants(report.scaled(CALLS))

    def ours() -> float:
        return microseconds(
            len(instants),
            lambda: [
                estimate(at, handling, service, TRANSIT_PPM, "Europe/Berlin", LEVEL_PPM)
                for at in instants
            ],
        )

    def plain() -> float:
        return microseconds(len(instants), lambda: [business_days_later(at, 4) for at in instants])

    ways = [Way("plain, 4 weekdays later", plain), Way("ours, calendars and distribution", ours)]
    report.compare("sourcing", "the date of one box", "us", ways)
    late = kept = 0
    for at in instants:
        found = estimate(at, handling, service, TRANSIT_PPM, "Europe/Berlin", LEVEL_PPM)
        assert isinstance(found, Estimate), found
        fixed = business_days_later(at, 4)
        late += fixed > found.latest_date
        kept += sum(ppm for on, ppm in found.arrivals if on <= fixed)
    report.note(
        f"the plain date is kept with {kept / len(instants) / PPM:.1%}, and is later than need be "
        f"for {LEVEL_PPM / PPM:.0%} in {late / len(instants):.0%} of orders"
    )


def _estimates(boxes: int) -> Iterator[list[Estimate]]:
    handling, service = _handling()
    for at in _instants(200):
        found = []
        for number in range(boxes):
            shares = (0, 600_000 + 50_000 * number, 360_000 - 50_000 * number, 40_000)
            one = estimate(at, handling, service, shares, "Europe/Berlin", LEVEL_PPM)
            assert isinstance(one, Estimate), one
            found.append(one)
        yield found


def _joint_dates(report: Report) -> None:
    asked = list(_estimates(3)) * (report.scaled(CALLS) // 200)

    def ours() -> float:
        return microseconds(len(asked), lambda: [combine(boxes, LEVEL_PPM) for boxes in asked])

    def plain() -> float:
        return microseconds(
            len(asked), lambda: [max(box.latest_date for box in boxes) for boxes in asked]
        )

    ways = [Way("plain, the latest of the dates", plain), Way("ours, joint distribution", ours)]
    report.compare("sourcing", "the date of three boxes", "us", ways)
    plain_ppm, ours_ppm = [], []
    for boxes in asked:
        joint = combine(boxes, LEVEL_PPM)
        assert isinstance(joint, Estimate), joint
        ours_ppm.append(joint.probability_ppm)
        fixed = max(box.latest_date for box in boxes)
        plain_ppm.append(sum(ppm for on, ppm in joint.arrivals if on <= fixed))
    report.note(
        f"promised at {LEVEL_PPM / PPM:.0%}: the latest of the dates is kept with "
        f"{min(plain_ppm) / PPM:.1%} at worst, the joint one with {min(ours_ppm) / PPM:.1%}"
    )
    report.check(min(ours_ppm) >= LEVEL_PPM, "every joint date is kept as likely as promised")


def _offer() -> Offer:
    return Offer(
        offer_id=UUID(int=7),
        lines=(("SKU-00001", 1), ("SKU-00002", 2), ("SKU-00003", 1)),
        country="DE",
        region="10",
        service="parcel",
        boxes=(
            PlannedBox("DC-1", "parcel", ((1, 1), (2, 2))),
            PlannedBox("DC-2", "parcel", ((3, 1),)),
        ),
        latest_date=date(2026, 3, 9),
        expected_date=date(2026, 3, 7),
        probability_ppm=953_000,
        items_minor=12_345,
        shipping_minor=495,
        tax_minor=0,
        currency="EUR",
        cost_mills=5_123_000,
        policy_id="standard",
        policy_version=1,
        quoted_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
    )


def _plain_token(offer: dict[str, object]) -> str:
    content = json.dumps(offer, default=str).encode()
    signature = hmac.new(KEY, content, "sha256").hexdigest()
    return f"{urlsafe_b64encode(content).decode()}.{signature}"


def _tokens(report: Report) -> None:
    offer, calls = _offer(), report.scaled(CALLS)
    fields: dict[str, object] = {name: getattr(offer, name) for name in Offer.__struct_fields__}
    fields["boxes"] = [[box.node, box.service_id, box.lines] for box in offer.boxes]
    token = seal(offer, KEY)

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        return lambda: microseconds(calls, lambda: [work() for _ in range(calls)])

    ways = [
        Way("plain, signed JSON", timed(lambda: _plain_token(fields))),
        Way("ours, sealed", timed(lambda: seal(offer, KEY))),
        Way("ours, opened and checked", timed(lambda: open_offer(token, [KEY], NOW))),
    ]
    report.compare("sourcing", "an offer as a token", "us", ways)
    report.note(f"{len(token)} characters, as signed JSON {len(_plain_token(fields))}")
    report.check(open_offer(token, [KEY], NOW) == offer, "a token opens to what was sealed")
