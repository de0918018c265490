"""Playing a retailer's past from its folder to the report, on a database and keys of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from entrepot.departments.network import service as network
from entrepot.doors.cli.demo_home import REPORT
from entrepot.doors.cli.demo_progress import Progress
from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.onboarding.rows import FolderRows, Step
from entrepot.flows.watch.audit import Audit, audit
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.settings import Settings
from entrepot.simulation import engine, retailer, store
from entrepot.simulation.engine import Tell
from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.gather import Told, gather
from entrepot.simulation.report.write import Written, write
from entrepot.simulation.retailer import Retailer
from entrepot.simulation.store import Run

RUN_ID = "demo"
ACTOR = "simulation"


class Source(NamedTuple):
    """What is played: the retailer's past, and its folder as `entrepot load` reads it."""

    past: Retailer
    folder: FolderRows


class Played(NamedTuple):
    """A run as far as it came, what the audit found, and the report on it."""

    run: Run
    verdict: Audit
    figures: Figures
    written: Written


def read_source(scenario: Path, seed: int) -> Source:
    """Read a scenario whole.

    Raises: UnusableFolder when something is missing or wrong.
    """
    return Source(retailer.read_retailer(scenario, seed), read_folder(scenario))


def play(
    settings: Settings,
    url: str,
    source: Source,
    window: tuple[datetime, datetime],
    *,
    seed: int,
    progress: Progress,
    tell: Tell = lambda _run: True,
) -> Played:
    """Load the retailer, play its days or go on with them, audit, and write the report.

    url       of a migrated database; its run is begun, or gone on with where it stands
    window    orders are placed from the first instant until before the second
    progress  told of every phase and hour
    tell      asked after each hour; False = stop here
    """
    clock = VirtualClock(window[0], seed)
    with (
        Database(url, clock=clock, name="entrepot-demo") as database,
        # Keys of personal data are secrets in a demo too: they come from the system's clock.
        KeyStore.open(settings.keys, SystemClock(), signing_key=settings.signing_key) as keys,
    ):
        run = _play(database, keys, source, window, seed, progress, tell)
        progress.begin("auditing")
        with database.transaction(read_only=True) as tx:
            verdict = audit(tx, at_rest=True)
        progress.begin("writing the report")
        with database.transaction(read_only=True) as tx:
            figures = gather(
                tx,
                Told(
                    run,
                    store.days(tx, RUN_ID),
                    source.past.history,
                    verdict,
                    sources=source.past.sources,
                ),
            )
        return Played(run, verdict, figures, write(settings.data / REPORT, figures))


def _play(
    database: Database,
    keys: KeyStore,
    source: Source,
    window: tuple[datetime, datetime],
    seed: int,
    progress: Progress,
    tell: Tell,
) -> Run:
    past = source.past
    clock = database.clock
    assert isinstance(clock, VirtualClock)

    def loaded(step: Step) -> None:
        progress.count(f"loading: {step.phase} {step.file}", step.rows_done, step.rows_total)

    progress.begin("loading the retailer")
    load_folder(database, source.folder, actor=ACTOR, strict=True, progress=loaded)
    earlier = retailer.standing(database, RUN_ID)
    if earlier is not None:
        clock.advance_to(earlier.reached_at)
    progress.begin("filling the shelves")
    openings = retailer.fill_shelves(
        database,
        past,
        window[0],
        seed,
        lambda done, of: progress.count("filling the shelves", done, of),
    )
    with database.transaction(read_only=True) as tx:
        owner = network.snapshot(tx).retailer
    assert owner is not None, "the folder was loaded, and has one"
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
    orders, _ = past.history.counts(*window)
    progress.begin("playing")

    def told(run: Run) -> bool:
        progress.hour(database, run, orders)
        return tell(run)

    return engine.play(database, plan, told)
