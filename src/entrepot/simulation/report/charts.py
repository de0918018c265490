"""Charts as SVG text, made from values; pure.

Each fills the width it is given while its text keeps its size: positions across are percentages,
and paths stand in an inner drawing that is stretched. Colors are classes of the page's style sheet.
A chart says what it shows in its title and description, and every mark what it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import accumulate
from typing import NamedTuple

from entrepot.simulation.report.scale import Axis, axis, short

HEIGHT = 180
FOOT = 24
GAP = 0.16
WIDTH_MOST = 9
WIDE_FROM = 14


class About(NamedTuple):
    """What a chart is called, and what it says in a sentence; `name` is unique on the page."""

    name: str
    title: str
    says: str


class Mark(NamedTuple):
    """A word below the chart. Small screens leave out those that are not `always` shown."""

    at_percent: float
    text: str
    always: bool = True


class Bar(NamedTuple):
    """A bar, of one or more pieces on each other: (class, value >= 0); `says` names them."""

    pieces: tuple[tuple[str, int], ...]
    says: str

    @property
    def total(self) -> int:
        """Of all pieces."""
        return sum(value for _, value in self.pieces)


class Layer(NamedTuple):
    """A layer of a stacked area: its class, its values from left to right."""

    style: str
    values: Sequence[int]


def bars(about: About, shown: Sequence[Bar], marks: Sequence[Mark], *, height: int = HEIGHT) -> str:
    """Bars side by side, all of one width."""
    scale = axis(max((bar.total for bar in shown), default=0))
    step = 100 / max(len(shown), 1)
    drawn = []
    for number, bar in enumerate(shown):
        width = min(step * (1 - GAP), WIDTH_MOST)
        left = step * (number + 0.5) - width / 2
        pieces = []
        foot = 0
        for style, value in bar.pieces:
            if value:
                y, tall = _y(foot + value, scale, height), _y(foot, scale, height)
                pieces.append(
                    f'<rect class="{style}" x="{left:.2f}%" width="{width:.2f}%" '
                    f'y="{y:.1f}" height="{max(tall - y, 0.8):.1f}"/>'
                )
            foot += value
        # The whole column answers to the pointer, however low its bar.
        column = f'<rect class="touch" x="{step * number:.2f}%" width="{step:.2f}%" y="0" '
        said = f'<title>{escape(bar.says)}</title>{column}height="{height}"/>'
        drawn.append(f'<g class="bar">{said}{"".join(pieces)}</g>')
    return _frame(about, scale, "".join(drawn), marks, height)


def areas(
    about: About,
    layers: Sequence[Layer],
    tips: Sequence[tuple[float, float, str]],
    marks: Sequence[Mark],
    *,
    height: int = HEIGHT,
) -> str:
    """Layers on each other, the first one lowest.

    tips  spans (from, to in percent) and what they say to the pointer
    """
    count = max((len(layer.values) for layer in layers), default=0)
    tops = [0] * count
    edges = [list(tops)]
    for layer in layers:
        tops = [top + value for top, value in zip(tops, layer.values, strict=True)]
        edges.append(list(tops))
    scale = axis(max(tops, default=0))
    drawn = [
        f'<path class="{layer.style}" d="{_band(low, high, scale, height)}"/>'
        for layer, low, high in zip(layers, edges, edges[1:], strict=False)
        if any(layer.values)
    ]
    inner = (
        f'<svg class="plot" width="100%" height="{height}" preserveAspectRatio="none" '
        f'viewBox="0 0 {max(count - 1, 1)} {height}">{"".join(drawn)}</svg>'
    )
    touch = "".join(
        f'<rect class="touch" x="{left:.2f}%" width="{right - left:.2f}%" y="0" '
        f'height="{height}"><title>{escape(text)}</title></rect>'
        for left, right, text in tips
    )
    return _frame(about, scale, inner + touch, marks, height)


def _band(low: Sequence[int], high: Sequence[int], scale: Axis, height: int) -> str:
    if len(high) == 1:
        low, high = [*low, *low], [*high, *high]
    there = [f"{x} {_y(value, scale, height):.1f}" for x, value in enumerate(high)]
    back = [f"{x} {_y(value, scale, height):.1f}" for x, value in enumerate(low)]
    return f"M{'L'.join(there)}L{'L'.join(reversed(back))}Z"


def _y(value: int, scale: Axis, height: int) -> float:
    return height - height * (value / scale.top)


def _frame(about: About, scale: Axis, inside: str, marks: Sequence[Mark], height: int) -> str:
    lines = []
    for value in scale.marks:
        y = _y(value, scale, height)
        style = "base" if value == 0 else "grid"
        lines.append(f'<line class="{style}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="side" x="-8" y="{y + 4:.1f}">{short(value)}</text>')
    below = [
        f'<text class="below{"" if mark.always else " wide"}" x="{mark.at_percent:.2f}%" '
        f'y="{height + 17}">{escape(mark.text)}</text>'
        for mark in marks
    ]
    grid, base = lines[2:], lines[:2]
    return (
        f'<svg class="chart" role="img" height="{height + FOOT}" '
        f'aria-labelledby="{about.name}-t {about.name}-d">'
        f'<title id="{about.name}-t">{escape(about.title)}</title>'
        f'<desc id="{about.name}-d">{escape(about.says)}</desc>'
        f"{''.join(grid)}{inside}{''.join(base)}{''.join(below)}</svg>"
    )


def strip(pieces: Sequence[tuple[str, int]], full: int, says: str) -> str:
    """A lying bar for a cell of a table: pieces (class, value) side by side; `full` fills it."""
    full = max(full, sum(value for _, value in pieces), 1)
    starts = accumulate((value for _, value in pieces), initial=0)
    drawn = "".join(
        f'<rect class="{style}" x="{100 * (start / full):.2f}%" '
        f'width="{100 * (value / full):.2f}%" height="100%"/>'
        for (style, value), start in zip(pieces, starts, strict=False)
        if value
    )
    return f'<svg class="strip" role="img"><title>{escape(says)}</title>{drawn}</svg>'
