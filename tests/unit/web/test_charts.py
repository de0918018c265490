"""Pictures as numbers, and numbers as words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from entrepot.departments.tower.model import Day, Stage
from entrepot.doors.web import charts, render
from entrepot.flows.views.tower_page import DayView, StageView

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_stage(*bands: int) -> StageView:
    return StageView(Stage.reserved, sum(bands), 0, bands, None)


def test_the_longest_bar_fills_the_row_and_pieces_join() -> None:
    long, short, empty = charts.bars(
        [a_stage(1, 0, 2, 5), a_stage(0, 2, 0, 0), a_stage(0, 0, 0, 0)]
    )
    assert [(p.band, p.number) for p in long] == [(0, 1), (2, 2), (3, 5)]
    assert long[-1].start + long[-1].size == charts.ROW_WIDTH
    assert [p.start + p.size for p in long[:-1]] == [p.start for p in long[1:]]
    assert [p.size for p in short] == [charts.ROW_WIDTH // 4]
    assert empty == []


def test_a_single_part_among_thousands_is_seen() -> None:
    (few, many) = charts.bars([a_stage(1), a_stage(90_000)])
    assert few[0].size == 2 and many[0].size == charts.ROW_WIDTH


def test_a_house_without_parts_has_no_bars() -> None:
    assert charts.bars([a_stage(0, 0)]) == [[]]


@pytest.mark.parametrize(
    ("placed", "delivered", "numbers"),
    [
        (0, (0, 0, 0), [0, 1]),
        (117, (60, 20, 5), [0, 50, 100, 150]),
        (30, (300, 80, 10), [0, 100, 200, 300, 400]),
    ],
)
def test_days_stand_over_round_numbers(
    placed: int, delivered: tuple[int, int, int], numbers: list[int]
) -> None:
    on_time, late, lost = delivered
    figures = Day(orders_placed=placed, parts_on_time=on_time, parts_late=late, parts_lost=lost)
    chart = charts.days_chart([DayView(date(2026, 3, 2), 0, figures)])
    assert [line.number for line in chart.lines] == numbers
    assert (chart.lines[0].y, chart.lines[-1].y) == (chart.height, 0)
    (column,) = chart.columns
    assert column.placed.size == placed * chart.height // numbers[-1]
    tops = [piece.start + piece.size for piece in column.arrived]
    assert tops == sorted(tops) and (not tops or tops[-1] <= chart.height)
    assert sum(piece.number for piece in column.arrived) == sum(delivered)
    assert chart.is_empty is not bool(placed)


def test_a_column_tells_that_days_are_left_out_before_it() -> None:
    chart = charts.days_chart(
        [DayView(date(2026, 3, on), 0, Day(orders_placed=1)) for on in (2, 3, 20)]
    )
    assert [column.is_after_gap for column in chart.columns] == [False, False, True]
    assert chart.has_gaps


def test_a_day_of_another_year_says_so() -> None:
    assert render.day(date(2026, 3, 2), NOON) == "Mon 2 Mar"
    assert render.day(date(2011, 8, 30), NOON) == "Tue 30 Aug 2011"


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(minutes=-5), "0 min"),
    ],
)
def test_an_age_in_its_largest_unit(passed: timedelta, said: str) -> None:
    assert render.age(NOON - passed, NOON) == said
    assert render.age(None, NOON) == "–"


def test_numbers_as_they_are_written() -> None:
    assert render.amount(1_606_060, "EUR") == "16,060.60 EUR"
    assert render.amount(1_234, "JPY") == "1,234 JPY"
    assert render.amount(0, "") == "0"
    assert (render.percent(546_049), render.percent(None)) == ("54.6 %", "–")
    assert render.instant(NOON) == "Mon 2 Mar 2026, 12:00 UTC"


def test_templates_escape_what_they_are_given() -> None:
    text = render.render("said.html", title="No", words="<script>alert(1)</script>")
    assert "<script>" not in text and "&lt;script&gt;" in text
