"""The files of the network: centers, calendars, carriage, zones, carbon, areas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import carbon
import carriage

from entrepot.simulation.places import Place, Point, distance_km, read_places
from tables import ROOT, read_table, write_table

PPM = 1_000_000
MICRO = 1_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

UK_BANDS_KM = ((100, 1), (250, 2), (10_000, 3))
WORLD_BANDS_KM = ((750, 11), (1_500, 12), (3_500, 13), (7_000, 14), (10_000, 15), (99_999, 16))
HIGHLANDS, NORTHERN_IRELAND, ISLE_OF_MAN, CHANNEL_ISLANDS, HOME = 4, 5, 6, 7, 10
FROM_ABROAD = {1: 21, 2: 21, 3: 21, 4: 22, 5: 22, 6: 22, 7: 23}

REMOTE_AREAS = ("HS", "IV", "KW", "ZE")
# Districts far from the town of their area: Argyll and its islands, the north of Perthshire, Arran,
# Cumbrae, the Isle of Wight, the Isles of Scilly.
REMOTE_DISTRICTS = (
    *(f"PA{n}" for n in (*range(20, 50), *range(60, 79))),
    *(f"PH{n}" for n in (*range(17, 27), *range(30, 45), 49, 50)),
    *("KA27", "KA28"),
    *(f"PO{n}" for n in range(30, 42)),
    *(f"TR{n}" for n in range(21, 26)),
)
ISLANDS = {"JE": CHANNEL_ISLANDS, "GG": CHANNEL_ISLANDS, "IM": ISLE_OF_MAN}

# Those of the history, and those of the years in which orders may be placed by hand.
ENGLAND = (
    "2009-12-25;2009-12-26;2009-12-28;2010-01-01;2010-04-02;2010-04-05;2010-05-03;2010-05-31;"
    "2010-08-30;2010-12-25;2010-12-27;2010-12-28;2011-01-01;2011-01-03;2011-04-22;2011-04-25;"
    "2011-04-29;2011-05-02;2011-05-30;2011-08-29;"
    "2026-01-01;2026-04-03;2026-04-06;2026-05-04;2026-05-25;2026-08-31;2026-12-25;2026-12-26;"
    "2026-12-28;2027-01-01;2027-03-26;2027-03-29;2027-05-03;2027-05-31;2027-08-30;2027-12-25;"
    "2027-12-27;2027-12-28;2028-01-01;2028-01-03;2028-04-14;2028-04-17;2028-05-01;2028-05-29;"
    "2028-08-28;2028-12-25;2028-12-26"
)
SCOTLAND = (
    "2009-12-25;2009-12-28;2010-01-01;2010-01-04;2010-04-02;2010-05-03;2010-05-31;2010-08-02;"
    "2010-11-30;2010-12-27;2010-12-28;2011-01-03;2011-01-04;2011-04-22;2011-04-29;2011-05-02;"
    "2011-05-30;2011-08-01;"
    "2026-01-01;2026-01-02;2026-04-03;2026-05-04;2026-05-25;2026-06-15;2026-08-03;2026-11-30;"
    "2026-12-25;2026-12-28;2027-01-01;2027-01-04;2027-03-26;2027-05-03;2027-05-31;2027-08-02;"
    "2027-11-30;2027-12-27;2027-12-28;2028-01-03;2028-01-04;2028-04-14;2028-05-01;2028-05-29;"
    "2028-08-07;2028-11-30;2028-12-25;2028-12-26"
)
NETHERLANDS = (
    "2009-12-25;2009-12-26;2010-01-01;2010-04-05;2010-04-30;2010-05-05;2010-05-13;2010-05-24;"
    "2010-12-25;2011-01-01;2011-04-25;2011-04-30;2011-06-02;2011-06-13;"
    "2026-01-01;2026-04-06;2026-04-27;2026-05-14;2026-05-25;2026-12-25;2026-12-26;2027-01-01;"
    "2027-03-29;2027-04-27;2027-05-06;2027-05-17;2027-12-25;2028-01-01;2028-04-17;2028-04-27;"
    "2028-05-25;2028-06-05;2028-12-25;2028-12-26"
)
# id, name, hours from Monday to Friday, on Saturday, closed dates
CALENDARS = (
    ("england-six-days", "England, Monday to Saturday", "06:00-22:00", "07:00-15:00", ENGLAND),
    ("england-five-days", "England, Monday to Friday", "06:00-20:00", "", ENGLAND),
    ("scotland-five-days", "Scotland, Monday to Friday", "06:00-20:00", "", SCOTLAND),
    (
        "netherlands-six-days",
        "The Netherlands, Monday to Saturday",
        "06:00-22:00",
        "08:00-14:00",
        NETHERLANDS,
    ),
    ("supplier-week", "Suppliers, Monday to Friday", "08:00-17:00", "", ""),
)

RETAILER = """\
# Who runs this network; its name is invented. What is real and what is not: README.md.
name = "UK Gifts"
currency = "GBP"
country = "GB"
time_zone = "Europe/London"
service_level = 0.95          # a promised date is to be kept this often
"""


def write_network(folder: Path) -> None:
    """Write them all."""
    places = read_places(ROOT).all
    nodes = read_table("nodes")
    (folder / "retailer.toml").write_text(RETAILER, encoding="utf-8")
    write_table(
        folder,
        "calendars",
        "Hours are invented. Closed dates are the public holidays of England, of Scotland and of\n"
        "the Netherlands from December 2009 to September 2011, and from 2026 to 2028.",
        [
            {"calendar_id": i, "name": name}
            | dict.fromkeys(WEEKDAYS[:5], week)
            | {"sat": sat, "sun": "", "closed_dates": closed}
            for i, name, week, sat, closed in CALENDARS
        ],
    )
    write_table(
        folder,
        "nodes",
        "The six centers: real towns with their coordinates by GeoNames, CC BY 4.0; all else is "
        "invented.",
        [{k: v for k, v in node.items() if k != "geoname_id"} for node in nodes],
    )
    write_table(
        folder,
        "carriers",
        "Invented, as are their services, times and rates.",
        [{"carrier_id": i, "name": name} for i, name in carriage.CARRIERS],
    )
    _write_services(folder)
    _write_reaches(folder)
    write_table(folder, "zones", "By the rules of making/network.py.", _zones(places, nodes))
    write_table(folder, "areas", AREAS, _areas(places))


AREAS = """\
Centers and people of postcode areas and cities: GeoNames, CC BY 4.0; a selection, see README.md.
In GB people count for the area whose town is nearest."""


def _write_services(folder: Path) -> None:
    offers = carriage.SERVICES
    write_table(
        folder,
        "services",
        "Invented.",
        [
            {
                "service_id": o.service_id,
                "carrier_id": o.carrier_id,
                "name": o.name,
                "speed": o.speed,
                "cut_off": o.cut_off,
                "pickup_days": "mon-fri",
                "delivery_days": "mon-fri",
                "max_mass_g": o.max_kg * 1_000,
                "volumetric_divisor": o.volumetric_divisor,
            }
            for o in offers
        ],
    )
    write_table(
        folder,
        "service_nodes",
        "Invented.",
        [
            {"service_id": o.service_id, "node_id": node, "cut_off": cut_off}
            for o in offers
            for node, cut_off in o.nodes.items()
        ],
    )


def _write_reaches(folder: Path) -> None:
    reaches = [(o, zone, reach) for o in carriage.SERVICES for zone, reach in o.zones.items()]
    write_table(
        folder,
        "transits",
        "Invented. Pickups on Mondays, Thursdays and Fridays are late a little more often.",
        [
            {
                "service_id": o.service_id,
                "zone": zone,
                "weekday": weekday,
                "distribution": distribution(reach.shares, later_ppm),
            }
            for o, zone, reach in reaches
            for weekday, later_ppm in carriage.LATER_PPM.items()
        ],
    )
    write_table(
        folder,
        "rates",
        "Invented: a base and so much per kilogram of the step; customers pay 15 % more than it "
        "costs us.",
        [
            {"service_id": o.service_id, "zone": zone, **step}
            for o, zone, reach in reaches
            for step in _steps(o, reach)
        ],
    )
    write_table(
        folder,
        "carbon",
        "UK Government GHG Conversion Factors 2025 (Open Government Licence 3.0) times assumed "
        "distances:\nsee making/carbon.py.",
        [
            {
                "service_id": o.service_id,
                "zone": zone,
                "co2e_g_per_kg": carbon.per_kg(o.service_id, zone),
                "co2e_g_per_box": carbon.per_box(o.service_id),
            }
            for o, zone, _ in reaches
        ],
    )


def distribution(shares: str, later_ppm: int) -> str:
    """Days and shares of one after some of each day's share moved to the next day."""
    ppm: dict[int, int] = {}
    for part in shares.split():
        day, _, percent = part.partition(":")
        mine = round(float(percent) * PPM / 100)
        moved = mine * later_ppm // PPM
        ppm[int(day)] = ppm.get(int(day), 0) + mine - moved
        if moved:
            ppm[int(day) + 1] = ppm.get(int(day) + 1, 0) + moved
    assert sum(ppm.values()) == PPM, shares
    return ";".join(f"{day}:{_share(ppm[day])}" for day in sorted(ppm))


