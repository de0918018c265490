"""The statistics of repeats, what is compared with what, and the JSON that is written."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from benchmarks import sourcing
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.runner import (
    Report,
    Way,
    compared,
    dealt,
    figure,
    microseconds,
    per_second,
    readable,
    threads,
)
from rich.console import Console

SHAPE = sourcing.Shape(3, 5, 2, 0.6, 20, True)


def a_report(*, quick: bool = False) -> Report:
    return Report({"cores": 2}, Console(file=StringIO(), width=120), quick=quick)


def test_a_figure_keeps_every_value_and_its_spread() -> None:
    found = figure("stock", "hot", "1/s", [30.0, 10.0, 20.0, 40.0])
    assert (found.median, found.min, found.max, found.repeats) == (25.0, 10.0, 40.0, 4)
    assert found.values == (30.0, 10.0, 20.0, 40.0)


@pytest.mark.parametrize(("unit", "ratio"), [("orders/s", 4.0), ("us", 0.25), ("ms", 0.25)])
def test_a_ratio_says_how_many_times_as_good_round_by_round(unit: str, ratio: float) -> None:
    plain = figure("b", "plain", unit, [1.0, 10.0, 2.0])
    ours = compared(figure("b", "ours", unit, [4.0, 20.0, 10.0]), plain)
    assert (ours.against, ours.ratio) == ("plain", ratio)


def test_ways_take_turns_and_the_warm_up_is_not_counted() -> None:
    calls: list[str] = []

    def way(name: str, value: float) -> Way:
        def once() -> float:
            calls.append(name)
            return value if calls.count(name) > 1 else 1e9

        return Way(name, once)

    report = a_report()
    plain, ours = report.compare("b", "title", "1/s", [way("plain", 2.0), way("ours", 6.0)])
    assert calls == ["ours", "plain", "plain", "ours"] * 3
    assert plain.values == (2.0,) * report.rounds and plain.ratio is None
    assert ours.values == (6.0,) * report.rounds and ours.ratio == 3.0
    assert (ours.name, ours.against) == ("title: ours", "title: plain")


def test_a_quick_run_does_less() -> None:
    assert a_report(quick=True).rounds < a_report().rounds
    assert a_report(quick=True).scaled(100) == 25 and a_report().scaled(100) == 100
    assert a_report(quick=True).scaled(1) == 1


def test_the_document_has_machine_figures_notes_and_failures(tmp_path: Path) -> None:
    report = a_report()
    report.add("b", "alone", "1/s", [1.0, 3.0])
    report.compare("b", "t", "us", [Way("plain", lambda: 4.0), Way("ours", lambda: 2.0)])
    report.note("so it is")
    report.check(True, "holds")
    report.check(False, "does not")
    report.write(tmp_path / "figures.json")
    found = json.loads((tmp_path / "figures.json").read_text())
    assert set(found) == {"machine", "figures", "notes", "failures"}
    assert found["machine"] == {"cores": 2}
    assert (found["notes"], found["failures"]) == (["so it is"], ["does not"])
    alone, _, ours = found["figures"]
    assert set(alone) == {
        *("benchmark", "name", "unit", "median", "min", "max", "repeats"),
        *("values", "against", "ratio"),
    }
    assert (alone["median"], alone["ratio"], ours["ratio"]) == (2.0, None, 2.0)


def test_rates_and_times_are_those_of_the_work() -> None:
    assert per_second(1_000, lambda: None) > microseconds(1_000, lambda: None) > 0
    assert [readable(v) for v in (12_345.6, 12.345, 0.0123)] == ["12,346", "12.3", "0.0123"]


def test_work_is_dealt_out_to_threads_that_begin_together() -> None:
    assert dealt(range(7), 3) == [range(0, 7, 3), range(1, 7, 3), range(2, 7, 3)]
    with threads(4) as together:
        assert together(lambda number: number * number) == [0, 1, 4, 9]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stocks"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in BENCHMARKS)


def test_the_plain_splits_agree_where_they_must() -> None:
    for demand, sites in sourcing.cases(SHAPE, seed=7):
        assert sourcing.every_set(demand, sites) <= sourcing.greedy(demand, sites)
