"""Which picture shows what: from the figures to the charts and maps of the page; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from entrepot.simulation.report import atlas, charts
from entrepot.simulation.report.charts import About, Bar, Layer, Mark
from entrepot.simulation.report.figures import BacklogDay, Figures
from entrepot.simulation.report.scale import date_marks, weeks
from entrepot.simulation.report.shown import counted, day, money, number, short_day, short_month
from entrepot.words.money import EXPONENTS

WEEKLY_FROM = 121
MARKS_MOST = 8
BARS_MOST = 121
TIPS_MOST = 130
EARLY_MOST, LATE_MOST, DOOR_MOST = 7, 10, 35
COLORS = 8

STAGE_WORDS = {
    "backordered": "wait for stock",
    "reserved": "wait to be released",
    "released": "to be picked",
    "picked": "to be packed",
    "packed": "to be handed over",
}


PROMISE_LEGEND = (
    ("good", "on time"),
    ("warn", "late or overdue"),
    ("bad", "lost or returned"),
    ("quiet", "on the way, or no date promised"),
)


class Picture(NamedTuple):
    """A chart with its caption; `legend` gives (class, words)."""

    title: str
    unit: str
    svg: str
    legend: tuple[tuple[str, str], ...] = ()


def color(position: int) -> str:
    """The class of a center's color."""
    return f"c{position % COLORS}"


