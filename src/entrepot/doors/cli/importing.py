"""Commands that bring history in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from entrepot.doors.cli.endings import FOUND_WRONG, console
from entrepot.doors.cli.opened import opened_house
from entrepot.doors.cli.rows import Refusals, row_bars, unusable
from entrepot.doors.folder.history import open_history, open_map
from entrepot.doors.folder.refused import RefusedFile
from entrepot.flows.onboarding.import_orders import Imported
from entrepot.flows.onboarding.import_orders import import_orders as import_history
from entrepot.flows.onboarding.order_map import OrderMap
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.words.outcome import RefusalCode


def import_orders(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet, a row for each line of an order.")],
    order_map: Annotated[
        Path | None,
        typer.Option("--map", help="A TOML file that says which column is what."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
    ] = False,
    refused: Annotated[
        Path | None,
        typer.Option(help="Where refused rows go; FILE.refused.csv here by default."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of prices without one; the retailer's by default.")
    ] = None,
) -> None:
    """Import order history: accepted + repeated + refused = rows read; safe to repeat.

    Load the catalog first: an unknown SKU is refused. Exit code 1 when rows were refused, 2 when
    the file cannot be used.
    """
    report = refused or Path(f"{file.stem}.refused.csv")
    try:
        table = open_history(file)
        told = open_map(order_map) if order_map else OrderMap()
        if report.resolve() == file.resolve():
            raise UnusableFolder([f"--refused: found the file itself, {file}; choose another"])
        with (
            RefusedFile(report) as refused_file,
            opened_house(name="import") as house,
            row_bars() as bars,
        ):
            refusals = Refusals(refused_file)
            begun = house.clock.monotonic()
            done = import_history(
                house.database,
                table,
                told,
                currency=currency,
                dry_run=dry_run,
                refuse=refusals.add,
                progress=bars.show,
            )
            seconds = house.clock.monotonic() - begun
    except UnusableFolder as found:
        raise unusable(found) from found
    _summarize(done, seconds)
    refusals.show()
    if not done.written:
        console.print("nothing was changed")
    if done.rows.refused:
        raise typer.Exit(FOUND_WRONG)


def _summarize(done: Imported, seconds: float) -> None:
    rows = done.rows
    table = Table(escape(rows.file))
    for name in ("read", "accepted", "repeated", "refused"):
        table.add_column(name, justify="right")
    numbers = (rows.read, rows.accepted, rows.repeated, rows.refused)
    table.add_row("rows", *(f"{n:,}" for n in numbers))
    orders = (done.orders_accepted, done.orders_repeated, done.orders_refused)
    table.add_row("orders", f"{sum(orders):,}", *(f"{n:,}" for n in orders))
    console.print(table)
    if done.reasons:
        reasons = Table("reason", "rows")
        reasons.columns[1].justify = "right"
        for code, count in done.reasons.items():
            reasons.add_row(code.value.replace("_", " "), f"{count:,}")
        console.print(reasons)
    rate = rows.read / seconds if seconds else 0
    console.print(f"{rows.read:,} rows in {seconds:.1f} s, {rate:,.0f} rows per second")
    if done.written and RefusalCode.unknown_sku in done.reasons:
        console.print(
            "[yellow]note:[/] of orders with an unknown SKU the rest was taken, and what is "
            "missing cannot be added later: with --dry-run you see it before",
            soft_wrap=True,
        )
