"""The command `demo`: a real retailer's past, played through the real flows, and watched."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape

import entrepot
from entrepot.departments.access import service as access
from entrepot.departments.access.model import ADMIN_ROLE
from entrepot.doors.cli.demo_home import Begun, clear, is_demo, mark, read_begun, require_ours
from entrepot.doors.cli.demo_page import Page, live_page
from entrepot.doors.cli.demo_play import Played, Source, play, read_source
from entrepot.doors.cli.demo_progress import shown_progress
from entrepot.doors.cli.demo_summary import first_order, next_steps, summary
from entrepot.doors.cli.endings import FOUND_WRONG, complain, console, errors
from entrepot.doors.cli.opened import running_database, settings_now
from entrepot.doors.cli.rows import unusable
from entrepot.doors.runfile import only_one
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.database import Database
from entrepot.ground.files import data_home
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import Expected, Settings
from entrepot.simulation import retailer
from entrepot.simulation.engine import Tell
from entrepot.simulation.fitness import require_fit
from entrepot.simulation.retailer import Window
from entrepot.simulation.store import Run

SCENARIO = Path("scenarios") / "uk-gifts"
SEED = 1
DAY = "%Y-%m-%d"
WAIT_STEP_S = 0.1


class Asked(NamedTuple):
    """What is to be played, as the command line has it; None = not said."""

    scenario: Path | None
    seed: int | None
    window: Window
    everything: bool


def demo(
    since: Annotated[
        datetime | None, typer.Option("--from", formats=[DAY], help="First day.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=[DAY], help="Day after the last one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole history.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same world; 1 by default.")
    ] = None,
    speed: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Virtual seconds per second at most: 3600 plays an hour a second. As fast as "
            "possible by default.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a demo that was stopped or killed.")
    ] = False,
    scenario: Annotated[
        Path | None, typer.Option(help="The retailer's folder; scenarios/uk-gifts by default.")
    ] = None,
) -> None:
    """Play a real retailer: every order quoted, placed, sourced, picked, shipped and delivered.

    By default the last four weeks of its history. Meanwhile it can be watched live; at the end
    there is a report, and `entrepot serve` goes on with the same retailer. Ctrl-C stops after the
    virtual hour being played. Exit code 1 when the audit finds something.

    A demo has its data home for itself: it wipes the demo that was there before, with all that was
    ordered since, and refuses to touch anything else.
    """
    clock = SystemClock()
    started_at = clock.monotonic()
    settings = settings_now()
    require_ours(settings)
    asked = Asked(
        scenario, seed, Window(since and since.date(), until and until.date()), everything
    )
    try:
        begun, source = _again(settings, asked) if resume else _new(asked)
        data_home(settings.data, mode=0o711 if os.geteuid() == 0 else 0o700)
        if not is_demo(settings):
            mark(settings, begun)
        with only_one(settings):
            if not resume:
                with errors.status("clearing the data home"):
                    clear(settings, begun)
            played, body = _played(settings, begun, source, speed, clock)
    except UnusableFolder as found:
        raise unusable(found) from None
    _tell_end(played, clock.monotonic() - started_at)
    for line in next_steps(settings, played.written.page, body):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if not played.verdict.ok:
        raise typer.Exit(FOUND_WRONG)


def _new(asked: Asked) -> tuple[Begun, Source]:
    scenario = scenario_folder(asked.scenario)
    seed = SEED if asked.seed is None else asked.seed
    with errors.status("reading the retailer's past"):
        source = read_source(scenario, seed)
    window = retailer.window(source.past, asked.window, everything=asked.everything)
    require_fit(source.folder, source.past, window)
    starts_at, ends_at = window
    return Begun(str(scenario), seed, starts_at, ends_at), source


def _again(settings: Settings, asked: Asked) -> tuple[Begun, Source]:
    begun = read_begun(settings)
    if begun is None:
        raise Expected(
            f"--resume: found no demo to go on with in {settings.data}; begin one without --resume"
        )
    if (
        asked.seed not in (None, begun.seed)
        or asked.window != Window(None, None)
        or asked.everything
        or (asked.scenario is not None and str(asked.scenario.resolve()) != begun.scenario)
    ):
        raise Expected(
            f"--resume: the demo was begun with --seed {begun.seed}, --scenario {begun.scenario} "
            f"and a window from {begun.starts_at:%Y-%m-%d %H:%M} to "
            f"{begun.ends_at:%Y-%m-%d %H:%M} UTC, and goes on so; say nothing else, or begin "
            "another one without --resume"
        )
    with errors.status("reading the retailer's past"):
        return begun, read_source(Path(begun.scenario), begun.seed)


def scenario_folder(given: Path | None) -> Path:
    """The folder that is named, else the retailer of this folder or of the source tree."""
    if given is not None:
        return given.resolve()
    tree = Path(entrepot.__file__).resolve().parents[2]
    for folder in (SCENARIO.resolve(), tree / SCENARIO):
        if folder.is_dir():
            return folder
    raise Expected(
        f"--scenario: found no {SCENARIO} in this folder, nor beside the source of Entrepot; call "
        "it in a clone of the repository, or name a folder with a retailer and its history"
    )


def _played(
    settings: Settings, begun: Begun, source: Source, speed: int | None, clock: Clock
) -> tuple[Played, str]:
    with running_database(settings) as url, _stopped_by_signal() as stop:
        migrate(url, clock=clock)
        _require_unserved(settings, url, clock)
        with live_page(settings, url, clock) as page, shown_progress() as progress:
            _tell_page(page)
            played = play(
                settings,
                url,
                source,
                (begun.starts_at, begun.ends_at),
                seed=begun.seed,
                progress=progress,
                tell=teller(stop, speed, clock),
            )
        with (
            Database(url, connections_max=1, name="entrepot-demo") as database,
            database.transaction(read_only=True) as tx,
        ):
            return played, first_order(tx)


def _require_unserved(settings: Settings, url: str, clock: Clock) -> None:
    """What is served lives in the present: after it the past cannot go on."""
    with (
        Database(url, clock=clock, connections_max=1, name="entrepot-demo") as database,
        database.transaction(read_only=True) as tx,
    ):
        served = any(ADMIN_ROLE in principal.roles for principal in access.list_principals(tx))
    if served:
        raise Expected(
            f"--resume: the demo in {settings.data} has been served since, and went on in the "
            "present; its past cannot go on. Begin anew without --resume"
        )


class Stop:
    """Whether somebody asked to stop.

    is_playing  an hour is finished before; at other times the work ends where it is
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.is_playing = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """A signal came; a second one ends the work at once."""
        if self.is_asked or not self.is_playing:
            raise KeyboardInterrupt
        self.is_asked = True
        complain("stopping after this virtual hour; once more to stop at once")


