"""Copies of the key store, apart from the backups of the database.

    place.json         the installation they belong to
    latest/            kept current, seconds behind the store
    20261124T211436Z/  a copy from then; the newest two are kept

Without the key of a person their data are noise, so a copy must be as fresh as the archive of the
database: every key made since is added to `latest` every few seconds. A key that is destroyed in
the store is destroyed in every copy as well, and stays on its list of erasures: no restore brings
an erased person back.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from entrepot.ground.backup import place as places
from entrepot.ground.clock import Clock
from entrepot.ground.files import Owner, private_folder, sync_folder, write_durably
from entrepot.ground.keys import (
    BUSY_S,
    INDEX,
    KEY_BYTES,
    PERSONS,
    SIGNING,
    TABLES,
    check_of,
    require_private,
)
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken, Unavailable

LATEST = "latest"
DATED_KEPT = 2
ROWS_AT_ONCE = 5_000
LOCK = "key-copies.lock"

_LAST_KEY = "SELECT seq, person_id FROM person_key ORDER BY seq DESC LIMIT 1"
_LAST_ERASURE = "SELECT coalesce(max(seq), 0) FROM erasure"
_PERSON_AT = "SELECT person_id FROM person_key WHERE seq = ?"
_KEYS_AFTER = "SELECT seq, person_id, data_key FROM person_key WHERE seq > ? ORDER BY seq LIMIT ?"
_ERASED_AFTER = "SELECT seq, person_id, erased_at FROM erasure WHERE seq > ? ORDER BY seq"
_ADD_KEY = "INSERT INTO person_key (seq, person_id, data_key) VALUES (?, ?, ?)"
_ADD_ERASURE = "INSERT INTO erasure (seq, person_id, erased_at) VALUES (?, ?, ?)"
_OVERWRITE_KEY = "UPDATE person_key SET data_key = zeroblob(40) WHERE person_id = ?"
_LIVING = """
SELECT person_id, data_key FROM person_key AS k
 WHERE NOT EXISTS (SELECT 1 FROM erasure AS e WHERE e.person_id = k.person_id)
"""
_COUNT_ERASURES = "SELECT count(person_id) FROM erasure"

log = get_logger(__name__)


class Counted(NamedTuple):
    """What is in a copy, all of it whole: keys of living persons, and persons erased."""

    keys: int
    erased: int


class KeyCopy(NamedTuple):
    """A copy of the key store, and until when it has everything."""

    folder: Path
    at: datetime


class KeyCopies:
    """The copies of one installation's key store."""

    def __init__(self, settings: Settings, system: str, clock: Clock) -> None:
        assert settings.backup_keys is not None, "asked for where there is a folder for copies"
        self._settings = settings
        self._store = settings.keys
        self._system = system
        self._clock = clock
        self.root = settings.backup_keys

    def bring_up_to_date(self) -> int:
        """Add new keys to `latest` and destroy in every copy what was destroyed; gives how many.

        Nothing happens as long as there is no key store.
        Raises: Broken when the copies are of another store, or one is damaged.
        """
        if not (self._store / INDEX).exists():
            return 0
        with self._alone():
            latest = self.root / LATEST
            if not latest.exists():
                self._begin()
            at = self._clock.now().timestamp()
            with _connected(self._store) as store:
                changed = _bring(store, self._store, latest, with_keys=True)
                for folder in _dated(self.root):
                    changed += _bring(store, self._store, folder, with_keys=False)
            self._copy_signing_keys(latest)
            os.utime(latest, (at, at))
            return changed

    def keep_dated(self) -> Path | None:
        """Bring `latest` up to date, check it, keep a copy of it; gives the copy, None = no store.

        A `latest` that turns out to be damaged is made anew from the store.
        """
        if not (self._store / INDEX).exists():
            return None
        self.bring_up_to_date()
        latest = self.root / LATEST
        try:
            count(latest)
        except Broken as fault:
            log.error("backup.key_copy_made_anew", reason=str(fault))
            with self._alone():
                shutil.rmtree(latest)
            self.bring_up_to_date()
        with self._alone():
            name = places.free_name(self.root, self._clock)
            aside = self.root / f".{name}.aside"
            _copy(latest, aside)
            aside.rename(self.root / name)
            sync_folder(self.root)
            for folder in _dated(self.root)[:-DATED_KEPT]:
                shutil.rmtree(folder)
        return self.root / name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with places.held(self._settings.run / LOCK, wait=True):
            us = Owner(os.geteuid(), os.getegid())
            variable = "ENTREPOT_BACKUP_KEYS"
            places.claim_folder(self._settings, self.root, variable, self._system, us, self._clock)
            require_private(self._store)
            for left in self.root.glob(".*.aside"):
                shutil.rmtree(left)
            yield

    def _begin(self) -> None:
        """An empty copy, put in place whole."""
        aside = private_folder(self.root / f".{LATEST}.aside")
        with _connected(aside, is_new=True) as copy:
            for table in TABLES:
                copy.execute(table)
            copy.execute("PRAGMA user_version = 1")
        for name in (INDEX, SIGNING):
            write_durably(aside / name, (self._store / name).read_bytes())
        aside.rename(self.root / LATEST)
        sync_folder(self.root)

    def _copy_signing_keys(self, latest: Path) -> None:
        content = (self._store / SIGNING).read_bytes()
        if (latest / SIGNING).read_bytes() != content:
            write_durably(latest / SIGNING, content)


