"""The floor: orders taken plainly, one transaction each, as one writes it by hand, and fast.

Same tables as ours, no sourcing. An order leaves its command with the answer, the order, its
lines, one part with its lines, a reservation and a movement for each line, and the outbox's fact;
each line takes its stock by a guarded UPDATE, and the order is given up when one finds too little.
It has less to do than an order of ours, always: the center is known beforehand and has everything,
so there is one part and nothing is decided; no record of a decision, no offer, no price looked up,
no promise and so no expectation, no event beside the fact, nobody who numbers the facts. The
client prepares its values before the time is taken.

psycopg: one process for each connection, prepared statements, sent in a pipeline with two waits an
order. pgbench: prepared statements, two threads, a wait for each statement. Shown and not the
floor: pgbench with its inserts in a pipeline, and a stored function, which takes the same order by
one call.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg

from benchmarks import floor_sql
from benchmarks.hands import Hands, lend
from benchmarks.retailer import ME, NODES
from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster_account import installed_programs
from entrepot.words.identifiers import order_number

CONNECTIONS = (8, 12, 16)
LINES = (1, 2, 3, 4, 5)
THREADS = 2
# Of a sale, so many orders in ten are for the one item.
HOT_IN_TEN = 9


class Ask(msgspec.Struct, frozen=True):
    """Orders to take: so many, of one to five lines among `size` items.

    hot  nine of ten are for one of this item at the first center; then all are of one line
    """

    seed: int
    count: int
    size: int
    hot: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """How many orders were taken, and how many found too little stock."""

    orders: int
    refused: int


class Plain(NamedTuple):
    """One order: the values of its inserts, and those of each line's UPDATE."""

    values: dict[str, Any]
    takes: list[dict[str, Any]]


