"""How an order ends by its parts: completed with the last one, or cancelled when none is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.departments.ordering import decisions, store
from entrepot.departments.ordering.decisions import order_subject
from entrepot.departments.ordering.model import (
    CancelReason,
    OrderCancelled,
    OrderCompleted,
    OrderState,
    PartHead,
    PartMove,
)
from entrepot.departments.ordering.store import EventRow, OrderMove
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact


def end_orders(
    tx: Tx,
    moves: Sequence[PartMove],
    states: Mapping[str, OrderState],
    parts: Mapping[tuple[str, int], PartHead],
) -> None:
    """End the orders whose last living part came to its end by these moves.

    states  of the orders, as they are under their locks
    parts   of the orders, as they are after the moves
    """
    last = {m.order_id: m for m in moves}
    by_order: dict[str, list[PartHead]] = {order_id: [] for order_id in last}
    for (order_id, _), part in parts.items():
        if order_id in by_order:
            by_order[order_id].append(part)
    ends = [
        (last[order_id], end)
        for order_id, listed in by_order.items()
        if (end := decisions.end_of(listed)) is not None
    ]
    store.move_orders(tx, [_move(tx, move, states[move.order_id], end) for move, end in ends])
    store.dequeue_orders(tx, [move.order_id for move, _ in ends])
    store.insert_events(
        tx, [EventRow(m.order_id, end, m.detail, m.command_id, m.actor) for m, end in ends]
    )
    announce(
        tx,
        [
            Announcement(order_subject(m.order_id), _fact(m.order_id, end), m.command_id, m.actor)
            for m, end in ends
        ],
    )


def _move(tx: Tx, move: PartMove, state: OrderState, end: OrderState) -> OrderMove:
    return OrderMove(
        order_id=move.order_id,
        from_state=state,
        to_state=end,
        ended_at=tx.now,
        cancel_reason=CancelReason.stock if end is OrderState.cancelled else None,
    )


def _fact(order_id: str, end: OrderState) -> Fact:
    if end is OrderState.cancelled:
        return OrderCancelled(order_id=order_id, reason=CancelReason.stock, parts=())
    return OrderCompleted(order_id)
