"""Reading a scenario's order history, from the rows of its file to what can be asked in windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.simulation.addresses import buyer_of, country_of
from entrepot.simulation.history import (
    Cause,
    Correction,
    Credits,
    History,
    Report,
    Return,
    Sales,
    at_of,
)
from entrepot.simulation.history_map import HistoryMap, read_map
from entrepot.simulation.history_rows import Kind, classified, not_goods, read_file
from entrepot.simulation.places import Places
from entrepot.simulation.tying import Entry, tie
from entrepot.words.outcome import Refusal

_OF_LINES = (
    "row",
    "kind",
    "Invoice",
    "at_us",
    "CustomerID",
    "Country",
    "StockCode",
    "Quantity",
    "unit_price_minor",
)
_CORRECTIONS = {Kind.write_off: Cause.write_off, Kind.found: Cause.found}


def read_history(scenario: Path, places: Places, seed: int) -> History:
    """The history of a scenario.

    seed  chooses where buyers live whose country's name may mean several

    Raises: UnusableFolder when its files are missing, cannot be read or hold no sale.
    """
    how = read_map(scenario)
    return history_of(read_file(scenario, how.file), how, places, seed)


def history_of(file: pl.DataFrame, how: HistoryMap, places: Places, seed: int) -> History:
    """The history in these rows, which have the columns of the file and `row`.

    Raises: UnusableFolder when they hold no sale.
    """
    frame = classified(file, how)
    lines = _sale_lines(frame)
    if lines.is_empty():
        raise UnusableFolder([f"{how.file}: found no sale in it, expected at least one"])
    returns, corrections, credits = _returned(frame, lines)
    corrections += _corrections(frame)
    corrections.sort(key=lambda c: (c.at, c.document, c.number))
    sales = _sales(lines, how, places, seed)
    refused = lines.filter(pl.col("kind") == Kind.refused_country)["Invoice"].n_unique()
    counts = frame.group_by("kind").len().sort("kind")
    report = Report(
        rows_read=frame.height,
        invoices_read=frame["Invoice"].n_unique(),
        rows={Kind(kind): count for kind, count in counts.iter_rows()},
        not_goods=_counted(frame, Kind.not_goods, "StockCode", not_goods(frame, how)),
        refused=_counted(frame, Kind.refused_country, "Country", dict(how.refused_countries)),
        credits=credits,
        sales=len(sales.invoices) - refused,
        refused_sales=refused,
    )
    return History(sales, returns, corrections, report)


def _counted(
    frame: pl.DataFrame, kind: Kind, column: str, words: dict[str, str]
) -> dict[str, tuple[int, str]]:
    found = frame.filter(pl.col("kind") == kind).group_by(column).len().sort(column)
    return {name: (count, words.get(name, "unknown")) for name, count in found.iter_rows()}


def _sale_lines(frame: pl.DataFrame) -> pl.DataFrame:
    """The lines of sales by invoice in order of time, with `sold_at_us` and `line_no`.

    An invoice whose lines were entered over some minutes is as old as its first.
    """
    sold = pl.col("kind") == Kind.sale
    # A credit of a refused country is no line of a sale.
    refused = (pl.col("kind") == Kind.refused_country) & (pl.col("Quantity") > 0)
    return (
        frame.filter(sold | refused)
        .select(_OF_LINES)
        .with_columns(pl.col("Invoice").cast(pl.Categorical))
        .with_columns(
            sold_at_us=pl.col("at_us").min().over("Invoice"),
            first_row=pl.col("row").min().over("Invoice"),
            line_no=pl.int_range(1, pl.len() + 1).over("Invoice"),
        )
        .sort("sold_at_us", "first_row", "row")
    )


def _sales(lines: pl.DataFrame, how: HistoryMap, places: Places, seed: int) -> Sales:
    heads = lines.group_by("first_row", maintain_order=True).agg(
        *(pl.col(column).first() for column in ("Invoice", "sold_at_us", "CustomerID", "Country")),
        pl.len(),
    )
    known = {name: how.codes_of(name) for name in heads["Country"].unique()}
    values: dict[str, str | Refusal] = {}
    positions: dict[str, int] = {}
    countries = []
    for invoice, customer, name in heads.select("Invoice", "CustomerID", "Country").iter_rows():
        codes = known[name]
        if isinstance(codes, Refusal):
            values[name] = codes
        else:
            name = country_of(places, seed, buyer_of(customer, invoice), codes)
            values[name] = name
        countries.append(positions.setdefault(name, len(positions)))
    skus = lines["StockCode"].unique().sort()
    return Sales(
        invoices=heads["Invoice"].to_list(),
        at_us=heads["sold_at_us"].to_numpy(),
        customers=heads["CustomerID"].fill_null(0).to_numpy(),
        countries=np.array(countries, dtype=np.int32),
        country_values=[values[name] for name in positions],
        starts=np.concatenate(([0], np.cumsum(heads["len"].to_numpy(), dtype=np.int64))),
        sku_values=skus.to_list(),
        skus=lines["StockCode"].cast(pl.Enum(skus)).to_physical().to_numpy(),
        quantities=lines["Quantity"].to_numpy(),
        unit_prices=lines["unit_price_minor"].to_numpy(),
    )


def _returned(
    frame: pl.DataFrame, lines: pl.DataFrame
) -> tuple[list[Return], list[Correction], Credits]:
    """Credits as returns of earlier sales, and as corrections where no sale covers them."""
    credits = frame.filter(pl.col("kind") == Kind.credit)
    key = ["CustomerID", "StockCode"]
    sold = (
        lines.filter(pl.col("kind") == Kind.sale)
        .join(credits.select(key).unique(), on=key, how="semi")
        .sort("row")
    )
    sales = {row["row"]: row for row in sold.iter_rows(named=True)}
    rows = {row["row"]: row for row in credits.iter_rows(named=True)}
    returns: list[Return] = []
    corrections: list[Correction] = []
    numbers: Counter[str] = Counter()
    covered: Counter[int] = Counter()
    for credit, sale, quantity_each in tie(_entries(sold), _entries(credits)):
        row = rows[credit]
        numbers[row["Invoice"]] += 1
        number, at, sku = numbers[row["Invoice"]], at_of(row["at_us"]), row["StockCode"]
        if sale is None:
            corrections.append(
                Correction(at, row["Invoice"], number, sku, quantity_each, Cause.untied_return, "")
            )
            continue
        covered[credit] += quantity_each
        of = sales[sale]
        returns.append(
            Return(
                at=at,
                document=row["Invoice"],
                number=number,
                customer=row["CustomerID"],
                sku=sku,
                quantity_each=quantity_each,
                unit_price_minor=row["unit_price_minor"],
                sale_invoice=of["Invoice"],
                sale_line_no=of["line_no"],
                sale_at=at_of(of["sold_at_us"]),
            )
        )
    whole = sum(rows[credit]["Quantity"] == -each for credit, each in covered.items())
    counts = Credits(whole, len(covered) - whole, len(rows) - len(covered))
    return returns, corrections, counts


def _entries(frame: pl.DataFrame) -> Iterable[Entry]:
    """Rows as entries; without a customer the buyer is the row itself, and so nobody else's."""
    return (
        Entry(row, -1 - row if customer is None else customer, sku, abs(quantity))
        for row, customer, sku, quantity in frame.select(
            "row", "CustomerID", "StockCode", "Quantity"
        ).iter_rows()
    )


def _corrections(frame: pl.DataFrame) -> list[Correction]:
    """Write-offs and finds, numbered within their document."""
    found = frame.filter(pl.col("kind").is_in([str(kind) for kind in _CORRECTIONS])).select(
        "at_us",
        "Invoice",
        pl.int_range(1, pl.len() + 1).over("Invoice"),
        "StockCode",
        "Quantity",
        "kind",
        pl.col("Description").fill_null("").str.strip_chars(),
    )
    return [
        Correction(at_of(at_us), document, number, sku, change_each, _CORRECTIONS[Kind(kind)], note)
        for at_us, document, number, sku, change_each, kind, note in found.iter_rows()
    ]
