"""Arrays as parameters, at the speed of the batches they carry.

Batch statements take their columns as arrays (`unnest(%(skus)s::text[], ...)`). psycopg writes an
array item by item, which costs more than PostgreSQL spends on many of these statements; here a
column of one type is written at once. Columns of other types go psycopg's way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.array import ListDumper

Writer = Callable[[list[Any]], bytes]


class ColumnDumper(ListDumper):
    """A list of one plain type, None among it allowed, in PostgreSQL's text form for arrays."""

    # psycopg asks for the key of a list and then for its text: what it holds is looked at once.
    _looked_at: tuple[list[Any] | None, Writer | None] = None, None

    def get_key(self, obj: list[Any], format: Any) -> Any:
        """One dumper for all plain columns: their text form needs no type of the items."""
        write = _writer(obj)
        self._looked_at = obj, write
        if write is not None:
            return self.cls
        return super().get_key(obj, format)

    def upgrade(self, obj: list[Any], format: Any) -> Any:
        """Itself for plain columns; psycopg's dumper for the rest."""
        if _writer(obj) is not None:
            return self
        return ListDumper(self.cls, self._tx).upgrade(obj, format)

    def dump(self, obj: list[Any]) -> bytes | None:
        """`{a,b,NULL}`, UTF-8."""
        seen, write = self._looked_at
        if seen is not obj:
            write = _writer(obj)
        if write is None:
            return bytes(super().dump(obj) or b"")
        return b"{" + write(obj) + b"}"


def _writer(items: list[Any]) -> Writer | None:
    kinds = set(map(type, items))
    kinds.discard(type(None))
    if not kinds:
        return _nothing
    return _WRITERS.get(kinds.pop()) if len(kinds) == 1 else None


def _nothing(items: list[None]) -> bytes:
    return b",".join([b"NULL"] * len(items))


def _plain(items: list[Any]) -> bytes:
    return ",".join(["NULL" if item is None else str(item) for item in items]).encode()


def _texts(items: list[str | None]) -> bytes:
    present = [item for item in items if item is not None]
    joined = '","'.join(present)
    # What PostgreSQL could read otherwise than meant when it stands in double quotes.
    plain = "\\" not in joined and joined.count('"') == 2 * max(0, len(present) - 1)
    if plain and len(present) == len(items):
        return f'"{joined}"'.encode()
    return ",".join(["NULL" if item is None else _quoted(item) for item in items]).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _uuids(items: list[UUID | None]) -> bytes:
    return ",".join(["NULL" if item is None else item.hex for item in items]).encode()


def _times(items: list[datetime | None]) -> bytes:
    # Most columns repeat the instant of their transaction.
    texts = {at: "NULL" if at is None else f'"{_utc(at).isoformat()}"' for at in set(items)}
    return ",".join([texts[item] for item in items]).encode()


def _utc(item: datetime) -> datetime:
    assert item.tzinfo is not None, f"{item} has no time zone"
    return item.astimezone(UTC)


def _booleans(items: list[bool | None]) -> bytes:
    return ",".join(["NULL" if i is None else "t" if i else "f" for i in items]).encode()


def _binaries(items: list[bytes | None]) -> bytes:
    return ",".join(["NULL" if i is None else f'"\\\\x{i.hex()}"' for i in items]).encode()


_WRITERS: dict[type, Writer] = {
    str: _texts,
    int: _plain,
    UUID: _uuids,
    date: _plain,
    datetime: _times,
    bool: _booleans,
    bytes: _binaries,
}


def register(connection: Connection[Any]) -> None:
    """Let this connection write plain columns at once."""
    connection.adapters.register_dumper(list, ColumnDumper)
