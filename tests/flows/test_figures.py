"""The tower's figures against the tables they sum up, through the flows, on real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import TrackingEvent
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Quarantine
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import OpenPart, PartState
from entrepot.departments.tower import service as tower
from entrepot.departments.tower.model import SUBSCRIPTION, Stage
from entrepot.departments.warehouse.model import Pick, Short
from entrepot.flows import reactions
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.order_to_delivery.pack import PackPart, pack
from entrepot.flows.order_to_delivery.pick import pick
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.order_to_delivery.ship import ShipPart, ship
from entrepot.flows.order_to_delivery.track import track
from entrepot.ground import events, subscriptions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_life import react, receive
from tests.flows.test_place import TUESDAY_9, assert_sound, placed

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


def all_in(tx: Tx, state: PartState) -> list[OpenPart]:
    return parts.in_state(tx, state)


def pack_all(database: Database, take: int) -> None:
    """The oldest picked parts."""

    def work(tx: Tx) -> None:
        due = [(d.order_id, d.part.part_no) for d in all_in(tx, PartState.picked)[:take]]
        pack(tx, [PackPart(f"pack:{key}", ME, *key) for key in due], company_prefix="9501101")

    database.run(work)


def ship_all(database: Database, take: int) -> None:
    """The oldest packed parts."""

    def work(tx: Tx) -> None:
        due = [(d.order_id, d.part.part_no) for d in all_in(tx, PartState.packed)[:take]]
        ship(tx, [ShipPart(f"ship:{key}", ME, *key) for key in due])

    database.run(work)


def hear(database: Database, kind: str, take: int, hours_ago: int = 0) -> None:
    """The same news of every parcel of the oldest parts under way."""

    def work(tx: Tx) -> None:
        due = {(d.order_id, d.part.part_no) for d in all_in(tx, PartState.shipped)[:take]}
        parcels = carriage.shipments_of(tx, sorted({order_id for order_id, _ in due}))
        at = tx.now - timedelta(hours=hours_ago)
        news = [
            TrackingEvent(f"{kind}:{p.tracking_no}", ME, p.tracking_no, kind, at, kind)
            for p in parcels
            if (p.order_id, p.part_no) in due
        ]
        track(tx, news)

    database.run(work)


def pick_all(database: Database) -> None:
    """Every released part; of the first line of every third part all or one is missing."""

    def work(tx: Tx) -> None:
        commands = []
        for number, due in enumerate(all_in(tx, PartState.released)):
            line = due.part.lines[0]
            missing = (line.quantity_each, 1)[number % 2]
            shorts = (Short(line.line_no, missing, "not_found"),) if number % 3 == 0 else ()
            key = (due.order_id, due.part.part_no)
            commands.append(Pick(f"pick:{key}", ME, *key, shorts))
        pick(tx, commands)

    database.run(work)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(TUESDAY_9, seed=1)


@pytest.fixture
def lived(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Database:
    """A retailer with orders at every stage and end, all facts handled."""
    database = database_on(clock)
    a_retailer(database, {(s, n): 4 for s in SKUS for n in ("BER", "MUC")})
    for number in range(18):
        lines = tuple(
            (SKUS[(number + i) % 12], 1 + (number + i) % 3) for i in range(1 + number % 3)
        )
        pays = 30 if number % 6 == 5 else None
        placed(database, an_order(f"o{number}", *lines, backorder=True, payment_minutes=pays))
        clock.sleep(3_600)
    react(database)
    cancelled = [r[0] for r in database.run(_open_orders)][:2]
    database.run(
        lambda tx: cancel_orders(tx, dict.fromkeys(cancelled, "customer"), command_id="c", actor=ME)
    )
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved)[:12], actor=ME))
    pick_all(database)
    pack_all(database, 9)
    ship_all(database, 7)
    clock.sleep(24 * 3_600)
    hear(database, "delayed", 2)
    clock.sleep(24 * 3_600)
    hear(database, "delivered", 5, hours_ago=20)
    hear(database, "lost", 1)
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved)[:1], actor=ME))
    _correct(database)
    receive(database, SKUS[2], "BER", 5, "PO-1")
    react(database)
    return database


def _open_orders(tx: Tx) -> list[tuple[str]]:
    found = [(d.order_id,) for d in all_in(tx, PartState.reserved)]
    return sorted(set(found))


def _correct(database: Database) -> None:
    def work(tx: Tx) -> None:
        inventory.adjust(tx, [Adjustment("a", ME, SKUS[3], "PAR", 9, "found")])
        inventory.quarantine(
            tx,
            [
                Quarantine("q1", ME, SKUS[3], "PAR", 5, "D"),
                Quarantine("q2", ME, SKUS[3], "PAR", 2, "D", release=True),
                Quarantine("q3", ME, SKUS[3], "PAR", 1, "D", scrap=True),
            ],
        )

    database.run(work)


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

    (figures,) = [s for s in reactions.SUBSCRIPTIONS if s.name == SUBSCRIPTION]
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
