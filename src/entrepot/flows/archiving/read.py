"""Reading the archive: what is there, whether it is still what was written, and rows by order, SKU
and time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars

from entrepot.flows.archiving.close import check, hash_of
from entrepot.flows.archiving.manifest import Manifest, decode
from entrepot.flows.archiving.tables import ARCHIVED, Archived, Looked
from entrepot.ground import archive, parquet
from entrepot.ground.database import Database
from entrepot.ground.stores import Store
from entrepot.words.outcome import Broken

MANIFEST = ".json"


class Asked(NamedTuple):
    """Which rows; None = all.

    since, until  by the time in the row: from the first on, before the second
    """

    order: str | None = None
    sku: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Rows(NamedTuple):
    """Rows of one file; the columns are those of its table then."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


class Verified(NamedTuple):
    """A file in the archive and what is wrong with it, in words; none = nothing."""

    name: str
    findings: list[str]


def table_named(relation: str) -> Archived:
    """What is known of an archived table.

    Raises: Broken when none has this name.
    """
    for table in ARCHIVED:
        if table.relation == relation:
            return table
    names = ", ".join(table.relation for table in ARCHIVED)
    raise Broken(f"archive: found no table {relation}, expected one of {names}")


def manifests(store: Store) -> list[Manifest]:
    """Every manifest in a store, by table and time.

    Raises: Broken when one cannot be read; Unavailable when the store does not answer.
    """
    found = []
    for name in store.names():
        if name.endswith(MANIFEST):
            content = store.read(name)
            if content is not None:
                found.append(decode(name, content))
    return sorted(found, key=lambda m: (m.table, m.until_at, m.partition))


def verify(database: Database, store: Store, folder: Path) -> Iterator[Verified]:
    """Read every file again and compare it with its manifest, and that with what was noted here.

    folder  where a file may lie meanwhile
    """
    with database.transaction(read_only=True) as tx:
        noted = {(p.relation, p.name): p for p in archive.parts(tx) if p.sha256 is not None}
    known = {}
    with tempfile.TemporaryDirectory(prefix="archive-", dir=folder) as made:
        for name in store.names():
            if not name.endswith(MANIFEST):
                continue
            try:
                manifest = decode(name, store.read(name) or b"")
                table = table_named(manifest.table)
            except Broken as broken:
                yield Verified(name, [str(broken)])
                continue
            key = (manifest.table, manifest.partition)
            known[key] = manifest.file
            findings = check(store, manifest, table, Path(made) / "back.parquet")
            part = noted.get(key)
            if part is not None and part.sha256 and part.sha256.hex() != manifest.sha256:
                findings.append(
                    f"{name}: says SHA-256 {manifest.sha256}, the database noted "
                    f"{part.sha256.hex()}"
                )
            yield Verified(manifest.file, findings)
    for key, part in noted.items():
        if key not in known:
            words = f"{part.file}: the database noted it, and the archive has no manifest of it"
            yield Verified(part.file or part.name, [words])


def rows(store: Store, folder: Path, table: Archived, asked: Asked) -> Iterator[Rows]:
    """Rows of a table in the archive, in the order they were written, file by file.

    folder  where a file may lie meanwhile
    Raises: Broken when a file is not what its manifest says.
    """
    with tempfile.TemporaryDirectory(prefix="archive-", dir=folder) as made:
        path = Path(made) / "back.parquet"
        for manifest in manifests(store):
            if manifest.table != table.relation or _lies_before(manifest, asked):
                continue
            store.get(manifest.file, path)
            if hash_of(path) != manifest.sha256:
                raise Broken(
                    f"archive: {manifest.file} is damaged: its SHA-256 is not that of its "
                    "manifest; restore it from a copy of the archive"
                )
            names = [column.name for column in manifest.columns]
            for frame in parquet.frames(path, manifest.columns, _where(table, asked)):
                if frame.height:
                    yield Rows(names, frame.rows())
            path.unlink()


def _lies_before(manifest: Manifest, asked: Asked) -> bool:
    return asked.since is not None and manifest.until_at <= asked.since


def _where(table: Archived, asked: Asked) -> polars.Expr | None:
    conditions = []
    if asked.order is not None:
        conditions.append(_looked(table.order, asked.order))
    if asked.sku is not None:
        if table.sku is None:
            raise Broken(f"archive: rows of {table.relation} have no SKU; leave the filter out")
        conditions.append(_looked(table.sku, asked.sku))
    if asked.since is not None:
        conditions.append(polars.col(table.at) >= asked.since)
    if asked.until is not None:
        conditions.append(polars.col(table.at) < asked.until)
    return polars.all_horizontal(conditions) if conditions else None


def _looked(looked: Looked, value: str) -> polars.Expr:
    column = polars.col(looked.column)
    text = looked.text(value)
    return column.str.starts_with(text) if looked.begins else column == text
