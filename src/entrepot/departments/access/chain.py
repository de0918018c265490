"""The chain of the audit log: each entry's hash covers the entry and the hash before it.

Hash = SHA-256 over the hash before and a JSON array of the entry's fields; the first entry of a
stream follows a hash of the stream's name. Whoever changes, removes or swaps entries must compute
everything after anew, and then the end differs from an anchor that was kept elsewhere; cutting the
end off shows by the same anchor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from entrepot.departments.access.model import Anchor, AuditEntry, AuditRow

FORMAT = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class End(NamedTuple):
    """What the head row of a stream says (None = it is gone), and the last entry there is."""

    position: int | None
    hash: bytes | None
    last: int | None


def genesis(stream: str) -> bytes:
    """The hash that the first entry of a stream follows."""
    return hashlib.sha256(msgspec.json.encode([FORMAT, stream])).digest()


def link(previous: bytes, row: AuditRow) -> bytes:
    """The hash of an entry after the hash `previous`; what `row.hash` says does not matter."""
    content = [
        FORMAT,
        row.stream,
        row.position,
        (row.at - _EPOCH) // _MICROSECOND,
        row.actor,
        row.action,
        row.subject,
        row.command_id,
        row.details,
    ]
    return hashlib.sha256(previous + msgspec.json.encode(content)).digest()


def extend(end: Anchor, entries: Sequence[AuditEntry], at: datetime) -> list[AuditRow]:
    """Entries of one stream as rows that follow its present end."""
    rows = []
    previous = end.hash
    for position, entry in enumerate(entries, start=end.position + 1):
        details = msgspec.json.encode(entry.details, order="deterministic").decode()
        row = AuditRow(
            stream=end.stream,
            position=position,
            at=at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            command_id=entry.command_id,
            details=details,
            hash=b"",
        )
        previous = link(previous, row)
        rows.append(row._replace(hash=previous))
    return rows


def first_break(
    stream: str, rows: Iterable[AuditRow], end: End, anchors: Iterable[Anchor] = ()
) -> int | None:
    """The first position that is not as it was written, or None when the stream is whole.

    rows     all entries up to `end.last`, in order
    anchors  ends of this stream kept elsewhere. Where the whole chain was computed anew, the
             break lies at or before the position given, the first anchor that differs.
    """
    kept: dict[int, set[bytes]] = {}
    for anchor in anchors:
        kept.setdefault(anchor.position, set()).add(anchor.hash)
    position, previous = 0, genesis(stream)
    for row in rows:
        position += 1
        fits = row.position == position and row.hash == link(previous, row)
        if not fits or kept.pop(position, {row.hash}) != {row.hash}:
            return position
        previous = row.hash
    if kept or position != (end.position or 0):
        return min(position, end.position or 0) + 1
    return None if end.hash in (None, previous) else position
