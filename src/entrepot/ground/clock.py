"""The only reader of wall-clock time and of randomness; the simulation replaces it.

A clock is handed to `Database`; every transaction takes its instant from it once, so that all
rows and facts of one transaction carry the same time. Code above asks `tx.now` and `tx.new_id()`.
"""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from entrepot.words.identifiers import uuid7, uuid_of


class Clock(Protocol):
    """Time and randomness as the house may ask for them."""

    def now(self) -> datetime:
        """The present instant, UTC, timezone-aware."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back; for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes; unpredictable on the system clock, seeded on a virtual one."""
        ...

    def new_id(self) -> UUID:
        """A fresh time-ordered id (UUID version 7); ids of one process never repeat."""
        ...

    def new_ids(self, count: int) -> list[UUID]:
        """`count` fresh ids in ascending order, one after the other: cheaper than one by one."""
        ...


class _Ids:
    """Time-ordered ids, strictly increasing within a process even inside one millisecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self, unix_ms: int, rand: bytes) -> UUID:
        with self._lock:
            fresh = uuid7(unix_ms, rand).int
            # Inside one millisecond, or when the wall clock steps back, count on from the last
            # id: 62 low random bits leave room, and the version and variant bits stay as set.
            self._last = fresh if fresh > self._last else self._last + 1
            return uuid_of(self._last)

    def take(self, count: int, unix_ms: int, rand: bytes) -> list[UUID]:
        if not count:
            return []
        with self._lock:
            fresh = uuid7(unix_ms, rand).int
            first = fresh if fresh > self._last else self._last + 1
            self._last = first + count - 1
            return [uuid_of(number) for number in range(first, self._last + 1)]


class SystemClock:
    """The machine's clock and its entropy."""

    def __init__(self) -> None:
        self._ids = _Ids()

    def now(self) -> datetime:
        """The present instant, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; zero or less returns at once."""
        if seconds > 0:
            time.sleep(seconds)

    def random_bytes(self, count: int) -> bytes:
        """`count` bytes fit for secrets."""
        return os.urandom(count)

    def new_id(self) -> UUID:
        """A fresh time-ordered id."""
        return self._ids.next(time.time_ns() // 1_000_000, os.urandom(10))

    def new_ids(self, count: int) -> list[UUID]:
        """`count` fresh ids in ascending order."""
        return self._ids.take(count, time.time_ns() // 1_000_000, os.urandom(10))


class VirtualClock:
    """A clock that moves only when told, with seeded randomness: same seed, same run.

    start  first instant, timezone-aware
    seed   of every random byte; not fit for secrets
    """

    def __init__(self, start: datetime, seed: int) -> None:
        assert start.tzinfo is not None, "a virtual clock starts at a timezone-aware instant"
        self._start = start.astimezone(UTC)
        self._now = self._start
        self._random = random.Random(seed)  # noqa: S311  reproducible on purpose
        self._ids = _Ids()

    def now(self) -> datetime:
        """The virtual instant."""
        return self._now

    def monotonic(self) -> float:
        """Virtual seconds since the start."""
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Move the virtual instant on; nothing waits."""
        if seconds > 0:
            self._now += timedelta(seconds=seconds)

    def advance_to(self, instant: datetime) -> None:
        """Move to `instant`; time never goes back.

        Raises: AssertionError when `instant` lies before the present one.
        """
        assert instant >= self._now, f"time would go back from {self._now} to {instant}"
        self._now = instant.astimezone(UTC)

    def random_bytes(self, count: int) -> bytes:
        """`count` seeded bytes."""
        return self._random.randbytes(count)

    def new_id(self) -> UUID:
        """A fresh id ordered by virtual time."""
        return self._ids.next(self._unix_ms(), self.random_bytes(10))

    def new_ids(self, count: int) -> list[UUID]:
        """`count` fresh ids in ascending order."""
        return self._ids.take(count, self._unix_ms(), self.random_bytes(10))

    def _unix_ms(self) -> int:
        return int(self._now.timestamp() * 1000)
