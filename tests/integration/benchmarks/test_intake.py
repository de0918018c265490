"""The benchmark of the intake from end to end, tiny: every figure is there, the audit is clean."""

from __future__ import annotations

from io import StringIO

from benchmarks import intake, server
from benchmarks.intake import Sizes
from benchmarks.runner import Report
from rich.console import Console

TINY = Sizes(
    "small",
    first=60,
    round_s=0.2,
    bodies=100,
    window_s=0.6,
    windows=1,
    floor_connections=(2,),
    door_connections=(8,),
)


def test_the_intake_is_measured_and_audited() -> None:
    out = StringIO()
    with server.started() as running:
        report = Report(server.machine(running), Console(file=out, width=120), quick=True)
        report.rounds = 1
        intake.run(report, running, sizes=TINY, processes=2, batch=20)
    assert not report.failures, out.getvalue()
    found = {one.name: one for one in report.figures}
    rates = ("floor_ops", "inproc_ops", "http_ops", "batch_ops", "hot_inproc_ops", "hot_floor_ops")
    times = ("http_p50_ms", "http_p99_ms", "http_p99.9_ms", "http_max_ms", "http_late_p99_ms")
    assert all(found[name].median > 0 for name in (*rates, *times))
    assert found["inproc_ops"].against == found["http_ops"].against == "floor_ops"
    assert found["hot_inproc_ops"].ratio
    assert found["hot_sold"].median == found["hot_stock"].median > 0
    assert "synchronous_commit on" in out.getvalue()
