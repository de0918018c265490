"""One command, several processes: kept up, and ended with whoever runs them."""

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
import pytest

from entrepot.doors.runfile import RunFile, read_run_file, run_file_path
from entrepot.ground.cluster import Cluster
from entrepot.ground.processes import Identity
from tests.doors.supervised import CRASHING, DEAF_DOOR, IDLE, POLITE_DOOR
from tests.ground.homes import kill_server, new_home, note, notes, small_cluster, wait_until
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
def _house(children: Mapping[str, str] = CHILDREN) -> Iterator[House]:
    with new_home() as home:
        house = House(home, children)
        try:
            yield house
        finally:
            house.end()
            kill_server(Cluster(house.settings))


@pytest.fixture(scope="module")
def long_running() -> Iterator[House]:
    """A house that stays up for the tests that only look at it."""
    with _house({**CHILDREN, "planner": IDLE}) as house:
        house.start_ready()
        yield house


def _alive(pids: dict[str, int]) -> set[str]:
    return {
        name
        for name, pid in pids.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }


def test_everything_is_started_and_described(long_running: House) -> None:
    run = long_running.run_file()
    assert run.is_current
    assert long_running.process is not None
    assert run.supervisor.pid == long_running.process.pid
    assert (run.state, run.port, run.embedded) == ("ready", long_running.port, True)
    names = [(c.name, c.state, c.restarts) for c in run.children]
    assert names == [(name, "ready", 0) for name in ("door-1", "door-2", "worker", "planner")]
    assert small_cluster(long_running.home).status().state == "ready"
    assert (long_running.home / "prepared").read_text() == small_cluster(long_running.home).url()
    assert psutil.Process(long_running.pids()["planner"]).nice() == 5
    assert psutil.Process(long_running.pids()["worker"]).nice() == 0


def test_killed_child_is_started_again(long_running: House) -> None:
    before = long_running.pids()
    os.kill(before["door-1"], signal.SIGKILL)
    wait_until(lambda: long_running.pids().get("door-1") not in (None, before["door-1"]))
    wait_until(lambda: all(c.state == "ready" for c in long_running.run_file().children))
    after = long_running.pids()
    assert {name for name in after if after[name] != before[name]} == {"door-1"}
    assert [c.restarts for c in long_running.run_file().children] == [1, 0, 0, 0]


def test_killed_postgres_is_started_again(long_running: House) -> None:
    cluster = small_cluster(long_running.home)
    first = cluster.status().pid
    note(cluster.url(), "acknowledged")
    kill_server(cluster)
    wait_until(lambda: cluster.status().state == "ready")
    assert cluster.status().pid != first
    assert notes(cluster.url()) == ["acknowledged"]
    assert len(_alive(long_running.pids())) == 4


def test_second_supervisor_is_refused(long_running: House) -> None:
    second = House(long_running.home)
    second.start()
    wait_until(second.has_ended)
    assert long_running.process is not None
    said = second.said()
    assert f"already runs here (process {long_running.process.pid}, port" in said
    assert long_running.run_file().is_current


def test_port_in_use_names_its_holder(long_running: House) -> None:
    with _house() as house:
        house.port = long_running.port
        house.start()
        wait_until(house.has_ended)
        said = house.said()
        assert f"port {house.port} on 127.0.0.1 is in use by process " in said
        assert (
            str(long_running.pids()["door-1"]) in said or str(long_running.pids()["door-2"]) in said
        )
        assert not (house.home / "postgres").exists(), "nothing may be started before"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_everything(number: signal.Signals) -> None:
    with _house() as house:
        house.start_ready()
        pids = house.pids()
        house.signal(number)
        assert "supervisor.ended" in house.said()
        assert house.process is not None
        assert house.process.returncode == 0
        assert not _alive(pids)
        assert small_cluster(house.home).status().state == "stopped"
        assert not run_file_path(house.settings).exists()


def test_second_signal_does_not_wait() -> None:
    with _house({"door-1": DEAF_DOOR}) as house:
        house.start_ready()
        pids = house.pids()
        house.signal(signal.SIGTERM)
        wait_until(lambda: house.run_file().state == "stopping")
        assert _alive(pids)
        house.signal(signal.SIGTERM)
        assert "child.killed" in house.said()
        assert not _alive(pids)


def test_killed_supervisor_takes_its_children_and_leaves_postgres() -> None:
    with _house({"door-1": POLITE_DOOR, "door-2": DEAF_DOOR, "worker": IDLE}) as house:
        house.start_ready()
        pids = house.pids()
        postgres = small_cluster(house.home).status().pid
        note(small_cluster(house.home).url(), "acknowledged")
        house.signal(signal.SIGKILL)
        wait_until(lambda: _alive(pids) == {"door-2"})
        assert not house.run_file().is_current
        assert small_cluster(house.home).status().pid == postgres

        # The deaf door still has the port; the next supervisor knows whose it is.
        house.start_ready()
        assert not _alive(pids)
        assert small_cluster(house.home).status().pid == postgres
        assert notes(small_cluster(house.home).url()) == ["acknowledged"]
        house.signal(signal.SIGTERM)
        said = house.said()
        assert "supervisor.left_behind_killed" in said
        assert "cluster.attached" in said


def test_stale_run_file_harms_nobody() -> None:
    """Its numbers belong to others by now."""
    with _house() as house:
        house.start_ready()
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            text = run_file_path(house.settings).read_text()
            for pid in house.pids().values():
                text = text.replace(f"[{pid},", f"[{stranger.pid},")
            house.signal(signal.SIGTERM)
            house.said()
            assert str(Identity(stranger.pid, "")[0]) in text
            run_file_path(house.settings).write_text(text)
            house.start_ready()
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


def test_child_that_never_starts_ends_the_start_with_a_reason() -> None:
    with _house({"door-1": POLITE_DOOR, "worker": CRASHING}) as house:
        house.start()
        wait_until(house.has_ended)
        said = house.said()
        assert house.process is not None
        assert house.process.returncode == 1
        assert "worker ended 3 times soon after its start; last: exit code 7" in said
        assert small_cluster(house.home).status().state == "stopped"


def test_crash_loop_is_told_and_the_others_go_on() -> None:
    with _house() as house:
        house.start_ready()
        doors = {name: house.pids()[name] for name in ("door-1", "door-2")}

        def kill_until_failing() -> bool:
            worker = house.pids().get("worker")
            if worker is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            return house.run_file().children[2].state == "failing"

        wait_until(kill_until_failing, 30)
        assert _alive(doors) == {"door-1", "door-2"}
        house.signal(signal.SIGTERM)
        assert "worker ended 5 times soon after its start; last: signal SIGKILL" in house.said()
