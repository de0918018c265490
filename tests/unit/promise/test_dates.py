"""Promised dates worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from entrepot.departments.promise.decisions import check_transit, combine, estimate, pareto
from entrepot.departments.promise.model import Estimate, Handling, Option, Service
from entrepot.words.calendar import Calendar
from entrepot.words.outcome import Refusal, RefusalCode

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
NINE_TO_FIVE = ((540, 1020),)
OFFICE = (NINE_TO_FIVE,) * 5 + ((), ())
LONDON = Calendar("Europe/London", OFFICE)
AROUND_THE_CLOCK = (((0, 1440),),) * 7
HOUR = Handling(LONDON, 60)
POST = Service(
    "royal-48", 16 * 60, frozenset({MON, TUE, WED, THU, FRI}), frozenset({MON, TUE, WED, THU, FRI})
)
TWO_DAYS = (0, 0, 1_000_000)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def found(result: Estimate | Refusal) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def test_a_friday_afternoon_order_goes_out_on_monday() -> None:
    friday = utc(1, 9, 16, 30)
    assert estimate(friday, HOUR, POST, TWO_DAYS, "Europe/London", 950_000) == Estimate(
        ready_at=utc(1, 12, 9, 30),
        handover_at=utc(1, 12, 16),
        expected_date=date(2026, 1, 14),
        latest_date=date(2026, 1, 14),
        probability_ppm=1_000_000,
        arrivals=((date(2026, 1, 14), 1_000_000),),
    )


def test_the_quantile_and_the_probability_it_really_has() -> None:
    transit = (0, 600_000, 330_000, 40_000, 30_000)
    result = found(estimate(utc(1, 5, 9), HOUR, POST, transit, "Europe/London", 950_000))
    assert result.expected_date == date(2026, 1, 6)
    assert result.latest_date == date(2026, 1, 8)
    assert result.probability_ppm == 970_000
    sure = found(estimate(utc(1, 5, 9), HOUR, POST, transit, "Europe/London", 1_000_000))
    assert sure.latest_date == date(2026, 1, 9)


def test_weekends_and_the_carriers_holidays_do_not_count() -> None:
    closed = Service(
        "post", 16 * 60, POST.pickup_days, POST.delivery_days, frozenset({date(2026, 4, 3)})
    )
    thursday, good_friday = utc(4, 2, 9), utc(4, 3, 9)
    on_time = found(estimate(thursday, HOUR, closed, (0, 1_000_000), "Europe/London", 950_000))
    assert on_time.handover_at == utc(4, 2, 15)
    assert on_time.latest_date == date(2026, 4, 6)
    waits = found(estimate(good_friday, HOUR, closed, (0, 1_000_000), "Europe/London", 950_000))
    assert waits.ready_at == utc(4, 3, 10)
    assert waits.handover_at == utc(4, 6, 15)
    assert waits.latest_date == date(2026, 4, 7)


def test_same_day_is_day_zero_or_the_next_delivery_day() -> None:
    bike = Service("bike", 17 * 60, frozenset(range(7)), frozenset({MON, SAT}))
    shop = Handling(Calendar("Europe/London", AROUND_THE_CLOCK), 30)
    same_day = (700_000, 300_000)
    saturday = found(estimate(utc(1, 10, 8), shop, bike, same_day, "Europe/London", 600_000))
    assert saturday.arrivals == ((date(2026, 1, 10), 700_000), (date(2026, 1, 12), 300_000))
    sunday = found(estimate(utc(1, 11, 8), shop, bike, same_day, "Europe/London", 600_000))
    assert sunday.arrivals == ((date(2026, 1, 12), 1_000_000),)


def test_days_in_transit_start_on_the_date_at_the_destination() -> None:
    daily = Service("air", 23 * 60, frozenset(range(7)), frozenset(range(7)))
    shop = Handling(Calendar("America/New_York", AROUND_THE_CLOCK), 0)
    result = found(estimate(utc(1, 5, 20), shop, daily, (0, 1_000_000), "Asia/Tokyo", 950_000))
    assert result.handover_at == utc(1, 6, 4)
    assert result.latest_date == date(2026, 1, 7)


def test_the_cut_off_is_local_time_on_both_sides_of_a_clock_change() -> None:
    daily = Service("post", 16 * 60, frozenset(range(7)), frozenset(range(7)))
    shop = Handling(Calendar("Europe/London", AROUND_THE_CLOCK), 0)
    before = found(estimate(utc(3, 28, 12), shop, daily, TWO_DAYS, "Europe/London", 950_000))
    after = found(estimate(utc(3, 29, 12), shop, daily, TWO_DAYS, "Europe/London", 950_000))
    assert before.handover_at == utc(3, 28, 16)
    assert after.handover_at == utc(3, 29, 15)


def test_two_boxes_that_are_each_safe_enough_are_not_so_together() -> None:
    transit = (0, 950_000, 49_000, 1_000)
    box = found(estimate(utc(1, 5, 9), HOUR, POST, transit, "Europe/London", 950_000))
    assert box.latest_date == date(2026, 1, 6)
    joint = found(combine([box, box], 950_000))
    assert joint.latest_date == date(2026, 1, 7)
    assert joint.probability_ppm == 998_001
    assert joint.expected_date == date(2026, 1, 6)
    assert joint.arrivals == (
        (date(2026, 1, 6), 902_500),
        (date(2026, 1, 7), 95_501),
        (date(2026, 1, 8), 1_999),
    )


def test_an_order_is_complete_when_the_slowest_box_is_there() -> None:
    near = found(estimate(utc(1, 5, 9), HOUR, POST, (0, 1_000_000), "Europe/London", 950_000))
    far = found(estimate(utc(1, 6, 17), HOUR, POST, TWO_DAYS, "Europe/London", 950_000))
    joint = found(combine([near, far], 950_000))
    assert joint.ready_at == far.ready_at
    assert joint.handover_at == far.handover_at
    assert joint.arrivals == far.arrivals


@pytest.mark.parametrize(
    ("transit_ppm", "code", "words"),
    [
        ((), RefusalCode.bad_value, "a sum of 0"),
        ((500_000, 499_999), RefusalCode.bad_value, "a sum of 999999"),
        ((1_000_001, -1), RefusalCode.bad_value, "a part of -1"),
        ((0,) * 91 + (1_000_000,), RefusalCode.too_many, "found 92 entries"),
    ],
)
def test_what_is_no_distribution_is_refused(
    transit_ppm: tuple[int, ...], code: RefusalCode, words: str
) -> None:
    refused = check_transit(transit_ppm, "lane.transit_ppm")
    assert refused is not None
    assert (refused.code, refused.field) == (code, "lane.transit_ppm")
    assert words in refused.message
    estimated = estimate(utc(1, 5, 9), HOUR, POST, transit_ppm, "Europe/London", 950_000)
    assert isinstance(estimated, Refusal)
    assert estimated.code is code


@pytest.mark.parametrize("quantile_ppm", [499_999, 1_000_001])
def test_a_quantile_out_of_range_is_refused(quantile_ppm: int) -> None:
    refused = estimate(utc(1, 5, 9), HOUR, POST, TWO_DAYS, "Europe/London", quantile_ppm)
    assert isinstance(refused, Refusal)
    assert str(quantile_ppm) in refused.message
    box = found(estimate(utc(1, 5, 9), HOUR, POST, TWO_DAYS, "Europe/London", 950_000))
    assert combine([box], quantile_ppm) == refused


def test_what_never_opens_collects_or_delivers_is_not_deliverable() -> None:
    never = Handling(Calendar("Europe/London", ((),) * 7), 60)  # type: ignore[arg-type]
    no_pickup = Service("post", 960, frozenset(), POST.delivery_days)
    no_delivery = Service("post", 960, POST.pickup_days, frozenset())
    for handling, service, words in (
        (never, POST, "open minutes"),
        (HOUR, no_pickup, "pickup"),
        (HOUR, no_delivery, "delivery_days"),
    ):
        refused = estimate(utc(1, 5, 9), handling, service, TWO_DAYS, "Europe/London", 950_000)
        assert isinstance(refused, Refusal)
        assert refused.code is RefusalCode.not_deliverable
        assert words in refused.message


def option(label: str, day: int, price_minor: int, **other: int | str) -> Option:
    values = {"cost_mills": 300, "currency": "EUR", "grams_co2e": 200, "boxes": ()} | other
    latest = date(2026, 1, day)
    return Option(label, latest, latest, 950_000, price_minor, **values)  # type: ignore[arg-type]


def test_options_shown_are_faster_or_cheaper_than_each_other() -> None:
    slow, express = option("economy", 14, 0), option("express", 6, 1200)
    middle, beaten = option("standard", 9, 450), option("courier", 9, 460)
    assert pareto([slow, beaten, express, middle]) == [express, middle, slow]
    assert pareto([]) == []


def test_of_equal_options_the_one_that_costs_least_is_shown() -> None:
    dear, cheap = option("a", 9, 450), option("b", 9, 450, cost_mills=299)
    assert pareto([dear, cheap]) == [cheap]


def test_options_in_several_currencies_are_a_bug() -> None:
    with pytest.raises(AssertionError, match="currencies"):
        pareto([option("a", 9, 450), option("b", 9, 450, currency="USD")])
