from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from entrepot.words.calendar import (
    HORIZON_DAYS,
    Calendar,
    NeverOpens,
    add_business_days,
    add_working_minutes,
    check_calendar,
    instant_of,
    is_business_day,
    is_open,
    local_date,
    next_cut_off,
    next_opening,
    parse_date,
)
from entrepot.words.outcome import Fault, Refusal, RefusalCode

DAY = ((9 * 60, 17 * 60),)
NIGHT = ((0, 6 * 60),)
WEEK = (DAY, DAY, DAY, DAY, DAY, (), ())
WEEKDAYS = range(5)
LONDON = Calendar("Europe/London", WEEK, frozenset({date(2026, 12, 25)}))
LONDON_NIGHT = Calendar("Europe/London", (NIGHT,) * 7)
NEW_YORK = Calendar("America/New_York", WEEK)
NEW_YORK_NIGHT = Calendar("America/New_York", (NIGHT,) * 7)
NEVER = Calendar("Europe/London", ((), (), (), (), (), (), ()))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_calendar_survives_the_wire():
    assert msgspec.json.decode(msgspec.json.encode(LONDON), type=Calendar) == LONDON


@pytest.mark.parametrize(
    ("calendar", "field"),
    [
        (Calendar("Mars/Olympus", WEEK), "hours.zone"),
        (Calendar("../../etc/passwd", WEEK), "hours.zone"),
        (Calendar("Europe", WEEK), "hours.zone"),
        (Calendar("", WEEK), "hours.zone"),
        (Calendar("UTC", (((540, 540),), (), (), (), (), (), ())), "hours.opening.Monday"),
        (Calendar("UTC", ((), ((540, 1441),), (), (), (), (), ())), "hours.opening.Tuesday"),
        (Calendar("UTC", ((), (), ((-1, 60),), (), (), (), ())), "hours.opening.Wednesday"),
        (Calendar("UTC", (((0, 60), (30, 90)), (), (), (), (), (), ())), "hours.opening.Monday"),
        (NEVER, "hours.opening"),
    ],
)
def test_an_unusable_calendar_is_refused(calendar, field):
    refusal = check_calendar(calendar, "hours")
    assert refusal is not None
    assert (refusal.code, refusal.field) == (RefusalCode.bad_value, field)


def test_a_usable_calendar_is_accepted():
    assert check_calendar(LONDON, "hours") is None
    touching = Calendar("UTC", (((0, 60), (60, 1440)), (), (), (), (), (), ()))
    assert check_calendar(touching, "hours") is None


@pytest.mark.parametrize("text", ["2026-02-28", " 2024-02-29 "])
def test_dates_are_read(text):
    assert parse_date(text, "date") == date.fromisoformat(text.strip())


@pytest.mark.parametrize(
    "value", ["2026-02-30", "20260228", "2026-W01-1", "28.2.2026", "", None, 5]
)
def test_other_dates_are_refused(value):
    refusal = parse_date(value, "date")
    assert isinstance(refusal, Refusal)
    assert refusal.code == RefusalCode.bad_date


def test_the_date_is_the_nodes():
    assert local_date(NEW_YORK, utc("2026-07-02T03:59")) == date(2026, 7, 1)
    assert local_date(NEW_YORK, utc("2026-07-02T04:00")) == date(2026, 7, 2)


def test_an_instant_without_a_zone_is_a_bug():
    with pytest.raises(AssertionError):
        is_open(LONDON, datetime(2026, 7, 1, 12))


@pytest.mark.parametrize(
    ("calendar", "at", "expected"),
    [
        (LONDON, "2026-01-05T08:59:59", False),  # winter: UTC
        (LONDON, "2026-01-05T09:00", True),
        (LONDON, "2026-01-05T16:59:59", True),
        (LONDON, "2026-01-05T17:00", False),
        (LONDON, "2026-07-06T08:00", True),  # summer: an hour earlier
        (LONDON, "2026-07-06T16:00", False),
        (LONDON, "2026-07-04T10:00", False),  # a Saturday
        (LONDON, "2026-12-25T10:00", False),  # closed
        (NEW_YORK, "2026-01-05T14:00", True),
        (NEW_YORK, "2026-07-06T13:00", True),
        (NEW_YORK, "2026-07-06T12:59", False),
    ],
)
def test_is_open(calendar, at, expected):
    assert is_open(calendar, utc(at)) is expected


