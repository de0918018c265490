"""Available to promise by date, by hand and against brute force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.departments.inventory.availability import Step, available_by_date, earliest
from entrepot.departments.inventory.model import Balance, Expected, Reservation, ReservationState

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stock(on_hand: int, reserved: int = 0, node: str = "DC1") -> Balance:
    return Balance("MUG", node, on_hand, reserved=reserved)


def coming(each: int, hours: int) -> Expected:
    return Expected("MUG", f"e{hours}", "DC1", each, NOW + hours * HOUR, "d")


def wanted(each: int, hours: int | None) -> Reservation:
    promised_at = None if hours is None else NOW + hours * HOUR
    waiting = ReservationState.waiting
    return Reservation("MUG", UUID(int=1), "O-1", 1, None, each, 100, waiting, promised_at, NOW)


def by_hours(steps: list[Step]) -> list[tuple[int, int]]:
    return [((step.since - NOW) // HOUR, step.available_each) for step in steps]


def test_nothing_is_promised_of_nothing() -> None:
    assert by_hours(available_by_date(NOW, [], [], [])) == [(0, 0)]


def test_free_stock_of_every_node_counts_now() -> None:
    steps = available_by_date(NOW, [stock(5, 2), stock(4, 0, "DC2")], [], [])
    assert by_hours(steps) == [(0, 7)]


def test_receipts_add_from_their_time_on() -> None:
    steps = available_by_date(NOW, [stock(1)], [coming(5, 4), coming(2, 9)], [])
    assert by_hours(steps) == [(0, 1), (4, 6), (9, 8)]


def test_a_later_commitment_is_never_robbed() -> None:
    """Three are free now, but two of them are needed tomorrow and nothing comes before."""
    steps = available_by_date(NOW, [stock(3)], [coming(10, 48)], [wanted(2, 24)])
    assert by_hours(steps) == [(0, 1), (48, 11)]


def test_a_receipt_in_time_covers_the_commitment() -> None:
    steps = available_by_date(NOW, [stock(3)], [coming(2, 24)], [wanted(2, 24)])
    assert by_hours(steps) == [(0, 3)]


def test_more_promised_than_there_will_be_leaves_nothing_and_no_less() -> None:
    steps = available_by_date(NOW, [stock(3)], [coming(2, 4)], [wanted(9, 24)])
    assert by_hours(steps) == [(0, 0)]


def test_what_is_overdue_counts_now_and_what_has_no_date_is_wanted_now() -> None:
    steps = available_by_date(NOW, [], [coming(5, -7)], [wanted(2, None), wanted(1, -3)])
    assert by_hours(steps) == [(0, 2)]


def test_the_earliest_instant_for_a_quantity() -> None:
    steps = available_by_date(NOW, [stock(1)], [coming(5, 4)], [])
    assert earliest(steps, 1) == NOW
    assert earliest(steps, 2) == NOW + 4 * HOUR
    assert earliest(steps, 7) is None


counts = st.integers(0, 9)
hours = st.integers(-3, 12)


@given(
    st.lists(st.tuples(counts, st.integers(0, 3)), max_size=3),
    st.lists(st.tuples(st.integers(1, 9), hours), max_size=6),
    st.lists(st.tuples(st.integers(1, 9), st.none() | hours), max_size=6),
)
@settings(max_examples=300)
def test_it_is_what_brute_force_finds(
    nodes: list[tuple[int, int]],
    receipts: list[tuple[int, int]],
    demands: list[tuple[int, int | None]],
) -> None:
    """For each hour: the most that may go then so that no balance from then on is negative."""
    balances = [stock(reserved + free, reserved) for free, reserved in nodes]
    steps = available_by_date(
        NOW, balances, [coming(*r) for r in receipts], [wanted(*d) for d in demands]
    )

    def level(hour: int) -> int:
        came = sum(each for each, due in receipts if max(due, 0) <= hour)
        went = sum(each for each, due in demands if max(due or 0, 0) <= hour)
        return sum(free for free, _ in nodes) + came - went

    for hour in range(14):
        most = max(
            [0]
            + [
                asked
                for asked in range(1, 100)
                if all(level(later) - asked >= 0 for later in range(hour, 14))
            ]
        )
        found = [s.available_each for s in steps if s.since <= NOW + hour * HOUR][-1]
        assert found == most
    assert [s.since for s in steps] == sorted({s.since for s in steps})
    levels = [s.available_each for s in steps]
    assert levels == sorted(set(levels)), "a staircase rises with every step"
