"""The archive of the write-ahead log, in stretches without a gap.

A stretch is a folder that pg_receivewal writes: whole segments of 16 MiB, and the one being
written, whose name ends with `.partial`. A new stretch begins when PostgreSQL could no longer keep
what the archive had not yet taken; between the two is a gap, and only a backup taken after it
begins anew.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from entrepot.ground.cluster_account import Account, Programs, run_program
from entrepot.ground.files import Owner, private_folder, write_durably

SEGMENT_BYTES = 16 * 1024 * 1024
PARTIAL = ".partial"
REACHED = "reached.json"

_SEGMENT = re.compile(r"([0-9A-F]{8})[0-9A-F]{16}(\.partial)?")
_PER_LOG = 0x1_0000_0000 // SEGMENT_BYTES
_COMMIT = re.compile(
    r"lsn: ([0-9A-F]+/[0-9A-F]+),.* desc: COMMIT (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)


class Reached(msgspec.Struct, frozen=True):
    """How far a stretch is.

    at   everything acknowledged until then is in it
    lsn  up to which position that is, bytes
    """

    at: datetime
    lsn: int


class Stretch(NamedTuple):
    """A part of the log without a gap.

    numbers  of its segments, ascending; partial: whether the last one is still being written
    """

    folder: Path
    timeline: int
    numbers: tuple[int, ...]
    partial: bool

    def path(self, number: int) -> Path:
        """Where a segment is."""
        name = segment_name(self.timeline, number)
        is_partial = self.partial and number == self.numbers[-1]
        return self.folder / (name + PARTIAL if is_partial else name)


class Run(NamedTuple):
    """Segments in a row, all of them there.

    missing  the segment that is not, though later ones are; None when nothing is missing
    """

    stretch: Stretch
    first: int
    last: int
    missing: str | None


class Commit(NamedTuple):
    """A transaction's end in the log: when, and at which position, bytes."""

    at: datetime
    lsn: int


def lsn(text: str) -> int:
    """A position as PostgreSQL writes it, such as 0/3020E30, in bytes."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def shown(position: int) -> str:
    """A position as PostgreSQL reads it."""
    return f"{position >> 32:X}/{position & 0xFFFF_FFFF:X}"


def segment_name(timeline: int, number: int) -> str:
    """The file name of a segment.

    Source: PostgreSQL 18, src/include/access/xlog_internal.h, XLogFileName.
    """
    return f"{timeline:08X}{number // _PER_LOG:08X}{number % _PER_LOG:08X}"


def number_of(name: str) -> int:
    """The number of the segment with that file name."""
    return int(name[8:16], 16) * _PER_LOG + int(name[16:24], 16)


def segment_of(position: int) -> int:
    """The number of the segment whose bytes end at, or go beyond, a position."""
    return max(position - 1, 0) // SEGMENT_BYTES


def read_stretches(wal: Path) -> list[Stretch]:
    """Every stretch that has segments, oldest first."""
    folders = sorted(wal.iterdir()) if wal.is_dir() else []
    found = [_read(folder) for folder in folders if folder.is_dir()]
    return [stretch for stretch in found if stretch.numbers]


def _read(folder: Path) -> Stretch:
    whole: set[int] = set()
    partial: set[int] = set()
    timeline = 1
    for path in folder.iterdir():
        match = _SEGMENT.fullmatch(path.name)
        if match:
            timeline = max(timeline, int(match[1], 16))
            (partial if match[2] else whole).add(number_of(path.name))
    # One being written that has its whole name already was just finished.
    numbers = sorted(whole | partial)
    return Stretch(folder, timeline, tuple(numbers), bool(numbers) and numbers[-1] not in whole)


def unbegun(folder: Path) -> list[Path]:
    """Segments that were to be written when their disk was full or their writer died.

    pg_receivewal fills a segment with zeros before it writes to it, and takes no shorter one up
    again; nothing is in it that PostgreSQL does not keep.
    """
    return [p for p in folder.glob(f"*{PARTIAL}") if p.stat().st_size < SEGMENT_BYTES]


def run_after(stretches: list[Stretch], position: int, timeline: int) -> Run | None:
    """The segments without a gap from the one at `position` on; None when it is in no stretch."""
    wanted = segment_of(position)
    for stretch in reversed(stretches):
        known = set(stretch.numbers)
        # A backup holds the segment it ends in: the archive may begin with the next.
        first = wanted if wanted in known else wanted + 1
        if stretch.timeline == timeline and first in known:
            last = first
            while last + 1 in known:
                last += 1
            later = any(n > last for s in stretches for n in s.numbers)
            missing = segment_name(timeline, last + 1) if later else None
            return Run(stretch, first, last, missing)
    return None


def is_cut(stretches: list[Stretch], position: int, timeline: int) -> bool:
    """Whether what follows a position can never be read on from it, as something is missing."""
    if not stretches or stretches[-1].numbers[-1] < segment_of(position):
        return False
    run = run_after(stretches, position, timeline)
    return run is None or run.missing is not None


def last_commit(run: Run, programs: Programs, account: Account) -> Commit | None:
    """The last transaction that ends in a run; None when none does."""
    for number in range(run.last, run.first - 1, -1):
        with _readable(run.stretch.path(number), account) as path:
            command = [programs.path("pg_waldump"), "--rmgr=Transaction", str(path)]
            # It ends with an error where the log ends.
            said = run_program(command, account).stdout
        commits = _COMMIT.findall(said)
        if commits:
            position, at = commits[-1]
            return Commit(datetime.fromisoformat(at).replace(tzinfo=UTC), lsn(position))
    return None


@contextmanager
def _readable(segment: Path, account: Account) -> Iterator[Path]:
    """The segment under the name that the programs know it by."""
    if not segment.name.endswith(PARTIAL):
        yield segment
        return
    with tempfile.TemporaryDirectory(prefix="entrepot-wal-") as folder:
        private_folder(Path(folder), owner=account.owner)
        link = Path(folder) / segment.name.removesuffix(PARTIAL)
        link.symlink_to(segment)
        yield link


def remove_before(wal: Path, position: int, timeline: int) -> int:
    """Remove the segments that no backup from `position` on needs; gives how many.

    A stretch that is left empty goes too, except the newest.
    """
    needed = segment_of(position + 1)
    removed = 0
    stretches = sorted(folder for folder in wal.iterdir() if folder.is_dir())
    for folder in stretches:
        stretch = _read(folder)
        for number in stretch.numbers[:-1] if folder == stretches[-1] else stretch.numbers:
            if stretch.timeline == timeline and number < needed:
                stretch.path(number).unlink()
                removed += 1
        if folder != stretches[-1] and not _read(folder).numbers:
            (folder / REACHED).unlink(missing_ok=True)
            folder.rmdir()
    return removed


def write_reached(folder: Path, reached: Reached, owner: Owner) -> None:
    """Note beside a stretch how far it is."""
    write_durably(folder / REACHED, msgspec.json.encode(reached), owner=owner)


def read_reached(folder: Path) -> Reached | None:
    """How far a stretch is, as far as it was noted."""
    try:
        return msgspec.json.decode((folder / REACHED).read_bytes(), type=Reached)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
