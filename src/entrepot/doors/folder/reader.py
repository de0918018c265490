"""Reading a folder: which files there are, whether their columns are right, and their rows.

CSV in UTF-8 with commas and a head line, TOML, or Parquet. Large files are read in batches and may
be gone through again; a file that changes meanwhile is refused.
"""

from __future__ import annotations

import csv
import difflib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from entrepot.flows.onboarding.columns import BY_NAME, TableFormat
from entrepot.flows.onboarding.rows import FolderRows, Row, Table, UnusableFolder
from entrepot.words.outcome import Refusal, RefusalCode, shown

BATCH_ROWS = 1_000
FILE_BYTES_MAX = 1 << 30
TOML_BYTES_MAX = 16 << 20
CELL_CHARACTERS_MAX = 4_000
REFUSED_FILE = "refused.csv"
RETAILER = "retailer"
ENDINGS = (".csv", ".toml", ".parquet")
COMMENT = "#"


def read_folder(path: Path) -> FolderRows:
    """The tables of a folder; their rows are read later, on demand.

    Raises: UnusableFolder naming every file that cannot be read and every missing column.
    """
    if not path.is_dir():
        found = "a file" if path.exists() else "nothing"
        raise UnusableFolder(
            [f"{path}: found {found}, expected a folder; `entrepot new FOLDER` writes an example"]
        )
    tables: dict[str, Table] = {}
    notes: list[str] = []
    problems: list[str] = []
    for file in _files(path, problems):
        table_format = BY_NAME.get(file.stem)
        if table_format is None or (file.stem == RETAILER) != (file.name == "retailer.toml"):
            notes.append(_unknown_file(file))
        elif file.stem in tables:
            other = tables[file.stem].file
            problems.append(f"{file.name}: found beside {other}, expected one of the two")
        else:
            try:
                table = open_table(file, table_format)
            except UnusableFolder as unusable:
                problems += unusable.problems
            else:
                tables[file.stem] = table
                notes += _unknown_columns(table, table_format)
    if not tables and not problems:
        problems.append(
            f"{path}: found no file to load, expected some of {', '.join(BY_NAME)} as CSV, TOML "
            "or Parquet; `entrepot new FOLDER` writes an example"
        )
    if problems:
        raise UnusableFolder(problems)
    return FolderRows(tables, tuple(notes))


def _files(path: Path, problems: list[str]) -> list[Path]:
    try:
        names = sorted(path.iterdir())
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); check its permissions")
        return []
    return [f for f in names if f.suffix in ENDINGS and f.name[0] != "." and f.name != REFUSED_FILE]


def _unknown_file(file: Path) -> str:
    near = difflib.get_close_matches(file.stem, BY_NAME, n=1)
    hint = f"; did you mean {near[0]}{file.suffix}?" if near and near[0] != file.stem else ""
    return f"{file.name} is not one of the known files and was not read{hint}"


def _unknown_columns(table: FileTable, table_format: TableFormat) -> Iterator[str]:
    known = [column.name for column in table_format.columns]
    for name in table.columns:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{table.file}: column {shown(name)} is not known and was not read{hint}"


class _Mark(NamedTuple):
    """Tells whether a file is still the one that was opened."""

    size: int
    modified_ns: int


def _mark(path: Path) -> _Mark:
    try:
        stat = path.stat()
    except OSError as error:
        raise UnusableFolder([f"{path.name}: cannot be read ({error.strerror})"]) from error
    return _Mark(stat.st_size, stat.st_mtime_ns)


class FileTable:
    """The rows of one file, as a `Table`.

    columns  as the file names them, in its order
    """

    def __init__(
        self,
        path: Path,
        table_format: TableFormat,
        columns: Sequence[str],
        records: Callable[[], Iterator[tuple[int, Sequence[str], Refusal | None]]],
    ) -> None:
        self.columns = tuple(columns)
        self._path = path
        self._format = table_format
        self._records = records
        self._opened = _mark(path)

    @property
    def file(self) -> str:
        """The file's name."""
        return self._path.name

    def batches(self) -> Iterator[list[Row]]:
        """The rows in order, BATCH_ROWS at a time.

        Raises: UnusableFolder when the file cannot be read further, has too many rows or changed
        since it was opened.
        """
        if _mark(self._path) != self._opened:
            raise UnusableFolder([f"{self.file}: changed while it was read; load it again"])
        rows = self._rows()
        count = 0
        while batch := list(islice(rows, BATCH_ROWS)):
            count += len(batch)
            if count > self._format.rows_max:
                raise UnusableFolder(
                    [
                        f"{self.file}: found more than {self._format.rows_max} rows, expected at "
                        "most so many; split the file and load the parts one after another"
                    ]
                )
            yield batch

    def _rows(self) -> Iterator[Row]:
        for line, record, fault in self._records():
            cells = {
                name: " ".join(text.split())
                for name, text in zip(self.columns, record, strict=False)
            }
            if not any(cells.values()) and fault is None:
                continue
            if max(map(len, cells.values()), default=0) > CELL_CHARACTERS_MAX:
                too_long = next(n for n, t in cells.items() if len(t) > CELL_CHARACTERS_MAX)
                fault = Refusal(
                    RefusalCode.too_large,
                    f"{too_long}: found {len(cells[too_long])} characters, expected at most "
                    f"{CELL_CHARACTERS_MAX}; shorten the text",
                    too_long,
                )
            yield Row(self.file, line, cells, fault)


