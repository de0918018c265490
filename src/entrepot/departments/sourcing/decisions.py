"""Which node sends which lines: the cheapest split of an order into boxes, and its reasons."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from entrepot.departments.sourcing.model import Box, Candidate, Demand, Plan, Policy, Site, Sites
from entrepot.departments.sourcing.searching import FOUND, NO_SITE, solve
from entrepot.departments.sourcing.subsets import Problem, SharedLine, cheapest_set
from entrepot.words.money import Money, format_money, minor_of_mills
from entrepot.words.outcome import Refusal, RefusalCode

PPM = 1_000_000
GRAMS_PER_KG = 1_000

Steps = Sequence[tuple[int, int]]


class Split(NamedTuple):
    """What was decided, and what else was possible.

    alone  by site, mills of sending everything from there in one box; NO_SITE when it cannot
    """

    result: Plan | Refusal
    alone: Sequence[int]


def best_split(
    demand: Sequence[Demand],
    sites: Sequence[Site],
    *,
    unfilled_mills: Sequence[int] | None = None,
    keep_together: bool = False,
    max_boxes: int | None = None,
) -> Plan | Refusal:
    """The cheapest plan over sites given one by one; see `split`."""
    try:
        columns = Sites.of(sites, len(demand))
    except OverflowError:
        return _by_subsets(
            demand,
            sites,
            unfilled_mills,
            keep_together=keep_together,
            max_boxes=max_boxes,
        )
    return split(
        demand,
        columns,
        unfilled_mills=unfilled_mills,
        keep_together=keep_together,
        max_boxes=max_boxes,
    ).result


def split(
    demand: Sequence[Demand],
    sites: Sites,
    *,
    unfilled_mills: Sequence[int] | None = None,
    keep_together: bool = False,
    max_boxes: int | None = None,
) -> Split:
    """The cheapest plan: box_mills of every site used, and item_mills of every each sent.

    demand          up to 1,000 lines
    sites           earlier ones win ties
    unfilled_mills  allows eaches to stay unfilled: how much leaving out one weighs, 1 or more for
                    every demand. It says which lines suffer first and never cancels what can be
                    sent: a plan first leaves out as little as it can, weighed so, then costs as
                    little as it can
    keep_together   one box with everything or a refusal
    max_boxes       most boxes, 1 or more; None = no limit

    A node sends one box by one of its services. A line that some site could hold whole is sent
    whole from one site or not at all; only a line no site can hold is divided, the cheapest
    eaches first. Ties go to fewer boxes, then to the sites that come first. The plan is the
    exact minimum with up to 12 sites; with more, `exact` says whether that is proven.

    Refuses: not_enough_stock, with what is asked and available for every line that falls short;
    where only the number of boxes is too small, in the plan that leaves out least.
    """
    assert max_boxes is None or max_boxes >= 1, f"max_boxes is {max_boxes}, expected 1 or more"
    assert not unfilled_mills or min(unfilled_mills) >= 1, "a weight of unfilled_mills is below 1"
    count = len(demand)
    weights = np.ones(count, np.int64) if unfilled_mills is None else np.array(unfilled_mills)
    found = solve(
        np.array([line.quantity_each for line in demand], np.int64),
        sites[1:],
        weights,
        1 if keep_together else max_boxes or 0,
    )
    if found.status != FOUND:  # large numbers, and long searches
        result = _by_subsets(
            demand,
            sites.rows(),
            unfilled_mills,
            keep_together=keep_together,
            max_boxes=max_boxes,
        )
        return Split(result, [_alone(demand, site) for site in sites.rows()])
    left = found.left.tolist()
    if any(left) and (unfilled_mills is None or keep_together):
        depth = 1 if keep_together else max_boxes
        return Split(_left_out(demand, sites, left, depth), found.alone.tolist())
    numbers = [line.line_no for line in demand]
    boxes = [
        Box(sites.keys[site][0], sites.keys[site][1], _lines(numbers, sent))
        for site, sent in zip(found.chosen.tolist(), found.sent.tolist(), strict=True)
    ]
    plan = Plan(tuple(boxes), found.cost, _lines(numbers, left))
    return Split(plan, found.alone.tolist())


def _left_out(
    demand: Sequence[Demand], sites: Sites, left: Sequence[int], depth: int | None
) -> Refusal:
    """The refusal of what no plan can send whole, of which the best one leaves out this."""
    rows = sites.rows()
    short = {}
    for i, line in enumerate(demand):
        if all(site.stock[i] < line.quantity_each for site in rows):
            short[i] = _available(rows, i)
    if any(eaches < demand[i].quantity_each for i, eaches in short.items()):
        return _not_enough(demand, short, "at all nodes together")
    held = {i: line.quantity_each - left[i] for i, line in enumerate(demand) if left[i]}
    return _not_enough(demand, held, _in_boxes(depth))


def _in_boxes(depth: int | None) -> str:
    return "in one box" if depth == 1 else f"in {depth} boxes"


def _lines(numbers: Sequence[int], eaches: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The lines of which there is something, with how much."""
    return tuple([pair for pair in zip(numbers, eaches, strict=True) if pair[1]])


