"""A day replayed through the house and written by the plain script, each in its own process."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from benchmarks import replay, server
from benchmarks.runner import Report
from rich.console import Console

SUNDAY = (date(2011, 8, 28), date(2011, 8, 29))


@pytest.mark.long
def test_a_day_is_replayed_twice_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "QUICK_DAYS", SUNDAY)
    out = StringIO()
    with server.started() as running:
        report = Report({}, Console(file=out, width=120), quick=True)
        replay.run(report, running)
        with pytest.raises(RuntimeError, match="replaying failed"):
            replay._done(
                running,
                replay.OURS,
                "host=/nowhere connect_timeout=1",
                "broken",
                SUNDAY,
                replay.Played,
            )
    assert not report.failures, out.getvalue()
    found = {one.name: one for one in report.figures}
    ours, plain = found["quick_s"], found["quick_s: plain script"]
    assert ours.against == plain.name and ours.repeats == replay.ROUNDS
    phases = [one.values for name, one in found.items() if name.startswith("quick_s: ")]
    phases.remove(plain.values)
    phases.remove(found["quick_s: processor time of Python"].values)
    for number, seconds in enumerate(ours.values):
        assert sum(values[number] for values in phases) == pytest.approx(seconds)
    assert 100 < found["peak_mib"].median < 4_096
    assert found["deterministic"].median == found["audit_ok"].median == 1
    assert "four_weeks_s: not measured" in out.getvalue()
    assert "all_s: not measured" in out.getvalue()