def days_between(first: date, last: date) -> list[date]:
    """Every date from the first to the last."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _by_day(
    about: About,
    values: Mapping[date, tuple[int, ...]],
    styles: Sequence[str],
    nouns: Sequence[str],
) -> str:
    """Stacked bars by day, or by week when there are many days; days without values are zero."""
    days = days_between(min(values), max(values))
    none = (0,) * len(styles)
    by_day = [(d, n, n + 1) for n, d in enumerate(days)]
    spans = by_day if len(days) < WEEKLY_FROM else weeks(days)
    shown = []
    for first, start, end in spans:
        rows = [values.get(d, none) for d in days[start:end]]
        sums = [sum(column) for column in zip(*rows, strict=True)]
        said = ", ".join(counted(v, noun) for v, noun in zip(sums, nouns, strict=True))
        when = f"{first:%a} {day(first)}" if end == start + 1 else f"week of {day(first)}"
        shown.append(Bar(tuple(zip(styles, sums, strict=True)), f"{when}: {said}"))
    return charts.bars(about, shown, _date_marks([first for first, _, _ in spans], middle=True))


def _date_marks(days: Sequence[date], *, middle: bool) -> list[Mark]:
    """Marks for days at even distances.

    middle  in the middle of bars, else from edge to edge
    """
    first, last = days[0], days[-1]
    whole = max(len(days) if middle else len(days) - 1, 1)
    chosen = date_marks(first, last, MARKS_MOST)
    total = max((last - first).days, 1)
    long = (last - first).days > 370
    marks = []
    for count, mark in enumerate(chosen):
        place = (mark - first).days * (len(days) - 1) / total + (0.5 if middle else 0)
        text = short_month(mark) if long else short_day(mark)
        marks.append(Mark(100 * place / whole, text, always=count % 2 == 0))
    return marks


def per_what(figures: Figures) -> str:
    """Whether bars of orders are by day or by week."""
    days = figures.demand.days
    many = bool(days) and (days[-1].day - days[0].day).days + 1 >= WEEKLY_FROM
    return "week" if many else "day"


def orders(figures: Figures) -> Picture:
    """Orders placed, by day or week."""
    per = per_what(figures)
    about = About("orders", f"Orders placed per {per}", "Bars of orders, those cancelled on top.")
    values = {d.day: (d.orders - d.cancelled, d.cancelled) for d in figures.demand.days}
    return Picture(
        f"Orders placed per {per}",
        "orders",
        _by_day(about, values, ("main", "bad"), ("orders", "cancelled later")),
        (("main", "orders"), ("bad", "cancelled later")),
    )


def units(figures: Figures) -> Picture:
    """Units ordered, by day or week."""
    per = per_what(figures)
    about = About("units", f"Units ordered per {per}", "Bars of units in orders not cancelled.")
    values = {d.day: (d.units_each,) for d in figures.demand.days}
    return Picture(
        f"Units ordered per {per}",
        "units of goods, of orders not cancelled",
        _by_day(about, values, ("main",), ("units",)),
    )


def late_by(figures: Figures) -> Picture:
    """How many days before or after the promised date parcels arrived."""
    counts = {row.days: row.parcels for row in figures.delivery.late_by}
    shown, marks = [], []
    first, last = min(counts), max(counts)
    bins = range(min(max(first, -EARLY_MOST), 0), max(min(last, LATE_MOST), 1) + 1)
    for position, days in enumerate(bins):
        lowest, highest = days == -EARLY_MOST, days == LATE_MOST
        count = sum(
            found
            for value, found in counts.items()
            if value == days or (lowest and value < days) or (highest and value > days)
        )
        shown.append(Bar((("bad" if days > 0 else "good", count),), _late_words(days, count)))
        text = f"{'≤' * lowest}{'≥' * highest}{f'{days:+d}'.replace('-', '−') if days else '0'}"
        at = 100 * (position + 0.5) / len(bins)
        marks.append(Mark(at, text, always=days % 2 == 0 or len(bins) < charts.WIDE_FROM))
    about = About(
        "late-by", "Delivered against promised", "Bars of parcels by days after the promised date."
    )
    return Picture(
        "Delivered against promised",
        "parcels, by days after the promised date",
        charts.bars(about, shown, marks),
        (("good", "on the date or earlier"), ("bad", "later")),
    )


def _late_words(days: int, count: int) -> str:
    when = "on the promised date"
    if days:
        when = f"{counted(abs(days), 'days')} {'late' if days > 0 else 'early'}"
        when += " or more" * (days in (-EARLY_MOST, LATE_MOST))
    return f"{counted(count, 'parcels')} {when}"


def door(figures: Figures) -> Picture:
    """Days from the order to its last parcel."""
    counts = {row.days: row.orders for row in figures.delivery.door}
    bins = range(min(max(counts), DOOR_MOST) + 1)
    shown, marks = [], []
    for days in bins:
        last = days == DOOR_MOST
        count = sum(n for value, n in counts.items() if value == days or (last and value > days))
        said = f"{counted(count, 'orders')} after {counted(days, 'days')}{' or more' * last}"
        shown.append(Bar((("main", count),), said))
        at = 100 * (days + 0.5) / len(bins)
        text = f"{'≥' * last}{days}"
        if days % (1 if len(bins) < charts.WIDE_FROM else 5) == 0 or last:
            marks.append(Mark(at, text))
    about = About("door", "From order to door", "Bars of orders by days to the last parcel.")
    return Picture(
        "From order to door",
        "orders that arrived in full, by days to their last parcel",
        charts.bars(about, shown, marks),
    )


def backlog_by_stage(figures: Figures) -> Picture:
    """Parts in the house at the end of a day, by what they wait for."""
    stages = figures.backlog.stages
    names = [STAGE_WORDS.get(stage, stage) for stage in stages]
    days, when = _fullest(figures.backlog.days)
    return Picture(
        "Backlog by stage",
        f"parts of orders in the house {when}",
        _over_days(
            About("stages", "Backlog by stage", "Stacked bars of parts by what they wait for."),
            [d.day for d in days],
            [d.by_stage for d in days],
            [f"s{n}" for n in range(len(stages))],
            names,
        ),
        tuple((f"s{n}", name) for n, name in enumerate(names)),
    )


def backlog_by_age(figures: Figures) -> Picture:
    """Parts in the house at the end of a day, by days since the order."""
    names = age_words(figures.backlog.ages)
    days, _ = _fullest(figures.backlog.days)
    return Picture(
        "Backlog by age",
        "the same parts, by whole days since the order",
        _over_days(
            About("ages", "Backlog by age", "Stacked bars of parts by days since the order."),
            [d.day for d in days],
            [d.by_age for d in days],
            [f"a{n}" for n in range(len(names))],
            names,
        ),
        tuple((f"a{n}", name) for n, name in enumerate(names)),
    )


def _fullest(days: Sequence[BacklogDay]) -> tuple[Sequence[BacklogDay], str]:
    """The days until the house is empty, or of many the fullest of each week; with when that is."""
    while days and not days[-1].parts:
        days = days[:-1]
    if len(days) <= BARS_MOST:
        return days, "at the end of each day"
    spans = weeks([d.day for d in days])
    found = [max(days[start:end], key=lambda d: d.parts) for _, start, end in spans]
    return found, "at the end of the fullest day of each week"


def age_words(ages: Sequence[int]) -> list[str]:
    """The classes of age in words."""
    found = []
    for start, following in zip(ages, [*ages[1:], None], strict=True):
        if following is None:
            found.append(f"{counted(start, 'days')} or more")
        elif start == 0 and following == 1:
            found.append("under 1 day")
        elif following == start + 1:
            found.append(counted(start, "days"))
        else:
            found.append(f"{start}–{following - 1} days")
    return found


def stock_value(figures: Figures) -> Picture:
    """Stock value at the end of each day, by center."""
    currency = figures.settings.currency
    scale = 10 ** EXPONENTS.get(currency, 2)
    return Picture(
        "Stock value by center",
        f"{currency} at the lowest cost agreed with a supplier, at the end of each day",
        _over_days(
            About("stock", "Stock value by center", "Stacked bars or areas of stock value."),
            [d.day for d in figures.stock.days],
            [tuple(v // scale for v in d.value_minor) for d in figures.stock.days],
            [color(n) for n in range(len(figures.centers))],
            [c.name for c in figures.centers],
            write=lambda value: money(value * scale, currency),
        ),
        tuple((color(n), c.name) for n, c in enumerate(figures.centers)),
    )


def _over_days(
    about: About,
    days: Sequence[date],
    rows: Sequence[tuple[int, ...]],
    styles: Sequence[str],
    names: Sequence[str],
    write: Callable[[int], str] = number,
) -> str:
    """What was there at the end of each day: bars for as many as can be told apart, else areas."""
    said = [
        f"{day(when)}: "
        + (
            ", ".join(
                f"{write(v)} {name}" for v, name in reversed([*zip(row, names, strict=True)]) if v
            )
            or "nothing"
        )
        for when, row in zip(days, rows, strict=True)
    ]
    if len(days) <= BARS_MOST:
        shown = [
            Bar(tuple(zip(styles, row, strict=True)), text)
            for row, text in zip(rows, said, strict=True)
        ]
        return charts.bars(about, shown, _date_marks(days, middle=True))
    layers = [
        Layer(style, values) for style, values in zip(styles, zip(*rows, strict=True), strict=True)
    ]
    every = -(-len(days) // TIPS_MOST)
    whole = len(days) - 1
    tips = [
        (
            100 * max(n - every / 2, 0) / whole,
            100 * min(n + every / 2, whole) / whole,
            said[n],
        )
        for n in range(0, len(days), every)
    ]
    return charts.areas(about, layers, tips, _date_marks(days, middle=False))


def maps(figures: Figures) -> list[Picture]:
    """The home country, and the rest of the world as far as the outlines reach."""
    nodes = [
        atlas.Node(atlas.Place(c.latitude_microdeg, c.longitude_microdeg, c.name), c.node, color(n))
        for n, c in enumerate(figures.centers)
    ]
    pictures = []
    for name, title, places in (
        ("home", f"Within {figures.settings.country}", _places(figures, at_home=True)),
        ("abroad", "To other countries", _places(figures, at_home=False)),
    ):
        near = [place for place in places.values() if atlas.mapped(place)]
        wanted = near or list(places.values())
        view = atlas.window([*wanted, *(node.place for node in nodes)] if wanted else [])
        if view is None:
            continue
        position = {n: i for i, n in enumerate(places)}
        flows = [
            atlas.Flow(lane.center, position[lane.destination], lane.parcels)
            for lane in figures.lanes
            if lane.destination in position
        ]
        about = About(f"map-{name}", f"Parcels {title.lower()}", "A map of the flows of parcels.")
        svg = atlas.picture(about, view, nodes, list(places.values()), flows)
        pictures.append(
            Picture(title, "parcels; lines are as wide, dots as large as there are many", svg)
        )
    return pictures


def _places(figures: Figures, *, at_home: bool) -> dict[int, atlas.Place]:
    """Destinations whose place is known, by their position."""
    return {
        n: atlas.Place(d.latitude_microdeg, d.longitude_microdeg, d.name, d.parcels)
        for n, d in enumerate(figures.destinations)
        if (d.country == figures.settings.country) == at_home
        and d.latitude_microdeg is not None
        and d.longitude_microdeg is not None
    }
