"""Available to promise, now and by date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from entrepot.departments.inventory.model import Balance, Expected, Reservation


class Step(NamedTuple):
    """From this instant on, `available_each` units may be promised (until the next step)."""

    since: datetime
    available_each: int


def available_by_date(
    at: datetime,
    balances: Iterable[Balance],
    expected: Iterable[Expected],
    waiting: Iterable[Reservation],
) -> list[Step]:
    """Cumulative ATP of one SKU as a staircase of instants, each >= 0, rising.

    at        now; overdue receipts and promises count from here
    balances  free stock at the nodes asked about
    expected  open expected receipts at those nodes
    waiting   commitments without stock; each takes its units at its promised date (or at once)

    Projected availability at t is free stock plus receipts due by t minus waiting demand due by t;
    what may be promised for t is the least projected availability from t on, so that a promise
    never takes units that a later commitment already counts on.
    Source: cumulative available-to-promise with look-ahead, APICS Dictionary, "available-to-
    promise"; Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, ch. 14.
    """
    changes: dict[datetime, int] = {at: sum(b.available for b in balances)}
    for receipt in expected:
        due = max(receipt.due_at, at)
        changes[due] = changes.get(due, 0) + receipt.quantity_each
    for demand in waiting:
        due = max(demand.promised_at or at, at)
        changes[due] = changes.get(due, 0) - demand.quantity_each
    projected: list[Step] = []
    level = 0
    for instant in sorted(changes):
        level += changes[instant]
        projected.append(Step(instant, level))
    steps: list[Step] = []
    least = projected[-1].available_each
    for since, units in reversed(projected):
        least = min(least, units)
        steps.append(Step(since, max(0, least)))
    return _merged(reversed(steps))


def _merged(steps: Iterable[Step]) -> list[Step]:
    """Without steps that repeat the level before."""
    merged: list[Step] = []
    for step in steps:
        if not merged or merged[-1].available_each != step.available_each:
            merged.append(step)
    return merged


def earliest(steps: Iterable[Step], quantity_each: int) -> datetime | None:
    """The first instant at which `quantity_each` may be promised; None = not in sight."""
    return next((s.since for s in steps if s.available_each >= quantity_each), None)
