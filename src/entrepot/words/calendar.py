"""Opening hours and cut-offs in a node's own zone, answered for a given instant.

Instants go in and come out as timezone-aware datetimes, out always UTC. Hours are local wall time:
where a clock change repeats a time, its first occurrence is meant; where it skips one, the instant
of the change. Windows are half open: a node is open at the minute it opens, closed at the minute
it closes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from entrepot.words.outcome import Broken, Refusal, RefusalCode, shown

MINUTES_A_DAY = 1_440
HORIZON_DAYS = 3_660

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Windows = tuple[tuple[int, int], ...]
Week = tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]


class Calendar(msgspec.Struct, frozen=True):
    """When a node works.

    zone          IANA name, such as Europe/London
    opening       Monday to Sunday: windows (open, close) in minutes after local midnight, in order
                  and apart, 0 <= open < close <= 1440; over midnight takes two windows
    closed_dates  local dates on which it does not open at all
    """

    zone: str
    opening: Week
    closed_dates: frozenset[date] = frozenset()


class NeverOpens(Broken):
    """The calendar has too few openings within HORIZON_DAYS to answer; it must be corrected."""

    kind = "never_opens"


def check_calendar(calendar: Calendar, field: str) -> Refusal | None:
    """None when the calendar is usable.

    Refuses: bad_value for an unknown zone, windows out of range, out of order or overlapping, or a
    week without any opening.
    """
    try:
        ZoneInfo(calendar.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _refused(f"{field}.zone", shown(calendar.zone), "an IANA zone such as Europe/London")
    for name, windows in zip(_DAY_NAMES, calendar.opening, strict=True):
        at = 0
        for opens, closes in windows:
            if not at <= opens < closes <= MINUTES_A_DAY:
                return _refused(
                    f"{field}.opening.{name}",
                    f"the window {opens} to {closes} after minute {at}",
                    f"windows in order and apart, in minutes from 0 to {MINUTES_A_DAY}",
                )
            at = closes
    if not any(calendar.opening):
        return _refused(f"{field}.opening", "no window at all", "one window a week at least")
    return None


def _refused(field: str, found: str, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {found}, expected {expected}; correct the calendar",
        field,
    )


def parse_date(value: object, field: str) -> date | Refusal:
    """A calendar date from text such as "2026-02-28".

    Refuses: bad_date for other notations and for days that do not exist.
    """
    text = value.strip() if isinstance(value, str) else ""
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass  # a day such as 30 February; refused below like any other wrong text
    return Refusal(
        RefusalCode.bad_date,
        f"{field}: found {shown(value)}, expected an existing day as YYYY-MM-DD; "
        "write year, month and day with leading zeros",
        field,
    )


def local_date(calendar: Calendar, at: datetime) -> date:
    """The date at the node at this instant."""
    return _aware(at).astimezone(_zone(calendar.zone)).date()


def instant_of(calendar: Calendar, on: date, minute: int) -> datetime:
    """The instant at which the node's clock shows `minute` minutes after midnight of the date.

    minute  0 to 1440; 1440 is the midnight that ends the date
    A repeated time gives its first occurrence, a skipped one the instant of the change.
    """
    assert 0 <= minute <= MINUTES_A_DAY, f"minute {minute} is not within a day"
    zone = _zone(calendar.zone)
    midnight = datetime(on.year, on.month, on.day)  # noqa: DTZ001  wall time, given a zone below
    wall = midnight + timedelta(minutes=minute)
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return first
    return _change_before(first, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), zone)


def _change_before(later: datetime, earlier: datetime, zone: ZoneInfo) -> datetime:
    """The clock change between two instants that read one skipped wall time in two ways."""
    offset = later.astimezone(zone).utcoffset()
    low, high = int(earlier.timestamp()), int(later.timestamp())  # changes fall on whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def is_business_day(calendar: Calendar, on: date) -> bool:
    """Whether the node opens at all on the local date."""
    return bool(calendar.opening[on.weekday()]) and on not in calendar.closed_dates


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether the node works at this instant."""
    on = local_date(calendar, at)
    return any(opens <= at < closes for opens, closes in _windows_of(calendar, on))


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """The first instant not before `at` at which the node is open: `at` itself when it is open.

    Raises: NeverOpens.
    """
    return add_working_minutes(calendar, at, 0)


