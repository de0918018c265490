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
from entrepot.words.outcome import Fault
from tests.postgres import SMALL_SERVER, open_folder, settings_in

NOBODY = 65534


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


def foreign_files(home: Path, version: str | None) -> Path:
    """Something in the place of the data directory that is none of ours; gives the place."""
    data = home / "postgres" / "data"
    (data / "global").mkdir(parents=True)
    (data / "global" / "pg_control").touch()
    if version is not None:
        (data / "PG_VERSION").write_text(version)
    home.chmod(0o711)
    (home / "postgres").chmod(0o711)
    return data


def kill_server(cluster: Cluster) -> None:
    """As the power does: the server and all its children at once, nothing cleaned up."""
    for pid in server_processes(cluster.data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server_processes(cluster.data))


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
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


def as_account(uid: int, work: Callable[[], object]) -> str:
    """What `work` gives or raises, as text, done by another account when we are root."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(uid)
                os.setuid(uid)
            said = str(work())
        except BaseException as error:
            said = str(error)
        finally:
            os.write(write, said.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def refusal_of(cluster: Cluster) -> str:
    """The message with which a start is refused."""
    try:
        cluster.ensure_started()
    except Fault as fault:
        return str(fault)
    raise AssertionError("the start was not refused")
