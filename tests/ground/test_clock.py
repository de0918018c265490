"""Clocks: ids that only rise, and virtual time that moves only when told."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from uuid import UUID

import pytest

from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.words.identifiers import order_number, parse_order_number, unix_ms_of

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def test_ids_of_one_thread_rise_inside_one_millisecond() -> None:
    clock = SystemClock()
    ids = [clock.new_id() for _ in range(20_000)]
    assert all(a < b for a, b in pairwise(ids))
    assert {i.version for i in ids} == {7}


def test_ids_of_many_threads_never_repeat_and_rise_within_each() -> None:
    clock = SystemClock()
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda _: [clock.new_id() for _ in range(2_000)], range(16)))
    for ids in runs:
        assert all(a < b for a, b in pairwise(ids))
    assert len({i for ids in runs for i in ids}) == 32_000


def test_ids_rise_when_the_wall_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the machine's clock is replaced: it cannot be set back in a test."""
    clock = SystemClock()
    true_ns = time.time_ns()
    readings = iter([0, 3_600, 10, -3_600, 5, 0, 3_599, 3_601])
    monkeypatch.setattr(time, "time_ns", lambda: true_ns + next(readings) * 1_000_000_000)
    ids = [clock.new_id() for _ in range(8)]
    assert all(a < b for a, b in pairwise(ids))
    assert all(i.version == 7 for i in ids)
    assert unix_ms_of(ids[-1]) - unix_ms_of(ids[0]) == 3_601_000


def test_an_id_can_be_written_and_read_back_as_an_order_number() -> None:
    clock = SystemClock()
    for identifier in (clock.new_id() for _ in range(200)):
        assert parse_order_number(order_number(identifier)) == identifier


def test_the_system_clock_is_utc_and_sleeps() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1)
    assert 0.009 < clock.monotonic() - before < 1
    assert len(clock.random_bytes(16)) == 16
    assert clock.random_bytes(16) != clock.random_bytes(16)


def test_virtual_time_moves_only_when_told() -> None:
    clock = VirtualClock(START.astimezone(timezone(timedelta(hours=2))), seed=1)
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)
    clock.sleep(90)
    clock.sleep(0)
    clock.sleep(-5)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.monotonic() == 90
    clock.advance_to(START + timedelta(days=1))
    clock.advance_to(clock.now())
    assert clock.monotonic() == 86_400
    with pytest.raises(AssertionError, match="time would go back"):
        clock.advance_to(START)


def test_a_virtual_clock_starts_at_an_instant_with_a_zone() -> None:
    with pytest.raises(AssertionError, match="timezone-aware"):
        VirtualClock(datetime(2026, 1, 5), seed=1)


def test_equal_seeds_give_equal_ids_and_bytes() -> None:
    def draw(seed: int) -> list[UUID | bytes]:
        clock = VirtualClock(START, seed)
        first = [clock.new_id(), clock.random_bytes(8), clock.new_id()]
        clock.sleep(1)
        return [*first, clock.new_id()]

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert [i.version for i in draw(7) if isinstance(i, UUID)] == [7, 7, 7]
    assert unix_ms_of(draw(7)[3]) == int(START.timestamp() * 1000) + 1_000
