"""A database of the first release, with orders in it, is brought up to date while more come in."""

from __future__ import annotations

import threading

import psycopg
import pytest

from entrepot.departments.ordering import service as ordering
from entrepot.flows.order_to_delivery.model import Placed
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.watch.audit import audit
from entrepot.ground import migrate
from entrepot.ground.database import Database
from tests.builders import SIGNING_KEY, SKUS, a_retailer, an_order
from tests.house.catalog import difference, snapshot

FIRST_RELEASE = 1


def place(database: Database, name: str) -> Placed:
    (answer,) = database.run(
        lambda tx: place_orders(tx, [an_order(name, (SKUS[0], 1))], signing_keys=[SIGNING_KEY])
    )
    assert isinstance(answer, Placed), answer
    return answer


def structure(connection: psycopg.Connection) -> frozenset[str]:
    """The catalog without the rows in it."""
    return frozenset(entry for entry in snapshot(connection) if not entry.startswith("row "))


def test_an_older_database_is_upgraded_while_orders_come_in(
    empty_database: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = migrate.migrations()
    assert len(everything) > FIRST_RELEASE, "there is nothing to upgrade to"
    with monkeypatch.context() as old:
        old.setattr(migrate, "migrations", lambda: everything[:FIRST_RELEASE])
        migrate.migrate(empty_database, from_files=True)
    with Database(empty_database, connections_max=8) as database:
        a_retailer(database)
        before = [place(database, f"before-{n}") for n in range(5)]
        during: list[Placed] = []
        stop = threading.Event()

        def keep_ordering() -> None:
            while not stop.is_set() and len(during) < 200:
                during.append(place(database, f"during-{len(during)}"))

        buyer = threading.Thread(target=keep_ordering)
        buyer.start()
        done = migrate.migrate(empty_database)
        stop.set()
        buyer.join()
        assert (done.before, done.after) == (FIRST_RELEASE, len(everything))
        assert len(done.applied) == len(everything) - FIRST_RELEASE
        after = place(database, "after")
        with database.transaction(read_only=True) as tx:
            placed = [*before, *during, after]
            assert len(ordering.read(tx, [p.order_id for p in placed])) == len(placed)
            assert audit(tx).findings == []
    with psycopg.connect(empty_database) as upgraded, psycopg.connect(database_url) as new:
        assert difference(structure(upgraded), structure(new)) == []
    assert migrate.migrate(empty_database).applied == [], "safe to repeat"
