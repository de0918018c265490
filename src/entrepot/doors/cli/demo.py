"""The command `demo`: a small retailer in a folder of its own, in less than a minute."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from entrepot.departments.ordering import service as ordering
from entrepot.doors.cli.demo_report import Summary, summarize, tables
from entrepot.doors.cli.demo_run import ACTOR, ORDERS_A_STEP, Run, Told
from entrepot.doors.cli.endings import FOUND_WRONG, UNUSABLE, complain, console, errors
from entrepot.doors.cli.opened import running_database, settings_now
from entrepot.doors.folder.example import write_example
from entrepot.doors.folder.reader import read_folder
from entrepot.doors.runfile import read_run_file
from entrepot.flows.onboarding.load import load_folder
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import Settings

FOLDER = "demo"
RETAILER = "retailer"
# A Monday morning; the example's calendars know the holidays of that year.
START = datetime(2026, 3, 2, 7, tzinfo=UTC)
ORDERS = 400

Tell = Callable[[Told], None]


def demo(
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Wipe the demo's folder first and begin anew.")
    ] = False,
    orders: Annotated[int, typer.Option(min=1, max=20_000, help="How many to ask for.")] = ORDERS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
) -> None:
    """Load a small retailer, let customers order for some days, audit, and say what happened.

    Everything stays in its own folder below the data home and runs through the real flows, on a
    virtual clock. A second run goes on where the first one ended. Exit code 1 when the audit finds
    something.
    """
    stopwatch = SystemClock()
    begun = stopwatch.monotonic()
    settings = demo_settings(settings_now())
    run_file = read_run_file(settings)
    if run_file is not None and run_file.is_current:
        complain(f"the demo's folder {settings.data} is being served; stop that first")
        raise typer.Exit(UNUSABLE)
    if fresh:
        wipe(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    with running_database(settings) as url:
        migrate(url, clock=stopwatch)
        with _progress(orders) as tell:
            run, summary = play(settings, url, orders=orders, seed=seed, tell=tell)
    console.print(tables(summary))
    _verdict(run, summary, stopwatch.monotonic() - begun)
    _next_steps(settings.data, settings.port)
    if not summary.audit.ok:
        raise typer.Exit(FOUND_WRONG)


def demo_settings(settings: Settings, folder: str = FOLDER) -> Settings:
    """The same installation with a data home, a database and keys of the demo's own."""
    data = settings.data / folder
    return replace(settings, data=data, database_url=None, keys=data / "keys", signing_key=None)


def wipe(settings: Settings) -> None:
    """Stop the demo's database and remove its folder."""
    if settings.data.exists():
        Cluster(settings).stop("immediate")
        shutil.rmtree(settings.data)


def play(
    settings: Settings, url: str, *, orders: int, seed: int, tell: Tell
) -> tuple[Run, Summary]:
    """Load the retailer, run the days, look at the outcome.

    url  of a migrated database
    """
    stopwatch = SystemClock()
    clock = VirtualClock(START, seed)
    with (
        Database(url, clock=clock, name="entrepot-demo") as database,
        # Keys of personal data are secrets in a demo too: they come from the system's clock.
        KeyStore.open(settings.keys, stopwatch) as keys,
    ):
        clock.advance_to(_start(database))
        folder = settings.data / RETAILER
        if not folder.exists():
            write_example(folder)
        load_folder(database, read_folder(folder), actor=ACTOR)
        run = Run(database, clock, keys, seed, stopwatch)
        run.go(orders, tell)
        with database.transaction(read_only=True) as tx:
            return run, summarize(tx, run)


def _start(database: Database) -> datetime:
    """The morning after the newest order."""
    with database.transaction(read_only=True) as tx:
        newest = ordering.find(tx, limit=1)
    if not newest:
        return START
    return datetime.combine(
        newest[0].placed_at.date() + timedelta(days=1), START.time(), tzinfo=UTC
    )


@contextmanager
def _progress(orders: int) -> Iterator[Tell]:
    bars = Progress(
        TextColumn("{task.fields[at]}"),
        BarColumn(),
        TextColumn("{task.completed:,} asked, {task.fields[placed]:,} placed"),
        TextColumn("{task.fields[waiting]:,} parts wait for stock"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with bars:
        task = bars.add_task("", total=orders, at="loading", placed=0, waiting=0)

        def tell(told: Told) -> None:
            bars.update(
                task,
                completed=told.asked,
                at=f"{told.at:%a %Y-%m-%d %H:%M}",
                placed=told.placed,
                waiting=told.waiting,
            )

        yield tell


def _verdict(run: Run, summary: Summary, seconds: float) -> None:
    rate = run.place_calls / run.place_seconds if run.place_seconds else 0
    console.print(
        f"{len(run.placed):,} orders placed, {rate:,.0f} a second in batches of {ORDERS_A_STEP}; "
        f"{summary.facts:,} facts told and handled; {seconds:.1f} s in all",
        soft_wrap=True,
    )
    looked = ", ".join(f"{count:,} {name}" for name, count in summary.audit.looked_at.items())
    if summary.audit.ok:
        console.print(f"[green]audit: all is well[/] ({looked})", soft_wrap=True)
        return
    for finding in summary.audit.findings:
        console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    console.print(f"[bold red]audit: {len(summary.audit.findings)} findings[/] ({looked})")


def _next_steps(data: Path, port: int) -> None:
    body = (
        '{"lines": [{"sku": "MUG-BLUE", "quantity": 2}], '
        '"ship_to": {"country": "DE", "postal_code": "10115"}, "currency": "EUR"}'
    )
    for line in (
        "",
        "Go on: serve this retailer, which prints its admin key once, then ask it for a quote:",
        f"  ENTREPOT_DATA={shlex.quote(str(data))} entrepot serve",
        f"  curl -s http://127.0.0.1:{port}/v1/quotes -H 'Authorization: Bearer KEY' \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
        f"Its files are in {data / RETAILER}.",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