def open_table(path: Path, table_format: TableFormat, delimiter: str = ",") -> FileTable:
    """The rows of one file: TOML or Parquet by its ending, else CSV.

    Raises: UnusableFolder when it cannot be read, or a column is missing or stands twice.
    """
    if not path.is_file():
        raise UnusableFolder([f"{path.name}: found no regular file, expected one; move it away"])
    size, maximum = _mark(path).size, TOML_BYTES_MAX if path.suffix == ".toml" else FILE_BYTES_MAX
    if size > maximum:
        raise UnusableFolder(
            [f"{path.name}: found {size} bytes, expected at most {maximum}; split the file"]
        )
    try:
        if path.suffix == ".toml":
            table = _open_toml(path, table_format)
        elif path.suffix == ".parquet":
            table = _open_parquet(path, table_format)
        else:
            table = _open_csv(path, table_format, delimiter)
    except OSError as error:
        raise UnusableFolder(
            [f"{path.name}: cannot be read ({error.strerror}); check its permissions"]
        ) from error
    _check_columns(table, table_format)
    return table


def _check_columns(table: FileTable, table_format: TableFormat) -> None:
    columns = table.columns
    problems = [
        f"{table.file}: found the column {shown(name)} twice, expected it once; rename one"
        for name in sorted({name for name in columns if columns.count(name) > 1})
    ]
    missing = [name for name in table_format.needed if name not in columns]
    if missing:
        found = ", ".join(columns) or "none"
        hint = (
            "; the file seems to be separated by ';': save it with commas"
            if len(columns) == 1 and ";" in columns[0]
            else ""
        )
        problems.append(
            f"{table.file}: found the columns {found}; expected also {', '.join(missing)}{hint}"
        )
    if problems:
        raise UnusableFolder(problems)


# CSV


def _open_csv(path: Path, table_format: TableFormat, delimiter: str) -> FileTable:
    head = next(csv_records(path, delimiter), None)
    if head is None:
        raise UnusableFolder(
            [
                f"{path.name}: found nothing, expected a head line with the columns "
                f"{', '.join(table_format.needed)}"
            ]
        )
    columns = [name.strip() for name in head[1]]

    def records() -> Iterator[tuple[int, Sequence[str], Refusal | None]]:
        for line, record in islice(csv_records(path, delimiter), 1, None):
            yield line, record, _wrong_length(record, columns)

    return FileTable(path, table_format, columns, records)


def _wrong_length(record: Sequence[str], columns: Sequence[str]) -> Refusal | None:
    if len(record) == len(columns):
        return None
    return Refusal(
        RefusalCode.bad_value,
        f"row: found {len(record)} cells, expected {len(columns)} as in the head line; "
        "quote cells that hold a comma, and write empty cells too",
    )


def csv_records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every record that is not empty; comments before the head line left out.

    Raises: UnusableFolder for text that is not UTF-8, or quotes that do not close.
    """
    with path.open("rb") as file:
        lines = _text_lines(path.name, file)
        comments = 0
        head = next(lines, "")
        while head.startswith(COMMENT):
            comments += 1
            head = next(lines, "")
        reader = csv.reader(chain([head], lines), delimiter=delimiter, strict=True)
        line = comments
        try:
            for record in reader:
                first, line = line + 1, comments + reader.line_num
                if record:
                    yield first, record
        except csv.Error as error:
            raise UnusableFolder(
                [
                    f"{path.name}, line {line + 1}: cannot be read as CSV ({error}); expected "
                    f'cells separated by {delimiter!r}, quoted with " where they hold one'
                ]
            ) from error


def _text_lines(name: str, lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UnusableFolder(
                [
                    f"{name}, line {number}: found the byte 0x{line[error.start]:02X}, expected "
                    "text in UTF-8; save the file as UTF-8"
                ]
            ) from error


# TOML


def _open_toml(path: Path, table_format: TableFormat) -> FileTable:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableFolder([f"{path.name}: cannot be read as TOML ({error})"]) from error
    if table_format.name == RETAILER:
        entries: Any = [content]
    else:
        entries = content.get(table_format.name)
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise UnusableFolder(
                [
                    f"{path.name}: found {', '.join(content) or 'nothing'} at the top, expected "
                    f"entries that each begin with [[{table_format.name}]]"
                ]
            )
    columns = list(dict.fromkeys(name for entry in entries for name in entry))

    def records() -> Iterator[tuple[int, Sequence[str], Refusal | None]]:
        for number, entry in enumerate(entries, start=1):
            yield number, [text_of(entry.get(name)) for name in columns], None

    return FileTable(path, table_format, columns or table_format.needed, records)


def text_of(value: object) -> str:
    """A value of TOML or Parquet as the text of a cell; a list as its parts with ; between."""
    if isinstance(value, str):
        return value
    if value is None or value != value:  # not a number: what Parquet has for a missing float
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):  # a time of a date too
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, list | tuple):
        return ";".join(map(text_of, value))
    return str(value)


# Parquet


def _open_parquet(path: Path, table_format: TableFormat) -> FileTable:
    # A heavy library, wanted only by those who have such files.
    from entrepot.doors.folder import parquet

    columns = parquet.columns(path)

    def records() -> Iterator[tuple[int, Sequence[str], Refusal | None]]:
        for number, record in enumerate(parquet.records(path), start=1):
            yield number, [text_of(value) for value in record], None

    return FileTable(path, table_format, columns, records)
