"""Commands that bring a retailer's own data in: an example to begin with, and the load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from entrepot.doors.cli.demo_home import is_demo
from entrepot.doors.cli.endings import FOUND_WRONG, console
from entrepot.doors.cli.opened import SYSTEM_ACTOR, opened_house, settings_now
from entrepot.doors.cli.rows import Refusals, row_bars, unusable
from entrepot.doors.folder.example import write_example
from entrepot.doors.folder.reader import REFUSED_FILE, read_folder
from entrepot.doors.folder.refused import RefusedFile
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.onboarding.rows import Report, UnusableFolder
from entrepot.ground.settings import Expected


def new(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Write a small example retailer to begin with, and the description of every file."""
    try:
        names = write_example(folder)
    except UnusableFolder as found:
        raise unusable(found) from found
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
    settings = settings_now()
    if is_demo(settings) and not dry_run:
        raise Expected(
            f"ENTREPOT_DATA: {settings.data} holds a demo, which the next demo wipes; give a "
            "retailer of your own another data home: ENTREPOT_DATA=/path/to/another entrepot load"
        )
    try:
        rows = read_folder(folder)
        with (
            RefusedFile(refused or folder / REFUSED_FILE) as file,
            opened_house(name="load", create=True) as house,
            row_bars() as bars,
        ):
            refusals = Refusals(file)
            report = load_folder(
                house.database,
                rows,
                actor=SYSTEM_ACTOR,
                dry_run=dry_run,
                strict=strict,
                refuse=refusals.add,
                progress=bars.show,
            )
    except UnusableFolder as found:
        raise unusable(found) from found
    _summarize(report, refusals)
    if report.refused:
        raise typer.Exit(FOUND_WRONG)


def _summarize(report: Report, refusals: Refusals) -> None:
    table = Table("file")
    for name in ("read", "accepted", "repeated", "refused"):
        table.add_column(name, justify="right")
    for file in report.files:
        numbers = (file.read, file.accepted, file.repeated, file.refused)
        table.add_row(escape(file.file), *(f"{n:,}" for n in numbers))
    console.print(table)
    for note in report.notes:
        console.print(f"[yellow]note:[/] {escape(note)}", soft_wrap=True)
    refusals.show()
    if not report.written:
        console.print("nothing was changed")
