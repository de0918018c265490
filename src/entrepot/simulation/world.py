"""How the people and machines outside behave: customers, pickers, carriers, suppliers.

Everything is drawn from the seed and the thing at hand, so that a run that was interrupted goes on
as it would have, and the same seed gives the same world. The figures are invented; they are stated
here and shown in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from entrepot.departments.network import decisions as network
from entrepot.departments.network.model import Network
from entrepot.simulation.draws import below, draw
from entrepot.words.calendar import Calendar, instant_of

PER_MILLION = 1_000_000

# Customers: how they choose among the options shown.
CHEAPEST_PPM = 700_000
FASTEST_PPM = 150_000

# Pickers: minutes for a part, and how often a line is short.
PICK_BASE_MINUTES = 12
PICK_MINUTES_PER_LINE = 2
PACK_MINUTES = 20
LINE_SHORT_PPM = 1_500
SHORT_DAMAGED_PPM = 300_000

# Carriers: parcels that take longer than the published distribution says, and that never arrive.
DELAYED_PPM = 15_000
DELAY_DAYS_MAX = 5
LOST_PPM = 1_200
DELIVERY_FIRST_MINUTE = 9 * 60
DELIVERY_LAST_MINUTE = 18 * 60
# Carriers send the news of their drivers some times a day: at these hours, UTC.
TOLD_HOURS = (10, 13, 16, 19)

# Suppliers: late deliveries, short and damaged ones.
SUPPLIER_LATE_PPM = 100_000
SUPPLIER_LATE_DAYS_MAX = 14
SUPPLIER_LINE_SHORT_PPM = 20_000
SUPPLIER_LINE_DAMAGED_PPM = 8_000

# Returns: days on their way back, and what is fit to be sold again.
RETURN_DAYS_MIN, RETURN_DAYS_MAX = 2, 6
RESTOCKED_PPM = 850_000


def happens(seed: int, ppm: int, *what: str | int) -> bool:
    """Whether something with this probability happens to this thing."""
    return below(draw(seed, *what), PER_MILLION) < ppm


def between(seed: int, low: int, high: int, *what: str | int) -> int:
    """A whole number from `low` to `high`, each equally likely."""
    return low + below(draw(seed, *what), high - low + 1)


def chosen(seed: int, buyer: str, invoice: str, count: int) -> int:
    """Which of so many options, the earliest first and the cheapest last, a buyer takes.

    Most take the cheapest each time, some the fastest, the rest something between.
    """
    taste = below(draw(seed, buyer, "taste"), PER_MILLION)
    if taste < CHEAPEST_PPM:
        return count - 1
    if taste < CHEAPEST_PPM + FASTEST_PPM:
        return 0
    return below(draw(seed, invoice, "option"), count)


def pick_minutes(seed: int, order_id: str, part_no: int, lines: int) -> int:
    """How long a picker needs for a part: half to one and a half times the usual."""
    usual = PICK_BASE_MINUTES + PICK_MINUTES_PER_LINE * lines
    return between(seed, usual // 2, usual + usual // 2, order_id, part_no, "pick")


def shorts(
    seed: int, order_id: str, part_no: int, lines: Sequence[tuple[int, int]]
) -> list[tuple[int, int, str]]:
    """What a picker does not find, of (line, each): (line, missing each, reason)."""
    found = []
    for line_no, each in lines:
        if happens(seed, LINE_SHORT_PPM, order_id, part_no, line_no, "short"):
            missing = between(seed, 1, each, order_id, part_no, line_no, "missing")
            damaged = happens(seed, SHORT_DAMAGED_PPM, order_id, part_no, line_no, "why")
            found.append((line_no, missing, "damaged" if damaged else "not_found"))
    return found


class Arrival(NamedTuple):
    """What becomes of a parcel: it arrives, perhaps delayed, or is lost (found out at `at`)."""

    at: datetime
    lost: bool
    delayed: bool


def arrival(
    seed: int,
    known: Network,
    shipment: tuple[str, int],
    service: str,
    zone: int,
    handed_over: date,
    destination: Calendar,
) -> Arrival:
    """When a parcel arrives: drawn from the published distribution, but for delays and losses.

    handed_over  date of the pickup, at the destination
    destination  a calendar of the destination's time zone
    """
    order_id, part_no = shipment
    shares = network.transit(known, service, zone, handed_over.weekday())
    assert shares is not None, f"{service} does not reach zone {zone}"
    days = _days(below(draw(seed, order_id, part_no, "transit"), PER_MILLION), shares)
    delayed = happens(seed, DELAYED_PPM, order_id, part_no, "delayed")
    if delayed:
        days += between(seed, 1, DELAY_DAYS_MAX, order_id, part_no, "delay")
    on = delivery_date(known.services[service].delivery_days, handed_over, days)
    minute = between(seed, DELIVERY_FIRST_MINUTE, DELIVERY_LAST_MINUTE, order_id, part_no, "minute")
    return Arrival(
        at=instant_of(destination, on, minute),
        lost=happens(seed, LOST_PPM, order_id, part_no, "lost"),
        delayed=delayed,
    )


def told_at(at: datetime) -> datetime:
    """When the carrier tells what happened at `at`: with its next message."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    messages = [day + timedelta(hours=hour) for hour in (*TOLD_HOURS, 24 + TOLD_HOURS[0])]
    return next(told for told in messages if told >= at)


