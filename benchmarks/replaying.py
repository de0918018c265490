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
from entrepot.doors.cli import demo_play
from entrepot.doors.cli.demo_play import read_source
from entrepot.doors.cli.demo_progress import Nothing
from entrepot.ground.settings import Settings
from entrepot.simulation import back, engine, fulfillment, retailer, supply
from entrepot.simulation.fitness import require_fit
from entrepot.simulation.retailer import Window

KIB_PER_MIB = 1_024

# Steps of a virtual hour, by where the engine finds them; none is part of another.
STEPS: tuple[tuple[ModuleType, str, str], ...] = (
    (engine, "order", "hours: quote and place orders"),
    (fulfillment, "release_parts", "hours: release"),
    (fulfillment, "pick_parts", "hours: pick"),
    (fulfillment, "pack_parts", "hours: pack"),
    (fulfillment, "ship_parts", "hours: ship"),
    (fulfillment, "end_parts", "hours: track and deliver"),
    (supply, "review", "hours: reorder"),
    (supply, "deliver", "hours: receive purchases"),
    (back, "claim", "hours: returns"),
    (back, "arrive", "hours: returns"),
    (back, "look", "hours: returns"),
    (back, "ask", "hours: returns"),
    (back, "correct", "hours: corrections"),
    (engine, "give_up", "hours: give up"),
    (engine, "close_day", "hours: close the day"),
)
FACTS = (engine, "quiet", "facts")
PLAYING, REST = "play", "hours: begin, commit and the rest"
# What is done before and after the hours, by where the demo finds it.
AROUND: tuple[tuple[ModuleType, str, str], ...] = (
    (demo_play, "load_folder", "load"),
    (retailer, "fill_shelves", "fill the shelves"),
    (engine, "play", PLAYING),
    (demo_play, "audit", "audit"),
    (demo_play, "gather", "report"),
    (demo_play, "write", "report"),
)


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
    with phases.phase("read and check the scenario"):
        source = read_source(Path(request.scenario), request.seed)
        asked = Window(*request.days) if request.days else Window(None, None)
        window = retailer.window(source.past, asked, everything=request.everything)
        require_fit(source.folder, source.past, window)
    settings = Settings.from_environment({"ENTREPOT_DATA": request.folder})
    settings.data.mkdir(parents=True)
    with phases.watching((*STEPS, *AROUND, FACTS)):
        played = demo_play.play(
            settings, request.url, source, window, seed=request.seed, progress=Nothing()
        )
    seconds = perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    report = source.past.history.report
    return Played(
        seconds=seconds,
        phases=_apart(phases.seconds, seconds),
        processor_s=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / KIB_PER_MIB,
        orders=played.run.counts["placed"],
        lines=source.past.history.counts(*window)[1],
        rows=report.rows_read,
        invoices=report.invoices_read,
        findings=played.verdict.findings,
        report=hashlib.sha256(played.written.json.read_bytes()).hexdigest(),
    )


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
