"""Importing order history: separators, Parquet, maps, defaults."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import polars
import pytest

from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.integration.onboarding.histories import HEAD, history, row, run, write


@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_usual_separator_and_a_byte_order_mark(
    shop: Database, file: Path, between: str, mark: str
) -> None:
    write(file, [row("#1", "A", country='"Virgin Islands, British"')], between=between)
    file.write_text(mark + file.read_text(), encoding="utf-8")
    assert run(shop, file).counts == (1, 0, 0)
    assert history(shop)["#1"][1] == "VG"


def test_a_row_has_the_line_it_begins_on(shop: Database, file: Path) -> None:
    rows = [row("1", "A", customer='"1\n2"'), row("1", "Z")]
    assert run(shop, write(file, rows)).refused[0][0] == 4


def test_parquet_gives_what_csv_gives(shop: Database, tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    at = datetime(2010, 12, 1, 8, 26)
    polars.DataFrame(
        {
            "Invoice": [1, 1, 2],
            "StockCode": ["A", "B", "A"],
            "Quantity": [6, -1, 1],
            "InvoiceDate": [at, at, at],
            "Price": [2.55, 2.55, 0.1],
            "CustomerID": [17850, 17850, None],
            "Country": ["United Kingdom", "United Kingdom", "France"],
        }
    ).write_parquet(path)
    done = run(shop, path)
    assert done.counts == (2, 0, 1) and done.refused[0][0] == 2
    when = at.replace(tzinfo=UTC)
    assert history(shop) == {
        "1": ("17850", "GB", "GBP", when, [("A", 6, 255)]),
        "2": (None, "FR", "GBP", when, [("A", 1, 10)]),
    }


def test_a_map_says_what_is_what(shop: Database, file: Path) -> None:
    order_map = tomllib.loads("""
        free_lines = true
        [columns]
        order_id = "No"
        sku = "What"
        quantity = "How many"
        unit_price = "Each"
        placed_at = "When"
        country = "Where to"
        currency = "Money"
        [placed_at]
        format = "%d/%m/%Y %H:%M"
        zone = "Europe/London"
        [countries]
        "EIRE" = "IE"
        [returns]
        order_id_prefixes = ["C"]
        [not_goods]
        skus = ["POST", "gift_*"]
    """)
    head = ("No", "What", "How many", "Each", "When", "Where to", "Money")
    rows = [
        ("1", "A", 2, "0", "1/7/2010 08:26", "Eire", "EUR"),
        ("1", "POST", 1, "3", "1/7/2010 08:26", "EIRE", "EUR"),
        ("1", "gift_1", 1, "3", "1/7/2010 08:26", "EIRE", "EUR"),
        ("C2", "A", 1, "3", "1/7/2010 08:26", "EIRE", "EUR"),
        ("3", "A", 1, "300", "1/7/2010 08:26", "Japan", "JPY"),
        ("4", "A", 1, "3", "2010-07-01 08:26", "Japan", "JPY"),
        ("5", "A", 1, "3", "1/7/2010 08:26", "Japan", "ABC"),
        ("6", "A", 1, "3", "1/7/2010 08:26", "Japan", ""),
    ]
    done = run(shop, write(file, rows, head=head), order_map)
    at = datetime(2010, 7, 1, 7, 26, tzinfo=UTC)
    assert history(shop) == {
        "1": (None, "IE", "EUR", at, [("A", 2, 0)]),
        "3": (None, "JP", "JPY", at, [("A", 1, 300)]),
        "6": (None, "JP", "GBP", at, [("A", 1, 300)]),
    }
    assert [code.value for _, code, _ in done.refused] == [
        "not_orderable",
        "not_orderable",
        "unsupported",
        "bad_date",
        "bad_value",
    ]


def test_what_is_the_same_for_all_rows_may_stand_in_the_map(shop: Database, file: Path) -> None:
    write(file, [row("1", "A")[:5]], head=HEAD[:5])
    fixed = {"fixed": {"country": "de", "currency": "eur"}}
    assert run(shop, file, fixed, currency=None).counts == (1, 0, 0)
    assert history(shop)["1"][:3] == (None, "DE", "EUR")


def test_currency_and_zone_are_the_retailers_by_default(database: Database, file: Path) -> None:
    a_retailer(database)
    assert run(database, write(file, [row("1", SKUS[0])]), currency=None).counts == (1, 0, 0)
    assert history(database)["1"][2:4] == ("EUR", datetime(2010, 12, 1, 7, 26, tzinfo=UTC))


def test_a_file_that_cannot_be_used_changes_nothing(shop: Database, file: Path) -> None:
    write(file, [row("1", "A")])
    for arguments, words in (
        ({"currency": None}, "give --currency"),
        ({"currency": "POUND"}, "--currency: found 'POUND'"),
        ({"order_map": {"columns": {"sku": "Item"}}}, "expected also 'Item'"),
    ):
        with pytest.raises(UnusableFolder, match=words):
            run(shop, file, **arguments)
    assert history(shop) == {}


def test_an_empty_history_is_fine(shop: Database, file: Path) -> None:
    assert run(shop, write(file, [])).counts == (0, 0, 0)
