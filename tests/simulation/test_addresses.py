"""Made-up addresses: valid, in the right country, spread as people are, the same in every run."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from entrepot.simulation.addresses import (
    LETTERS_OF_NOBODY,
    address_of,
    buyer_of,
    country_of,
    postal_code,
)
from entrepot.simulation.draws import below, draw, weighted
from entrepot.simulation.history import History
from entrepot.simulation.places import Places, Point, distance_km, nearest
from entrepot.words.identifiers import parse_postal_code, postal_area
from tests.simulation.scenario import FEW_PLACES, SEED

EVER = (datetime(2009, 1, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))


def test_draws_are_even_and_depend_on_everything() -> None:
    assert draw(7, "a", "b") == draw(7, "a", "b")
    assert len({draw(7, "a", "b"), draw(7, "ab"), draw(8, "a", "b"), draw(7, "a", "c")}) == 4
    counts = Counter(below(draw(7, n), 10) for n in range(10_000))
    assert min(counts.values()) > 900 and set(counts) == set(range(10))
    falls = Counter(weighted(draw(7, n), [1, 1, 4]) for n in range(10_000))
    assert set(falls) == {0, 2} and 0.23 < falls[0] / 10_000 < 0.27


def test_a_buyer_has_one_address() -> None:
    buyer = buyer_of(12346, "541431")
    first = address_of(FEW_PLACES, SEED, buyer, "GB")
    assert first == address_of(FEW_PLACES, SEED, buyer_of(12346, "561000"), "GB")
    assert first != address_of(FEW_PLACES, SEED + 1, buyer, "GB")
    assert buyer_of(None, "541431") == "invoice 541431" != buyer
    assert first.city in ("Aberdeen", "London E") and first.country == "GB"
    assert FEW_PLACES.all[first.place].name == first.city
    assert len(first.name.split()) == 2 and first.street.split()[0].isdigit()


def test_towns_are_drawn_by_their_people() -> None:
    cities = Counter(address_of(FEW_PLACES, SEED, f"customer {n}", "GB").city for n in range(2_000))
    assert 0.26 < cities["Aberdeen"] / 2_000 < 0.34
    islands = Counter(
        country_of(FEW_PLACES, SEED, f"customer {n}", ("JE", "GG")) for n in range(2_000)
    )
    assert 0.58 < islands["JE"] / 2_000 < 0.69


def test_every_place_makes_valid_postal_codes_in_its_area(places: Places) -> None:
    for place in places.all:
        for n in range(20):
            code = postal_code(place, draw(SEED, n))
            assert parse_postal_code(code, place.country) == code, (place, code)
            area = postal_area(place.country, code)
            if place.country == "GB":
                assert re.split(r"\d", area)[0] == place.postal_area, (place, code)
                assert set(code[-2:]) <= set(LETTERS_OF_NOBODY)
            else:
                assert area == place.postal_area, (place, code)


def test_the_places_are_the_postcode_areas_and_cities(places: Places) -> None:
    areas = [place.postal_area for place in places.all if place.country == "GB"]
    assert len(areas) == len(set(areas)) == 121
    assert all(place.people > 0 for place in places.all)
    assert 45_000_000 < places.people("GB") < 55_000_000
    unknown = [place.postal_area for place in places.all if not place.geoname_id]
    assert unknown == ["HS", "KW", "LD", "TD", "ZE"]


def test_every_buyer_of_the_history_has_a_valid_address(history: History, places: Places) -> None:
    buyers = {(i.buyer, i.country) for i in history.invoices(*EVER) if isinstance(i.country, str)}
    assert len(buyers) > 5_000
    areas = set()
    for buyer, country in sorted(buyers):
        found = address_of(places, SEED, buyer, country)
        assert found.country == country
        assert parse_postal_code(found.postal_code, country) == found.postal_code
        areas.add((country, places.all[found.place].postal_area))
    assert len([area for country, area in areas if country == "GB"]) > 115


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        (Point(51_508_530, -125_740), Point(48_853_410, 2_348_800), 344),
        (Point(0, 0), Point(0, 180_000_000), 20_015),
        (Point(1, 2), Point(1, 2), 0),
    ],
)
def test_distances(a: Point, b: Point, km: int) -> None:
    assert distance_km(a, b) == distance_km(b, a) == km


def test_the_nearest_node() -> None:
    nodes = {"GLA": Point(55_816_700, -4_016_700), "DAR": Point(51_446_600, 214_200)}
    assert nearest(FEW_PLACES, nodes) == ["GLA", "DAR", "GLA", "DAR", "DAR"]
