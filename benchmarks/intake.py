"""Taking orders: in process, over HTTP and as a stream, against the floor, all in one run.

`floor` says what the floor is. Ours names an offer that a quote made before the time is taken, so
that everything an order means is in the measured path: the offer opened and checked, prices,
sourcing with its record, reservations, ledger, order, promise, idempotency and fact; the facts are
numbered meanwhile, and the last of them inside the measured time. Only placed orders count. Over
HTTP and as a stream the doors, their worker with all its reactions, and the generator have their
part of the same cores. At the end everything is audited: a fast run with a finding is a failed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import msgspec
import psycopg

from benchmarks import floor, intake_doors, retailer
from benchmarks.doors import our_doors
from benchmarks.floor import Floor, Taken
from benchmarks.intake_doors import Door
from benchmarks.placing import HOT_IN_TEN, Placing, sequencer
from benchmarks.runner import Figure, Report, Way, compared, figure
from benchmarks.server import RETAILERS, Server
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from entrepot.ground.events import drain

# For two cores: one process more, as each waits for PostgreSQL now and then. `--all` tries others.
PROCESSES = 3
BATCH = 200
OTHERS = [(processes, batch) for processes in (1, 2, 3, 4) for batch in (50, 100, 200, 500)]

# How many times as good as what.
AIMS = {
    "inproc_ops": ("floor_ops", 3.0),
    "http_ops": ("floor_ops", 1.2),
    "batch_ops": ("inproc_ops", 0.8),
    "hot_inproc_ops": ("hot_floor_ops", 8.0),
}
AIMS_MS = {"http_p50_ms": 15.0, "http_p99_ms": 100.0}
# Of what is asked for of the one item of a sale, so much is there.
HOT_STOCK_PERCENT = 80
HOT_CENTER = retailer.NODES[0]
WITHOUT_LIMIT = "SET LOCAL statement_timeout = 0"


class Sizes(NamedTuple):
    """How much is done.

    fill      the retailer, by its name in `server.RETAILERS`
    first     orders of a way's first round
    round_s   about how long the others are
    bodies    requests made beforehand for the doors
    window_s  of the open model, so many `windows`
    floor_connections, door_connections  that are tried, for the best
    """

    fill: str
    first: int
    round_s: float
    bodies: int
    window_s: float
    windows: int
    floor_connections: tuple[int, ...] = floor.CONNECTIONS
    door_connections: tuple[int, ...] = intake_doors.CONNECTIONS


FULL = Sizes("large", first=2_000, round_s=5.0, bodies=20_000, window_s=30.0, windows=3)
QUICK = Sizes("retailer", first=400, round_s=1.0, bodies=2_000, window_s=3.0, windows=2)


class Pace:
    """How many orders make a round of about so many seconds, by the last rate of the way."""

    def __init__(self, first: int, round_s: float) -> None:
        self._first = first
        self.round_s = round_s
        self._rates: dict[str, float] = {}

    def orders(self, way: str) -> int:
        """How many to take."""
        if way not in self._rates:
            return self._first
        return max(100, round(self._rates[way] * self.round_s))

    def rate(self, way: str, orders: int, seconds: float) -> float:
        """Orders a second, kept for the next round."""
        self._rates[way] = orders / seconds
        return self._rates[way]


class Bench(NamedTuple):
    """What the ways work on; floor, ours and the doors have a database each, alike at the start.

    placed  by ours in process, so far
    """

    floor: Floor
    floor_url: str
    database: Database
    placing: Placing
    door: Door
    pace: Pace
    batch: int
    sizes: Sizes
    placed: list[int]


def run(
    report: Report,
    server: Server,
    *,
    sizes: Sizes | None = None,
    processes: int = PROCESSES,
    batch: int = BATCH,
) -> None:
    """All of it.

    processes, batch  that place in process, and orders in one call of theirs
    """
    sizes = sizes or (QUICK if report.quick else FULL)
    with _bench(report, server, sizes, processes, batch) as on:
        if report.everything:
            _others(report, on)
        found = _uniform(report, on)
        rate = found["http_ops"].median / 2
        in_time = intake_doors.times(report, on.door, rate, sizes.window_s, sizes.windows)
        found |= {one.name: one for one in in_time}
        found |= _hot(report, on)
        _tell(report, found)
        differs = on.floor.differs()
        report.check(differs is None, f"the floor's lines, stock and ledger agree {differs or ''}")
        _audit(report, on.database, on.placed[0], "in process")
        _audit(report, on.door.database, on.door.placed, "at the doors")


@contextmanager
def _bench(
    report: Report, server: Server, sizes: Sizes, processes: int, batch: int
) -> Iterator[Bench]:
    size = RETAILERS[sizes.fill]
    most = max(processes, *(p for p, _ in OTHERS)) if report.everything else processes
    with (
        server.database(sizes.fill) as floor_url,
        server.opened(sizes.fill) as ours,
        server.opened(sizes.fill) as behind,
        our_doors(server, behind) as target,
        sequencer(ours.url),
        Placing(ours, most, size) as hands,
        Floor(floor_url, server.folder, size, max(sizes.floor_connections)) as plain,
    ):
        report.note(f"{size:,} items at ten centers; as our sessions are told: {_durable(ours)}")
        door = Door(behind, target, size, sizes.bodies)
        pace = Pace(sizes.first, sizes.round_s)
        yield Bench(plain, floor_url, ours, hands, door, pace, batch, sizes, [0])


def _durable(database: Database) -> str:
    """What the settings that guard a commit are in a session of the application itself."""
    with database.session() as session:
        shown = {
            name: str(session.execute(f"SHOW {name}").fetchone()[0])  # type: ignore[index]
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
    assert set(shown.values()) == {"on"}, f"orders are not safe here: {shown}"
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _uniform(report: Report, on: Bench) -> dict[str, Figure]:
    """Orders of one to five lines, alike often, over all items."""
    best = {way.__name__: _best(report, on, way) for way in (on.floor.pgbench, on.floor.psycopg)}
    on.door.connections = _best_of_door(report, on)
    ways = [_plain(on, way, best[way.__name__]) for way in (on.floor.pgbench, on.floor.psycopg)]
    ways += [_plain(on, way, best["pgbench"]) for way in (on.floor.piped, on.floor.function)]
    ways.append(Way(f"ours in process, batches of {on.batch}", lambda: _inproc(on)))
    connections = f"{on.door.connections} connections"
    ways.append(
        Way(f"ours over HTTP, {connections}", lambda: on.door.closed(report, on.pace.round_s))
    )
    if on.door.has_batch:
        ways.append(Way("ours as NDJSON", lambda: _streamed(report, on)))
    else:
        report.note(f"batch_ops: not measured, as {intake_doors.BATCH} is not known here")
    title = "orders of 1 to 5 lines, uniform"
    shown = report.compare("intake", title, "orders/s", ways)
    names = ["", "", "floor_piped_ops", "floor_function_ops", "inproc_ops", "http_ops", "batch_ops"]
    found = {"floor_ops": _named("floor_ops", _better(shown[:2]))}
    found |= {n: _named(n, one) for n, one in zip(names, shown, strict=False) if n}
    return found


def _better(figures: Sequence[Figure]) -> Figure:
    return max(figures, key=lambda one: one.median)


def _named(name: str, found: Figure) -> Figure:
    return msgspec.structs.replace(found, name=name, against=None, ratio=None)


def _best(report: Report, on: Bench, way: Callable[[int, int], tuple[Taken, float]]) -> int:
    """The number of connections that this way of the floor is fastest with."""
    rates = {}
    way(min(on.sizes.floor_connections), on.pace.orders(way.__name__))  # to warm up
    for connections in on.sizes.floor_connections:
        with report.console.status(f"intake: {way.__name__} with {connections} connections"):
            taken, seconds = way(connections, on.pace.orders(way.__name__))
            rates[connections] = on.pace.rate(way.__name__, taken.orders, seconds)
    told = ", ".join(f"{rate:,.0f}/s with {c}" for c, rate in rates.items())
    report.note(f"floor by {way.__name__}: {told} connections")
    return max(rates, key=lambda c: rates[c])


def _best_of_door(report: Report, on: Bench) -> int:
    rates = {}
    on.door.closed(report, on.pace.round_s, min(on.sizes.door_connections))  # to warm up
    for connections in on.sizes.door_connections:
        with report.console.status(f"intake: over HTTP with {connections} connections"):
            rates[connections] = on.door.closed(report, on.pace.round_s / 2, connections)
    told = ", ".join(f"{rate:,.0f}/s with {c}" for c, rate in rates.items())
    report.note(f"over HTTP, closed: {told} connections")
    return max(rates, key=lambda c: rates[c])


def _plain(on: Bench, way: Callable[[int, int], tuple[Taken, float]], connections: int) -> Way:
    """A way of the floor with so many connections."""
    name = way.__name__

    def once() -> float:
        taken, seconds = way(connections, on.pace.orders(name))
        assert not taken.refused, f"{name}: {taken} though there is enough"
        return on.pace.rate(name, taken.orders, seconds)

    return Way(f"floor, {name}, {connections} connections", once)


def _inproc(on: Bench, *, processes: int | None = None, batch: int | None = None) -> float:
    batch = batch or on.batch
    orders = max(on.pace.orders("inproc"), 2 * batch)
    answered, seconds = on.placing.place(orders, batch=batch, processes=processes)
    assert not answered.refused, f"{answered} though there is enough"
    on.placed[0] += answered.placed
    return on.pace.rate("inproc", answered.placed, seconds)


def _streamed(report: Report, on: Bench) -> float:
    rate = on.door.stream(report, on.pace.orders("ndjson"))
    return on.pace.rate("ndjson", 1, 1 / max(rate, 1.0))


def _others(report: Report, on: Bench) -> None:
    """Other numbers of processes and sizes of batches."""
    ways = [
        Way(f"{p} processes, batches of {b}", lambda p=p, b=b: _inproc(on, processes=p, batch=b))
        for p, b in OTHERS
    ]
    report.compare("intake", "in process, the first is compared with", "orders/s", ways)


class Sale(NamedTuple):
    """One item of which too little is there, in one round."""

    sku: str
    asked: int
    stock: int


def _hot(report: Report, on: Bench) -> dict[str, Figure]:
    """Nine orders of ten for one item, of which there is less than is asked for."""
    names = count(1)
    sold: list[tuple[Sale, int]] = []

    def sale(url: str, way: str) -> Sale:
        asked = on.pace.orders(way)
        stock = asked * HOT_IN_TEN // 10 * HOT_STOCK_PERCENT // 100
        one = Sale(f"HOT-{next(names)}", asked, stock)
        retailer.add_item(url, one.sku, HOT_CENTER, one.stock)
        return one

    def plain(way: Callable[[int, int, str], tuple[Taken, float]], connections: int) -> float:
        name = f"hot {way.__name__}"
        one = sale(on.floor_url, name)
        taken, seconds = way(connections, one.asked, one.sku)
        _sold_out(report, on.floor_url, one)
        return on.pace.rate(name, taken.orders, seconds)

    def ours() -> float:
        one = sale(on.database.url, "hot ours")
        answered, seconds = on.placing.place(one.asked, batch=on.batch, hot=one.sku)
        on.placed[0] += answered.placed
        sold.append((one, _sold_out(report, on.database.url, one)))
        return on.pace.rate("hot ours", answered.placed, seconds)

    ways = [
        Way(f"floor, {way.__name__}, {c} connections", lambda way=way, c=c: plain(way, c))
        for way in (on.floor.pgbench, on.floor.psycopg)
        for c in sorted({min(on.sizes.floor_connections), max(on.sizes.floor_connections)})
    ]
    ways.append(Way(f"ours in process, batches of {on.batch}", ours))
    shown = report.compare("intake", "orders of 1 line, 90 % for one item", "orders/s", ways)
    return {
        "hot_floor_ops": _named("hot_floor_ops", _better(shown[:-1])),
        "hot_inproc_ops": _named("hot_inproc_ops", shown[-1]),
        "hot_sold": _total("hot_sold", [units for _, units in sold]),
        "hot_stock": _total("hot_stock", [one.stock for one, _ in sold]),
    }


SOLD = """
SELECT (SELECT sum(reserved) FROM inventory.stock WHERE sku = %(sku)s)::bigint,
       (SELECT sum(quantity_each) FROM ordering.line WHERE sku = %(sku)s)::bigint
