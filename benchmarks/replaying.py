"""One replay in a process of its own, with the time of each of its steps.

`python -m benchmarks.replaying REQUEST` prints what it found, both as JSON. `play` is all that
knows how the command does it.
"""

from __future__ import annotations

import hashlib
import logging
import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import msgspec

from benchmarks.replay import Played, Request
from entrepot.departments.network import service as network
from entrepot.doors.folder.reader import read_folder
from entrepot.flows.onboarding.load import load_folder
from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.simulation import back, engine, fulfillment, retailer, store, supply
from entrepot.simulation.fitness import require_fit
from entrepot.simulation.report.gather import Told, gather
from entrepot.simulation.report.write import write
from entrepot.simulation.retailer import Retailer, Window
from entrepot.simulation.store import Run

RUN_ID = ACTOR = "benchmark"
KIB_PER_MIB = 1_024

# Steps of a virtual hour, by where the engine finds them; none is part of another.
STEPS: tuple[tuple[ModuleType, str, str], ...] = (
    (engine, "order", "quote and place orders"),
    (fulfillment, "release_parts", "release"),
    (fulfillment, "pick_parts", "pick"),
    (fulfillment, "pack_parts", "pack"),
    (fulfillment, "ship_parts", "ship"),
    (fulfillment, "end_parts", "track and deliver"),
    (supply, "review", "reorder"),
    (supply, "deliver", "receive purchases"),
    (back, "claim", "returns"),
    (back, "arrive", "returns"),
    (back, "look", "returns"),
    (back, "ask", "returns"),
    (back, "correct", "corrections"),
    (engine, "give_up", "give up"),
    (engine, "close_day", "close the day"),
)
FACTS = (engine, "quiet", "facts")
PLAYING, REST = "play", "hours: begin, commit and the rest"


class Phases:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts the time of the block."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - begun

    @contextmanager
    def watching(self, steps: tuple[tuple[ModuleType, str, str], ...]) -> Iterator[None]:
        """Counts the time of functions, looked up in their modules at each call."""
        before = [(module, name, getattr(module, name)) for module, name, _ in steps]
        for module, name, phase in steps:
            setattr(module, name, self._timed(getattr(module, name), phase))
        try:
            yield
        finally:
            for module, name, function in before:
                setattr(module, name, function)

    def _timed(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.phase(phase):
                return function(*arguments, **named)

        return timed


def play(request: Request) -> Played:
    """Replay into a migrated database: read, load, fill the shelves, play, audit, report."""
    phases = Phases()
    begun = perf_counter()
    scenario, folder = Path(request.scenario), Path(request.folder)
    folder.mkdir(parents=True)
    with phases.phase("read and check the scenario"):
        past = retailer.read_retailer(scenario, request.seed)
        asked = Window(*request.days) if request.days else Window(None, None)
        window = retailer.window(past, asked, everything=request.everything)
        files = read_folder(scenario)
        require_fit(files, past, window)
    clock = VirtualClock(window[0], request.seed)
    with (
        KeyStore.open(folder / "keys", SystemClock()) as keys,
        Database(request.url, clock=clock, name="benchmark-replay") as database,
    ):
        with phases.phase("load"):
            load_folder(database, files, actor=ACTOR, strict=True)
        with phases.phase("fill the shelves"):
            openings = retailer.fill_shelves(database, past, window[0], request.seed)
        with database.transaction(read_only=True) as tx:
            owner = network.snapshot(tx).retailer
        assert owner is not None, "the scenario was checked, and has one"
        plan = retailer.plan(
            past,
            keys,
            run_id=RUN_ID,
            seed=request.seed,
            currency=owner.currency,
            since=window[0],
            until=window[1],
            openings=openings,
        )
        steps = tuple((module, name, f"hours: {phase}") for module, name, phase in STEPS)
        with phases.phase(PLAYING), phases.watching((*steps, FACTS)):
            run = engine.play(database, plan, lambda _run: True)
        findings, digest = _judged(database, past, run, folder, phases)
    seconds = perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = past.history.report
    return Played(
        seconds=seconds,
        phases=_apart(phases.seconds, seconds),
        processor_s=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / KIB_PER_MIB,
        orders=run.counts["placed"],
        lines=past.history.counts(*window)[1],
        rows=report.rows_read,
        invoices=report.invoices_read,
        findings=findings,
        report=digest,
    )


def _judged(
    database: Database, past: Retailer, run: Run, folder: Path, phases: Phases
) -> tuple[list[str], str]:
    """The audit's findings, and the digest of the report."""
    with database.transaction(read_only=True) as tx:
        with phases.phase("audit"):
            verdict = audit(tx)
        with phases.phase("report"):
            days = store.days(tx, RUN_ID)
            told = Told(run, days, past.history, verdict, sources=past.sources)
            written = write(folder / "report", gather(tx, told))
    return verdict.findings, hashlib.sha256(written.json.read_bytes()).hexdigest()


def _apart(seconds: dict[str, float], whole: float) -> dict[str, float]:
    """Phases that do not overlap, with what is left of the hours, and of the whole."""
    found = {name: taken for name, taken in seconds.items() if name != PLAYING}
    within = sum(taken for name, taken in found.items() if name.startswith("hours: "))
    found[REST] = seconds[PLAYING] - within - seconds[FACTS[2]]
    found["open and close"] = whole - sum(found.values())
    return found


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer = play(msgspec.json.decode(sys.argv[1], type=Request))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
