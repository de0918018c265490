"""A supervisor with tiny children, run and looked at by a test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from entrepot.doors.runfile import RunFile, read_run_file
from entrepot.ground.cluster import Cluster
from tests.doors.supervised import IDLE, POLITE_DOOR
from tests.ground.homes import kill_server, new_home, wait_until
from tests.postgres import settings_in

CHILDREN = {"door-1": POLITE_DOOR, "door-2": POLITE_DOOR, "worker": IDLE}


class House:
    """A supervisor under test."""

    def __init__(self, home: Path, children: Mapping[str, str] = CHILDREN) -> None:
        self.home = home
        self.settings = settings_in(home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.children = children
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the supervisor; returns at once."""
        (self.home / "ready").unlink(missing_ok=True)
        order = {"home": str(self.home), "port": self.port, "children": self.children}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.doors.supervised", json.dumps(order)],
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_ready(self) -> RunFile:
        """Start it and wait until all are ready."""
        self.start()
        wait_until(lambda: (self.home / "ready").exists() or self.has_ended())
        assert not self.has_ended(), self.said()
        return self.run_file()

    def run_file(self) -> RunFile:
        """What it says of itself."""
        found = read_run_file(self.settings)
        assert found is not None
        return found

    def pids(self) -> dict[str, int]:
        """Its children's process ids by name."""
        return {c.name: c.process.pid for c in self.run_file().children if c.process is not None}

    def has_ended(self) -> bool:
        """Whether the supervisor is gone."""
        return self.process is not None and self.process.poll() is not None

    def said(self) -> str:
        """All it wrote to stderr, after its end."""
        assert self.process is not None
        return self.process.communicate(timeout=30)[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """Whatever is left of it."""
        known = read_run_file(self.settings) if self.home.exists() else None
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.communicate()
        for child in known.children if known is not None else ():
            if child.process is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.process.pid, signal.SIGKILL)


@contextmanager
def new_house(children: Mapping[str, str] = CHILDREN) -> Iterator[House]:
    """A house in a new data home; all of it is ended afterwards."""
    with new_home() as home:
        house = House(home, children)
        try:
            yield house
        finally:
            house.end()
            kill_server(Cluster(house.settings))


def alive(pids: dict[str, int]) -> set[str]:
    """Which of these processes still run."""
    return {
        name
        for name, pid in pids.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }
