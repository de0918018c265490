"""What pages and stories read, over a retailer that has lived for some days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import Line, PartState, PastOrder
from entrepot.departments.purchasing import service as purchasing
from entrepot.departments.purchasing import service_orders as purchase_orders
from entrepot.departments.purchasing.model import (
    Arrived,
    LeadTimeShare,
    NewLine,
    RaiseOrder,
    ReceiveOrder,
    Supplier,
    SupplierChange,
)
from entrepot.departments.tower.model import Day, Stage
from entrepot.flows.views import tower_page as page
from entrepot.flows.views.find import Kind, Named, find
from entrepot.flows.views.order_story import order_story, past_order
from entrepot.flows.views.po_story import po_story
from entrepot.flows.views.sku_story import sku_story
from entrepot.flows.views.story import Topic
from entrepot.flows.views.tower_page import TowerPage, tower_page
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from tests.builders import ME, NODES, SKUS, a_retailer
from tests.flows.lived import live
from tests.flows.test_life import react
from tests.flows.test_place import TUESDAY_9

STATEMENTS_MAX = 5


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(TUESDAY_9, seed=1)


@pytest.fixture
def lived(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Database:
    database = database_on(clock)
    live(database, clock)
    return database


class Counting(Tx):
    """A transaction that counts its statements."""

    statements = 0

    def rows(self, query: Any, params: Any = None) -> Any:
        self.statements += 1
        return super().rows(query, params)

    def row(self, query: Any, params: Any = None) -> Any:
        self.statements += 1
        return super().row(query, params)


def read(database: Database, view: Callable[[Tx], Any]) -> Any:
    """What a view gives; a page reads by at most five statements."""
    with database.transaction(read_only=True) as tx:
        view(tx)  # the network is read once per process, and then from memory
        counting = Counting(tx._connection, database.clock)
        found = view(counting)
        assert 1 <= counting.statements <= STATEMENTS_MAX
    return found


def in_state(database: Database, state: PartState) -> str:
    with database.transaction(read_only=True) as tx:
        return parts.in_state(tx, state)[0].order_id


def test_the_page_of_an_empty_house(database: Database) -> None:
    found: TowerPage = read(database, tower_page)
    assert (found.as_of, found.today, found.open_parts, found.late_parts) == (None, None, 0, 0)
    assert [stage.stage for stage in found.stages] == list(Stage)
    assert not (found.nodes or found.days or found.weeks or found.late)


def test_the_page_as_of_the_newest_fact(lived: Database, clock: VirtualClock) -> None:
    found: TowerPage = read(lived, tower_page)
    assert (found.retailer, found.currency, found.as_of) == ("Test", "EUR", clock.now())
    assert all(stage.parts and stage.units and stage.oldest for stage in found.stages)
    assert all(sum(stage.bands) == stage.parts for stage in found.stages)
    assert found.open_parts == sum(stage.parts for stage in found.stages)
    assert [node.node for node in found.nodes] == list(NODES)
    assert all(0 <= node.committed <= node.on_hand for node in found.nodes)
    assert sum(node.period.parts_shipped for node in found.nodes) == 7
    assert len(found.days) == page.DAYS and found.today
    assert found.today.day == clock.now().date()
    assert [week.day.isoformat() for week in found.weeks] == ["2026-03-09"]
    assert sum(week.figures.orders_placed for week in found.weeks) == 18
    assert found.period.orders_placed == 18
    assert sum(day.revenue_minor for day in found.days) > 0


def test_late_parts_come_as_their_dates_pass(lived: Database, clock: VirtualClock) -> None:
    before: TowerPage = read(lived, tower_page)
    clock.sleep(30 * 24 * 3_600)
    gone = Adjustment("gone", ME, SKUS[3], "PAR", -1, "lost")
    lived.run(lambda tx: inventory.adjust(tx, [gone]))
    react(lived)
    found: TowerPage = read(lived, tower_page)
    with lived.transaction(read_only=True) as tx:
        promised = tx.rows("SELECT sum(parts)::bigint FROM tower.v_due")[0][0]
    assert [week.day.isoformat() for week in found.weeks] == ["2026-03-09", "2026-04-06"]
    assert len(found.days) == page.DAYS and found.days[-1].day == clock.now().date()
    (gap,) = [
        later.day - earlier.day
        for earlier, later in pairwise(found.days)
        if later.day - earlier.day > timedelta(days=1)
    ]
    assert gap > timedelta(days=page.QUIET_DAYS), "quiet days are left out, those before are there"
    assert sum(day.figures.orders_placed for day in found.days) == 18
    assert before.late_parts < found.late_parts == promised <= found.open_parts
    assert len(found.late) == min(found.late_parts, page.LATE_SHOWN)
    days = [part.days for part in found.late]
    assert days == sorted(days, reverse=True) and days[-1] > 0
    assert [s.bands[-1] for s in found.stages] == [s.parts for s in found.stages]


def test_rates_of_promises() -> None:
    figures = Day(parts_delivered=9, parts_on_time=7, parts_late=2, parts_kept=5, parts_lost=1)
    assert (page.on_time_ppm(figures), page.kept_ppm(figures)) == (700_000, 500_000)
    assert page.on_time_ppm(Day(parts_shipped=3)) is None


def test_an_id_is_found_for_what_it_is(lived: Database) -> None:
    order_id = in_state(lived, PartState.reserved)
    a_purchase_order(lived)
    a_past_order(lived)
    with lived.transaction(read_only=True) as tx:
        assert find(tx, order_id) == [Named(Kind.order, order_id)]
        assert find(tx, SKUS[0].lower()) == [Named(Kind.sku, SKUS[0])]
        assert find(tx, "po-7") == [Named(Kind.purchase_order, "PO-7")]
        assert find(tx, "489434") == [Named(Kind.past_order, "489434")]
        assert find(tx, "nothing") == []


def test_the_story_of_an_order_on_its_way(lived: Database) -> None:
    order_id = in_state(lived, PartState.shipped)
    story = read(lived, lambda tx: order_story(tx, order_id))
    told = [(moment.topic, moment.what) for moment in story.moments]
    assert [moment.at for moment in story.moments] == sorted(m.at for m in story.moments)
    assert told[0] == (Topic.order, "placed")
    assert (Topic.promise, "version 1") in told and (Topic.decision, "sourcing.split") in told
    steps = [what for topic, what in told if topic is Topic.order]
    assert steps.index("released") < steps.index("picked") < steps.index("shipped")
    assert (Topic.stock, "shipment") in told
    assert story.parcels[0].state in ("handed_over", "exception")
    assert {line.part_state for line in story.lines} >= {"shipped"}
    with lived.transaction(read_only=True) as tx:
        (order,) = ordering.read(tx, [order_id])
    assert len({line.line_no for line in story.lines}) == len(order.lines)
    assert len([t for t, _ in told if t is Topic.promise]) == len(order.expectations)


def test_the_story_of_an_order_that_waits(lived: Database) -> None:
    order_id = in_state(lived, PartState.backordered)
    story = read(lived, lambda tx: order_story(tx, order_id))
    (waits, *_) = story.waits
    assert (waits.topic, waits.what, waits.actor) == (Topic.queue, "backorder", "buying")
    assert waits.words.startswith("part ")
    assert order_story_of_none(lived) is None


def order_story_of_none(database: Database) -> object:
    with database.transaction(read_only=True) as tx:
        return order_story(tx, "no-such-order")


def test_the_news_of_a_parcel_are_told(lived: Database) -> None:
    with lived.transaction(read_only=True) as tx:
        told = [order_story(tx, h.order_id) for h in ordering.find(tx)]
    news = [m for story in told if story for m in story.moments if m.topic is Topic.parcel]
    assert {moment.what for moment in news} == {"delayed", "delivered", "lost"}
    assert all(moment.words.startswith("part ") for moment in news)


def test_the_story_of_a_sku(lived: Database) -> None:
    story = read(lived, lambda tx: sku_story(tx, SKUS[2]))
    assert story.item.sku == SKUS[2]
    assert {line.node for line in story.stock} >= {"BER", "MUC"}
    assert all(line.available >= 0 for line in story.stock)
    assert story.moments[-1].at >= story.moments[0].at
    assert any("PO-1" in moment.words for moment in story.moments)
    with lived.transaction(read_only=True) as tx:
        assert sku_story(tx, "NO-SKU") is None


def a_purchase_order(database: Database) -> None:
    """Ten of a SKU ordered, eight came, one of them damaged; the rest is given up."""

    def work(tx: Tx) -> None:
        supplier = Supplier("ACME", "Acme Ltd", "DE", "EUR", (LeadTimeShare(5, 1_000_000),))
        purchasing.register_suppliers(tx, [SupplierChange("s", ME, supplier)])
        purchase_orders.raise_orders(
            tx,
            [
                RaiseOrder(
                    command_id="po",
                    actor=ME,
                    po_id="PO-7",
                    supplier_id="ACME",
                    node="BER",
                    currency="EUR",
                    due_at=tx.now + timedelta(days=5),
                    lines=(NewLine(SKUS[0], 10, 250, "below its reorder point"),),
                )
            ],
        )
        arrived: Sequence[Arrived] = (Arrived(1, 8, 1),)
        purchase_orders.receive(
            tx, [ReceiveOrder("rcv", ME, "PO-7", "R-1", tuple(arrived), closes=True)]
        )

    database.run(work)


def test_the_story_of_a_purchase_order(
    database_on: Callable[[Clock], Database], clock: VirtualClock
) -> None:
    database = database_on(clock)
    a_retailer(database)
    a_purchase_order(database)
    story = read(database, lambda tx: po_story(tx, "PO-7"))
    assert (story.head.supplier, story.head.state) == ("Acme Ltd", "received")
    assert (story.lines[0].received_each, story.lines[0].damaged_each) == (8, 1)
    assert [moment.what for moment in story.moments] == ["raised", "received", "received"]
    assert "8 of SKU-01 by R-1, 1 of them damaged" in story.moments[1].words
    with database.transaction(read_only=True) as tx:
        assert po_story(tx, "PO-8") is None


def a_past_order(database: Database) -> None:
    past = PastOrder(
        "489434", bytes(32), None, "GB", "EUR", TUESDAY_9, (Line(1, SKUS[0], 12, 695),)
    )
    database.run(lambda tx: ordering.record_past(tx, [past]))


def test_a_sale_from_before_has_its_lines(database: Database) -> None:
    a_past_order(database)
    (line,) = read(database, lambda tx: past_order(tx, "489434"))
    assert (line.sku, line.name, line.quantity_each, line.country) == (SKUS[0], None, 12, "GB")