"""


def _sold_out(report: Report, url: str, sale: Sale) -> int:
    """How much was sold of the one item, as the orders say; it must be what was there."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(SOLD, {"sku": sale.sku}).fetchone()
    assert row is not None
    reserved, sold = (int(value or 0) for value in row)
    if not reserved == sold == sale.stock:
        report.check(
            False,
            f"{sale.sku}: {sale.stock} were there, {reserved} are reserved, {sold} in orders",
        )
    return sold


def _total(name: str, units: Sequence[int]) -> Figure:
    return figure("intake", name, "each", [float(sum(units))])


def _tell(report: Report, found: dict[str, Figure]) -> None:
    """The figures by their names, with what they are compared with, and their aims."""
    for name, (other, _) in AIMS.items():
        if name in found:
            found[name] = compared(found[name], found[other])
    known = {one.name for one in report.figures}
    report.figures += [one for name, one in found.items() if name not in known]
    report.show("intake", list(found.values()))
    for name, (other, aim) in AIMS.items():
        if name in found:
            ratio = found[name].ratio or 0.0
            said = "reached" if ratio >= aim else "not reached"
            rate = f"{found[name].median:,.0f} orders/s"
            report.note(f"{name}: {rate}, {ratio:.2f} x {other}, aim {aim:g} x: {said}")
    for name, aim in AIMS_MS.items():
        said = "reached" if found[name].median <= aim else "not reached"
        report.note(f"{name}: {found[name].median:.1f} ms, aim {aim:g}: {said}")
    sold, stock = found["hot_sold"].median, found["hot_stock"].median
    report.check(sold == stock, f"sold of the hot items to the unit: {sold:,.0f} of {stock:,.0f}")


def _audit(report: Report, database: Database, placed: int, where: str) -> None:
    drain(database)
    status = report.console.status(f"intake: audit, {where}")
    with status, database.transaction(read_only=True) as tx:
        tx.run(WITHOUT_LIMIT)
        found = audit(tx)
    looked = ", ".join(f"{number:,} {name}" for name, number in found.looked_at.items())
    report.check(found.ok, f"audit clean {where} over {looked} {found.findings[:3] or ''}")
    orders = found.looked_at["orders"]
    report.check(orders == placed, f"{placed:,} orders placed {where}, {orders:,} in the database")
