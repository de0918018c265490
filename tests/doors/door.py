"""A real door process over a real database, for tests of the HTTP API."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
from psycopg.conninfo import conninfo_to_dict

from entrepot.departments.access import service as access
from entrepot.departments.access.model import (
    ChangeRole,
    CreateKey,
    CreatePrincipal,
    NewKey,
    PrincipalKind,
)
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database, Tx
from tests.builders import ME
from tests.processes import end

READY_S = 30


class Door(NamedTuple):
    """Where it listens, and a key for each role."""

    url: str
    keys: Mapping[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    def client(self, role: str | None = "admin") -> httpx.Client:
        """A client that shows the key of a role; None = no key."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_address(database_url: str) -> str:
    """A libpq connection string in the form of an address."""
    parts = conninfo_to_dict(database_url)
    query = urlencode({"host": parts["host"], "port": parts["port"]})
    return f"postgresql://{parts['user']}@/{parts['dbname']}?{query}"


def keys_for(database: Database, roles: tuple[str, ...]) -> dict[str, str]:
    """A principal with a key for each role."""

    def work(tx: Tx) -> dict[str, str]:
        found = {}
        for role in roles:
            principal = f"test-{role}"
            access.create_principals(
                tx, [CreatePrincipal("c", ME, principal, PrincipalKind.service)]
            )
            access.grant_roles(tx, [ChangeRole("c", ME, principal, role)])
            (made,) = access.create_keys(tx, [CreateKey("c", ME, principal)])
            assert isinstance(made, NewKey)
            found[role] = made.key
        return found

    return database.run(work)


@contextmanager
def running_door(
    database_url: str, keys: Mapping[str, str], folder: Path, port: int | None = None
) -> Iterator[Door]:
    """Start `entrepot door` on a free port and wait until it answers."""
    port = port or free_port()
    log = folder / f"door-{port}.log"
    environment = {
        **os.environ,
        "ENTREPOT_DATABASE_URL": as_address(database_url),
        "ENTREPOT_DATA": str(folder),
        "ENTREPOT_PORT": str(port),
        "ENTREPOT_POOL": "8",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "entrepot", "door"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        door = Door(f"http://127.0.0.1:{port}", keys, process, log)
        _wait(door)
        yield door
    finally:
        end(process)


def _wait(door: Door) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + READY_S
    while clock.monotonic() < deadline:
        if door.process.poll() is not None:
            break
        try:
            if httpx.get(f"{door.url}/v1/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            clock.sleep(0.05)
    raise AssertionError(f"the door did not open:\n{door.log.read_text()}")
