"""What commands that read files have in common: progress in rows, refused rows in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from entrepot.doors.cli.endings import UNUSABLE, complain, console, errors
from entrepot.doors.folder.refused import RefusedFile, column_of
from entrepot.flows.onboarding.rows import RefusedRow, Step, UnusableFolder

SHOWN_MAX = 10


def unusable(found: UnusableFolder) -> typer.Exit:
    """Say what cannot be used; gives the exit to raise."""
    for problem in found.problems:
        complain(problem)
    return typer.Exit(UNUSABLE)


class RowBars:
    """A bar per file and phase."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def show(self, step: Step) -> None:
        """Move the bar of this step."""
        key = (step.phase, step.file)
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(f"{step.phase} {step.file}", total=None)
        self._progress.update(self._tasks[key], completed=step.rows_done, total=step.rows_total)


@contextmanager
def row_bars() -> Iterator[RowBars]:
    """Bars on standard error while rows are read and written; they vanish at the end."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} rows"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with progress:
        yield RowBars(progress)


class Refusals:
    """Hands refused rows to their file and keeps the first ones to show."""

    def __init__(self, file: RefusedFile) -> None:
        self._file = file
        self._shown: list[RefusedRow] = []

    def add(self, refused: RefusedRow) -> None:
        """One more."""
        self._file.add(refused)
        if len(self._shown) < SHOWN_MAX:
            self._shown.append(refused)

    def show(self) -> None:
        """Print the first ones, and where they all are."""
        for refused in self._shown:
            row, column = refused.row, column_of(refused)
            place = f"{row.file}, line {row.line}" + (f", {column}" if column else "")
            reason = escape(f"{place}: {refused.refusal.message}")
            console.print(f"[red]refused:[/] {reason}", soft_wrap=True)
        if self._file.count:
            more = f"{self._file.count:,} rows were refused; all of them with their reasons:"
            console.print(f"{more} {escape(str(self._file.path))}", soft_wrap=True)