def _dated(root: Path) -> list[Path]:
    """The dated copies, oldest first."""
    return sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != "." and p.name != LATEST)


def _bring(store: sqlite3.Connection, store_folder: Path, folder: Path, *, with_keys: bool) -> int:
    if (folder / INDEX).read_bytes() != (store_folder / INDEX).read_bytes():
        raise Broken(
            f"{folder}: it is a copy of another key store than {store_folder}; put the right "
            "folder of keys in its place, or choose another ENTREPOT_BACKUP_KEYS"
        )
    changed = 0
    with _connected(folder) as copy:
        last = copy.execute(_LAST_KEY).fetchone() or (0, None)
        if last[0] and store.execute(_PERSON_AT, (last[0],)).fetchone() != (last[1],):
            raise Broken(
                f"{folder}: it has keys that {store_folder} lacks: the store was replaced by an "
                "older one. Stop Entrepot and put this copy in its place, or choose another "
                "ENTREPOT_BACKUP_KEYS"
            )
        (erased_to,) = copy.execute(_LAST_ERASURE).fetchone()
        erased = store.execute(_ERASED_AFTER, (erased_to,)).fetchall()
        if erased:
            with _writing(copy):
                copy.executemany(_OVERWRITE_KEY, [(row[1],) for row in erased])
                copy.executemany(_ADD_ERASURE, erased)
            changed += len(erased)
        at = last[0]
        while with_keys and (rows := store.execute(_KEYS_AFTER, (at, ROWS_AT_ONCE)).fetchall()):
            with _writing(copy):
                copy.executemany(_ADD_KEY, rows)
            at = rows[-1][0]
            changed += len(rows)
    return changed


def count(folder: Path) -> Counted:
    """What is in a copy, after every key was looked at.

    Raises: Broken when something in it is damaged or missing.
    """
    for name in (PERSONS, INDEX, SIGNING):
        if not (folder / name).is_file():
            raise Broken(f"{folder / name}: it is not there; this copy of the keys is not whole")
    with _connected(folder) as copy:
        (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise Broken(f"{folder / PERSONS}: it is damaged: {said}")
        keys = 0
        for person_id, stored in copy.execute(_LIVING):
            if stored[KEY_BYTES:] != check_of(UUID(bytes=person_id), stored[:KEY_BYTES]):
                raise Broken(f"{folder / PERSONS}: the key of {UUID(bytes=person_id)} is damaged")
            keys += 1
        (erased,) = copy.execute(_COUNT_ERASURES).fetchone()
    return Counted(keys, erased)


def copies(root: Path) -> list[KeyCopy]:
    """Every copy below `root`, the one to be restored first at the front."""
    if not root.is_dir():
        return []
    folders = [p for p in (root / LATEST,) if p.is_dir()] + _dated(root)[::-1]
    return [KeyCopy(p, datetime.fromtimestamp(p.stat().st_mtime, UTC)) for p in folders]


def restore(copy: Path, folder: Path) -> None:
    """Make a key store in `folder` from a copy; what is there already is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    _copy(copy, aside)
    aside.rename(folder)
    sync_folder(folder.parent)


def _copy(source: Path, target: Path) -> None:
    private_folder(target)
    for name in (PERSONS, INDEX, SIGNING):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with (
            (source / name).open("rb") as old,
            os.fdopen(os.open(target / name, flags, 0o600), "wb") as new,
        ):
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
    sync_folder(target)


@contextmanager
def _connected(folder: Path, *, is_new: bool = False) -> Iterator[sqlite3.Connection]:
    path = folder / PERSONS
    if is_new:
        # SQLite would make it readable for everyone.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    elif not path.is_file():
        raise Broken(f"{path}: it is not there, though {INDEX} is")
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            connection.execute("PRAGMA synchronous = FULL").fetchall()
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise Unavailable(f"{path}: {error}; is the disk full or away?") from error
        raise Broken(f"{path}: {error}; it is damaged") from error


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
