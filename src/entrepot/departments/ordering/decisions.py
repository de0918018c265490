"""Pure order decisions: the state tables, and which step is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from entrepot.departments.ordering.model import (
    CancelReason,
    Header,
    OrderState,
    Part,
    PartHead,
    PartState,
)
from entrepot.words.outcome import Refusal, RefusalCode

ORDER_STEPS: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.awaiting_payment: frozenset({OrderState.open, OrderState.cancelled}),
    OrderState.open: frozenset({OrderState.completed, OrderState.cancelled}),
    OrderState.completed: frozenset(),
    OrderState.cancelled: frozenset(),
}

PART_STEPS: Mapping[PartState, frozenset[PartState]] = {
    PartState.backordered: frozenset({PartState.reserved, PartState.cancelled}),
    PartState.reserved: frozenset({PartState.released, PartState.cancelled}),
    PartState.released: frozenset({PartState.reserved, PartState.picked, PartState.cancelled}),
    PartState.picked: frozenset({PartState.packed, PartState.cancelled}),
    PartState.packed: frozenset({PartState.shipped, PartState.cancelled}),
    PartState.shipped: frozenset({PartState.delivered, PartState.lost}),
    PartState.delivered: frozenset(),
    PartState.lost: frozenset(),
    PartState.cancelled: frozenset(),
}

# From here on a part cannot be cancelled by the customer: the warehouse is at work on it.
CANCELLABLE = frozenset({PartState.backordered, PartState.reserved})
ENDED = frozenset({PartState.delivered, PartState.lost, PartState.cancelled})


def step_order(header: Header, to_state: OrderState) -> Refusal | None:
    """None when the order may take the step."""
    if to_state in ORDER_STEPS[header.state]:
        return None
    return Refusal(
        code=RefusalCode.wrong_state,
        message=(
            f"order {header.order_id} is {header.state} and cannot become {to_state}; "
            f"{_possible(ORDER_STEPS[header.state])}"
        ),
        facts={"order_id": header.order_id, "state": header.state, "asked": to_state},
    )


def step_part(
    order_id: str, order_state: OrderState, part: PartHead, to_state: PartState
) -> Refusal | None:
    """None when the part may take the step; nothing is released before it is paid for."""
    facts = {"order_id": order_id, "part_no": part.part_no, "state": part.state}
    if to_state not in PART_STEPS[part.state]:
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"order {order_id} part {part.part_no} is {part.state} and cannot become "
                f"{to_state}; {_possible(PART_STEPS[part.state])}"
            ),
            facts=facts,
        )
    if to_state is PartState.released and order_state is not OrderState.open:
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"order {order_id} is {order_state}: part {part.part_no} is released when it is "
                f"{OrderState.open}"
            ),
            facts={**facts, "order_state": order_state},
        )
    return None


def _possible(states: Iterable[str]) -> str:
    listed = sorted(states)
    return f"from there it can become {', '.join(listed)}" if listed else "it has come to its end"


def cancel(header: Header, parts: Iterable[Part], reason: str) -> Refusal | None:
    """None when the whole order may be cancelled for this reason.

    Refuses: bad_value for a reason outside the list; wrong_state when the order has ended or the
    warehouse is at work on a part.
    """
    if reason not in list(CancelReason):
        return Refusal(
            code=RefusalCode.bad_value,
            message=f"reason: found {reason!r}, expected one of {', '.join(CancelReason)}",
            field="reason",
        )
    if refusal := step_order(header, OrderState.cancelled):
        return refusal
    late = [p for p in parts if p.state not in CANCELLABLE and p.state is not PartState.cancelled]
    if late:
        listed = ", ".join(f"part {p.part_no} is {p.state}" for p in late)
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"order {header.order_id} cannot be cancelled any more: {listed}; "
                "what is on its way comes back as a return"
            ),
            facts={"order_id": header.order_id},
        )
    return None


def end_of(parts: Sequence[PartHead]) -> OrderState | None:
    """How an order ends with these parts: completed, or cancelled when every part was; None while
    one of them lives."""
    states = {p.state for p in parts}
    if not states <= ENDED:
        return None
    return OrderState.cancelled if states == {PartState.cancelled} else OrderState.completed


def order_subject(order_id: str) -> str:
    """The subject of an order's facts."""
    return f"order/{order_id}"
