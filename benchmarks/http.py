"""Quotes and orders through real door processes, against a door written by hand.

Capacity is found in the closed model. Times are measured in the open model at half of it, from the
instant a request was meant to begin; the generator is a process of its own and tells how late it
was itself. Generator, doors, worker and PostgreSQL share the machine.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

import msgspec
import psycopg

from benchmarks import orders, retailer
from benchmarks.load import Plan, Result
from benchmarks.runner import Figure, Report, Way, compared
from benchmarks.server import Server
from entrepot.departments.access import service as access
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from entrepot.ground.events import drain

ROOT = Path(__file__).resolve().parents[1]
DOORS = 2
CONNECTIONS = 16
READY_S = 30.0
STOP_S = 15.0
# A generator that begins later than this at its 99th percentile measures itself.
LATE_MS_MAX = 5.0
BODIES = 2_000

PLAIN_PRICES = """
CREATE TABLE plain.price (sku text NOT NULL PRIMARY KEY, amount_minor bigint NOT NULL);
INSERT INTO plain.price (sku, amount_minor) SELECT sku, amount_minor FROM pricing.price;
"""


class Target(NamedTuple):
    """Doors that run. `keys` begin the names of the requests, never the same twice."""

    name: str
    port: int
    authorization: str
    keys: Iterator[str]


def run(report: Report, server: Server) -> None:
    """Capacity and times of both kinds of doors, for quotes and for orders; then the audit."""
    accepted = [0]
    with server.opened("retailer") as database:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(orders.PLAIN_TABLES)
            connection.execute(PLAIN_PRICES)
        with ExitStack() as opened:
            plain = opened.enter_context(_plain_doors(server, database))
            ours = opened.enter_context(_doors(server, database))
            for path, status in (("/v1/quotes", 200), ("/v1/orders", 201)):
                _measure(report, path, status, plain, ours, accepted)
        _audit(report, database, accepted[0])


def _measure(
    report: Report, path: str, status: int, plain: Target, ours: Target, accepted: list[int]
) -> None:
    what = path.rpartition("/")[2]

    def sent(target: Target, seconds: float, rate: float | None = None) -> Result:
        result = _send(target, path, seconds, rate)
        good = result.statuses.get(status, 0)
        if target is ours and path == "/v1/orders":
            accepted[0] += good
        if good != len(result.latencies_ms):
            report.check(False, f"{what} by {target.name}: answers by status {result.statuses}")
        return result

    seconds = 0.6 if report.quick else 2.5

    def capacity(target: Target) -> Callable[[], float]:
        def once() -> float:
            result = sent(target, seconds)
            return len(result.latencies_ms) / result.took_s

        return once

    title = f"{what}, {DOORS} doors, {CONNECTIONS} connections"
    ways = [Way(target.name, capacity(target)) for target in (plain, ours)]
    found = report.compare("http", title, f"{what}/s", ways)
    halves = {t: f.median / 2 for t, f in zip((plain, ours), found, strict=True)}
    seconds = 1.0 if report.quick else 4.0
    runs = {t: [sent(t, seconds, rate) for _ in range(report.rounds)] for t, rate in halves.items()}
    shown: list[Figure] = []
    for percent in (50, 99):
        pair = [
            report.add(
                "http",
                f"{what}, p{percent} at half the capacity: {target.name}",
                "ms",
                [_percentile(result.latencies_ms, percent) for result in results],
            )
            for target, results in runs.items()
        ]
        report.figures[-1] = compared(pair[1], pair[0])
        shown += [pair[0], report.figures[-1]]
    report.show(f"{what}, open model, Poisson", shown)
    _lateness(report, what, halves, runs)


def _lateness(
    report: Report, what: str, halves: dict[Target, float], runs: dict[Target, list[Result]]
) -> None:
    for target, results in runs.items():
        late = max(_percentile(result.late_ms, 99) for result in results)
        worst = max(max(result.latencies_ms) for result in results)
        text = f"{what} by {target.name}: {halves[target]:,.0f}/s offered, worst {worst:,.1f} ms"
        if late > LATE_MS_MAX:
            text += f"; DISCARD: the generator itself was {late:.1f} ms late at p99"
        else:
            text += f"; the generator itself at most {late:.1f} ms late at p99"
        report.note(text)


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _send(target: Target, path: str, seconds: float, rate: float | None) -> Result:
    key = next(target.keys)
    wanted = retailer.orders(BODIES, seed=int(key.rpartition("-")[2]))
    plan = Plan(
        host="127.0.0.1",
        port=target.port,
        path=path,
        authorization=target.authorization,
        bodies=[
            msgspec.json.encode(
                {"lines": order.lines, "ship_to": order.ship_to, "currency": order.currency}
            ).decode()
            for order in wanted
        ],
        key=key,
        seconds=seconds,
        connections=CONNECTIONS,
        rate=rate,
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=msgspec.json.encode(plan),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    return msgspec.json.decode(done.stdout, type=Result)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _processes(
    commands: Sequence[Sequence[str]], port: int, environment: dict[str, str], log: Path
) -> Iterator[None]:
    """Processes that run from when the port answers until the end of the block."""
    running: list[subprocess.Popen[bytes]] = []
    with log.open("ab") as output:
        try:
            for command in commands:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command],
                        stdout=output,
                        stderr=output,
                        cwd=ROOT,
                        env={**os.environ, **environment},
                    )
                )
            _wait_for(port, running, log)
            yield
        finally:
            for process in running:
                process.terminate()
            for process in running:
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _wait_for(port: int, running: Sequence[subprocess.Popen[bytes]], log: Path) -> None:
    deadline = perf_counter() + READY_S
    while perf_counter() < deadline:
        ended = [process for process in running if process.poll() is not None]
        assert not ended, f"a process ended: {log.read_text()[-2_000:]}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sleep(1.0)  # the others are on their way
                return
        sleep(0.05)
    raise AssertionError(f"nothing listens on {port}: {log.read_text()[-2_000:]}")


@contextmanager
def _doors(server: Server, database: Database) -> Iterator[Target]:
    """Two doors and a worker of the product, and an administrator's key for them."""
    key = database.run(access.create_first_admin)
    assert key is not None, "a new database has no administrator"
    port = _free_port()
    home = server.folder / "doors"
    home.mkdir(mode=0o700)
    environment = {
        "ENTREPOT_DATA": str(home),
        "ENTREPOT_DATABASE_URL": database.url,
        "ENTREPOT_PORT": str(port),
        "ENTREPOT_LOG_LEVEL": "error",
    }
    commands = [["entrepot", "door"]] * DOORS + [["entrepot", "work"]]
    names = (f"ours-{number}" for number in count(1))
    with _processes(commands, port, environment, server.folder / "doors.log"):
        yield Target("ours", port, f"Bearer {key}", names)


@contextmanager
def _plain_doors(server: Server, database: Database) -> Iterator[Target]:
    """Two plain doors."""
    port = _free_port()
    commands = [["benchmarks.plain_door", str(port), database.url]] * DOORS
    names = (f"plain-{number}" for number in count(1))
    with _processes(commands, port, {}, server.folder / "plain-doors.log"):
        yield Target("plain", port, "none", names)


def _audit(report: Report, database: Database, accepted: int) -> None:
    drain(database)
    with database.transaction(read_only=True) as tx:
        found = audit(tx)
    looked = ", ".join(f"{number:,} {name}" for name, number in found.looked_at.items())
    report.check(found.ok, f"audit clean over {looked} {found.findings[:3] or ''}")
    placed = found.looked_at["orders"]
    report.check(placed == accepted, f"{accepted:,} orders accepted, {placed:,} in the database")
