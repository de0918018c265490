"""The throw-away PostgreSQL of a run, as the product starts it, and what the machine can do."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import psycopg
from psycopg import sql

from entrepot.ground.cluster import Cluster
from entrepot.ground.cluster_account import installed_programs
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate
from entrepot.ground.processes import Identity, identity, is_alive
from entrepot.ground.settings import Settings

PREFIX = "entrepot-benchmark-"
OWNER_FILE = "owner"
SHOWN = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "data_checksums",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
)
PGBENCH_CLIENTS = 8
# Items of the retailer in a database filled with one, by what it is called.
RETAILERS = {"retailer": 10_000, "small": 1_000, "large": 100_000}
PAGE = bytes(8192)


class Server:
    """A running server with databases of its own."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._numbers = count(1)
        self._templates: dict[str, str] = {}
        self.folder = folder

    @contextmanager
    def database(self, fill: str = "migrated") -> Iterator[str]:
        """The address of a fresh database, as its owner; dropped at the end.

        fill  `empty`: nothing; `migrated`: the schema alone; a name of `RETAILERS`: with the
              retailer of the benchmarks
        """
        name = f"benchmark_{next(self._numbers)}"
        self._create(name, self._template(fill))
        try:
            yield self._cluster.url(name)
        finally:
            with self._maintenance() as connection:
                connection.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                )

    @contextmanager
    def opened(self, fill: str = "migrated", connections: int = 16) -> Iterator[Database]:
        """A fresh database as the application opens it."""
        with (
            self.database(fill) as url,
            Database(url, connections_max=connections, name="benchmark") as database,
        ):
            yield database

    def empty(self, name: str) -> str:
        """The address of a new empty database that stays."""
        self._create(name, "template0")
        return self._cluster.url(name)

    def cpu_seconds(self) -> float:
        """What this run has used so far: this process, PostgreSQL, and all they have started."""
        family = [psutil.Process(), psutil.Process(self._cluster.status().pid)]
        family += [child for one in family for child in one.children(recursive=True)]
        used = {one.pid: _used(one) for one in family}
        return sum(used.values())

    def settings(self) -> dict[str, str]:
        """The settings that a reader of figures wants to know."""
        with self._maintenance() as connection:
            return {
                name: str(connection.execute(f"SHOW {name}").fetchone()[0])  # type: ignore[index]
                for name in SHOWN
            }

    def _template(self, fill: str) -> str:
        if fill == "empty":
            return "template0"
        if fill not in self._templates:
            if fill == "migrated":
                url = self.empty("migrated")
                migrate(url)
            else:
                from benchmarks import retailer  # it needs this module

                self._create(fill, self._template("migrated"))
                retailer.fill(self._cluster.url(fill), RETAILERS[fill])
            self._templates[fill] = fill
        return self._templates[fill]

    def _create(self, name: str, template: str) -> None:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with self._maintenance() as connection:
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
            connection.execute("CHECKPOINT")

    def _maintenance(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._cluster.url("postgres"), autocommit=True)


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


class Neighbors:
    """How much of the machine others use while something is measured here."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._begun = perf_counter(), self._busy(), server.cpu_seconds()

    @staticmethod
    def _busy() -> float:
        times = psutil.cpu_times()
        return sum(times) - times.idle - getattr(times, "iowait", 0.0)

    def share(self) -> float:
        """Of all cores, since the beginning; 0.25 = a quarter."""
        then, busy, ours = self._begun
        others = self._busy() - busy - (self._server.cpu_seconds() - ours)
        return max(0.0, others) / (perf_counter() - then) / (os.cpu_count() or 1)


@contextmanager
def started() -> Iterator[Server]:
    """A server for one run; stopped and removed at its end, also by the next run after a kill."""
    _remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.geteuid()}-"))
    folder.chmod(0o711)
    us = identity(os.getpid())
    assert us is not None, "we are running"
    (folder / OWNER_FILE).write_text(f"{us.pid} {us.started}")
    cluster = _cluster(folder)
    try:
        cluster.ensure_started()
        yield Server(cluster, folder)
    finally:
        _remove(folder)


def _cluster(folder: Path) -> Cluster:
    settings = Settings.from_environment({"ENTREPOT_DATA": str(folder / "home")})
    # Doors, plain clients and processes that place, in one run beside one another.
    return Cluster(settings, changes={"max_connections": "150"})


def _remove(folder: Path) -> None:
    for part in psutil.disk_partitions(all=True):
        # A disk that could lose its power (`power`), left by a run that was killed.
        if Path(part.mountpoint).is_relative_to(folder):
            subprocess.run(["umount", part.mountpoint], check=True)
    _cluster(folder).stop("immediate")
    shutil.rmtree(folder)


def _remove_left_behind() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}{os.geteuid()}-*/"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid, _, since = (folder / OWNER_FILE).read_text().partition(" ")
            if not is_alive(Identity(int(pid), since)):
                _remove(folder)


def machine(server: Server) -> dict[str, Any]:
    """What the figures were measured on."""
    memory = psutil.virtual_memory()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": memory.total // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(server.folder),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "postgresql": server.settings(),
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    parts = [p for p in psutil.disk_partitions(all=True) if folder.is_relative_to(p.mountpoint)]
    return max(parts, key=lambda p: len(p.mountpoint)).fstype if parts else "unknown"


def syncs_per_second(folder: Path, seconds: float) -> float:
    """How many 8 kB pages one after another reach the disk in a second, as pg_test_fsync does."""
    path = folder / "sync-test"
    with path.open("wb", buffering=0) as file:
        file.write(PAGE)
        os.fsync(file.fileno())
        done, begun = 0, perf_counter()
        while (taken := perf_counter() - begun) < seconds:
            os.pwrite(file.fileno(), PAGE, 0)
            os.fdatasync(file.fileno())
            done += 1
    path.unlink()
    return done / taken


def pgbench(url: str, seconds: int, *, make: bool = False) -> float:
    """Transactions per second of pgbench's TPC-B-like script, 8 clients.

    make  the tables are not there yet
    """
    program = str(installed_programs() / "pgbench")
    if make:
        subprocess.run([program, "-i", "-q", "-s", "10", url], check=True, capture_output=True)
    clients = ["-c", str(PGBENCH_CLIENTS), "-j", "2", "-M", "prepared"]
    done = subprocess.run(
        [program, *clients, "-n", "-T", str(seconds), url],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, f"pgbench said {done.stdout!r}"
    return float(found[1])
