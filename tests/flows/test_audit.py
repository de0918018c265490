"""The audit finds what is not as it must be, between rooms and among the facts."""

from __future__ import annotations

import psycopg
import pytest

from entrepot.departments.ordering.model import PartState
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.watch.audit import audit
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import subscriptions
from entrepot.ground.database import Database
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.lived import all_in, hear, pack_all, pick_all, ship_all
from tests.flows.test_life import receive
from tests.flows.test_place import placed


@pytest.fixture
def lived(database: Database) -> Database:
    """One order delivered, one packed, one filled from a backorder, and all facts handled."""
    database.run(lambda tx: subscriptions.register(tx, SUBSCRIPTIONS))
    a_retailer(database, {(SKUS[0], "BER"): 6})
    for name in ("a", "b", "d"):
        placed(database, an_order(name, (SKUS[0], 2)))
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved), actor=ME))
    pick_all(database)
    pack_all(database, 9)
    ship_all(database, 1)
    hear(database, "delivered", 1)
    placed(database, an_order("c", (SKUS[1], 3), backorder=True))
    receive(database, SKUS[1], "BER", 5, "PO-1")
    subscriptions.quiet(database, SUBSCRIPTIONS)
    return database


def found(database: Database) -> list[str]:
    with database.transaction(read_only=True) as tx:
        return audit(tx, at_rest=True).findings


def test_all_is_well(lived: Database) -> None:
    assert found(lived) == []


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (
            "UPDATE warehouse.work SET state = 'picked', handed_over_at = NULL, "
            "hand_over_command = NULL WHERE state = 'handed_over'",
            "is delivered, its work in the warehouse picked",
        ),
        (
            "DELETE FROM warehouse.carton; DELETE FROM warehouse.work_line; "
            "DELETE FROM warehouse.work",
            "in the warehouse none",
        ),
        ("DELETE FROM carriage.tracking_event; DELETE FROM carriage.shipment", "parcels none"),
        (
            "UPDATE tower.open_part SET stage = 'picked', state = 'picked'",
            "the tower has it at picked",
        ),
        ("DELETE FROM tower.open_part", "the tower has it at None"),
        (
            "UPDATE tower.open_part SET order_id = order_id || '-1'",
            "it is at None",
        ),
        ("DELETE FROM events.log WHERE name = 'PromiseChanged'", "the facts say [1]"),
        ("UPDATE events.subscription SET handled = handled + 1", "has handled"),
        ("UPDATE events.subscription SET position = position - 1, handled = handled", " of "),
        ("UPDATE events.subscription SET position = position + 5", "beyond the head"),
        ("DELETE FROM events.subscription", "has never begun"),
        (
            "INSERT INTO events.outbox (subject, fact_id, name, version, occurred_at, command_id, "
            "actor, body) SELECT subject, fact_id, name, version, occurred_at, command_id, actor, "
            "body FROM events.log LIMIT 2",
            "facts: 2 are not numbered",
        ),
    ],
)
def test_what_is_wrong_is_found(
    lived: Database, owner: psycopg.Connection, spoil: str, finding: str
) -> None:
    owner.execute(spoil)
    assert any(finding in words for words in found(lived)), found(lived)