@pytest.mark.parametrize(
    ("calendar", "on", "minute", "at"),
    [
        # London leaps from 01:00 to 02:00 on 29 March and repeats 01:00-02:00 on 25 October.
        (LONDON, date(2026, 3, 29), 59, "2026-03-29T00:59"),
        (LONDON, date(2026, 3, 29), 60, "2026-03-29T01:00"),
        (LONDON, date(2026, 3, 29), 90, "2026-03-29T01:00"),
        (LONDON, date(2026, 3, 29), 120, "2026-03-29T01:00"),
        (LONDON, date(2026, 3, 29), 121, "2026-03-29T01:01"),
        (LONDON, date(2026, 10, 25), 60, "2026-10-25T00:00"),
        (LONDON, date(2026, 10, 25), 90, "2026-10-25T00:30"),
        (LONDON, date(2026, 10, 25), 120, "2026-10-25T02:00"),
        # New York leaps from 02:00 to 03:00 on 8 March and repeats 01:00-02:00 on 1 November.
        (NEW_YORK, date(2026, 3, 8), 150, "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 3, 8), 180, "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 11, 1), 90, "2026-11-01T05:30"),
        (NEW_YORK, date(2026, 11, 1), 120, "2026-11-01T07:00"),
        (NEW_YORK, date(2026, 11, 1), 1440, "2026-11-02T05:00"),
        # Santiago leaps at midnight, Apia left out a whole day.
        (Calendar("America/Santiago", WEEK), date(2026, 9, 6), 0, "2026-09-06T04:00"),
        (Calendar("Pacific/Apia", WEEK), date(2011, 12, 30), 600, "2011-12-30T10:00"),
    ],
)
def test_wall_times_over_clock_changes(calendar, on, minute, at):
    assert instant_of(calendar, on, minute) == utc(at)


@pytest.mark.parametrize(
    ("calendar", "at", "minutes", "done"),
    [
        # The night of the leap has five working hours, that of the repeat seven.
        (LONDON_NIGHT, "2026-03-29T00:00", 5 * 60, "2026-03-29T05:00"),
        (LONDON_NIGHT, "2026-03-29T00:00", 5 * 60 + 1, "2026-03-29T23:01"),
        (LONDON_NIGHT, "2026-10-24T23:00", 7 * 60, "2026-10-25T06:00"),
        (LONDON_NIGHT, "2026-10-24T23:00", 7 * 60 + 1, "2026-10-26T00:01"),
        (NEW_YORK_NIGHT, "2026-03-08T05:00", 5 * 60, "2026-03-08T10:00"),
        (NEW_YORK_NIGHT, "2026-11-01T04:00", 7 * 60, "2026-11-01T11:00"),
        # Over a weekend with a clock change the wall hours stay.
        (LONDON, "2026-03-27T16:30", 60, "2026-03-30T08:30"),
        (LONDON, "2026-01-05T07:00", 0, "2026-01-05T09:00"),
        (LONDON, "2026-01-05T10:00", 0, "2026-01-05T10:00"),
        (LONDON, "2026-01-05T17:00", 0, "2026-01-06T09:00"),
        (LONDON, "2026-01-05T09:00", 480, "2026-01-05T17:00"),
        (LONDON, "2026-01-05T09:00", 481, "2026-01-06T09:01"),
        (LONDON, "2026-12-24T16:59", 2, "2026-12-28T09:01"),
    ],
)
def test_working_minutes(calendar, at, minutes, done):
    assert add_working_minutes(calendar, utc(at), minutes) == utc(done)


def test_a_window_inside_the_leap_is_no_window():
    hour = Calendar("Europe/London", (((75, 105),),) * 7)
    assert next_opening(hour, utc("2026-03-28T02:00")) == utc("2026-03-30T00:15")


def test_repeated_times_mean_the_first():
    hour = Calendar("Europe/London", (((75, 105),),) * 7)
    assert is_open(hour, utc("2026-10-25T00:20"))
    assert not is_open(hour, utc("2026-10-25T01:20"))
    assert next_opening(hour, utc("2026-10-25T01:20")) == utc("2026-10-26T01:15")