class Floor:
    """Both ways over one database of the product."""

    def __init__(self, url: str, folder: Path, size: int, most: int = max(CONNECTIONS)) -> None:
        """most  connections of psycopg at once"""
        self._url = url
        self._most = most
        self._folder = folder
        self._size = size
        self._seeds = count(1)
        self._hands: Hands | None = None
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(floor_sql.FUNCTION)

    def psycopg(self, connections: int, orders: int, hot: str | None = None) -> tuple[Taken, float]:
        """Take so many orders; how many were taken, and in how many seconds."""
        if self._hands is None:
            self._hands = Hands(self._most, "benchmarks.floor", self._url)
        each = -(-orders // connections)
        self._hands.prepare(
            [Ask(next(self._seeds), each, self._size, hot) for _ in range(connections)]
        )
        found, seconds = self._hands.work(Taken)
        return Taken(sum(t.orders for t in found), sum(t.refused for t in found)), seconds

    def pgbench(self, connections: int, orders: int, hot: str | None = None) -> tuple[Taken, float]:
        """The same by pgbench, a wait for each statement."""
        scripts = [(floor_sql.script(n, self._size), 1) for n in LINES]
        if hot is not None:
            cold = floor_sql.script(1, self._size)
            scripts = [(floor_sql.hot_script(hot), HOT_IN_TEN), (cold, 10 - HOT_IN_TEN)]
        return self._bench(scripts, connections, orders)

    def piped(self, connections: int, orders: int) -> tuple[Taken, float]:
        """The same by pgbench, the inserts in a pipeline."""
        scripts = [(floor_sql.script(n, self._size, piped=True), 1) for n in LINES]
        return self._bench(scripts, connections, orders)

    def function(self, connections: int, orders: int) -> tuple[Taken, float]:
        """The same by the stored function, called by pgbench."""
        scripts = [(floor_sql.call_script(n, self._size), 1) for n in LINES]
        return self._bench(scripts, connections, orders)

    def _bench(
        self, scripts: list[tuple[str, int]], connections: int, orders: int
    ) -> tuple[Taken, float]:
        command = [str(installed_programs() / "pgbench"), "-n", "-M", "prepared"]
        command += ["-c", str(connections), "-j", str(THREADS), "--max-tries", "10"]
        command += ["-t", str(-(-orders // connections)), "--random-seed", str(next(self._seeds))]
        for number, (text, weight) in enumerate(scripts):
            path = self._folder / f"floor-{number}.sql"
            path.write_text(text)
            command += ["-f", f"{path}@{weight}"]
        before = self._orders()
        done = subprocess.run([*command, self._url], capture_output=True, text=True, check=False)
        tried = re.search(r"actually processed: (\d+)", done.stdout)
        tps = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode or tried is None or tps is None:
            raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr}")
        taken = self._orders() - before
        return Taken(taken, int(tried[1]) - taken), int(tried[1]) / float(tps[1])

    def _orders(self) -> int:
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM ordering.orders").fetchone()
        assert row is not None
        return int(row[0])

    def differs(self) -> str | None:
        """What does not add up of the orders it took; None = lines, stock and ledger agree."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(ADDS_UP).fetchone()
        assert row is not None
        lines, reserved, reservations, movements = (int(value) for value in row)
        if lines == reserved == reservations == movements:
            return None
        return (
            f"{lines} each in lines, {reserved} reserved in stock, {reservations} in reservations, "
            f"{movements} in movements"
        )

    def close(self) -> None:
        """End the processes."""
        if self._hands is not None:
            self._hands.close()

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


ADDS_UP = """
SELECT (SELECT coalesce(sum(quantity_each), 0) FROM ordering.line),
       (SELECT sum(reserved) FROM inventory.stock),
       (SELECT coalesce(sum(quantity_each), 0) FROM inventory.reservation),
       (SELECT coalesce(sum(quantity_each), 0) FROM inventory.movement WHERE cause = 'order')
"""


def orders(ask: Ask, clock: SystemClock) -> list[Plain]:
    """The values of the orders asked for, everything known beforehand."""
    chance = random.Random(ask.seed)
    return [_plain(ask, chance, clock) for _ in range(ask.count)]


def _plain(ask: Ask, chance: random.Random, clock: SystemClock) -> Plain:
    center = chance.randrange(len(NODES))
    if ask.hot is not None and chance.randrange(10) < HOT_IN_TEN:
        return _values(clock, NODES[0], {ask.hot: 1})
    lines = 1 if ask.hot is not None else chance.choice(LINES)
    goods: dict[str, int] = {}
    while len(goods) < lines:
        rest = (3 * chance.randrange(6) - 9 * center + 290) % 10
        item = 10 * chance.randrange(ask.size // 10) + rest
        goods[f"SKU-{item:05d}"] = 1 if chance.random() < 0.8 else 2
    return _values(clock, NODES[center], goods)


def _values(clock: SystemClock, node: str, goods: dict[str, int]) -> Plain:
    at = datetime.now(UTC)
    order_id = f"F-{order_number(clock.new_id())}"
    skus, eaches = sorted(goods), [goods[sku] for sku in sorted(goods)]
    told = {
        "order_id": order_id,
        "channel": "web",
        "state": "open",
        "country": "DE",
        "postal_area": "10",
        "currency": "EUR",
        "items_minor": 999 * sum(eaches),
        "shipping_minor": 495,
        "lines": [
            {"line_no": n, "sku": sku, "quantity_each": goods[sku], "unit_price_minor": 999}
            for n, sku in enumerate(skus, start=1)
        ],
    }
    values = {
        "order_id": order_id,
        "command_id": f"{ME}:{order_id}",
        "hash": clock.random_bytes(32),
        "answer": order_id.encode(),
        "at": at,
        "area": "10",
        "items_minor": told["items_minor"],
        "actor": ME,
        "node": node,
        "line_nos": list(range(1, len(skus) + 1)),
        "skus": skus,
        "eaches": eaches,
        "ids": clock.new_ids(len(skus)),
        "movement_ids": clock.new_ids(len(skus)),
        "subject": f"order/{order_id}",
        "fact_id": clock.new_id(),
        "body": msgspec.json.encode(told).decode(),
    }
    takes = [{"sku": sku, "node": node, "each": goods[sku]} for sku in skus]
    return Plain(values, takes)


def take(connection: psycopg.Connection[Any], order: Plain) -> bool:
    """One order, one transaction; False when a line found too little stock."""
    with connection.pipeline() as pipeline, connection.transaction():
        for statement in floor_sql.INSERTS:
            connection.execute(statement, order.values)
        taken = [connection.execute(floor_sql.TAKE, values) for values in order.takes]
        pipeline.sync()
        if all(one.rowcount == 1 for one in taken):
            return True
        raise psycopg.Rollback
    return False


def _client(url: str) -> None:
    clock = SystemClock()
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:

        def work(wanted: list[Plain]) -> Taken:
            done = sum(take(connection, order) for order in wanted)
            return Taken(done, len(wanted) - done)

        lend(Ask, lambda ask: orders(ask, clock), work)


if __name__ == "__main__":
    _client(sys.argv[1])
