"""Charts, scales and the map, as pure functions."""

from __future__ import annotations

from datetime import date, timedelta
from math import pi, radians, sin
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.simulation.report import atlas, charts
from entrepot.simulation.report.atlas import Flow, Node, Place, View
from entrepot.simulation.report.charts import About, Bar, Layer, Mark
from entrepot.simulation.report.scale import axis, date_marks, short, weeks
from entrepot.simulation.report.shown import mass, money, money_of_mills, percent

ABOUT = About("a", "A < B", "It says & shows.")
EUROPE = View(-10.0, 36.0, 30.0, 70.0)
MICRO = 1_000_000


@given(st.integers(0, 10**18))
def test_an_axis_reaches_what_it_shows_in_few_round_steps(highest: int) -> None:
    found = axis(highest)
    assert found.top >= highest and found.marks[0] == 0 and found.marks[-1] == found.top
    assert 2 <= len(found.marks) <= 5
    step = found.marks[1]
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert highest > found.top - step or found.top == step


def test_short_numbers() -> None:
    shown = {0: "0", 999: "999", 1_000: "1k", 1_500: "1.5k", 1_234: "1,234", 20_000: "20k"}
    shown |= {250_000: "250k", 1_500_000: "1.5M", 10**9: "1B", 5 * 10**12: "5T"}
    assert {value: short(value) for value in shown} == shown


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 9_000), st.integers(2, 12))
def test_dates_to_mark_are_few_and_within(first: date, days: int, most: int) -> None:
    last = first + timedelta(days=days)
    found = date_marks(first, last, most)
    assert 1 <= len(found) <= most or days > 40 * 366
    assert found == sorted(set(found)) and all(first <= mark <= last for mark in found)


@given(st.lists(st.dates(date(2009, 1, 1), date(2012, 1, 1)), unique=True).map(sorted))
def test_weeks_part_the_days(days: list[date]) -> None:
    found = weeks(days)
    assert [d for _, a, b in found for d in days[a:b]] == days
    for monday, a, b in found:
        assert monday.weekday() == 0
        assert all(timedelta() <= d - monday < timedelta(days=7) for d in days[a:b])


def test_amounts_for_people() -> None:
    assert money(123_456, "GBP") == "£1,234.56"
    assert money(-5, "EUR") == "-€0.05"
    assert money(123_456_789, "USD") == "$1,234,568"
    assert money(1_234, "JPY") == "1,234\u202fJPY"
    assert money(1_234, "KWD") == "1.234\u202fKWD"
    assert money_of_mills(321_499, "GBP") == "£3.21" and money_of_mills(321_500, "GBP") == "£3.22"
    assert [percent(p) for p in (0, 999_999, 1_000_000)] == [
        "0.0\u202f%",
        "99.9\u202f%",
        "100\u202f%",
    ]
    assert [mass(g) for g in (999, 1_000, 99_940, 99_960, 2_500_000)] == [
        f"{n}\u202f{unit}"
        for n, unit in (("999", "g"), ("1.0", "kg"), ("99.9", "kg"), ("100", "kg"), ("2.5", "t"))
    ]


def test_pieces_of_a_bar_stand_on_each_other() -> None:
    svg = charts.bars(ABOUT, [Bar((("x", 40), ("y", 60)), "both")], [Mark(50, "<1>")])
    root = ElementTree.fromstring(svg)
    first, second = (root.find(f".//rect[@class='{style}']") for style in "xy")
    assert first is not None and second is not None
    low, high = first.attrib, second.attrib
    assert float(low["y"]) + float(low["height"]) == pytest.approx(180, abs=0.1)
    assert float(high["y"]) + float(high["height"]) == pytest.approx(float(low["y"]), abs=0.1)
    assert float(high["height"]) == pytest.approx(1.5 * float(low["height"]), rel=0.01)
    assert root.findtext("title") == "A < B" and root.findtext(".//text[@class='below']") == "<1>"


def test_layers_of_an_area_stand_on_each_other() -> None:
    layers = [Layer("x", (1, 2, 3)), Layer("y", (1, 1, 1)), Layer("z", (0, 0, 0))]
    root = ElementTree.fromstring(charts.areas(ABOUT, layers, [(0, 100, "tip")], []))
    paths = {p.attrib["class"]: p.attrib["d"] for p in root.iter("path")}
    assert paths["x"] == "M0 135.0L1 90.0L2 45.0L2 180.0L1 180.0L0 180.0Z"
    assert paths["y"].startswith("M0 90.0L1 45.0L2 0.0L2 45.0") and "z" not in paths


@pytest.mark.parametrize("values", [(), (0,), (7,), (0, 0)])
def test_an_area_of_next_to_nothing(values: tuple[int, ...]) -> None:
    ElementTree.fromstring(charts.areas(ABOUT, [Layer("x", values)], [], []))
    ElementTree.fromstring(charts.areas(ABOUT, [], [], []))