def brought_at(at: datetime) -> datetime:
    """When a return that comes on the day of `at` is there: with the morning's van."""
    return at.astimezone(UTC).replace(hour=TOLD_HOURS[0], minute=0, second=0, microsecond=0)


def _days(drawn_ppm: int, shares: Sequence[tuple[int, int]]) -> int:
    """The days on which a number below a million falls, of (days, ppm) that sum to a million."""
    left = drawn_ppm
    for days, ppm in sorted(shares):
        if left < ppm:
            return days
        left -= ppm
    raise AssertionError("the shares of a distribution sum to a million")


def delivery_date(delivery_days: Sequence[int], handed_over: date, days: int) -> date:
    """The date so many delivery days after the pickup; 0 = its own date or the next one."""
    on = handed_over
    while on.weekday() not in delivery_days:
        on += timedelta(days=1)
    if not days:
        return on
    on, left = handed_over, days
    while left:
        on += timedelta(days=1)
        left -= on.weekday() in delivery_days
    return on


def supplier_days(seed: int, po_id: str, shares: Sequence[tuple[int, int]]) -> int:
    """How many days a supplier takes: drawn from its stated distribution, some times later."""
    days = _days(below(draw(seed, po_id, "lead time"), PER_MILLION), shares)
    if happens(seed, SUPPLIER_LATE_PPM, po_id, "late"):
        days += between(seed, 1, SUPPLIER_LATE_DAYS_MAX, po_id, "late by")
    return days


def supplied(seed: int, po_id: str, line_no: int, ordered_each: int) -> tuple[int, int]:
    """What comes of a line: (received each, the damaged among them)."""
    received = ordered_each
    if happens(seed, SUPPLIER_LINE_SHORT_PPM, po_id, line_no, "short"):
        received -= between(seed, 1, max(1, ordered_each // 4), po_id, line_no, "missing")
    damaged = 0
    if received and happens(seed, SUPPLIER_LINE_DAMAGED_PPM, po_id, line_no, "damaged"):
        damaged = between(seed, 1, max(1, received // 10), po_id, line_no, "damage")
    return received, damaged


def return_days(seed: int, document: str, number: int) -> int:
    """How long a return is on its way back."""
    return between(seed, RETURN_DAYS_MIN, RETURN_DAYS_MAX, document, number, "way back")


def is_restocked(seed: int, document: str, number: int) -> bool:
    """Whether what came back may be sold again."""
    return happens(seed, RESTOCKED_PPM, document, number, "grade")
