"""`entrepot serve` over a data home of its own: filled, started, killed and looked into."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import psutil
import psycopg

from benchmarks import retailer
from benchmarks.doors import ROOT, free_port
from entrepot.departments.access.model import FIRST_ADMIN
from entrepot.flows.watch.audit import audit
from entrepot.ground.cluster import Cluster
from entrepot.ground.cluster_locks import server_processes
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import Settings

DOORS = 2
POOL = 8
READY_S = 60.0
STOP_S = 60.0
FLOOR_MIB = 64
PIDFD_GETFD = 438  # the same number on every architecture: Linux, include/uapi/asm-generic/unistd.h
_LIBC = ctypes.CDLL(None, use_errno=True)
# `serve`, which the kernel asks to end (SIGTERM) when this process is killed. Source: prctl(2).
_WITH_US = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.executable, [sys.executable, "-m", "entrepot", "serve"])
"""

GUARDS = ("fsync", "synchronous_commit", "full_page_writes")
WITHOUT_SYNC = "ALTER DATABASE entrepot SET synchronous_commit = off"
ORDERS = "SELECT command_id, order_id FROM ordering.orders WHERE command_id LIKE %s"
WITHOUT_LIMIT = "SET LOCAL statement_timeout = 0"
LOG_WRITER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"
DROP = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Shop:
    """One installation.

    home  its data home
    log   where what it says goes; not in the data home, which may lose its power
    """

    def __init__(self, home: Path, log: Path) -> None:
        self.home = home
        self.port = free_port()
        self.authorization = ""
        self._log = log
        self._environment = {
            "ENTREPOT_DATA": str(home),
            "ENTREPOT_PORT": str(self.port),
            "ENTREPOT_DOORS": str(DOORS),
            "ENTREPOT_POOL": str(POOL),
            "ENTREPOT_DISK_FLOOR_MIB": str(FLOOR_MIB),
            "ENTREPOT_LOG_LEVEL": "error",
        }
        self._settings = Settings.from_environment(self._environment)
        self._cluster = Cluster(self._settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._deadlocks: set[str] = set()

    @property
    def url(self) -> str:
        """The address of its database."""
        return self._cluster.url()

    def make(self, items: int) -> None:
        """A new database with a retailer of so many items."""
        self._cluster.ensure_started()
        migrate(self.url)
        retailer.fill(self.url, items)
        self._cluster.stop()

    def trust_memory(self) -> None:
        """From now on commits are acknowledged before they are on the disk: for a control."""
        with self._connected() as connection:
            connection.execute(WITHOUT_SYNC)
        self.cut_connections()  # sessions that begin from now on are told so
        assert self.guards()["synchronous_commit"] == "off", "the control is told to be unsafe"

    def start(self) -> None:
        """Let `serve` begin; nothing is waited for."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _WITH_US, str(os.getpid())],
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **self._environment},
            )

    def wait_ready(self) -> None:
        """Until it answers; the first time it tells the key of its administrator."""
        self._until(self._listens, "listens")
        if not self.authorization:
            self._until(lambda: "ent_" in self._log.read_text(), "tells a key")
            key = next(w for w in self._log.read_text().split() if w.startswith("ent_"))
            self.authorization = f"Bearer {key}"

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = perf_counter() + READY_S
        while not condition():
            assert self._process is not None and self._process.poll() is None, self._last_words()
            assert perf_counter() < end, f"not in {READY_S:.0f} s: {what}; {self._last_words()}"
            sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:]

    def server(self) -> list[int]:
        """The process ids of the supervisor, the doors and the worker."""
        assert self._process is not None
        return [self._process.pid, *self._children()]

    def postgres(self) -> list[int]:
        """The process ids of PostgreSQL, all of them."""
        return server_processes(self._cluster.data)

    def kill(self, pids: Sequence[int]) -> None:
        """kill -9 of these."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None and self._process.pid in pids:
            self._process.wait()

    def cut_connections(self) -> str:
        """End every connection of the doors and the worker, to PostgreSQL and to buyers, at once.

        Gives how: at the sockets of these processes, or, where that is not permitted, by
        PostgreSQL on the side of its own.
        """
        try:
            cut = sum(_cut_sockets(pid, self.port) for pid in self._children())
        except OSError:
            with self._connected() as connection:
                connection.execute(DROP)
            return "by PostgreSQL"
        assert cut, "a server at work has connections"
        return "at the sockets"

    def hold_log_writer(self) -> None:
        """Stop the process that brings what nobody waits for to the disk; it stays stopped."""
        with self._connected() as connection:
            row = connection.execute(LOG_WRITER).fetchone()
        assert row is not None, "PostgreSQL has a writer of its log"
        os.kill(row[0], signal.SIGSTOP)

    def _children(self) -> list[int]:
        assert self._process is not None
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [child.pid for child in found if child.name() != "postgres"]

    def end(self) -> None:
        """End it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_S)
        self._cluster.stop("immediate")

    def orders(self, keys: str = "") -> dict[str, list[str]]:
        """The orders in the database by the key they were placed with.

        keys  only keys that begin so
        """
        found: dict[str, list[str]] = defaultdict(list)
        actor = f"{FIRST_ADMIN}:"
        with self._connected() as connection:
            for command_id, order_id in connection.execute(ORDERS, (f"{actor}{keys}%",)):
                found[command_id.removeprefix(actor)].append(order_id)
        return found

    def audit(self) -> list[str]:
        """What the audit finds."""
        with (
            Database(self.url, connections_max=1, name="crash-audit") as database,
            database.transaction(read_only=True) as tx,
        ):
            tx.run(WITHOUT_LIMIT)
            return audit(tx).findings

    def guards(self) -> dict[str, str]:
        """The settings that guard a commit, as a session of the application is told them."""
        with Database(self.url, connections_max=1) as database, database.session() as session:
            rows = [(name, session.execute(f"SHOW {name}").fetchone()) for name in GUARDS]
        return {name: str(row[0]) for name, row in rows if row is not None}

    def deadlocks(self) -> int:
        """How many PostgreSQL has told of so far, in logs that may be lost later too."""
        for path in self._settings.logs.glob("postgresql-*.log"):
            with path.open(errors="replace") as lines:
                self._deadlocks |= {line for line in lines if "deadlock detected" in line}
        return len(self._deadlocks)

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True)


def _cut_sockets(pid: int, port: int) -> int:
    """Shut down a process's connections to PostgreSQL and those that came in at `port`.

    Raises: OSError when its sockets may not be taken hold of.
    Source: pidfd_getfd(2).
    """
    cut = 0
    process = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if not str(entry.readlink()).startswith("socket:"):
                    continue
            found = _LIBC.syscall(PIDFD_GETFD, process, int(entry.name), 0)
            if found < 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error))
            with socket.socket(fileno=found) as held:
                cut += _cut(held, port)
    finally:
        os.close(process)
    return cut


def _cut(held: socket.socket, port: int) -> bool:
    try:
        there, here = held.getpeername(), held.getsockname()
    except OSError:  # it listens, or is not connected any more
        return False
    to_postgres = held.family == socket.AF_UNIX and ".s.PGSQL." in str(there)
    from_buyer = held.family == socket.AF_INET and here[1] == port
    if to_postgres or from_buyer:
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
    return to_postgres or from_buyer