def _by_subsets(
    demand: Sequence[Demand],
    sites: Sequence[Site],
    unfilled_mills: Sequence[int] | None,
    *,
    keep_together: bool,
    max_boxes: int | None,
) -> Plan | Refusal:
    """The same in numbers of any size, and as far as the search gets with very many sites."""
    depth = 1 if keep_together else max_boxes
    may_leave_out = unfilled_mills is not None and not keep_together
    problem, shared = _problem(demand, sites, unfilled_mills, depth)
    if shared and not may_leave_out:
        available = {i: _available(sites, i) for i in shared}
        if any(demand[i].quantity_each > eaches for i, eaches in available.items()):
            return _not_enough(demand, available, "at all nodes together")
    chosen, exact = cheapest_set(problem)
    plan = _plan(demand, sites, problem, shared, chosen, exact)
    if plan.unfilled and not may_leave_out:
        left_out = dict(plan.unfilled)
        held = {
            i: line.quantity_each - left_out[line.line_no]
            for i, line in enumerate(demand)
            if line.line_no in left_out
        }
        return _not_enough(
            demand, held, f"{_in_boxes(depth)}{'' if exact else ', as far as searched'}"
        )
    return plan


def _problem(
    demand: Sequence[Demand],
    sites: Sequence[Site],
    weights: Sequence[int] | None,
    max_boxes: int | None,
) -> tuple[Problem, dict[int, SharedLine]]:
    """The demands as a problem of subsets, and the lines to be divided, by index."""
    asked = [line.quantity_each for line in demand]
    dearest = ceiling = 0
    for site in sites:
        assert len(site.item_mills) == len(site.stock) == len(asked), (
            f"{site.node} by {site.service_id} has no cost or stock for some line"
        )
        dearest = max(dearest, max(site.item_mills, default=0))
        ceiling += site.box_mills
    # Leaving out one each weighs more than all that can be sent, so that no plan saves money by
    # leaving out what another one sends.
    ceiling += 1 + dearest * sum(asked)
    # Only their ratios count, and small ones keep the search inside 64 bits.
    common = gcd(*weights) if weights else 1
    unit = [ceiling * w // common for w in weights or [1] * len(asked)]
    penalty = [quantity * each for quantity, each in zip(asked, unit, strict=True)]
    rows = [
        [
            quantity * mills if held >= quantity else left_out
            for quantity, mills, held, left_out in zip(
                asked, site.item_mills, site.stock, penalty, strict=True
            )
        ]
        for site in sites
    ]
    least = list(map(min, penalty, *rows)) if rows else penalty
    shared = [i for i, mills in enumerate(least) if mills == penalty[i]]
    lines: list[SharedLine] = []
    divided: dict[int, SharedLine] = {}
    if shared:
        divided = {i: SharedLine(asked[i], unit[i], _offers(sites, i)) for i in shared}
        # What nobody has weighs the same in every set, and needs no more boxes.
        lines = [line for line in divided.values() if line.offers]
        whole = [i for i in range(len(asked)) if i not in divided]
        least, penalty = [least[i] for i in whole], [penalty[i] for i in whole]
        rows = [[row[i] for i in whole] for row in rows]
    nodes: dict[str, int] = {}
    node_of = [nodes.setdefault(site.node, len(nodes)) for site in sites]
    most = len(nodes) if lines else min(len(nodes), len(asked))
    depth = most if max_boxes is None else min(most, max_boxes)
    box_mills = [site.box_mills for site in sites]
    return Problem(box_mills, node_of, rows, penalty, least, lines, depth), divided


def _offers(sites: Sequence[Site], line: int) -> tuple[tuple[int, int, int], ...]:
    offers = [
        (site.item_mills[line], number, site.stock[line])
        for number, site in enumerate(sites)
        if site.stock[line]
    ]
    return tuple(sorted(offers))


def _available(sites: Sequence[Site], line: int) -> int:
    by_node: dict[str, int] = {}
    for site in sites:
        by_node[site.node] = max(by_node.get(site.node, 0), site.stock[line])
    return sum(by_node.values())


def _not_enough(demand: Sequence[Demand], available: Mapping[int, int], where: str) -> Refusal:
    """A refusal naming the lines whose available eaches, by index, are below what was asked."""
    short = [
        {
            "line_no": demand[i].line_no,
            "sku": demand[i].sku,
            "asked": demand[i].quantity_each,
            "available": eaches,
        }
        for i, eaches in sorted(available.items())
        if eaches < demand[i].quantity_each
    ]
    named = "; ".join(
        f"line {line['line_no']} ({line['sku']}) asks {line['asked']}, has {line['available']}"
        for line in short[:5]
    )
    more = f"; and {len(short) - 5} more lines" if len(short) > 5 else ""
    return Refusal(
        RefusalCode.not_enough_stock,
        f"quantity_each: {named}{more} {where}; ask for less or for a later date",
        "quantity_each",
        {"lines": short},
    )


def _plan(
    demand: Sequence[Demand],
    sites: Sequence[Site],
    problem: Problem,
    divided: Mapping[int, SharedLine],
    chosen: Sequence[int],
    exact: bool,
) -> Plan:
    """Every line from the cheapest of the chosen sites."""
    taken: dict[int, list[tuple[int, int]]] = {site: [] for site in chosen}
    unfilled: list[tuple[int, int]] = []
    cost = sum(problem.box_mills[site] for site in chosen)
    rows = [(problem.rows[site], site) for site in chosen]
    whole = 0
    for i, line in enumerate(demand):
        if i in divided:
            left = line.quantity_each
            for mills, site, stock in divided[i].offers:
                if site in taken and left:
                    eaches = min(left, stock)
                    taken[site].append((line.line_no, eaches))
                    cost += eaches * mills
                    left -= eaches
            if left:
                unfilled.append((line.line_no, left))
            continue
        mills, site = problem.penalty[whole], -1
        for row, candidate in rows:
            if row[whole] < mills:
                mills, site = row[whole], candidate
        whole += 1
        if site < 0:
            unfilled.append((line.line_no, line.quantity_each))
        else:
            taken[site].append((line.line_no, line.quantity_each))
            cost += mills
    boxes = tuple(
        Box(sites[site].node, sites[site].service_id, tuple(lines)) for site, lines in taken.items()
    )
    return Plan(boxes, cost, tuple(unfilled), exact)


def _alone(demand: Sequence[Demand], site: Site) -> int:
    """Mills of sending everything from one site in one box; NO_SITE when it cannot."""
    asked = [line.quantity_each for line in demand]
    if any(held < quantity for quantity, held in zip(asked, site.stock, strict=True)):
        return NO_SITE
    return site.box_mills + sum(q * m for q, m in zip(asked, site.item_mills, strict=True))


def able(sites: Sites, alone: Sequence[int]) -> tuple[Candidate, ...]:
    """Every site that could send everything in one box, cheapest first, ties in site order.

    alone  as `Split` gives it
    """
    return _cheapest_first(sites.keys, alone)


def candidates(demand: Sequence[Demand], sites: Sequence[Site]) -> tuple[Candidate, ...]:
    """The same from sites given one by one."""
    keys = [(site.node, site.service_id) for site in sites]
    return _cheapest_first(keys, [_alone(demand, site) for site in sites])


def _cheapest_first(keys: Sequence[tuple[str, str]], alone: Sequence[int]) -> tuple[Candidate, ...]:
    able_ones = sorted([(mills, place) for place, mills in enumerate(alone) if mills != NO_SITE])
    return tuple([Candidate(*keys[place], mills) for mills, place in able_ones])


def weighed(
    site: Site, policy: Policy, stock_price_mills: Sequence[int], box_grams_co2e: int
) -> Site:
    """The site with the policy's weights in its costs, every product rounded up to a mill.

    stock_price_mills  published price of taking one each of every demand from the node's stock
    box_grams_co2e     emissions of one box by the service
    """
    items = zip(site.item_mills, stock_price_mills, strict=True)
    return Site(
        site.node,
        site.service_id,
        site.box_mills - (-box_grams_co2e * policy.carbon_mills_per_kg // GRAMS_PER_KG),
        tuple(mills - (-price * policy.stock_price_ppm // PPM) for mills, price in items),
        site.stock,
    )


def step_price(mass_g: int, steps: Steps) -> int | Refusal:
    """The price in minor units of a box of `mass_g` on a rate card.

    steps  `(max_mass_g, price_minor)`, ascending; the first step that holds the box is charged

    Refuses: too_large, when the box is heavier than the last step.
    """
    step = bisect_left(steps, mass_g, key=itemgetter(0))
    if step < len(steps):
        return steps[step][1]
    limit = steps[-1][0] if steps else 0
    return Refusal(
        RefusalCode.too_large,
        f"mass_g: a box of {mass_g} g was found, the service takes up to {limit} g; "
        "use another service or more boxes",
        "mass_g",
        {"mass_g": mass_g, "max_mass_g": limit},
    )


def tariff(
    plan: Plan, mass_g: Mapping[int, int], cards: Mapping[tuple[str, str], Steps]
) -> tuple[int, ...] | Refusal:
    """The carriage price in minor units of every box of the plan, by its weight.

    mass_g  by line_no, of one each
    cards   by (node, service_id), the rate card in force towards the destination

    Refuses: too_large, for the first box that is heavier than the last step of its card.
    """
    prices: list[int] = []
    for box in plan.boxes:
        mass = sum(mass_g[line_no] * eaches for line_no, eaches in box.lines)
        price = step_price(mass, cards[box.node, box.service_id])
        if isinstance(price, Refusal):
            return price
        prices.append(price)
    return tuple(prices)


def explain(result: Plan | Refusal, able: Sequence[Candidate], currency: str) -> str:
    """The reason in words, for the record: what was chosen, its cost, and what came next.

    able  the candidates, cheapest first
    """
    if isinstance(result, Refusal):
        return result.message
    return "; ".join(_clauses(result, able, currency))


def _clauses(plan: Plan, able: Sequence[Candidate], currency: str) -> Iterator[str]:
    names = [f"{box.node} by {box.service_id}" for box in plan.boxes]
    count = "one box" if len(names) == 1 else f"{len(names)} boxes"
    if names:
        yield f"{count} from {' and '.join(names)}: {_money(plan.cost_mills, currency)}"
    else:
        yield "no box: no node can send anything"
    chosen = {(box.node, box.service_id) for box in plan.boxes} if len(names) == 1 else set()
    others = [other for other in able if (other.node, other.service_id) not in chosen]
    if others:
        following = "next best" if len(names) == 1 else "in one box"
        name = f"{others[0].node} by {others[0].service_id}"
        yield f"{following} {name} {_money(others[0].cost_mills, currency)}"
    else:
        yield f"no {'other ' if chosen else ''}site has everything"
    for line_no, eaches in plan.unfilled:
        yield f"{eaches} of line {line_no} unfilled"
    if not plan.exact:
        yield "best found before the search limit, not proven best"


def _money(mills: int, currency: str) -> str:
    return format_money(Money(minor_of_mills(mills), currency))
