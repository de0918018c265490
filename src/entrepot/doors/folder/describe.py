"""The description of the folder's files, made from what the code reads."""

from __future__ import annotations

from entrepot.doors.folder.reader import (
    CELL_CHARACTERS_MAX,
    FILE_BYTES_MAX,
    REFUSED_FILE,
    TOML_BYTES_MAX,
)
from entrepot.flows.onboarding.columns import FORMATS, TableFormat

_INTRODUCTION = f"""\
# A retailer's data

`entrepot load FOLDER` reads the files below from a folder; `entrepot new FOLDER` writes a small
example of all of them that loads as it is. Bring those you have: a file that is missing changes
nothing, and rows may name what an earlier load brought.

    entrepot load FOLDER --dry-run    # checks everything and says what would happen
    entrepot load FOLDER              # writes; safe to repeat, also after an interruption

Every row is accepted, repeated (it was so already) or refused. Refused rows are written with line,
column and reason to FOLDER/{REFUSED_FILE} (or to --refused FILE); correct them and load again. With
--strict nothing is written as long as a row is refused. The exit code is 0 when every row was
taken, 1 when rows were refused, 2 when the folder cannot be used at all.

## Files

- The name says what a file holds, the ending how: `items.csv`, `items.toml` or `items.parquet`.
- CSV is text in UTF-8 (with or without a byte order mark), separated by commas, with the column
  names in the head line. Lines above it that begin with # are comments. Empty lines do not count.
- TOML has an entry `[[items]]` per row, with the columns as keys. Lists may stand where a cell
  holds several parts.
- Parquet has the columns by name: text, numbers, dates, or lists of them.
- Columns may stand in any order. Those that are not known are named and not read.
- In a cell, several parts are separated by semicolons. A run of white space counts as one space.
- Numbers have a decimal point and no separators; money is in major units, 12.99. Nothing is rounded
  where it is not said.
- A file has at most {FILE_BYTES_MAX >> 30} GiB ({TOML_BYTES_MAX >> 20} MiB in TOML), a cell at most
  {CELL_CHARACTERS_MAX} characters. Two rows of one file that say different things about the same
  subject are refused from the second on.
- The files are checked together before anything is written. Then the network (up to `areas`) is
  written at once, everything else in batches.
"""


def describe() -> str:
    """The whole description, Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, FORMATS)])


def _section(table: TableFormat) -> str:
    rows = "\n".join(
        f"| `{column.name}` | {'yes' if column.needed else ''} | {column.meaning} |"
        for column in table.columns
    )
    limit = f" At most {table.rows_max:,} rows." if table.rows_max > 1 else ""
    return (
        f"## {table.name}\n\n{table.purpose}{limit}\n\n"
        f"| column | needed | what it is |\n|---|---|---|\n{rows}\n"
    )
