"""Values of a promise. Probabilities are integers in parts per million (ppm)."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from entrepot.words.calendar import Calendar


class Handling(msgspec.Struct, frozen=True):
    """How long a node needs: working minutes of its calendar from the order to a box ready."""

    calendar: Calendar
    minutes: int


class Service(msgspec.Struct, frozen=True):
    """When a carrier service collects at a node and delivers at a destination.

    cut_off_minute  of the pickup, in minutes after midnight at the node, 0 to 1440
    pickup_days     weekdays of pickups, 0 = Monday
    delivery_days   weekdays of deliveries, 0 = Monday
    closed_dates    dates on which the carrier neither collects nor delivers
    """

    service_id: str
    cut_off_minute: int
    pickup_days: frozenset[int]
    delivery_days: frozenset[int]
    closed_dates: frozenset[date] = frozenset()


class Estimate(msgspec.Struct, frozen=True):
    """When a box, or the last of several, arrives. Dates are local at the destination.

    ready_at         instant at which the node has the box ready
    handover_at      instant of the pickup that takes it
    expected_date    first date by which it has arrived at least as likely as not
    latest_date      first date by which it has arrived with the probability asked for
    probability_ppm  that it has arrived by latest_date, rounded down
    arrivals         `(date, ppm)`, dates ascending, ppm above 0, 1,000,000 in sum
    """

    ready_at: datetime
    handover_at: datetime
    expected_date: date
    latest_date: date
    probability_ppm: int
    arrivals: tuple[tuple[date, int], ...]


class PlannedBox(msgspec.Struct, frozen=True, array_like=True):
    """What one node sends by one service: `(line_no, quantity_each)`, lines counted from 1."""

    node: str
    service_id: str
    lines: tuple[tuple[int, int], ...]


class Option(msgspec.Struct, frozen=True):
    """One way to have the order delivered, as the customer may choose it.

    label        what it is called at the checkout; unique among the options shown together
    price_minor  what the customer pays for delivery
    cost_mills   what it costs the house, in 1/1000 of the minor unit
    """

    label: str
    latest_date: date
    expected_date: date
    probability_ppm: int
    price_minor: int
    cost_mills: int
    currency: str
    grams_co2e: int
    boxes: tuple[PlannedBox, ...]
