"""Placing orders: priced, sourced, promised, recorded and reserved, against inserts and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from time import process_time
from typing import Any, NamedTuple

import psycopg

from benchmarks import retailer
from benchmarks.retailer import NODES
from benchmarks.runner import Figure, Report, Way, compared, dealt, figure, per_second, threads
from benchmarks.server import Server
from entrepot.flows import reactions
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.watch.audit import audit
from entrepot.ground import decisions
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.telemetry import METRICS

SIGNING_KEYS = (b"k" * 32,)
THREADS = 4
# How many to place in one repeat, by size of batch: a few seconds each.
COUNTS = {1: 400, 10: 1_200, 100: 2_400, 500: 4_000}
PLAIN_COUNT = 1_500
REPLAYED = 2_000

PLAIN_TABLES = """
CREATE SCHEMA plain;
CREATE TABLE plain.stock (
    sku       text   NOT NULL,
    node      text   NOT NULL,
    on_hand   bigint NOT NULL,
    reserved  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (sku, node),
    CHECK (on_hand >= reserved)
) WITH (fillfactor = 70);
CREATE TABLE plain.orders (
    order_id     text        NOT NULL PRIMARY KEY,
    country      text        NOT NULL,
    postal_code  text        NOT NULL,
    placed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE plain.line (
    order_id       text    NOT NULL REFERENCES plain.orders (order_id),
    line_no        integer NOT NULL,
    sku            text    NOT NULL,
    node           text    NOT NULL,
    quantity_each  bigint  NOT NULL,
    PRIMARY KEY (order_id, line_no)
);
INSERT INTO plain.stock (sku, node, on_hand)
SELECT i.sku, n.node, 1000000 FROM (SELECT DISTINCT sku FROM inventory.stock) AS i
 CROSS JOIN (SELECT DISTINCT node FROM inventory.stock) AS n;
ANALYZE plain.stock;
"""


class Bench(NamedTuple):
    """What the ways work on."""

    database: Database
    connections: list[psycopg.Connection[Any]]
    numbers: Iterator[int]


@contextmanager
def bench(server: Server) -> Iterator[Bench]:
    """The retailer's database with the plain tables beside ours."""
    with server.opened("retailer") as database:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(PLAIN_TABLES)
        opened = [psycopg.connect(database.url, autocommit=True) for _ in range(THREADS)]
        try:
            yield Bench(database, opened, count(1))
        finally:
            for each in opened:
                each.close()


def run(report: Report, server: Server) -> None:
    """Orders per second by size of batch; facts numbered inside the time; then the audit."""
    with bench(server) as on:
        placed = _compare(report, on, server)
        with on.database.transaction(read_only=True) as tx:
            found = audit(tx)
        looked = ", ".join(f"{number:,} {name}" for name, number in found.looked_at.items())
        report.check(found.ok, f"audit clean over {looked} {found.findings[:3] or ''}")
        orders = found.looked_at["orders"]
        report.check(orders == placed, f"{placed:,} orders placed, {orders:,} in the database")
        _replay(report, on.database)


class Meter:
    """Orders per second by wall clock, and the processor time they took, which neighbors leave."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.python: dict[str, list[float]] = {}
        self.postgres: dict[str, list[float]] = {}

    def rate(self, way: str, orders: int, work: Callable[[], object]) -> float:
        """How many a second."""
        python, together = process_time(), self._server.cpu_seconds()
        found = per_second(orders, work)
        python, together = process_time() - python, self._server.cpu_seconds() - together
        self.python.setdefault(way, []).append(python / orders * 1e6)
        self.postgres.setdefault(way, []).append((together - python) / orders * 1e6)
        return found

    def show(self, report: Report, ways: Sequence[Way]) -> None:
        """What one order took in Python and in PostgreSQL, without the warm-up."""
        title = "processor time of one order"
        shown: list[Figure] = []
        for where, spent in (("Python", self.python), ("PostgreSQL", self.postgres)):
            plain, *others = (
                figure("orders", f"{title}: {where}, {way.name}", "us", spent[way.name][1:])
                for way in ways
            )
            shown += [plain, *(compared(one, plain) for one in others)]
        report.figures += shown
        report.show(title, shown)


def _compare(report: Report, on: Bench, server: Server) -> int:
    placed = 0
    meter = Meter(server)

    def plain(way: str) -> float:
        wanted = retailer.orders(report.scaled(PLAIN_COUNT), next(on.numbers))
        hands = dealt(wanted, THREADS)
        with threads(THREADS) as together:

            def work() -> None:
                together(lambda n: insert_plainly(on.connections[n], hands[n]))

            return meter.rate(way, len(wanted), work)

    def ours(way: str, size: int, total: int) -> float:
        nonlocal placed
        wanted = retailer.orders(report.scaled(total), next(on.numbers))
        hands = dealt(batches(wanted, size), THREADS)
        placed += len(wanted)
        with threads(THREADS) as together:

            def work() -> None:
                together(lambda n: [place(on.database, batch) for batch in hands[n]])
                drain(on.database)

            return meter.rate(way, len(wanted), work)

    name = f"plain, {THREADS} threads"
    ways = [Way(name, lambda w=name: plain(w))]
    for size, total in COUNTS.items():
        name = f"ours, batches of {size}, {THREADS} threads"
        ways.append(Way(name, lambda w=name, s=size, t=total: ours(w, s, t)))
    before = retries()
    report.compare("orders", "place orders of 1 to 5 lines", "orders/s", ways)
    meter.show(report, ways)
    report.note(f"transactions tried again after a conflict: {retries() - before:,.0f}")
    return placed


def batches(orders: Sequence[PlaceOrder], size: int) -> list[Sequence[PlaceOrder]]:
    """Orders in the batches they are placed in."""
    return [orders[start : start + size] for start in range(0, len(orders), size)]


def place(database: Database, batch: Sequence[PlaceOrder]) -> None:
    """Place a batch; every order must be accepted."""
    answers = database.run(lambda tx: place_orders(tx, batch, signing_keys=SIGNING_KEYS))
    refused = [a for a in answers if not isinstance(a, Placed)]
    assert not refused, refused[0]


def retries() -> float:
    """Transactions of this process tried again after a conflict."""
    return sum(
        sample.value
        for metric in METRICS.conflicts_retried.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def insert_plainly(connection: psycopg.Connection[Any], orders: Sequence[PlaceOrder]) -> None:
    """What is written by hand first: take from the nearest center, insert, commit. No sourcing, no
    price, no date, no ledger, no idempotency, no record, no fact."""
    for order in orders:
        node = NODES[int(order.ship_to.postal_code[0])]
        lines = sorted(order.lines, key=lambda line: line.sku)
        with connection.transaction():
            for line in lines:
                taken = connection.execute(
                    "UPDATE plain.stock SET reserved = reserved + %s "
                    "WHERE sku = %s AND node = %s AND on_hand - reserved >= %s",
                    (line.quantity, line.sku, node, line.quantity),
                )
                assert taken.rowcount == 1, f"{line.sku} is out of stock"
            connection.execute(
                "INSERT INTO plain.orders (order_id, country, postal_code) VALUES (%s, %s, %s)",
                (order.command_id, order.ship_to.country, order.ship_to.postal_code),
            )
            connection.cursor().executemany(
                "INSERT INTO plain.line (order_id, line_no, sku, node, quantity_each) "
                "VALUES (%s, %s, %s, %s, %s)",
                [
                    (order.command_id, number, line.sku, node, line.quantity)
                    for number, line in enumerate(lines, start=1)
                ],
            )


def _replay(report: Report, database: Database) -> None:
    """Decide recorded decisions again: every byte must come out the same."""
    same = different = 0
    with database.transaction(read_only=True) as tx:
        for decision in decisions.decisions_since(tx, retailer.LONG_AGO):
            if decisions.replay(decision, reactions.REPLAYS) is None:
                same += 1
            else:
                different += 1
            if same + different == REPLAYED:
                break
    report.check(not different, f"{same:,} recorded decisions come out the same again")
