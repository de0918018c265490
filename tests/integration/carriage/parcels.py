"""Parcels for tests of carriage: sensible commands, each changed by what matters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import (
    Book,
    Booked,
    HandOver,
    Shipment,
    TrackingEvent,
    Void,
)
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.identifiers import make_sscc
from entrepot.words.outcome import Refusal, RefusalCode

ME = "test"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRIDAY = date(2026, 3, 6)


def clock() -> VirtualClock:
    """Noon of a Monday."""
    return VirtualClock(NOON, seed=1)


def sscc(number: int) -> str:
    """A valid number for a carton."""
    return make_sscc(0, "4006381", number)


def book_of(number: int = 1, order_id: str = "O-1", **changes: Any) -> Book:
    """Two kilograms for Friday."""
    wanted: dict[str, Any] = {
        "command_id": f"book:{number}",
        "actor": ME,
        "order_id": order_id,
        "part_no": 1,
        "node": "LDS",
        "service": "parcel",
        "sscc": sscc(number),
        "mass_g": 2_000,
        "cost_minor": 450,
        "currency": "GBP",
        "latest_date": FRIDAY,
    }
    return Book(**{**wanted, **changes})


def book(database: Database, *commands: Book) -> list[Any]:
    """The answers, in order."""
    return database.run(lambda tx: carriage.book(tx, commands))


def booked(database: Database, number: int = 1, order_id: str = "O-1", **changes: Any) -> Booked:
    """One parcel that is booked."""
    (answer,) = book(database, book_of(number, order_id, **changes))
    assert isinstance(answer, Booked), answer
    return answer


def hand_over(database: Database, order_id: str = "O-1", command_id: str = "hand") -> Any:
    """The carrier takes part 1 of an order."""
    (answer,) = database.run(
        lambda tx: carriage.hand_over(tx, [HandOver(command_id, ME, order_id, 1)])
    )
    return answer


def void(database: Database, order_id: str = "O-1", command_id: str = "void") -> Any:
    """The booking of part 1 of an order is given up."""
    (answer,) = database.run(lambda tx: carriage.void(tx, [Void(command_id, ME, order_id, 1)]))
    return answer


def event(kind: str, hours: float, number: int = 1, **changes: Any) -> TrackingEvent:
    """Something that happened to a parcel so many hours after noon."""
    wanted: dict[str, Any] = {
        "command_id": f"track:{number}:{kind}:{hours}",
        "actor": "carrier",
        "tracking_no": sscc(number),
        "event_id": f"{kind}:{hours}",
        "at": NOON + hours * HOUR,
        "kind": kind,
        "place": "Leeds",
    }
    return TrackingEvent(**{**wanted, **changes})


def track(database: Database, *events: TrackingEvent) -> list[Any]:
    """The answers, in order."""
    return database.run(lambda tx: carriage.track(tx, events))


def states(database: Database, order_id: str = "O-1") -> list[str]:
    """Where the parcels of an order are, by number."""
    return [s.state.value for s in shipments(database, order_id)]


def shipments(database: Database, order_id: str = "O-1") -> list[Shipment]:
    """The parcels of an order."""
    return database.run(lambda tx: carriage.shipments_of(tx, [order_id]))


def told(database: Database, subject: str = "shipment/O-1/1/1") -> list[str]:
    """The names of the facts about a parcel, in order."""
    drain(database)
    return [fact[1] for fact in database.run(lambda tx: facts_of(tx, subject))]


def code(answer: Any) -> RefusalCode | None:
    """Why a command was refused."""
    return answer.code if isinstance(answer, Refusal) else None


def findings(database: Database) -> list[str]:
    """What the room's own audit finds."""
    return database.run(carriage.audit)[0]
