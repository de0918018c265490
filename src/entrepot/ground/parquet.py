"""Rows of a table as a Parquet file, and what a file holds, in bounded memory.

Rows are spooled in chunks and then written as one file whose row groups are as large as a chunk.
`Content` says what was written in a way that can be found again in the file alone and in the
database alone: the number of rows, a hash over every value of every row in order, and sums.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars
import psycopg
from psycopg import sql

from entrepot.words.outcome import Broken

CHUNK_ROWS = 50_000

Connection = psycopg.Connection[Any]
Tell = Callable[[int], None]
"""Called with the rows done so far."""

# How a column of PostgreSQL stands in a file; what is text there is written as text.
_KINDS: dict[str, Any] = {
    "text": polars.String,
    "uuid": polars.String,
    "jsonb": polars.String,
    "smallint": polars.Int16,
    "integer": polars.Int32,
    "bigint": polars.Int64,
    "boolean": polars.Boolean,
    "bytea": polars.Binary,
    "date": polars.Date,
    "timestamp with time zone": polars.Datetime("us", "UTC"),
}
_AS_TEXT = frozenset({"uuid", "jsonb"})
_SUMMED = frozenset({"smallint", "integer", "bigint"})

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute AS a
 WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""


class Column(msgspec.Struct, frozen=True):
    """A column and its type in PostgreSQL."""

    name: str
    type: str


class Content(msgspec.Struct, frozen=True):
    """What rows hold.

    sha256  over each row as a line of JSON, hexadecimal
    sums    of each column of whole numbers
    groups  by column, by its value: how many rows, and the sum of the grouped measure (0 = none)
    """

    rows: int
    sha256: str
    sums: dict[str, int]
    groups: dict[str, dict[str, tuple[int, int]]]


class Groups(NamedTuple):
    """Which columns are grouped, and what is summed within a group: a column, or None."""

    columns: tuple[str, ...]
    measure: str | None = None


def columns_of(connection: Connection, relation: sql.Identifier) -> list[Column]:
    """The columns of a table in its order.

    Raises: Broken when one has a type that no file of ours holds.
    """
    named = relation.as_string(connection)
    found = [Column(*row) for row in connection.execute(_COLUMNS, (named,))]
    odd = [f"{c.name} ({c.type})" for c in found if c.type not in _KINDS]
    if odd:
        raise Broken(f"{named}: found columns {', '.join(odd)}, which cannot be archived")
    return found


def write(
    connection: Connection,
    relation: sql.Identifier,
    groups: Groups,
    path: Path,
    tell: Tell = lambda _: None,
) -> Content:
    """Write every row of a table to `path`; gives what was read from the database.

    path  of a file that is not there yet; a folder beside it holds the chunks meanwhile
    """
    columns = columns_of(connection, relation)
    spool = path.with_suffix(".spool")
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir()
    try:
        count = _Count(columns, groups)
        for number, rows in enumerate(_chunks(connection, relation, columns)):
            frame = polars.DataFrame(rows, schema=_schema(columns), orient="row")
            frame.write_ipc(spool / f"{number:06}.arrow", compression="lz4")
            count.add(rows, frame)
            tell(count.rows)
        chunks = sorted(spool.iterdir())
        scan = polars.scan_ipc(chunks) if chunks else polars.LazyFrame(schema=_schema(columns))
        scan.sink_parquet(path, row_group_size=CHUNK_ROWS, compression="zstd", maintain_order=True)
        return count.content()
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def read(path: Path, columns: Sequence[Column], groups: Groups) -> Content:
    """What a file holds, from the file alone.

    Raises: Broken when it cannot be read, or has other columns.
    """
    count = _Count(columns, groups)
    for frame in frames(path, columns):
        count.add(frame.rows(), frame)
    return count.content()


def frames(
    path: Path, columns: Sequence[Column], where: polars.Expr | None = None
) -> Iterator[polars.DataFrame]:
    """The rows of a file in order, no more than CHUNK_ROWS at once.

    where  only these; the file's statistics spare reading what cannot hold any
    Raises: Broken when it cannot be read, or has other columns.
    """
    try:
        scan = polars.scan_parquet(path, glob=False)
        schema = dict(scan.collect_schema())
        if schema != _schema(columns):
            raise Broken(
                f"{path.name}: found columns {_shown(schema)}, expected {_shown(_schema(columns))}"
            )
        rows = int(scan.select(polars.len()).collect().item())
        for start in range(0, rows, CHUNK_ROWS):
            part = scan.slice(start, CHUNK_ROWS)
            yield (part if where is None else part.filter(where)).collect()
    except (polars.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise Broken(f"{path.name}: cannot be read as Parquet ({reason})") from error


def sums_in_database(
    connection: Connection, relation: sql.Identifier, groups: Groups
) -> tuple[int, dict[str, int], dict[str, dict[str, tuple[int, int]]]]:
    """Rows, sums and groups as PostgreSQL counts them itself."""
    names = [c.name for c in columns_of(connection, relation) if c.type in _SUMMED]
    summed = [sql.SQL("coalesce(sum({}), 0)::bigint").format(sql.Identifier(n)) for n in names]
    listed = sql.SQL(", ").join([sql.SQL("count(*)"), *summed])
    row = connection.execute(sql.SQL("SELECT {} FROM {}").format(listed, relation)).fetchone()
    assert row is not None, "an aggregate gives one row"
    return (
        int(row[0]),
        dict(zip(names, row[1:], strict=True)),
        _grouped(connection, relation, groups),
    )


def _grouped(
    connection: Connection, relation: sql.Identifier, groups: Groups
) -> dict[str, dict[str, tuple[int, int]]]:
    measure = sql.SQL("sum({})::bigint").format(sql.Identifier(groups.measure or ""))
    found = {}
    for name in groups.columns:
        query = sql.SQL("SELECT {by}, count(*), {sum} FROM {table} GROUP BY {by}").format(
            by=sql.Identifier(name),
            sum=measure if groups.measure else sql.SQL("0"),
            table=relation,
        )
        found[name] = {r[0]: (r[1], r[2]) for r in connection.execute(query)}
    return found


def _chunks(
    connection: Connection, relation: sql.Identifier, columns: Sequence[Column]
) -> Iterator[list[tuple[Any, ...]]]:
    listed = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(c.name))
        if c.type in _AS_TEXT
        else sql.Identifier(c.name)
        for c in columns
    )
    with connection.transaction(), connection.cursor(name="archived") as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(listed, relation))
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield rows


def _schema(columns: Sequence[Column]) -> dict[str, Any]:
    return {c.name: _KINDS[c.type] for c in columns}


def _shown(schema: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in schema.items())


class _Count:
    """What rows hold, chunk by chunk."""

    def __init__(self, columns: Sequence[Column], groups: Groups) -> None:
        self._names = [c.name for c in columns if c.type in _SUMMED]
        self._groups = groups
        self._hash = hashlib.sha256()
        self._encoder = msgspec.json.Encoder()
        self._sums = dict.fromkeys(self._names, 0)
        self._found: dict[str, dict[str, tuple[int, int]]] = {n: {} for n in groups.columns}
        self.rows = 0

    def add(self, rows: Sequence[tuple[Any, ...]], frame: polars.DataFrame) -> None:
        """A chunk, as rows and as columns."""
        self._hash.update(self._encoder.encode_lines(rows))
        self.rows += len(rows)
        for name in self._names:
            self._sums[name] += int(frame[name].cast(polars.Int64).sum())
        measure = self._groups.measure
        summed = polars.col(measure).cast(polars.Int64).sum() if measure else polars.lit(0)
        for name, found in self._found.items():
            for value, count, total in (
                frame.group_by(name).agg(polars.len(), summed.alias("sum")).iter_rows()
            ):
                before = found.get(value, (0, 0))
                found[value] = (before[0] + count, before[1] + total)

    def content(self) -> Content:
        """All of it."""
        return Content(self.rows, self._hash.hexdigest(), self._sums, self._found)
