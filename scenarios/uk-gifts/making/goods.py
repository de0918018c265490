"""The files of goods: items, prices, suppliers, terms; from the history and the rules."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from measures import measured, packs
from prices import pounds, prices_in_force, usual_prices
from supply import suppliers, terms

from entrepot.simulation.history_map import read_map
from entrepot.simulation.history_rows import Kind, classified, read_file
from tables import ROOT, write_table

DROPPED = (Kind.second_arrival, Kind.not_goods, Kind.no_item)


def write_goods(folder: Path) -> None:
    """Write them all."""
    how = read_map(ROOT)
    rows = classified(read_file(ROOT, how.file), how)
    rows = rows.filter(~pl.col("kind").is_in([str(kind) for kind in DROPPED]))
    names = item_names(rows)
    in_force = prices_in_force(rows)
    usual = usual_prices(in_force)
    items = {sku: measured(name) for sku, name in names.items()}
    packed = {sku: packs(item, usual[sku]) for sku, item in items.items()}
    write_table(
        folder,
        "items",
        "Real: stock codes and names (Online Retail II, CC BY 4.0, see README.md). Invented by the "
        "rules of\nmaking/measures.py: everything else.",
        [
            {
                "sku": sku,
                "name": name,
                "category": items[sku].category,
                "mass_g": items[sku].mass_g,
                "length_mm": items[sku].length_mm,
                "width_mm": items[sku].width_mm,
                "height_mm": items[sku].height_mm,
                "handling": items[sku].handling,
                "backorderable": "yes",
                "inner_each": _pack(packed[sku].inner),
                "case_each": _pack(packed[sku].case),
                "pallet_each": _pack(packed[sku].pallet),
            }
            for sku, name in names.items()
        ],
    )
    write_table(
        folder,
        "prices",
        "Real (Online Retail II, CC BY 4.0, see README.md): the most frequent price of each month, "
        "by the\nrules of making/prices.py.",
        [{"sku": v.sku, "price": pounds(v.pence), "valid_from": v.valid_from} for v in in_force],
    )
    write_table(folder, "suppliers", "Invented.", suppliers())
    categories = {sku: item.category for sku, item in items.items()}
    cases = {sku: pack.case for sku, pack in packed.items()}
    write_table(
        folder,
        "terms",
        "Invented: costs are a share of the item's usual price, by supplier; see making/supply.py.",
        terms(categories, usual, cases),
    )


def _pack(held_each: int) -> int | str:
    return held_each if held_each > 1 else ""


def item_names(rows: pl.DataFrame) -> dict[str, str]:
    """Names by stock code: the description that stands most often beside a price.

    Notes such as "damaged" or "?" never stand beside one. Ties go to the first by alphabet.
    """
    text = pl.col("Description").str.replace_all(r"\s+", " ").str.strip_chars(" *")
    counted = (
        rows.filter(pl.col("Price") > 0, pl.col("Description").is_not_null())
        .group_by("StockCode", text)
        .len()
        .sort("StockCode", "len", "Description", descending=[False, True, False])
    )
    firsts = counted.group_by("StockCode", maintain_order=True).first()
    return dict(firsts.select("StockCode", "Description").iter_rows())
