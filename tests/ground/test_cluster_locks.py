"""Lock files are believed only when a living server stands behind them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster import SOCKET_NAME
from entrepot.ground.cluster_account import server_account
from entrepot.ground.cluster_locks import (
    POSTMASTER_FILE,
    live_postmaster,
    only_starter,
    server_processes,
)
from entrepot.ground.processes import Identity, identity, is_alive, reap, reap_strays
from entrepot.words.outcome import Unavailable
from tests.ground.homes import copy_home, kill_server, new_home, notes, refusal_of, small_cluster


def _rename_holder(lock: Path, pid: int) -> None:
    """Let a lock name another process."""
    first, rest = lock.read_text().split("\n", 1)
    assert first.strip().isdigit()
    lock.write_text(f"{pid}\n{rest}")


def test_lock_of_a_foreign_process_is_stale(home: Path) -> None:
    """As after a restart of the machine: the number is somebody else's by now."""
    cluster = small_cluster(home)
    cluster.ensure_started()
    kill_server(cluster)
    foreign = subprocess.Popen(["sleep", "60"])
    try:
        _rename_holder(cluster.data / POSTMASTER_FILE, foreign.pid)
        _rename_holder(cluster.socket_dir / f"{SOCKET_NAME}.lock", foreign.pid)
        assert cluster.status().state == "stopped"
        running = cluster.ensure_started()
        assert running.started
        assert notes(running.url) == ["first"]
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_lock_of_another_servers_process_is_stale(home: Path, made_home: Path) -> None:
    """The number can even be that of a PostgreSQL server, of another data directory."""
    with new_home() as other_home:
        copy_home(made_home, other_home)
        other = small_cluster(other_home).ensure_started()
        cluster = small_cluster(home)
        cluster.ensure_started()
        kill_server(cluster)
        _rename_holder(cluster.data / POSTMASTER_FILE, other.pid)
        assert cluster.ensure_started().started
        assert small_cluster(other_home).status().pid == other.pid


def test_lock_of_a_zombie_is_stale(home: Path) -> None:
    cluster = small_cluster(home)
    cluster.ensure_started()
    kill_server(cluster)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    try:
        _rename_holder(cluster.data / POSTMASTER_FILE, zombie.pid)
        os.kill(zombie.pid, 0)  # PostgreSQL would take it for a living process
        assert cluster.ensure_started().started
    finally:
        zombie.wait()


def test_empty_lock_is_stale(home: Path) -> None:
    """As after a power cut."""
    cluster = small_cluster(home)
    (cluster.data / POSTMASTER_FILE).touch()
    os.chown(cluster.data / POSTMASTER_FILE, *server_account("entrepot").owner)
    assert cluster.ensure_started().started


def test_socket_of_another_living_server_is_not_taken(home: Path, made_home: Path) -> None:
    with new_home() as other_home:
        copy_home(made_home, other_home)
        other = small_cluster(other_home)
        running = other.ensure_started()
        cluster = small_cluster(home)
        cluster.socket_dir.rmdir()
        copy_home(other.socket_dir, cluster.socket_dir)
        message = refusal_of(cluster)
        assert f"in use by the PostgreSQL server with process id {running.pid}" in message
        assert str(other.data) in message
        shutil.rmtree(cluster.socket_dir)


def test_server_is_recognized_without_the_right_to_look(running_home: Path) -> None:
    """Root in a container may not look into other accounts' processes."""
    if os.geteuid() != 0:
        pytest.skip("only root can give the right up")
    cluster = small_cluster(running_home)
    running = cluster.ensure_started()
    program = (
        "import sys; from pathlib import Path;"
        "from entrepot.ground.cluster_locks import live_postmaster as l;"
        f"p = Path('/proc/{running.pid}/cwd')\n"
        "try: p.stat(); print('may look')\n"
        "except PermissionError: print(l(Path(sys.argv[1])).pid)"
    )
    confined = ["setpriv", "--bounding-set=-sys_ptrace", sys.executable, "-c", program]
    done = subprocess.run([*confined, str(cluster.data)], capture_output=True, text=True)
    assert done.stdout.strip() == str(running.pid), done.stderr


def test_other_processes_in_the_folder_do_not_count(made_home: Path) -> None:
    cluster = small_cluster(made_home)
    visitor = subprocess.Popen(["sleep", "60"], cwd=cluster.data)
    try:
        assert server_processes(cluster.data) == []
        assert live_postmaster(cluster.data) is None
    finally:
        visitor.kill()
        visitor.wait()


def test_starters_wait_for_each_other_but_not_for_ever(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    clock = SystemClock()
    with (
        only_starter(lock, clock),
        pytest.raises(Unavailable, match=f"process {os.getpid()} has been starting or stopping"),
        only_starter(lock, clock, wait_s=0.1),
    ):
        pass
    with only_starter(lock, clock, wait_s=0.1):
        pass


def test_identity_tells_processes_apart() -> None:
    child = subprocess.Popen(["sleep", "60"])
    known = identity(child.pid)
    assert known is not None
    assert is_alive(known)
    assert not is_alive(Identity(child.pid, "another boot:1"))
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(known), "a zombie is dead"
    assert reap_strays({child.pid}) == []
    assert reap_strays(set()) == [child.pid]
    reap(child.pid)
    child.wait()
