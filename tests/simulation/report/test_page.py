"""The page: well-formed, self-contained, and every figure on it is the one in the JSON."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from entrepot.simulation.report import figures as f
from entrepot.simulation.report.page import page
from entrepot.simulation.report.write import as_json
from tests.simulation.report.plausible import plausible

HTML = "{http://www.w3.org/1999/xhtml}"
CASES: dict[str, dict[str, int]] = {
    "four weeks": {},
    "long": {"days": 400, "orders": 3_000},
    "one day": {"days": 1, "orders": 40},
    "one order": {"days": 1, "orders": 1},
    "one center": {"centers": 1},
    "no orders": {"orders": 0},
    "no days": {"days": 0},
    "huge": {"times": 10**12},
}


@cache
def made(case: str) -> f.Figures:
    return plausible(**CASES[case])


@cache
def tree(case: str) -> ElementTree.Element:
    return ElementTree.fromstring(page(made(case)).removeprefix("<!DOCTYPE html>\n"))


def changed(figures: f.Figures, **changes: Any) -> f.Figures:
    return msgspec.structs.replace(figures, **changes)


def text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_every_figure_on_the_page_is_the_one_in_the_json(case: str) -> None:
    told = json.loads(as_json(made(case)))
    shown = tree(case).findall(f".//{HTML}data")
    assert len(shown) > 60
    for element in shown:
        value = told
        for step in element.attrib["data-at"].split("."):
            value = value[int(step)] if step.isdigit() else value[step]
        assert element.attrib["value"] == ("" if value is None else str(value))


@every_case
def test_every_figure_is_written_in_its_unit(case: str) -> None:
    for element in tree(case).findall(f".//{HTML}data"):
        path, written = element.attrib["data-at"], text(element)
        if not element.attrib["value"]:
            assert written == "–", path
        elif path.endswith("_ppm"):
            assert written.endswith("%"), path
        elif path.endswith(("_minor", "_mills")):
            assert written.lstrip("-").startswith("£"), path
        elif path.endswith("_g"):
            assert re.search(r"\d\s(g|kg|t)$", written), path
        elif path.endswith("_days"):
            assert written.endswith((" day", " days")), path


@every_case
def test_every_picture_says_what_it_is(case: str) -> None:
    pictures = [e for e in tree(case).iter(f"{HTML}svg") if "plot" not in e.attrib["class"]]
    assert pictures
    for picture in pictures:
        assert picture.attrib["role"] == "img"
        title = picture.find(f"{HTML}title")
        assert title is not None and text(title).strip()
        for name in picture.attrib.get("aria-labelledby", "").split():
            assert tree(case).findall(f".//*[@id='{name}']"), name


@every_case
def test_ids_are_unique(case: str) -> None:
    ids = [e.attrib["id"] for e in tree(case).iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))


@every_case
def test_the_page_needs_nothing_else(case: str) -> None:
    found = page(made(case))
    assert not re.search(r"<script|<link|<img|@import|url\(|javascript:", found)
    assert set(re.findall(r"https?://[^\"' <]+", found)) == {"http://www.w3.org/1999/xhtml"}
    assert not re.search(r"nan|inf\b|None", re.sub(r"<style>.*?</style>", "", found, flags=re.S))


@every_case
def test_marks_stand_within_their_picture(case: str) -> None:
    for element in tree(case).iter(f"{HTML}rect"):
        left, width = element.attrib.get("x", ""), element.attrib["width"]
        if width.endswith("%"):
            assert 0 <= float(left.rstrip("%")) <= 100
            assert float(left.rstrip("%")) + float(width.rstrip("%")) <= 100.05
        assert float(element.attrib["height"].rstrip("%")) >= 0


@every_case
def test_the_page_links_to_what_it_has(case: str) -> None:
    for link in tree(case).iter(f"{HTML}a"):
        assert tree(case).findall(f".//*[@id='{link.attrib['href'].removeprefix('#')}']")


def test_bars_are_as_high_as_their_figures() -> None:
    figures = made("four weeks")
    chart = tree("four weeks").find(".//*[@aria-labelledby='orders-t orders-d']")
    assert chart is not None
    heights = [
        sum(float(r.attrib["height"]) for r in bar.findall(f"{HTML}rect[@class='main']"))
        for bar in chart.findall(f"{HTML}g")
    ]
    days = {d.day: d.orders - d.cancelled for d in figures.demand.days}
    first, last = min(days), max(days)
    assert len(heights) == (last - first).days + 1
    shown = [
        days.get(first + (last - first) / (len(heights) - 1) * n, 0) for n in range(len(heights))
    ]
    for height, orders in zip(heights, shown, strict=True):
        assert height == pytest.approx(180 * orders / 150, abs=0.9)


def test_what_people_wrote_is_no_markup() -> None:
    figures = made("four weeks")
    evil = "<script>alert('x')</script> & \"more\""
    audit = f.Audit(ok=False, findings=(evil,), looked_at=(f.Counted(evil, 3),))
    settings = msgspec.structs.replace(figures.settings, retailer=evil, sources=(evil,))
    centers = tuple(msgspec.structs.replace(c, name=evil, node=evil) for c in figures.centers)
    found = page(changed(figures, audit=audit, settings=settings, centers=centers))
    assert "<script" not in found
    body = ElementTree.fromstring(found.removeprefix("<!DOCTYPE html>\n"))
    assert evil in text(body)


def test_a_broken_house_is_said_on_top() -> None:
    audit = f.Audit(ok=False, findings=("SKU 1: balance 3, ledger 2",), looked_at=())
    found = page(changed(made("four weeks"), audit=audit))
    assert '<a class="verdict no" href="#audit">Audit: 1 findings</a>' in found
    assert "<li>SKU 1: balance 3, ledger 2</li>" in found


def test_a_destination_that_nobody_can_place_is_told_in_words() -> None:
    figures = made("four weeks")
    nowhere = f.Destination(
        country="GB",
        area="ZZ",
        name="GB ZZ",
        latitude_microdeg=None,
        longitude_microdeg=None,
        parcels=999,
    )
    lanes = (*figures.lanes, f.Lane(0, len(figures.destinations), 999))
    found = page(changed(figures, destinations=(*figures.destinations, nowhere), lanes=lanes))
    assert re.search(r"GB ZZ \(GB\) <b><data value=\"999\"", found)


def test_another_part_of_the_world_is_a_map_without_outlines() -> None:
    figures = made("one center")
    center = msgspec.structs.replace(
        figures.centers[0], latitude_microdeg=-33_868_000, longitude_microdeg=151_207_000
    )
    there = f.Destination(
        country="GB",
        area="X",
        name="Perth",
        latitude_microdeg=-31_952_000,
        longitude_microdeg=115_861_000,
        parcels=4,
    )
    lanes = (f.Lane(0, 0, 4),)
    found = page(changed(figures, centers=(center,), destinations=(there,), lanes=lanes))
    assert "Leeds" not in found and "to Perth: 4 parcels" in found
    assert '<path class="land" d=""/>' in found


def test_currencies_without_minor_units_are_written_whole() -> None:
    figures = made("four weeks")
    settings = msgspec.structs.replace(figures.settings, currency="JPY")
    assert f"{figures.stock.value_minor:,}\u202fJPY" in page(changed(figures, settings=settings))
