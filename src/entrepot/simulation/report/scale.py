"""Axes: round numbers to mark, and how short they can be written; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

_STEPS = (1, 2, 5)
_SHORT = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


class Axis(NamedTuple):
    """Marks from 0 to `top`, which nothing exceeds."""

    top: int
    marks: tuple[int, ...]


def axis(highest: int, marks: int = 4) -> Axis:
    """An axis from zero over at most `marks` + 1 whole steps of 1, 2 or 5 times a power of ten."""
    highest = max(highest, 1)
    power = 1
    while True:
        for times in _STEPS:
            step = times * power
            if step * marks >= highest:
                count = -(-highest // step)
                return Axis(step * count, tuple(step * n for n in range(count + 1)))
        power *= 10


def short(value: int) -> str:
    """A number in at most four digits where it is round: 1,500 as 1.5k."""
    for unit, letter in _SHORT:
        if value >= 10 * unit or (value >= unit and value % (unit // 10) == 0):
            tenths = value * 10 // unit
            return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''}{letter}"
    return f"{value:,}"


def date_marks(first: date, last: date, most: int) -> list[date]:
    """At most `most` dates to mark: days, Mondays, firsts of months, or of every few months."""
    days = (last - first).days + 1
    for step in (1, 2):
        if -(-days // step) <= most:
            return [first + timedelta(days=n) for n in range(0, days, step)]
    monday = first + timedelta(days=-first.weekday() % 7)
    for step in (7, 14):
        marks = [monday + timedelta(days=n) for n in range(0, (last - monday).days + 1, step)]
        if len(marks) <= most:
            return marks
    for months in (1, 2, 3, 6, 12, 24, 60, 120):
        marks = [d for d in _firsts(first, last) if (d.year * 12 + d.month - 1) % months == 0]
        if len(marks) <= most:
            return marks
    return [first]


def _firsts(first: date, last: date) -> list[date]:
    """The first days of months within two dates."""
    year, month = first.year, first.month
    found = []
    while (day := date(year, month, 1)) <= last:
        if day >= first:
            found.append(day)
        year, month = year + month // 12, month % 12 + 1
    return found


def weeks(days: Sequence[date]) -> list[tuple[date, int, int]]:
    """ISO weeks of ascending days: the Monday, and the positions from and before which they lie."""
    mondays = [day - timedelta(days=day.weekday()) for day in days]
    cuts = [0, *(n for n, (a, b) in enumerate(pairwise(mondays), start=1) if a != b), len(days)]
    return [(mondays[a], a, b) for a, b in pairwise(cuts) if a < b]
