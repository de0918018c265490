"""Demos and what is served after them, as processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from entrepot.doors.runfile import read_run_file
from entrepot.ground.cluster import Cluster
from entrepot.ground.processes import is_alive
from tests.doors.door import free_port
from tests.ground.homes import kill_server
from tests.postgres import open_folder, settings_in

DAY = ("--from", "2011-08-30", "--to", "2011-08-31", "--seed", "3")
WELL, WRONG, UNUSABLE, BROKEN = 0, 1, 2, 4
PATIENCE_S = 120.0


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Home:
    """A data home with its port. Commands run in another folder than the repository's."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "home"
        self.elsewhere = folder
        self.port = free_port()
        self.settings = settings_in(self.data)
        self.started: list[subprocess.Popen[str]] = []

    @property
    def report(self) -> bytes:
        """The figures of its demo."""
        return (self.data / "report" / "report.json").read_bytes()

    @property
    def url(self) -> str:
        """Where its doors are."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self, *words: str, **settings: str) -> subprocess.Popen[str]:
        """Start a command; its output goes to files beside the home."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ENTREPOT_")}
        environment |= {"ENTREPOT_DATA": str(self.data), "ENTREPOT_PORT": str(self.port)}
        environment |= {f"ENTREPOT_{name}": value for name, value in settings.items()}
        number = len(self.started)
        with self.file(number, "out").open("w") as out, self.file(number, "err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "entrepot", *words],
                cwd=self.elsewhere,
                env=environment | {"COLUMNS": "200"},
                stdout=out,
                stderr=err,
                text=True,
            )
        self.started.append(process)
        return process

    def file(self, number: int, name: str) -> Path:
        """What the command of this number says there."""
        return self.elsewhere / f"{number}.{name}"

    def said(self, process: subprocess.Popen[str]) -> Ended:
        """What it has said so far."""
        number = self.started.index(process)
        out, err = (self.file(number, name).read_text() for name in ("out", "err"))
        return Ended(process.poll() or 0, out, err)

    def end(self, process: subprocess.Popen[str], seconds: float = PATIENCE_S) -> Ended:
        """Wait for its end."""
        process.wait(seconds)
        return self.said(process)

    def run(self, *words: str, **settings: str) -> Ended:
        """Run a command to its end."""
        return self.end(self.begin(*words, **settings))

    def wait_for(self, process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
        """Wait until it says something."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            said = self.said(process)
            found = re.search(pattern, said.out + said.err)
            if found is not None:
                return found
            assert process.poll() is None, said
            assert time.monotonic() < deadline, f"never said: {pattern}\n{said}"
            time.sleep(0.05)

    def kill_all(self) -> None:
        """End whatever runs there at once, as the power does."""
        known = read_run_file(self.settings)
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for child in known.children if known is not None else ():
            if child.process is not None and is_alive(child.process):
                os.kill(child.process.pid, signal.SIGKILL)
        kill_server(Cluster(self.settings))


@contextmanager
def new_demo_home() -> Iterator[Home]:
    """A place for a demo; what runs there is ended afterwards."""
    folder = open_folder("entrepot-demo-")
    home = Home(folder)
    try:
        yield home
    finally:
        home.kill_all()
        shutil.rmtree(folder)


def answers(url: str) -> bool:
    """Whether anybody listens there."""
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True
