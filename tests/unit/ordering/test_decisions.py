"""Pure order decisions: the state tables, pair by pair; cancelling; how an order ends."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations_with_replacement, product

import pytest

from entrepot.departments.ordering import decisions
from entrepot.departments.ordering.model import (
    CancelReason,
    Header,
    OrderState,
    Part,
    PartState,
)
from entrepot.words.outcome import RefusalCode

AT = datetime(2026, 1, 5, tzinfo=UTC)

# The tables, written again.
ORDER_PAIRS = {
    ("awaiting_payment", "open"),
    ("awaiting_payment", "cancelled"),
    ("open", "completed"),
    ("open", "cancelled"),
}
PART_PAIRS = {
    ("backordered", "reserved"),
    ("backordered", "cancelled"),
    ("reserved", "released"),
    ("reserved", "cancelled"),
    ("released", "reserved"),
    ("released", "picked"),
    ("released", "cancelled"),
    ("picked", "packed"),
    ("picked", "cancelled"),
    ("packed", "shipped"),
    ("packed", "cancelled"),
    ("shipped", "delivered"),
    ("shipped", "lost"),
}


def header(state: OrderState) -> Header:
    return Header(
        order_id="O-1",
        state=state,
        channel="web",
        person_id=None,
        address_id=None,
        country="DE",
        postal_area="10",
        currency="EUR",
        service="parcel",
        items_minor=0,
        shipping_minor=0,
        cost_mills=0,
        offer_id=None,
        placed_at=AT,
        payment_due_at=AT,
        paid_at=None,
        ended_at=None,
        cancel_reason=None,
        promise_version=1,
        command_id="c",
        actor="ann",
    )


def part(state: PartState, part_no: int = 1) -> Part:
    return Part(part_no, state, "DC1", "parcel", AT, ())


@pytest.mark.parametrize(("start", "to"), list(product(OrderState, repeat=2)))
def test_every_pair_of_order_states(start: OrderState, to: OrderState) -> None:
    refusal = decisions.step_order(header(start), to)
    if (start, to) in ORDER_PAIRS:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.code is RefusalCode.wrong_state
    assert f"order O-1 is {start} and cannot become {to}" in refusal.message
    onward = sorted(t for s, t in ORDER_PAIRS if s == start)
    assert refusal.message.endswith(", ".join(onward) or "it has come to its end")


@pytest.mark.parametrize(("start", "to"), list(product(PartState, repeat=2)))
def test_every_pair_of_part_states(start: PartState, to: PartState) -> None:
    refusal = decisions.step_part("O-1", OrderState.open, part(start, 3), to)
    if (start, to) in PART_PAIRS:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.code is RefusalCode.wrong_state
    assert f"order O-1 part 3 is {start} and cannot become {to}" in refusal.message
    assert refusal.facts == {"order_id": "O-1", "part_no": 3, "state": start}


@pytest.mark.parametrize(("state", "pair"), list(product(OrderState, sorted(PART_PAIRS))))
def test_nothing_is_released_before_it_is_paid(state: OrderState, pair: tuple[str, str]) -> None:
    start, to = PartState(pair[0]), PartState(pair[1])
    refused = decisions.step_part("O-1", state, part(start), to) is not None
    assert refused == (to is PartState.released and state is not OrderState.open)


@pytest.mark.parametrize("state", list(PartState))
def test_every_state_can_be_reached_and_left_or_is_an_end(state: PartState) -> None:
    assert state in {t for _, t in PART_PAIRS} | {PartState.backordered}
    assert (state in decisions.ENDED) == (state not in {s for s, _ in PART_PAIRS})


@pytest.mark.parametrize("reason", list(CancelReason))
@pytest.mark.parametrize("state", [OrderState.open, OrderState.awaiting_payment])
def test_an_order_nobody_works_on_may_be_cancelled(state: OrderState, reason: CancelReason) -> None:
    parts = [part(s) for s in (*decisions.CANCELLABLE, PartState.cancelled)]
    assert decisions.cancel(header(state), parts, reason) is None


@pytest.mark.parametrize("state", [OrderState.completed, OrderState.cancelled])
def test_an_order_that_has_ended_is_not_cancelled(state: OrderState) -> None:
    refusal = decisions.cancel(header(state), [], "customer")
    assert refusal is not None
    assert refusal.code is RefusalCode.wrong_state


@pytest.mark.parametrize(
    "state", sorted(set(PartState) - decisions.CANCELLABLE - {PartState.cancelled})
)
def test_an_order_at_work_is_not_cancelled(state: PartState) -> None:
    parts = [part(PartState.reserved), part(state, 2)]
    refusal = decisions.cancel(header(OrderState.open), parts, "customer")
    assert refusal is not None
    assert refusal.code is RefusalCode.wrong_state
    assert f"part 2 is {state}" in refusal.message


@pytest.mark.parametrize("reason", ["", "Customer", "because", "customer "])
def test_a_reason_outside_the_list_is_refused(reason: str) -> None:
    refusal = decisions.cancel(header(OrderState.open), [], reason)
    assert refusal is not None
    assert (refusal.code, refusal.field) == (RefusalCode.bad_value, "reason")
    assert "payment_timeout" in refusal.message


@pytest.mark.parametrize("states", list(combinations_with_replacement(PartState, 3)))
def test_how_an_order_ends_by_its_parts(states: tuple[PartState, ...]) -> None:
    end = decisions.end_of([part(s, n) for n, s in enumerate(states, start=1)])
    if any(s not in ("delivered", "lost", "cancelled") for s in states):
        assert end is None
    elif set(states) == {PartState.cancelled}:
        assert end is OrderState.cancelled
    else:
        assert end is OrderState.completed


def test_an_end_is_a_step_an_open_order_may_take() -> None:
    for states in combinations_with_replacement(PartState, 2):
        end = decisions.end_of([part(s) for s in states])
        assert end is None or decisions.step_order(header(OrderState.open), end) is None


def test_facts_of_an_order_have_one_subject() -> None:
    assert decisions.order_subject("O-1") == "order/O-1"
