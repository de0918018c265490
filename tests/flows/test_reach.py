"""Routes are shared by threads: what one drops while another looks makes no difference."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.departments.network import service as network
from entrepot.flows.order_to_delivery import reach
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.flows.order_to_delivery.reach import Routes
from entrepot.ground.database import Database
from tests.builders import a_retailer

CODES = ("10117", "20095", "50667", "80331", "99084")


def test_threads_that_forget_find_what_one_finds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_retailer(database)
    with database.transaction(read_only=True) as tx:
        known = network.snapshot(tx)
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    asked = [
        (Destination("DE", code, code[:2]), at + timedelta(minutes=13 * number))
        for number in range(60)
        for code in CODES
    ]
    alone = [Routes(known, 950_000).legs(where, "EUR", when).legs for where, when in asked]
    assert any(alone)
    monkeypatch.setattr(reach._Kept, "__init__", lambda self, _most=0: _forgetful(self))
    shared = Routes(known, 950_000)

    def ask(seed: int) -> None:
        order = list(range(len(asked)))
        random.Random(seed).shuffle(order)
        for number in order:
            where, when = asked[number]
            assert shared.legs(where, "EUR", when).legs == alone[number]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def _forgetful(kept: reach._Kept[object]) -> None:
    kept._most, kept._found = 2, {}
