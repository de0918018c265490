"""The manifest beside a file: what it is, what it holds, and how to prove that it still does."""

from __future__ import annotations

from datetime import datetime

import msgspec

from entrepot.ground.parquet import Column, Content
from entrepot.words.outcome import Broken

FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A closed partition in the archive.

    format         of this document
    installation   whose it is
    schema_number  of the database it was written from
    key            column by whose ranges the table is cut
    since, until   the range: from the first (null = the beginning) until before the second
    until_at       everything in it lies before this instant
    at             the column of its time
    file           its name in the store, with `bytes` and `sha256` of it
    content        what its rows hold
    """

    format: int
    installation: str
    schema_number: int
    table: str
    partition: str
    key: str
    since: str | None
    until: str
    until_at: datetime
    at: str
    file: str
    bytes: int
    sha256: str
    columns: list[Column]
    content: Content
    written_at: datetime


def name_of(relation: str, partition: str) -> str:
    """A manifest's name in the store."""
    return f"{relation}/{partition}.json"


def encode(manifest: Manifest) -> bytes:
    """As JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(name: str, content: bytes) -> Manifest:
    """Raises: Broken when it is no manifest of a format that is known here."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Broken(
            f"archive: {name} is no manifest ({error}); restore it from a copy of the archive"
        ) from error
    if manifest.format != FORMAT:
        raise Broken(
            f"archive: {name} has format {manifest.format}, expected {FORMAT}; "
            "use the version that wrote it"
        )
    return manifest
