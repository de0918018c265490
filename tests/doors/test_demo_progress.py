"""What one sees of a demo on a terminal and in a log, and how it is slowed and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from entrepot.doors.cli import demo, demo_progress
from entrepot.doors.cli.demo_progress import Progress, shown_progress
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.simulation.store import Run

NINE = datetime(2011, 8, 30, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def run_at(at: datetime, placed: int, state: str = "running") -> Run:
    return Run("demo", 1, NINE, NINE + 24 * HOUR, at, state, {"placed": placed, "shipped": 3})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """The clock that progress looks at; it moves when told."""
    made = VirtualClock(NINE, 1)
    monkeypatch.setattr(demo_progress, "SystemClock", lambda: made)
    return made


def screen(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> StringIO:
    text = StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None)
    monkeypatch.setattr(demo_progress, "errors", console)
    return text


def go(progress: Progress, database: Database, clock: VirtualClock) -> None:
    progress.begin("loading the retailer")
    progress.count("loading items.csv", 10, 40)
    progress.begin("playing")
    for hour in range(8):
        clock.sleep(3)
        progress.hour(database, run_at(NINE + hour * HOUR, hour), 40)
    progress.begin("auditing")


def test_a_log_gets_a_line_now_and_then(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = screen(monkeypatch, terminal=False)
    with shown_progress() as progress:
        go(progress, database, clock)
    assert text.getvalue().splitlines() == [
        "   0 s  loading the retailer",
        "   0 s  playing",
        "  12 s  Tue 2011-08-30 12:00, orders come in: 3 of 40 orders; 3 parts shipped, 0 parcels "
        "delivered; open 0, late 0, waiting for stock 0",
        "  24 s  Tue 2011-08-30 16:00, orders come in: 7 of 40 orders; 3 parts shipped, 0 parcels "
        "delivered; open 0, late 0, waiting for stock 0",
        "  24 s  auditing",
    ]


def test_a_terminal_gets_a_display_that_moves(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = screen(monkeypatch, terminal=True)
    with shown_progress() as progress:
        go(progress, database, clock)
        progress.hour(database, run_at(NINE + 40 * HOUR, 39, "draining"), 40)
    shown = text.getvalue()
    for words in ("what is on its way arrives", "39 of 40 orders", "late 0, waiting for stock 0"):
        assert words in shown


def test_an_hour_takes_as_long_as_it_was_asked_to() -> None:
    clock = VirtualClock(NINE, 1)
    tell = demo.teller(demo.Stop(), 3_600, clock)
    tell(run_at(NINE, 0))
    for hour, seconds in ((1, 1), (2, 2), (14, 14)):
        assert tell(run_at(NINE + hour * HOUR, 0))
        assert clock.monotonic() == pytest.approx(seconds)
    clock.sleep(5)
    assert tell(run_at(NINE + 15 * HOUR, 0))
    assert clock.monotonic() == pytest.approx(19), "an hour that took long is not waited for"


def test_without_a_speed_nobody_waits() -> None:
    clock = VirtualClock(NINE, 1)
    tell = demo.teller(demo.Stop(), None, clock)
    assert tell(run_at(NINE, 0)) and tell(run_at(NINE + 9 * HOUR, 0))
    assert clock.monotonic() == 0


class Interrupting(VirtualClock):
    """A clock during whose second sleep somebody presses Ctrl-C."""

    stop: demo.Stop
    sleeps = 0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.sleeps += 1
        if self.sleeps == 2:
            self.stop.ask(2, None)


def test_who_asks_to_stop_is_heard_while_an_hour_is_waited_for() -> None:
    clock = Interrupting(NINE, 1)
    clock.stop = demo.Stop()
    tell = demo.teller(clock.stop, 60, clock)
    assert tell(run_at(NINE, 0))
    assert not tell(run_at(NINE + HOUR, 0))
    assert clock.monotonic() < 1


def asks(stop: demo.Stop, playing: bool) -> Iterator[bool]:
    """For each signal whether the work went on for the moment."""
    stop.is_playing = playing
    for _ in range(2):
        try:
            stop.ask(2, None)
        except KeyboardInterrupt:
            yield False
        else:
            yield True


def test_only_an_hour_being_played_is_finished() -> None:
    assert list(asks(demo.Stop(), playing=True)) == [True, False]
    assert list(asks(demo.Stop(), playing=False)) == [False, False]
