"""Low disk: the installation becomes read-only, and PostgreSQL gets room to recover."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster_watch import Watch
from entrepot.ground.disk import (
    BALLAST_MIB,
    INODES_MIN,
    DiskGuard,
    DiskState,
    disk_state,
    is_read_only,
    marker_path,
    prune_logs,
    read_only_reason,
)
from entrepot.ground.settings import Settings
from tests.ground.homes import kill_server, note, notes, small_cluster, wait_until
from tests.postgres import open_folder, settings_in

HUGE_MIB = "999999999"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, of 400 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    folder = open_folder()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m,mode=0711", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("this machine does not let us mount")
    try:
        yield folder
    finally:
        kill_server(small_cluster(folder / "home"))
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def _settings(home: Path, floor_mib: str) -> Settings:
    (home / "run").mkdir(parents=True, exist_ok=True)
    return settings_in(home, DISK_FLOOR_MIB=floor_mib)


def _filled(disk: Path) -> Path:
    """A file that takes the last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while file.write(bytes(4096)):
            pass
    return filler


def test_below_the_floor_is_read_only_and_above_it_is_not(tmp_path: Path) -> None:
    low = _settings(tmp_path, HUGE_MIB)
    assert DiskGuard(low).check().is_low
    reason = read_only_reason(low)
    assert reason is not None
    assert f"less than {HUGE_MIB} MiB left (ENTREPOT_DISK_FLOOR_MIB)" in reason
    assert not (tmp_path / "ballast").exists()

    enough = _settings(tmp_path, "1")
    assert is_read_only(enough)
    assert DiskGuard(enough).check().has_recovered
    assert not is_read_only(enough)
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= BALLAST_MIB * 1024 * 1024


def test_marker_does_not_come_and_go_at_the_floor(tmp_path: Path) -> None:
    free_mib = disk_state(tmp_path, 0).free_mib
    marked = _settings(tmp_path, HUGE_MIB)
    DiskGuard(marked).check()
    just_above = _settings(tmp_path, str(free_mib - BALLAST_MIB // 2))
    assert not DiskGuard(just_above).check().is_low
    assert is_read_only(just_above)


def test_no_free_inodes_is_low() -> None:
    here = Path("/")
    assert DiskState(here, 1000, 512, INODES_MIN - 1).is_low
    assert not DiskState(here, 1000, 512, INODES_MIN).is_low
    assert not DiskState(here, 1000, 512, None).is_low
    assert not DiskState(here, 1000, 512, INODES_MIN - 1).is_critical


def test_unmade_path_is_judged_by_the_folder_above(tmp_path: Path) -> None:
    assert disk_state(tmp_path / "a" / "b", 0).free_mib == disk_state(tmp_path, 0).free_mib


def test_full_disk_kills_nothing_for_good(small_disk: Path) -> None:
    """The disk fills to the last byte, the server dies, the ballast lets it come back."""
    settings = _settings(small_disk / "home", "100")
    cluster = small_cluster(small_disk / "home", DISK_FLOOR_MIB="100")
    watch = Watch(cluster, DiskGuard(settings), SystemClock())
    watch.start()
    watch.tick()
    assert watch.running is not None
    note(watch.running.url, "acknowledged")
    assert not is_read_only(settings)

    filler = _filled(small_disk)
    with psycopg.connect(watch.running.url, autocommit=True) as c, pytest.raises(psycopg.Error):
        c.execute("CREATE TABLE large AS SELECT repeat('x', 2000) FROM generate_series(1, 99999)")
    kill_server(cluster)

    def is_back() -> bool:
        watch.tick()
        return watch.restarts == 1

    wait_until(is_back)
    assert is_read_only(settings)
    assert not (settings.data / "ballast").exists()
    assert notes(watch.running.url) == ["acknowledged"]

    filler.unlink()
    DiskGuard(settings).check()
    assert not is_read_only(settings)
    assert (settings.data / "ballast").exists()


def test_marker_needs_no_room(small_disk: Path) -> None:
    settings = _settings(small_disk / "home", "50")
    guard = DiskGuard(settings)
    guard.check()
    (settings.data / "ballast").unlink()
    _filled(small_disk)
    with pytest.raises(OSError, match="No space left"):
        (settings.run / "x").write_text("x" * 5000)
    assert guard.check().free_mib == 0
    assert "less than 50 MiB left" in (read_only_reason(settings) or "")
    assert marker_path(settings).exists()


def test_old_logs_go_and_the_newest_stays(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"postgresql-2030010{day}-000000.log").write_bytes(bytes(600 * 1024))
    (tmp_path / "other.log").write_bytes(bytes(600 * 1024))
    assert prune_logs(tmp_path, 2) == []
    assert prune_logs(tmp_path, 1) == [
        "postgresql-20300102-000000.log",
        "postgresql-20300101-000000.log",
    ]
    assert prune_logs(tmp_path, 0) == []
    assert len(list(tmp_path.iterdir())) == 2
