"""Data homes for the tests of the cluster: made once, copied for each test, removed at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from entrepot.ground.cluster import Cluster
from entrepot.ground.cluster_locks import server_processes
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Fault
from tests.postgres import SMALL_SERVER, open_folder, settings_in


@contextmanager
def new_home(prefix: str = "entrepot-test-") -> Iterator[Path]:
    """A place for a data home; whatever runs there is ended afterwards, whatever state it is in."""
    folder = open_folder(prefix)
    home = folder / "home"
    try:
        yield home
    finally:
        kill_server(Cluster(settings_in(home)))
        shutil.rmtree(folder)


def small_cluster(home: Path, **others: str) -> Cluster:
    """The cluster of a data home, with little memory."""
    return Cluster(settings_in(home, **others), changes=SMALL_SERVER)


def copy_home(source: Path, target: Path) -> None:
    """A copy with owners and modes."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def kill_server(cluster: Cluster) -> None:
    """As the power does: the server and all its children at once, nothing cleaned up."""
    for pid in server_processes(cluster.data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server_processes(cluster.data))


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Raises: AssertionError when the condition does not become true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def note(url: str, text: str) -> None:
    """Commit one row that must still be there afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS noted (text text)")
        connection.execute("INSERT INTO noted VALUES (%s)", (text,))


def notes(url: str) -> list[str]:
    """The rows noted so far."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM noted ORDER BY text")]


def refusal_of(cluster: Cluster) -> str:
    """The message with which a start is refused."""
    try:
        cluster.ensure_started()
    except Fault as fault:
        return str(fault)
    raise AssertionError("the start was not refused")


def settings_of(home: Path) -> Settings:
    """The settings of a data home."""
    return settings_in(home)
