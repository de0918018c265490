"""What crash makes of what buyers know and what the database holds: a loss is never overlooked."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from benchmarks import crash, power
from benchmarks.crash import Cycle
from benchmarks.load import Sent
from benchmarks.runner import Report
from rich.console import Console

GOOD = Cycle("kill server", 20, 40, 3, 2.5, [], [], [])


def a_report() -> Report:
    return Report({}, Console(file=StringIO(), width=120), quick=True)


def figures(report: Report) -> dict[str, float]:
    return {one.name: one.median for one in report.figures}


def test_what_buyers_know_is_an_order_a_no_or_nothing() -> None:
    placed = '{"order_id": "O-1"}'
    known = crash.books(
        "k",
        [
            Sent(0, 201, 1.0, 1.1, placed),
            Sent(1, 0, 1.0, 1.1, ""),
            Sent(2, 503, 1.0, 1.1, "later"),
            Sent(3, 409, 1.0, 1.1, "no"),
        ],
    )
    assert known == ({"k-0": "O-1"}, [1, 2], ["no"])


def test_orders_that_are_not_there_are_lost_and_others_under_their_key_are_twice() -> None:
    acknowledged = {"a": "O-1", "b": "O-2", "c": "O-3", "d": "O-4"}
    found = {"a": ["O-1"], "b": ["O-9"], "d": ["O-4", "O-5"], "e": ["O-6"]}
    lost, twice = crash.differing(acknowledged, found)
    assert (sorted(lost), sorted(twice)) == (["b", "c"], ["b", "d"])
    assert crash.differing({"a": "O-1"}, {"a": ["O-1"]}) == ([], [])


def test_recovery_ends_with_the_first_order_sent_after_the_fault() -> None:
    sent = [
        Sent(0, 201, 9.9, 10.4, ""),  # sent before: it proves nothing
        Sent(1, 0, 10.2, 11.0, ""),
        Sent(2, 201, 12.0, 12.5, ""),
        Sent(3, 201, 11.8, 12.7, ""),
    ]
    assert crash.recovered(sent, struck=10.0, done=10.1) == pytest.approx(2.5)
    assert crash.recovered(sent[:2], struck=10.0, done=10.1) is None


def test_the_figures_of_good_cycles_hold() -> None:
    report = a_report()
    crash.tell(report, [GOOD, GOOD._replace(recovery_s=4.5)], deadlocks=0)
    crash.tell_control(report, [GOOD._replace(lost=["k-1", "k-2"])])
    found = figures(report)
    zero = ("acknowledged_lost", "applied_twice", "audit_failures", "deadlocks")
    assert [found[name] for name in zero] == [0] * 4
    assert found["recovery_s_p95"] == pytest.approx(4.4)
    assert found["control_lost"] == 2
    assert not report.failures


@pytest.mark.parametrize(
    ("cycle", "figure"),
    [
        (GOOD._replace(lost=["k-1"]), "acknowledged_lost"),
        (GOOD._replace(twice=["k-1"]), "applied_twice"),
        (GOOD._replace(findings=["order O-1: is gone"]), "audit_failures"),
    ],
)
def test_one_bad_cycle_fails_the_run(cycle: Cycle, figure: str) -> None:
    report = a_report()
    crash.tell(report, [GOOD, cycle, cycle], deadlocks=0)
    assert figures(report)[figure] == (2 if figure == "audit_failures" else 1)
    assert len(report.failures) == 1 and figure in report.failures[0]


def test_deadlocks_orders_never_taken_again_and_a_control_that_loses_nothing_fail_the_run() -> None:
    report = a_report()
    crash.tell(report, [GOOD._replace(recovery_s=None)], deadlocks=1)
    crash.tell_control(report, [GOOD])
    assert len(report.failures) == 3


def test_a_disk_is_only_used_when_it_was_seen_to_lose_what_was_not_synced(tmp_path: Path) -> None:
    why = power.why_not(tmp_path / "trial")
    if os.geteuid() != 0:
        assert why == "only root may mount a file system"
    assert not (tmp_path / "trial").exists()
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
