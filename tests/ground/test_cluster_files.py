"""What the layer writes survives, and what it finds is put right or refused in clear words."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import psycopg
import pytest

from entrepot.ground.cluster_account import installed_programs, programs_for, server_account
from entrepot.ground.cluster_settings import LOCAL_TUNING, drifts
from entrepot.ground.files import Owner, data_home, private_folder, write_durably
from entrepot.words.outcome import Broken
from tests.ground.homes import NOBODY, as_account, foreign_files, notes, refusal_of, small_cluster
from tests.postgres import open_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another account")


def test_emptied_configuration_is_put_right(home: Path) -> None:
    """As after a power cut: an empty file would mean PostgreSQL's defaults."""
    cluster = small_cluster(home)
    files = [cluster.data / name for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")]
    cluster.ensure_started()
    cluster.stop()
    whole = [file.read_text() for file in files]
    for file in files:
        os.truncate(file, 0)
        file.with_name(f".{file.name}.aside").write_text("half")
    running = cluster.ensure_started()
    assert notes(running.url) == ["first"]
    assert [file.read_text() for file in files] == whole
    assert not list(cluster.data.glob(".*.aside"))
    assert {file.stat().st_uid for file in files} == {server_account("entrepot").uid}


def test_half_made_cluster_is_made_again(empty_home: Path) -> None:
    cluster = small_cluster(empty_home)
    half = foreign_files(empty_home, "18\n").rename(cluster.data.with_name("data.aside"))
    assert cluster.ensure_started().started
    assert not half.exists()


@pytest.mark.parametrize(
    ("content", "found"), [("16\n", "PostgreSQL 16"), ("", "PostgreSQL (empty file)")]
)
def test_other_version_is_refused(empty_home: Path, content: str, found: str) -> None:
    foreign_files(empty_home, content)
    message = refusal_of(small_cluster(empty_home))
    assert f"found a data directory of {found}, expected 18" in message
    assert "pg_upgrade" in message


def test_foreign_files_are_refused(empty_home: Path) -> None:
    data = foreign_files(empty_home, None)
    message = refusal_of(small_cluster(empty_home))
    assert f"{data}: found files, but no PostgreSQL data directory (no PG_VERSION)" in message
    assert (data / "global" / "pg_control").exists()


def test_other_programs_are_refused(empty_home: Path) -> None:
    folder = open_folder()
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 17.2'\n")
        (folder / name).chmod(0o755)
    try:
        message = refusal_of(small_cluster(empty_home, PG_BIN=str(folder)))
        assert f"{folder}: found PostgreSQL 17.2, expected 18" in message
        (folder / "initdb").chmod(0o600)
        message = refusal_of(small_cluster(empty_home, PG_BIN=str(folder)))
        assert "cannot run the PostgreSQL programs there" in message
    finally:
        shutil.rmtree(folder)


def test_setting_that_guards_data_is_refused(home: Path) -> None:
    (home / LOCAL_TUNING).write_text("fsync = off\nwork_mem = '7MB'\n")
    cluster = small_cluster(home)
    message = refusal_of(cluster)
    assert f"fsync: found 'off' (from {home / LOCAL_TUNING} line 1), expected 'on'" in message
    assert cluster.status().state == "stopped"


def test_own_tuning_is_accepted_and_told(home: Path) -> None:
    (home / LOCAL_TUNING).write_text("checkpoint_timeout = 600\n")
    cluster = small_cluster(home)
    running = cluster.ensure_started()
    with psycopg.connect(running.url, autocommit=True) as connection:
        found = [str(drift) for drift in drifts(connection, cluster.wanted())]
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute("ALTER SYSTEM SET fsync = off")
    assert found == [
        f"checkpoint_timeout: found '600' (from {home / LOCAL_TUNING} line 1), expected '300'"
    ]


def test_drift_of_a_running_server_is_mended(running_home: Path) -> None:
    """What a reload can mend is mended when the next process attaches."""
    cluster = small_cluster(running_home)
    url = cluster.ensure_started().url
    file = cluster.data / "postgresql.conf"
    file.write_text(file.read_text() + "full_page_writes = off\n")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
        wait = "SELECT pg_sleep(0.05), current_setting('full_page_writes')"
        while connection.execute(wait).fetchone() != ("", "off"):
            pass
    assert not small_cluster(running_home).ensure_started().started
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW full_page_writes").fetchone() == ("on",)


@as_root
def test_unreadable_programs_are_copied_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a virtual environment below a home of mode 0700."""
    closed = open_folder()
    package = installed_programs().parent.parent
    subprocess.run(["cp", "-r", str(package), f"{package}.libs", str(closed)], check=True)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(str(closed))
    assert installed_programs().is_relative_to(closed)
    try:
        running = small_cluster(home).ensure_started()
        executable = Path(f"/proc/{running.pid}/exe").resolve()
        assert executable.is_relative_to(home / "programs")
        assert notes(running.url) == ["first"]
        made = executable.stat().st_mtime_ns, executable.stat().st_ino
        found = programs_for(server_account("entrepot"), None, home / "programs")
        assert found.folder == executable.parent
        assert (executable.stat().st_mtime_ns, executable.stat().st_ino) == made
    finally:
        shutil.rmtree(closed)


@as_root
def test_closed_folder_above_is_named(empty_home: Path) -> None:
    above = empty_home.parent
    above.chmod(0o700)
    message = refusal_of(small_cluster(empty_home))
    assert f"cannot pass {above}; let it (chmod o+x {above})" in message


@as_root
def test_unprivileged_account_runs_it(running_home: Path) -> None:
    running = small_cluster(running_home).ensure_started()
    assert Path(f"/proc/{running.pid}").stat().st_uid == server_account("entrepot").uid
    with pytest.raises(Broken, match="root under another name"):
        _root_twice()


def _root_twice() -> None:
    """An account of user id 0 with another name, made and removed."""
    name = "entrepot-toor"
    subprocess.run(["useradd", "--non-unique", "--uid", "0", "--gid", "0", "-M", name], check=True)
    try:
        server_account(name)
    finally:
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)


def test_unwritable_data_home_is_refused(empty_home: Path) -> None:
    empty_home.mkdir(mode=0o555)
    deeper = empty_home / "deeper"
    assert "may not write to" in as_account(NOBODY, lambda: data_home(empty_home))
    message = as_account(NOBODY, lambda: data_home(deeper))
    assert f"ENTREPOT_DATA: cannot make {deeper} (Permission denied)" in message


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    trap = tmp_path / "trap"
    trap.write_text("untouched")
    (tmp_path / ".file.aside").symlink_to(trap)
    write_durably(path, "one", mode=0o640)
    write_durably(path, b"two", mode=0o600)
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "trap"]
    assert trap.read_text() == "untouched"


def test_private_folder_trusts_nobody(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "ours")
    folder.chmod(0o777)
    assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(Broken, match="not a folder we may open"):
        private_folder(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(Broken, match="not a folder we may open"):
        private_folder(tmp_path / "file")
    with pytest.raises(Broken, match="cannot make this folder"):
        private_folder(tmp_path / "missing" / "folder")


@as_root
def test_private_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    with pytest.raises(Broken, match="owned by account 65534, expected 1234"):
        private_folder(theirs, owner=Owner(1234, 1234))


def test_status_needs_no_data_home(empty_home: Path) -> None:
    assert small_cluster(empty_home).status().state == "absent"
    assert not empty_home.exists()
