"""Splits worked out by hand, and the limits of the search."""

from __future__ import annotations

import random
import sys

import pytest

from entrepot.departments.sourcing import decisions, searching, subsets
from entrepot.departments.sourcing.decisions import best_split
from entrepot.departments.sourcing.model import Box, Demand, Plan, Site
from entrepot.words.outcome import Refusal, RefusalCode

SHIRT = Demand(1, "SHIRT", 2)
SHOES = Demand(2, "SHOES", 1)


def site(node: str, box: int, items: tuple[int, ...], stock: tuple[int, ...], by: str = "post"):
    return Site(node, by, box, items, stock)


def test_one_box_beats_two_that_are_nearer() -> None:
    sites = [
        site("LEEDS", 3000, (10, 99), (5, 0)),
        site("BRISTOL", 3000, (99, 10), (0, 5)),
        site("YORK", 5000, (40, 40), (5, 5)),
    ]
    assert best_split([SHIRT, SHOES], sites) == Plan(
        (Box("YORK", "post", ((1, 2), (2, 1))),), 5000 + 3 * 40
    )


def test_two_boxes_when_no_node_holds_both() -> None:
    sites = [site("LEEDS", 3000, (10, 99), (5, 0)), site("BRISTOL", 3000, (99, 10), (0, 5))]
    assert best_split([SHIRT, SHOES], sites) == Plan(
        (Box("LEEDS", "post", ((1, 2),)), Box("BRISTOL", "post", ((2, 1),))), 6000 + 20 + 10
    )


def test_a_line_some_node_holds_is_not_divided_though_that_were_cheaper() -> None:
    sites = [
        site("LEEDS", 100, (1, 1), (1, 1)),
        site("BRISTOL", 100, (1, 1), (1, 0)),
        site("YORK", 900, (1, 1), (2, 0)),
    ]
    plan = best_split([SHIRT, SHOES], sites)
    assert isinstance(plan, Plan)
    assert plan.boxes == (Box("LEEDS", "post", ((2, 1),)), Box("YORK", "post", ((1, 2),)))


def test_a_line_no_node_holds_is_divided_cheapest_eaches_first() -> None:
    bulk = Demand(7, "BOLT", 10)
    sites = [site("LEEDS", 50, (5,), (6,)), site("YORK", 50, (2,), (7,))]
    assert best_split([bulk], sites) == Plan(
        (Box("LEEDS", "post", ((7, 3),)), Box("YORK", "post", ((7, 7),))), 100 + 15 + 14
    )


def test_a_node_sends_by_one_service_and_its_stock_counts_once() -> None:
    bulk = Demand(1, "BOLT", 8)
    sites = [
        site("LEEDS", 50, (5,), (5,), by="slow"),
        site("LEEDS", 90, (4,), (5,), by="fast"),
        site("YORK", 50, (6,), (4,)),
    ]
    assert best_split([bulk], sites) == Plan(
        (Box("LEEDS", "slow", ((1, 5),)), Box("YORK", "post", ((1, 3),))), 100 + 25 + 18
    )
    refused = best_split([Demand(1, "BOLT", 10)], sites)
    assert isinstance(refused, Refusal)
    assert refused.facts == {
        "lines": [{"line_no": 1, "sku": "BOLT", "asked": 10, "available": 9}],
    }


def test_ties_go_to_fewer_boxes_then_to_the_first_site() -> None:
    free = [site(node, 0, (1, 1), (9, 9)) for node in ("LEEDS", "YORK")]
    plan = best_split([SHIRT, SHOES], free)
    assert isinstance(plan, Plan)
    assert [box.node for box in plan.boxes] == ["LEEDS"]


def test_short_lines_are_refused_or_left_unfilled() -> None:
    sites = [site("LEEDS", 100, (1, 1), (1, 0)), site("YORK", 100, (1, 1), (0, 1))]
    refused = best_split([SHIRT, SHOES], sites)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.not_enough_stock
    assert refused.message == (
        "quantity_each: line 1 (SHIRT) asks 2, has 1 at all nodes together; "
        "ask for less or for a later date"
    )
    plan = best_split([SHIRT, SHOES], sites, unfilled_mills=(1, 1))
    assert plan == Plan(
        (Box("LEEDS", "post", ((1, 1),)), Box("YORK", "post", ((2, 1),))), 202, ((1, 1),)
    )


def test_leaving_out_is_never_cheaper_than_sending() -> None:
    plan = best_split([SHOES], [site("LEEDS", 10**9, (10**9,), (1,))], unfilled_mills=(1,))
    assert isinstance(plan, Plan)
    assert not plan.unfilled


def test_weights_say_which_line_a_single_box_leaves_out() -> None:
    sites = [site("LEEDS", 1, (1, 1), (2, 0)), site("YORK", 900, (1, 1), (0, 1))]
    plan = best_split([SHIRT, SHOES], sites, unfilled_mills=(1, 3), max_boxes=1)
    assert plan == Plan((Box("YORK", "post", ((2, 1),)),), 901, ((1, 2),))


