"""Sourcing against an independent enumeration of every assignment, and what must always hold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.departments.sourcing import decisions, searching, subsets
from entrepot.departments.sourcing.decisions import best_split, candidates
from entrepot.departments.sourcing.model import Demand, Plan, Site, Sites
from entrepot.departments.sourcing.records import decision_inputs, decision_outcome, replay
from entrepot.words.outcome import Refusal

# Costs of this size fit in 64 bits, what the search multiplies them to does not.
HUGE_MILLS = 10**16


class Case(NamedTuple):
    demand: list[Demand]
    sites: list[Site]
    weights: list[int] | None
    max_boxes: int | None
    keep_together: bool

    def solve(self, **changed: object) -> Plan | Refusal:
        case = self._replace(**changed)  # type: ignore[arg-type]
        return best_split(
            case.demand,
            case.sites,
            unfilled_mills=case.weights,
            max_boxes=case.max_boxes,
            keep_together=case.keep_together,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Few lines, few sites, small numbers: many ties, short lines, divided lines, shared nodes."""
    asked = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    demand = [Demand(10 * i + 10, f"SKU-{i}", q) for i, q in enumerate(asked)]
    each = draw(st.sampled_from([1, 1, 1, HUGE_MILLS]))
    cost = st.integers(0, 4).map(lambda mills: mills * each)

    def per_line(values: st.SearchStrategy[int]) -> tuple[int, ...]:
        return tuple(draw(values) for _ in asked)

    stocks: dict[str, tuple[int, ...]] = {}
    sites = []
    for number in range(draw(st.integers(0, 4))):
        node = draw(st.sampled_from(["LEEDS", "BRISTOL", "YORK", "DERBY"]))
        stock = stocks.setdefault(node, per_line(st.integers(0, 4)))
        sites.append(
            Site(node, f"service-{number}", draw(cost) + draw(cost), per_line(cost), stock)
        )
    weights = draw(st.none() | st.just(list(per_line(st.integers(1, 3)))))
    boxes = draw(st.none() | st.integers(1, 3))
    return Case(demand, sites, weights, boxes, draw(st.integers(0, 5)) == 0)


class Key(NamedTuple):
    """How good an assignment is; less is better."""

    left_out: int
    cost: int
    boxes: int
    sites: tuple[int, ...]


def ways(case: Case, line: int) -> Iterator[tuple[int, ...]]:
    """Every way to send one line, as eaches by site, from the rules as they are stated."""
    asked = case.demand[line].quantity_each
    stock = [site.stock[line] for site in case.sites]
    if not any(held >= asked for held in stock):
        yield from (
            units for units in product(*(range(held + 1) for held in stock)) if sum(units) <= asked
        )
        return
    yield tuple(0 for _ in stock)
    for chosen, held in enumerate(stock):
        if held >= asked:
            yield tuple(asked if site == chosen else 0 for site in range(len(stock)))


def enumerated(case: Case) -> Key | None:
    """The best over all assignments; None when lines would stay unfilled and must not."""
    best: Key | None = None
    most = 1 if case.keep_together else case.max_boxes or len(case.sites)
    weights = case.weights or [1] * len(case.demand)
    for assignment in product(*(list(ways(case, line)) for line in range(len(case.demand)))):
        used = [n for n in range(len(case.sites)) if any(units[n] for units in assignment)]
        if len(used) > most or len({case.sites[n].node for n in used}) < len(used):
            continue
        short = [
            line.quantity_each - sum(units)
            for line, units in zip(case.demand, assignment, strict=True)
        ]
        cost = sum(case.sites[n].box_mills for n in used) + sum(
            units[n] * case.sites[n].item_mills[line]
            for line, units in enumerate(assignment)
            for n in used
        )
        left_out = sum(w * s for w, s in zip(weights, short, strict=True))
        key = Key(left_out, cost, len(used), tuple(used))
        best = key if best is None else min(best, key)
    assert best is not None, "sending nothing is an assignment"
    if best.left_out and (case.weights is None or case.keep_together):
        return None
    return best


def key_of(case: Case, plan: Plan) -> Key:
    """The same measure of a plan, recomputed from its boxes; checks its stock and sums."""
    place = {line.line_no: i for i, line in enumerate(case.demand)}
    number = {(site.node, site.service_id): n for n, site in enumerate(case.sites)}
    left = {line.line_no: line.quantity_each for line in case.demand}
    cost, used = 0, []
    for box in plan.boxes:
        site = case.sites[number[box.node, box.service_id]]
        used.append(number[box.node, box.service_id])
        assert box.lines, "an empty box"
        cost += site.box_mills
        for line_no, eaches in box.lines:
            assert 0 < eaches <= site.stock[place[line_no]]
            cost += eaches * site.item_mills[place[line_no]]
            left[line_no] -= eaches
    assert {line_no: eaches for line_no, eaches in left.items() if eaches} == dict(plan.unfilled)
    assert plan.cost_mills == cost
    assert len({box.node for box in plan.boxes}) == len(plan.boxes)
    weights = case.weights or [1] * len(case.demand)
    left_out = sum(weights[place[line_no]] * eaches for line_no, eaches in plan.unfilled)
    return Key(left_out, cost, len(used), tuple(used))


