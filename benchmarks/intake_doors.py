"""The part of `intake` that goes through doors: one request an order, and NDJSON."""

from __future__ import annotations

import socket
import subprocess
import sys
from itertools import count
from time import perf_counter, sleep

import msgspec

from benchmarks import retailer
from benchmarks.doors import LATE_MS_MAX, ROOT, Target, body, percentile, send
from benchmarks.load import Result
from benchmarks.load_batch import BatchPlan, BatchResult
from benchmarks.placing import UNIFORM, offered
from benchmarks.runner import Figure, Report, figure
from entrepot.ground import subscriptions
from entrepot.ground.database import Database
from entrepot.ground.events import drain, outbox_age

ORDERS = "/v1/orders"
BATCH = "/v1/orders:batch"
# Of the closed model; the best is found beforehand.
CONNECTIONS = (64, 128, 256, 512)
STREAMS = 4
# Offers are good for half an hour: younger ones are asked for before that.
FRESH_S = 900.0
SETTLE_S = 300.0
PERCENTS = (50.0, 99.0, 99.9)


class Door:
    """Doors of the product and the database behind them.

    placed     orders that were answered as placed
    has_batch  whether they know the route of NDJSON
    """

    def __init__(self, database: Database, target: Target, size: int, bodies: int) -> None:
        self.database = database
        self.placed = 0
        self.connections = CONNECTIONS[0]
        self._target = target
        self._size = size
        self._count = bodies
        self._seeds = count(1)
        self._bodies: tuple[float, list[str]] | None = None
        self.has_batch = self._knows(BATCH)

    def bodies(self) -> list[str]:
        """Requests for orders, each naming an offer that is still good for a while."""
        if self._bodies is None or perf_counter() - self._bodies[0] > FRESH_S:
            orders = retailer.orders(
                self._count,
                seed=1_000_000 + next(self._seeds),
                goods=retailer.skus(self._size),
                weights=UNIFORM,
            )
            made = perf_counter()
            self._bodies = made, [body(order) for order in offered(self.database, orders)]
        return self._bodies[1]

    def closed(self, report: Report, seconds: float, connections: int | None = None) -> float:
        """Orders a second in the closed model, until the last fact is numbered."""
        result = self._sent(report, seconds, None, connections or self.connections)
        begun = perf_counter()
        drain(self.database)
        rate = result.good / (result.took_s + perf_counter() - begun)
        self._settle()
        return rate

    def open(self, report: Report, seconds: float, rate: float) -> Result:
        """So many a second in the open model."""
        result = self._sent(report, seconds, rate, self.connections)
        self._settle()
        return result

    def _sent(self, report: Report, seconds: float, rate: float | None, connections: int) -> Result:
        result = send(
            self._target, ORDERS, self.bodies(), seconds, rate=rate, connections=connections
        )
        self.placed += result.statuses.get(201, 0)
        busy = result.statuses.get(503, 0)
        if busy:
            report.note(
                f"answered as too busy: {busy:,} of {sum(result.statuses.values()):,}, "
                f"{result.retry_later:,} of them with Retry-After"
            )
        wrong = {s: n for s, n in result.statuses.items() if s not in (201, 503)}
        if wrong:
            report.check(False, f"orders over HTTP: answers by status {wrong}")
        return result

    def stream(self, report: Report, orders: int) -> float:
        """Orders a second as NDJSON, until the last fact is numbered."""
        bodies, name = self.bodies(), next(self._target.keys)
        lines = [line(bodies[n % len(bodies)], f"{name}-{n}") for n in range(orders)]
        plan = BatchPlan(
            host="127.0.0.1",
            port=self._target.port,
            path=BATCH,
            authorization=self._target.authorization,
            lines=[lines[n::STREAMS] for n in range(STREAMS)],
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load_batch"],
            input=msgspec.json.encode(plan),
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        result = msgspec.json.decode(done.stdout, type=BatchResult)
        begun = perf_counter()
        drain(self.database)
        rate = result.placed / (result.took_s + perf_counter() - begun)
        self.placed += result.placed
        if result.refused or set(result.statuses) != {200}:
            report.check(
                False,
                f"NDJSON: answers by status {result.statuses}, {result.refused} lines refused: "
                f"{result.other}",
            )
        if result.placed + result.refused != orders:
            answered = result.placed + result.refused
            report.check(False, f"NDJSON: {orders} lines sent, {answered} answered")
        self._settle()
        return rate

    def _settle(self) -> None:
        """Let the worker catch up with its reactions, which would slow down what comes next."""
        end = perf_counter() + SETTLE_S
        while perf_counter() < end:
            with self.database.transaction(read_only=True) as tx:
                waiting, _ = outbox_age(tx)
                behind = max(subscriptions.lags(tx).values(), default=0)
            if not waiting and not behind:
                return
            sleep(0.05)
        raise AssertionError(f"the worker is {behind} facts behind after {SETTLE_S:.0f} s")

    def _knows(self, path: str) -> bool:
        """Whether there is such a route."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: {self._target.authorization}\r\nContent-Length: 0\r\n"
            "Content-Type: application/x-ndjson\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self._target.port), 10) as connection:
            connection.sendall(head.encode())
            status = int(connection.recv(4_096)[9:12])
        return status not in (404, 405)


def line(request: str, key: str) -> str:
    """An order of NDJSON: the body of a single one with its key in it."""
    return f'{{"key":"{key}",{request[1:]}'


def times(report: Report, door: Door, rate: float, window_s: float, windows: int) -> list[Figure]:
    """How long orders take at a rate below the capacity, and how late the generator was."""
    door.open(report, min(window_s, 5.0), rate)
    results = []
    for number in range(windows):
        with report.console.status(f"intake: times over HTTP, window {number + 1} of {windows}"):
            results.append(door.open(report, window_s, rate))
    found = [
        figure(
            "intake",
            f"http_p{percent:g}_ms",
            "ms",
            [percentile(result.latencies_ms, percent) for result in results],
        )
        for percent in PERCENTS
    ]
    found.append(figure("intake", "http_max_ms", "ms", [max(r.latencies_ms) for r in results]))
    late = figure("intake", "http_late_p99_ms", "ms", [percentile(r.late_ms, 99) for r in results])
    used = figure("intake", "http_generator_cores", "cores", [r.processor for r in results])
    report.figures += [*found, late, used]
    report.show(
        f"orders over HTTP, open model, Poisson, {rate:,.0f}/s offered, {windows} windows of "
        f"{window_s:g} s",
        [*found, late, used],
    )
    if late.max > LATE_MS_MAX:
        report.note(
            f"INVALID: the generator itself was {late.max:.1f} ms late at p99, more than "
            f"{LATE_MS_MAX:g}: the times over HTTP are an upper bound and count for nothing"
        )
    return found
