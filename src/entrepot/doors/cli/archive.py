"""The commands `archive`: what is there, close what is old, verify it, read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Column, Table

from entrepot.doors.cli.endings import FOUND_WRONG, complain, console, errors
from entrepot.doors.cli.opened import opened_house, settings_now
from entrepot.flows.archiving import read as reading
from entrepot.flows.archiving.close import close_due
from entrepot.flows.archiving.read import Asked, Rows
from entrepot.flows.archiving.tables import ARCHIVED
from entrepot.ground import archive
from entrepot.ground.files import data_home, private_folder
from entrepot.ground.settings import Expected, Settings
from entrepot.ground.stores import Store, open_store

APP = typer.Typer(no_args_is_help=True, help="Records that are old: list, close, verify, read.")
CELL_CHARACTERS_MAX = 60


class Records(StrEnum):
    """What can be read, by the word people use."""

    movements = "movements"
    reservations = "reservations"
    events = "events"
    facts = "facts"
    decisions = "decisions"


RELATIONS = {
    Records.movements: "inventory.movement",
    Records.reservations: "inventory.reservation",
    Records.events: "ordering.event",
    Records.facts: "events.log",
    Records.decisions: "decisions.decision",
}
assert set(RELATIONS.values()) == {table.relation for table in ARCHIVED}


class Form(StrEnum):
    """How rows are printed."""

    table = "table"
    json = "json"
    csv = "csv"


@APP.command("list")
def list_parts() -> None:
    """List what has left the database, or is about to."""
    with opened_house(name="archive") as house, house.database.transaction(read_only=True) as tx:
        parts = archive.parts(tx)
    if not parts:
        console.print("everything is in the database")
        return
    table = Table("records", "part", "until", "state", *(_number(n) for n in ("rows", "MiB")))
    words = {relation: name.value for name, relation in RELATIONS.items()}
    for part in parts:
        size = "" if part.bytes is None else f"{part.bytes / 2**20:,.1f}"
        rows = "" if part.rows is None else f"{part.rows:,}"
        until = f"{part.until_at:%Y-%m-%d %H:%M}"
        name = words.get(part.relation, part.relation)
        table.add_row(name, escape(part.name), until, part.state, rows, size)
    console.print(table)


@APP.command("close")
def close() -> None:
    """Write what is old enough to the archive, compare it, and take it out of the database.

    Safe to repeat and to interrupt, and while orders come in; the worker does it once a day.
    """
    settings = settings_now()
    store = _store(settings)
    waits = 0
    with opened_house(name="archive") as house, errors.status("looking for what is old") as status:

        def tell(words: str, rows: int) -> None:
            status.update(f"{words}: {rows:,} rows")

        done = 0
        for closed in close_due(
            house.database.url,
            store,
            _spool(settings),
            house.clock,
            keep_days=settings.archive_after_days,
            tell=tell,
        ):
            if closed.kept_for is None:
                done += 1
                size = f"{closed.bytes / 2**20:,.1f} MiB"
                console.print(f"closed {closed.partition}: {closed.rows:,} rows, {size}")
            else:
                waits += 1
                complain(f"{closed.partition} stays: {closed.kept_for}")
    console.print(f"{done} partitions closed" if done else "nothing was old enough")
    if waits:
        raise typer.Exit(FOUND_WRONG)


@APP.command("verify")
def verify() -> None:
    """Read every file of the archive and compare it with its manifest; exit code 1 when one is
    damaged or missing."""
    settings = settings_now()
    store = _store(settings)
    wrong = count = 0
    with opened_house(name="archive") as house, errors.status("verifying") as status:
        for found in reading.verify(house.database, store, _spool(settings)):
            count += 1
            status.update(f"verified {found.name}")
            for finding in found.findings:
                wrong += 1
                console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    if wrong:
        console.print(f"[bold red]archive: {wrong} findings[/] in {count} files")
        raise typer.Exit(FOUND_WRONG)
    console.print(f"[green]archive: all is well[/] ({count} files)")


@APP.command("read")
def read(
    records: Annotated[Records, typer.Argument(help="Which records.")],
    order: Annotated[str | None, typer.Option(help="Only those of this order.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only those of this SKU.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this time, UTC.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="A table, a JSON object a line, or CSV.")
    ] = Form.table,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 1_000,
) -> None:
    """Print records from the archive, the oldest first; the database is not needed.

    Bytes are printed as base64 in JSON, else as hexadecimal.
    """
    settings = settings_now()
    store = _store(settings)
    asked = Asked(order, sku, _utc(since), _utc(until))
    table = reading.table_named(RELATIONS[records])
    found = _limited(reading.rows(store, _spool(settings), table, asked), limit)
    with _told(limit) as tell:
        _PRINTED[form](found, tell)


def _limited(found: Iterable[Rows], limit: int) -> Iterator[Rows]:
    left = limit
    for part in found:
        yield Rows(part.columns, part.rows[:left])
        left -= len(part.rows)
        if left < 0:
            break


@contextmanager
def _told(limit: int) -> Iterator[Callable[[int], None]]:
    """Says at the end when there is more than was printed, or nothing."""
    printed = 0

    def tell(rows: int) -> None:
        nonlocal printed
        printed += rows

    yield tell
    if not printed:
        errors.print("nothing in the archive fits")
    elif printed >= limit:
        errors.print(f"{printed:,} rows printed; --limit {limit * 10} shows more")


def _as_table(found: Iterable[Rows], tell: Callable[[int], None]) -> None:
    for part in found:
        table = Table(*(Column(name, overflow="fold") for name in part.columns))
        for row in part.rows:
            table.add_row(*(escape(_cell(value)) for value in row))
        console.print(table)
        tell(len(part.rows))


def _cell(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= CELL_CHARACTERS_MAX else f"{text[:CELL_CHARACTERS_MAX]}..."


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _as_json(found: Iterable[Rows], tell: Callable[[int], None]) -> None:
    for part in found:
        for row in part.rows:
            line = msgspec.json.encode(dict(zip(part.columns, row, strict=True)))
            typer.echo(line.decode())
        tell(len(part.rows))


def _as_csv(found: Iterable[Rows], tell: Callable[[int], None]) -> None:
    head: list[str] | None = None
    for part in found:
        lines = io.StringIO()
        writer = csv.writer(lines)
        if part.columns != head:
            head = part.columns
            writer.writerow(head)
        writer.writerows([_text(value) for value in row] for row in part.rows)
        typer.echo(lines.getvalue(), nl=False)
        tell(len(part.rows))


_PRINTED: dict[Form, Callable[[Iterable[Rows], Callable[[int], None]], None]] = {
    Form.table: _as_table,
    Form.json: _as_json,
    Form.csv: _as_csv,
}


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _number(name: str) -> Column:
    return Column(name, justify="right")


def _store(settings: Settings) -> Store:
    place = settings.archive_place
    if place is None:
        raise Expected(
            "ENTREPOT_ARCHIVE: found nothing, expected where the archive is: an absolute path, or "
            "s3://bucket/prefix"
        )
    return open_store(place)


def _spool(settings: Settings) -> Path:
    """Where files lie while they are written or read; in the data home, which has the room."""
    return private_folder(data_home(settings.data) / "archiving")
