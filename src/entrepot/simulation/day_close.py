"""The end of a virtual day: what stood where, which nobody can read from the tables afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import msgspec

from entrepot.flows.views import standing
from entrepot.ground.database import Tx
from entrepot.words.calendar import MINUTES_A_DAY, Calendar, instant_of, local_date

STAGES = ("backordered", "reserved", "released", "picked", "packed")
"""Part states before the handover, in the order of work."""
AGES = (0, 1, 2, 4, 8, 31)
"""From how many whole days since the order each class of age begins; the last one is open."""

_ALWAYS = (((0, MINUTES_A_DAY),),) * 7


class NodeClose(msgspec.Struct, frozen=True, array_like=True):
    """Stock at a node at the end of a day."""

    node: str
    on_hand_each: int
    value_minor: int


class DayClose(msgspec.Struct, frozen=True):
    """How a day ended: parts not yet handed over by STAGES and by AGES, and stock by node."""

    day: date
    by_stage: tuple[int, ...]
    by_age: tuple[int, ...]
    nodes: tuple[NodeClose, ...]


def close_day(tx: Tx, day: date, at: datetime, currency: str) -> DayClose:
    """How a day ends; to be asked at its end, as of `at`.

    currency  in which stock is valued
    """
    by_stage: Counter[str] = Counter()
    by_age: Counter[int] = Counter()
    for waiting in standing.backlog(tx, at):
        by_stage[waiting.state] += waiting.parts
        by_age[age_class(waiting.days)] += waiting.parts
    return DayClose(
        day=day,
        by_stage=tuple(by_stage[stage] for stage in STAGES),
        by_age=tuple(by_age[age] for age in AGES),
        nodes=tuple(
            NodeClose(s.node, s.on_hand_each, s.value_minor) for s in standing.stock(tx, currency)
        ),
    )


def days_ended(zone: str, since: datetime, until: datetime) -> list[tuple[date, datetime]]:
    """The local days that end after `since` and not after `until`, each with its end.

    zone  IANA name
    """
    calendar = Calendar(zone, _ALWAYS)
    found = []
    day = local_date(calendar, since)
    while (end := instant_of(calendar, day, MINUTES_A_DAY)) <= until:
        found.append((day, end))
        day += timedelta(days=1)
    return found


def age_class(days: int) -> int:
    """Where the class of an age begins, of AGES."""
    return max((age for age in AGES if age <= days), default=AGES[0])
