"""The tower's page: orders by stage, late ones, stock and how promises are kept, as of one instant.

Figures are the tower's, kept by its subscription; days are dates in UTC. Today is the day of the
newest fact, so that a simulated retailer is shown at its own time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from entrepot.departments.network import service as network
from entrepot.departments.network.model import Network
from entrepot.departments.tower.model import NOWHERE, PPM, Counted, Day, Stage
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")

DAYS = 14
WEEKS = 13
# So many days without an order or a delivery are left out.
QUIET_DAYS = 7
LATE_SHOWN = 20
# A part is in the first band whose days it has not yet stood in its stage.
AGE_BANDS = (1, 3, 7)


class StageView(NamedTuple):
    """Parts that stand in a stage.

    bands   how many, by days since they came: on the same day, under 3, under 7, 7 and more
    oldest  since when the oldest stands there; None when there is none
    """

    stage: Stage
    parts: int
    units: int
    bands: tuple[int, ...]
    oldest: datetime | None


class NodeView(NamedTuple):
    """A node now: parts by stage and its stock in units; `committed` is a part of `on_hand`.

    period  what happened there in the last WEEKS weeks
    """

    node: str
    name: str
    stages: Mapping[Stage, int]
    on_hand: int
    committed: int
    quarantined: int
    period: Day

    @property
    def available(self) -> int:
        """What is not committed to an order."""
        return self.on_hand - self.committed


class LatePart(NamedTuple):
    """An open part whose promised date has passed, `days` ago."""

    order_id: str
    part_no: int
    stage: Stage
    node: str
    units: int
    since: datetime
    promised_on: date
    days: int


class DayView(NamedTuple):
    """A day of the whole house, or the week that begins with it.

    revenue_minor  of goods and shipping, in the retailer's currency
    """

    day: date
    revenue_minor: int
    figures: Day


class TowerPage(NamedTuple):
    """Everything the page shows.

    as_of     instant of the newest fact; None before the first
    late      the latest first, at most LATE_SHOWN of the `late_parts`
    days      the last DAYS, the newest last, without quiet stretches of QUIET_DAYS and more
    weeks     the last WEEKS in which something happened, from Monday, the newest last; the present
              one is not over
    period    the sum of the weeks
    """

    retailer: str
    currency: str
    as_of: datetime | None
    late_parts: int
    due_parts: int
    late: tuple[LatePart, ...]
    stages: tuple[StageView, ...]
    nodes: tuple[NodeView, ...]
    days: tuple[DayView, ...]
    weeks: tuple[DayView, ...]
    period: Day

    @property
    def today(self) -> DayView | None:
        """The day of the newest fact."""
        return self.days[-1] if self.days else None

    @property
    def open_parts(self) -> int:
        """Parts that have not ended."""
        return sum(stage.parts for stage in self.stages)


def on_time_ppm(figures: Day) -> int | None:
    """Of what was delivered or lost, how much came by the date told last; None of nothing."""
    return _share(figures.parts_on_time, figures)


def kept_ppm(figures: Day) -> int | None:
    """Of what was delivered or lost, how much came by the date told first; None of nothing."""
    return _share(figures.parts_kept, figures)


def _share(good: int, figures: Day) -> int | None:
    ended = figures.parts_on_time + figures.parts_late + figures.parts_lost
    return good * PPM // ended if ended else None


def tower_page(tx: Tx) -> TowerPage:
    """The page as the figures stand."""
    known = network.snapshot(tx)
    retailer = known.retailer
    name, currency = (retailer.name, retailer.currency) if retailer else ("", "")
    head = tx.rows(Q.tower_head, {"limit": LATE_SHOWN})
    if not head:
        return TowerPage(name, currency, None, 0, 0, (), _stages([], None), (), (), (), Day())
    as_of: datetime = head[0][0]
    today = as_of.date()
    counted = [
        _Row(Stage(row[0]), *row[1:])
        for row in tx.rows(Q.tower_stages, {"stages": [stage.value for stage in Stage]})
    ]
    happened = [
        _Happened(row[0], row[1], row[2], Day(*row[3:]))
        for row in tx.rows(Q.tower_days, {"weeks": WEEKS, "last": today, "currency": currency})
    ]
    stock = {row[0]: row[1:] for row in tx.rows(Q.tower_nodes)}
    by_node: defaultdict[str, list[Day]] = defaultdict(list)
    for row in happened:
        by_node[row.node].append(row.figures)
    mondays = sorted({_monday(day) for day in (*(r.day for r in happened), today)})[-WEEKS:]
    moved = {row.day for row in happened if _moved(row.figures)}
    return TowerPage(
        retailer=name,
        currency=currency,
        as_of=as_of,
        late_parts=head[0][1],
        due_parts=head[0][2],
        late=tuple(_late(row[3:], today) for row in head if row[3] is not None),
        stages=_stages(counted, today),
        nodes=tuple(_nodes(known, counted, stock, by_node)),
        days=tuple(_spans(_dates(today, moved), 1, happened)),
        weeks=tuple(_spans(mondays, 7, happened)),
        period=_sum(row.figures for row in happened),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _moved(figures: Day) -> bool:
    """Whether an order came in or a part ended its way."""
    return bool(figures.orders_placed or figures.parts_delivered or figures.parts_lost)


def _dates(today: date, moved: set[date]) -> list[date]:
    """The last DAYS up to today, the oldest first; long stretches without movement are left out."""
    found = [today]
    while len(found) < DAYS:
        before = found[-1] - timedelta(days=1)
        latest = max((day for day in moved if day <= before), default=before)
        is_long = before - latest >= timedelta(days=QUIET_DAYS)
        found.append(latest if is_long else before)
    return found[::-1]


class _Happened(NamedTuple):
    """A row of tower_days."""

    day: date
    node: str
    revenue_minor: int
    figures: Day


def _spans(
    starts: Iterable[date], length_days: int, rows: Sequence[_Happened]
) -> Iterable[DayView]:
    """What happened in spans of so many days."""
    for start in starts:
        end = start + timedelta(days=length_days)
        mine = [row for row in rows if start <= row.day < end]
        yield DayView(
            start, sum(row.revenue_minor for row in mine), _sum(row.figures for row in mine)
        )


class _Row(NamedTuple):
    """A row of tower_stages."""

    stage: Stage
    node: str
    entered_on: date
    parts: int
    units: int
    oldest: datetime | None


def _late(row: tuple[str, int, str, str, int, datetime, date], today: date) -> LatePart:
    order_id, part_no, stage, node, units, since, promised_on = row
    days = (today - promised_on).days
    return LatePart(order_id, part_no, Stage(stage), node, units, since, promised_on, days)


def _stages(rows: Iterable[_Row], today: date | None) -> tuple[StageView, ...]:
    """Every stage in the order a part goes through them, also those without a part."""
    counts = {stage: Counted(0, 0) for stage in Stage}
    bands = {stage: [0] * (len(AGE_BANDS) + 1) for stage in Stage}
    oldest: dict[Stage, datetime | None] = {}
    for row in rows:
        assert today is not None, "parts are counted as of a day"
        before = counts[row.stage]
        counts[row.stage] = Counted(before.parts + row.parts, before.units + row.units)
        days = (today - row.entered_on).days
        bands[row.stage][sum(days >= edge for edge in AGE_BANDS)] += row.parts
        oldest[row.stage] = row.oldest
    return tuple(
        StageView(stage, *counts[stage], tuple(bands[stage]), oldest.get(stage)) for stage in Stage
    )


def _nodes(
    known: Network,
    rows: Iterable[_Row],
    stock: Mapping[str, tuple[int, int, int]],
    happened: Mapping[str, list[Day]],
) -> Iterable[NodeView]:
    """Nodes with stock, parts or news, by name."""
    stages: defaultdict[str, defaultdict[Stage, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        stages[row.node][row.stage] += row.parts
    names = {node: place.name for node, place in known.nodes.items()}
    found = (stock.keys() | stages.keys() | happened.keys()) - {NOWHERE}
    for node in sorted(found, key=lambda node: (names.get(node, node), node)):
        yield NodeView(
            node,
            names.get(node, node),
            dict(stages[node]),
            *stock.get(node, (0, 0, 0)),
            _sum(happened.get(node, ())),
        )


def _sum(days: Iterable[Day]) -> Day:
    listed = list(days)
    return Day(*map(sum, zip(*listed, strict=True))) if listed else Day()
