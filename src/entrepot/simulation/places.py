"""Places where buyers live, with their people; a reduced list of GeoNames that a scenario ships."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import NamedTuple

from entrepot.flows.onboarding.rows import UnusableFolder

FILE = Path("places") / "places.csv"
EARTH_RADIUS_KM = 6_371
MICRO = 1_000_000


class Point(NamedTuple):
    """Where something is, in millionths of a degree."""

    latitude_microdeg: int
    longitude_microdeg: int


class Place(NamedTuple):
    """A town, or in GB a postcode area under its post town.

    geoname_id   its number in GeoNames; '' for the few that are not there
    postal_area  as `words.postal_area` gives it; '' where a country has none. In GB the letters
    postal_form  how codes are made: # a digit, @ a letter, {2-9} a number from 2 to 9
    people       by whom buyers are spread
    """

    geoname_id: str
    country: str
    postal_area: str
    postal_form: str
    name: str
    at: Point
    people: int


class Places:
    """Places by country."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.all = tuple(places)
        by_country: dict[str, list[int]] = {}
        for number, place in enumerate(self.all):
            by_country.setdefault(place.country, []).append(number)
        self.numbers: Mapping[str, Sequence[int]] = by_country
        """Positions in `all` by country."""
        self.sums: Mapping[str, Sequence[int]] = {
            country: list(accumulate(self.all[n].people for n in numbers))
            for country, numbers in by_country.items()
        }
        """Running sums of the people of these."""

    def people(self, country: str) -> int:
        """People in all places of a country."""
        return self.sums[country][-1]


def read_places(scenario: Path) -> Places:
    """The places of a scenario.

    Raises: UnusableFolder when the list is missing or a row cannot be read.
    """
    path = scenario / FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise UnusableFolder([f"{path}: cannot be read ({error.strerror})"]) from error
    try:
        return Places([_place(row) for row in rows])
    except (KeyError, ValueError) as error:
        raise UnusableFolder([f"{path}: {error!r}; correct or renew the list"]) from error


def _place(row: Mapping[str, str]) -> Place:
    return Place(
        geoname_id=row["geoname_id"],
        country=row["country"],
        postal_area=row["postal_area"],
        postal_form=row["postal_form"],
        name=row["name"],
        at=Point(_microdegrees(row["latitude"]), _microdegrees(row["longitude"])),
        people=int(row["people"]),
    )


def _microdegrees(text: str) -> int:
    return round(float(text) * MICRO)


def distance_km(a: Point, b: Point) -> int:
    """Kilometers along the surface of the earth, rounded.

    Source: the haversine formula on a sphere of 6,371 km.
    """
    lat_a, lon_a, lat_b, lon_b = (radians(degrees / MICRO) for degrees in (*a, *b))
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half))))


def nearest(places: Places, nodes: Mapping[str, Point]) -> list[str]:
    """The node nearest to each place, by its position; ties go to the first id."""
    return [
        min(sorted(nodes), key=lambda n: distance_km(place.at, nodes[n])) for place in places.all
    ]
