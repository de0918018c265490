"""The map: land, nodes, and what goes from them to where; SVG text made from values; pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from importlib import resources
from math import cos, hypot, radians, sin, sqrt
from typing import NamedTuple

from entrepot.simulation.report.charts import About

LAND_FILE = "europe.csv"
LAND = (-25.0, 34.0, 45.0, 72.0)
"""West, south, east and north of the windows that the outlines fill, in degrees."""
MICRO = 1_000_000
CENTI = 100
WIDTH = 480
DOT_LEAST, DOT_MOST = 1.0, 6.5
LINE_LEAST, LINE_MOST = 0.5, 9.0
BEND = 0.16
PIN, LETTER = 7.0, 11.0

Xy = tuple[float, float]


class Place(NamedTuple):
    """A point on the map, in millionths of a degree; what it says, and how much goes there."""

    latitude_microdeg: int
    longitude_microdeg: int
    says: str
    amount: int = 0


class Node(NamedTuple):
    """Where flows begin: a place with a short label and the class of its color."""

    place: Place
    label: str
    style: str


class Flow(NamedTuple):
    """So much from a node to a place, each by its position."""

    node: int
    place: int
    amount: int


class Shape(NamedTuple):
    """An outline of land, or a border; points (longitude, latitude) in degrees."""

    kind: str
    points: tuple[Xy, ...]


class View:
    """A window of the world in degrees, on a picture of WIDTH by `height`.

    Source: Lambert azimuthal equal-area projection about the window's middle, J. P. Snyder, Map
    Projections: A Working Manual, 1987, equations 22-4 and 24-2 to 24-4, on a sphere.
    """

    def __init__(self, west: float, south: float, east: float, north: float) -> None:
        self.west, self.south, self.east, self.north = west, south, east, north
        self._longitude, self._latitude = (west + east) / 2, (south + north) / 2
        edge = [
            self._on_plane(longitude, latitude)
            for longitude in (west, self._longitude, east)
            for latitude in (south, self._latitude, north)
        ]
        self._left, right = min(x for x, _ in edge), max(x for x, _ in edge)
        low, self._high = min(y for _, y in edge), max(y for _, y in edge)
        self._scale = WIDTH / (right - self._left)
        self.height = self._scale * (self._high - low)

    def _on_plane(self, longitude: float, latitude: float) -> Xy:
        """On the plane that touches the middle, in radii of the sphere; y upward."""
        turn, lat_0, lat = (
            radians(d) for d in (longitude - self._longitude, self._latitude, latitude)
        )
        near = 1 + sin(lat_0) * sin(lat) + cos(lat_0) * cos(lat) * cos(turn)
        k = sqrt(2 / max(near, 1e-9))
        return (
            k * cos(lat) * sin(turn),
            k * (cos(lat_0) * sin(lat) - sin(lat_0) * cos(lat) * cos(turn)),
        )

    def at(self, longitude: float, latitude: float) -> Xy:
        """On the picture; y downward."""
        x, y = self._on_plane(longitude, latitude)
        return (x - self._left) * self._scale, (self._high - y) * self._scale

    def of(self, place: Place) -> Xy:
        """Where a place is on the picture."""
        return self.at(place.longitude_microdeg / MICRO, place.latitude_microdeg / MICRO)

    def holds(self, place: Place) -> bool:
        """Whether a place lies in it."""
        longitude, latitude = place.longitude_microdeg / MICRO, place.latitude_microdeg / MICRO
        return self.west <= longitude <= self.east and self.south <= latitude <= self.north


@cache
def land() -> tuple[Shape, ...]:
    """Outlines of Europe, the largest first, and its borders."""
    text = resources.files(__package__).joinpath(LAND_FILE).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(Shape(row["kind"], tuple(_points(row["points"]))) for row in rows)


def _points(steps: str) -> Iterator[Xy]:
    numbers = iter(map(int, steps.split()))
    x = y = 0
    for dx, dy in zip(numbers, numbers, strict=True):
        x, y = x + dx, y + dy
        yield x / CENTI, y / CENTI


def mapped(place: Place) -> bool:
    """Whether the outlines reach as far as a place."""
    west, south, east, north = LAND
    longitude, latitude = place.longitude_microdeg / MICRO, place.latitude_microdeg / MICRO
    return west <= longitude <= east and south <= latitude <= north


def window(places: Iterable[Place], margin: float = 0.06) -> View | None:
    """The smallest window that holds all places, with a margin; None without places."""
    found = list(places)
    if not found:
        return None
    lons = [p.longitude_microdeg / MICRO for p in found]
    lats = [p.latitude_microdeg / MICRO for p in found]
    middle = radians((min(lats) + max(lats)) / 2)
    # At least two degrees high and as wide, so that one place does not fill the picture.
    tall = max(max(lats) - min(lats), 2.0)
    wide = max(max(lons) - min(lons), tall * 0.8 / cos(middle))
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    half_wide, half_tall = wide * (0.5 + margin), tall * (0.5 + margin)
    return View(
        max(lon - half_wide, -179.0),
        max(lat - half_tall, -85.0),
        min(lon + half_wide, 179.0),
        min(lat + half_tall, 85.0),
    )


def picture(
    about: About,
    view: View,
    nodes: Sequence[Node],
    places: Sequence[Place],
    flows: Sequence[Flow],
) -> str:
    """The map of a window. A flow's width and a dot's area grow with what goes there."""
    inside = [n for n, place in enumerate(places) if view.holds(place)]
    most_place = max((places[n].amount for n in inside), default=1)
    shown = [f for f in flows if view.holds(places[f.place])]
    most_flow = max((f.amount for f in shown), default=1)
    drawn = [_ground(view), *_graticule(view)]
    for flow in sorted(shown, key=lambda f: f.amount):
        node = nodes[flow.node]
        width = LINE_LEAST + (LINE_MOST - LINE_LEAST) * (flow.amount / most_flow)
        said = f"{node.place.says} to {places[flow.place].says}: {flow.amount:,} parcels"
        path = _curve(view.of(node.place), view.of(places[flow.place]))
        drawn.append(
            f'<path class="flow {node.style}" stroke-width="{width:.1f}" d="{path}">'
            f"<title>{escape(said)}</title></path>"
        )
    for n in sorted(inside, key=lambda n: -places[n].amount):
        x, y = view.of(places[n])
        radius = DOT_LEAST + (DOT_MOST - DOT_LEAST) * sqrt(places[n].amount / most_place)
        said = f"{places[n].says}: {places[n].amount:,} parcels"
        drawn.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
            f"<title>{escape(said)}</title></circle>"
        )
    drawn += _pins(view, [node for node in nodes if view.holds(node.place)])
    return (
        f'<svg class="map" role="img" viewBox="0 0 {WIDTH} {view.height:.0f}" '
        f'aria-labelledby="{about.name}-t {about.name}-d">'
        f'<title id="{about.name}-t">{escape(about.title)}</title>'
        f'<desc id="{about.name}-d">{escape(about.says)}</desc>{"".join(drawn)}</svg>'
    )


def _curve(start: Xy, end: Xy) -> str:
    """A line that leans to its left, so that there and back do not lie on each other."""
    (x1, y1), (x2, y2) = start, end
    bend = BEND * hypot(x2 - x1, y2 - y1)
    length = hypot(x2 - x1, y2 - y1) or 1.0
    x = (x1 + x2) / 2 + bend * (y2 - y1) / length
    y = (y1 + y2) / 2 - bend * (x2 - x1) / length
    return f"M{x1:.1f} {y1:.1f}Q{x:.1f} {y:.1f} {x2:.1f} {y2:.1f}"


def _pins(view: View, nodes: Sequence[Node]) -> Iterator[str]:
    """Squares with their labels; a label that fits nowhere beside its square is left out."""
    taken = [_box(view.of(node.place), PIN, PIN) for node in nodes]
    for node in nodes:
        x, y = view.of(node.place)
        wide = LETTER * len(node.label)
        sides = (
            (x + PIN + wide / 2, y),
            (x - PIN - wide / 2, y),
            (x, y - 2 * PIN),
            (x, y + 2 * PIN),
        )
        boxes = ((side, _box(side, wide / 2, PIN)) for side in sides)
        free = [
            (side, box)
            for side, box in boxes
            if box[0] >= 0 and box[2] <= WIDTH and not any(_meet(box, other) for other in taken)
        ]
        label = ""
        if free:
            (left, base), box = free[0]
            taken.append(box)
            label = f'<text x="{left:.1f}" y="{base + 5:.1f}">{escape(node.label)}</text>'
        yield (
            f'<g class="pin"><title>{escape(node.place.says)}</title><rect class="{node.style}" '
            f'x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" rx="2.5"/>{label}</g>'
        )


def _box(middle: Xy, wide: float, tall: float) -> tuple[float, float, float, float]:
    x, y = middle
    return x - wide, y - tall, x + wide, y + tall


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _ground(view: View) -> str:
    """Land and borders, as two paths; shapes outside the window are left out."""
    outlines, borders = [], []
    height = view.height
    west, south, east, north = LAND
    near = west < view.east and view.west < east and south < view.north and view.south < north
    for shape in land() if near else ():
        points = [view.at(*point) for point in shape.points]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        if min(xs) > WIDTH or max(xs) < 0 or min(ys) > height or max(ys) < 0:
            continue
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if shape.kind == "land":
            outlines.append(f"M{line}Z")
        else:
            borders.append(f"M{line}")
    return (
        f'<path class="land" d="{"".join(outlines)}"/><path class="border" d="{"".join(borders)}"/>'
    )


def _graticule(view: View) -> Iterator[str]:
    """Every so many degrees a line, where no land says where one is."""
    span = max(view.east - view.west, view.north - view.south)
    step = next((s for s in (1, 2, 5, 10, 20) if span / s <= 9), 30)
    lines = []
    for lon in range(int(view.west // step) * step, int(view.east) + step + 1, step):
        lats = range(int(view.south) - 1, int(view.north) + 2)
        lines.append([view.at(lon, max(min(lat, 89), -89)) for lat in lats])
    for lat in range(int(view.south // step) * step, int(view.north) + step + 1, step):
        lons = range(int(view.west) - 1, int(view.east) + 2)
        lines.append([view.at(lon, max(min(lat, 89), -89)) for lon in lons])
    path = "".join("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in line) for line in lines)
    yield f'<path class="graticule" d="{path}"/>'
