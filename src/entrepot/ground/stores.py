"""Where files are kept outside the database: a folder, or a store that speaks S3.

Every call ends in bounded time. A file appears under its name whole or not at all.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from entrepot.ground.files import sync_folder, write_durably
from entrepot.words.outcome import Broken, Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Store as ObjectStore

CHUNK_BYTES = 8 * 1024 * 1024
CONNECT_S = 5
TRIES_AGAIN = 2

_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9_./-]*))?")


class Place(NamedTuple):
    """Where a store is.

    location   a folder's absolute path, or s3://bucket/prefix
    endpoint   address of the S3 server; None = that of the region
    timeout_s  for one request
    """

    location: str
    endpoint: str | None = None
    region: str | None = None
    key_id: str | None = None
    secret: str | None = None
    timeout_s: int = 30

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Place({self.location!r})"


class Store(Protocol):
    """Files by name, such as `inventory.movement/movement_202501.json`."""

    def put(self, name: str, source: Path) -> None:
        """Keep a copy of a file, in place of what has that name."""
        ...

    def put_bytes(self, name: str, content: bytes) -> None:
        """Keep these bytes, in place of what has that name."""
        ...

    def get(self, name: str, target: Path) -> None:
        """Copy a file out.

        Raises: Broken when there is none of this name.
        """
        ...

    def read(self, name: str) -> bytes | None:
        """A small file's bytes; None when there is none of this name."""
        ...

    def names(self) -> list[str]:
        """Every file, sorted."""
        ...


def is_place(location: str) -> bool:
    """Whether a text names a place for a store."""
    return bool(_S3.fullmatch(location)) or Path(location).is_absolute()


def open_store(place: Place) -> Store:
    """The store at a place.

    Raises: Broken when the place is unusable; Unavailable when it does not answer.
    """
    match = _S3.fullmatch(place.location)
    if match is None:
        return FolderStore(Path(place.location))
    return S3Store(place, bucket=match[1], prefix=(match[2] or "").strip("/"))


def _checked(name: str) -> str:
    assert _NAME.fullmatch(name) and ".." not in name.split("/"), f"{name!r} is a file's name"
    return name


class FolderStore:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise Broken(f"archive: {folder} is no folder; make it, or name another place")

    def put(self, name: str, source: Path) -> None:
        """Copy, sync, rename."""
        path = self._path(name)
        aside = path.with_name(f".{path.name}.aside")
        aside.unlink(missing_ok=True)
        with source.open("rb") as read, aside.open("xb") as written:
            shutil.copyfileobj(read, written, CHUNK_BYTES)
            written.flush()
            os.fsync(written.fileno())
        aside.replace(path)
        sync_folder(path.parent)

    def put_bytes(self, name: str, content: bytes) -> None:
        """Write aside, sync, rename."""
        write_durably(self._path(name), content, mode=0o640)

    def get(self, name: str, target: Path) -> None:
        """Copy it out."""
        try:
            shutil.copyfile(self._folder / _checked(name), target)
        except FileNotFoundError as error:
            raise _missing(name) from error

    def read(self, name: str) -> bytes | None:
        """Its bytes."""
        try:
            return (self._folder / _checked(name)).read_bytes()
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """What lies in the folder, but what is still being written."""
        found = (p for p in self._folder.rglob("*") if p.is_file() and p.suffix != ".aside")
        return sorted(p.relative_to(self._folder).as_posix() for p in found)

    def _path(self, name: str) -> Path:
        path = self._folder / _checked(name)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
            sync_folder(path.parent.parent)
        return path


class S3Store:
    """A bucket. Each request has `timeout_s`, and is tried again at most TRIES_AGAIN times."""

    def __init__(self, place: Place, *, bucket: str, prefix: str) -> None:
        from obstore import store  # some megabytes of memory: only where it is used

        timeout = timedelta(seconds=place.timeout_s)
        self._where = place.location
        self._store: ObjectStore = store.S3Store(
            bucket,
            prefix=prefix or None,
            endpoint=place.endpoint,
            region=place.region or "us-east-1",
            access_key_id=place.key_id,
            secret_access_key=place.secret,
            virtual_hosted_style_request=place.endpoint is None,
            client_options={
                "connect_timeout": timedelta(seconds=min(CONNECT_S, place.timeout_s)),
                "timeout": timeout,
                "allow_http": (place.endpoint or "").startswith("http://"),
            },
            retry_config={"max_retries": TRIES_AGAIN, "retry_timeout": timeout},
        )

    def put(self, name: str, source: Path) -> None:
        """In parts; the file is there when the last one is."""
        import obstore

        with self._answered(), source.open("rb") as file:
            obstore.put(
                self._store, _checked(name), file, chunk_size=CHUNK_BYTES, max_concurrency=2
            )

    def put_bytes(self, name: str, content: bytes) -> None:
        """At once."""
        import obstore

        with self._answered():
            obstore.put(self._store, _checked(name), content)

    def get(self, name: str, target: Path) -> None:
        """Part by part, so that no request is longer than a part."""
        import obstore

        with self._answered(), target.open("wb") as file:
            try:
                size = obstore.head(self._store, _checked(name))["size"]
                for start in range(0, size, CHUNK_BYTES):
                    length = min(CHUNK_BYTES, size - start)
                    file.write(obstore.get_range(self._store, name, start=start, length=length))
            except FileNotFoundError as error:
                raise _missing(name) from error

    def read(self, name: str) -> bytes | None:
        """Its bytes."""
        import obstore

        with self._answered():
            try:
                return bytes(obstore.get(self._store, _checked(name)).bytes())
            except FileNotFoundError:
                return None

    def names(self) -> list[str]:
        """What lies under the prefix."""
        import obstore

        with self._answered():
            return sorted(meta["path"] for page in obstore.list(self._store) for meta in page)

    @contextmanager
    def _answered(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except BaseError as error:
            reason = " ".join(str(error).partition("Debug source:")[0].split())[:300]
            raise Unavailable(
                f"archive: {self._where} does not do what it is asked ({reason}); check that it "
                "runs, its address and the keys (ENTREPOT_ARCHIVE_...); it is tried again later",
                kind="store",
            ) from error


def _missing(name: str) -> Broken:
    return Broken(f"archive: {name} is not there; restore it from a copy of the archive")
