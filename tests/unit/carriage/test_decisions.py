"""What may be booked, handed over and voided, in each state and with each value."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest

from entrepot.departments.carriage import decisions
from entrepot.departments.carriage.decisions import Hands
from entrepot.departments.carriage.model import Book, Shipment, ShipmentState
from entrepot.words.identifiers import make_sscc
from entrepot.words.outcome import Refusal, RefusalCode

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SSCC = make_sscc(0, "4006381", 1)


def shipment(state: str = "booked", number: int = 1, **changes: Any) -> Shipment:
    """Booked at noon."""
    wanted: dict[str, Any] = dict.fromkeys(Shipment._fields) | {
        "order_id": "O-1",
        "part_no": 1,
        "shipment_no": number,
        "sscc": SSCC,
        "tracking_no": f"T{number}",
        "state": ShipmentState(state),
        "booked_at": NOON,
        "last_event_at": NOON,
        "book_command": "b",
        "version": 1,
    }
    return Shipment(**{**wanted, **changes})


def code(answer: object) -> RefusalCode | None:
    return answer.code if isinstance(answer, Refusal) else None


def test_the_table_of_steps_goes_never_back() -> None:
    steps = decisions.SHIPMENT_STEPS
    assert set(steps) == set(ShipmentState)
    assert not steps[ShipmentState.delivered] and not steps[ShipmentState.voided]
    assert steps[ShipmentState.returned] == {ShipmentState.delivered}
    for state, following in steps.items():
        assert ShipmentState.booked not in following
        assert (ShipmentState.voided in following) == (state is ShipmentState.booked)
        assert (ShipmentState.handed_over in following) == (state is ShipmentState.booked)


def test_the_states_of_the_database_are_those_of_the_code() -> None:
    schema = resources.files("entrepot.departments.carriage").joinpath("schema.sql").read_text()
    listed = ", ".join(f"'{state}'" for state in ShipmentState)
    assert f"CHECK (state IN ({listed}))" in " ".join(schema.split())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"mass_g": 0, "cost_minor": 0}, None),
        ({"tracking_no": "jd 00-1/x"}, None),
        ({"sscc": SSCC[:-1]}, RefusalCode.bad_identifier),
        ({"sscc": SSCC[:-1] + str((int(SSCC[-1]) + 1) % 10)}, RefusalCode.bad_identifier),
        ({"mass_g": -1}, RefusalCode.bad_value),
        ({"cost_minor": -1}, RefusalCode.bad_price),
        ({"cost_minor": 10**16}, RefusalCode.bad_price),
        ({"currency": "XYZ"}, RefusalCode.bad_value),
        ({"tracking_no": " "}, RefusalCode.bad_identifier),
        ({"tracking_no": "x" * 65}, RefusalCode.bad_identifier),
        ({"tracking_no": "Ä1"}, RefusalCode.bad_identifier),
        ({"tracking_no": "a\x00b"}, RefusalCode.bad_identifier),
    ],
)
def test_what_may_be_booked(changes: dict[str, Any], expected: str | None) -> None:
    wanted: dict[str, Any] = {"mass_g": 500, "cost_minor": 450, "currency": "GBP", "sscc": SSCC}
    command = Book("c", "me", "O-1", 1, "LDS", "parcel", **{**wanted, **changes})
    assert code(decisions.book(command)) == expected


@pytest.mark.parametrize("state", [s for s in ShipmentState if s not in ("voided", "booked")])
def test_what_the_carrier_has_is_not_given_up(state: ShipmentState) -> None:
    answer = decisions.void("O-1", 1, [shipment(), shipment(state, 2)], "c")
    assert code(answer) is RefusalCode.wrong_state
    assert isinstance(answer, Refusal) and f"shipment 2 is {state}" in answer.message


def test_a_part_is_handed_over_whole() -> None:
    one, two = shipment(), shipment("in_transit", 2)
    void = shipment("voided", 3)
    assert decisions.hand_over("O-1", 1, [one, two, void], "c") == Hands((one, two), (one, two))
    done = [s._replace(hand_over_command="c") for s in (one, two)]
    assert decisions.hand_over("O-1", 1, done, "c") == Hands((), tuple(done))
    assert code(decisions.hand_over("O-1", 1, done, "d")) is RefusalCode.wrong_state
    assert code(decisions.hand_over("O-1", 1, [void], "c")) is RefusalCode.unknown_order
    later = shipment(number=4)
    assert decisions.hand_over("O-1", 1, [*done, later], "d") == Hands((later,), (later,))


def test_bookings_are_given_up_once() -> None:
    one = shipment()
    assert decisions.void("O-1", 1, [one], "c") == Hands((one,), (one,))
    gone = one._replace(state=ShipmentState.voided, void_command="c")
    assert decisions.void("O-1", 1, [gone], "c") == Hands((), (gone,))
    assert code(decisions.void("O-1", 1, [gone], "d")) is RefusalCode.unknown_order
    assert code(decisions.void("O-1", 1, [], "d")) is RefusalCode.unknown_order
