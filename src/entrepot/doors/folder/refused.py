"""The file of refused rows: where each stood, what was wrong with it, and what it said."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import TracebackType
from typing import TextIO

from entrepot.doors.folder.reader import REFUSED_FILE
from entrepot.flows.onboarding.columns import BY_NAME
from entrepot.flows.onboarding.rows import RefusedRow, UnusableFolder

HEAD = ("file", "line", "column", "code", "reason", "row")

# Where the rooms name a field in another way than the files.
_COLUMNS = {
    "amount_minor": "price",
    "lead_time": "lead_time_distribution",
    "packs": "case_each",
    "packs.case": "case_each",
    "packs.inner": "inner_each",
    "packs.pallet": "pallet_each",
    "up_to_mass_g": "up_to_g",
    "calendar.opening": "mon",
    "calendar.opening.Monday": "mon",
    "calendar.opening.Tuesday": "tue",
    "calendar.opening.Wednesday": "wed",
    "calendar.opening.Thursday": "thu",
    "calendar.opening.Friday": "fri",
    "calendar.opening.Saturday": "sat",
    "calendar.opening.Sunday": "sun",
}


def column_of(refused: RefusedRow) -> str:
    """The column of the file that a refusal is about; '' when it is about the row."""
    field = refused.refusal.field or ""
    table = BY_NAME.get(refused.row.file.partition(".")[0])
    known = {column.name for column in table.columns} if table else set()
    return field if field in known | refused.row.cells.keys() else _COLUMNS.get(field, "")


class RefusedFile:
    """Writes refused rows aside and puts them in place at the end, also after an interruption.

    When there are none, what an earlier run left under the usual name (refused.csv, or any name
    that ends in .refused.csv) is removed.
    Enter it before the load: a place that cannot be written is found before anything is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._aside = path.with_name(f".{path.name}.aside")
        self._file: TextIO | None = None

    def __enter__(self) -> RefusedFile:
        try:
            self._file = self._aside.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UnusableFolder(
                [
                    f"{self.path}: cannot be written ({error.strerror}); "
                    "choose another place for refused rows with --refused FILE"
                ]
            ) from error
        self._writer = csv.writer(self._file)
        self._writer.writerow(HEAD)
        return self

    def add(self, refused: RefusedRow) -> None:
        """Write one row."""
        row, refusal = refused
        self.count += 1
        self._writer.writerow(
            (
                row.file,
                row.line,
                column_of(refused),
                refusal.code.value,
                refusal.message,
                json.dumps(row.cells, ensure_ascii=False),
            )
        )

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._file is not None, "entered before it is left"
        self._file.close()
        if self.count:
            self._aside.replace(self.path)
        else:
            self._aside.unlink()
            if f".{self.path.name}".endswith(f".{REFUSED_FILE}"):
                self.path.unlink(missing_ok=True)
