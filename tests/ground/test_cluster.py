"""The embedded PostgreSQL starts, is found again, and comes back with what it acknowledged."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from entrepot.ground.cluster import (
    SOCKET_NAME,
    SOCKET_PATH_BYTES_MAX,
    database_url,
    socket_folder,
)
from entrepot.ground.cluster_locks import POSTMASTER_FILE, read_postmaster, server_processes
from entrepot.words.outcome import Unavailable
from tests.ground.homes import (
    NOBODY,
    as_account,
    kill_server,
    new_home,
    note,
    notes,
    refusal_of,
    small_cluster,
    wait_until,
)
from tests.postgres import settings_in


def test_first_start_makes_a_safe_cluster() -> None:
    with new_home() as home:
        cluster = small_cluster(home)
        assert cluster.status().state == "absent"
        running = cluster.ensure_started()
        assert running.started
        assert running.url == database_url(settings_in(home))
        with psycopg.connect(running.url) as connection:
            found = connection.execute(
                "SELECT current_setting('data_checksums'), current_setting('listen_addresses'),"
                " current_setting('fsync'), current_setting('TimeZone'), datlocprovider,"
                " datlocale, pg_encoding_to_char(encoding)"
                " FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert found == ("on", "", "on", "UTC", "b", "C.UTF-8", "UTF8")
        assert stat.S_IMODE(running.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
        status = cluster.status()
        assert (status.state, status.pid) == ("ready", running.pid)
        assert cluster.stop()
        assert cluster.status().state == "stopped"
        assert not cluster.stop()


def test_nobody_else_comes_in(running_home: Path) -> None:
    """Another account is kept out by the folder, and by the server when the folder is opened."""
    if os.geteuid() != 0:
        pytest.skip("only root can try as another account")
    running = small_cluster(running_home).ensure_started()
    assert "Permission denied" in as_account(NOBODY, lambda: psycopg.connect(running.url))
    running.socket_dir.chmod(0o711)
    (running.socket_dir / SOCKET_NAME).chmod(0o777)
    assert "Peer authentication failed" in as_account(NOBODY, lambda: psycopg.connect(running.url))


def test_second_start_attaches(running_home: Path) -> None:
    found = small_cluster(running_home).status()
    again = small_cluster(running_home).ensure_started()
    assert (again.pid, again.started) == (found.pid, False)
    assert notes(again.url) == ["first"]


def test_simultaneous_starts_start_one_that_outlives_them(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_started, [home] * 3)
    assert sorted(started for _, started in found) == [False, False, True]
    again = small_cluster(home).ensure_started()
    assert {pid for pid, _ in found} == {again.pid}
    assert not again.started


def _started(home: Path) -> tuple[int, bool]:
    running = small_cluster(home).ensure_started()
    return running.pid, running.started


def test_kill_of_everything_loses_nothing(home: Path) -> None:
    cluster = small_cluster(home)
    for text in ("second", "third"):
        running = cluster.ensure_started()
        assert running.started
        note(running.url, text)
        kill_server(cluster)
        assert (cluster.data / POSTMASTER_FILE).exists()
        assert (cluster.socket_dir / SOCKET_NAME).exists()
    assert notes(cluster.ensure_started().url) == ["first", "second", "third"]


_MANY = b"generate_series(1, 10000) a, generate_series(1, 10000) b, generate_series(1, 10000) c"


def test_killed_server_with_a_busy_child_is_replaced(home: Path) -> None:
    """A child in a long computation does not notice that its server died; two must not run."""
    cluster = small_cluster(home)
    running = cluster.ensure_started()
    with closing(psycopg.connect(running.url, autocommit=True)) as connection:
        connection.pgconn.send_query(b"SELECT count(*) FROM " + _MANY)
        busy = connection.info.backend_pid
        os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: running.pid not in server_processes(cluster.data))
        assert busy in server_processes(cluster.data)
        assert cluster.status().state == "stopped"
        again = cluster.ensure_started()
    assert again.started
    assert busy not in server_processes(cluster.data)
    assert notes(again.url) == ["first"]


def test_long_path_gets_a_short_socket(home: Path) -> None:
    longer = home.rename(home.with_name("x" * 100))
    cluster = small_cluster(longer)
    folder = socket_folder(longer)
    assert len(os.fsencode(longer / "socket" / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX
    assert len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
    try:
        running = cluster.ensure_started()
        assert running.socket_dir == folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert notes(running.url) == ["first"]
        assert small_cluster(longer).ensure_started().pid == running.pid
        cluster.stop()
        folder.rmdir()
        folder.symlink_to(longer)
        assert f"{folder}: found something that is not a folder" in refusal_of(cluster)
    finally:
        folder.unlink()


def test_waiting_for_a_slow_start_can_be_ended(home: Path) -> None:
    cluster = small_cluster(home)
    with pytest.raises(Unavailable, match="not ready, perhaps still recovering"):
        cluster.ensure_started(lambda: False)
    wait_until(lambda: cluster.status().state == "ready")
    assert not cluster.ensure_started().started


def test_lock_file_tells_the_state(made_home: Path, running_home: Path) -> None:
    assert read_postmaster(small_cluster(made_home).data) is None
    cluster = small_cluster(running_home)
    running = cluster.ensure_started()
    found = read_postmaster(cluster.data)
    assert found is not None
    assert (found.pid, found.status) == (running.pid, "ready")
    assert Path(found.socket_folder) == cluster.socket_dir
    assert found.data == cluster.data


def test_failed_start_says_why(home: Path) -> None:
    (home / "postgresql.local.conf").write_text("shared_buffers = 'plenty'\n")
    message = refusal_of(small_cluster(home))
    assert "PostgreSQL did not start; its last words:" in message
    assert 'invalid value for parameter "shared_buffers": "plenty"' in message


def test_stop_is_bounded(home: Path) -> None:
    cluster = small_cluster(home)
    running = cluster.ensure_started()
    with (
        psycopg.connect(running.url),
        pytest.raises(Unavailable, match="not ended 0 s after a smart stop"),
    ):
        cluster.stop("smart", timeout_s=0.2)
    cluster.stop("immediate")
    assert cluster.status().state == "stopped"
    assert notes(cluster.ensure_started().url) == ["first"]
