"""A benchmark from end to end, tiny: its own server, figures beside the plain ones, the audit."""

from __future__ import annotations

from io import StringIO

from benchmarks import server, stock
from benchmarks.runner import Report
from rich.console import Console


def test_the_stock_benchmark_measures_and_audits() -> None:
    out = StringIO()
    with server.started() as running:
        folder = running.folder
        machine = server.machine(running)
        report = Report(machine, Console(file=out, width=120), quick=True)
        stock.run(report, running, plain_count=64, counts={1: 64, 10: 320})
    assert not report.failures, out.getvalue()
    assert not folder.exists()
    guarded = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert {machine["postgresql"][name] for name in guarded} == {"on"}
    assert {figure.benchmark for figure in report.figures} == {"stock"}
    plain = [figure for figure in report.figures if figure.against is None]
    ours = [figure for figure in report.figures if figure.against is not None]
    assert (len(plain), len(ours)) == (2, 4)
    assert all(figure.median > 0 and figure.repeats == report.rounds for figure in report.figures)
    assert all(figure.ratio and figure.ratio > 0 for figure in ours)
    assert "stock audit clean" in out.getvalue()
