"""How often an order arrived, told from its rows and its neighbors."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.flows.onboarding.arrivals import Standing, first_arrival, settle, standing


@pytest.mark.parametrize(
    ("rows", "blocks", "expected"),
    [
        ("ab", "00", Standing(1, True)),
        ("aab", "000", Standing(1, True)),  # an equal line is a line
        ("aa", "00", Standing(2, False)),  # two lines, or one order twice: nobody can tell
        ("abab", "00000", Standing(2, True)),
        ("abba", "0000", Standing(2, True)),  # sorted into each other
        ("ababab", "000000", Standing(3, True)),
        ("aa", "01", Standing(2, True)),  # apart in equal blocks
        ("aaaa", "0011", Standing(2, True)),  # twice an order with two equal lines
        ("abab", "0011", Standing(2, True)),
        ("aabaab", "000111", Standing(2, True)),
        ("ab", "01", Standing(1, True)),  # one order whose rows lie apart
        ("aba", "011", Standing(1, True)),
        ("aaa", "001", Standing(3, False)),  # apart, but not in equal blocks
        ("abab", "0122", Standing(2, True)),  # the first arrival lies apart, the second does not
    ],
)
def test_what_rows_say_by_themselves(rows: str, blocks: str, expected: Standing) -> None:
    assert standing(rows, [int(b) for b in blocks[: len(rows)]]) == expected


ONCE, TWICE, UNSURE = Standing(1, True), Standing(2, True), Standing(2, False)


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        ([ONCE, UNSURE, ONCE], [1, 1, 1]),
        ([TWICE, UNSURE, TWICE], [2, 2, 2]),
        ([ONCE, UNSURE, UNSURE, TWICE, ONCE], [1, 2, 2, 2, 1]),
        ([TWICE, UNSURE], [2, 2]),
        ([UNSURE], [1]),
        ([], []),
        ([TWICE, Standing(4, False), TWICE], [2, 2, 2]),  # an order with two equal lines, twice
        ([TWICE, Standing(3, False), TWICE], [2, 1, 2]),  # three equal lines cannot be two orders
    ],
)
def test_neighbors_decide_what_rows_leave_open(
    standings: list[Standing], expected: list[int]
) -> None:
    assert settle(standings) == expected


@given(st.lists(st.sampled_from("abc"), min_size=1), st.integers(1, 4), st.randoms())
def test_the_first_arrival_is_one_of_equal_parts(rows: list[str], times: int, shuffled) -> None:
    all_rows = rows * times
    shuffled.shuffle(all_rows)
    kept = first_arrival(all_rows, times)
    assert Counter(all_rows[position] for position in kept) == Counter(rows)
    assert kept == sorted(set(kept))