def test_keep_together_is_one_box_or_a_refusal() -> None:
    apart = [site("LEEDS", 1, (1, 1), (2, 0)), site("YORK", 1, (1, 1), (0, 1))]
    refused = best_split([SHIRT, SHOES], apart, keep_together=True, unfilled_mills=(1, 1))
    assert isinstance(refused, Refusal)
    assert "in one box" in refused.message
    both = site("BRISTOL", 999, (1, 1), (2, 1))
    plan = best_split([SHIRT, SHOES], [*apart, both], keep_together=True)
    assert isinstance(plan, Plan)
    assert [box.node for box in plan.boxes] == ["BRISTOL"]


def test_too_few_boxes_name_the_lines_that_do_not_fit() -> None:
    demand = [Demand(n, f"SKU-{n}", 1) for n in (1, 2, 3)]
    sites = [site(f"N{n}", 1, (1,) * 3, tuple(int(i == n) for i in range(3))) for n in range(3)]
    refused = best_split(demand, sites, max_boxes=2)
    assert isinstance(refused, Refusal)
    assert "in 2 boxes" in refused.message
    assert len(refused.facts["lines"]) == 1


def test_nothing_asked_and_nowhere_to_ask() -> None:
    assert best_split([], [site("LEEDS", 1, (), ())]) == Plan((), 0)
    assert isinstance(best_split([SHIRT], []), Refusal)
    assert best_split([SHIRT], [], unfilled_mills=(1,)) == Plan((), 0, ((1, 2),))


def test_many_short_lines_are_named_up_to_five() -> None:
    refused = best_split([Demand(n, f"SKU-{n}", 1) for n in range(8)], [])
    assert isinstance(refused, Refusal)
    assert "SKU-4" in refused.message
    assert "and 3 more lines" in refused.message
    assert len(refused.facts["lines"]) == 8


def test_a_site_without_a_cost_for_every_line_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="LEEDS by post"):
        best_split([SHIRT, SHOES], [site("LEEDS", 1, (1,), (1,))])


def scattered(seed: int, lines: int, nodes: int, carried: float) -> tuple[list[Demand], list[Site]]:
    """Lines in small quantities over nodes at random distances, each carrying a share of them."""
    chance = random.Random(seed)
    demand = [Demand(n, f"SKU-{n}", chance.randint(1, 3)) for n in range(lines)]
    sites = []
    for node in range(nodes):
        miles = chance.randint(10, 2500)
        stock = tuple(chance.randint(0, 20) * (chance.random() < carried) for _ in range(lines))
        costs = tuple(423 + miles * 541 // 1000 + chance.randint(0, 50) for _ in range(lines))
        sites.append(site(f"N{node}", 8759, costs, stock))
    return demand, sites


def test_twelve_sites_and_a_thousand_lines_are_exact() -> None:
    demand, sites = scattered(1, 1000, 12, 0.5)
    plan = best_split(demand, sites, unfilled_mills=(1,) * 1000)
    assert isinstance(plan, Plan)
    assert plan.exact


def test_a_search_with_room_for_all_levels_finds_what_the_plain_one_does() -> None:
    for seed in range(20):
        demand, sites = scattered(seed, 6, 10, 0.4)
        plans = []
        for limit in (0, 10**9):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(searching, "COSTS_MAX", 0)
                patch.setattr(subsets, "PLAIN_LIMIT", limit)
                plans.append(best_split(demand, sites, unfilled_mills=(1,) * 6))
        assert plans[0] == plans[1]


def test_thirty_nodes_end_at_the_limit_near_the_best() -> None:
    demand, sites = scattered(3, 60, 30, 0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "COSTS_MAX", 0)
        cut = best_split(demand, sites, unfilled_mills=(1,) * 60)
        assert isinstance(cut, Plan)
        patch.setattr(subsets, "LEVEL_LIMIT", 20_000)
        rough = best_split(demand, sites, unfilled_mills=(1,) * 60)
    assert isinstance(rough, Plan)
    assert not rough.exact
    assert cut.unfilled == rough.unfilled
    assert cut.cost_mills <= rough.cost_mills <= cut.cost_mills * 1.03


def test_weights_of_any_size_are_left_to_the_compiled_search() -> None:
    """Only their ratios count, so that the heavy ones of a backorder are no reason for the long
    way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decisions, "_by_subsets", None)
        plan = best_split(
            [SHIRT, SHOES],
            [site("LEEDS", 3_000_000, (50, 100), (9, 0))],
            unfilled_mills=(10**9, 10**9),
        )
    assert isinstance(plan, Plan)
    assert plan.unfilled == ((2, 1),)


def test_the_search_is_warm_after_one_decision_of_its_own() -> None:
    searching.warm()
    assert "entrepot.departments.sourcing.search" in sys.modules
