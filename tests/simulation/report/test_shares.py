"""Shares, means, quantiles, and how often promises are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from entrepot.flows.views.outcome import PromisedParcels
from entrepot.simulation.report.shares import kept, per, ppm, quantile

counts = st.lists(st.tuples(st.integers(-20, 60), st.integers(1, 50)), min_size=1)


def test_a_share_is_whole_only_when_all_is() -> None:
    assert ppm(999_999_999, 10**9) == 999_999 and ppm(10**9, 10**9) == 1_000_000
    assert ppm(0, 5) == 0 and ppm(0, 0) is None


def test_a_mean_is_rounded_to_the_nearest() -> None:
    assert [per(amount, 4) for amount in (0, 1, 2, 3, 5, 6)] == [0, 0, 1, 1, 1, 2]
    assert per(7, 0) is None and per(10**30, 3) == (10**30 - 1) // 3


@given(counts, st.integers(1, 1_000_000))
def test_a_quantile_covers_its_share_and_no_smaller_value_does(
    values: list[tuple[int, int]], at_ppm: int
) -> None:
    found = quantile(values, at_ppm)
    assert found is not None
    total = sum(count for _, count in values)
    upto = sum(count for value, count in values if value <= found)
    below = sum(count for value, count in values if value < found)
    assert upto * 1_000_000 >= total * at_ppm > below * 1_000_000


def test_nothing_has_no_quantile() -> None:
    assert quantile([], 500_000) is None


def parcels(
    fate: str, count: int, *, days: int | None = None, promised: bool = True, passed: bool = True
) -> PromisedParcels:
    return PromisedParcels("A", "s", fate, promised, passed, days, count)


def test_what_breaks_a_promise() -> None:
    found = kept(
        [
            parcels("delivered", 50, days=-1),
            parcels("delivered", 20, days=0, passed=False),
            parcels("delivered", 9, days=1),
            parcels("delivered", 7, promised=False, passed=False),
            parcels("lost", 3, passed=False),
            parcels("returned", 2),
            parcels("on_the_way", 6),
            parcels("on_the_way", 40, passed=False),
        ]
    )
    assert (found.parcels, found.delivered, found.on_time, found.late) == (137, 86, 70, 9)
    assert (found.lost, found.returned, found.on_the_way, found.overdue) == (3, 2, 46, 6)
    assert found.kept_ppm == 70 * 1_000_000 // (70 + 9 + 3 + 2 + 6)


def test_no_promise_is_due_yet() -> None:
    assert kept([parcels("on_the_way", 5, passed=False)]).kept_ppm is None
    assert kept([]).kept_ppm is None
