"""A real PostgreSQL for the tests: one per test run, a fresh database per test.

All workers of one pytest-xdist run share a server. The first starts it; the last one out stops it
and removes its folder. What a killed run left behind is cleaned up by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from entrepot.ground.cluster import Cluster
from entrepot.ground.processes import Identity, identity, is_alive
from entrepot.ground.settings import Settings

TEMPORARY = Path("/tmp")  # short: a socket's path may have 107 bytes
SHARED = "entrepot-tests-"
# Small, because many may run at once; fsync stays on. Measured here for a new database: 40-80 ms
# by wal_log without compression of the log, 110-170 ms by file_copy; 30 ms to drop one.
SMALL_SERVER = {
    "max_connections": "200",
    "shared_buffers": str(128 * 128),
    "wal_compression": "off",
    "statement_timeout": "120000",
}

_numbers = count(1)


class Server(str):
    """A running server, as the address of its maintenance database."""

    __slots__ = ()

    def url(self, database: str) -> str:
        """The libpq address of another of its databases."""
        return psycopg.conninfo.make_conninfo(self, dbname=database)


def open_folder(prefix: str = "entrepot-test-") -> Path:
    """A new folder that the server's account can pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=TEMPORARY))
    folder.chmod(0o711)
    return folder


def settings_in(folder: Path, **others: str) -> Settings:
    """Settings with the data home in `folder`; `others` by variable name without its prefix."""
    values = {"ENTREPOT_DATA": str(folder)}
    return Settings.from_environment(values | {f"ENTREPOT_{k}": v for k, v in others.items()})


@contextmanager
def shared_server(run: str) -> Iterator[Server]:
    """The server of the test run named `run`, started by whoever comes first."""

    def start(folder: Path) -> None:
        Cluster(settings_in(folder / "home"), changes=SMALL_SERVER).ensure_started()

    with shared_folder(run, start) as folder:
        yield Server(Cluster(settings_in(folder / "home")).url("postgres"))


@contextmanager
def shared_folder(name: str, begin: Callable[[Path], None]) -> Iterator[Path]:
    """A folder that all workers of a test run share, as long as one of them uses it.

    begin  called by each of them, one after the other: makes what is not there yet
    """
    _remove_left_behind()
    folder = TEMPORARY / f"{SHARED}{os.geteuid()}-{name}"
    mine = folder / "users" / str(os.getpid())
    with _locked(folder):
        mine.parent.mkdir(exist_ok=True)
        who = identity(os.getpid())
        assert who is not None
        mine.write_text(who.started)
        begin(folder)
    try:
        yield folder
    finally:
        with _locked(folder):
            mine.unlink()
            if not _users(folder):
                _remove(folder)


@contextmanager
def fresh_database(server: Server, template: str | None = None) -> Iterator[str]:
    """The libpq address of a new database, a copy of `template`; dropped at the end.

    template  nobody may be connected to it; None = an empty database
    """
    name = f"test_{os.getpid()}_{next(_numbers)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            create.format(sql.Identifier(name), sql.Identifier(template or "template0"))
        )
    try:
        yield server.url(name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one worker at a time starts or stops the server in `folder`."""
    lock = folder.with_name(f"{folder.name}.lock")
    while True:
        with lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The last user of an earlier server removes the lock's file: then it is made anew.
            if lock.exists() and lock.stat().st_ino == os.fstat(file.fileno()).st_ino:
                folder.mkdir(mode=0o711, exist_ok=True)
                yield
                return


def _users(folder: Path) -> list[Identity]:
    """The living test processes that use the server in `folder`."""
    named = [Identity(int(f.name), f.read_text()) for f in (folder / "users").glob("*")]
    return [one for one in named if is_alive(one)]


def _remove(folder: Path) -> None:
    Cluster(settings_in(folder / "home"), changes=SMALL_SERVER).stop("immediate")
    shutil.rmtree(folder)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def _remove_left_behind() -> None:
    for folder in TEMPORARY.glob(f"{SHARED}{os.geteuid()}-*/"):
        lock = folder.with_name(f"{folder.name}.lock")
        with (
            contextlib.suppress(FileNotFoundError, BlockingIOError),
            lock.open("r+") as file,
        ):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _users(folder):
                _remove(folder)