def leave_to_subsets(*_: object) -> searching.Found:
    """What the compiled search answers to an order that is too large for it."""
    nothing = np.empty(0, np.int64)
    return searching.Found(searching.LEFT_TO_SUBSETS, 0, nothing, nothing, nothing, nothing)


WAYS = {"compiled": None, "by depth": subsets.PLAIN_LIMIT, "by levels": 0}


@pytest.mark.parametrize("plain_limit", WAYS.values(), ids=WAYS.keys())
@settings(max_examples=600, deadline=None)
@given(case=cases())
def test_no_assignment_is_better(plain_limit: int | None, case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if plain_limit is not None:
            patch.setattr(decisions, "solve", leave_to_subsets)
            patch.setattr(subsets, "PLAIN_LIMIT", plain_limit)
        result = case.solve()
    best = enumerated(case)
    if isinstance(result, Refusal):
        assert best is None
        return
    assert result.exact
    assert key_of(case, result) == best


@settings(max_examples=300, deadline=None)
@given(case=cases(), data=st.data())
def test_lower_costs_never_cost_more(case: Case, data: st.DataObject) -> None:
    def lower(mills: int) -> int:
        return mills - data.draw(st.integers(0, mills))

    cheaper = [
        Site(s.node, s.service_id, lower(s.box_mills), tuple(map(lower, s.item_mills)), s.stock)
        for s in case.sites
    ]
    before, after = case.solve(), case.solve(sites=cheaper)
    if isinstance(before, Refusal):
        assert isinstance(after, Refusal)
        return
    assert isinstance(after, Plan)
    assert after.cost_mills <= before.cost_mills


@settings(max_examples=300, deadline=None)
@given(case=cases(), data=st.data())
def test_more_stock_never_costs_more(case: Case, data: st.DataObject) -> None:
    """As long as no divided line becomes one that must be sent whole; that is another rule."""
    asked = [line.quantity_each for line in case.demand]
    divided = [all(s.stock[i] < q for s in case.sites) for i, q in enumerate(asked)]
    more = {}
    for site in case.sites:
        if site.node not in more:
            grown = [held + data.draw(st.integers(0, 3)) for held in site.stock]
            more[site.node] = tuple(
                min(held, asked[i] - 1) if divided[i] else held for i, held in enumerate(grown)
            )
    richer = [
        Site(s.node, s.service_id, s.box_mills, s.item_mills, more[s.node]) for s in case.sites
    ]
    before, after = case.solve(), case.solve(sites=richer)
    if isinstance(before, Plan):
        assert isinstance(after, Plan)
        richer_case = case._replace(sites=richer)
        assert key_of(richer_case, after)[:2] <= key_of(case, before)[:2]


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_replay_gives_the_same_bytes(case: Case) -> None:
    inputs = decision_inputs(
        case.demand,
        Sites.of(case.sites, len(case.demand)),
        unfilled_mills=case.weights,
        keep_together=case.keep_together,
        max_boxes=case.max_boxes,
    )
    assert replay(inputs) == decision_outcome(case.solve(), candidates(case.demand, case.sites))


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    nodes=st.integers(1, 9),
    lines=st.integers(1, 12),
    carried=st.sampled_from([0.2, 0.5, 0.9]),
)
def test_the_compiled_search_finds_what_the_plain_one_does(
    seed: int, nodes: int, lines: int, carried: float
) -> None:
    chance = random.Random(seed)
    asked = [chance.randint(1, 4) for _ in range(lines)]
    demand = [Demand(n, f"SKU-{n}", each) for n, each in enumerate(asked, start=1)]
    stock = {
        node: tuple(chance.randint(0, 5) * (chance.random() < carried) for _ in asked)
        for node in range(nodes)
    }
    sites = [
        Site(
            f"N{node}",
            service,
            chance.randint(0, 3) * 100,
            tuple(chance.randint(0, 9) * 10 for _ in asked),
            stock[node],
        )
        for node in range(nodes)
        for service in ("road", "air")[: chance.randint(1, 2)]
    ]
    for weights in (None, [1] * lines):
        compiled = best_split(demand, sites, unfilled_mills=weights)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decisions, "solve", leave_to_subsets)
            assert best_split(demand, sites, unfilled_mills=weights) == compiled


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_deciding_again_changes_nothing(case: Case) -> None:
    assert case.solve() == case.solve()


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_a_search_cut_short_says_so(case: Case) -> None:
    exact = case.solve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decisions, "solve", leave_to_subsets)
        patch.setattr(subsets, "PLAIN_LIMIT", 0)
        patch.setattr(subsets, "LEVEL_LIMIT", 5)
        cut = case.solve()
    if isinstance(cut, Plan) and isinstance(exact, Plan):
        assert key_of(case, exact)[:2] <= key_of(case, cut)[:2]
        assert not cut.exact or cut == exact
