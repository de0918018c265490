"""Door processes under load: the product's own, and plain ones; and what a generator found there.

Generator, doors, worker and PostgreSQL share the machine.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

import msgspec

from benchmarks.load import Plan, Result
from benchmarks.orders import SIGNING_KEYS
from benchmarks.server import Server
from entrepot.departments.access import service as access
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.ground.database import Database

ROOT = Path(__file__).resolve().parents[1]
DOORS = 2
CONNECTIONS = 16
READY_S = 30.0
STOP_S = 15.0
# A generator that begins later than this at its 99th percentile measures itself.
LATE_MS_MAX = 5.0


class Target(NamedTuple):
    """Doors that run. `keys` begin the names of the requests, never the same twice."""

    name: str
    port: int
    authorization: str
    keys: Iterator[str]


def body(order: PlaceOrder) -> str:
    """An order as it is asked for over HTTP; also a quote, when it names no offer."""
    fields: dict[str, object] = {
        "lines": [{"sku": line.sku, "quantity": line.quantity} for line in order.lines],
        "ship_to": order.ship_to,
        "currency": order.currency,
    }
    if order.offer is not None:
        fields["offer"] = order.offer
    return msgspec.json.encode(fields).decode()


def send(
    target: Target,
    path: str,
    bodies: Sequence[str],
    seconds: float,
    *,
    key: str | None = None,
    rate: float | None = None,
    connections: int = CONNECTIONS,
) -> Result:
    """Send these, in turn, from a process of its own.

    rate  requests per second in the open model; None = closed
    """
    plan = Plan(
        host="127.0.0.1",
        port=target.port,
        path=path,
        authorization=target.authorization,
        bodies=list(bodies),
        key=key or next(target.keys),
        seconds=seconds,
        connections=connections,
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


def percentile(values: Sequence[float], percent: float) -> float:
    """One of them, that so many percent do not exceed; in between where none is there."""
    return statistics.quantiles(values, n=1_000, method="inclusive")[round(percent * 10) - 1]


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def processes(
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
def our_doors(server: Server, database: Database) -> Iterator[Target]:
    """Two doors and a worker of the product, and an administrator's key for them.

    They honor the offers that `orders.SIGNING_KEYS` seal.
    """
    key = database.run(access.create_first_admin)
    assert key is not None, "a new database has no administrator"
    port = free_port()
    home = server.folder / f"doors-{port}"
    home.mkdir(mode=0o700)
    environment = {
        "ENTREPOT_DATA": str(home),
        "ENTREPOT_DATABASE_URL": database.url,
        "ENTREPOT_PORT": str(port),
        "ENTREPOT_SIGNING_KEY": SIGNING_KEYS[0].decode(),
        "ENTREPOT_LOG_LEVEL": "error",
    }
    commands = [["entrepot", "door"]] * DOORS + [["entrepot", "work"]]
    names = (f"ours-{number}" for number in count(1))
    with processes(commands, port, environment, server.folder / "doors.log"):
        yield Target("ours", port, f"Bearer {key}", names)


@contextmanager
def plain_doors(server: Server, database: Database) -> Iterator[Target]:
    """Two plain doors."""
    port = free_port()
    commands = [["benchmarks.plain_door", str(port), database.url]] * DOORS
    names = (f"plain-{number}" for number in count(1))
    with processes(commands, port, {}, server.folder / "plain-doors.log"):
        yield Target("plain", port, "none", names)
