"""Pictures as numbers: where each bar stands and how large it is. Templates draw them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from entrepot.flows.views.tower_page import DayView, StageView

# What the bands of `StageView` are called.
AGES = ("today", "1-2 days", "3-6 days", "a week or more")
ROW_WIDTH = 1_000
CHART_HEIGHT = 160
SLOT_WIDTH = 40
BAR_WIDTH = 13
LINES_MOST = 4


class Piece(NamedTuple):
    """A part of a bar: `start` and `size` in the chart's units, `band` names its color."""

    band: int
    start: int
    size: int
    number: int


def bars(stages: Sequence[StageView]) -> list[list[Piece]]:
    """A bar for each stage, made of its age bands; the longest is ROW_WIDTH."""
    most = max((stage.parts for stage in stages), default=0)
    return [_pieces(stage.bands, most, ROW_WIDTH) for stage in stages]


def _pieces(counts: Sequence[int], most: int, width: int) -> list[Piece]:
    pieces = []
    before = 0
    for band, count in enumerate(counts):
        start = before * width // max(most, 1)
        before += count
        if count:
            # A small count is still seen.
            size = max(before * width // max(most, 1) - start, 2)
            pieces.append(Piece(band, start, size, count))
    return pieces


class Column(NamedTuple):
    """A day: what was placed, and what came in time, late, or was lost, from below.

    is_after_gap  days before it are left out
    """

    day: date
    x: int
    placed: Piece
    arrived: tuple[Piece, ...]
    is_after_gap: bool


class Line(NamedTuple):
    """A horizontal line with its number."""

    y: int
    number: int


class DaysChart(NamedTuple):
    """Orders placed and parts that arrived, by day; y grows downwards."""

    width: int
    height: int
    bar_width: int
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no bar is there to be drawn."""
        return not any(column.placed.number or column.arrived for column in self.columns)

    @property
    def has_gaps(self) -> bool:
        """Whether days are left out."""
        return any(column.is_after_gap for column in self.columns)


def days_chart(days: Sequence[DayView]) -> DaysChart:
    """The last days as bars over a round number of parts."""
    arrived = [(d.figures.parts_on_time, d.figures.parts_late, d.figures.parts_lost) for d in days]
    most = max([*(d.figures.orders_placed for d in days), *map(sum, arrived), 1])
    step = _round_up(-(-most // LINES_MOST))
    lines = -(-most // step)
    top = step * lines
    columns = []
    for index, (day, counts) in enumerate(zip(days, arrived, strict=True)):
        (placed,) = _pieces((day.figures.orders_placed,), top, CHART_HEIGHT) or [Piece(0, 0, 0, 0)]
        stack = tuple(_pieces(counts, top, CHART_HEIGHT))
        is_after_gap = index > 0 and day.day - days[index - 1].day > timedelta(days=1)
        columns.append(Column(day.day, index * SLOT_WIDTH, placed, stack, is_after_gap))
    return DaysChart(
        width=len(days) * SLOT_WIDTH,
        height=CHART_HEIGHT,
        bar_width=BAR_WIDTH,
        columns=tuple(columns),
        lines=tuple(
            Line(CHART_HEIGHT - CHART_HEIGHT * n // lines, step * n) for n in range(lines + 1)
        ),
    )


def _round_up(count: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if count <= step * power:
                return step * power
        power *= 10
