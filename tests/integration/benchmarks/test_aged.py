"""The history that the benchmark of growth writes is sound, and a killed filling goes on."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from benchmarks import aging

from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering import service as ordering
from entrepot.ground import partitions
from entrepot.ground.database import Database
from entrepot.ground.migrate import own_schemas
from tests.postgres import Server, fresh_database

ORDERS, MONTHS = 1_700, 17


@pytest.mark.long
def test_a_killed_filling_goes_on_and_the_audit_is_clean(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aging, "MONTHS", MONTHS)
    history = aging.History(ORDERS, datetime.now(UTC))

    def killed(words: str, _share: float) -> None:
        if words.startswith("month 5"):
            raise KeyboardInterrupt

    with fresh_database(server) as url:
        with pytest.raises(KeyboardInterrupt):
            aging.fill(url, history, killed)
        for _ in range(2):
            aging.fill(url, history, lambda _words, _share: None)
        with pytest.raises(ValueError, match="found a history of 1700 orders, expected 9 orders"):
            aging.fill(url, history._replace(orders=9), killed)
        with psycopg.connect(url) as owner:
            rows = "SELECT count(*), count(DISTINCT order_id) FROM ordering.orders"
            assert owner.execute(rows).fetchone() == (ORDERS, ORDERS)
        with Database(url, name="test") as database, database.transaction(read_only=True) as tx:
            assert inventory.audit(tx)[0] == []
            assert ordering.audit(tx)[0] == []
            assert partitions.audit(tx, own_schemas()) == []
