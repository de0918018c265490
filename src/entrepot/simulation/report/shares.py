"""Shares, means, quantiles and what became of parcels; whole numbers throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.flows.views.outcome import PromisedParcels
from entrepot.simulation.report.figures import Kept

PER_MILLION = 1_000_000


def ppm(part: int, whole: int) -> int | None:
    """A share in parts per million, rounded down: all of them only when it is all of them."""
    return part * PER_MILLION // whole if whole else None


def per(amount: int, count: int) -> int | None:
    """The mean of an amount >= 0 over so many, rounded half up; None over none."""
    return (2 * amount + count) // (2 * count) if count else None


def quantile(values: Sequence[tuple[int, int]], at_ppm: int) -> int | None:
    """The least value that this share of all does not exceed; None of none.

    values  (value, how many)
    """
    total = sum(count for _, count in values)
    so_far = 0
    for value, count in sorted(values):
        so_far += count
        if so_far * PER_MILLION >= total * at_ppm:
            return value
    return None


def kept(rows: Iterable[PromisedParcels]) -> Kept:
    """What became of parcels, and how often a promise whose date has passed was kept."""
    parcels = delivered = on_time = late = lost = returned = on_the_way = overdue = ended = 0
    for row in rows:
        parcels += row.parcels
        delivered += row.parcels * (row.fate == "delivered")
        lost += row.parcels * (row.fate == "lost")
        returned += row.parcels * (row.fate == "returned")
        coming = row.fate == "on_the_way"
        on_the_way += row.parcels * coming
        overdue += row.parcels * (coming and row.passed)
        if row.days is not None:
            on_time += row.parcels * (row.days <= 0)
            late += row.parcels * (row.days > 0)
        if row.promised and (row.passed or not coming):
            ended += row.parcels
    return Kept(
        parcels=parcels,
        delivered=delivered,
        on_time=on_time,
        late=late,
        lost=lost,
        returned=returned,
        on_the_way=on_the_way,
        overdue=overdue,
        kept_ppm=ppm(on_time, ended),
    )
