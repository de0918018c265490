"""Parcels from booking to their end, on a real database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import (
    Booked,
    HandedOver,
    Incident,
    ShipmentState,
    Tracked,
    TrackingKind,
    Voided,
)
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import RefusalCode
from tests.integration.carriage.parcels import (
    HOUR,
    NOON,
    book,
    book_of,
    booked,
    clock,
    code,
    event,
    findings,
    hand_over,
    shipments,
    sscc,
    states,
    told,
    track,
    void,
)

GREEDY = "DELIVERED_TO_NEIGHBOR"


@pytest.fixture
def ticking(database_on: Callable[[Clock], Database]) -> tuple[Database, VirtualClock]:
    """A database and the clock it runs on."""
    at = clock()
    return database_on(at), at


def test_a_parcel_goes_its_whole_way(ticking: tuple[Database, VirtualClock]) -> None:
    database, at = ticking
    assert booked(database) == Booked("O-1", 1, 1, sscc(1), sscc(1), NOON)
    at.sleep(3600)
    assert hand_over(database) == HandedOver("O-1", 1, (sscc(1),))
    at.sleep(48 * 3600)
    answers = track(
        database,
        event("Hub-Scan", 3),
        event("out for delivery", 20),
        event(GREEDY, 26, detail="left next door"),
    )
    assert answers == [
        Tracked("O-1", 1, 1, "Hub-Scan:3", ShipmentState.in_transit),
        Tracked("O-1", 1, 1, "out for delivery:20", ShipmentState.out_for_delivery),
        Tracked("O-1", 1, 1, f"{GREEDY}:26", ShipmentState.delivered),
    ]
    (shipment,) = shipments(database)
    assert shipment.state is ShipmentState.delivered
    assert shipment.handed_over_at == NOON + HOUR
    assert shipment.delivered_at == shipment.last_event_at == NOON + 26 * HOUR
    assert told(database) == ["ShipmentBooked", "ShipmentHandedOver", "ShipmentDelivered"]
    ((key, heard),) = database.run(lambda tx: carriage.events_of(tx, ["O-1"])).items()
    assert key == ("O-1", 1, 1)
    assert [e.kind for e in heard] == [
        TrackingKind.in_transit,
        TrackingKind.out_for_delivery,
        TrackingKind.delivered,
    ]
    assert heard[2].detail == "left next door" and heard[2].heard_at == at.now()
    assert findings(database) == []


def test_parcels_of_a_part_are_numbered_and_tracked_each(database: Database) -> None:
    answers = book(
        database,
        book_of(1),
        book_of(2, tracking_no="jd 0001"),
        book_of(3, part_no=2),
        book_of(4, "O-2", tracking_no="JD0001"),
        book_of(5, sscc="400638100000000012"),
        book_of(6, mass_g=-1),
        book_of(7, currency="XXX"),
        book_of(8, cost_minor=-5),
        book_of(9, tracking_no="\t"),
    )
    assert [(a.part_no, a.shipment_no, a.tracking_no) for a in answers[:3]] == [
        (1, 1, sscc(1)),
        (1, 2, "JD0001"),
        (2, 1, sscc(3)),
    ]
    assert [code(a) for a in answers[3:]] == [
        RefusalCode.duplicate_value,
        RefusalCode.bad_identifier,
        RefusalCode.bad_value,
        RefusalCode.bad_value,
        RefusalCode.bad_price,
        RefusalCode.bad_identifier,
    ]
    late = booked(database, 10)
    assert late.shipment_no == 3
    found = database.run(lambda tx: carriage.shipments_by_number(tx, ["jd0001", "nobody"]))
    assert [s.sscc for s in found.values()] == [sscc(2)]
    assert findings(database) == []


def test_a_carton_is_booked_once(database: Database) -> None:
    first = booked(database)
    again, other = book(database, book_of(1), book_of(1, command_id="other"))
    assert again == first
    assert code(other) is RefusalCode.wrong_state and "is booked as shipment 1" in other.message
    assert told(database) == ["ShipmentBooked"]


def test_bookings_are_given_up_before_the_carrier_has_them(database: Database) -> None:
    booked(database, 1)
    booked(database, 2)
    assert void(database) == Voided("O-1", 1, (sscc(1), sscc(2))) == void(database)
    assert states(database) == ["voided", "voided"]
    assert code(void(database, command_id="again")) is RefusalCode.unknown_order
    assert code(hand_over(database)) is RefusalCode.unknown_order
    (refused,) = book(database, book_of(1, command_id="anew"))
    assert code(refused) is RefusalCode.wrong_state
    assert booked(database, 3).shipment_no == 3
    assert hand_over(database) == HandedOver("O-1", 1, (sscc(3),))
    late = void(database, command_id="late")
    assert code(late) is RefusalCode.wrong_state and "shipment 3 is handed_over" in late.message
    assert told(database) == ["ShipmentBooked", "ShipmentVoided"]
    (stray,) = track(database, event("hub_scan", 1))
    assert stray.state is None and states(database) == ["voided", "voided", "handed_over"]
    assert findings(database) == []


def test_handing_over_again(database: Database) -> None:
    assert code(hand_over(database)) is RefusalCode.unknown_order
    booked(database)
    first = hand_over(database)
    assert hand_over(database) == first
    assert code(hand_over(database, command_id="other")) is RefusalCode.wrong_state
    track(database, event("delivered", 5, at=database.clock.now()))
    assert hand_over(database) == first and states(database) == ["delivered"]
    assert told(database).count("ShipmentHandedOver") == 1


def test_the_carrier_may_speak_before_the_dock(
    ticking: tuple[Database, VirtualClock],
) -> None:
    database, at = ticking
    booked(database)
    track(database, event("hub_scan", 1))
    at.sleep(7200)
    assert hand_over(database) == HandedOver("O-1", 1, (sscc(1),))
    (shipment,) = shipments(database)
    assert (shipment.state, shipment.handed_over_at) == ("in_transit", NOON + HOUR)
    assert told(database) == ["ShipmentBooked", "ShipmentHandedOver"]
    assert findings(database) == []


def test_incidents_are_told_with_who_caused_them(
    ticking: tuple[Database, VirtualClock], owner: object
) -> None:
    database, at = ticking
    booked(database)
    hand_over(database)
    at.sleep(72 * 3600)
    track(
        database,
        event("delivery failed", 5),
        event("customs_hold", 6, incident="duties_unpaid"),
        event("hub scan", 7),
        event("exception", 8, incident="bad_weather"),
        event("lost", 9),
        event("lost", 10),
        event("hub scan", 11),
        event("return to sender", 12),
        event("returned", 20),
    )
    assert told(database) == [
        "ShipmentBooked",
        "ShipmentHandedOver",
        *["ShipmentDelayed"] * 3,
        "ShipmentLost",
        "ShipmentDelayed",
        "ShipmentReturned",
    ]
    heard = database.run(lambda tx: carriage.events_of(tx, ["O-1"]))["O-1", 1, 1]
    assert [e.incident for e in heard] == [
        Incident.not_at_home,
        Incident.duties_unpaid,
        None,
        Incident.bad_weather,
        Incident.parcel_missing,
        Incident.parcel_missing,
        None,
        Incident.refused,
        None,
    ]
    assert findings(database) == []


def test_who_is_silent_on_the_way_is_listed(ticking: tuple[Database, VirtualClock]) -> None:
    database, at = ticking
    for number in range(1, 6):
        booked(database, number, f"O-{number}")
        if number > 1:
            hand_over(database, f"O-{number}")
        at.sleep(3600)
    track(database, event("hub_scan", 4.5, 2), event("delivered", 4.5, 3))

    def silent(hours: float, limit: int = 10) -> list[str]:
        found = database.run(lambda tx: carriage.in_transit(tx, NOON + hours * HOUR, limit))
        return [s.order_id for s in found]

    assert silent(9) == ["O-4", "O-5", "O-2"]
    assert silent(4) == ["O-4"] and silent(3) == []
    assert silent(9, limit=2) == ["O-4", "O-5"]


def test_events_that_cannot_be_read_are_refused(database: Database) -> None:
    booked(database)
    now = database.clock.now()
    bad = [
        event("delivered", 0, tracking_no="nobody"),
        event("zugestellt", 0),
        event("delayed", 0, incident="bad luck"),
        event("delivered", 0, event_id=""),
        event("delivered", 0, event_id="x" * 201),
        event("delivered", 0, at=now + 25 * HOUR),
        event("delivered", 0, place="x" * 201),
        event("delivered", 0, detail="x" * 201),
    ]
    assert [code(a) for a in track(database, *bad)] == [
        RefusalCode.unknown_order,
        RefusalCode.bad_value,
        RefusalCode.bad_value,
        RefusalCode.bad_identifier,
        RefusalCode.bad_identifier,
        RefusalCode.bad_date,
        RefusalCode.bad_value,
        RefusalCode.bad_value,
    ]
    assert states(database) == ["booked"]


def test_batches_may_be_empty(database: Database) -> None:
    verbs = (carriage.book, carriage.hand_over, carriage.void, carriage.track)
    assert [database.run(lambda tx, v=v: v(tx, [])) for v in verbs] == [[]] * 4
    assert database.run(lambda tx: carriage.shipments_of(tx, [])) == []
