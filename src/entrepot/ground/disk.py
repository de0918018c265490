"""Room on the disk: a floor below which nothing is accepted, and a reserve for PostgreSQL.

A full disk has two faces: a refused statement, and a server that ends because it cannot write its
log and does not come back. So the supervisor watches the free space. Below the floor it writes a
marker, and every door refuses changes while it stands. When the disk is full in spite of that, the
ballast file is removed, which leaves PostgreSQL room to recover.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from entrepot.ground.files import write_durably
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import get_logger

BALLAST_MIB = 64
INODES_MIN = 1_000

_MIB = 1024 * 1024

log = get_logger(__name__)


class DiskState(NamedTuple):
    """Room where a path lies, as an ordinary account may use it.

    free_mib   MiB
    floor_mib  MiB
    inodes     files that can still be made; None when the file system does not count them
    """

    path: Path
    free_mib: int
    floor_mib: int
    inodes: int | None

    @property
    def is_low(self) -> bool:
        """Below the floor: changes are to be refused."""
        few = self.inodes is not None and self.inodes < INODES_MIN
        return self.free_mib < self.floor_mib or few

    @property
    def is_critical(self) -> bool:
        """So full that PostgreSQL itself may fail: the ballast is to go."""
        return self.is_low and self.free_mib < min(self.floor_mib, BALLAST_MIB)

    @property
    def has_recovered(self) -> bool:
        """Far enough above the floor that the marker would not come and go."""
        return not self.is_low and self.free_mib >= self.floor_mib + BALLAST_MIB

    def __str__(self) -> str:
        few = f", {self.inodes} free inodes" if self.inodes is not None else ""
        return f"{self.free_mib} MiB free{few} at {self.path}, floor {self.floor_mib} MiB"


def disk_state(path: Path, floor_mib: int) -> DiskState:
    """The room where `path` lies; the path, or a folder above it, must exist."""
    there = next(p for p in (path, *path.parents) if p.exists())
    found = os.statvfs(there)
    free_mib = found.f_bavail * found.f_frsize // _MIB
    return DiskState(path, free_mib, floor_mib, found.f_favail if found.f_files else None)


def marker_path(settings: Settings) -> Path:
    """The file that says that the installation is read-only, and why."""
    return settings.run / "read-only"


def read_only_reason(settings: Settings) -> str | None:
    """Why changes are refused at present; None when they are accepted.

    One look at the file system, a few microseconds: asked with every change.
    """
    try:
        return marker_path(settings).read_text().strip() or "no reason was given"
    except FileNotFoundError:
        return None


def is_read_only(settings: Settings) -> bool:
    """Whether changes are refused at present."""
    return read_only_reason(settings) is not None


class DiskGuard:
    """Keeps marker and ballast in step with the free space; one per installation.

    Both are made while there is room: when there is none, the marker is only given its name, and
    the ballast removed, neither of which takes any.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._marker = marker_path(settings)
        self._spare = self._marker.with_name("read-only.spare")
        self._ballast = settings.data / "ballast"

    def check(self) -> DiskState:
        """Look, and act: set or lift the marker, give up or renew the ballast."""
        state = disk_state(self._settings.data, self._settings.disk_floor_mib)
        try:
            self._act(state)
        except OSError as error:
            log.error("disk.guard_failed", disk=str(state), reason=str(error))
        return state

    def _act(self, state: DiskState) -> None:
        if state.is_critical and self._ballast.exists():
            self._ballast.unlink()
            log.error("disk.ballast_removed", disk=str(state))
        is_marked = self._marker.exists()
        if not is_marked and not self._spare.exists():
            write_durably(self._spare, self._reason(), mode=0o644)
        if state.is_low and not is_marked:
            self._spare.rename(self._marker)
            log.error("disk.read_only", disk=str(state))
        elif state.has_recovered and is_marked:
            self._marker.rename(self._spare)
            log.warning("disk.writable_again", disk=str(state))
        if state.has_recovered and not self._ballast.exists():
            self._fill_ballast()

    def _reason(self) -> str:
        return (
            f"The disk of {self._settings.data} has less than {self._settings.disk_floor_mib} MiB "
            "left (ENTREPOT_DISK_FLOOR_MIB). Nothing is lost and reading goes on; free some "
            "space or enlarge the disk, and changes are accepted again by themselves.\n"
        )

    def _fill_ballast(self) -> None:
        aside = self._ballast.with_name("ballast.aside")
        try:
            with aside.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_MIB * _MIB)
                os.fsync(file.fileno())
            aside.rename(self._ballast)
        except OSError:
            aside.unlink(missing_ok=True)
            raise


def prune_logs(folder: Path, keep_mib: int) -> list[str]:
    """Remove the oldest of PostgreSQL's log files beyond `keep_mib` MiB; gives their names.

    The newest stays, however large: PostgreSQL is writing it.
    """
    room = keep_mib * _MIB
    removed = []
    for number, path in enumerate(sorted(folder.glob("postgresql-*.log"), reverse=True)):
        room -= path.stat().st_size
        if number > 0 and room < 0:
            path.unlink()
            removed.append(path.name)
    return removed
