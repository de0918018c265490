"""A database of the first release, with orders in it, is brought up to date while more come in."""

from __future__ import annotations

import threading

import psycopg
import pytest

from entrepot.departments.inventory import store
from entrepot.departments.ordering import service as ordering
from entrepot.flows.order_to_delivery.model import Placed
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.watch.audit import audit
from entrepot.ground import migrate
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict
from tests.builders import NODES, SIGNING_KEY, SKUS, a_catalog, a_network, an_order
from tests.house.catalog import difference, snapshot

FIRST_RELEASE = 1

# As the first release booked it.
OPENING_STOCK = """
WITH booked AS (
    INSERT INTO inventory.stock (sku, node, on_hand)
    SELECT s.sku, n.node, 100 FROM unnest(%(skus)s::text[]) AS s (sku)
     CROSS JOIN unnest(%(nodes)s::text[]) AS n (node)
    RETURNING sku, node, on_hand
)
INSERT INTO inventory.movement (sku, movement_id, node, from_account, to_account, quantity_each,
                                cause, document, at, command_id, actor)
SELECT sku, uuidv7(), node, 'opening', 'free', on_hand, 'opening', 'opening', now(), 'load', 'test'
  FROM booked
"""


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
        database.run(a_network)
        database.run(a_catalog)
        with psycopg.connect(empty_database) as owner:
            owner.execute(OPENING_STOCK, {"skus": list(SKUS), "nodes": list(NODES)})
        before = [place(database, f"before-{n}") for n in range(5)]
        during: list[Placed] = []
        stop = threading.Event()
        failed: list[Exception] = []

        def keep_ordering() -> None:
            try:
                while not stop.is_set() and len(during) < 200:
                    during.append(place(database, f"during-{len(during)}"))
            except Exception as error:
                failed.append(error)

        buyer = threading.Thread(target=keep_ordering)
        buyer.start()
        done = migrate.migrate(empty_database)
        stop.set()
        buyer.join()
        assert not failed and during, failed
        assert (done.before, done.after) == (FIRST_RELEASE, len(everything))
        assert len(done.applied) == len(everything) - FIRST_RELEASE
        after = place(database, "after")
        with database.transaction(read_only=True) as tx:
            placed = [*before, *during, after]
            assert len(ordering.read(tx, [p.order_id for p in placed])) == len(placed)
            assert audit(tx).findings == []
        with pytest.raises(Conflict, match="opened_pkey"):
            database.run(lambda tx: store.record_opened(tx, {(SKUS[0], "BER"): 5}))
        with psycopg.connect(empty_database) as owner:
            where = owner.execute(
                "SELECT tableoid::regclass::text, count(*) FROM inventory.movement GROUP BY 1"
            ).fetchall()
            assert [name for name, _ in where] == ["inventory.movement_first"], "adopted as it was"
    with psycopg.connect(empty_database) as upgraded, psycopg.connect(database_url) as new:
        assert difference(structure(upgraded), structure(new)) == []
    assert migrate.migrate(empty_database).applied == [], "safe to repeat"
