"""What goes into a load and what comes out: rows of text cells, refused rows, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from entrepot.words.outcome import Refusal


class UnusableFolder(Exception):
    """The folder cannot be read at all; nothing was written. Each problem names its file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Row(NamedTuple):
    """One row of a file.

    line   in a CSV file the line it begins on; elsewhere its number from 1
    cells  text by column, with every run of white space as one space; '' = nothing
    fault  set when the row has not the form of its file; its cells are then what could be read
    """

    file: str
    line: int
    cells: Mapping[str, str]
    fault: Refusal | None = None


class Table(Protocol):
    """The rows of one file; may be gone through more than once."""

    @property
    def file(self) -> str:
        """The file's name: `items.csv`."""
        ...

    def batches(self) -> Iterator[list[Row]]:
        """The rows in order, some hundreds at a time.

        Raises: UnusableFolder when the file cannot be read further.
        """
        ...


class FolderRows(NamedTuple):
    """A folder's tables by name (`items`), and what the reader has to say about other files."""

    tables: Mapping[str, Table]
    notes: tuple[str, ...] = ()


class RefusedRow(NamedTuple):
    """A row that was not taken, and why."""

    row: Row
    refusal: Refusal


class FileReport(NamedTuple):
    """What became of the rows of one file: accepted + repeated + refused = read."""

    file: str
    read: int
    accepted: int
    repeated: int
    refused: int


class Report(NamedTuple):
    """What a load did.

    written  False for a dry run, and for a strict load with a refused row
    """

    files: tuple[FileReport, ...]
    notes: tuple[str, ...]
    written: bool

    @property
    def refused(self) -> int:
        """Rows refused in all files."""
        return sum(file.refused for file in self.files)


class Step(NamedTuple):
    """How far a load is. rows_total is None as long as it is not known."""

    phase: str
    file: str
    rows_done: int
    rows_total: int | None


Progress = Callable[[Step], None]
Refuse = Callable[[RefusedRow], None]
