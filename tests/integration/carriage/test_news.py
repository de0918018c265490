"""News that comes twice, late, in another order, or from many at once."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from entrepot.departments.carriage.model import Booked, Tracked
from entrepot.ground.database import Database
from entrepot.words.outcome import RefusalCode
from tests.integration.carriage.parcels import (
    book,
    book_of,
    booked,
    code,
    event,
    findings,
    hand_over,
    shipments,
    states,
    told,
    track,
    void,
)

THREADS = 12
WAY = [
    event("accepted", 1),
    event("hub_scan", 2),
    event("attempted", 3),
    event("hub_scan", 4),
    event("out_for_delivery", 5),
]


def test_late_news_takes_no_parcel_back(database: Database) -> None:
    booked(database)
    hand_over(database)
    assert [a.state for a in track(database, event("out_for_delivery", 5))] == ["out_for_delivery"]
    late = track(database, *WAY[:4])
    assert [a.state for a in late] == [None] * 4
    track(database, event("delivered", 4.5), event("lost", 9), event("returned", 10))
    assert states(database) == ["delivered"]
    assert told(database) == ["ShipmentBooked", "ShipmentHandedOver", "ShipmentDelivered"]
    assert findings(database) == []


def test_an_event_counts_once_whatever_it_says_again(database: Database) -> None:
    booked(database)
    first = track(database, event("hub_scan", 2), event("delivered", 3))
    before = shipments(database)
    twice = event("lost", 9, event_id="delivered:3")
    assert track(database, event("hub_scan", 2), twice, event("hub_scan", 2)) == [
        first[0],
        first[1],
        first[0],
    ]
    assert shipments(database) == before
    assert told(database) == ["ShipmentBooked", "ShipmentHandedOver", "ShipmentDelivered"]


def test_two_parcels_may_have_events_of_one_name(database: Database) -> None:
    booked(database, 1)
    booked(database, 2)
    one, two = track(
        database,
        event("hub_scan", 1, 1, event_id="E"),
        event("delivered", 1, 2, event_id="E"),
    )
    assert (one.state, two.state) == ("in_transit", "delivered")
    assert states(database) == ["in_transit", "delivered"]


@pytest.mark.parametrize("end", ["delivered", "returned", "lost", None])
def test_the_order_of_arrival_does_not_matter(database: Database, end: str | None) -> None:
    events = WAY if end is None else [*WAY, event(end, 6)]
    arrivals = list(itertools.permutations(events))
    chosen = random.Random(7).sample(arrivals, 25)
    for number, arrival in enumerate(chosen, start=1):
        order_id = f"O-{number}"
        number_of = booked(database, number, order_id).tracking_no
        for told_now in arrival:
            values = {f: getattr(told_now, f) for f in told_now.__struct_fields__}
            track(database, type(told_now)(**{**values, "tracking_no": number_of}))
        (shipment,) = shipments(database, order_id)
        assert shipment.state == (end or "out_for_delivery"), [e.event_id for e in arrival]
        assert shipment.last_event_at == events[-1].at
    assert findings(database) == []


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    together = threading.Barrier(count)

    def begin(number: int) -> Any:
        together.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_one_parcel_booked_by_many_at_once(database: Database) -> None:
    same = at_once(THREADS, lambda _: book(database, book_of(1))[0])
    assert all(answer == same[0] for answer in same) and isinstance(same[0], Booked)
    other = at_once(THREADS, lambda n: book(database, book_of(2, "O-2", command_id=f"hand {n}"))[0])
    assert sorted(map(str, map(code, other))) == sorted(
        ["None"] + [str(RefusalCode.wrong_state)] * (THREADS - 1)
    )
    many = at_once(THREADS, lambda n: book(database, book_of(10 + n, "O-3"))[0])
    assert sorted(a.shipment_no for a in many) == list(range(1, THREADS + 1))
    number = at_once(
        THREADS,
        lambda n: book(database, book_of(30 + n, f"P-{n}", tracking_no="ONE"))[0],
    )
    assert [code(a) for a in number].count(None) == 1
    assert [code(a) for a in number].count(RefusalCode.duplicate_value) == THREADS - 1
    assert findings(database) == []


def test_news_of_one_parcel_from_many_at_once(database: Database) -> None:
    booked(database)
    answers = at_once(
        THREADS,
        lambda n: track(database, event("hub_scan", n), event("delivered", 99, event_id="end"))[1],
    )
    assert all(a == Tracked("O-1", 1, 1, "end", answers[0].state) for a in answers)
    assert states(database) == ["delivered"]
    assert told(database) == ["ShipmentBooked", "ShipmentHandedOver", "ShipmentDelivered"]
    assert findings(database) == []


def test_the_dock_and_the_office_at_once(database: Database) -> None:
    for number in range(8):
        order_id = f"O-{number}"
        booked(database, number, order_id)
        dock, office = at_once(
            2,
            lambda n, o=order_id: hand_over(database, o) if n else void(database, o),
        )
        assert {code(dock), code(office)} in (
            {None, RefusalCode.wrong_state},
            {None, RefusalCode.unknown_order},
        )
        (state,) = states(database, order_id)
        assert state == ("voided" if code(dock) is None else "handed_over")
