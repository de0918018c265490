"""The way to the compiled search, which is loaded when it is first needed: numba takes its time."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

FOUND, LEFT_TO_SUBSETS = 0, 1
# Beyond this a sum of two might not fit 63 bits.
SAFE = 2**61
# How many costs one search may compare before it is left to `subsets`: some 20 ms.
COSTS_MAX = 20_000_000
NO_SITE = -1
FAR = 2**61


class Found(NamedTuple):
    """What the search gives.

    status  FOUND; with LEFT_TO_SUBSETS the rest says nothing
    cost    mills of boxes and items sent
    chosen  sites of the set, ascending
    sent    each, (chosen, lines)
    left    each that stays unfilled, by line
    alone   by site, mills of sending everything from there in one box; NO_SITE when it cannot
    """

    status: int
    cost: int
    chosen: Array
    sent: Array
    left: Array
    alone: Array


@cache
def _compiled() -> Any:
    return import_module("entrepot.departments.sourcing.search")


def solve(
    asked: Array,
    sites: tuple[Array, Array, Array, Array],
    weights: Array,
    max_boxes: int,
) -> Found:
    """The cheapest set of sites.

    asked      eaches by line
    sites      node, box_mills by site; item_mills, stock by site and line
    weights    by line, of leaving out an each
    max_boxes  0 = no limit
    """
    return Found(*_compiled().solve(asked, *sites, weights, max_boxes, COSTS_MAX))


def lay_out(
    legs: tuple[Array, Array, Array],
    lines: tuple[Array, Array],
    node_of: Array,
    available: Array,
    sku_of: Array,
) -> tuple[Array, Array]:
    """Cost of one each and stock of every line at every site: two arrays (sites, lines).

    legs       by site: mills of handling an each, mills a kilogram carried, and the volumetric
               divisor in cubic millimeters a gram, 0 = charged by mass alone
    lines      by line, of one each: grams, cubic millimeters
    node_of    by site, its column of `available`
    available  eaches, (SKUs, nodes)
    sku_of     by line, its row of `available`
    """
    item_mills, stock = _compiled().lay_out(*legs, *lines, node_of, available, sku_of)
    return item_mills, stock


def warm() -> None:
    """Load the search before it is needed; compiles it, which takes seconds, once for each
    installation."""
    one = np.ones(1, np.int64)
    nothing = np.zeros(1, np.int64)
    mills, stock = lay_out(
        (one, one, nothing), (one, one), nothing, np.ones((1, 1), np.int64), nothing
    )
    solve(one, (nothing, one, mills, stock), one, 0)
