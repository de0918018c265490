"""What carriers say, in one list of words, and when it is news."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.carriage import tracking
from entrepot.departments.carriage.decisions import ENDS, MOVING
from entrepot.departments.carriage.model import (
    Incident,
    Party,
    Shipment,
    ShipmentState,
    TrackingEvent,
    TrackingKind,
)
from entrepot.departments.carriage.tracking import Told
from entrepot.words.outcome import Refusal, RefusalCode
from tests.unit.carriage.test_decisions import NOON, shipment


def test_every_kind_and_incident_has_its_place() -> None:
    assert set(tracking.STATE_OF) == set(TrackingKind)
    assert set(tracking.PARTY_OF) == set(Incident)
    assert set(tracking.PARTY_OF.values()) == set(Party)
    for kind in TrackingKind:
        told = tracking.read(TrackingEvent("c", "me", "T1", "e", NOON, kind), NOON)
        assert isinstance(told, Told) and told.kind is kind
        needs = tracking.STATE_OF[kind] in (ShipmentState.exception, ShipmentState.lost)
        assert (told.incident is not None) == needs, kind


def test_no_word_stands_for_two_kinds() -> None:
    words = [w for text in tracking._WORDS.values() for w in text.split()]
    assert len(set(words)) == len(words)
    assert not set(words) & set(TrackingKind)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("DELIVERED", TrackingKind.delivered),
        (" Out for delivery! ", TrackingKind.out_for_delivery),
        ("Arrived-at-Hub", TrackingKind.in_transit),
        ("Return to sender", TrackingKind.returning),
        ("Proof of Delivery", TrackingKind.delivered),
        ("Customs hold", TrackingKind.on_hold),
        ("PRE_TRANSIT", TrackingKind.information),
    ],
)
def test_a_carriers_word_is_understood(word: str, kind: TrackingKind) -> None:
    assert tracking.parse_kind(word) is kind


@pytest.mark.parametrize("word", ["", "not delivered yet", "zugestellt", "deliveredd", "!"])
def test_a_word_is_never_guessed(word: str) -> None:
    refused = tracking.parse_kind(word)
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.bad_value
    assert "expected one of accepted, in_transit" in refused.message


def test_an_event_may_be_a_day_ahead() -> None:
    ahead = TrackingEvent("c", "me", "T1", "e", NOON + timedelta(hours=24), "delivered")
    assert isinstance(tracking.read(ahead, NOON), Told)
    late = TrackingEvent("c", "me", "T1", "e", NOON + timedelta(hours=24, seconds=1), "delivered")
    refused = tracking.read(late, NOON)
    assert isinstance(refused, Refusal) and refused.code is RefusalCode.bad_date


def follow(known: Shipment, kind: str, hour: float) -> Shipment:
    told = Told(TrackingKind(kind), None)
    return tracking.follow(known, told, NOON + timedelta(hours=hour)) or known


def test_the_first_word_of_the_carrier_says_that_it_has_the_parcel() -> None:
    for kind in set(TrackingKind) - {TrackingKind.information}:
        known = follow(shipment(), kind, 1)
        assert known.state is tracking.STATE_OF[kind]
        assert known.handed_over_at == NOON + timedelta(hours=1)
    assert follow(shipment(), "information", 1) == shipment()
    assert follow(shipment(), "in_transit", -1).state is ShipmentState.in_transit


def test_the_latest_news_counts() -> None:
    known = follow(shipment(), "out_for_delivery", 5)
    assert follow(known, "in_transit", 4) == known
    back = follow(known, "in_transit", 6)
    assert back.state is ShipmentState.in_transit
    assert follow(known, "accepted", 9) == known
    assert follow(known, "in_transit", 5) == known, "of one instant the one that tells more"
    assert follow(known, "attempted", 5).state is ShipmentState.exception
    later = follow(known, "ready_for_collection", 8)
    assert (later.state, later.last_event_at) == (known.state, NOON + timedelta(hours=8))
    assert follow(later, "lost", 7) == later, "there was a sign of life since"


def test_an_end_stays_an_end() -> None:
    delivered = follow(follow(shipment(), "in_transit", 5), "delivered", 4)
    assert delivered.state is ShipmentState.delivered, "however late it is told"
    for kind in TrackingKind:
        assert follow(delivered, kind, 99) == delivered
    returned = follow(shipment(), "returned", 4)
    assert follow(returned, "lost", 99) == returned
    assert follow(returned, "delivered", 3).state is ShipmentState.delivered
    void = shipment("voided")
    assert follow(void, "delivered", 1) == void


def test_a_lost_parcel_may_be_found() -> None:
    lost = follow(shipment(), "lost", 4)
    assert follow(lost, "in_transit", 3) == lost
    assert follow(lost, "in_transit", 5).state is ShipmentState.in_transit
    assert follow(lost, "delivered", 5).state is ShipmentState.delivered


PHASE = {ShipmentState.booked: 0, ShipmentState.handed_over: 1}
PHASE |= dict.fromkeys(MOVING, 2) | {ShipmentState.returned: 3, ShipmentState.delivered: 4}


def test_ends_come_after_all_that_moves() -> None:
    assert set(ENDS) == {s for s in PHASE if PHASE[s] > 2}


EVENTS = st.lists(
    st.tuples(st.sampled_from([k for k in TrackingKind if k != "information"]), st.integers(0, 5)),
    min_size=1,
    max_size=5,
    unique_by=lambda e: (tracking.STATE_OF[e[0]], e[1]),
)


@given(EVENTS)
def test_the_order_of_arrival_does_not_matter(events: list[tuple[TrackingKind, int]]) -> None:
    ends = set()
    for arrival in itertools.permutations(events):
        known = shipment()
        for kind, hour in arrival:
            before = PHASE[known.state]
            known = follow(known, kind, hour)
            assert PHASE[known.state] >= before, "never backwards"
        moved = known.last_event_at if known.state in MOVING else None
        ends.add((known.state, moved))
    assert len(ends) == 1
