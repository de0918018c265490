"""The second store: a data key per person, whose destruction erases the person everywhere.

The database holds personal data only as ciphertext under its person's key. The keys stand here, in
a folder that no backup of the database contains and that has its own, short-lived backup. Once a
key is destroyed, what is left in tables, write-ahead log and old backups is noise.

    persons.sqlite  data keys and the list of erasures; used by many processes at once
    index.key       for look-up hashes; never changes, or nobody is found any more
    signing.keys    for offers, newest first
    lock            held while one of these is made or replaced

Every file has mode 0600, the folder 0700; it must lie on a local disk (SQLite's write-ahead log
shares memory between processes). Keys are not wrapped in a further key: kept in the same folder it
would add nothing. Destroying overwrites a key in the file; what a disk or a file system copies
below the file is out of reach, so keep the folder on an encrypted volume.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import sqlite3
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entrepot.ground.clock import Clock
from entrepot.ground.files import private_folder, write_durably
from entrepot.words.outcome import Broken, Unavailable

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
CHECK_BYTES = 8
ENVELOPE_VERSION = b"\x01"
FILE_VERSION = 1
CACHED_KEYS_MAX = 10_000
SIGNING_KEYS_KEPT = 3
BUSY_S = 10.0

PERSONS = "persons.sqlite"
INDEX = "index.key"
SIGNING = "signing.keys"
LOCK = "lock"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Rows are only ever added at the end and overwritten in place, never deleted: SQLite then moves no
# row to another page, so that no stale copy of a key is left in the unused part of a page.
TABLES = (
    """
    CREATE TABLE IF NOT EXISTS person_key (
        seq        INTEGER PRIMARY KEY,
        person_id  BLOB NOT NULL UNIQUE CHECK (length(person_id) = 16),
        data_key   BLOB NOT NULL CHECK (length(data_key) = 40)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS erasure (
        seq        INTEGER PRIMARY KEY,
        person_id  BLOB NOT NULL UNIQUE CHECK (length(person_id) = 16),
        erased_at  INTEGER NOT NULL
    )
    """,
)
_READ_KEY = """
SELECT data_key FROM person_key
 WHERE person_id = ?1 AND NOT EXISTS (SELECT 1 FROM erasure WHERE person_id = ?1)
"""
_ADD_KEY = """
INSERT INTO person_key (person_id, data_key)
SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM erasure WHERE person_id = ?1)
ON CONFLICT (person_id) DO NOTHING
"""
_OVERWRITE_KEY = "UPDATE person_key SET data_key = zeroblob(40) WHERE person_id = ?1"
_ADD_ERASURE = """
INSERT INTO erasure (person_id, erased_at) VALUES (?1, ?2) ON CONFLICT (person_id) DO NOTHING
"""
_READ_ERASURES = "SELECT person_id, erased_at FROM erasure WHERE erased_at >= ?1 ORDER BY seq"
_ERASED_AFTER = "SELECT seq, person_id FROM erasure WHERE seq > ?1 ORDER BY seq"
_LAST_ERASURE = "SELECT coalesce(max(seq), 0) FROM erasure"
_ANY_KEY = "SELECT 1 FROM person_key LIMIT 1"


class Erasure(NamedTuple):
    """A person whose key was destroyed, and when."""

    person_id: UUID
    erased_at: datetime


class KeyStore:
    """The keys of one installation, as one process sees them; its threads share it.

    Made by `KeyStore.open`. Each process opens its own; never carried over a fork.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        connection: sqlite3.Connection,
        index_key: bytes,
        signing_key: bytes | None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._connection = connection
        self._index_key = index_key
        self._given_signing_key = signing_key
        self._signing: tuple[tuple[int, int], list[bytes]] | None = None
        self._lock = threading.Lock()
        self._cache: OrderedDict[UUID, bytes] = OrderedDict()
        self._erasures_seen: int = connection.execute(_LAST_ERASURE).fetchone()[0]

    @staticmethod
    def open(folder: Path, clock: Clock, *, signing_key: str | None = None) -> KeyStore:
        """The store in `folder`, made there if there is none; safe when several start at once.

        signing_key  the setting that replaces the signing keys of the folder, or None
        Raises: Broken when the folder or a file is open to others, not readable, damaged, or one
        file of several is gone; Unavailable when another process holds the file for too long.
        """
        require_private(folder)
        with _told(folder / PERSONS), _locked(folder):
            is_new = not (folder / INDEX).exists()
            connection = _connect(folder, is_new)
            try:
                if is_new:
                    _make_tables(folder, connection)
                    write_durably(folder / INDEX, _as_line(clock.random_bytes(KEY_BYTES)))
                if not (folder / SIGNING).exists():
                    write_durably(folder / SIGNING, _as_line(clock.random_bytes(KEY_BYTES)))
                _require_version(folder, connection)
                (index_key,) = _read_lines(folder / INDEX, maximum=1)
                given = None if signing_key is None else signing_key.encode()
                store = KeyStore(folder, clock, connection, index_key, given)
                store.signing_keys()
            except BaseException:
                connection.close()
                raise
        return store

    def close(self) -> None:
        """Give the file back and forget the keys in memory."""
        with self._lock:
            self._cache.clear()
            self._connection.close()

    def __enter__(self) -> KeyStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- data keys -------------------------------------------------------------------------------

    def keys_for(self, person_ids: Iterable[UUID], create: bool = True) -> dict[UUID, bytes]:
        """The data keys, 32 bytes each; who has none or was erased is left out.

        create  make keys for those who have none; they are on disk when this returns, so encrypt
                only after. A key whose person is rolled back stays behind and does no harm.
        """
        with self._speaking():
            self._forget_erased()
            wanted = list(dict.fromkeys(person_ids))
            found = {p: self._cache[p] for p in wanted if p in self._cache}
            found |= self._read(p for p in wanted if p not in found)
            missing = [p for p in wanted if p not in found]
            if create and missing:
                self._create(missing)
                found |= self._read(missing)
            self._remember(found)
            return found

    def _forget_erased(self) -> None:
        """Honor what other processes destroyed: one look at an index, empty nearly always."""
        for seq, person_id in self._connection.execute(_ERASED_AFTER, (self._erasures_seen,)):
            self._cache.pop(UUID(bytes=person_id), None)
            self._erasures_seen = seq

    def _read(self, person_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        found = {}
        for person_id in person_ids:
            row = self._connection.execute(_READ_KEY, (person_id.bytes,)).fetchone()
            if row is not None:
                found[person_id] = self._checked(person_id, row[0])
        return found

    def _checked(self, person_id: UUID, stored: bytes) -> bytes:
        key, check = stored[:KEY_BYTES], stored[KEY_BYTES:]
        if check != check_of(person_id, key):
            raise Broken(
                f"{self._folder / PERSONS}: the key of person {person_id} is damaged; stop "
                "Entrepot and restore the folder of keys from its backup"
            )
        return key

    def _create(self, person_ids: Sequence[UUID]) -> None:
        fresh = [(p, self._clock.random_bytes(KEY_BYTES)) for p in person_ids]
        with self._writing():
            self._connection.executemany(
                _ADD_KEY, [(p.bytes, key + check_of(p, key)) for p, key in fresh]
            )

    def _remember(self, keys: dict[UUID, bytes]) -> None:
        for person_id, key in keys.items():
            self._cache[person_id] = key
            self._cache.move_to_end(person_id)
        while len(self._cache) > CACHED_KEYS_MAX:
            self._cache.popitem(last=False)

    # --- erasure ---------------------------------------------------------------------------------

    def destroy(self, person_ids: Iterable[UUID]) -> None:
        """Overwrite these keys for good; such a person can never get a key again. Repeatable.

        Raises: Unavailable when the keys are overwritten but another process kept their former
        pages in the write-ahead log: repeat it.
        """
        self.replay_erasures([Erasure(p, self._clock.now()) for p in person_ids])

    def replay_erasures(self, erasures: Sequence[Erasure]) -> None:
        """Destroy again what a restored backup brought back, with the instants it first had."""
        if not erasures:
            return
        with self._speaking():
            with self._writing():
                self._connection.executemany(
                    _OVERWRITE_KEY, [(e.person_id.bytes,) for e in erasures]
                )
                self._connection.executemany(
                    _ADD_ERASURE, [(e.person_id.bytes, _micros(e.erased_at)) for e in erasures]
                )
            for erasure in erasures:
                self._cache.pop(erasure.person_id, None)
            # The log may still hold the pages as they were before.
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise Unavailable(
                    f"{self._folder / PERSONS}: keys were destroyed, but the write-ahead log could "
                    "not be emptied while another process reads; try again"
                )

    def erasures_since(self, instant: datetime) -> list[Erasure]:
        """Who was erased at `instant` or later, oldest first; give these to a restored copy."""
        with self._speaking():
            rows = self._connection.execute(_READ_ERASURES, (_micros(instant),)).fetchall()
        return [Erasure(UUID(bytes=r[0]), _EPOCH + r[1] * _MICROSECOND) for r in rows]

    # --- encryption ------------------------------------------------------------------------------

    def encrypt(self, key: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """An envelope: version, nonce, ciphertext with tag; 29 bytes longer than the plaintext.

        aad  what the envelope belongs to; it opens only with the same
        Source: AES-256-GCM, NIST SP 800-38D; random 96-bit nonces, good for 2**32 per key.
        """
        nonce = self._clock.random_bytes(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, plaintext, ENVELOPE_VERSION + aad)
        return ENVELOPE_VERSION + nonce + sealed

    def decrypt(self, key: bytes, envelope: bytes, aad: bytes) -> bytes:
        """The plaintext of an envelope.

        Raises: Broken when it was changed, belongs to something else, or is of another version.
        """
        version, nonce = envelope[:1], envelope[1 : 1 + NONCE_BYTES]
        if version != ENVELOPE_VERSION or len(envelope) < 1 + NONCE_BYTES + TAG_BYTES:
            raise Broken(
                f"envelope: found version {version.hex() or 'none'} and {len(envelope)} bytes, "
                f"expected version {ENVELOPE_VERSION.hex()}; it is damaged or of a newer release"
            )
        try:
            return AESGCM(key).decrypt(nonce, envelope[1 + NONCE_BYTES :], version + aad)
        except InvalidTag as error:
            raise Broken(
                "envelope: it does not open with this key; it was changed, or the database and "
                "the folder of keys were restored from different installations"
            ) from error

    def lookup_hash(self, kind: str, normalized: str) -> bytes:
        """32 bytes to find an exact value by, equal for equal values of one kind.

        normalized  the value in the one form in which it is compared
        """
        return hmac.digest(self._index_key, f"{kind}\0{normalized}".encode(), "sha256")

    # --- signing ---------------------------------------------------------------------------------

    def signing_keys(self) -> list[bytes]:
        """Keys to sign with, newest first: sign with the first, honor all.

        A rotation by any process is seen at the next call.
        """
        if self._given_signing_key is not None:
            return [self._given_signing_key]
        path = self._folder / SIGNING
        version = _version(path)
        if self._signing is None or self._signing[0] != version:
            self._signing = (version, _read_lines(path, maximum=SIGNING_KEYS_KEPT))
        return list(self._signing[1])

    def rotate_signing_key(self) -> None:
        """Sign with a new key from now on; the last two stay honored."""
        path = self._folder / SIGNING
        with _locked(self._folder):
            kept = _read_lines(path, maximum=SIGNING_KEYS_KEPT)[: SIGNING_KEYS_KEPT - 1]
            keys = [self._clock.random_bytes(KEY_BYTES), *kept]
            write_durably(path, "".join(_as_line(key) for key in keys))

    # --- the file --------------------------------------------------------------------------------

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with self._lock, _told(self._folder / PERSONS):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def require_private(folder: Path) -> None:
    """An empty folder is made private; one with content that others could read is refused."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            _require_mode(folder, 0o700)
        # With a database elsewhere nothing has made the data home yet.
        folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        private_folder(folder)
        for name in (PERSONS, INDEX, SIGNING):
            if (folder / name).exists():
                _require_mode(folder / name, 0o600)
    except PermissionError as error:
        raise _unreadable(folder, error) from error


def _require_mode(path: Path, expected: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Broken(
            f"{path}: found mode {mode:04o}, expected {expected:04o}; other accounts could read "
            f"the keys of personal data: find out who did, then run `chmod {expected:o} {path}`"
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _connect(folder: Path, is_new: bool) -> sqlite3.Connection:
    path = folder / PERSONS
    if is_new:
        # SQLite would make it readable for everyone; its log takes the mode of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    elif not path.exists():
        raise Broken(
            f"{path}: it is gone while {INDEX} is there, and all personal data with it; restore "
            "the folder of keys from its backup"
        )
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA secure_delete = ON",
            "PRAGMA temp_store = MEMORY",
        ):
            connection.execute(pragma).fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(folder: Path, connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(table)
    connection.execute("PRAGMA user_version = 1")
    if connection.execute(_ANY_KEY).fetchone():
        raise Broken(
            f"{folder / INDEX}: it is gone while {PERSONS} has keys, and nobody would be found by "
            "mail or phone any more; restore the folder of keys from its backup"
        )


def _require_version(folder: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != FILE_VERSION:
        raise Broken(
            f"{folder / PERSONS}: found version {version}, expected {FILE_VERSION}; "
            + (
                "use the newer entrepot"
                if version > FILE_VERSION
                else "the file was emptied: restore the folder of keys from its backup"
            )
        )


def _as_line(key: bytes) -> str:
    return f"{key.hex()}\n"


def _read_lines(path: Path, *, maximum: int) -> list[bytes]:
    try:
        lines = path.read_text(encoding="ascii").split("\n")
        keys = [bytes.fromhex(line) for line in lines[:-1]]
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError:
        keys = []
    if not 1 <= len(keys) <= maximum or any(len(key) != KEY_BYTES for key in keys):
        raise Broken(
            f"{path}: it is damaged, expected 1 to {maximum} lines of {2 * KEY_BYTES} hexadecimal "
            "digits; restore the folder of keys from its backup"
        )
    return keys


def _version(path: Path) -> tuple[int, int]:
    """Changes when the file is replaced."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.st_ino, found.st_mtime_ns


def _unreadable(path: Path, error: OSError) -> Broken:
    return Broken(
        f"{path}: cannot be read ({error.strerror}); run Entrepot as the account that owns the "
        "folder of keys, or restore the folder from its backup"
    )


def check_of(person_id: UUID, key: bytes) -> bytes:
    """Tells a damaged or misplaced key; it goes with the key when that is overwritten."""
    return hashlib.sha256(person_id.bytes + key).digest()[:CHECK_BYTES]


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors as the house's faults."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        if error.sqlite_errorcode & 0xFF in _PASSING:
            raise Unavailable(
                f"{path}: {error}; try again, and see that the disk is not full"
            ) from error
        raise Broken(
            f"{path}: {error}; when the file is damaged, stop Entrepot and restore the folder of "
            "keys from its backup; otherwise let this account read and write it"
        ) from error