@contextmanager
def _stopped_by_signal() -> Iterator[Stop]:
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, stop.ask)
        for number in numbers
        # As `nohup` wants it.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def teller(stop: Stop, speed: int | None, clock: Clock) -> Tell:
    """What is asked after each hour: waits until it may be over, and says whether to go on."""
    last: tuple[datetime, float] | None = None

    def tell(run: Run) -> bool:
        nonlocal last
        stop.is_playing = run.state != "ended"
        if speed is not None and last is not None:
            reached_at, told_at = last
            ends_at = told_at + (run.reached_at - reached_at).total_seconds() / speed
            while (left_s := ends_at - clock.monotonic()) > 0 and not stop.is_asked:
                clock.sleep(min(left_s, WAIT_STEP_S))
        last = run.reached_at, clock.monotonic()
        stop.is_playing = stop.is_playing and not stop.is_asked
        return not stop.is_asked

    return tell


def _tell_page(page: Page) -> None:
    if page.problem:
        complain(f"no live page: {page.problem}; the demo is played without it")
        return
    for line in ("Watch it live; for an hour this link signs you in:", f"  {page.link}"):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _tell_end(played: Played, seconds: float) -> None:
    run, verdict = played.run, played.verdict
    console.print()
    console.print(summary(played.figures))
    console.print()
    if run.state == "ended":
        console.print(f"Played to its end in {seconds:.0f} s.", highlight=False)
    else:
        console.print(
            f"Stopped at {run.reached_at:%Y-%m-%d %H:%M} UTC after {seconds:.0f} s; go on with: "
            "entrepot demo --resume",
            highlight=False,
            soft_wrap=True,
        )
    for finding in verdict.findings:
        console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    looked = ", ".join(f"{count:,} {name}" for name, count in verdict.looked_at.items())
    said = "all is well" if verdict.ok else f"{len(verdict.findings)} findings"
    color = "green" if verdict.ok else "bold red"
    console.print(f"[{color}]audit: {said}[/] ({looked})", soft_wrap=True)
