"""The price in force, from the prices that were paid.

The shop sold at several prices at a time: a usual one, a lower one for large quantities, a higher
one in its web shop. In force is the usual one:

1. Of each SKU and calendar month (local time) with LINES_MIN lines or more that were sold at a
   price, the price that stands on most lines; on a tie the lower one.
2. A month's price that differs from the one in force before begins with the first of that month.
   The first one found holds from the beginning of time.
3. A SKU without such a month has one price: that of most of its lines, sold or returned.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

LINES_MIN = 5


def _most_frequent(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    price = "unit_price_minor"
    counted = rows.group_by(*by, price).agg(pl.len().alias("lines"))
    ranked = counted.sort(*by, "lines", price, descending=[*[False] * len(by), True, False])
    return ranked.group_by(by, maintain_order=True).agg(
        pl.col(price).first(), pl.col("lines").sum()
    )


class Version(NamedTuple):
    """A price from a day on; '' = from the beginning of time."""

    sku: str
    pence: int
    valid_from: str


def prices_in_force(rows: pl.DataFrame) -> list[Version]:
    """Every version by SKU and time."""
    priced = rows.filter(pl.col("unit_price_minor") > 0)
    sold = priced.filter(pl.col("Quantity") > 0)
    months = _most_frequent(
        sold.with_columns(month=pl.col("InvoiceDate").dt.truncate("1mo").dt.date()),
        ["StockCode", "month"],
    ).filter(pl.col("lines") >= LINES_MIN)
    by_sku: dict[str, list[tuple[str, int]]] = {}
    for sku, month, pence, _ in months.iter_rows():
        by_sku.setdefault(sku, []).append((month.isoformat(), pence))
    # What was only returned goes first, so that what was sold replaces it.
    for found in (priced, sold):
        for sku, pence, _ in _most_frequent(found, ["StockCode"]).iter_rows():
            if sku not in by_sku or by_sku[sku][0][0] == "":
                by_sku[sku] = [("", pence)]
    versions = []
    for sku, found in sorted(by_sku.items()):
        before = None
        for month, pence in found:
            if pence != before:
                versions.append(Version(sku, pence, "" if before is None else month))
            before = pence
    return versions


def usual_prices(versions: list[Version]) -> dict[str, int]:
    """The middle one of each SKU's prices, in pence; of two the lower."""
    by_sku: dict[str, list[int]] = {}
    for version in versions:
        by_sku.setdefault(version.sku, []).append(version.pence)
    return {sku: sorted(found)[(len(found) - 1) // 2] for sku, found in by_sku.items()}


def pounds(pence: int) -> str:
    """Pence in pounds."""
    return f"{pence // 100}.{pence % 100:02d}"
