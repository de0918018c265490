"""A real S3 server for the tests of the archive, on loopback, that can be hung."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from entrepot.ground.stores import Place, open_store
from entrepot.words.outcome import Unavailable
from tests.processes import until

KEY_ID, SECRET = "archive-key", "archive-secret"
START_S = 60.0


class Seaweed(NamedTuple):
    """A running server."""

    port: int
    pid: int

    def place(self, prefix: str, timeout_s: int = 2) -> Place:
        """Somewhere in its bucket."""
        return Place(
            f"s3://history/{prefix}",
            f"http://127.0.0.1:{self.port}",
            None,
            KEY_ID,
            SECRET,
            timeout_s,
        )

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It answers nothing and closes nothing, until the end of the block."""
        os.kill(self.pid, signal.SIGSTOP)
        # Its threads stop one after another, and one may still answer.
        until(lambda: _is_stopped(self.pid), "the server stops")
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    """Source: proc_pid_stat(5), field 3; the name before it may hold anything but a last `)`."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def running(folder: Path) -> Iterator[Seaweed]:
    """A server that keeps its files in `folder`."""
    who = {
        "name": "archive",
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
    parts = ("master", "volume", "filer", "s3")
    ports = dict(
        zip((f"{p}.port{g}" for p in parts for g in ("", ".grpc")), _free_ports(8), strict=True)
    )
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 20,
        "s3.config": folder / "s3.json",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": folder / "s3.sock",
        "filer.localSocket": folder / "filer.sock",
        **ports,
    }
    program = Path(sys.executable).with_name("weed")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                "-logtostderr=true",
                "server",
                "-s3",
                *(f"-{n}={v}" for n, v in options.items()),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        server = Seaweed(ports["s3.port"], process.pid)
        until(lambda: _answers(server), "the S3 server", START_S)
        yield server
    finally:
        process.kill()  # it would take its time, for files that nobody wants
        process.wait()


def _answers(server: Seaweed) -> bool:
    try:
        open_store(server.place("first")).put_bytes("is/there", b"yes")
    except Unavailable:
        return False
    return True
