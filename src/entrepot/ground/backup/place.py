"""The folder of backups: whose it is, which backups are in it, and what is removed from it.

    place.json              the installation it belongs to
    base/20261124T211436Z/  one backup: `backup.json` about it, `data` as pg_basebackup wrote it,
                            `home` with the data home's own tuning
    wal/20261124T211436Z/   the write-ahead log since then without a gap, as pg_receivewal wrote it

A name in `base` counts only when it is whole: what is being written or removed begins with a dot.
A folder belongs to one installation, which remembers it: an empty folder in the place of one that
was in use is a disk that is not mounted, not a new beginning.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from entrepot.ground.clock import Clock
from entrepot.ground.cluster_account import MAJOR, Account, require_reachable
from entrepot.ground.cluster_settings import BACKED_UP
from entrepot.ground.files import Owner, private_folder, sync_folder, write_durably
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Broken

FORMAT = 1
MARK = "place.json"
ABOUT = "backup.json"
NAME = "%Y%m%dT%H%M%SZ"
FULL = "full"
INCREMENTAL = "incremental"
NEXT_NAME_S = 0.05


class Mark(msgspec.Struct, frozen=True):
    """Whose a folder is.

    home    id of the data home; a restored copy of it has another one
    system  PostgreSQL's identifier of the cluster
    """

    format: int
    home: str
    system: str
    major: int


class HomeMark(msgspec.Struct, frozen=True):
    """A data home's id, and the folders it has claimed."""

    home: str
    folders: tuple[str, ...] = ()


class Backup(msgspec.Struct, frozen=True):
    """One backup, whole and verified.

    parent    the backup an incremental one builds on
    ended_at  from then on it can be restored to
    *_lsn     positions in the write-ahead log, bytes: where its recovery starts, and from where on
              it is consistent
    schema    number of the database's schema; bytes: its size on the disk
    """

    name: str
    kind: str
    parent: str | None
    started_at: datetime
    ended_at: datetime
    timeline: int
    start_lsn: int
    stop_lsn: int
    postgres: str
    entrepot: str
    schema: int
    bytes: int


class Place(NamedTuple):
    """The folder of backups of one installation."""

    root: Path
    mark: Mark

    @property
    def base(self) -> Path:
        """Folder of the backups."""
        return self.root / "base"

    @property
    def wal(self) -> Path:
        """Folder of the write-ahead log."""
        return self.root / "wal"

    def data_of(self, backup: Backup) -> Path:
        """The data directory of a backup."""
        return self.base / backup.name / "data"


def name_at(instant: datetime) -> str:
    """The name of what begins at `instant`."""
    return instant.astimezone(UTC).strftime(NAME)


def free_name(folder: Path, clock: Clock) -> str:
    """The name of what begins in `folder` now; names of one folder never repeat."""
    while (folder / (name := name_at(clock.now()))).exists():
        clock.sleep(NEXT_NAME_S)
    return name


def claim(settings: Settings, system: str, account: Account, clock: Clock) -> Place:
    """The folder of backups of this installation, taken into use if it is new.

    system  PostgreSQL's identifier of the cluster
    account who runs PostgreSQL and owns the folder
    Raises: Broken when it is another installation's, not mounted, or cannot be used.
    """
    assert settings.backup is not None, "asked for where there is a folder of backups"
    mark = claim_folder(settings, settings.backup, "ENTREPOT_BACKUP", system, account.owner, clock)
    require_reachable(settings.backup, account)
    place = Place(settings.backup, mark)
    for folder in (place.base, place.wal):
        private_folder(folder, owner=account.owner)
    return place


def claim_folder(
    settings: Settings, root: Path, variable: str, system: str, owner: Owner, clock: Clock
) -> Mark:
    """A folder marked as this data home's, which remembers it; gives the mark.

    Raises: Broken as `claim`.
    """
    with held(settings.run / "backup-folders.lock", wait=True):
        return _claim_folder(settings, root, variable, system, owner, clock)


