"""The tower's figures against the tables they sum up, through the flows, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from entrepot.departments.tower import service as tower
from entrepot.departments.tower.model import SUBSCRIPTION, Stage
from entrepot.flows.watch import subscribed
from entrepot.ground import events, subscriptions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from tests.builders import SKUS
from tests.flows.lived import live, ship_all
from tests.flows.test_life import react, receive
from tests.flows.test_place import TUESDAY_9, assert_sound

# Each of the tower's sums as it stands in the rooms, found by a scan.
SCANS: dict[LiteralString, LiteralString] = {
    """SELECT stage, node, sum(parts), sum(units) FROM tower.v_stage GROUP BY 1, 2""": """
    SELECT CASE o.state WHEN 'awaiting_payment' THEN o.state ELSE p.state END,
           coalesce(p.node, ''), count(*), sum(l.units)
      FROM ordering.part AS p
      JOIN ordering.orders AS o ON o.order_id = p.order_id
      JOIN (SELECT order_id, part_no, sum(quantity_each) AS units FROM ordering.part_line
             GROUP BY 1, 2) AS l ON l.order_id = p.order_id AND l.part_no = p.part_no
     WHERE p.state NOT IN ('delivered', 'lost', 'cancelled')
     GROUP BY 1, 2""",
    """SELECT stage, node, sum(parts) FROM tower.v_stage GROUP BY 1, 2""": """
    SELECT stage, node, count(*) FROM tower.v_open_part GROUP BY 1, 2""",
    """SELECT promised_on, sum(parts), sum(units) FROM tower.v_due GROUP BY 1""": """
    SELECT promised_on, count(*), sum(units) FROM tower.v_open_part
     WHERE promised_on IS NOT NULL GROUP BY 1""",
    """SELECT node, on_hand, quarantined FROM tower.v_node_stock""": """
    SELECT node, sum(on_hand), sum(quarantined) FROM inventory.stock GROUP BY 1""",
    """SELECT node, committed FROM tower.v_node_stock WHERE committed > 0""": """
    SELECT node, sum(reserved + allocated) FROM inventory.stock GROUP BY 1
    HAVING sum(reserved + allocated) > 0""",
    """SELECT sum(orders_placed), sum(units_placed) FROM tower.v_day""": """
    SELECT (SELECT count(*) FROM ordering.orders),
           (SELECT sum(quantity_each) FROM ordering.line)""",
    """SELECT sum(items_minor), sum(shipping_minor) FROM tower.v_money""": """
    SELECT sum(items_minor), sum(shipping_minor) FROM ordering.orders""",
    """SELECT sum(parts_delivered), sum(parts_lost), sum(parts_cancelled), sum(orders_cancelled)
         FROM tower.v_day""": """
    SELECT count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'lost'),
           count(*) FILTER (WHERE state = 'cancelled'),
           (SELECT count(*) FROM ordering.orders WHERE state = 'cancelled')
      FROM ordering.part""",
}


def rows(owner: psycopg.Connection, query: LiteralString) -> list[tuple[Any, ...]]:
    return sorted(owner.execute(query).fetchall())


def assert_figures(owner: psycopg.Connection) -> None:
    for figures, scan in SCANS.items():
        assert rows(owner, figures) == rows(owner, scan), figures


def everything(owner: psycopg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        view: sorted(owner.execute(f"TABLE tower.{view}").fetchall(), key=repr)
        for view in ("v_open_part", "v_stage", "v_due", "v_day", "v_money", "v_node_stock")
    }


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(TUESDAY_9, seed=1)


@pytest.fixture
def lived(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Database:
    database = database_on(clock)
    live(database, clock)
    return database


def test_the_figures_are_what_a_scan_finds(lived: Database, owner: psycopg.Connection) -> None:
    assert_sound(lived)
    stages = {row[0] for row in rows(owner, "SELECT stage FROM tower.v_stage")}
    assert stages == set(Stage), "every stage is looked at"
    assert_figures(owner)
    totals = owner.execute(
        "SELECT sum(parts_delivered), sum(parts_on_time), sum(parts_lost), sum(parcels_delayed) "
        "FROM tower.v_day"
    ).fetchone()
    assert totals == (5, 5, 1, 2)


def test_rebuilding_gives_the_same(lived: Database, owner: psycopg.Connection) -> None:
    before = everything(owner)
    assert lived.run(tower.rebuild)
    assert not any(everything(owner).values())
    react(lived)
    assert everything(owner) == before


def test_nothing_to_rebuild_before_the_first_fact(database: Database) -> None:
    assert not database.run(tower.rebuild)
    with database.transaction(read_only=True) as tx:
        assert tower.as_of(tx) is None


def test_the_figures_say_how_fresh_they_are(lived: Database, clock: VirtualClock) -> None:
    clock.sleep(600)
    receive(lived, SKUS[4], "BER", 1, "PO-2")
    with lived.transaction(read_only=True) as tx:
        before = tower.as_of(tx)
    react(lived)
    with lived.transaction(read_only=True) as tx:
        after = tower.as_of(tx)
    assert before and after
    assert (before.at, after.at) == (clock.now() - timedelta(minutes=10), clock.now())
    assert after.version == before.version + 1


def test_a_batch_costs_a_handful_of_statements(lived: Database, owner: psycopg.Connection) -> None:
    """However many facts: what changes the figures is at most nine statements."""
    count = 0

    class Counting(Tx):
        def rows(self, query: Any, params: Any = None) -> Any:
            nonlocal count
            count += "tower." in query
            return super().rows(query, params)

        def run(self, query: Any, params: Any = None) -> Any:
            nonlocal count
            count += "tower." in query
            return super().run(query, params)

    (figures,) = [s for s in subscribed.SUBSCRIPTIONS if s.name == SUBSCRIPTION]
    lived.run(tower.rebuild)
    with lived.transaction(read_only=True) as tx:
        head = events.head(tx)
    counted = figures._replace(
        handle=lambda tx, facts: figures.handle(Counting(tx._connection, lived.clock), facts)
    )
    assert head > 100
    assert subscriptions.advance(lived, counted) == head
    assert count <= 9
    assert_figures(owner)


def test_a_fact_of_a_part_that_is_not_open_is_parked(
    lived: Database, owner: psycopg.Connection
) -> None:
    before = everything(owner)
    owner.execute("DELETE FROM tower.open_part WHERE stage = 'packed'")
    ship_all(lived, 1)
    react(lived)
    with lived.transaction(read_only=True) as tx:
        (letter,) = subscriptions.dead_letters(tx)
    assert letter.subscription == SUBSCRIPTION and "took a step but is not open" in letter.reason
    assert everything(owner)["v_stage"] == before["v_stage"]
    lived.run(tower.rebuild)
    react(lived)
    assert_figures(owner)