def add_working_minutes(calendar: Calendar, at: datetime, minutes: int) -> datetime:
    """The instant at which work of so many open minutes, begun at `at` or at opening, is done.

    minutes  >= 0, of elapsed time: a window over a clock change is an hour shorter or longer
    Work that fills a window is done when the window closes; 0 minutes give the next opening.
    Raises: NeverOpens.
    """
    assert minutes >= 0, f"{minutes} minutes: work cannot take less than no time"
    rest = timedelta(minutes=minutes)
    for opens, closes in _windows_from(calendar, at):
        if opens + rest <= closes:
            return opens + rest
        rest -= closes - opens
    raise _never(calendar, f"an end of {minutes} open minutes" if minutes else "any opening", at)


def add_business_days(calendar: Calendar, on: date, days: int) -> date:
    """The business day that comes so many after the local date `on`, not counting `on` itself.

    days  >= 0; 0 gives `on` itself, or the next business day when it is not one
    Raises: NeverOpens.
    """
    assert not isinstance(on, datetime), "pass local_date(calendar, at), not an instant"
    assert days >= 0, f"{days} business days: counting goes forward only"
    counted = 0
    for day in _dates_from(on if days == 0 else on + timedelta(days=1)):
        if is_business_day(calendar, day):
            counted += 1
            if counted >= days:
                return day
    raise _never(calendar, f"business day {days}", on)


def next_cut_off(
    calendar: Calendar, cut_off_minute: int, pickup_days: Collection[int], at: datetime
) -> datetime:
    """The first pickup instant not before `at`.

    cut_off_minute  local minute of the pickup, 0 to 1440
    pickup_days     weekdays the carrier calls, 0 = Monday to 6 = Sunday; there is no pickup on a
                    date that is not a business day of the node
    Raises: NeverOpens, also when there is no pickup day.
    """
    for day in _dates_from(local_date(calendar, at)):
        if day.weekday() in pickup_days and is_business_day(calendar, day):
            pickup = instant_of(calendar, day, cut_off_minute)
            if pickup >= at:
                return pickup
    raise _never(calendar, "a pickup", at)


def _windows_of(calendar: Calendar, on: date) -> list[tuple[datetime, datetime]]:
    """The date's windows as instants; one that a clock change swallows whole is left out."""
    if not is_business_day(calendar, on):
        return []
    pairs = [
        (instant_of(calendar, on, opens), instant_of(calendar, on, closes))
        for opens, closes in calendar.opening[on.weekday()]
    ]
    return [(opens, closes) for opens, closes in pairs if opens < closes]


def _windows_from(calendar: Calendar, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Windows that end after `at`, in order, the first cut to begin no earlier."""
    start = _aware(at).astimezone(UTC)
    for day in _dates_from(local_date(calendar, at)):
        for opens, closes in _windows_of(calendar, day):
            if closes > start:
                yield max(opens, start), closes


def _dates_from(first: date) -> Iterator[date]:
    last = date.max.toordinal()
    start = first.toordinal()
    return (date.fromordinal(n) for n in range(start, min(start + HORIZON_DAYS, last)))


def _never(calendar: Calendar, wanted: str, since: date) -> NeverOpens:
    return NeverOpens(
        f"calendar in {calendar.zone}: {wanted} not found within {HORIZON_DAYS} days of "
        f"{since.isoformat()}; expected opening hours that its closed dates leave; correct either"
    )


def _aware(at: datetime) -> datetime:
    assert at.tzinfo is not None, f"instant {at} has no timezone"
    return at


@lru_cache(maxsize=1_024)  # ZoneInfo itself keeps eight and reads the others from disk again
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
