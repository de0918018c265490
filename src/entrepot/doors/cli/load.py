"""Commands that bring a retailer's own data in: an example to begin with, and the load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from entrepot.doors.cli.endings import FOUND_WRONG, UNUSABLE, complain, console, errors
from entrepot.doors.cli.opened import SYSTEM_ACTOR, opened_house
from entrepot.doors.folder.example import write_example
from entrepot.doors.folder.reader import REFUSED_FILE, read_folder
from entrepot.doors.folder.refused import RefusedFile, column_of
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.onboarding.rows import RefusedRow, Report, Step, UnusableFolder

SHOWN_MAX = 10


def new(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write a small example retailer to begin with, and the description of every file."""
    try:
        names = write_example(folder)
    except UnusableFolder as unusable:
        raise _unusable(unusable) from unusable
    console.print(f"wrote {len(names)} files to {escape(str(folder))}; README.md describes them")
    console.print(f"next: entrepot load {escape(str(folder))} --dry-run", soft_wrap=True)


def load(
    folder: Annotated[Path, typer.Argument(help="A folder as `entrepot new` writes it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Change nothing as long as a row is refused.")
    ] = False,
    refused: Annotated[
        Path | None,
        typer.Option(help=f"Where refused rows go; {REFUSED_FILE} in the folder by default."),
    ] = None,
) -> None:
    """Load catalog, prices, network, suppliers and opening stock; safe to repeat.

    Exit code 1 when rows were refused, 2 when the folder cannot be used.
    """
    shown: list[RefusedRow] = []
    try:
        rows = read_folder(folder)
        with (
            RefusedFile(refused or folder / REFUSED_FILE) as file,
            opened_house(name="load", create=True) as house,
            _progress() as bars,
        ):

            def refuse(row: RefusedRow) -> None:
                file.add(row)
                if len(shown) < SHOWN_MAX:
                    shown.append(row)

            report = load_folder(
                house.database,
                rows,
                actor=SYSTEM_ACTOR,
                dry_run=dry_run,
                strict=strict,
                refuse=refuse,
                progress=_Bars(bars).show,
            )
    except UnusableFolder as unusable:
        raise _unusable(unusable) from unusable
    _summarize(report, shown, file.path)
    if report.refused:
        raise typer.Exit(FOUND_WRONG)


def _unusable(unusable: UnusableFolder) -> typer.Exit:
    for problem in unusable.problems:
        complain(problem)
    return typer.Exit(UNUSABLE)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} rows"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )


class _Bars:
    """A bar per file and phase."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def show(self, step: Step) -> None:
        key = (step.phase, step.file)
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(f"{step.phase} {step.file}", total=None)
        self._progress.update(self._tasks[key], completed=step.rows_done, total=step.rows_total)


def _summarize(report: Report, shown: list[RefusedRow], refused: Path) -> None:
    table = Table("file")
    for name in ("read", "accepted", "repeated", "refused"):
        table.add_column(name, justify="right")
    for file in report.files:
        numbers = (file.read, file.accepted, file.repeated, file.refused)
        table.add_row(escape(file.file), *(f"{n:,}" for n in numbers))
    console.print(table)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)
    for row in shown:
        column = column_of(row)
        place = f"{row.row.file}, line {row.row.line}" + (f", {column}" if column else "")
        reason = escape(f"{place}: {row.refusal.message}")
        console.print(f"[red]refused:[/] {reason}", soft_wrap=True)
    if report.refused:
        more = f"{report.refused:,} rows were refused; all of them with their reasons:"
        console.print(f"{more} {escape(str(refused))}", soft_wrap=True)
    if not report.written:
        console.print("nothing was changed")
