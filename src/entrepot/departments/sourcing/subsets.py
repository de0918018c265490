"""Finds the cheapest set of sites for the lines of one order: an uncapacitated facility location.

A set costs the boxes of its sites plus, for every line, what the line costs from the best of
them. The search is branch and bound over sets, by depth in plain Python when the instance is small
and by levels in numpy when it is not. Both compare whole-number costs and settle ties the same
way, so that which of the two ran never shows.

Source: the two bounds are the usual ones of branch and bound for facility location: boxes so far
plus every line from its cheapest site anywhere; and the same with the sites still to come only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

# Costs that one level of the search may compute; 12 sites with 1,000 lines never need more.
LEVEL_LIMIT = 1_000_000
# Up to here the plain search is quicker than setting up arrays; a set of sites costs it about as
# much as 30 lines do.
PLAIN_LIMIT = 150_000
PLAIN_LINES_PER_SET = 30
INT64_SAFE = 2**62

Array = np.ndarray[Any, Any]


class SharedLine(NamedTuple):
    """A line that no single site can hold, to be divided in units.

    penalty  mills for each unit not sent
    offers   `(item_mills, site, stock)`, cheapest first
    """

    quantity: int
    penalty: int
    offers: tuple[tuple[int, int, int], ...]


class Problem(NamedTuple):
    """Costs in mills by site; a site is its index.

    node_of  number of the site's node; a set holds at most one site of a node
    rows     by site, the cost of every whole line from there, or its penalty when not held there
    penalty  by whole line, the cost of not sending it, above any sum of real costs
    least    by whole line, the cheapest of its rows
    depth    most sites of a set
    """

    box_mills: Sequence[int]
    node_of: Sequence[int]
    rows: Sequence[Sequence[int]]
    penalty: Sequence[int]
    least: Sequence[int]
    shared: Sequence[SharedLine]
    depth: int


class Best(NamedTuple):
    """A set of sites, ascending; values compare by cost, then number of boxes, then site order."""

    cost: int
    size: int
    sites: tuple[int, ...]


def cheapest_set(problem: Problem) -> tuple[tuple[int, ...], bool]:
    """The cheapest set of sites, and whether no better one can exist.

    Ties go to the set with fewer sites, then to the one whose sites come first. The answer is
    exact up to 12 sites with 1,000 lines, and beyond that as long as no level of the search
    exceeds LEVEL_LIMIT. A level that does goes on with the sets of the lowest bounds only; then
    the answer is exact when it lies below the bounds of all that was given up.
    """
    everything = range(len(problem.rows))
    shared_floor = _shared_cost(problem.shared, everything)
    floor = sum(problem.least) + shared_floor
    alone = [
        mills + sum(row) + _shared_cost(problem.shared, (site,))
        for site, (mills, row) in enumerate(zip(problem.box_mills, problem.rows, strict=True))
    ]
    nothing = sum(problem.penalty) + sum(line.quantity * line.penalty for line in problem.shared)
    best = Best(nothing, 0, ())
    if alone and (lowest := min(alone)) < nothing:
        best = Best(lowest, 1, (alone.index(lowest),))
    if problem.depth < 2 or best.cost <= _two_boxes(problem) + floor:
        return best.sites, True
    lines = len(problem.penalty) + len(alone) * len(problem.shared) + PLAIN_LINES_PER_SET
    if lines * _sets(problem) <= PLAIN_LIMIT:
        order = sorted(everything, key=alone.__getitem__)
        return _by_depth(problem, order, floor, shared_floor, best).sites, True
    return _by_levels(problem, floor, best)


def _two_boxes(problem: Problem) -> int:
    """The least that boxes from two different nodes cost."""
    by_node: dict[int, int] = {}
    for node, mills in zip(problem.node_of, problem.box_mills, strict=True):
        by_node[node] = min(mills, by_node.get(node, mills))
    return sum(sorted(by_node.values())[:2])


def _sets(problem: Problem) -> int:
    """How many sets of 0 to `depth` sites there are."""
    by_size = [1] + [0] * problem.depth
    for services in Counter(problem.node_of).values():
        for size in range(problem.depth, 0, -1):
            by_size[size] += by_size[size - 1] * services
    return sum(by_size)


def _shared_cost(shared: Sequence[SharedLine], sites: Sequence[int]) -> int:
    total = 0
    for line in shared:
        left = line.quantity
        for mills, site, stock in line.offers:
            if site in sites:
                take = min(left, stock)
                total += take * mills
                left -= take
        total += left * line.penalty
    return total


def _least(row: Sequence[int], other: Sequence[int]) -> list[int]:
    # A third of the time of map(min, ...), and the search spends its time here.
    return [a if a < b else b for a, b in zip(row, other, strict=True)]


def _by_depth(
    problem: Problem, order: Sequence[int], floor: int, shared_floor: int, best: Best
) -> Best:
    """Every set as its sites come in `order`, as far as it may still be better."""
    boxes, rows, shared, depth = problem.box_mills, problem.rows, problem.shared, problem.depth
    bits = [1 << node for node in problem.node_of]
    count = len(rows)
    later: list[Sequence[int]] = [problem.penalty] * (count + 1)
    later_box = [INT64_SAFE] * (count + 1)
    for place, site in zip(reversed(range(count)), reversed(order), strict=True):
        later[place] = _least(rows[site], later[place + 1])
        later_box[place] = min(boxes[site], later_box[place + 1])

    def extend(
        start: int, chosen: tuple[int, ...], row: Sequence[int], box_sum: int, nodes: int
    ) -> None:
        nonlocal best
        size = len(chosen) + 1
        for place in range(start, count):
            site = order[place]
            so_far = box_sum + boxes[site]
            if nodes & bits[site] or so_far + floor > best.cost - (size > best.size):
                continue
            taken = _least(row, rows[site])
            sites = (*chosen, site)
            cost = so_far + sum(taken)
            if shared:
                cost += _shared_cost(shared, sites)
            if cost <= best.cost:
                best = min(best, Best(cost, size, tuple(sorted(sites))))
            if size < depth and place + 1 < count:
                bound = so_far + later_box[place + 1] + shared_floor
                bound += sum(_least(taken, later[place + 1]))
                if bound <= best.cost - (size + 1 > best.size):
                    extend(place + 1, sites, taken, so_far, nodes | bits[site])

    extend(0, (), problem.penalty, 0, 0)
    return best


class _Tables:
    """A problem as arrays: int64 when every sum fits, whole numbers of any size when not."""

    def __init__(self, problem: Problem) -> None:
        worst = sum(problem.penalty) + sum(problem.box_mills)
        worst += sum(line.quantity * line.penalty for line in problem.shared)
        self.dtype: Any = np.int64 if worst < INT64_SAFE else object
        self.count = len(problem.rows)
        self.boxes = self._array(problem.box_mills)
        self.rows = self._array(problem.rows).reshape(self.count, -1)
        self.penalty = self._array(problem.penalty)
        node_of = np.array(problem.node_of)
        self.same_node = node_of[:, None] == node_of[None, :]
        self.width = len(problem.penalty) + len(problem.shared)
        self.quantity = self._array([line.quantity for line in problem.shared])
        self.unit_penalty = self._array([line.penalty for line in problem.shared])
        longest = max((len(line.offers) for line in problem.shared), default=0)
        padded = [
            (*line.offers, *[(0, 0, 0)] * (longest - len(line.offers))) for line in problem.shared
        ]
        self.offers = [
            (
                self._array([line[rank][0] for line in padded]),
                np.array([line[rank][1] for line in padded]),
                self._array([line[rank][2] for line in padded]),
            )
            for rank in range(longest)
        ]

    def _array(self, values: Sequence[Any]) -> Array:
        return np.array(values, dtype=self.dtype)

    def shared_cost(self, members: Array) -> Array:
        """Cost of the divided lines for every set; members is (sets, sites) of bool."""
        if not self.offers:
            return np.zeros(len(members), dtype=self.dtype)
        left = np.repeat(self.quantity[None, :], len(members), axis=0)
        cost = np.zeros_like(left)
        for mills, site, stock in self.offers:
            take = np.minimum(left, stock) * members[:, site]
            left -= take
            cost += take * mills
        cost += left * self.unit_penalty
        total: Array = cost.sum(axis=1)
        return total

    def set_cost(self, members: Array) -> Array:
        """Whole cost of every set; members is (sets, sites) of bool."""
        rows = np.repeat(self.penalty[None, :], len(members), axis=0)
        for site in range(self.count):
            inside = members[:, site]
            rows[inside] = np.minimum(rows[inside], self.rows[site])
        total: Array = members @ self.boxes + rows.sum(axis=1) + self.shared_cost(members)
        return total


def _by_levels(problem: Problem, floor: int, best: Best) -> tuple[tuple[int, ...], bool]:
    """All sets of one site, then of two, and so on, as far as they may still be better."""
    tables = _Tables(problem)
    best = _by_exchange(problem, tables, best)
    order = _by_weight(tables, best)
    rank = np.argsort(order)
    after = (rank[None, :] > rank[:, None]) & ~tables.same_node
    ordered = np.vstack([tables.rows[order], tables.penalty])
    later = np.minimum.accumulate(ordered[::-1], axis=0)[::-1]
    later_box = np.minimum.accumulate(tables.boxes[order][::-1])[::-1]
    rows, box_sum = tables.penalty[None, :], np.zeros(1, dtype=tables.dtype)
    members = np.zeros((1, tables.count), dtype=bool)
    addable = ~members
    given_up: int | None = None
    for size in range(1, problem.depth + 1):
        so_far = box_sum[:, None] + tables.boxes[None, :]
        worth = addable & (so_far + floor <= best.cost - (size > best.size))
        parent, site = np.nonzero(worth)
        if not len(parent):
            break
        members, addable = members[parent], addable[parent] & after[site]
        members[np.arange(len(parent)), site] = True
        rows, box_sum = np.minimum(rows[parent], tables.rows[site]), so_far[parent, site]
        totals = box_sum + rows.sum(axis=1) + tables.shared_cost(members)
        best = min(best, _lowest(totals, members))
        more = np.flatnonzero(addable.any(axis=1))
        follower = rank[site[more]] + 1
        bound = box_sum[more] + later_box[follower]
        bound += np.minimum(rows[more], later[follower]).sum(axis=1)
        bound += tables.shared_cost(members[more] | addable[more]) if problem.shared else 0
        open_still = bound <= best.cost - (size + 1 > best.size)
        kept, bound = more[open_still], bound[open_still]
        within = _within_limit(bound, addable[kept].sum(axis=1) * (tables.width + tables.count))
        if not within.all():
            lowest = int(bound[~within].min())
            given_up = lowest if given_up is None else min(given_up, lowest)
        kept = kept[within]
        rows, box_sum, members, addable = rows[kept], box_sum[kept], members[kept], addable[kept]
    return best.sites, given_up is None or best.cost < given_up


def _by_weight(tables: _Tables, best: Best) -> Array:
    """Sites in the order to branch on: those hard to do without first, the useless last.

    Once the former are decided, little can be hoped for from those still to come, and the bound
    closes the branch.
    """
    member = np.zeros(tables.count, dtype=bool)
    member[list(best.sites)] = True
    changed = tables.set_cost(member ^ np.eye(tables.count, dtype=bool))
    weights = zip(~member, np.where(member, -changed, changed), strict=True)
    weight = dict(enumerate(weights))
    return np.array(sorted(weight, key=weight.__getitem__))


def _lowest(totals: Array, members: Array) -> Best:
    lowest = totals.min()
    sites = min(_sites(member) for member in members[totals == lowest])
    return Best(int(lowest), len(sites), sites)


def _within_limit(bound: Array, cells: Array) -> Array:
    """Which sets to go on with: those of the lowest bounds, as far as their cells fit."""
    promising = np.argsort(bound, kind="stable")
    within = np.empty(len(bound), dtype=bool)
    within[promising] = cells[promising].cumsum() <= LEVEL_LIMIT
    return within


def _sites(member: Array) -> tuple[int, ...]:
    return tuple(np.flatnonzero(member).tolist())


def _by_exchange(problem: Problem, tables: _Tables, best: Best) -> Best:
    """Add, drop or exchange one site as long as that is better; a start for the search."""
    while True:
        member = np.zeros(tables.count, dtype=bool)
        member[list(best.sites)] = True
        near = np.array(list(_neighbors(member, problem.depth, tables.same_node)))
        totals = tables.set_cost(near)
        found = int(totals.argmin())
        sites = _sites(near[found])
        better = min(best, Best(int(totals[found]), len(sites), sites))
        if better == best:
            return best
        best = better


def _neighbors(member: Array, depth: int, same_node: Array) -> Iterator[Array]:
    inside = np.flatnonzero(member)
    bases = [member]
    for site in inside:
        fewer = member.copy()
        fewer[site] = False
        bases.append(fewer)
    for base in bases:
        yield base
        if base.sum() < depth:
            for site in np.flatnonzero(~(base @ same_node)):
                more = base.copy()
                more[site] = True
                yield more
