"""Quotes and orders through real door processes, against a door written by hand.

Capacity is found in the closed model. Times are measured in the open model at half of it, from the
instant a request was meant to begin; the generator is a process of its own and tells how late it
was itself. Generator, doors, worker and PostgreSQL share the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import psycopg

from benchmarks import orders, retailer
from benchmarks.doors import (
    CONNECTIONS,
    DOORS,
    LATE_MS_MAX,
    Target,
    body,
    our_doors,
    percentile,
    plain_doors,
    send,
)
from benchmarks.load import Result
from benchmarks.runner import Figure, Report, Way, compared
from benchmarks.server import Server
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import Database
from entrepot.ground.events import drain

BODIES = 2_000

PLAIN_PRICES = """
CREATE TABLE plain.price (sku text NOT NULL PRIMARY KEY, amount_minor bigint NOT NULL);
INSERT INTO plain.price (sku, amount_minor) SELECT sku, amount_minor FROM pricing.price;
"""


def run(report: Report, server: Server) -> None:
    """Capacity and times of both kinds of doors, for quotes and for orders; then the audit."""
    accepted = [0]
    with server.opened("retailer") as database:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(orders.PLAIN_TABLES)
            connection.execute(PLAIN_PRICES)
        with ExitStack() as opened:
            plain = opened.enter_context(plain_doors(server, database))
            ours = opened.enter_context(our_doors(server, database))
            for path, status in (("/v1/quotes", 200), ("/v1/orders", 201)):
                _measure(report, path, status, plain, ours, accepted)
        _audit(report, database, accepted[0])


def _measure(
    report: Report, path: str, status: int, plain: Target, ours: Target, accepted: list[int]
) -> None:
    what = path.rpartition("/")[2]

    def sent(target: Target, seconds: float, rate: float | None = None) -> Result:
        key = next(target.keys)
        wanted = retailer.orders(BODIES, seed=int(key.rpartition("-")[2]))
        result = send(target, path, [body(o) for o in wanted], seconds, key=key, rate=rate)
        good = result.statuses.get(status, 0)
        if target is ours and path == "/v1/orders":
            accepted[0] += good
        if good != sum(result.statuses.values()):
            report.check(False, f"{what} by {target.name}: answers by status {result.statuses}")
        return result

    seconds = 0.6 if report.quick else 2.5

    def capacity(target: Target) -> Callable[[], float]:
        def once() -> float:
            result = sent(target, seconds)
            return result.good / result.took_s

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
                [percentile(result.latencies_ms, percent) for result in results],
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
        late = max(percentile(result.late_ms, 99) for result in results)
        worst = max(max(result.latencies_ms) for result in results)
        text = f"{what} by {target.name}: {halves[target]:,.0f}/s offered, worst {worst:,.1f} ms"
        if late > LATE_MS_MAX:
            text += f"; DISCARD: the generator itself was {late:.1f} ms late at p99"
        else:
            text += f"; the generator itself at most {late:.1f} ms late at p99"
        report.note(text)


def _audit(report: Report, database: Database, accepted: int) -> None:
    drain(database)
    with database.transaction(read_only=True) as tx:
        found = audit(tx)
    looked = ", ".join(f"{number:,} {name}" for name, number in found.looked_at.items())
    report.check(found.ok, f"audit clean over {looked} {found.findings[:3] or ''}")
    placed = found.looked_at["orders"]
    report.check(placed == accepted, f"{accepted:,} orders accepted, {placed:,} in the database")
