"""What tests of the simulation share: where the scenario is, and small histories made by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from entrepot.simulation.history import History
from entrepot.simulation.history_map import HistoryMap, Stretch
from entrepot.simulation.history_rows import COLUMNS
from entrepot.simulation.places import Place, Places, Point
from entrepot.simulation.read_history import history_of
from tests.house.tree import ROOT

SCENARIO = ROOT / "scenarios" / "uk-gifts"
SEED = 7

HOW = HistoryMap(
    file="made by hand",
    zone="Europe/London",
    currency="GBP",
    second_arrival=Stretch(date(2010, 12, 1), date(2010, 12, 10)),
    not_goods={"POST": "postage", "TEST*": "test product"},
    countries={"EIRE": ("IE",), "Channel Islands": ("JE", "GG")},
    refused_countries={"Unspecified": "names no country"},
)
FEW_PLACES = Places(
    [
        Place("1", "GB", "AB", "AB{10-16} #@@", "Aberdeen", Point(57_143_700, -2_098_100), 300),
        Place("2", "GB", "E", "E{1-18} #@@", "London E", Point(51_526_100, -16_600), 700),
        Place("3", "IE", "D02", "D02 @@##", "Dublin", Point(53_333_100, -6_248_900), 500),
        Place("4", "JE", "JE", "JE{2-3} #@@", "Saint Helier", Point(49_188_000, -2_104_900), 28),
        Place(
            "5", "GG", "GY", "GY{1-2} #@@", "Saint Peter Port", Point(49_459_800, -2_535_300), 16
        ),
    ]
)

Row = tuple[str, str, int, str, float]


def file_of(*rows: Row | tuple[Any, ...], **same: Any) -> pl.DataFrame:
    """Rows (invoice, code, quantity, "month-day hour:minute" of 2010, price) as the file has them.

    same  other columns, equal in all rows; a sixth and seventh element of a row go first: its
          customer and its description
    """
    found: list[tuple[Any, ...]] = []
    for invoice, code, quantity, at, price, *more in rows:
        customer = more[0] if more else same.get("customer", 1)
        text = more[1] if len(more) > 1 else same.get("description", f"A {code}")
        when = datetime.strptime(f"2010-{at}", "%Y-%m-%d %H:%M")
        country = same.get("country", "United Kingdom")
        found.append((invoice, code, text, quantity, when, price, customer, country))
    return pl.DataFrame(found, schema=COLUMNS, orient="row").with_row_index("row")


def history_in(*rows: Row | tuple[Any, ...], **same: Any) -> History:
    return history_of(file_of(*rows, **same), HOW, FEW_PLACES, SEED)
