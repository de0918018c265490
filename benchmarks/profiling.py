"""Where the time of placing orders goes, by step and by function, one thread under cProfile.

The profiler slows Python down by about a half and what runs in C not at all: read the shares as
shares, not the times as times.
"""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from rich.table import Table

from benchmarks import retailer
from benchmarks.orders import COUNTS, batches, bench, place
from benchmarks.runner import Report
from benchmarks.server import Server
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.ordering import service as ordering
from entrepot.departments.sourcing import decisions as sourcing
from entrepot.departments.sourcing import records
from entrepot.flows.order_to_delivery import gather, planning, reach
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.ground import commands, decisions, events
from entrepot.ground.database import Database, Tx

SIZES = (1, 100)
DEAREST = 25

# Functions whose whole time is a step; the indented ones are parts of the step before.
STEPS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("commands done before", commands.done),
    ("read items, prices, network, stock", gather.view),
    ("decide: dates of every node and service", reach.Routes.legs),
    ("decide: ways by date", planning.ways),
    ("  the split itself", sourcing.split),
    ("  the record's inputs", records.decision_inputs),
    ("  the record's outcome", records.decision_outcome),
    ("  the record's candidates", sourcing.able),
    ("  the reason in words", sourcing.explain),
    ("keep commands with their answers", commands.keep),
    ("write orders and facts", ordering.record),
    ("write decisions", decisions.record),
    ("write stock", commitments.reserve_decided),
    ("number facts", events.drain),
)
STATEMENTS = (Tx.rows, Tx.row, Tx.run)

Rows = dict[tuple[str, int, str], tuple[int, int, float, float, Any]]


def run(report: Report, server: Server) -> None:
    """Place batches of one and of many, after a warm-up, and show where the time went."""
    with bench(server) as on:
        for size in SIZES:
            total = report.scaled(COUNTS[size])
            warm, measured = (retailer.orders(total, next(on.numbers)) for _ in range(2))
            _placing(on.database, warm, size)()
            profiler = cProfile.Profile()
            profiler.runcall(_placing(on.database, measured, size))
            stats = pstats.Stats(profiler)
            rows: Rows = stats.stats  # type: ignore[attr-defined]
            title = f"batches of {size}, one thread"
            _steps(report, rows, title, total)
            _functions(report, rows, title, total)


def _placing(database: Database, orders: Sequence[PlaceOrder], size: int) -> Callable[[], None]:
    def work() -> None:
        for batch in batches(orders, size):
            place(database, batch)
        events.drain(database)

    return work


def _row(rows: Rows, function: Callable[..., Any]) -> tuple[int, int, float, float, Any]:
    code = function.__code__
    key = (code.co_filename, code.co_firstlineno, code.co_name)
    return rows.get(key, (0, 0, 0.0, 0.0, None))


def _steps(report: Report, rows: Rows, title: str, total: int) -> None:
    whole = sum(row[2] for row in rows.values())
    asked = sum(_row(rows, function)[3] for function in STATEMENTS)
    waited = _row(rows, psycopg.Connection.wait)[2]
    table = Table(title=f"profile: {title}", title_justify="left", title_style="bold")
    table.add_column("step")
    table.add_column("us an order", justify="right")
    table.add_column("share", justify="right")

    def line(name: str, seconds: float) -> None:
        table.add_row(name, f"{seconds / total * 1e6:,.0f}", f"{seconds / whole:.0%}")

    for name, function in STEPS:
        line(name, _row(rows, function)[3])
    table.add_section()
    line("everything", whole)
    line("inside statements, without begin and commit", asked)
    line("waiting for PostgreSQL, with begin and commit", waited)
    report.console.print(table)


def _functions(report: Report, rows: Rows, title: str, total: int) -> None:
    whole = sum(row[2] for row in rows.values())
    table = Table(title=f"dearest: {title}", title_justify="left", title_style="bold")
    table.add_column("function")
    table.add_column("calls an order", justify="right")
    table.add_column("own us an order", justify="right")
    table.add_column("share", justify="right")
    for (path, number, name), row in sorted(rows.items(), key=lambda r: -r[1][2])[:DEAREST]:
        where = f"{'/'.join(path.split('/')[-2:])}:{number} {name}" if number else name
        own = row[2]
        calls, each = f"{row[1] / total:,.1f}", f"{own / total * 1e6:,.1f}"
        table.add_row(where, calls, each, f"{own / whole:.0%}")
    report.console.print(table)
