"""Placing orders over years of history, against placing them over none: the same machine, the same
server, the same rounds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import perf_counter

import psycopg
from psycopg import sql
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import retailer
from benchmarks.aging import History, fill
from benchmarks.orders import THREADS, batches, place
from benchmarks.runner import Report, Way, dealt, per_second, threads
from benchmarks.server import Server
from entrepot.departments.inventory import service as inventory
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import Settings

ORDERS, ORDERS_QUICK = 10_000_000, 120_000
RATIO_MIN = 0.85
BATCH, PLACED = 500, 6_000
# While it is filled: fewer checkpoints, and whole pages in the log as they are.
FILLING = {"max_wal_size": "16384", "checkpoint_timeout": "1800", "wal_compression": "off"}
SIZES = """
SELECT n.nspname || '.' || c.relname, pg_total_relation_size(c.oid)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND NOT c.relispartition AND n.nspname = ANY(%(schemas)s)
 UNION ALL
SELECT n.nspname || '.' || c.relname, sum(pg_total_relation_size(t.relid))
  FROM pg_partitioned_table AS p JOIN pg_class AS c ON c.oid = p.partrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL pg_partition_tree(c.oid) AS t
 WHERE n.nspname = ANY(%(schemas)s)
 GROUP BY 1
 ORDER BY 2 DESC
 LIMIT 12
"""
SCHEMAS = ["ordering", "inventory", "events", "decisions", "ground"]
# The index that each table's rows are found by, in the partition that is written to now.
DEPTHS = """
SELECT i.relname, b.level + 1, pg_relation_size(i.oid)
  FROM pg_class AS i
  JOIN pg_namespace AS n ON n.oid = i.relnamespace
 CROSS JOIN LATERAL bt_metap(n.nspname || '.' || i.relname) AS b
 WHERE i.relkind = 'i' AND i.relname = ANY(%s)
 ORDER BY i.relname
"""


def home() -> Path:
    """Where the aged database is kept from one run to the next."""
    return Path(tempfile.gettempdir()) / f"entrepot-aged-{os.geteuid()}"


def run(report: Report, _server: Server) -> None:
    """Fill, or go on with it; then compare."""
    orders = ORDERS_QUICK if report.quick else ORDERS
    folder = home() / str(orders)
    folder.mkdir(parents=True, exist_ok=True)
    for each in (home(), folder):
        each.chmod(0o711)
    _fill(report, folder, orders)
    with _started(folder, {}) as cluster:
        _sizes(report, cluster.url("aged"), orders)
        _compare(report, cluster)
    report.note(f"the aged database stays in {folder}; remove that folder when you are done")


@contextmanager
def _started(folder: Path, changes: dict[str, str]) -> Iterator[Cluster]:
    cluster = Cluster(
        Settings.from_environment({"ENTREPOT_DATA": str(folder / "home")}), changes=changes
    )
    cluster.ensure_started()
    try:
        yield cluster
    finally:
        cluster.stop()


def _ensure(cluster: Cluster, name: str, *, anew: bool = False) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        if anew:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if found.fetchone() is None:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            connection.execute(create)


def _fill(report: Report, folder: Path, orders: int) -> None:
    begun = perf_counter()
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=report.console
    )
    with _started(folder, FILLING) as cluster, progress:
        _ensure(cluster, "aged")
        task = progress.add_task("history", total=1.0)
        fill(
            cluster.url("aged"),
            History(orders, datetime.now(UTC)),
            lambda words, share: progress.update(task, description=words, completed=share),
        )
    took = perf_counter() - begun
    report.add("aged", f"history of {orders:,} orders filled, or found filled", "s", [took])
    report.note(f"aged_fill_s: {took:.0f} s for {orders:,} orders in this run")


def _sizes(report: Report, url: str, orders: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (
            0,
        )
        rows = connection.execute(SIZES, {"schemas": SCHEMAS}).fetchall()
        found = connection.execute("SELECT count(*) FROM ordering.orders").fetchone()
    listed = ", ".join(f"{name} {bytes_ / 2**30:.2f}" for name, bytes_ in rows)
    report.note(f"aged_gib: {size / 2**30:.1f} GiB, {size / orders:,.0f} bytes an order: {listed}")
    report.check(bool(found) and found[0] >= orders, f"{orders:,} orders of history are there")


def _compare(report: Report, cluster: Cluster) -> None:
    _ensure(cluster, "fresh", anew=True)
    migrate(cluster.url("fresh"))
    retailer.fill(cluster.url("fresh"))
    numbers = count(int(perf_counter() * 1_000))
    with (
        Database(cluster.url("fresh"), connections_max=8, name="fresh") as fresh,
        Database(cluster.url("aged"), connections_max=8, name="aged") as aged,
        psycopg.connect(cluster.url("postgres"), autocommit=True) as maintenance,
    ):

        def rate(database: Database) -> float:
            wanted = retailer.orders(report.scaled(PLACED), next(numbers))
            hands = dealt(batches(wanted, BATCH), THREADS)
            # Both begin where every page they touch goes to the log whole.
            maintenance.execute("CHECKPOINT")
            with threads(THREADS) as together:

                def work() -> None:
                    together(lambda n: [place(database, batch) for batch in hands[n]])
                    drain(database)

                return per_second(len(wanted), work)

        found = report.compare(
            "aged",
            f"place orders in batches of {BATCH}, {THREADS} threads",
            "orders/s",
            [Way("no history", lambda: rate(fresh)), Way("years of it", lambda: rate(aged))],
        )
        with aged.transaction(read_only=True) as tx:
            findings, _ = inventory.audit(tx) if report.quick else ([], {})
    report.check(not findings, f"the aged ledger is sound {findings[:3] or ''}")
    _depths(report, cluster)
    ratio = found[1].ratio or 0.0
    report.note(f"aged_ratio: {ratio:.2f}, at least {RATIO_MIN} is wanted")
    if not report.quick:
        report.check(ratio >= RATIO_MIN, f"aged_ratio {ratio:.2f} is at least {RATIO_MIN}")


def _depths(report: Report, cluster: Cluster) -> None:
    """How deep the indexes are that an order's rows go to."""
    month = f"{datetime.now(UTC):%Y%m}"
    tables = ("movement", "reservation", "event", "decision")
    names = ["orders_pkey", "line_pkey", "part_pkey", "part_line_pkey", "expectation_pkey"]
    shown = {}
    for database, present in (("fresh", "first"), ("aged", month)):
        wanted = names + [f"{table}_{present}_pkey" for table in tables]
        with psycopg.connect(cluster.url(database), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
            rows = connection.execute(DEPTHS, (wanted,)).fetchall()
        shown[database] = ", ".join(f"{n} {d} ({s / 2**20:,.0f} MiB)" for n, d, s in rows)
    for database, words in shown.items():
        report.note(f"levels of the indexes that are written to, {database}: {words}")