@pytest.mark.parametrize(
    ("on", "days", "expected"),
    [
        (date(2026, 7, 1), 0, date(2026, 7, 1)),
        (date(2026, 7, 1), 2, date(2026, 7, 3)),
        (date(2026, 7, 3), 1, date(2026, 7, 6)),
        (date(2026, 7, 4), 0, date(2026, 7, 6)),
        (date(2026, 7, 4), 1, date(2026, 7, 6)),
        (date(2026, 12, 24), 1, date(2026, 12, 28)),
    ],
)
def test_business_days(on, days, expected):
    assert add_business_days(LONDON, on, days) == expected


def test_closed_dates_are_no_business_days():
    assert not is_business_day(LONDON, date(2026, 12, 25))
    assert is_business_day(LONDON, date(2026, 12, 24))


def test_business_days_take_a_date():
    with pytest.raises(AssertionError):
        add_business_days(LONDON, utc("2026-07-01T10:00"), 1)


@pytest.mark.parametrize(
    ("calendar", "minute", "days", "at", "pickup"),
    [
        (LONDON, 16 * 60, WEEKDAYS, "2026-07-01T14:59", "2026-07-01T15:00"),
        (LONDON, 16 * 60, WEEKDAYS, "2026-07-01T15:00", "2026-07-01T15:00"),
        (LONDON, 16 * 60, WEEKDAYS, "2026-07-01T15:00:00.000001", "2026-07-02T15:00"),
        (LONDON, 16 * 60, WEEKDAYS, "2026-03-27T16:00:01", "2026-03-30T15:00"),  # over the leap
        (LONDON, 16 * 60, WEEKDAYS, "2026-10-23T15:00:01", "2026-10-26T16:00"),  # and back
        (LONDON, 16 * 60, {1, 3}, "2026-07-01T08:00", "2026-07-02T15:00"),
        (LONDON, 16 * 60, WEEKDAYS, "2026-12-24T16:00:01", "2026-12-28T16:00"),
        (LONDON, 16 * 60, range(7), "2026-07-03T15:00:01", "2026-07-06T15:00"),
        (NEW_YORK, 17 * 60, WEEKDAYS, "2026-03-06T22:00:01", "2026-03-09T21:00"),
        (NEW_YORK, 17 * 60, WEEKDAYS, "2026-07-02T01:00", "2026-07-02T21:00"),  # 1 July there
        (LONDON_NIGHT, 90, range(7), "2026-03-29T00:00", "2026-03-29T01:00"),  # skipped
        (LONDON_NIGHT, 90, range(7), "2026-10-25T00:00", "2026-10-25T00:30"),  # repeated
        (LONDON_NIGHT, 90, range(7), "2026-10-25T00:31", "2026-10-26T01:30"),
        (LONDON, 1440, {4}, "2026-07-03T12:00", "2026-07-03T23:00"),
    ],
)
def test_cut_offs(calendar, minute, days, at, pickup):
    assert next_cut_off(calendar, minute, days, utc(at)) == utc(pickup)


@pytest.mark.parametrize(
    "ask",
    [
        lambda at: next_opening(NEVER, at),
        lambda at: add_working_minutes(NEVER, at, 60),
        lambda at: add_working_minutes(LONDON, at, 10**9),
        lambda at: add_business_days(NEVER, at.date(), 1),
        lambda at: add_business_days(LONDON, at.date(), HORIZON_DAYS),
        lambda at: next_cut_off(NEVER, 960, WEEKDAYS, at),
        lambda at: next_cut_off(LONDON, 960, (), at),
        lambda at: next_cut_off(LONDON, 960, {5, 6}, at),
    ],
)
def test_a_calendar_that_never_opens_is_a_clear_fault(ask):
    with pytest.raises(NeverOpens, match="not found within 3660 days of 2026-07-01") as caught:
        ask(utc("2026-07-01T12:00"))
    assert isinstance(caught.value, Fault)
    assert not caught.value.retryable
    assert "Europe/London" in str(caught.value)


def test_closed_dates_alone_can_keep_it_shut():
    first = date(2026, 7, 1)
    shut = frozenset(first + timedelta(days=n) for n in range(HORIZON_DAYS + 10))
    with pytest.raises(NeverOpens):
        next_opening(Calendar("UTC", WEEK, shut), utc("2026-07-01T12:00"))


def test_the_end_of_the_calendar_is_no_trap():
    with pytest.raises(NeverOpens):
        next_cut_off(LONDON, 960, {5, 6}, utc("9999-12-01T12:00"))
