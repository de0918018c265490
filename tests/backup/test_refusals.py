"""A restore that cannot be right is refused in words, before anything is written."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.doors.house import House
from entrepot.ground.backup import place as places
from entrepot.ground.backup import wal
from entrepot.ground.backup.plan import stamp
from entrepot.ground.cluster import Cluster
from entrepot.ground.settings import Expected
from entrepot.words.outcome import Broken
from tests.backup.conftest import Lost
from tests.backup.shop import command
from tests.ground.homes import small_cluster
from tests.postgres import settings_in


def refused(lost: Lost, folder: Path, *words: str, place: Path | None = None, **others: str) -> str:
    """The message with which a restore is refused; nothing is left of it."""
    was_there = folder.exists()
    environment = lost.environment(place) | others
    done = command(["restore", str(folder), *words], environment)
    assert isinstance(done.exception, Broken | Expected), done.output + repr(done.exception)
    assert folder.exists() == was_there, "nothing is made by a restore that is refused"
    return str(done.exception)


def replaced(path: Path, content: bytes) -> None:
    """Other content for a file of a copy that shares its files with the original."""
    found = path.stat()
    path.unlink()
    path.write_bytes(content)
    path.chmod(found.st_mode & 0o777)
    shutil.chown(path, found.st_uid, found.st_gid)


def flipped(path: Path, at: int, count: int = 1) -> None:
    """One bit is another, in each of so many bytes."""
    content = bytearray(path.read_bytes())
    content[at : at + count] = bytes(byte ^ 1 for byte in content[at : at + count])
    replaced(path, bytes(content))


def test_a_time_before_the_first_backup(lost: Lost, folder: Path) -> None:
    first = places.read_backups(places.opened(lost.place))[0]
    before = first.ended_at - timedelta(microseconds=1)
    said = refused(lost, folder, "--to", stamp(before))
    assert f"expected at least {stamp(first.ended_at)}: the first backup ended then" in said


def test_a_time_after_the_end_of_the_archive(lost: Lost, folder: Path) -> None:
    said = refused(lost, folder, "--to", stamp(lost.at + timedelta(days=1)))
    assert "--to: found " in said
    assert "where the archive ends; leave --to out to restore as late as possible" in said


@pytest.mark.parametrize("text", ["yesterday", "2026-11-24", "2026-13-01T00:00:00Z", "", "12:00"])
def test_a_time_that_is_none(lost: Lost, folder: Path, text: str) -> None:
    said = refused(lost, folder, "--to", text)
    assert said.startswith(f"--to: found {text!r}, expected an instant such as 2026-11-24T21:14:36")


def test_a_folder_that_is_not_empty(lost: Lost, folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    assert f"{folder}: holds thesis.txt, expected a new or empty folder" in refused(lost, folder)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_system_that_runs(lost: Lost, folder: Path) -> None:
    """Its server, in whatever folder it is."""
    cluster = small_cluster(folder)
    pid = cluster.ensure_started().pid
    said = refused(lost, folder)
    assert f"{folder}: an installation runs there; a restore makes a new one" in said
    assert cluster.status().pid == pid


def test_a_folder_among_the_backups(lost: Lost) -> None:
    said = refused(lost, lost.place / "restored")
    assert "expected a folder apart from the backups" in said


def test_backups_of_another_major_version(lost: Lost, folder: Path, copied: Path) -> None:
    mark = json.loads((copied / "place.json").read_text())
    replaced(copied / "place.json", json.dumps(mark | {"major": 17}).encode())
    said = refused(lost, folder, place=copied)
    assert "found backups of PostgreSQL 17, expected 18" in said


def test_a_flipped_bit_in_a_backup(lost: Lost, folder: Path, copied: Path) -> None:
    data = copied / "base" / lost.backups[0] / "data"
    largest = max(data.glob("base/*/*"), key=lambda p: p.stat().st_size)
    flipped(largest, largest.stat().st_size // 2)
    said = refused(lost, folder, place=copied)
    assert f"{data} is damaged: " in said
    assert str(largest.relative_to(data)) in said
    assert "checksum mismatch" in said


def test_a_backup_whose_parent_is_gone(lost: Lost, folder: Path, copied: Path) -> None:
    shutil.rmtree(copied / "base" / lost.backups[0])
    said = refused(lost, folder, place=copied)
    assert f"backup {lost.backups[1]}: it builds on {lost.backups[0]}, which is not there" in said


def test_a_gap_in_the_archive(lost: Lost, folder: Path, copied: Path) -> None:
    """A segment is gone: until there one can restore, not beyond, and not unawares."""
    first = places.read_backups(places.opened(copied))[0]
    (stretch,) = wal.read_stretches(copied / "wal")
    missing = next(n for n in stretch.numbers[:-1] if n > wal.segment_of(first.stop_lsn))
    path = stretch.path(missing)
    path.unlink()
    for words in ((), ("--to", stamp(lost.at))):
        said = refused(lost, folder, "--backup", first.name, *words, place=copied)
        assert f"segment {path.name} of the write-ahead log is missing" in said
        assert f"after backup {first.name} one can restore until" in said
        assert "(--to 20" in said
    listed = command(["backup", "--list"], lost.environment(copied))
    assert f"then {path.name} is missing" in listed.stdout


def test_no_copy_of_the_keys(lost: Lost, folder: Path) -> None:
    nowhere = str(lost.place.with_name("nowhere"))
    said = refused(lost, folder, ENTREPOT_BACKUP_KEYS=nowhere)
    assert f"found no whole copy of the keys in {nowhere}" in said
    assert "--without-keys restores all the rest" in said


def test_no_backups(lost: Lost, folder: Path) -> None:
    nowhere = lost.place.with_name("nowhere")
    assert "is no folder of backups" in refused(lost, folder, place=nowhere)
    said = refused(lost, folder, ENTREPOT_BACKUP="", ENTREPOT_BACKUP_KEYS="/tmp/none")
    assert said.startswith("ENTREPOT_BACKUP: not set")
    said = refused(lost, folder, "--backup", "20260101T000000Z")
    assert f"--backup: found '20260101T000000Z', expected one of {', '.join(lost.backups)}" in said


@pytest.mark.parametrize(
    "is_latest", [True, pytest.param(False, marks=pytest.mark.long)], ids=["latest", "instant"]
)
def test_flipped_bits_in_the_log(lost: Lost, folder: Path, copied: Path, is_latest: bool) -> None:
    """The log is checked record by record as it is replayed: no later state is taken for whole."""
    (stretch,) = wal.read_stretches(copied / "wal")
    last = places.read_backups(places.opened(copied))[-1]
    number = wal.segment_of(last.stop_lsn) + 1
    assert number in stretch.numbers
    path = stretch.path(number)
    content = path.read_bytes()
    used = len(content.rstrip(b"\0"))
    flipped(path, used // 2, 16)  # what pads a record is not checked, but is shorter
    words = [] if is_latest else ["--to", stamp(lost.at)]
    done = command(["restore", str(folder), *words], lost.environment(copied))
    assert isinstance(done.exception, Broken), done.output
    assert "the log cannot be replayed until" in str(done.exception)
    settings = settings_in(folder)
    assert Cluster(settings).status().state == "stopped"
    for begin in (Cluster(settings).ensure_started, lambda: House(settings)):
        with pytest.raises(Broken, match="a restore was begun here and is not whole"):
            begin()


def test_files_of_others_are_readable_to_the_account_or_it_is_told(
    lost: Lost, folder: Path, copied: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has another account to run PostgreSQL")
    shutil.chown(copied / "base" / lost.backups[0], 0, 0)
    done = command(["restore", str(folder)], lost.environment(copied))
    assert isinstance(done.exception, Broken), done.output
    assert "which runs PostgreSQL, cannot read it; let it (chown -R entrepot" in str(done.exception)
