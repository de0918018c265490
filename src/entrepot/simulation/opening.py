"""The stock a run begins with: some weeks of what was sold before, near to those who bought it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from entrepot.simulation.addresses import buyer_of, place_of
from entrepot.simulation.history import Sales, Whole, us_of
from entrepot.simulation.places import Places, Point, nearest
from entrepot.words.money import split

WEEKS = 8
# How many order lines the demand of all SKUs counts beside a SKU's own: few lines say little.
COMMON_LINES = 10

_WEEK_US = timedelta(weeks=1) // timedelta(microseconds=1)
_NEVER_US = 1 << 62


class Opening(NamedTuple):
    """Stock of one SKU at one node, 1 or more each."""

    sku: str
    node_id: str
    quantity_each: int


def opening_stock(
    sales: Sales,
    places: Places,
    nodes: Mapping[str, Point],
    at: datetime,
    *,
    seed: int,
    weeks: int = WEEKS,
) -> list[Opening]:
    """Opening stock at an instant, by SKU and node.

    nodes  where stock may lie
    weeks  of mean weekly demand

    A SKU's mean is over the weeks begun from its first sale until `at`; where it was not sold
    before, over its first `weeks`. The pieces are spread over the nodes as the order lines of that
    time were over the nodes nearest to their buyers, with COMMON_LINES more lines spread as those
    of all SKUs; largest remainders make them whole.
    """
    ids = sorted(nodes)
    at_us = us_of(at)
    sold_us = np.repeat(sales.at_us, np.diff(sales.starts))
    regions = np.repeat(_regions(sales, places, nodes, seed), np.diff(sales.starts))
    served = regions >= 0
    skus, sold_us, regions = sales.skus[served], sold_us[served], regions[served]
    quantities = sales.quantities[served]

    count = len(sales.sku_values)
    first_us = np.full(count, _NEVER_US)
    np.minimum.at(first_us, skus, sold_us)
    until_us = np.where(first_us < at_us, at_us, first_us + weeks * _WEEK_US)
    counted = sold_us < until_us[skus]
    units = np.zeros(count, dtype=np.int64)
    np.add.at(units, skus[counted], quantities[counted])
    lines = np.zeros((count, len(ids)), dtype=np.int64)
    np.add.at(lines, (skus[counted], regions[counted]), 1)

    common = lines.sum(axis=0)
    shares = lines * common.sum() + COMMON_LINES * common
    weeks_begun = -((first_us - until_us) // _WEEK_US)
    found = []
    for number in np.flatnonzero(units).tolist():
        quantity_each = -(-int(units[number]) * weeks // int(weeks_begun[number]))
        parts = split(quantity_each, shares[number].tolist())
        sku = sales.sku_values[number]
        found += [Opening(sku, ids[n], part) for n, part in enumerate(parts) if part]
    return found


def _regions(sales: Sales, places: Places, nodes: Mapping[str, Point], seed: int) -> Whole:
    """Of each invoice: the position of the node nearest to its buyer; -1 for refused countries."""
    ids = sorted(nodes)
    near = [ids.index(node) for node in nearest(places, nodes)]
    found: dict[tuple[str, str], int] = {}
    regions = []
    rows = zip(sales.invoices, sales.customers.tolist(), sales.countries.tolist(), strict=True)
    for invoice, customer, number in rows:
        country = sales.country_values[number]
        if not isinstance(country, str):
            regions.append(-1)
            continue
        key = (buyer_of(customer or None, invoice), country)
        if key not in found:
            found[key] = near[place_of(places, seed, *key)]
        regions.append(found[key])
    return np.array(regions, dtype=np.int64)
