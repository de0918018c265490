"""The verbs of commitment: holds for carts, reservations for order lines.

Same rules as `service`: one read, pure decisions, guarded writes, stock locked last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from entrepot.departments.inventory import decisions, store
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import (
    Account,
    Balance,
    Cause,
    Held,
    Hold,
    Move,
    Movement,
    PlaceHold,
    ReleaseHold,
    Reservation,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal, RefusalCode

EXPIRY_BATCH = 1_000
AT_ONCE = timedelta(0)
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


def still_living(tx: Tx, since: str | None, until: str) -> str | None:
    """Which reservation keeps those with ids from `since` (None = all) until before `until` from
    leaving, in words; None = all of them have ended."""
    found = store.living_reservation(tx, since, until)
    return f"a reservation of order {found[0]} is still {found[1]}" if found else None


def waiting(tx: Tx, skus: Iterable[str]) -> list[Reservation]:
    """Commitments without stock, in the order they are served: priority, then time."""
    return store.waiting(tx, skus)


def stock_last(tx: Tx) -> None:
    """From now on the movements of this transaction are written at its end, all of them in the
    order of their keys; balances are read as if they were written already.

    For work that gives stock back and takes stock, each in an order of its own: written at once,
    two of a kind would wait for each other.
    """
    store.stock_last(tx)


def hold(
    tx: Tx, commands: Sequence[PlaceHold], known: Iterable[Balance] | None = None
) -> list[Hold | Refusal]:
    """Keep stock for carts until each hold's time.

    known  balances the caller read in this transaction for all these SKUs; None = read them here

    Refuses: not_enough_stock, bad_quantity, bad_date for an end that is not in the future.
    Raises: Conflict when `known` is out of date.
    """
    ledger = Ledger(store.balances(tx, (c.sku for c in commands)) if known is None else known)
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


def holds_of(tx: Tx, carts: Iterable[str]) -> list[Hold]:
    """The holds of carts, by cart and SKU; those past their time too, until they are swept."""
    return store.holds_of(tx, carts)


def extend_holds(tx: Tx, ends: Mapping[str, datetime]) -> int:
    """Move the ends of carts' living holds: cart -> time; gives how many there are."""
    return store.extend_holds(tx, ends)


def release_holds(tx: Tx, carts: Sequence[str], *, command_id: str, actor: str) -> list[Hold]:
    """Give the stock of carts back; gives the holds that were there."""
    holds = store.remove_cart_holds(tx, carts)
    store.post(tx, [_unheld(h, Cause.hold_released, command_id, actor) for h in holds])
    return holds


def release(tx: Tx, commands: Sequence[ReleaseHold], cause: Cause = Cause.hold_released) -> None:
    """Give the stock of these holds back.

    Raises: Conflict when one of them ended meanwhile.
    """
    store.remove_holds(tx, [c.hold for c in commands])
    store.post(tx, [_unheld(c.hold, cause, c.command_id, c.actor) for c in commands])


def lend(tx: Tx, commands: Sequence[ReleaseHold]) -> None:
    """Count the units of these holds as free in this transaction, which writes its stock last.

    What becomes of each is said before the end: `end` when its units were used, else `take_back`.
    """
    assert store.is_stock_last(tx), "what is lent is not written before it is known who used it"
    store.post(tx, [_unheld(c.hold, Cause.hold_released, c.command_id, c.actor) for c in commands])


def take_back(tx: Tx, commands: Sequence[ReleaseHold]) -> None:
    """The units of these holds were lent and not used: they are held as before."""
    waiting = store.waiting_movements(tx)
    for c in commands:
        waiting.remove(_unheld(c.hold, Cause.hold_released, c.command_id, c.actor))


def end(tx: Tx, commands: Sequence[ReleaseHold]) -> None:
    """The units of these holds were lent and used: the holds are over.

    Raises: Conflict when one of them ended meanwhile.
    """
    store.remove_holds(tx, [c.hold for c in commands])


def expire_holds(tx: Tx, limit: int = EXPIRY_BATCH, *, late: timedelta = AT_ONCE) -> list[Hold]:
    """Give back what carts held past their time; gives those holds, at most `limit`.

    late  how long past
    """
    holds = store.remove_expired_holds(tx, tx.now - late, limit)
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