def _share(ppm: int) -> str:
    return f"{ppm / PPM:.6f}".rstrip("0")


def _steps(offer: carriage.Offer, reach: carriage.Reach) -> Iterator[dict[str, object]]:
    for kg in offer.steps_kg:
        cost_pence = reach.base_pence + round(reach.per_kg_pence * kg)
        unit = carriage.ROUNDING_PENCE
        price_pence = -(-cost_pence * carriage.MARGIN_PERCENT // (100 * unit)) * unit
        yield {
            "up_to_g": round(kg * 1_000),
            "price": f"{price_pence / 100:.2f}",
            "cost": f"{cost_pence / 100:.2f}",
        }


def _zones(places: tuple[Place, ...], nodes: list[dict[str, str]]) -> Iterator[dict[str, object]]:
    largest = _largest(places)
    for node in nodes:
        here = Point(*(round(float(node[k]) * MICRO) for k in ("latitude", "longitude")))
        home = node["country"] == "GB"
        for country, prefix, zone in _uk_zones(places, here):
            yield _zone(node, country, prefix, zone if home else FROM_ABROAD[zone])
        for country, place in sorted(largest.items()):
            if country == node["country"]:
                yield _zone(node, country, "", HOME)
            elif country not in ISLANDS:
                yield _zone(node, country, "", _band(WORLD_BANDS_KM, distance_km(here, place.at)))


def _uk_zones(places: tuple[Place, ...], here: Point) -> Iterator[tuple[str, str, int]]:
    yield "GB", "", UK_BANDS_KM[-1][1]
    for place in places:
        if place.country == "GB":
            area = place.postal_area
            if area in REMOTE_AREAS:
                yield "GB", area, HIGHLANDS
            elif area == "BT":
                yield "GB", area, NORTHERN_IRELAND
            else:
                yield "GB", area, _band(UK_BANDS_KM, distance_km(here, place.at))
    for district in REMOTE_DISTRICTS:
        yield "GB", district, HIGHLANDS
    for country, zone in ISLANDS.items():
        yield country, "", zone


def _zone(node: dict[str, str], country: str, prefix: str, zone: int) -> dict[str, object]:
    return {
        "node_id": node["node_id"],
        "country": country,
        "postal_prefix": prefix,
        "zone": zone,
    }


def _band(bands: tuple[tuple[int, int], ...], distance: int) -> int:
    return next(zone for up_to, zone in bands if distance <= up_to)


def _largest(places: tuple[Place, ...]) -> dict[str, Place]:
    """The place with the most people of each country but the United Kingdom."""
    found: dict[str, Place] = {}
    for place in sorted(places, key=lambda p: (-p.people, p.name)):
        if place.country != "GB":
            found.setdefault(place.country, place)
    return found


def _areas(places: tuple[Place, ...]) -> Iterator[dict[str, object]]:
    rows = [(p.country, p.postal_area, p) for p in places if p.postal_area]
    rows += [(country, "", place) for country, place in _largest(places).items()]
    for country, prefix, place in sorted(rows, key=lambda r: (r[0] != "GB", r[0], r[1])):
        yield {
            "country": country,
            "postal_prefix": prefix,
            "name": place.name,
            "latitude": f"{place.at.latitude_microdeg / MICRO:.4f}",
            "longitude": f"{place.at.longitude_microdeg / MICRO:.4f}",
            "population": place.people,
        }
