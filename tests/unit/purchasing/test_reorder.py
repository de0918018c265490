"""The reorder rule against cases worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.purchasing import decisions_reorder as reorder
from entrepot.departments.purchasing.decisions import lead_time
from entrepot.departments.purchasing.decisions_reorder import (
    Buy,
    Levels,
    Need,
    NodeStock,
    ReorderPolicy,
    SupplyOffer,
)
from entrepot.departments.purchasing.model import PPM, PriceBreak, Supplier, Terms
from entrepot.words.outcome import Refusal, RefusalCode

POLICY = ReorderPolicy("plain", 1, review_days=7, safety_days=3, cover_days=14)
OFFER = SupplyOffer("porto", "EUR", 120, 1, 1, (), 10 * PPM)


def a_need(
    position_each: int, *offers: SupplyOffer, milli: int = 2_000, waiting_each: int = 0
) -> Need:
    node = NodeStock("BER", 1, position_each)
    return Need("MUG", milli, waiting_each, "EUR", (node,), offers or (OFFER,))


def bought(need: Need) -> Buy:
    decided = reorder.decide(POLICY, need)
    assert isinstance(decided, Buy), decided
    return decided


def ordered(need: Need) -> int:
    (line,) = bought(need).lines
    return line.ordered_each


def offer(**changes: object) -> SupplyOffer:
    return msgspec.structs.replace(OFFER, **changes)


def test_the_levels() -> None:
    # 2 a day: s = 2 x (10 + 7 + 3) = 40, S = 40 + 2 x 14 = 68.
    assert reorder.levels(POLICY, 2_000, 10 * PPM) == Levels(40, 68)
    # 0.35 a day and 10.5 days: s = 0.35 x 20.5 = 7.175, up to 8; S = 8 + 4.9, up to 13.
    assert reorder.levels(POLICY, 350, 10_500_000) == Levels(8, 13)
    assert reorder.levels(POLICY, 0, 10 * PPM) == Levels(0, 0)


@pytest.mark.parametrize(
    ("position_each", "waiting_each", "expected"),
    [
        (41, 0, None),  # above s
        (40, 0, 28),  # at s: 68 - 40
        (12, 0, 56),
        (45, 5, 28),  # what customers wait for is gone already
        (0, 9, 77),
        (-3, 0, 71),
    ],
)
def test_it_buys_at_the_point_up_to_the_level(
    position_each: int, waiting_each: int, expected: int | None
) -> None:
    decided = reorder.decide(POLICY, a_need(position_each, waiting_each=waiting_each))
    assert (decided is None) if expected is None else (bought_each(decided) == expected)


def bought_each(decided: Buy | Refusal | None) -> int:
    assert isinstance(decided, Buy), decided
    return sum(line.ordered_each for line in decided.lines)


def test_nothing_sold_is_nothing_bought_unless_someone_waits() -> None:
    assert reorder.decide(POLICY, a_need(0, milli=0)) is None
    assert ordered(a_need(0, milli=0, waiting_each=3)) == 3


@pytest.mark.parametrize(
    ("moq_each", "multiple_each", "expected"),
    [
        (1, 12, 36),  # 28 in cases of 12
        (50, 1, 50),  # the minimum
        (50, 12, 60),  # the minimum in cases of 12
        (28, 1, 28),
        (20, 14, 28),
    ],
)
def test_case_packs_and_minimum(moq_each: int, multiple_each: int, expected: int) -> None:
    terms = offer(moq_each=moq_each, multiple_each=multiple_each)
    assert ordered(a_need(40, terms)) == expected


@pytest.mark.parametrize(
    ("breaks", "multiple_each", "expected", "cost_minor"),
    [
        # 28 x 120 = 3360: 32 x 105 = 3360 is no dearer, so 32.
        (((32, 105),), 1, 32, 105),
        # 33 x 105 = 3465 is dearer: it stays with 28 at 120.
        (((33, 105),), 1, 28, 120),
        # The break is reached anyway.
        (((20, 110),), 1, 28, 110),
        # Two breaks: 30 x 100 = 3000, then 40 x 70 = 2800 is less still.
        (((30, 100), (40, 70)), 1, 40, 70),
        # In cases of 12: 36 x 120 = 4320; the break from 40 is met by 48 x 90 = 4320.
        (((40, 90),), 12, 48, 90),
    ],
)
def test_a_price_break_is_taken_where_more_costs_no_more(
    breaks: tuple[tuple[int, int], ...], multiple_each: int, expected: int, cost_minor: int
) -> None:
    rising = tuple(PriceBreak(*b) for b in breaks)
    (line,) = bought(a_need(40, offer(price_breaks=rising, multiple_each=multiple_each))).lines
    assert (line.ordered_each, line.cost_minor) == (expected, cost_minor)


def test_the_reason_in_words() -> None:
    terms = offer(moq_each=50, multiple_each=12, price_breaks=(PriceBreak(70, 100),))
    (line,) = bought(a_need(40, terms)).lines
    assert line.ordered_each == 72
    assert line.reason == (
        "40 in position, at or below 40 = 2 a day x (10 days of lead time + 7 to the next review "
        "+ 3 of safety); 28 lack to 68, 60 in packs of 12, 50 at least; 72 for 72.00 EUR, no more "
        "than 60 would cost"
    )
    (line,) = bought(a_need(7, milli=350)).lines
    assert line.reason.startswith("7 in position, at or below 7 = 0.4 a day x (10 days")


def test_the_cheapest_supplier_in_the_preferred_currency() -> None:
    slow = offer(supplier_id="slow", cost_minor=100, lead_ppm=30 * PPM)
    dollars = offer(supplier_id="dollars", currency="USD", cost_minor=1)
    bulk = offer(supplier_id="bulk", price_breaks=(PriceBreak(28, 99),))
    assert bought(a_need(0, OFFER, slow, dollars)).supplier_id == "slow"
    assert bought(a_need(0, OFFER, slow, dollars, bulk)).supplier_id == "bulk"
    assert bought(a_need(0, dollars)).currency == "USD"
    same = offer(supplier_id="quick", lead_ppm=5 * PPM)
    assert bought(a_need(0, OFFER, same)).supplier_id == "quick"
    # Lead time and levels are those of the one chosen: s = 2 x (30 + 7 + 3) = 80.
    assert bought(a_need(0, OFFER, slow)).point_each == 80


def test_nobody_sells_it() -> None:
    refusal = reorder.decide(POLICY, Need("MUG", 1, 0, "EUR", (NodeStock("BER", 1, 0),), ()))
    assert isinstance(refusal, Refusal) and refusal.code is RefusalCode.missing_value


def test_more_than_a_line_holds() -> None:
    refusal = reorder.decide(POLICY, a_need(0, milli=10**12))
    assert isinstance(refusal, Refusal) and refusal.code is RefusalCode.bad_quantity


@dataclass
class Split:
    """Positions of BER, MUC and PAR that lie equally, and what each gets."""

    positions: tuple[int, int, int]
    terms: SupplyOffer
    expected: dict[str, int]


@pytest.mark.parametrize(
    "case",
    [
        # S = 68 as 23, 23, 22: they lack 23, 13 and 22 of 58.
        Split((0, 10, 0), OFFER, {"BER": 23, "MUC": 13, "PAR": 22}),
        # PAR has more than its part: the 38 that lack go to the others, who lack 23 each.
        Split((0, 0, 30), OFFER, {"BER": 19, "MUC": 19}),
        # In cases of 12: 60 are 5 cases by 23 : 13 : 22 = 1.98, 1.12, 1.90.
        Split((0, 10, 0), offer(multiple_each=12), {"BER": 24, "MUC": 12, "PAR": 24}),
        # At least 24 on a line: 60 is enough for two, who lack most, 5 cases by 23 : 22.
        Split((0, 10, 0), offer(multiple_each=12, moq_each=24), {"BER": 36, "PAR": 24}),
        # At least 40: one gets all, in cases of 12 from 48 on.
        Split((0, 10, 0), offer(multiple_each=12, moq_each=40), {"BER": 60}),
    ],
)
def test_the_split_over_nodes(case: Split) -> None:
    nodes = tuple(
        NodeStock(n, 1, p) for n, p in zip(("BER", "MUC", "PAR"), case.positions, strict=True)
    )
    buy = bought(Need("MUG", 2_000, 0, "EUR", nodes, (case.terms,)))
    assert {line.node: line.ordered_each for line in buy.lines} == case.expected
    if len(buy.lines) > 1:
        assert all(f"to {x.node} by what it lacks" in x.reason for x in buy.lines)


def test_weights_say_who_is_to_hold_how_much() -> None:
    nodes = (NodeStock("BER", 3, 0), NodeStock("MUC", 1, 0), NodeStock("PAR", 0, 0))
    buy = bought(Need("MUG", 2_000, 0, "EUR", nodes, (OFFER,)))
    assert {line.node: line.ordered_each for line in buy.lines} == {"BER": 51, "MUC": 17}


def test_lead_times_of_suppliers_and_of_items() -> None:
    supplier = Supplier("porto", "Porto", "PT", "EUR", lead_time(14, 4))
    plain = Terms("porto", "MUG", "EUR", 120)
    own = msgspec.structs.replace(plain, lead_time_days=21)
    offers = reorder.supply_offers([plain, own], {"porto": supplier})
    assert [o.lead_ppm for o in offers] == [14 * PPM, 21 * PPM]


needs = st.builds(
    Need,
    sku=st.just("MUG"),
    mean_daily_milli=st.integers(0, 100_000),
    waiting_each=st.integers(0, 500),
    currency=st.just("EUR"),
    nodes=st.lists(
        st.builds(NodeStock, st.uuids().map(str), st.integers(0, 9), st.integers(-50, 2_000)),
        min_size=1,
        max_size=6,
    ).map(tuple),
    offers=st.lists(
        st.builds(
            SupplyOffer,
            supplier_id=st.uuids().map(str),
            currency=st.sampled_from(["EUR", "USD"]),
            cost_minor=st.integers(50, 1_000),
            moq_each=st.integers(1, 100),
            multiple_each=st.integers(1, 48),
            price_breaks=st.sampled_from([(), (PriceBreak(120, 49), PriceBreak(500, 40))]),
            lead_ppm=st.integers(0, 60 * PPM),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)


@given(need=needs)
def test_what_always_holds(need: Need) -> None:
    decided = reorder.decide(POLICY, need)
    assert not isinstance(decided, Refusal)
    inputs = reorder.decision_inputs(POLICY, need)
    assert reorder.replay(inputs) == reorder.decision_outcome(decided)
    if decided is None:
        return
    terms = next(o for o in need.offers if o.supplier_id == decided.supplier_id)
    assert decided.position_each <= decided.point_each
    assert len({line.node for line in decided.lines}) == len(decided.lines)
    for line in decided.lines:
        assert line.ordered_each % terms.multiple_each == 0
        assert line.ordered_each >= terms.moq_each
        assert line.cost_minor == reorder.unit_cost_minor(terms, line.ordered_each)
    total = sum(line.ordered_each for line in decided.lines)
    assert decided.position_each + total >= decided.up_to_each
