"""Whatever happens to the folder of backups, orders go on and the archive goes on after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from entrepot.doors.doctor import Check, examine
from entrepot.ground.backup import place as places
from entrepot.ground.backup import wal
from entrepot.ground.backup.plan import reach
from entrepot.ground.backup.state import LATE_S
from entrepot.ground.backup.tools import Tools
from entrepot.ground.processes import identity
from tests.backup.shop import CLOCK, Shop, command, new_shop, receiver_pid, squeezed
from tests.postgres import settings_in
from tests.processes import until


@pytest.fixture(scope="module")
def kept() -> Iterator[Shop]:
    """A shop with little room for what is kept for the archive."""
    with new_shop(max_slot_wal_keep_size="128") as shop:
        shop.begin()
        shop.start_archiver()
        shop.until_backed_up()
        yield shop


@pytest.fixture
def shop(kept: Shop) -> Shop:
    """The shop, with an archiver at work."""
    if kept.archiver is None:
        kept.start_archiver()
        kept.until_complete()
    return kept


def on(shop: Shop, statement: str) -> object:
    with psycopg.connect(shop.cluster.url(), autocommit=True) as connection:
        done = connection.execute(statement)
        row = done.fetchone() if done.description else None
        return row[0] if row is not None else None


def archive_trouble(shop: Shop) -> str:
    state = shop.state()
    return "" if state is None else state.archive_trouble or ""


def fill_segments(shop: Shop, count: int) -> None:
    """So much of the log that each time another segment begins."""
    for _ in range(count):
        on(shop, "SELECT pg_logical_emit_message(true, 'test', 'x')")
        on(shop, "SELECT pg_switch_wal()")


def one_stretch(shop: Shop) -> wal.Stretch:
    (stretch,) = wal.read_stretches(shop.place / "wal")
    numbers = stretch.numbers
    assert numbers == tuple(range(numbers[0], numbers[-1] + 1)), "there is no gap"
    return stretch


def whole(shop: Shop) -> list[places.Backup]:
    return places.read_backups(places.opened(shop.place))


def checks(shop: Shop) -> dict[str, Check]:
    found = examine(shop.settings, CLOCK)
    return {check.name: check for check in found if check.name in ("backups", "WAL archive")}


def test_everything_is_archived_within_seconds(shop: Shop) -> None:
    shop.order()
    state = shop.until_complete()
    assert state.late(CLOCK.now()) == []
    assert state.shares_disk
    one_stretch(shop)
    assert {name: check.ok for name, check in checks(shop).items()} == {
        "backups": True,
        "WAL archive": True,
    }
    status = command(["status"], shop.environment())
    assert "backups: newest 2" in squeezed(status.stdout)
    assert "WAL archive complete to 2" in squeezed(status.stdout)
    notes = [c.found for c in examine(shop.settings, CLOCK) if c.name == "backup disk"]
    assert notes == [f"{shop.place} is on the data home's disk"]


def test_a_folder_that_is_gone_and_comes_back(shop: Shop) -> None:
    """As when its disk is not mounted: nothing is written where it was."""
    away = shop.place.with_name("away")
    shop.place.rename(away)
    shop.place.mkdir()
    fill_segments(shop, 1)
    until(lambda: "is its disk mounted?" in archive_trouble(shop), "the trouble to be told", 60)
    assert len(shop.order()) == 3, "orders go on"
    assert not list(shop.place.iterdir())
    found = checks(shop)["WAL archive"]
    assert (found.ok, "is its disk mounted?" in found.found) == (False, True)
    done = command(["backup"], shop.environment())
    assert "was in use by this installation and has no" in str(done.exception)

    shop.place.rmdir()
    away.rename(shop.place)
    state = shop.until_complete()
    assert state.archive_trouble is None
    one_stretch(shop)


def test_a_folder_that_hangs(shop: Shop) -> None:
    """As a network disk does: the program that writes there stands still."""
    shop.until_complete()
    pid = receiver_pid(shop)
    os.kill(pid, signal.SIGSTOP)
    try:
        shop.order()
        state = until(
            lambda: (
                (state := shop.state()) is not None
                and state.complete_to is not None
                and state.keys_to is not None
                and state.keys_to - state.complete_to > timedelta(seconds=4)
                and state
            ),
            "the archive to stand still while keys are copied all the same",
        )
        (late,) = state.late(CLOCK.now() + timedelta(seconds=LATE_S - 1))
        assert late.startswith("WAL archive: complete to ")
        assert late.endswith("its folder may hang")
    finally:
        os.kill(pid, signal.SIGCONT)
    shop.until_complete()
    one_stretch(shop)


def test_killed_programs_are_replaced(shop: Shop) -> None:
    """The program that streams; then the archiver, which leaves it behind."""
    os.kill(receiver_pid(shop), signal.SIGKILL)
    shop.order()
    shop.until_complete()
    left = receiver_pid(shop)
    shop.kill_archiver()
    assert shop.state() is None
    assert "the archiver does not run" in checks(shop)["WAL archive"].found
    shop.order()
    shop.start_archiver()
    shop.until_complete()
    assert receiver_pid(shop) != left
    until(lambda: identity(left) is None, "the end of what was left behind")
    one_stretch(shop)


def test_what_is_kept_is_bounded_and_a_gap_begins_anew(shop: Shop) -> None:
    """The folder is away for so long that PostgreSQL gives up what it keeps for it."""
    newest = whole(shop)[-1]
    left = receiver_pid(shop)
    shop.kill_archiver()
    os.kill(left, signal.SIGKILL)
    fill_segments(shop, 12)

    def is_lost() -> bool:
        on(shop, "CHECKPOINT")
        return on(shop, "SELECT wal_status FROM pg_replication_slots") == "lost"

    until(is_lost, "PostgreSQL to give up what it keeps")
    shop.order()
    shop.start_archiver()
    until(lambda: whole(shop)[-1] != newest, "a backup after the gap", 60)
    shop.until_complete()
    stretches = wal.read_stretches(shop.place / "wal")
    assert len(stretches) == 2
    assert wal.is_cut(stretches, newest.stop_lsn, newest.timeline)
    fresh = whole(shop)[-1]
    assert not wal.is_cut(stretches, fresh.stop_lsn, fresh.timeline)
    environment = shop.environment()
    listed = squeezed(command(["backup", "--list"], environment).stdout)
    assert " is missing" in listed
    words = ["restore", str(shop.root / "restored"), "--backup"]
    done = command([*words, newest.name], environment)
    assert "of the write-ahead log is missing" in str(done.exception)
    done = command([*words, fresh.name], environment)
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert f"{len(shop.orders()):,} orders" in squeezed(done.stdout)
    # A restored copy of the same installation is another one.
    done = command(["backup"], environment | {"ENTREPOT_DATA": str(shop.root / "restored")})
    assert "belongs to another installation, or to this one before it was" in str(done.exception)


def test_a_backup_that_is_killed_is_none(shop: Shop) -> None:
    """Nothing in the folder looks like it, and the next one removes what is left."""
    before = shop.backups()
    environment = {**os.environ, **shop.environment()}
    words = ["-P", "-m", "entrepot", "backup", "--full"]
    for number in (signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen(
            [sys.executable, *words], env=environment, stderr=subprocess.DEVNULL
        )
        until(lambda: [n for n in shop.backups() if n.startswith(".")], "a backup at work")
        process.send_signal(number)
        assert process.wait(30) == (130 if number == signal.SIGINT else -number)
        left = [name for name in shop.backups() if name.startswith(".")]
        assert bool(left) == (number == signal.SIGKILL)
        known = [b.name for b in whole(shop)]
        assert known == [name for name in before if not name.startswith(".")]
    done = command(["backup"], shop.environment())
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert not [name for name in shop.backups() if name.startswith(".")]
    assert len(shop.backups()) == len(before) + 1


def test_old_backups_go_with_their_log(shop: Shop) -> None:
    before = whole(shop)
    done = command(["backup", "--full", "--keep", "1"], shop.environment())
    assert done.exit_code == 0, done.output + repr(done.exception)
    (kept,) = whole(shop)
    assert kept.kind == places.FULL
    assert f"removed: {', '.join(b.name for b in before)}" in squeezed(done.stdout)
    now = CLOCK.now()
    (stretch,) = wal.read_stretches(shop.place / "wal")
    assert stretch.numbers[0] >= kept.start_lsn // wal.SEGMENT_BYTES
    tools = Tools.reader(shop.settings, CLOCK)
    opened = places.opened(shop.place)
    until(
        lambda: reach(opened, kept, tools.programs, tools.account).ends_at > now,
        "the archive to lead on from the backup that was kept",
    )


def test_the_folder_of_another_is_never_used(shop: Shop) -> None:
    other = shop.root / "other"
    other.mkdir()
    (other / "thesis.txt").touch()
    for place, words in (
        (other, "holds other files, expected an empty folder"),
        (shop.root / "no" / "such", "is not there; mount it or make it"),
    ):
        done = command(["backup"], shop.environment() | {"ENTREPOT_BACKUP": str(place)})
        assert words in str(done.exception)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


@pytest.mark.long
def test_room_for_orders_comes_first(shop: Shop) -> None:
    """When the disk runs low, what is kept for the archive goes before orders are refused."""
    newest = whole(shop)[-1]
    left = receiver_pid(shop)
    shop.kill_archiver()
    os.kill(left, signal.SIGKILL)
    stretches = len(wal.read_stretches(shop.place / "wal"))
    fill_segments(shop, 6)
    folder = shop.place / "wal"
    folder.rename(shop.place / "wal-away")
    folder.write_text("no folder")
    shop.start_archiver(ENTREPOT_DISK_FLOOR_MIB="999999999")
    until(lambda: "archiver.gave_up_for_orders" in shop.said(), "what is given up", 60)
    until(lambda: on(shop, "SELECT count(*) FROM pg_replication_slots") == 0, "the slot's end")
    folder.unlink()
    (shop.place / "wal-away").rename(folder)
    shop.kill_archiver()
    shop.start_archiver()
    shop.until_complete()
    assert len(wal.read_stretches(folder)) == stretches + 1
    until(lambda: whole(shop)[-1] != newest, "a backup after the gap", 60)


def test_nothing_to_back_up(tmp_path: Path) -> None:
    environment = {"ENTREPOT_DATA": str(tmp_path / "home")}
    done = command(["backup"], environment | {"ENTREPOT_BACKUP": str(tmp_path / "backups")})
    assert "nothing to back up in" in str(done.exception)
    assert not (tmp_path / "home").exists()
    done = command(["backup", "--list"], environment | {"ENTREPOT_BACKUP": ""})
    assert str(done.exception).startswith("ENTREPOT_BACKUP: not set")


def test_giving_a_folder_up(shop: Shop) -> None:
    """A shell that was not told of the folder is told; to end it for good is a command."""
    forgetful = {"ENTREPOT_DATA": str(shop.home)}
    status = squeezed(command(["status"], forgetful).stdout)
    assert "WAL archive complete to 2" in status, "the archiver runs all the same"
    shop.kill_archiver()
    found = {c.name: c for c in examine(settings_in(shop.home), CLOCK)}["backups"]
    assert found.ok is False
    assert found.found.startswith("ENTREPOT_BACKUP is not set; in use were ")
    assert str(shop.place) in found.found
    assert "entrepot backup --end" in found.advice
    before = shop.backups()
    assert "expected none" in str(command(["backup", "--end"], shop.environment()).exception)
    done = command(["backup", "--end"], forgetful)
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert on(shop, "SELECT count(*) FROM pg_replication_slots") == 0
    assert {c.name: c for c in examine(settings_in(shop.home), CLOCK)}["backups"].ok is None
    assert shop.backups() == before
    done = command(["backup"], shop.environment())
    assert "belongs to another installation" in str(done.exception), "it was given up"
