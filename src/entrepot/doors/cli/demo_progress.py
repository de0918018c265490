"""What one sees while a demo is played: a live display on a terminal, else a line now and then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from rich import progress as bars
from rich.console import RenderableType
from rich.text import Text

from entrepot.departments.tower.model import Stage
from entrepot.doors.cli.endings import errors
from entrepot.flows.views.tower_page import tower_page
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.database import Database
from entrepot.simulation.store import Run

LINE_EVERY_S = 10.0
LOOK_EVERY_S = 1.0


class Open(NamedTuple):
    """What the tower says of orders in work, parts."""

    parts: int
    late: int
    waiting: int


class Progress(Protocol):
    """Is told how far a demo is."""

    def begin(self, phase: str) -> None:
        """Something else begins."""
        ...

    def count(self, words: str, done: int, of: int | None) -> None:
        """So many are done, of so many if that is known."""
        ...

    def hour(self, database: Database, run: Run, orders: int) -> None:
        """A virtual hour is done; `orders` are to come in all."""
        ...


class Nothing:
    """Tells nobody."""

    def begin(self, phase: str) -> None:
        """Something else begins."""

    def count(self, words: str, done: int, of: int | None) -> None:
        """So many are done."""

    def hour(self, database: Database, run: Run, orders: int) -> None:
        """A virtual hour is done."""


class _Tower:
    """The tower's view of open orders, looked at once a second at most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looked_at = -LOOK_EVERY_S
        self._open = Open(0, 0, 0)

    def look(self, database: Database) -> Open:
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            with database.transaction(read_only=True) as tx:
                page = tower_page(tx)
            waiting = sum(s.parts for s in page.stages if s.stage is Stage.backordered)
            self._open = Open(page.open_parts, page.late_parts, waiting)
        return self._open


def _said(run: Run, now: Open) -> str:
    counts = run.counts
    return (
        f"{counts.get('shipped', 0):,} parts shipped, "
        f"{counts.get('parcels_delivered', 0):,} parcels delivered; "
        f"open {now.parts:,}, late {now.late:,}, waiting for stock {now.waiting:,}"
    )


def _doing(run: Run) -> str:
    words = "orders come in" if run.state == "running" else "what is on its way arrives"
    return f"{run.reached_at:%a %Y-%m-%d %H:%M}, {words}"


class _Display(bars.Progress):
    """One bar, and a line of words below it."""

    said = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, and what is said beside it."""
        yield from super().get_renderables()
        if self.said:
            yield Text(f"  {self.said}", style="dim")


class _Live:
    """For a terminal."""

    def __init__(self, display: _Display, clock: Clock) -> None:
        self._display = display
        self._tower = _Tower(clock)
        self._task = display.add_task("", total=None, counted="")

    def begin(self, phase: str) -> None:
        self._display.said = ""
        self._display.reset(self._task, total=None, description=phase, counted="")

    def count(self, words: str, done: int, of: int | None) -> None:
        counted = f"{done:,} of {of:,}" if of is not None else f"{done:,}"
        self._display.update(
            self._task, description=words, completed=done, total=of, counted=counted
        )

    def hour(self, database: Database, run: Run, orders: int) -> None:
        placed = run.counts.get("placed", 0)
        self._display.said = _said(run, self._tower.look(database))
        self._display.update(
            self._task,
            description=_doing(run),
            completed=placed,
            total=orders,
            counted=f"{placed:,} of {orders:,} orders",
        )


class _Lines:
    """For a log or a pipe: a line for each phase, and one every ten seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tower = _Tower(clock)
        self._began_at = self._wrote_at = clock.monotonic()

    def begin(self, phase: str) -> None:
        self._write(phase)

    def count(self, words: str, done: int, of: int | None) -> None:
        if self._is_due():
            self._write(f"{words}: {done:,}" + (f" of {of:,}" if of is not None else ""))

    def hour(self, database: Database, run: Run, orders: int) -> None:
        if self._is_due():
            placed = run.counts.get("placed", 0)
            said = _said(run, self._tower.look(database))
            self._write(f"{_doing(run)}: {placed:,} of {orders:,} orders; {said}")

    def _is_due(self) -> bool:
        return self._clock.monotonic() - self._wrote_at >= LINE_EVERY_S

    def _write(self, words: str) -> None:
        self._wrote_at = self._clock.monotonic()
        seconds = self._wrote_at - self._began_at
        errors.print(f"{seconds:4.0f} s  {words}", soft_wrap=True, highlight=False, markup=False)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """On standard error, which then is a terminal or not."""
    clock = SystemClock()
    if not errors.is_terminal:
        yield _Lines(clock)
        return
    display = _Display(
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TextColumn("{task.fields[counted]}"),
        bars.TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with display:
        yield _Live(display, clock)
