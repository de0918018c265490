"""The command that places orders from a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from entrepot.doors.cli.endings import FOUND_WRONG, console, errors
from entrepot.doors.cli.opened import opened_house
from entrepot.doors.cli.rows import SHOWN_MAX, unusable
from entrepot.doors.house import House
from entrepot.doors.http.order_lines import LINE_BYTES_MAX, Read, answers, read_line, too_long
from entrepot.doors.intake import BATCH_MAX, Place, placed_apart, together
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.ground.processes import collect_seldom
from entrepot.words.outcome import Refusal

ACTOR = "import"


class _Counts:
    """How many lines became orders, and the first reasons why others did not."""

    def __init__(self) -> None:
        self.placed = 0
        self.refused = 0
        self.shown: list[str] = []

    def add(self, line: Read, outcome: Placed | Refusal | Exception) -> None:
        if isinstance(outcome, Placed):
            self.placed += 1
            return
        self.refused += 1
        if len(self.shown) < SHOWN_MAX:
            words = outcome.message if isinstance(outcome, Refusal) else str(outcome)
            about = "" if words.startswith("line ") else f"line {line.number}: "
            self.shown.append(about + words)


def import_new_orders(
    file: Annotated[
        Path, typer.Argument(help="An order a line, as POST /v1/orders:batch takes them.")
    ],
    answered: Annotated[
        Path | None,
        typer.Option("--answers", help="Where answers go; FILE.answers.ndjson here by default."),
    ] = None,
) -> None:
    """Place new orders: each line is an order in JSON with its `key`.

    Safe to repeat, also after an interruption: a key that was used places nothing again. Exit code
    1 when lines were refused, 2 when the file cannot be used.
    """
    report = answered or Path(f"{file.stem}.answers.ndjson")
    if report.resolve() == file.resolve():
        raise unusable(UnusableFolder([f"--answers: found the file itself, {file}"]))
    counts = _Counts()
    try:
        with (
            file.open("rb") as lines,
            report.open("wb") as out,
            opened_house(name="import-orders") as house,
        ):
            collect_seldom()
            begun = house.clock.monotonic()
            _place(house, lines, out, file.stat().st_size, counts)
            seconds = house.clock.monotonic() - begun
    except OSError as error:
        raise unusable(UnusableFolder([f"{error.filename}: {error.strerror}"])) from error
    rate = f", {counts.placed / seconds:,.0f} a second" if seconds > 0 else ""
    console.print(f"{counts.placed:,} orders placed or known{rate}; answers: {escape(str(report))}")
    for reason in counts.shown:
        console.print(f"[red]refused:[/] {escape(reason)}", soft_wrap=True)
    if counts.refused:
        console.print(f"{counts.refused:,} lines were refused")
        raise typer.Exit(FOUND_WRONG)


def _place(house: House, lines: BinaryIO, out: BinaryIO, size: int, counts: _Counts) -> None:
    progress = Progress(
        TextColumn("placing"),
        BarColumn(),
        TextColumn("{task.fields[orders]:,} orders"),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    place: Place[PlaceOrder] = together(house, place_orders)
    with progress:
        bar = progress.add_task("placing", total=size, orders=0)
        reading = _read(lines)
        while batch := list(islice(reading, BATCH_MAX)):
            orders = [line.found for line in batch if isinstance(line.found, PlaceOrder)]
            outcomes = placed_apart(place, orders)
            out.writelines(answers(batch, outcomes))
            placed = iter(outcomes)
            for line in batch:
                counts.add(line, line.found if isinstance(line.found, Refusal) else next(placed))
            progress.update(bar, completed=lines.tell(), orders=counts.placed)


def _read(lines: BinaryIO) -> Iterator[Read]:
    number = 0
    while content := lines.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(content) > LINE_BYTES_MAX and not content.endswith(b"\n"):
            while (rest := lines.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
                pass
            yield Read(number, None, too_long(number))
        elif content.strip():
            yield read_line(number, content, ACTOR)
