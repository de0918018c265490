"""Reading the figures: over a database as a run leaves it, against sums made another way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

import psycopg
import pytest

from entrepot.departments.network import service as network
from entrepot.departments.network.model import Area, Change
from entrepot.flows.watch.audit import Audit
from entrepot.ground.database import Database, Tx
from entrepot.simulation.day_close import AGES, STAGES, DayClose, NodeClose, close_day, days_ended
from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.gather import Told, gather
from entrepot.simulation.report.page import page
from entrepot.simulation.report.write import as_json
from entrepot.simulation.store import Run
from tests.builders import NODES, a_network
from tests.simulation.report.filled import fill
from tests.simulation.scenario import history_in

SINCE = datetime(2025, 3, 20, tzinfo=UTC)
DAYS, ORDERS, SKUS = 20, 600, 40
END = SINCE + timedelta(days=DAYS)
RUN = Run("r", 7, SINCE, END, END, "ended", {"placed": ORDERS, "backordered": 3})
AREAS = (("DE", "10", "Berlin"), ("DE", "80", "Munich"), ("FR", "75", "Paris"))
SECONDS_MOST = 3.0

Owner = psycopg.Connection[Any]


def a_mapped_network(tx: Tx) -> None:
    a_network(tx)
    areas = [Area(c, p, name, 50_000_000 + n, 10_000_000) for n, (c, p, name) in enumerate(AREAS)]
    network.set_areas(tx, [Change("set-up", "test", area) for area in areas])


def read(database: Database, told: Told) -> Figures:
    with database.transaction(read_only=True) as tx:
        return gather(tx, told)


def told(*days: DayClose, run: Run = RUN) -> Told:
    return Told(run, days, None, Audit([], {"orders": ORDERS}))


@pytest.fixture
def filled(database: Database, owner: Owner) -> Iterator[Database]:
    database.run(a_mapped_network)
    fill(owner, orders=ORDERS, days=DAYS, skus=SKUS, since=SINCE)
    yield database


def one(owner: Owner, query: str) -> Any:
    row = owner.execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def test_demand(filled: Database, owner: Owner) -> None:
    demand = read(filled, told()).demand
    assert demand.orders == ORDERS == sum(d.orders for d in demand.days)
    assert demand.cancelled == ORDERS // 100 == sum(d.cancelled for d in demand.days)
    assert demand.completed + demand.open + demand.cancelled == ORDERS and demand.open > 0
    lines, units = one(
        owner,
        "SELECT count(*), sum(quantity_each) FROM ordering.line JOIN ordering.orders "
        "USING (order_id) WHERE state <> 'cancelled'",
    )
    assert (demand.lines, demand.units_each) == (lines, units)
    assert sum(d.units_each for d in demand.days) == units
    # An order in the last hour before midnight in UTC is of the next day in Berlin.
    assert (demand.days[0].day, demand.days[-1].day) == (date(2025, 3, 20), date(2025, 4, 9))


def test_delivery(filled: Database, owner: Owner) -> None:
    figures = read(filled, told())
    delivery, kept = figures.delivery, figures.delivery.parcels
    by_state = dict(
        owner.execute("SELECT state, count(*) FROM carriage.shipment GROUP BY state").fetchall()
    )
    assert kept.delivered == by_state["delivered"] == sum(r.parcels for r in delivery.late_by)
    assert (kept.lost, kept.on_the_way) == (by_state["lost"], by_state["in_transit"])
    assert kept.parcels == sum(by_state.values())
    late = one(
        owner,
        "SELECT count(*) FROM carriage.shipment WHERE "
        "(delivered_at AT TIME ZONE 'Europe/Berlin')::date > latest_date",
    )
    assert kept.late == late > 0 and kept.on_time == kept.delivered - late
    assert kept.kept_ppm == kept.on_time * 10**6 // (kept.delivered + kept.lost + kept.overdue)
    assert sum(d.shipped for d in delivery.days) == kept.parcels
    assert sum(d.delivered for d in delivery.days) == kept.delivered
    assert delivery.orders == one(owner, "SELECT count(DISTINCT order_id) FROM carriage.shipment")
    assert delivery.arrived == sum(d.orders for d in delivery.door)
    assert (delivery.door_median_days, delivery.door_slow_days) == (2, 2)
    told_late, told_all = one(
        owner,
        "SELECT count(*) FILTER (WHERE (s.delivered_at AT TIME ZONE 'Europe/Berlin')::date IS NULL "
        "OR (s.delivered_at AT TIME ZONE 'Europe/Berlin')::date > e.latest_date), count(*) "
        "FROM ordering.orders JOIN ordering.expectation AS e USING (order_id) "
        "JOIN carriage.shipment AS s USING (order_id) "
        "WHERE s.part_no = 1 AND e.latest_date < '2025-04-09'",
    )
    assert delivery.as_told_ppm == (told_all - told_late) * 10**6 // told_all


def test_centers_and_services_share_what_there_is(filled: Database) -> None:
    figures = read(filled, told())
    for each in (figures.centers, figures.services):
        for name in ("parcels", "delivered", "on_time", "late", "lost", "on_the_way"):
            whole = getattr(figures.delivery.parcels, name)
            assert sum(getattr(part.kept, name) for part in each) == whole
    assert [c.node for c in figures.centers] == list(NODES)
    assert sum(lane.parcels for lane in figures.lanes) == figures.delivery.parcels.parcels
    assert [d.name for d in figures.destinations] == [name for _, _, name in AREAS]
    for number, place in enumerate(figures.destinations):
        assert place.parcels == sum(p.parcels for p in figures.lanes if p.destination == number)


def test_stock_is_valued_at_cost(filled: Database, owner: Owner) -> None:
    figures = read(filled, told())
    each, value = one(
        owner,
        "SELECT sum(on_hand), sum(on_hand * cost_minor) FROM inventory.stock "
        "JOIN purchasing.terms USING (sku)",
    )
    assert (figures.stock.on_hand_each, figures.stock.value_minor) == (each, value)
    assert sum(c.value_minor for c in figures.centers) == value
    assert {c.in_stock_ppm for c in figures.centers} == {(SKUS - SKUS // 13) * 10**6 // SKUS}


def test_stock_has_the_lowest_cost_in_the_retailers_currency(
    filled: Database, owner: Owner
) -> None:
    before = read(filled, told()).stock.value_minor
    owner.execute(
        "INSERT INTO purchasing.supplier (supplier_id, name, country, currency) "
        "VALUES ('other', 'Other', 'GB', 'EUR')"
    )
    owner.execute(
        "INSERT INTO purchasing.terms (sku, supplier_id, currency, cost_minor, moq_each, "
        "multiple_each) VALUES ('SKU-0001', 'other', 'USD', 1, 1, 1), "
        "('SKU-0002', 'other', 'EUR', 40, 1, 1), ('SKU-0003', 'other', 'EUR', 99, 1, 1)"
    )
    # SKU 2 costs 42 elsewhere and there are 2 of it at each node; SKU 3 is dearer there.
    assert read(filled, told()).stock.value_minor == before - 2 * 2 * len(NODES)


def test_cost_and_carbon(filled: Database, owner: Owner) -> None:
    figures = read(filled, told())
    parcels, carriage = one(owner, "SELECT count(*), sum(cost_minor) FROM carriage.shipment")
    units = one(owner, "SELECT sum(asked_each - short_each) FROM warehouse.work")
    paid = one(
        owner,
        "SELECT sum(shipping_minor) FROM ordering.orders WHERE order_id IN "
        "(SELECT order_id FROM carriage.shipment)",
    )
    cost = figures.cost
    assert (cost.box_mills, cost.item_mills) == (50_000 * parcels, 5_000 * units)
    assert (cost.carriage_mills, cost.paid_minor) == (1_000 * carriage, paid)
    whole = cost.box_mills + cost.item_mills + cost.carriage_mills
    assert cost.per_order_mills == (2 * whole + figures.delivery.orders) // (
        2 * figures.delivery.orders
    )
    # Nothing is stated for Paris, which no zone covers; elsewhere 100 g per kilogram and zone.
    (there,) = [d for d in figures.destinations if d.country == "FR"]
    assert figures.carbon.unstated_parcels == there.parcels > 0
    rows = owner.execute(
        "SELECT s.node, o.postal_area, sum(s.mass_g)::bigint, count(*) FROM carriage.shipment AS s "
        "JOIN ordering.orders AS o USING (order_id) WHERE o.country = 'DE' "
        "GROUP BY s.service, s.node, o.postal_area"
    ).fetchall()
    zones = {"BER": {"10": 1, "80": 2}, "MUC": {"10": 2, "80": 1}, "PAR": {"10": 3, "80": 3}}
    grams = sum(
        -(-100 * zones[node][area] * mass // 1_000) + 50 * count for node, area, mass, count in rows
    )
    assert figures.carbon.co2e_g == grams == sum(s.co2e_g for s in figures.services)


def test_work_returns_and_purchases(filled: Database, owner: Owner) -> None:
    figures = read(filled, told())
    parts, in_time, short, asked = one(
        owner,
        "SELECT count(*), "
        "count(*) FILTER (WHERE (handed_over_at AT TIME ZONE 'Europe/Berlin')::date "
        "<= (ship_by AT TIME ZONE 'Europe/Berlin')::date), sum(short_each), "
        "sum(asked_each) FROM warehouse.work WHERE node = 'BER'",
    )
    berlin = figures.centers[0]
    assert berlin.in_time_ppm == in_time * 10**6 // parts < 10**6
    assert berlin.picked_ppm == (asked - short) * 10**6 // asked < 10**6
    back = one(owner, "SELECT count(*) FROM ordering.return_order")
    assert (figures.returns.returns, figures.returns.graded) == (back, back)
    assert (figures.returns.restocked_each, figures.returns.scrapped_each) == (2 * back, back)
    assert figures.returns.refund_minor == 300 * back
    bought = ORDERS // 20
    assert figures.purchases.raised == figures.purchases.received == bought
    assert figures.purchases.late == bought // 10
    assert figures.purchases.received_each == bought * 5 * 47
    assert figures.purchases.cost_minor == bought * 5 * 47 * 50


def test_the_backlog_now_and_the_queues(filled: Database, owner: Owner) -> None:
    figures = read(filled, told())
    left = one(
        owner,
        "SELECT count(*) FROM ordering.part WHERE state IN "
        "('backordered', 'reserved', 'released', 'picked', 'packed')",
    )
    assert figures.backlog.left_parts == left > 0
    (queue,) = figures.backlog.queues
    assert (queue.queue, queue.owner, queue.reason) == ("backorder", "purchasing", "no stock")
    assert queue.orders == figures.backlog.queued_orders and queue.oldest_days == 1


def test_a_day_is_closed_with_what_stands_then(filled: Database, owner: Owner) -> None:
    with filled.transaction() as tx:
        closed = close_day(tx, date(2025, 4, 8), END, "EUR")
    by_state = dict(
        owner.execute("SELECT state, count(*) FROM ordering.part GROUP BY state").fetchall()
    )
    assert closed.by_stage == tuple(by_state.get(stage, 0) for stage in STAGES)
    assert sum(closed.by_age) == sum(closed.by_stage) and len(closed.by_age) == len(AGES)
    # Only the last two days' orders are in the house, the first of them two days old.
    assert closed.by_age[2:] == (1, 0, 0, 0) and min(closed.by_age[:2]) > 20
    figures = read(filled, told(closed))
    assert figures.backlog.most_parts == figures.backlog.left_parts == figures.backlog.days[0].parts
    assert figures.backlog.most_on == date(2025, 4, 8)
    assert figures.stock.days[0].value_minor == tuple(c.value_minor for c in figures.centers)
    assert figures.stock.days[0].on_hand_each == tuple(c.on_hand_each for c in figures.centers)


def test_days_are_told_as_they_ended(filled: Database) -> None:
    none = (0,) * 6
    days = [
        DayClose(date(2025, 4, 1), (1, 0, 0, 0, 2), (3, *none[1:]), (NodeClose("MUC", 5, 50),)),
        DayClose(date(2025, 4, 2), (9, 0, 0, 0, 1), (10, *none[1:]), ()),
        DayClose(date(2025, 4, 3), (0, 0, 0, 0, 10), (10, *none[1:]), (NodeClose("PAR", 1, 7),)),
    ]
    figures = read(filled, told(*days))
    assert [d.parts for d in figures.backlog.days] == [3, 10, 10]
    assert (figures.backlog.most_parts, figures.backlog.most_on) == (10, date(2025, 4, 2))
    assert [d.on_hand_each for d in figures.stock.days] == [(0, 5, 0), (0, 0, 0), (0, 0, 1)]
    assert [d.value_minor for d in figures.stock.days] == [(0, 50, 0), (0, 0, 0), (0, 0, 7)]


def test_orders_of_another_time_do_not_count(filled: Database) -> None:
    half = RUN._replace(ends_at=SINCE + timedelta(days=DAYS / 2))
    figures = read(filled, told(run=half))
    assert figures.demand.orders == ORDERS / 2
    assert figures.delivery.orders <= ORDERS / 2
    assert figures.settings.last_day == date(2025, 3, 30)


def test_the_history_is_told(filled: Database) -> None:
    history = history_in(
        ("1", "A", 2, "03-21 10:00", 1.5),
        ("1", "POST", 1, "03-21 10:00", 9.0),
        ("2", "A", 1, "06-01 10:00", 1.5),
        ("C3", "A", -1, "06-02 10:00", 1.5),
    )
    span = RUN._replace(
        starts_at=datetime(2010, 3, 20, tzinfo=UTC), ends_at=datetime(2010, 4, 20, tzinfo=UTC)
    )
    figures = read(filled, told(run=span)._replace(history=history))
    rows = figures.history
    assert rows is not None and rows.rows == 4 == sum(went.rows for went in rows.went)
    assert {w.what: w.rows for w in rows.went if w.rows} == {"sale": 2, "credit": 1, "not_goods": 1}
    assert [(w.what, w.why, w.rows) for w in rows.not_goods] == [("POST", "postage", 1)]
    assert (rows.sales, rows.span_sales, rows.credits_tied) == (2, 1, 1)


def test_nothing_happened(database: Database) -> None:
    database.run(a_mapped_network)
    figures = read(database, told())
    assert figures.demand.orders == 0 and figures.delivery.parcels.kept_ppm is None
    assert figures.cost.per_order_mills is None and figures.backlog.days == ()
    assert page(figures) == page(figures)


def test_the_same_database_gives_the_same_bytes(filled: Database) -> None:
    assert as_json(read(filled, told())) == as_json(read(filled, told()))


def test_days_end_at_midnight_where_the_retailer_is() -> None:
    def ended(since: str, until: str) -> list[tuple[str, str]]:
        found = days_ended(
            "Europe/London", datetime.fromisoformat(since), datetime.fromisoformat(until)
        )
        return [(f"{day}", f"{end:%d %H:%M}") for day, end in found]

    # The clocks went forward on 27 March 2011.
    assert ended("2011-03-25T23:00Z", "2011-03-27T23:00Z") == [
        ("2011-03-25", "26 00:00"),
        ("2011-03-26", "27 00:00"),
        ("2011-03-27", "27 23:00"),
    ]
    assert ended("2011-03-27T23:00Z", "2011-03-28T22:00Z") == []
    assert ended("2011-03-28T22:00Z", "2011-03-28T23:00Z") == [("2011-03-28", "28 23:00")]
    assert ended("2011-03-28T23:00Z", "2011-03-28T23:00Z") == []


@pytest.mark.long
def test_a_whole_history_is_read_in_seconds(database: Database, owner: Owner) -> None:
    database.run(a_mapped_network)
    fill(owner, orders=44_187, days=638, skus=5_000, since=SINCE)
    run = RUN._replace(ends_at=SINCE + timedelta(days=638))
    began = perf_counter()
    figures = read(database, told(run=run))
    assert perf_counter() - began < SECONDS_MOST
    assert figures.demand.orders == 44_187 and figures.demand.lines > 820_000
