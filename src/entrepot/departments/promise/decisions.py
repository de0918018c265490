"""From an instant to a promised date and the probability of keeping it; which options to show."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from math import prod

import msgspec

from entrepot.departments.promise.model import Estimate, Handling, Option, Service
from entrepot.words.calendar import (
    Calendar,
    NeverOpens,
    add_working_minutes,
    local_date,
    next_cut_off,
)
from entrepot.words.outcome import Refusal, RefusalCode

PPM = 1_000_000
HALF_PPM = PPM // 2
TRANSIT_DAYS_MAX = 90

_NO_HOURS = ((), (), (), (), (), (), ())
_ONE_DAY = timedelta(days=1)


def check_transit(transit_ppm: Sequence[int], field: str) -> Refusal | None:
    """None when it is a distribution over 0, 1, 2 ... delivery days.

    Refuses: bad_value when it does not add up to exactly 1,000,000 or has a negative part;
    too_many beyond TRANSIT_DAYS_MAX days.
    """
    if len(transit_ppm) > TRANSIT_DAYS_MAX + 1:
        return Refusal(
            RefusalCode.too_many,
            f"{field}: found {len(transit_ppm)} entries, expected at most {TRANSIT_DAYS_MAX + 1}, "
            "one for each day from 0; put what comes later on the last day",
            field,
        )
    total = sum(transit_ppm)
    if total == PPM and min(transit_ppm) >= 0:
        return None
    found = f"a sum of {total}" if total != PPM else f"a part of {min(transit_ppm)}"
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {found}, expected parts of 0 or more that add up to {PPM}; "
        "correct the distribution",
        field,
        {"sum_ppm": total},
    )


def estimate(
    at: datetime,
    handling: Handling,
    service: Service,
    transit_ppm: Sequence[int],
    zone_of_destination: str,
    quantile_ppm: int,
) -> Estimate | Refusal:
    """When a box ordered at `at` arrives: `handover`, then `arrival`, whose refusals it returns."""
    handed_over = handover(at, handling, service)
    if isinstance(handed_over, Refusal):
        return handed_over
    return arrival(*handed_over, service, transit_ppm, zone_of_destination, quantile_ppm)


def handover(
    at: datetime, handling: Handling, service: Service
) -> tuple[datetime, datetime] | Refusal:
    """The instants at which a box ordered at `at` is ready, and at which a pickup takes it.

    Refuses: not_deliverable when the node never works again or the carrier never collects.
    """
    calendar = pickups = handling.calendar
    if service.closed_dates:
        closed = calendar.closed_dates | service.closed_dates
        pickups = msgspec.structs.replace(calendar, closed_dates=closed)
    try:
        ready_at = add_working_minutes(calendar, at, handling.minutes)
        return ready_at, next_cut_off(
            pickups, service.cut_off_minute, service.pickup_days, ready_at
        )
    except NeverOpens as never:
        return Refusal(RefusalCode.not_deliverable, f"handling: {never}", "handling")


def arrival(
    ready_at: datetime,
    handover_at: datetime,
    service: Service,
    transit_ppm: Sequence[int],
    zone_of_destination: str,
    quantile_ppm: int,
) -> Estimate | Refusal:
    """When a box handed over at `handover_at` arrives.

    transit_ppm          probability of 0, 1, 2 ... days; day n is the service's n-th delivery day
                         after the date of the pickup at the destination, day 0 that date itself
                         or, when nothing is delivered then, the next delivery day
    zone_of_destination  IANA name
    quantile_ppm         probability with which latest_date is to be kept, 500,000 to 1,000,000

    Refuses: bad_value and too_many for a distribution that is none, or a quantile out of range;
    not_deliverable when the carrier never delivers.
    """
    refused = check_transit(transit_ppm, "transit_ppm") or _check_quantile(quantile_ppm)
    if refused is not None:
        return refused
    if not service.delivery_days:
        return Refusal(
            RefusalCode.not_deliverable,
            f"delivery_days: {service.service_id} has none, expected one weekday at least; "
            "correct the service",
            "delivery_days",
        )
    start = local_date(Calendar(zone_of_destination, _NO_HOURS), handover_at)
    arrivals: Counter[date] = Counter()
    for on, ppm in zip(_delivery_dates(service, start), transit_ppm, strict=False):
        if ppm:
            arrivals[on] += ppm
    return _joint(ready_at, handover_at, [tuple(arrivals.items())], quantile_ppm)


def combine(estimates: Sequence[Estimate], quantile_ppm: int) -> Estimate | Refusal:
    """When an order in several boxes is complete: when the last one arrives.

    estimates     of all its boxes, 1 or more; they are taken as independent of each other
    quantile_ppm  probability with which the joint latest_date is to be kept, 500,000 to 1,000,000

    The joint date comes from the whole distributions: the probability that all have arrived by a
    date is the product of the single ones, computed exactly and rounded down at the end.

    Refuses: bad_value for a quantile out of range.
    """
    assert estimates, "an order of no boxes has no date"
    refused = _check_quantile(quantile_ppm)
    if refused is not None:
        return refused
    return _joint(
        max(one.ready_at for one in estimates),
        max(one.handover_at for one in estimates),
        [one.arrivals for one in estimates],
        quantile_ppm,
    )


def pareto(options: Sequence[Option]) -> list[Option]:
    """The options that no other one beats in both latest_date and price_minor, earliest first.

    The fastest and the cheapest are always among them. Of options equal in both, the one that
    costs the house least stays, then the likeliest to be kept, then the first by label.
    """
    assert len({option.currency for option in options}) <= 1, "options in several currencies"
    shown: list[Option] = []
    for option in sorted(options, key=_rank):
        if not shown or option.price_minor < shown[-1].price_minor:
            shown.append(option)
    return shown


def _rank(option: Option) -> tuple[date, int, int, int, str]:
    return (
        option.latest_date,
        option.price_minor,
        option.cost_mills,
        -option.probability_ppm,
        option.label,
    )


def _check_quantile(quantile_ppm: int) -> Refusal | None:
    if HALF_PPM <= quantile_ppm <= PPM:
        return None
    return Refusal(
        RefusalCode.bad_value,
        f"quantile_ppm: found {quantile_ppm}, expected {HALF_PPM} to {PPM}; "
        "promise at least what is as likely as not",
        "quantile_ppm",
    )


def _delivery_dates(service: Service, handed_over: date) -> Iterator[date]:
    """The dates of 0, 1, 2 ... days in transit, without end."""

    def delivers(on: date) -> bool:
        return on.weekday() in service.delivery_days and on not in service.closed_dates

    first = handed_over
    while not delivers(first):
        first += _ONE_DAY
    yield first
    on = handed_over
    while True:
        on += _ONE_DAY
        if delivers(on):
            yield on


def _joint(
    ready_at: datetime,
    handover_at: datetime,
    boxes: Sequence[tuple[tuple[date, int], ...]],
    quantile_ppm: int,
) -> Estimate:
    """The estimate for the last of independent boxes, from the arrivals of each."""
    dates = sorted({on for arrivals in boxes for on, _ in arrivals})
    box_dates = [[on for on, _ in arrivals] for arrivals in boxes]
    box_sums = [[0, *accumulate(ppm for _, ppm in arrivals)] for arrivals in boxes]
    # In units of 1 / PPM**len(boxes): whole numbers, so that no product is rounded.
    together = [
        prod(sums[bisect_right(own, on)] for own, sums in zip(box_dates, box_sums, strict=True))
        for on in dates
    ]
    unit = PPM ** (len(boxes) - 1)
    expected = next(i for i, joint in enumerate(together) if joint >= HALF_PPM * unit)
    latest = next(i for i, joint in enumerate(together) if joint >= quantile_ppm * unit)
    by_date = [joint // unit for joint in together]
    parts = [after - before for before, after in pairwise([0, *by_date])]
    return Estimate(
        ready_at,
        handover_at,
        dates[expected],
        dates[latest],
        by_date[latest],
        tuple((on, ppm) for on, ppm in zip(dates, parts, strict=True) if ppm),
    )
