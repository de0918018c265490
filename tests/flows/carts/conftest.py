"""A small shop for carts, sound at the end of every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entrepot.flows.watch.audit import audit
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import subscriptions
from entrepot.ground.clock import Clock, SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from tests.builders import SKUS, a_retailer
from tests.flows.carting import channels
from tests.flows.test_place import TUESDAY_9

A, B = SKUS[:2]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(TUESDAY_9, seed=1)


@pytest.fixture
def shop(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Iterator[Database]:
    """Five of A in Berlin and three in Munich, two of B in Berlin, none of C.

    Whatever a test does with them, the audit finds nothing.
    """
    database = database_on(clock)
    database.run(lambda tx: subscriptions.register(tx, SUBSCRIPTIONS))
    a_retailer(database, {(A, "BER"): 5, (A, "MUC"): 3, (B, "BER"): 2})
    channels(database)
    yield database
    subscriptions.quiet(database, SUBSCRIPTIONS)
    with database.transaction(read_only=True) as tx:
        assert audit(tx, at_rest=True).findings == []


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path / "keys", SystemClock()) as store:
        yield store