@contextmanager
def held(lock: Path, *, wait: bool) -> Iterator[bool]:
    """Holds a lock of the data home; the kernel gives it back when its holder dies.

    wait  for another holder; else gives False when there is one
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _claim_folder(
    settings: Settings, root: Path, variable: str, system: str, owner: Owner, clock: Clock
) -> Mark:
    home = _home_mark(settings, clock)
    if not root.parent.is_dir():
        raise Broken(f"{variable}: {root.parent} is not there; mount it or make it")
    mark = _read_mark(root)
    if mark is None:
        if str(root) in home.folders:
            raise Broken(
                f"{variable}: {root} was in use by this installation and has no {MARK} now; is its "
                "disk mounted? To begin anew, give it another folder"
            )
        if root.exists() and any(root.iterdir()):
            raise Broken(
                f"{variable}: {root} holds other files, expected an empty folder or one of this "
                "installation; choose another"
            )
        mark = Mark(FORMAT, home.home, system, MAJOR)
        private_folder(root, owner=owner)
        write_durably(root / MARK, msgspec.json.encode(mark), owner=owner)
    wanted = Mark(FORMAT, home.home, system, MAJOR)
    if mark != wanted:
        raise Broken(
            f"{variable}: {root} belongs to another installation, or to this one before it was "
            f"restored or made anew (found {_named(mark)}, expected {_named(wanted)}); give this "
            "one a folder of its own"
        )
    if str(root) not in home.folders:
        _write_home_mark(settings, HomeMark(home.home, (*home.folders, str(root))))
    return mark


def opened(root: Path) -> Place:
    """A folder of backups, to look into it.

    Raises: Broken when it is none, or was written by another version.
    """
    mark = _read_mark(root)
    if mark is None:
        raise Broken(
            f"ENTREPOT_BACKUP: {root} is no folder of backups (no {MARK}); is its disk mounted?"
        )
    if mark.format != FORMAT:
        raise Broken(
            f"{root}: found backups in format {mark.format}, expected {FORMAT}; use the entrepot "
            "that wrote them"
        )
    if mark.major != MAJOR:
        raise Broken(
            f"{root}: found backups of PostgreSQL {mark.major}, expected {MAJOR}; restore them "
            f"with an entrepot that has PostgreSQL {mark.major}, then bring the result to {MAJOR} "
            "with pg_upgrade"
        )
    return Place(root, mark)


def _named(mark: Mark) -> str:
    return f"home {mark.home[:8]}, cluster {mark.system}, PostgreSQL {mark.major}"


def _read_mark(root: Path) -> Mark | None:
    try:
        return msgspec.json.decode((root / MARK).read_bytes(), type=Mark)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise Broken(f"{root / MARK}: it cannot be read ({error}); it is damaged") from error


def claimed(settings: Settings) -> tuple[str, ...]:
    """The folders that this data home has taken into use, until it gave them up.

    Raises: Broken when what it noted cannot be read.
    """
    known = _read_home_mark(settings)
    return known.folders if known is not None else ()


def give_up(settings: Settings) -> None:
    """Forget the folders; what is in them stays."""
    (settings.data / BACKED_UP).unlink(missing_ok=True)


def _home_mark(settings: Settings, clock: Clock) -> HomeMark:
    known = _read_home_mark(settings)
    if known is None:
        known = HomeMark(clock.random_bytes(16).hex())
        _write_home_mark(settings, known)
    return known


def _read_home_mark(settings: Settings) -> HomeMark | None:
    path = settings.data / BACKED_UP
    try:
        return msgspec.json.decode(path.read_bytes(), type=HomeMark)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise Broken(
            f"{path}: it cannot be read ({error}); remove it and choose a new ENTREPOT_BACKUP"
        ) from error


def _write_home_mark(settings: Settings, mark: HomeMark) -> None:
    write_durably(settings.data / BACKED_UP, msgspec.json.encode(mark), mode=0o644)


# --- backups -------------------------------------------------------------------------------------


def read_backups(place: Place) -> list[Backup]:
    """Every whole backup, oldest first; those that lost their parent too."""
    found = []
    for folder in sorted(place.base.iterdir()) if place.base.is_dir() else ():
        if not folder.name.startswith("."):
            about = folder / ABOUT
            try:
                found.append(msgspec.json.decode(about.read_bytes(), type=Backup))
            except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError) as error:
                raise Broken(
                    f"{about}: it cannot be read ({error}), so nobody knows what this backup is; "
                    f"move {folder} out of {place.base}"
                ) from error
    return found


def chain(backups: Sequence[Backup], last: Backup) -> list[Backup]:
    """What is needed to restore `last`: a full backup, then each that builds on the one before.

    Raises: Broken when one of them is gone.
    """
    by_name = {backup.name: backup for backup in backups}
    found = [last]
    while (parent := found[0].parent) is not None:
        if parent not in by_name:
            raise Broken(
                f"backup {last.name}: it builds on {parent}, which is not there; take a full "
                "backup, or restore from an earlier one with --backup"
            )
        found.insert(0, by_name[parent])
    return found


def sweep(place: Place) -> list[str]:
    """Remove what was being written or removed when its writer died; gives the names."""
    left = sorted(path.name for path in place.base.glob(".*"))
    for name in left:
        shutil.rmtree(place.base / name)
    return left


def put_in_place(place: Place, aside: Path, backup: Backup, owner: Owner) -> None:
    """Let a backup count: everything in it is on the disk by now, its name comes last."""
    write_durably(aside / ABOUT, msgspec.json.encode(backup), owner=owner)
    sync_folder(aside)
    aside.rename(place.base / backup.name)
    sync_folder(place.base)


def first_kept(backups: Sequence[Backup], keep: int) -> Backup | None:
    """The oldest of the `keep` newest full backups; None when there are fewer."""
    full = [backup for backup in backups if backup.kind == FULL]
    return full[-keep] if len(full) >= keep else None


def remove_before(place: Place, backups: Sequence[Backup], first: Backup) -> list[str]:
    """Remove the backups older than `first`; gives their names.

    The newest goes first, so that none ever stands there without the one it builds on.
    """
    older = [backup.name for backup in backups if backup.name < first.name]
    for name in reversed(older):
        going = place.base / f".{name}.gone"
        (place.base / name).rename(going)
        shutil.rmtree(going)
    return older


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(
        (Path(parent) / name).lstat().st_size
        for parent, _folders, names in os.walk(folder)
        for name in names
    )
