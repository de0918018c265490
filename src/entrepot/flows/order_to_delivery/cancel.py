"""Cancel orders: the order ends, its stock is free again, its people are told by the fact."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Move, ReservationState
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.service import Cancelled
from entrepot.ground.database import Tx
from entrepot.words.outcome import Conflict, Refusal

LIVING = (ReservationState.waiting, ReservationState.reserved)


def cancel_orders(
    tx: Tx, requests: Mapping[str, str], *, command_id: str, actor: str
) -> dict[str, Cancelled | Refusal]:
    """Cancel whole orders: order id -> reason; the order first, its stock after (lock order).

    Refuses: unknown_order, bad_value for the reason, wrong_state when the warehouse is at work.
    Raises: Conflict when an order or its stock changed meanwhile.
    """
    answers = ordering.cancel(tx, requests, command_id=command_id, actor=actor)
    ended = [order_id for order_id, a in answers.items() if isinstance(a, Cancelled)]
    moves = [
        Move(
            command_id=command_id,
            actor=actor,
            sku=reservation.sku,
            reservation_id=reservation.reservation_id,
            to_state=ReservationState.cancelled,
            document=reservation.order_id,
        )
        for reservation in commitments.reservations_of_orders(tx, ended)
        if reservation.state in LIVING
    ]
    for moved in commitments.move(tx, moves):
        if isinstance(moved, Refusal):
            raise Conflict(f"stock of a cancelled order: {moved.message}", kind="guard")
    return answers
