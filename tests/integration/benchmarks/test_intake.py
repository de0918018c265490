"""The benchmark of the intake, tiny: the floor adds up, ours is whole, a sale sells out."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from benchmarks import floor, intake, retailer, server
from benchmarks.floor import Floor
from benchmarks.intake import Sizes
from benchmarks.placing import Placing, sequencer
from benchmarks.runner import Report
from benchmarks.server import RETAILERS, Server
from rich.console import Console

from entrepot.flows.watch.audit import audit

FILL = "small"
SIZE = RETAILERS[FILL]
TINY = Sizes(
    FILL,
    first=60,
    round_s=0.2,
    bodies=100,
    window_s=0.6,
    windows=1,
    floor_connections=(2,),
    door_connections=(8,),
)
ROWS = """
SELECT (SELECT count(*) FROM ordering.orders), (SELECT count(*) FROM ordering.part),
       (SELECT count(*) FROM ground.command), (SELECT count(*) FROM events.outbox WHERE name = %s),
       (SELECT reserved FROM inventory.stock WHERE sku = %s)
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server.started() as started:
        yield started


def test_every_way_of_the_floor_takes_whole_orders_and_sells_a_sale_out(running: Server) -> None:
    hot = "HOT-1"
    with running.database(FILL) as url, Floor(url, running.folder, SIZE, most=2) as plain:
        retailer.add_item(url, hot, intake.HOT_CENTER, 50)
        taken = [way(2, 40)[0] for way in (plain.psycopg, plain.pgbench, plain.piped)]
        taken.append(plain.function(2, 40)[0])
        assert [(one.orders, one.refused) for one in taken] == [(40, 0)] * 4
        sold = [plain.psycopg(2, 40, hot)[0], plain.pgbench(2, 100, hot)[0]]
        # About 126 are asked for; what is not for the sale is taken besides.
        assert sum(one.orders for one in sold) > 50 and sum(one.refused for one in sold) > 50
        assert plain.differs() is None
        orders = 160 + sum(one.orders for one in sold)
        with psycopg.connect(url) as connection:
            found = connection.execute(ROWS, ("OrderPlaced", hot)).fetchone()
            assert found is not None
            assert found[0] == found[1] == found[3] == orders
            assert found[4] == 50
            # What does not add up is seen.
            connection.execute("UPDATE inventory.stock SET reserved = 0 WHERE sku = %s", (hot,))
            connection.commit()
        assert plain.differs() is not None


def test_the_floor_draws_orders_that_one_center_has(running: Server) -> None:
    clock = floor.SystemClock()
    for order in floor.orders(floor.Ask(seed=1, count=200, size=SIZE), clock):
        numbers = [int(line["sku"].removeprefix("SKU-")) for line in order.takes]
        assert 1 <= len(numbers) <= 5 and numbers == sorted(set(numbers))
        assert all(order.values["node"] in retailer.nodes_of(number) for number in numbers)


def test_ours_are_placed_by_offers_and_numbered_and_a_sale_sells_out(running: Server) -> None:
    hot = "HOT-2"
    with running.opened(FILL) as database:
        retailer.add_item(database.url, hot, intake.HOT_CENTER, 30)
        with sequencer(database.url), Placing(database, 2, SIZE) as hands:
            uniform, _ = hands.place(60, batch=20)
            sale, seconds = hands.place(60, batch=20, hot=hot)
        assert (uniform.placed, uniform.refused) == (60, 0)
        assert (sale.placed, sale.refused) == (6 + 30, 54 - 30)
        assert seconds > 0 and uniform.processor_s > 0
        with database.transaction(read_only=True) as tx:
            assert tx.row("SELECT count(*) FROM events.outbox") == (0,)
            assert tx.row("SELECT count(*) FROM ordering.orders WHERE offer_id IS NULL") == (0,)
            found = audit(tx)
        assert found.ok, found.findings
        assert found.looked_at["orders"] == 96
        report = Report({}, Console(file=StringIO()), quick=True)
        good = intake.Sale(hot, 54, 30)
        assert intake._sold_out(report, database.url, good) == 30 and not report.failures
        intake._sold_out(report, database.url, good._replace(stock=31))
        assert len(report.failures) == 1


@pytest.mark.long
def test_the_intake_is_measured_and_audited(running: Server) -> None:
    out = StringIO()
    report = Report({}, Console(file=out, width=120), quick=True)
    report.rounds = 1
    intake.run(report, running, sizes=TINY, processes=2, batch=20)
    assert not report.failures, out.getvalue()
    found = {one.name: one for one in report.figures}
    rates = ("floor_ops", "inproc_ops", "http_ops", "batch_ops", "hot_inproc_ops", "hot_floor_ops")
    times = ("http_p50_ms", "http_p99_ms", "http_p99.9_ms", "http_max_ms", "http_late_p99_ms")
    assert all(found[name].median > 0 for name in (*rates, *times))
    assert found["inproc_ops"].against == found["http_ops"].against == "floor_ops"
    assert found["hot_inproc_ops"].ratio
    assert found["hot_sold"].median == found["hot_stock"].median > 0
    assert "synchronous_commit on" in out.getvalue()
