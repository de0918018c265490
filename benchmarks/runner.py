"""Rounds of a plain way and of ours side by side, and what is said about them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

T = TypeVar("T")
LESS_IS_BETTER = frozenset({"us", "ms", "s"})


class Figure(msgspec.Struct, frozen=True):
    """What the repeats of one measurement gave.

    values   one for each repeat, in the order of the rounds
    against  the plain figure it is compared with; None = it is a plain one itself
    ratio    how many times as good as that: the median over the rounds
    """

    benchmark: str
    name: str
    unit: str
    median: float
    min: float
    max: float
    repeats: int
    values: tuple[float, ...]
    against: str | None = None
    ratio: float | None = None


class Document(msgspec.Struct, frozen=True):
    """One run as it is written: everything about the machine, then the figures."""

    machine: dict[str, Any]
    figures: list[Figure]
    notes: list[str]
    failures: list[str]


class Way(NamedTuple):
    """One way to do the work; `run` does it once and gives the figure."""

    name: str
    run: Callable[[], float]


def figure(benchmark: str, name: str, unit: str, values: Sequence[float]) -> Figure:
    """The statistics of repeats that stand alone."""
    return Figure(
        benchmark=benchmark,
        name=name,
        unit=unit,
        median=statistics.median(values),
        min=min(values),
        max=max(values),
        repeats=len(values),
        values=tuple(values),
    )


def compared(ours: Figure, plain: Figure) -> Figure:
    """`ours` with how many times as good it is, round by round, as `plain`."""
    pairs = zip(ours.values, plain.values, strict=True)
    less = ours.unit in LESS_IS_BETTER
    ratios = [theirs / mine if less else mine / theirs for mine, theirs in pairs]
    return msgspec.structs.replace(ours, against=plain.name, ratio=statistics.median(ratios))


class Report:
    """Collects what a run finds, shows it, and writes it."""

    def __init__(
        self,
        machine: dict[str, Any],
        console: Console,
        *,
        quick: bool,
        everything: bool = False,
        times: int = 20,
    ) -> None:
        self.machine = machine
        self.console = console
        self.quick = quick
        self.everything = everything
        self.times = times
        self.rounds = 3 if quick else 5
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.failures: list[str] = []

    def scaled(self, count: int) -> int:
        """How much to do in one repeat: `count`, or a quarter of it in a quick run."""
        return max(1, count // 4) if self.quick else count

    def compare(self, benchmark: str, title: str, unit: str, ways: Sequence[Way]) -> list[Figure]:
        """Measure every way once per round after a warm-up; the first one is the plain one.

        The order turns round after each round, so that a drift of the machine favors no one.
        """
        values: dict[str, list[float]] = {way.name: [] for way in ways}
        with self.console.status(title) as status:
            for number in range(self.rounds + 1):
                for way in ways if number % 2 else reversed(ways):
                    step = f"round {number} of {self.rounds}" if number else "warm-up"
                    status.update(f"{benchmark}: {title}: {way.name}, {step}")
                    gc.collect()
                    value = way.run()
                    if number:
                        values[way.name].append(value)
        plain = figure(benchmark, f"{title}: {ways[0].name}", unit, values[ways[0].name])
        found = [plain]
        found += [
            compared(figure(benchmark, f"{title}: {way.name}", unit, values[way.name]), plain)
            for way in ways[1:]
        ]
        self.figures += found
        self.show(title, found)
        return found

    def add(self, benchmark: str, name: str, unit: str, values: Sequence[float]) -> Figure:
        """A figure that was measured elsewhere."""
        found = figure(benchmark, name, unit, values)
        self.figures.append(found)
        return found

    def note(self, text: str) -> None:
        """Something to know beside the figures."""
        self.notes.append(text)
        self.console.print(f"  {text}", soft_wrap=True, highlight=False)

    def check(self, holds: bool, what: str) -> None:
        """Something that must be true; when it is not, the run fails at its end."""
        if holds:
            self.console.print(f"  [green]holds:[/] {what}", soft_wrap=True, highlight=False)
        else:
            self.failures.append(what)
            self.console.print(f"  [bold red]BROKEN:[/] {what}", soft_wrap=True, highlight=False)

    def show(self, title: str, figures: Sequence[Figure]) -> None:
        """Figures as a table."""
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("way")
        table.add_column("median", justify="right")
        table.add_column("min", justify="right")
        table.add_column("max", justify="right")
        table.add_column("unit")
        table.add_column("ratio to plain", justify="right")
        for one in figures:
            ratio = "" if one.ratio is None else f"{one.ratio:.2f} x"
            numbers = (readable(v) for v in (one.median, one.min, one.max))
            table.add_row(one.name.removeprefix(f"{title}: "), *numbers, one.unit, ratio)
        self.console.print(table)

    def document(self) -> Document:
        """Everything found so far."""
        return Document(self.machine, self.figures, self.notes, self.failures)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        text = msgspec.json.format(msgspec.json.encode(self.document()), indent=2)
        path.write_bytes(text + b"\n")


def readable(value: float) -> str:
    """A number with three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def per_second(count: int, work: Callable[[], object]) -> float:
    """How many of `count` get done in a second."""
    started = perf_counter()
    work()
    return count / (perf_counter() - started)


def microseconds(calls: int, work: Callable[[], object]) -> float:
    """How long one of `calls` takes."""
    started = perf_counter()
    work()
    return (perf_counter() - started) / calls * 1e6


def dealt(jobs: Sequence[T], hands: int) -> list[Sequence[T]]:
    """Work dealt out to so many threads."""
    return [jobs[hand::hands] for hand in range(hands)]


@contextmanager
def threads(count: int) -> Iterator[Callable[[Callable[[int], T]], list[T]]]:
    """Threads that all begin together: gives a function that runs work(number) in each."""
    with ThreadPoolExecutor(count) as pool:

        def together(work: Callable[[int], T]) -> list[T]:
            barrier = Barrier(count)

            def begin(number: int) -> T:
                barrier.wait()
                return work(number)

            return list(pool.map(begin, range(count)))

        yield together
