"""One command, several processes: kept up, and ended with whoever runs them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import psutil
import pytest

from entrepot.doors.runfile import RunFile, RunningChild, run_file_path, write_run_file
from entrepot.ground.processes import Identity
from tests.doors.running import CHILDREN, House, alive, new_house
from tests.doors.supervised import CRASHING, DEAF_DOOR, IDLE, POLITE_DOOR
from tests.ground.homes import kill_server, note, notes, small_cluster, wait_until


@pytest.fixture(scope="module")
def long_running() -> Iterator[House]:
    """A house that stays up for the tests that only look at it."""
    with new_house({**CHILDREN, "planner": IDLE}) as house:
        house.start_ready()
        yield house


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
    own = psutil.Process().nice()
    assert psutil.Process(long_running.pids()["planner"]).nice() == own + 5
    assert psutil.Process(long_running.pids()["worker"]).nice() == own


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
    assert len(alive(long_running.pids())) == 4


def test_second_supervisor_is_refused(long_running: House) -> None:
    second = House(long_running.home)
    second.start()
    wait_until(second.has_ended)
    assert long_running.process is not None
    said = second.said()
    assert f"already runs here (process {long_running.process.pid}, port" in said
    assert long_running.run_file().is_current


def test_port_in_use_names_its_holder(long_running: House) -> None:
    with new_house() as house:
        house.port = long_running.port
        house.start()
        wait_until(house.has_ended)
        said = house.said()
        assert f"port {house.port} on 127.0.0.1 is in use by process " in said
        assert (
            str(long_running.pids()["door-1"]) in said or str(long_running.pids()["door-2"]) in said
        )
        assert not (house.home / "postgres").exists(), "nothing may be started before"


def test_ctrl_c_ends_everything_in_order() -> None:
    with new_house() as house:
        house.start_ready()
        pids = house.pids()
        house.signal(signal.SIGINT)
        assert "supervisor.ended" in house.said()
        assert house.process is not None
        assert house.process.returncode == 0
        assert not alive(pids)
        assert small_cluster(house.home).status().state == "stopped"
        assert not run_file_path(house.settings).exists()


def test_second_signal_does_not_wait() -> None:
    with new_house({"door-1": DEAF_DOOR}) as house:
        house.start_ready()
        pids = house.pids()
        house.signal(signal.SIGTERM)
        wait_until(lambda: house.run_file().state == "stopping")
        assert alive(pids)
        house.signal(signal.SIGTERM)
        assert "child.killed" in house.said()
        assert not alive(pids)


def test_killed_supervisor_takes_its_children_and_leaves_postgres() -> None:
    with new_house({"door-1": POLITE_DOOR, "door-2": DEAF_DOOR, "worker": IDLE}) as house:
        house.start_ready()
        pids = house.pids()
        postgres = small_cluster(house.home).status().pid
        note(small_cluster(house.home).url(), "acknowledged")
        house.signal(signal.SIGKILL)
        wait_until(lambda: alive(pids) == {"door-2"})
        assert not house.run_file().is_current
        assert small_cluster(house.home).status().pid == postgres

        # The deaf door still has the port; the next supervisor knows whose it is.
        house.start_ready()
        assert not alive(pids)
        assert small_cluster(house.home).status().pid == postgres
        assert notes(small_cluster(house.home).url()) == ["acknowledged"]
        os.kill(house.pids()["door-2"], signal.SIGKILL)
        house.signal(signal.SIGTERM)
        said = house.said()
        assert "supervisor.left_behind_killed" in said
        assert "cluster.attached" in said


def test_stale_run_file_harms_nobody() -> None:
    """Its numbers belong to others by now."""
    stranger = subprocess.Popen(["sleep", "60"])
    now = datetime.now(UTC)
    gone = Identity(stranger.pid, "another boot:1")
    child = RunningChild("door-1", "ready", 0, gone, now)
    with new_house({"worker": IDLE}) as house:
        house.settings.run.mkdir(parents=True)
        write_run_file(
            house.settings, RunFile(gone, now, "ready", "127.0.0.1", house.port, True, (child,))
        )
        try:
            assert house.start_ready().is_current
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


def test_child_that_never_starts_ends_the_start_with_a_reason() -> None:
    with new_house({"door-1": POLITE_DOOR, "worker": CRASHING}) as house:
        house.start()
        wait_until(house.has_ended)
        said = house.said()
        assert house.process is not None
        assert house.process.returncode == 1
        assert "worker ended 3 times soon after its start; last: exit code 7" in said
        assert small_cluster(house.home).status().state == "stopped"


def test_crash_loop_is_told_and_the_others_go_on() -> None:
    with new_house() as house:
        house.start_ready()
        doors = {name: house.pids()[name] for name in ("door-1", "door-2")}

        def kill_until_failing() -> bool:
            worker = house.pids().get("worker")
            if worker is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            return house.run_file().children[2].state == "failing"

        wait_until(kill_until_failing, 30)
        assert alive(doors) == {"door-1", "door-2"}
        house.signal(signal.SIGTERM)
        assert "worker ended 4 times soon after its start; last: signal SIGKILL" in house.said()
