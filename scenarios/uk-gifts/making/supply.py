"""Suppliers and their terms.

Every item has one supplier: of those that make its category, the one its stock code falls on by a
hash. The cost is the supplier's share of the item's usual price, rounded to a penny and at least
one; orders are whole cases, `moq_cases` at least; from ten times that on some percent less, where
that makes a penny. Everybody is paid in pounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from prices import pounds

from tables import read_table

BREAK_TIMES = 10


def suppliers() -> list[dict[str, object]]:
    """The rows of `suppliers`."""
    return [
        {
            "supplier_id": row["supplier_id"],
            "name": row["name"],
            "country": row["country"],
            "currency": "GBP",
            "lead_time_distribution": row["lead_time_distribution"],
            "calendar_id": "supplier-week",
        }
        for row in read_table("suppliers")
    ]


def terms(
    categories: Mapping[str, str], usual: Mapping[str, int], cases: Mapping[str, int]
) -> Iterator[dict[str, object]]:
    """The rows of `terms`.

    categories, usual, cases  by SKU: the item's category, usual price in pence, pieces in a case
    """
    makers: dict[str, list[dict[str, str]]] = {}
    for row in read_table("suppliers"):
        for category in row["categories"].split(";"):
            makers.setdefault(category, []).append(row)
    for sku, category in categories.items():
        able = makers[category.partition("/")[0]]
        maker = able[zlib.crc32(sku.encode()) % len(able)]
        cost = max(1, _share(usual[sku], int(maker["cost_percent"])))
        moq_each = cases[sku] * int(maker["moq_cases"])
        cheaper = _share(cost, 100 - int(maker["break_percent"]))
        breaks = f"{moq_each * BREAK_TIMES}:{pounds(cheaper)}" if 0 < cheaper < cost else ""
        yield {
            "supplier_id": maker["supplier_id"],
            "sku": sku,
            "cost": pounds(cost),
            "moq_each": moq_each,
            "multiple_each": cases[sku],
            "price_breaks": breaks,
            "incoterm": maker["incoterm"],
            "named_place": maker["named_place"],
        }


def _share(pence: int, percent: int) -> int:
    return (pence * percent + 50) // 100
