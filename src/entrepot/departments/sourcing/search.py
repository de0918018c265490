"""The same search as `subsets`, compiled: one call decides one order; called by `searching`.

Everything is int64 arrays; what would not fit, or takes too long, is left to `subsets`, which
settles costs and ties in the same way, so that which of the two ran never shows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from entrepot.departments.sourcing.searching import (
    FAR,
    FOUND,
    LEFT_TO_SUBSETS,
    NO_SITE,
    SAFE,
    Array,
)

# The numpy error model has no checks of divisors; none here is 0. What numpy does in one call is
# written as loops: that compiles in a third of the time.
compiled = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def lay_out(
    item_mills: Array,
    per_kg_mills: Array,
    divisor: Array,
    mass_g: Array,
    volume_mm3: Array,
    node_of: Array,
    available: Array,
    sku_of: Array,
) -> tuple[Array, Array]:
    """Cost of one each and stock of every line at every site: two arrays (sites, lines).

    item_mills, per_kg_mills, divisor  by site: handling of an each, carriage by mass, and the
                         volumetric divisor in cubic millimeters a gram, 0 = charged by mass alone
    mass_g, volume_mm3   by line, of one each
    node_of              by site, its column of `available`
    available            eaches, (SKUs, nodes)
    sku_of               by line, its row of `available`
    """
    sites, lines = len(item_mills), len(mass_g)
    mills = np.empty((sites, lines), np.int64)
    stock = np.empty((sites, lines), np.int64)
    for site in range(sites):
        for line in range(lines):
            mass = mass_g[line]
            if divisor[site]:
                mass = max(mass, -(-volume_mm3[line] // divisor[site]))
            mills[site, line] = item_mills[site] - (-per_kg_mills[site] * mass // 1_000)
            stock[site, line] = max(0, available[sku_of[line], node_of[site]])
    return mills, stock


class _Case(NamedTuple):
    """An order as the search sees it.

    rows     cost of every whole line from every site, its penalty where it is not held, and 0 for
             lines that are divided
    unit     what leaving out an each weighs, by line
    offers   by line, the sites of a divided one, its cheapest each first, NO_SITE after the last;
             no column when no line is divided
    """

    asked: Array
    node_of: Array
    box_mills: Array
    item_mills: Array
    stock: Array
    rows: Array
    unit: Array
    is_divided: Array
    offers: Array


@compiled
def solve(
    asked: Array,
    node_of: Array,
    box_mills: Array,
    item_mills: Array,
    stock: Array,
    weights: Array,
    max_boxes: int,
    costs_max: int,
) -> tuple[int, int, Array, Array, Array, Array]:
    """The cheapest set of sites; the fields of `Found`.

    asked              eaches by line
    node_of, box_mills by site
    item_mills, stock  (sites, lines)
    weights            by line, of leaving out an each
    max_boxes          0 = no limit
    """
    sites, lines = item_mills.shape
    alone = np.empty(sites, np.int64)
    chosen = np.empty(0, np.int64)
    sent = np.empty((0, lines), np.int64)
    unit = np.empty(lines, np.int64)
    if not _weigh(asked, box_mills, item_mills, weights, unit):
        return LEFT_TO_SUBSETS, 0, chosen, sent, asked, alone
    rows, is_divided, offers = _lay_rows(asked, item_mills, stock, unit)
    case = _Case(asked, node_of, box_mills, item_mills, stock, rows, unit, is_divided, offers)
    for site in range(sites):
        alone[site] = _alone(case, site)
    is_in = np.zeros(sites, np.bool_)
    if not _search(case, _depth(case, max_boxes), costs_max, is_in):
        return LEFT_TO_SUBSETS, 0, chosen, sent, asked, alone
    count = 0
    for site in range(sites):
        count += is_in[site]
    chosen = np.empty(count, np.int64)
    count = cost = 0
    for site in range(sites):
        if is_in[site]:
            chosen[count] = site
            count += 1
            cost += box_mills[site]
    sent = np.empty((count, lines), np.int64)
    left = np.empty(lines, np.int64)
    for line in range(lines):
        cost += _send(case, chosen, line, sent, left)
    return FOUND, cost, chosen, sent, left, alone


@compiled
def _weigh(asked: Array, box_mills: Array, item_mills: Array, weights: Array, unit: Array) -> bool:
    """Fill in what leaving out one each weighs: more than all that can be sent.

    False when the sums might not fit.
    """
    dearest = heaviest = common = total = 0
    ceiling = 1
    for line in range(len(asked)):
        if asked[line] > SAFE - total:
            return False
        total += asked[line]
        heaviest = max(heaviest, weights[line])
        rest = weights[line]
        while rest:
            common, rest = rest, common % rest
    for site in range(len(box_mills)):
        if box_mills[site] > SAFE - ceiling:
            return False
        ceiling += box_mills[site]
        for line in range(len(asked)):
            dearest = max(dearest, item_mills[site, line])
    # Only their ratios count. In this order, so that no product is made that might not fit.
    heaviest = heaviest // common if common else 0
    if total and (dearest > SAFE // total or heaviest > SAFE // total):
        return False
    if dearest * total > SAFE - ceiling:
        return False
    if total and ceiling + dearest * total > SAFE // (heaviest * total):
        return False
    ceiling += dearest * total
    for line in range(len(asked)):
        unit[line] = ceiling * (weights[line] // common)
    return True


@compiled
def _lay_rows(
    asked: Array, item_mills: Array, stock: Array, unit: Array
) -> tuple[Array, Array, Array]:
    """Rows, which lines are divided, and the offers for those, as `_Case` has them."""
    sites, lines = item_mills.shape
    rows = np.empty((sites, lines), np.int64)
    is_divided = np.ones(lines, np.bool_)
    divided = lines
    for line in range(lines):
        for site in range(sites):
            if stock[site, line] >= asked[line]:
                rows[site, line] = asked[line] * item_mills[site, line]
                is_divided[line] = False
            else:
                rows[site, line] = asked[line] * unit[line]
        divided -= not is_divided[line]
    offers = np.empty((lines, sites if divided else 0), np.int64)
    for line in range(lines if divided else 0):
        count = 0
        if is_divided[line]:
            for site in range(sites):
                rows[site, line] = 0
                if stock[site, line] > 0:
                    place = count
                    while place and (
                        item_mills[offers[line, place - 1], line] > item_mills[site, line]
                    ):
                        offers[line, place] = offers[line, place - 1]
                        place -= 1
                    offers[line, place] = site
                    count += 1
        for place in range(count, sites):
            offers[line, place] = NO_SITE
    return rows, is_divided, offers


@compiled
def _alone(case: _Case, site: int) -> int:
    """Mills of sending everything from one site in one box; NO_SITE when it cannot."""
    total: int = case.box_mills[site]
    for line in range(len(case.asked)):
        if case.stock[site, line] < case.asked[line]:
            return NO_SITE
        total += case.asked[line] * case.item_mills[site, line]
    return total


@compiled
def _depth(case: _Case, max_boxes: int) -> int:
    """Most sites of a set: one of a node, and no more than lines when none is divided."""
    nodes = 0
    for site in range(len(case.node_of)):
        is_first = True
        for other in range(site):
            is_first &= case.node_of[other] != case.node_of[site]
        nodes += is_first
    most = min(nodes, len(case.asked))
    if case.offers.shape[1]:
        for line in range(len(case.asked)):
            if case.offers[line, 0] != NO_SITE:
                most = nodes
    return min(most, max_boxes) if max_boxes else most


@compiled
def _divided_cost(case: _Case, is_in: Array) -> int:
    """Cost of the divided lines from the sites of a set; what nobody has weighs the same in all."""
    total = 0
    if not case.offers.shape[1]:
        return total
    for line in range(len(case.asked)):
        if not case.is_divided[line] or case.offers[line, 0] == NO_SITE:
            continue
        left = case.asked[line]
        for rank in range(case.offers.shape[1]):
            site = case.offers[line, rank]
            if site == NO_SITE or not left:
                break
            if is_in[site]:
                take = min(left, case.stock[site, line])
                total += take * case.item_mills[site, line]
                left -= take
        total += left * case.unit[line]
    return total


@compiled
def _search(case: _Case, depth: int, costs_max: int, best_in: Array) -> bool:
    """Mark the cheapest set of sites in `best_in`; False when the search was given up."""
    sites, lines = case.rows.shape
    is_in = np.ones(sites, np.bool_)
    floor = _divided_cost(case, is_in)
    is_in = np.zeros(sites, np.bool_)
    cost, size = _divided_cost(case, is_in), 0
    # By place in the order: the cheapest of every line, and of the boxes, from there on.
    later = np.zeros((sites + 1, lines), np.int64)
    later_box = np.empty(sites + 1, np.int64)
    later_box[sites] = FAR
    for line in range(lines):
        if not case.is_divided[line]:
            later[sites, line] = case.asked[line] * case.unit[line]
            cost += later[sites, line]
    if not depth:
        return True
    alone = np.empty(sites, np.int64)
    order = np.empty(sites, np.int64)
    first = NO_SITE
    for site in range(sites):
        is_in[site] = True
        alone[site] = case.box_mills[site] + _divided_cost(case, is_in)
        is_in[site] = False
        for line in range(lines):
            alone[site] += case.rows[site, line]
        if alone[site] < cost:
            cost, size, first = alone[site], 1, site
        place = site
        while place and alone[order[place - 1]] > alone[site]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = site
    if first != NO_SITE:
        best_in[first] = True
    if depth == 1:
        return True
    for place in range(sites - 1, -1, -1):
        site = order[place]
        later_box[place] = min(later_box[place + 1], case.box_mills[site])
        for line in range(lines):
            later[place, line] = min(later[place + 1, line], case.rows[site, line])
    return _extend(case, depth, costs_max, floor, order, later, later_box, best_in, cost, size)


@compiled
def _extend(
    case: _Case,
    depth: int,
    costs_max: int,
    divided_floor: int,
    order: Array,
    later: Array,
    later_box: Array,
    best_in: Array,
    best_cost: int,
    best_size: int,
) -> bool:
    """Branch and bound over sets as their sites come in the order.

    Source: the two bounds of `subsets`.
    """
    sites, lines = case.rows.shape
    is_in = np.zeros(sites, np.bool_)
    taken = np.empty((depth + 1, lines), np.int64)
    boxes, following = np.zeros(depth + 1, np.int64), np.zeros(depth + 1, np.int64)
    path = np.empty(depth, np.int64)
    floor = divided_floor
    for line in range(lines):
        taken[0, line] = later[sites, line]
        floor += later[0, line]
    spent = level = 0
    while level >= 0:
        place = following[level]
        if place >= sites:
            level -= 1
            if level >= 0:
                is_in[path[level]] = False
            continue
        following[level] = place + 1
        site, size = order[place], level + 1
        so_far = boxes[level] + case.box_mills[site]
        if so_far + floor > best_cost - (size > best_size):
            continue
        is_node_in = False
        for earlier in range(level):
            is_node_in |= case.node_of[path[earlier]] == case.node_of[site]
        if is_node_in:
            continue
        spent += lines
        if spent > costs_max:
            return False
        cost, bound = so_far, so_far + later_box[place + 1] + divided_floor
        for line in range(lines):
            mills = min(taken[level, line], case.rows[site, line])
            taken[size, line] = mills
            cost += mills
            bound += min(mills, later[place + 1, line])
        is_in[site] = True
        cost += _divided_cost(case, is_in)
        is_better = cost < best_cost or (cost == best_cost and size < best_size)
        if is_better or (cost == best_cost and size == best_size and _is_before(is_in, best_in)):
            best_cost, best_size = cost, size
            for one in range(sites):
                best_in[one] = is_in[one]
        if size < depth and bound <= best_cost - (size + 1 > best_size):
            path[level], boxes[size], following[size] = site, so_far, place + 1
            level = size
        else:
            is_in[site] = False
    return True


@compiled
def _is_before(one: Array, other: Array) -> bool:
    """Whether, of two sets of equal size, the first has the site that comes first."""
    for site in range(len(one)):
        if one[site] != other[site]:
            return bool(one[site])
    return False


@compiled
def _send(case: _Case, chosen: Array, line: int, sent: Array, left: Array) -> int:
    """Fill in who sends a line, from the cheapest of the chosen sites, and what is left; gives
    what that costs."""
    for place in range(len(chosen)):
        sent[place, line] = 0
    left[line] = case.asked[line]
    cost = 0
    if case.is_divided[line]:
        for rank in range(case.offers.shape[1]):
            site = case.offers[line, rank]
            for place in range(len(chosen)):
                if chosen[place] == site:
                    sent[place, line] = min(left[line], case.stock[site, line])
                    left[line] -= sent[place, line]
                    cost += sent[place, line] * case.item_mills[site, line]
        return cost
    cheapest, sender = case.asked[line] * case.unit[line], NO_SITE
    for place in range(len(chosen)):
        if case.rows[chosen[place], line] < cheapest:
            cheapest, sender = case.rows[chosen[place], line], place
    if sender != NO_SITE:
        sent[sender, line] = case.asked[line]
        left[line] = 0
        cost = cheapest
    return cost
