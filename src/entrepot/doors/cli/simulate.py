"""The command `simulate`: a real retailer's past, replayed through the real flows."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from entrepot.departments.network import service as network
from entrepot.doors.cli.demo import demo_settings, wipe
from entrepot.doors.cli.endings import FOUND_WRONG, UNUSABLE, complain, console, errors
from entrepot.doors.cli.opened import running_database, settings_now
from entrepot.doors.folder.reader import read_folder
from entrepot.doors.runfile import read_run_file
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.migrate import migrate
from entrepot.simulation import engine, retailer, store
from entrepot.simulation.engine import Tell
from entrepot.simulation.fitness import require_fit
from entrepot.simulation.report.gather import Told, gather
from entrepot.simulation.report.write import write
from entrepot.simulation.retailer import Retailer, Window
from entrepot.simulation.store import Run

RUN_ID = FOLDER = "replay"
ACTOR = "simulation"
SCENARIO = Path("scenarios") / "uk-gifts"
DAY = "%Y-%m-%d"


def simulate(
    since: Annotated[
        datetime | None, typer.Option("--from", formats=[DAY], help="First day.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=[DAY], help="Day after the last one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole history.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same world.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.")
    ] = False,
    scenario: Annotated[Path, typer.Option(help="The retailer's folder.")] = SCENARIO,
) -> None:
    """Replay a real retailer: every order quoted, placed, sourced, picked, shipped and delivered.

    By default the last four weeks of its history, in a folder of its own below the data home, which
    is wiped first unless the run is resumed. Ctrl-C stops after the virtual hour being played. Exit
    code 1 when the audit finds something.
    """
    settings = demo_settings(settings_now(), FOLDER)
    run_file = read_run_file(settings)
    if run_file is not None and run_file.is_current:
        complain(f"the replay's folder {settings.data} is being served; stop that first")
        raise typer.Exit(UNUSABLE)
    try:
        past = retailer.read_retailer(scenario, seed)
        asked = Window(since and since.date(), until and until.date())
        window = retailer.window(past, asked, everything=everything)
        folder = read_folder(scenario)
        require_fit(folder, past, window)
    except UnusableFolder as unusable:
        for problem in unusable.problems:
            complain(problem)
        raise typer.Exit(UNUSABLE) from None
    if not resume:
        wipe(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    stopwatch = SystemClock()
    with running_database(settings) as url, KeyStore.open(settings.keys, stopwatch) as keys:
        migrate(url, clock=stopwatch)
        begun = stopwatch.monotonic()
        clock = VirtualClock(window[0], seed)
        with Database(url, clock=clock, name="entrepot-simulation") as database:
            load_folder(database, folder, actor=ACTOR, strict=True)
            run = _run(database, clock, past, keys, seed, window)
            with database.transaction(read_only=True) as tx:
                verdict = audit(tx)
                told = Told(
                    run, store.days(tx, RUN_ID), past.history, verdict, sources=past.sources
                )
                figures = gather(tx, told)
            written = write(settings.data / "report", figures)
    _tell_end(run, stopwatch.monotonic() - begun)
    if run.state != "ended":
        console.print("Go on with: entrepot simulate --resume", highlight=False)
    for finding in verdict.findings:
        console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    looked = ", ".join(f"{count:,} {name}" for name, count in verdict.looked_at.items())
    color = "green" if verdict.ok else "bold red"
    console.print(f"[{color}]audit: {len(verdict.findings)} findings[/] ({looked})")
    console.print(f"report: {written.page}", soft_wrap=True, highlight=False)
    console.print(f"figures: {written.json}", soft_wrap=True, highlight=False)
    if not verdict.ok:
        raise typer.Exit(FOUND_WRONG)


def _run(
    database: Database,
    clock: VirtualClock,
    past: Retailer,
    keys: KeyStore,
    seed: int,
    window: tuple[datetime, datetime],
) -> Run:
    earlier = retailer.standing(database, RUN_ID)
    if earlier is not None:
        window = (earlier.starts_at, earlier.ends_at)
        clock.advance_to(earlier.reached_at)
    with database.transaction(read_only=True) as tx:
        owner = network.snapshot(tx).retailer
    assert owner is not None, "the folder was loaded, and has one"
    with _stopped_by_signal() as is_stopped, _progress(past, window, is_stopped) as tell:
        openings = retailer.fill_shelves(database, past, window[0], seed)
        plan = retailer.plan(
            past,
            keys,
            run_id=RUN_ID,
            seed=seed,
            currency=owner.currency,
            since=window[0],
            until=window[1],
            openings=openings,
        )
        return engine.play(database, plan, tell)


@contextmanager
def _stopped_by_signal() -> Iterator[Callable[[], bool]]:
    """Whether someone asked to stop; a second signal ends the process at once."""
    asked = Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)])
        complain("stopping after this virtual hour; once more to stop at once")

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(
    past: Retailer, window: tuple[datetime, datetime], is_stopped: Callable[[], bool]
) -> Iterator[Tell]:
    sales, _ = past.history.counts(*window)
    bars = Progress(
        TextColumn("{task.fields[at]}"),
        BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} orders"),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with bars:
        task = bars.add_task("", total=sales, at="filling shelves", words="")

        def tell(run: Run) -> bool:
            counts = run.counts
            bars.update(
                task,
                completed=counts.get("placed", 0),
                at=f"{run.reached_at:%a %Y-%m-%d %H:%M}",
                words=f"{counts.get('shipped', 0):,} parts shipped, "
                f"{counts.get('parcels_delivered', 0):,} parcels delivered",
            )
            return not is_stopped()

        yield tell


def _tell_end(run: Run, seconds: float) -> None:
    for name, count in sorted(run.counts.items()):
        if count:
            console.print(f"  {name.replace('_', ' ')}: {count:,}")
    state = "at its end" if run.state == "ended" else f"stopped at {run.reached_at:%Y-%m-%d %H:%M}"
    console.print(f"{state}, {seconds:.1f} s")
