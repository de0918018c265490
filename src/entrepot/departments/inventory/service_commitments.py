"""The verbs of commitment: holds for carts, reservations for order lines.

Same rules as `service`: one read, pure decisions, guarded writes, stock locked last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from entrepot.departments.inventory import decisions, store
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import (
    Account,
    Cause,
    Held,
    Hold,
    Move,
    Movement,
    PlaceHold,
    Reservation,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal, RefusalCode

EXPIRY_BATCH = 1_000
SYSTEM = "system"


def reserve_decided(tx: Tx, commands: Sequence[Reserve]) -> None:
    """Commit units to order lines that the caller decided over what was available; a command
    without node waits for stock.

    Raises: Conflict when the stock is not there any more.
    """
    store.add_reservations(tx, [_reservation(tx, command) for command in commands])
    store.post(
        tx,
        [
            decisions.committed(command, command.node)
            for command in commands
            if command.node is not None
        ],
    )


def reserve(tx: Tx, commands: Sequence[Reserve]) -> list[Held | Refusal]:
    """Commit units to order lines; a command without node waits for stock.

    Refuses: not_enough_stock, bad_quantity.
    """
    ledger = Ledger(store.balances(tx, (c.sku for c in commands)))
    answers: list[Held | Refusal] = []
    movements: list[Movement] = []
    for command in commands:
        if command.node is None:
            refusal = decisions.bad_quantity(command.quantity_each)
            answers.append(refusal or Held(_reservation(tx, command)))
            continue
        decided = decisions.commit_units(ledger, command, command.node)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        ledger.apply(decided)
        movements.append(decided)
        answers.append(Held(_reservation(tx, command)))
    store.add_reservations(tx, [a.reservation for a in answers if isinstance(a, Held)])
    store.post(tx, movements)
    return answers


def _reservation(tx: Tx, command: Reserve) -> Reservation:
    waits = command.node is None
    return Reservation(
        sku=command.sku,
        reservation_id=command.reservation_id or tx.new_id(),
        order_id=command.order_id,
        line_no=command.line_no,
        node=command.node,
        quantity_each=command.quantity_each,
        priority=command.priority,
        state=ReservationState.waiting if waits else ReservationState.reserved,
        promised_at=command.promised_at,
        since=tx.now,
    )


def move(tx: Tx, commands: Sequence[Move]) -> list[Reservation | Refusal]:
    """Take reservations a step on: fill, allocate, ship, undo, cancel.

    Refuses: unknown_reservation; wrong_state for a step the table does not know; not_enough_stock
    when a waiting one is filled from a node that has too little.
    """
    known = store.reservations(tx, ((c.sku, c.reservation_id) for c in commands))
    fills = any(c.node is not None for c in commands)
    ledger = Ledger(store.balances(tx, (c.sku for c in commands)) if fills else ())
    answers: list[Reservation | Refusal] = []
    moves: dict[UUID, tuple[Reservation, ReservationState, str | None]] = {}
    movements: list[Movement] = []
    for command in commands:
        decided = _step(ledger, known, command, taken=moves.keys())
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        reservation = known[command.reservation_id]
        # Stock that is kept stays where it is: only a reservation without node takes the command's.
        node = reservation.node or command.node
        moves[command.reservation_id] = (reservation, command.to_state, node)
        movements.extend(decided)
        answers.append(reservation._replace(state=command.to_state, node=node))
    store.move_reservations(tx, list(moves.values()))
    store.post(tx, movements)
    return answers


def movement(command: Move, reservation: Reservation) -> Movement | Refusal | None:
    """What a step moves in the ledger; None when nothing moves.

    Refuses: wrong_state for a step that the table does not know.
    """
    moved = decisions.step(reservation, command.to_state)
    if moved is None or isinstance(moved, Refusal):
        return moved
    from_account, to_account, cause = moved
    node = reservation.node or command.node
    assert node is not None, "only a waiting reservation has no node, and filling one names it"
    return Movement(
        sku=reservation.sku,
        node=node,
        from_account=from_account,
        to_account=to_account,
        quantity_each=reservation.quantity_each,
        cause=cause,
        document=command.document,
        command_id=command.command_id,
        actor=command.actor,
    )


def _step(
    ledger: Ledger,
    known: Mapping[UUID, Reservation],
    command: Move,
    taken: Iterable[UUID],
) -> list[Movement] | Refusal:
    reservation = known.get(command.reservation_id)
    if reservation is None or command.reservation_id in taken:
        return Refusal(
            code=RefusalCode.unknown_reservation,
            message=(
                f"reservation {command.reservation_id} of {command.sku}: not found, "
                "or moved twice in one batch"
            ),
        )
    moved = movement(command, reservation)
    if isinstance(moved, Refusal):
        return moved
    if moved is None:
        return []
    if moved.from_account is Account.free:
        balance = ledger.balance(moved.sku, moved.node)
        if balance.available < moved.quantity_each:
            return decisions.not_enough(balance, moved.quantity_each)
    ledger.apply(moved)
    return [moved]


def shorten(tx: Tx, commands: Sequence[Shorten]) -> list[Reservation | Refusal]:
    """Book units as gone that were allocated but not found; a reservation left empty is cancelled.

    Refuses: unknown_reservation; wrong_state when it is not allocated; bad_quantity for more than
    it holds; bad_value for the reason.
    """
    known = store.reservations(tx, ((c.sku, c.reservation_id) for c in commands))
    answers: list[Reservation | Refusal] = []
    kept: list[tuple[Reservation, int]] = []
    emptied: list[tuple[Reservation, ReservationState, str | None]] = []
    movements: list[Movement] = []
    for command in commands:
        reservation = known.pop(command.reservation_id, None)
        decided = decisions.shorten(reservation, command)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        assert reservation is not None, "an unknown reservation is refused"
        movements.append(decided)
        left = reservation.quantity_each - command.short_each
        if left:
            kept.append((reservation, command.short_each))
            answers.append(reservation._replace(quantity_each=left))
        else:
            emptied.append((reservation, ReservationState.cancelled, None))
            answers.append(reservation._replace(state=ReservationState.cancelled))
    store.shorten_reservations(tx, kept)
    store.move_reservations(tx, emptied)
    store.post(tx, movements)
    return answers


def reservations_of_orders(tx: Tx, order_ids: Sequence[str]) -> list[Reservation]:
    """Every reservation of these orders, by order and line."""
    return store.reservations_of_orders(tx, order_ids)


def reservations(tx: Tx, keys: Iterable[tuple[str, UUID]]) -> dict[UUID, Reservation]:
    """Reservations by id, found through their (SKU, id)."""
    return store.reservations(tx, keys)


def waiting(tx: Tx, skus: Iterable[str]) -> list[Reservation]:
    """Commitments without stock, in the order they are served: priority, then time."""
    return store.waiting(tx, skus)


def hold(tx: Tx, commands: Sequence[PlaceHold]) -> list[Hold | Refusal]:
    """Keep stock for carts until each hold's time.

    Refuses: not_enough_stock, bad_quantity, bad_date for an end that is not in the future.
    """
    ledger = Ledger(store.balances(tx, (c.sku for c in commands)))
    answers: list[Hold | Refusal] = []
    movements: list[Movement] = []
    for command in commands:
        if command.expires_at <= tx.now:
            answers.append(_hold_over(command, tx.now))
            continue
        decided = decisions.commit_units(ledger, command, command.node)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        ledger.apply(decided)
        movements.append(decided)
        answers.append(
            Hold(
                sku=command.sku,
                hold_id=tx.new_id(),
                node=command.node,
                cart=command.cart,
                quantity_each=command.quantity_each,
                expires_at=command.expires_at,
            )
        )
    store.add_holds(tx, [a for a in answers if isinstance(a, Hold)])
    store.post(tx, movements)
    return answers


def _hold_over(command: PlaceHold, now: datetime) -> Refusal:
    return Refusal(
        code=RefusalCode.bad_date,
        message=(
            f"expires_at: found {command.expires_at.isoformat()}, "
            f"expected a time after {now.isoformat()}"
        ),
        field="expires_at",
    )


def extend_holds(tx: Tx, cart: str, expires_at: datetime) -> int:
    """Move the end of a cart's living holds; gives how many there are."""
    return store.extend_holds(tx, cart, expires_at)


def release_holds(tx: Tx, carts: Sequence[str], *, command_id: str, actor: str) -> list[Hold]:
    """Give the stock of carts back; gives the holds that were there."""
    holds = store.remove_cart_holds(tx, carts)
    store.post(tx, [_unheld(h, Cause.hold_released, command_id, actor) for h in holds])
    return holds


def expire_holds(tx: Tx, limit: int = EXPIRY_BATCH) -> list[Hold]:
    """Give back what carts held past their time; gives those holds, at most `limit`."""
    holds = store.remove_expired_holds(tx, limit)
    store.post(tx, [_unheld(h, Cause.hold_expired, f"expire:{h.hold_id}", SYSTEM) for h in holds])
    return holds


def _unheld(held: Hold, cause: Cause, command_id: str, actor: str) -> Movement:
    return Movement(
        sku=held.sku,
        node=held.node,
        from_account=Account.held,
        to_account=Account.free,
        quantity_each=held.quantity_each,
        cause=cause,
        document=held.cart,
        command_id=command_id,
        actor=actor,
    )
