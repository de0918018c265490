"""What is told of replays, and how the time of their steps is taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from types import ModuleType

import msgspec
import pytest
from benchmarks import replay, replaying
from benchmarks.replay import Played, Request, Written
from benchmarks.replaying import FACTS, PLAYING, REST, STEPS, Phases
from benchmarks.runner import Report
from rich.console import Console

PLAYED = Played(
    seconds=30.0,
    phases={"load": 2.0, "hours: pack": 20.0, "facts": 8.0},
    processor_s=20.0,
    peak_mib=600.0,
    orders=10,
    lines=100,
    rows=1_000,
    invoices=50,
    findings=[],
    report="ab",
)
WRITTEN = Written(3.0, 10, 100)


def a_report() -> tuple[Report, StringIO]:
    said = StringIO()
    return Report({}, Console(file=said, width=200), quick=True), said


def figures(report: Report) -> dict[str, tuple[float, float | None]]:
    return {one.name: (one.median, one.ratio) for one in report.figures}


def test_figures_stand_beside_the_plain_script_and_their_aims() -> None:
    report, said = a_report()
    slow = msgspec.structs.replace(PLAYED, seconds=60.0)
    replay.tell(report, replay.FOUR_WEEKS, [PLAYED, slow], [WRITTEN, WRITTEN])
    found = figures(report)
    assert found["four_weeks_s"] == (45.0, pytest.approx(0.075))
    assert found["four_weeks_s: plain script"] == (3.0, None)
    assert found["peak_mib"] == (600.0, None)
    assert found["four_weeks_s: hours: pack"] == (20.0, None)
    assert found["audit_ok"] == found["deterministic"] == (1.0, None)
    assert not report.failures
    assert "four_weeks_s: 45.0 s, aim 40: not reached" in said.getvalue()
    assert "peak_mib: 600.0 MiB, aim 1,024: reached" in said.getvalue()


def test_findings_and_reports_that_differ_fail_the_run() -> None:
    report, _ = a_report()
    other = msgspec.structs.replace(PLAYED, findings=["order 1: lost"], report="cd")
    replay.tell(report, replay.QUICK, [PLAYED, other], [WRITTEN, WRITTEN])
    found = figures(report)
    assert found["audit_ok"] == found["deterministic"] == (0.0, None)
    assert len(report.failures) == 2
    assert "order 1: lost" in report.failures[0]


def test_a_request_reads_as_it_was_written() -> None:
    request = Request(url="u", folder="f", days=replay.QUICK_DAYS)
    assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request


def test_phases_are_those_of_the_watched_functions_and_the_modules_are_left_as_they_were() -> None:
    module = ModuleType("watched")
    module.one = lambda value: value + 1
    before = module.one
    phases = Phases()
    with phases.phase("all"), phases.watching(((module, "one", "ones"),)):
        assert [module.one(n) for n in range(3)] == [1, 2, 3]
    assert module.one is before
    assert 0 < phases.seconds["ones"] < phases.seconds["all"]


def test_every_step_is_where_the_engine_looks_it_up() -> None:
    for module, name, _ in (*STEPS, FACTS):
        assert callable(getattr(module, name)), f"{module.__name__}.{name}"


def test_phases_apart_make_up_the_whole() -> None:
    seconds = {"load": 2.0, PLAYING: 10.0, "hours: pack": 6.0, "facts": 3.0}
    apart = replaying._apart(seconds, 13.0)
    assert apart == {
        "load": 2.0,
        "hours: pack": 6.0,
        "facts": 3.0,
        REST: 1.0,
        "open and close": 1.0,
    }


class FakeServer:
    """Gives names of databases, and remembers which were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextmanager
    def database(self, fill: str = "migrated") -> Iterator[str]:
        self.asked.append(fill)
        yield fill


@pytest.mark.parametrize("everything", [False, True])
def test_everything_is_played_only_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    played: list[tuple[str, object]] = []

    def done(*given: object, **named: object) -> object:
        _server, module, _url, name, days, kind = given
        played.append((str(name), days))
        assert named == ({"everything": True} if name == "everything" else {})
        assert module == (replay.PLAIN if kind is Written else replay.OURS)
        return WRITTEN if kind is Written else PLAYED

    monkeypatch.setattr(replay, "_done", done)
    said = StringIO()
    report = Report({}, Console(file=said, width=200), quick=False, everything=everything)
    server = FakeServer()
    replay.run(report, server)
    assert server.asked == ["empty", "migrated"] * replay.ROUNDS + ["migrated"] * everything
    assert [days for _, days in played] == [None] * len(played)
    assert ("all_s" in figures(report)) == everything
    assert ("all_s: not measured" in said.getvalue()) != everything
    assert "four_weeks_s" in figures(report) and not report.failures
