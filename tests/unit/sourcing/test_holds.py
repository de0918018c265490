"""Where stock is held: near, together, as much as there is, and never more than that."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.sourcing.holds import HoldPlace, where_to_hold

NEAR, FAR = {"A": 1, "B": 2}, {"A": 2, "B": 1}


@pytest.mark.parametrize(
    ("wanted", "available", "ranks", "places"),
    [
        # The nearest that has it.
        ({"x": 2}, {"xA": 2, "xB": 9}, NEAR, {"xA": 2}),
        ({"x": 2}, {"xA": 2, "xB": 9}, FAR, {"xB": 2}),
        # Equally near: where there is most.
        ({"x": 2}, {"xA": 2, "xB": 9}, {"A": 0, "B": 0}, {"xB": 2}),
        ({"x": 2}, {"xA": 9, "xB": 9}, {"A": 0, "B": 0}, {"xA": 2}),
        # All in one place rather than each line as near as can be.
        ({"x": 2, "y": 1}, {"xA": 2, "xB": 2, "yB": 1}, NEAR, {"xB": 2, "yB": 1}),
        # No place has all: each line whole where it can be.
        ({"x": 2, "y": 1}, {"xA": 2, "yB": 1}, NEAR, {"xA": 2, "yB": 1}),
        ({"x": 3}, {"xA": 2, "xB": 3}, NEAR, {"xB": 3}),
        # Over several, and what is missing is missing.
        ({"x": 4}, {"xA": 2, "xB": 3}, NEAR, {"xA": 2, "xB": 2}),
        ({"x": 9}, {"xA": 2, "xB": 3}, NEAR, {"xA": 2, "xB": 3}),
        ({"x": 1}, {}, NEAR, {}),
        ({"x": 1}, {"xA": -3, "xB": 0}, NEAR, {}),
        # A node that cannot serve the destination keeps its stock.
        ({"x": 5}, {"xA": 2, "xB": 3}, {"A": 1}, {"xA": 2}),
        ({"x": 5}, {"xA": 2, "xB": 3}, {}, {}),
        ({}, {"xA": 2}, NEAR, {}),
    ],
)
def test_where(
    wanted: dict[str, int], available: dict[str, int], ranks: dict[str, int], places: dict[str, int]
) -> None:
    found = where_to_hold(
        list(wanted.items()), {(k[0], k[1]): n for k, n in available.items()}, ranks
    )
    assert found == [HoldPlace(key[0], key[1], each) for key, each in places.items()]


@given(
    wanted=st.dictionaries(st.sampled_from("xyz"), st.integers(1, 9), max_size=3),
    available=st.dictionaries(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("ABCD")), st.integers(-2, 9)
    ),
    ranks=st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 3)),
)
def test_as_much_as_there_is_and_no_more(
    wanted: dict[str, int], available: dict[tuple[str, str], int], ranks: dict[str, int]
) -> None:
    found = where_to_hold(list(wanted.items()), available, ranks)
    held: Counter[str] = Counter()
    for place in found:
        assert place.node in ranks
        assert 0 < place.quantity_each <= available[place.sku, place.node]
        held[place.sku] += place.quantity_each
    assert len({(p.sku, p.node) for p in found}) == len(found)
    for sku, each in wanted.items():
        there = sum(max(0, available.get((sku, node), 0)) for node in ranks)
        assert held[sku] == min(each, there)
