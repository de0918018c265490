"""Write places/places.csv anew from GeoNames' list of cities with more than 15,000 people.

    python scenarios/uk-gifts/making/select_places.py cities15000.parquet

The scenario ships the result; the whole list is needed only to renew it. It comes with the columns
geonameid, name, latitude, longitude, countrycode, population.

Rules:
- Outside the United Kingdom: the cities of rules/cities.csv, with their population.
- In it: the postcode areas of rules/postcode_areas.csv, each where its place of GeoNames lies. The
  people of every listed place of the country count for the nearest area. London itself does not
  count: the places inside it are listed too. Where the table states people, those hold.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import polars as pl

from entrepot.simulation.places import FILE, MICRO, Point, distance_km
from tables import ROOT, read_table

LONDON = 2643743
HEAD = (
    "# Places where buyers live: a selection from GeoNames (geonames.org), CC BY 4.0, with postal\n"
    "# columns added. Made by making/select_places.py, which says by what rules.\n"
)
COLUMNS = (
    "geoname_id",
    "country",
    "postal_area",
    "postal_form",
    "name",
    "latitude",
    "longitude",
    "people",
)


def main(geonames: Path) -> None:
    """Write the list."""
    known = {row["geonameid"]: row for row in pl.read_parquet(geonames).iter_rows(named=True)}
    rows = _united_kingdom(known) + _elsewhere(known)
    with (ROOT / FILE).open("w", encoding="utf-8", newline="") as file:
        file.write(HEAD)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _united_kingdom(known: dict[int, dict[str, object]]) -> list[dict[str, object]]:
    areas = []
    for row in read_table("postcode_areas"):
        found = known[int(row["geoname_id"])] if row["geoname_id"] else row
        areas.append(
            {
                **row,
                "country": "GB",
                "latitude": f"{float(found['latitude']):.4f}",
                "longitude": f"{float(found['longitude']):.4f}",
            }
        )
    people: Counter[str] = Counter()
    points = {a["postal_area"]: _point(a["latitude"], a["longitude"]) for a in areas}
    for number, city in known.items():
        if city["countrycode"] == "GB" and number != LONDON:
            here = _point(city["latitude"], city["longitude"])
            nearest = min(points, key=lambda area: (distance_km(points[area], here), area))
            people[nearest] += city["population"]
    return [{**a, "people": a["people"] or people[a["postal_area"]]} for a in areas]


def _elsewhere(known: dict[int, dict[str, object]]) -> list[dict[str, object]]:
    rows = []
    for row in read_table("cities"):
        city = known[int(row["geoname_id"])]
        assert city["countrycode"] == row["country"], row
        rows.append(
            {
                **row,
                "latitude": f"{city['latitude']:.4f}",
                "longitude": f"{city['longitude']:.4f}",
                "people": city["population"],
            }
        )
    return rows


def _point(latitude: object, longitude: object) -> Point:
    return Point(round(float(latitude) * MICRO), round(float(longitude) * MICRO))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