def test_a_strip_is_filled_in_proportion() -> None:
    root = ElementTree.fromstring(charts.strip([("x", 1), ("y", 0), ("z", 3)], 8, "<says>"))
    found = [(r.attrib["class"], r.attrib["x"], r.attrib["width"]) for r in root.iter("rect")]
    assert found == [("x", "0.00%", "12.50%"), ("z", "12.50%", "37.50%")]
    ElementTree.fromstring(charts.strip([], 0, ""))


def test_the_middle_of_a_view_lies_between_its_edges() -> None:
    x, y = EUROPE.at(10.0, 53.0)
    assert x == pytest.approx(atlas.WIDTH / 2, abs=0.01)
    assert 0 < y < EUROPE.height
    assert EUROPE.at(0, 60)[1] < y < EUROPE.at(0, 40)[1]
    assert EUROPE.at(0, 53)[0] < x < EUROPE.at(20, 53)[0]


@pytest.mark.parametrize("south", [36, 48, 60, 69])
def test_the_projection_keeps_areas(south: int) -> None:
    def area(south: float, north: float) -> float:
        ring = [(lon, south) for lon in range(6)] + [(lon, north) for lon in range(5, -1, -1)]
        at = [EUROPE.at(*point) for point in ring]
        return abs(
            sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(at, [*at[1:], at[0]], strict=True))
        )

    true = (sin(radians(south + 1)) - sin(radians(south))) / (sin(radians(54)) - sin(radians(53)))
    assert area(south, south + 1) / area(53, 54) == pytest.approx(true, rel=0.002)


def _is_land(longitude: float, latitude: float) -> bool:
    inside = False
    for shape in atlas.land():
        if shape.kind == "land":
            ring = shape.points
            for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
                if (y1 > latitude) != (y2 > latitude):
                    at = x1 + (latitude - y1) / (y2 - y1) * (x2 - x1)
                    inside ^= longitude < at
    return inside


def test_the_outlines_are_those_of_europe() -> None:
    towns = {"London": (-0.12, 51.5), "Dublin": (-6.4, 53.3), "Palermo": (13.9, 37.7)}
    towns |= {"Oslo": (10.7, 60.1), "Athens": (23.6, 38.1), "Reykjavik": (-21.0, 64.2)}
    seas = {"North Sea": (3.0, 56.0), "Channel": (-2.0, 50.0), "Baltic": (19.5, 57.5)}
    seas |= {"Biscay": (-6.0, 45.5), "Black Sea": (34.0, 43.0), "Irish Sea": (-5.2, 53.6)}
    assert [name for name, at in towns.items() if not _is_land(*at)] == []
    assert [name for name, at in seas.items() if _is_land(*at)] == []


def test_a_window_holds_its_places() -> None:
    places = [Place(51_500_000, -120_000, "a"), Place(60_100_000, 24_900_000, "b")]
    view = atlas.window(places)
    assert view is not None and all(view.holds(place) for place in places)
    alone = atlas.window(places[:1])
    assert alone is not None and alone.holds(places[0]) and 0.5 < alone.height / atlas.WIDTH < 2
    assert atlas.window([]) is None


def test_a_map_draws_what_lies_in_its_window() -> None:
    london, oslo, tokyo = (
        Place(51_500_000, -120_000, "London <1>", 9),
        Place(59_900_000, 10_700_000, "Oslo", 4),
        Place(35_700_000, 139_700_000, "Tokyo", 5),
    )
    nodes = [Node(london, "LON", "c0"), Node(Place(51_600_000, -100_000, "near"), "NEAR", "c1")]
    flows = [Flow(0, 0, 8), Flow(0, 1, 2), Flow(0, 2, 5)]
    root = ElementTree.fromstring(atlas.picture(ABOUT, EUROPE, nodes, [london, oslo, tokyo], flows))
    drawn = [p for p in root.iter("path") if "flow" in p.attrib["class"]]
    widths = [float(p.attrib["stroke-width"]) for p in drawn]
    assert len(widths) == 2 and widths[0] < widths[1] == atlas.LINE_MOST
    assert [p.findtext("title") for p in drawn] == [
        "London <1> to Oslo: 2 parcels",
        "London <1> to London <1>: 8 parcels",
    ]
    radii = sorted(float(c.attrib["r"]) for c in root.iter("circle"))
    assert radii[1] == atlas.DOT_MOST and len(radii) == 2
    labels = [t.text for t in root.findall(".//g/text")]
    assert labels == ["LON", "NEAR"]


def test_labels_do_not_cover_each_other() -> None:
    crowd = [
        Node(Place(51_500_000 + n * 1_000, n * 1_000, f"n{n}"), f"N{n}", "c0") for n in range(30)
    ]
    root = ElementTree.fromstring(atlas.picture(ABOUT, EUROPE, crowd, [], []))
    assert len(root.findall(".//g[@class='pin']")) == 30
    assert 1 <= len(root.findall(".//g/text")) <= 4


def test_the_sphere_does_not_tear() -> None:
    world = View(-179.0, -85.0, 179.0, 85.0)
    assert world.height > 0 and abs(world.at(179.0, 0.0)[0]) < atlas.WIDTH * pi
