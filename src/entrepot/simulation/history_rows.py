"""Rows of Online Retail II, each told what it is; what the traps in them are is decided here.

A row is, in this order:
1. of a second arrival: within the stretch the map names, every distinct row of its invoice stands
   an even number of times; the later half of them is dropped.
2. no goods, by its stock code.
3. of no item: a code that never stands beside a price has no name and was never sold.
4. a credit: a negative line of an invoice that begins with C.
5. a write-off: any other negative line.
6. without a price: stock found, when it names no customer and its description is no name of the
   item, only a note or nothing; else given away or forgotten to be priced, and dropped.
7. a sale. Sales and credits of countries that are refused are kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.simulation.history_map import FOLDER, HistoryMap, Stretch
from entrepot.words.money import EXPONENTS
from entrepot.words.outcome import Refusal

COLUMNS = {
    "Invoice": pl.String,
    "StockCode": pl.String,
    "Description": pl.String,
    "Quantity": pl.Int64,
    "InvoiceDate": pl.Datetime("us"),
    "Price": pl.Float64,
    "CustomerID": pl.Int64,
    "Country": pl.String,
}
CREDIT_PREFIX = "C"


class Kind(StrEnum):
    """What a row is."""

    sale = "sale"
    credit = "credit"
    write_off = "write_off"
    found = "found"
    without_price = "without_price"
    refused_country = "refused_country"
    no_item = "no_item"
    not_goods = "not_goods"
    second_arrival = "second_arrival"


def read_file(scenario: Path, file: str) -> pl.DataFrame:
    """The file's rows in its order, numbered in `row`.

    Raises: UnusableFolder when it cannot be read or a column is missing.
    """
    path = scenario / FOLDER / file
    try:
        frame = pl.read_parquet(path, columns=list(COLUMNS))
    except (OSError, pl.exceptions.PolarsError) as error:
        first = next(iter(str(error).splitlines()), "")
        raise UnusableFolder(
            [f"{path}: cannot be read ({first}); expected Parquet with {', '.join(COLUMNS)}"]
        ) from error
    return frame.with_row_index("row")


def classified(rows: pl.DataFrame, how: HistoryMap) -> pl.DataFrame:
    """The rows with what they are.

    rows  COLUMNS and `row`, in the order of time
    Adds `kind`, `at_us` (microseconds since 1970 UTC) and `unit_price_minor`, and takes the spaces
    around StockCode away.
    """
    frame = rows.with_columns(
        pl.col("StockCode").str.strip_chars(),
        at_us=pl.col("InvoiceDate")
        .dt.replace_time_zone(how.zone, ambiguous="earliest")
        .dt.epoch("us"),
        unit_price_minor=_by_value(rows["Price"], _minor_units(rows["Price"], how.currency)),
    )
    priced = frame.lazy().filter(pl.col("Price") > 0)
    sold = priced.select(pl.col("StockCode").unique()).collect()["StockCode"]
    negative = pl.col("Quantity") < 0
    refused = pl.col("Country").is_in(refused_countries(frame, how))
    kind = (
        pl.when(_is_second(frame, how.second_arrival))
        .then(pl.lit(Kind.second_arrival))
        .when(pl.col("StockCode").is_in(list(not_goods(frame, how))))
        .then(pl.lit(Kind.not_goods))
        .when(~pl.col("StockCode").is_in(sold.implode()))
        .then(pl.lit(Kind.no_item))
        .when(negative & ~pl.col("Invoice").str.starts_with(CREDIT_PREFIX))
        .then(pl.lit(Kind.write_off))
        .when((pl.col("unit_price_minor") <= 0) & ~negative)
        .then(
            pl.when(pl.col("CustomerID").is_null() & ~_is_name(frame, priced))
            .then(pl.lit(Kind.found))
            .otherwise(pl.lit(Kind.without_price))
        )
        .when(refused)
        .then(pl.lit(Kind.refused_country))
        .when(negative)
        .then(pl.lit(Kind.credit))
        .otherwise(pl.lit(Kind.sale))
    )
    return frame.with_columns(kind=kind.cast(pl.Enum(Kind)))


def not_goods(frame: pl.DataFrame, how: HistoryMap) -> dict[str, str]:
    """The stock codes that are no goods, and what they are."""
    return {
        code: what
        for code in frame["StockCode"].unique()
        for pattern, what in how.not_goods.items()
        if fnmatchcase(code, pattern)
    }


def refused_countries(frame: pl.DataFrame, how: HistoryMap) -> list[str]:
    """The names of countries that are refused."""
    names = frame["Country"].unique().sort()
    return [name for name in names if isinstance(how.codes_of(name), Refusal)]


def _is_second(frame: pl.DataFrame, stretch: Stretch) -> pl.Series:
    """Whether each row belongs to a second arrival of its invoice."""
    content = list(COLUMNS)
    day = pl.col("InvoiceDate").dt.date()
    inside = frame.select("row", *content).filter(day >= stretch.since, day < stretch.until)
    counted = inside.with_columns(
        times=pl.len().over(content), before=pl.int_range(pl.len()).over(content)
    ).with_columns(twice=(pl.col("times") % 2 == 0).all().over("Invoice"))
    later = counted.filter(pl.col("twice") & (pl.col("before") >= pl.col("times") // 2))
    return frame["row"].is_in(later["row"].implode())


def _is_name(frame: pl.DataFrame, priced: pl.LazyFrame) -> pl.Series:
    """Whether the description of each row without a price also stands beside one: notes do not."""
    asked = frame.select("row", "StockCode", "Description", "Price").filter(
        pl.col("Price") <= 0, pl.col("Description").is_not_null()
    )
    texts = asked["Description"].unique().implode()
    name = ["StockCode", "Description"]
    names = priced.filter(pl.col("Description").is_in(texts)).select(name).unique().collect()
    named = asked.join(names, on=name, how="semi")
    return frame["row"].is_in(named["row"].implode())


def _minor_units(prices: pl.Series, currency: str) -> Mapping[float, int]:
    """Exact amounts by price as the file has it: its shortest decimal spelling, rounded."""
    return {
        price: int(
            Decimal(repr(price)).scaleb(EXPONENTS[currency]).to_integral_value(ROUND_HALF_EVEN)
        )
        for price in prices.unique()
    }


def _by_value(values: pl.Series, found: Mapping[float, int]) -> pl.Series:
    return values.replace_strict(list(found), list(found.values()), return_dtype=pl.Int64)
