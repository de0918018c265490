"""Closing partitions: written to the store, read back, compared, and only then dropped.

No transaction is open while the store is asked. What was done is noted step by step; whatever
kills the process, the next run goes on from there, and no row is lost or kept twice.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from entrepot.flows.archiving.manifest import FORMAT, Manifest, decode, encode, name_of
from entrepot.flows.archiving.tables import ARCHIVED, KEEP_DAYS_MIN, Archived
from entrepot.ground import archive, parquet
from entrepot.ground.archive import Connection
from entrepot.ground.clock import Clock
from entrepot.ground.database import Tx
from entrepot.ground.migrate import schema_number
from entrepot.ground.partitions import Partition
from entrepot.ground.stores import Store
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken

READ_BYTES = 1024 * 1024

log = get_logger(__name__)


class Closed(NamedTuple):
    """What became of a partition that is old enough.

    kept_for  why it had to stay; None = it is in the archive now
    """

    relation: str
    partition: str
    rows: int
    bytes: int
    kept_for: str | None = None


Tell = Callable[[str, int], None]
"""Called with what is being done, in words, and the rows done so far."""


def close_due(
    url: str,
    store: Store,
    folder: Path,
    clock: Clock,
    *,
    keep_days: int = KEEP_DAYS_MIN,
    tell: Tell = lambda _words, _rows: None,
) -> Iterator[Closed]:
    """Archive every partition whose rows are all older than `keep_days`, the oldest first.

    url     of the database, as the owner of its tables
    folder  where a file may lie while it is written and compared: room for a partition
    Raises: Unavailable when the store does not answer or a lock is not to be had, Broken when what
    was read back is not what was written: the partition stays, and the next run tries it again.
    """
    before = clock.now() - timedelta(days=keep_days)
    with archive.opened(url) as connection:
        house = archive.installation(connection, clock)
        for table in ARCHIVED:
            partitioned = archive.partitioned(connection, table.relation)
            for part, until_at in archive.ended(connection, partitioned, table.at, before):
                reason = table.needed(Tx(connection, clock), part)
                if reason is not None:
                    log.warning("archive.kept", part=part.name, reason=reason)
                    yield Closed(table.relation, part.name, 0, 0, reason)
                    if table.in_order:
                        break
                    continue
                step = _Step(connection, store, folder, clock, house, table, part, tell)
                yield step.close(until_at)


class _Step(NamedTuple):
    connection: Connection
    store: Store
    folder: Path
    clock: Clock
    house: UUID
    table: Archived
    part: Partition
    tell: Tell

    def close(self, until_at: datetime) -> Closed:
        name, relation = self.part.name, self.table.relation
        known = archive.freeze(self.connection, self.clock, self.part, until_at)
        if known.state == "frozen":
            self._write(until_at)
            known = archive.freeze(self.connection, self.clock, self.part, until_at)
        self.tell(f"dropping {name}", known.rows or 0)
        archive.drop(self.connection, self.clock, self.part, self.table.carry)
        log.info("archive.closed", part=name, rows=known.rows, bytes=known.bytes)
        return Closed(relation, name, known.rows or 0, known.bytes or 0)

    def _write(self, until_at: datetime) -> None:
        with tempfile.TemporaryDirectory(prefix="archive-", dir=self.folder) as made:
            path = Path(made) / "written.parquet"
            content = parquet.write(
                self.connection,
                archive.identifier(self.part),
                self.table.groups,
                path,
                lambda rows: self.tell(f"writing {self.part.name}", rows),
            )
            manifest = self._manifest(content, path, until_at)
            self._require_ours(manifest)
            self.tell(f"storing {self.part.name}", content.rows)
            self.store.put(manifest.file, path)
            self.store.put_bytes(name_of(manifest.table, manifest.partition), encode(manifest))
            self.tell(f"reading back {self.part.name}", content.rows)
            self._compare(manifest, path)
        archive.note_written(
            self.connection,
            self.part,
            file=manifest.file,
            sha256=bytes.fromhex(manifest.sha256),
            size=manifest.bytes,
            rows=content.rows,
        )

    def _manifest(self, content: parquet.Content, path: Path, until_at: datetime) -> Manifest:
        part = self.part
        sha256 = hash_of(path)
        return Manifest(
            format=FORMAT,
            installation=str(self.house),
            schema_number=schema_number(self.connection),
            table=self.table.relation,
            partition=part.name,
            key=part.table.key,
            since=part.since_key,
            until=part.until_key,
            until_at=until_at,
            at=self.table.at,
            file=f"{self.table.relation}/{part.name}.{sha256[:16]}.parquet",
            bytes=path.stat().st_size,
            sha256=sha256,
            columns=parquet.columns_of(self.connection, archive.identifier(part)),
            content=content,
            written_at=self.clock.now(),
        )

    def _require_ours(self, manifest: Manifest) -> None:
        """Another installation's archive is never written over."""
        name = name_of(manifest.table, manifest.partition)
        there = self.store.read(name)
        if there is not None and decode(name, there).installation != manifest.installation:
            raise Broken(
                f"archive: {name} belongs to another installation "
                f"({decode(name, there).installation}, this one is {manifest.installation}); "
                "give each its own place with ENTREPOT_ARCHIVE"
            )

    def _compare(self, manifest: Manifest, path: Path) -> None:
        """What the store gives back holds what was read, and that is what the database counts."""
        back = path.with_name("back.parquet")
        findings = check(self.store, manifest, self.table, back)
        rows, sums, groups = parquet.sums_in_database(
            self.connection, archive.identifier(self.part), self.table.groups
        )
        counted = (manifest.content.rows, manifest.content.sums, manifest.content.groups)
        if counted != (rows, sums, groups):
            findings.append(f"the file has {counted}, the database {(rows, sums, groups)}")
        if findings:
            raise Broken(
                f"archive: {self.part.name} was written but is not the same: "
                f"{'; '.join(findings)}; it stays in the database and is written again"
            )


def hash_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            found.update(block)
    return found.hexdigest()


def check(store: Store, manifest: Manifest, table: Archived, path: Path) -> list[str]:
    """Read a file from the store and compare it with its manifest; findings in words.

    path  where it may lie meanwhile
    Raises: Unavailable when the store does not answer.
    """
    try:
        store.get(manifest.file, path)
        size, sha256 = path.stat().st_size, hash_of(path)
        if (size, sha256) != (manifest.bytes, manifest.sha256):
            return [
                f"{manifest.file}: found {size} bytes with SHA-256 {sha256}, "
                f"expected {manifest.bytes} with {manifest.sha256}"
            ]
        found = parquet.read(path, manifest.columns, table.groups)
    except Broken as broken:
        return [str(broken)]
    finally:
        path.unlink(missing_ok=True)
    if found != manifest.content:
        return [f"{manifest.file}: holds {found}, expected {manifest.content}"]
    return []
