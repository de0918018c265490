"""Reserving stock: one transaction each with a row lock, against batches with guarded updates."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import psycopg

from benchmarks.orders import retries
from benchmarks.retailer import ME, SKUS, nodes_of
from benchmarks.runner import Report, Way, dealt, per_second, threads
from benchmarks.server import Server
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Held, OpeningStock, Reserve
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.words.outcome import Conflict, Refusal

THREADS = 8
# How many to reserve in one repeat, by size of batch: about a second each.
COUNTS = {1: 1_500, 10: 6_000, 100: 16_000, 500: 32_000}
PLAIN_COUNT = 2_000
SCARCE_UNITS = 400

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
CREATE TABLE plain.reservation (
    reservation_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id        text   NOT NULL,
    sku             text   NOT NULL,
    node            text   NOT NULL,
    quantity_each   bigint NOT NULL,
    at              timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reservation_order ON plain.reservation (order_id);
INSERT INTO plain.stock (sku, node, on_hand) SELECT sku, node, on_hand FROM inventory.stock;
ANALYZE plain.stock;
"""

Place = tuple[str, str]


class Bench(NamedTuple):
    """What the ways work on: ours through the application, the plain one by its own connections."""

    database: Database
    connections: list[psycopg.Connection[Any]]
    numbers: Iterator[int]

    def together(self, work: Callable[[int], int]) -> int:
        """Run work(number) in all threads; gives the sum of what they reserved."""
        with threads(THREADS) as run:
            return sum(run(work))


def run(
    report: Report,
    server: Server,
    *,
    plain_count: int = PLAIN_COUNT,
    counts: Mapping[int, int] = COUNTS,
) -> None:
    """Reserve spread over many SKUs, then from a single one.

    counts  by size of batch
    """
    hot = (SKUS[0], nodes_of(0)[0])
    with bench(server) as on:
        for title, place in (
            ("reserve, spread over 60,000 SKUs and nodes", _anywhere),
            ("reserve, one hot SKU", lambda _: hot),
        ):
            ways = _ways(report, on, place, report.scaled(plain_count), counts)
            before = retries()
            report.compare("stock", title, "reservations/s", ways)
            report.note(f"ours was tried again after a conflict: {retries() - before:,.0f} times")
        _never_oversells(report, on)
        drain(on.database)
        with on.database.transaction(read_only=True) as tx:
            findings, looked_at = inventory.audit(tx)
        looked = ", ".join(f"{number:,} {name}" for name, number in looked_at.items())
        report.check(not findings, f"stock audit clean over {looked} {findings[:3] or ''}")


@contextmanager
def bench(server: Server) -> Iterator[Bench]:
    """The retailer's database with the plain tables beside ours."""
    with server.opened("retailer") as database:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(PLAIN_TABLES)
        connections = [psycopg.connect(database.url, autocommit=True) for _ in range(THREADS)]
        try:
            yield Bench(database, connections, count(1))
        finally:
            for each in connections:
                each.close()


def _anywhere(chance: random.Random) -> Place:
    item = chance.randrange(len(SKUS))
    return SKUS[item], chance.choice(nodes_of(item))


def _ways(
    report: Report,
    on: Bench,
    place: Callable[[random.Random], Place],
    plain_count: int,
    counts: Mapping[int, int],
) -> list[Way]:
    def plain() -> float:
        places = _places(plain_count, place, next(on.numbers))
        hands = dealt(places, THREADS)
        return _rate(
            report, len(places), lambda: on.together(lambda n: _plain(on.connections[n], hands[n]))
        )

    def ours(size: int, total: int) -> float:
        wanted = _commands(_places(report.scaled(total), place, next(on.numbers)), next(on.numbers))
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        hands = dealt(batches, THREADS)
        return _rate(
            report, len(wanted), lambda: on.together(lambda n: _ours(on.database, hands[n]))
        )

    return [
        Way(f"plain, {THREADS} threads", plain),
        *(
            Way(f"ours, batches of {size}, {THREADS} threads", lambda s=size, t=total: ours(s, t))
            for size, total in counts.items()
        ),
    ]


def _rate(report: Report, wanted: int, work: Callable[[], int]) -> float:
    reserved = 0

    def counted() -> None:
        nonlocal reserved
        reserved = work()

    rate = per_second(wanted, counted)
    if reserved != wanted:
        report.check(False, f"{wanted} reservations asked for, {reserved} made")
    return rate


def _places(total: int, place: Callable[[random.Random], Place], seed: int) -> list[Place]:
    chance = random.Random(seed)
    return [place(chance) for _ in range(total)]


def _commands(places: Sequence[Place], run_number: int) -> list[Reserve]:
    return [
        Reserve(f"reserve-{run_number}-{n}", ME, f"O-{run_number}-{n}", 1, sku, node, 1)
        for n, (sku, node) in enumerate(places)
    ]


def _plain(connection: psycopg.Connection[Any], places: Sequence[Place]) -> int:
    """The textbook: lock the row, look, change it, note it, one by one; gives how many it got."""
    reserved = 0
    for number, (sku, node) in enumerate(places):
        with connection.transaction():
            found = connection.execute(
                "SELECT on_hand - reserved FROM plain.stock "
                "WHERE sku = %s AND node = %s FOR UPDATE",
                (sku, node),
            ).fetchone()
            if found is None or found[0] < 1:
                continue
            connection.execute(
                "UPDATE plain.stock SET reserved = reserved + 1 WHERE sku = %s AND node = %s",
                (sku, node),
            )
            connection.execute(
                "INSERT INTO plain.reservation (order_id, sku, node, quantity_each) "
                "VALUES (%s, %s, %s, 1)",
                (f"O-{number}", sku, node),
            )
        reserved += 1
    return reserved


def _ours(database: Database, batches: Sequence[Sequence[Reserve]]) -> int:
    """Each batch in one transaction, again until no other one was in its way."""
    reserved = 0
    for batch in batches:
        while True:
            try:
                answers = database.run(lambda tx, batch=batch: commitments.reserve(tx, batch))
            except Conflict:
                continue
            break
        reserved += sum(isinstance(answer, Held) for answer in answers)
    return reserved


def _never_oversells(report: Report, on: Bench) -> None:
    """Ask for twice what there is, from all threads at once: exactly what there is is given."""
    for size in (1, 10):
        sku = f"SCARCE-{size}"

        def open_stock(tx: Any, sku: str = sku) -> list[Any]:
            return inventory.record_opening(
                tx, [OpeningStock(f"open-{sku}", ME, sku, "DC-0", SCARCE_UNITS)]
            )

        (opened,) = on.database.run(open_stock)
        assert not isinstance(opened, Refusal), opened
        wanted = _commands([(sku, "DC-0")] * (2 * SCARCE_UNITS), next(on.numbers))
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        hands = dealt(batches, THREADS)
        got = on.together(lambda n, hands=hands: _ours(on.database, hands[n]))
        with on.database.transaction(read_only=True) as tx:
            (balance,) = inventory.balances(tx, [sku])
        report.check(
            got == balance.reserved == SCARCE_UNITS,
            f"{THREADS} threads in batches of {size} ask for {2 * SCARCE_UNITS} of "
            f"{SCARCE_UNITS}: {got} given, {balance.reserved} reserved",
        )
