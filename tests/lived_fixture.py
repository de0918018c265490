"""A database of a retailer that has lived for some days, for tests of what is seen of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from tests.flows.lived import live
from tests.flows.test_place import TUESDAY_9


@pytest.fixture
def lived(database_on: Callable[[Clock], Database]) -> Database:
    """On a clock of its own, which begins on a Tuesday morning."""
    clock = VirtualClock(TUESDAY_9, seed=1)
    database = database_on(clock)
    live(database, clock)
    return database
