"""Pure stock decisions: which movements a command means, or which refusal.

A `Ledger` is the view of the balances a batch decides over: every decision changes it, so that
commands of one batch compete as if they came one after another. The database's guard has the last
word over stock that changed since the view was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from entrepot.departments.inventory.model import (
    ADJUSTMENT_REASONS,
    Account,
    Adjustment,
    Balance,
    Cause,
    Count,
    Movement,
    OpeningStock,
    PlaceHold,
    Quarantine,
    Receipt,
    Reservation,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import MAX_EACH

# Which step a reservation may take, with the account its units leave and enter and the cause.
# waiting -> reserved takes free stock; cancelled gives back what was kept.
STEPS: Mapping[tuple[ReservationState, ReservationState], tuple[Account, Account, Cause] | None] = {
    (ReservationState.waiting, ReservationState.reserved): (
        Account.free,
        Account.reserved,
        Cause.backorder_filled,
    ),
    (ReservationState.waiting, ReservationState.cancelled): None,
    (ReservationState.reserved, ReservationState.allocated): (
        Account.reserved,
        Account.allocated,
        Cause.release,
    ),
    (ReservationState.reserved, ReservationState.cancelled): (
        Account.reserved,
        Account.free,
        Cause.order_cancelled,
    ),
    (ReservationState.allocated, ReservationState.reserved): (
        Account.allocated,
        Account.reserved,
        Cause.release_undone,
    ),
    (ReservationState.allocated, ReservationState.shipped): (
        Account.allocated,
        Account.customer,
        Cause.shipment,
    ),
    (ReservationState.allocated, ReservationState.cancelled): (
        Account.allocated,
        Account.free,
        Cause.order_cancelled,
    ),
}


class Ledger:
    """Balances by (SKU, node), changed by the movements decided so far."""

    def __init__(self, balances: Iterable[Balance]) -> None:
        self._balances = {(b.sku, b.node): list(b[2:]) for b in balances}

    def balance(self, sku: str, node: str) -> Balance:
        """The balance; zero where nothing was ever booked."""
        return Balance(sku, node, *self._balances.get((sku, node), _NOTHING))

    def available(self, sku: str, node: str) -> int:
        """What may still be promised now."""
        on_hand, held, reserved, allocated, _ = self._balances.get((sku, node), _NOTHING)
        return on_hand - held - reserved - allocated

    def reserve(self, sku: str, node: str, quantity_each: int) -> None:
        """Take a reservation of free stock into account."""
        self._balances.setdefault((sku, node), list(_NOTHING))[_RESERVED] += quantity_each

    def apply(self, movement: Movement) -> None:
        """Take a movement into account."""
        units = self._balances.setdefault((movement.sku, movement.node), list(_NOTHING))
        _move(units, movement)


def taken_each(movement: Movement) -> int:
    """What a movement takes of the free stock; negative for what it gives back."""
    taken = movement.quantity_each if movement.from_account is Account.free else 0
    return taken - (movement.quantity_each if movement.to_account is Account.free else 0)


def changes(movements: Iterable[Movement]) -> dict[tuple[str, str], list[int]]:
    """What movements together change of their balances, by (SKU, node): on hand, held, reserved,
    allocated, quarantined."""
    changed: dict[tuple[str, str], list[int]] = {}
    for movement in movements:
        key = movement.sku, movement.node
        units = changed.get(key)
        if units is None:
            units = changed[key] = [0, 0, 0, 0, 0]
        _move(units, movement)
    return changed


_NOTHING = (0, 0, 0, 0, 0)
_ON_HAND, _HELD, _RESERVED, _ALLOCATED, _QUARANTINED = range(5)
# Which fields of a balance an account is counted in; accounts outside the node are in none.
_FIELDS: Mapping[Account, tuple[int, ...]] = {
    Account.free: (_ON_HAND,),
    Account.held: (_ON_HAND, _HELD),
    Account.reserved: (_ON_HAND, _RESERVED),
    Account.allocated: (_ON_HAND, _ALLOCATED),
    Account.quarantine: (_QUARANTINED,),
}


def _move(units: list[int], movement: Movement) -> None:
    _shift(units, movement.from_account, -movement.quantity_each)
    _shift(units, movement.to_account, movement.quantity_each)


def _shift(units: list[int], account: Account, change_each: int) -> None:
    for field in _FIELDS.get(account, ()):
        units[field] += change_each


def moved(balance: Balance, movement: Movement) -> Balance:
    """The balance after a movement of its SKU at its node."""
    units = list(balance[2:])
    _move(units, movement)
    return Balance(balance.sku, balance.node, *units)


def bad_quantity(quantity_each: int, field: str = "quantity_each") -> Refusal | None:
    """Refuses a quantity outside 1..MAX_EACH."""
    if 1 <= quantity_each <= MAX_EACH:
        return None
    return Refusal(
        code=RefusalCode.bad_quantity,
        message=f"{field}: found {quantity_each}, expected a whole number from 1 to {MAX_EACH}",
        field=field,
        facts={"found": quantity_each, "minimum": 1, "maximum": MAX_EACH},
    )


def not_enough(balance: Balance, asked_each: int) -> Refusal:
    """The refusal of a commitment that the free stock does not cover."""
    return Refusal(
        code=RefusalCode.not_enough_stock,
        message=(
            f"{balance.sku} at {balance.node}: asked for {asked_each}, "
            f"available {balance.available}"
        ),
        facts={
            "sku": balance.sku,
            "node": balance.node,
            "asked_each": asked_each,
            "available_each": balance.available,
        },
    )


def open_stock(ledger: Ledger, command: OpeningStock) -> Movement | Refusal:
    """Stock from before the books enters free stock."""
    if refusal := bad_quantity(command.quantity_each):
        return refusal
    return _countable(
        ledger,
        Movement(
            sku=command.sku,
            node=command.node,
            from_account=Account.opening,
            to_account=Account.free,
            quantity_each=command.quantity_each,
            cause=Cause.opening,
            document="opening",
            command_id=command.command_id,
            actor=command.actor,
        ),
    )


def receive(ledger: Ledger, command: Receipt) -> Movement | Refusal:
    """Goods enter free stock, or quarantine."""
    if refusal := bad_quantity(command.quantity_each):
        return refusal
    returned = command.from_account is Account.customer
    return _countable(
        ledger,
        Movement(
            sku=command.sku,
            node=command.node,
            from_account=command.from_account,
            to_account=Account.quarantine if command.quarantine else Account.free,
            quantity_each=command.quantity_each,
            cause=Cause.customer_return if returned else Cause.receipt,
            document=command.document,
            command_id=command.command_id,
            actor=command.actor,
        ),
    )


def _countable(ledger: Ledger, movement: Movement) -> Movement | Refusal:
    """The movement, unless more than MAX_EACH would then stand in one place."""
    before = ledger.balance(movement.sku, movement.node)
    after = moved(before, movement)
    if max(after.on_hand, after.quarantined) <= MAX_EACH:
        return movement
    return Refusal(
        code=RefusalCode.bad_quantity,
        message=(
            f"{movement.sku} at {movement.node}: {before.on_hand} on hand, {before.quarantined} in "
            f"quarantine, and {movement.quantity_each} more would pass the limit of {MAX_EACH}"
        ),
        field="quantity_each",
        facts={"on_hand": before.on_hand, "quarantined": before.quarantined, "maximum": MAX_EACH},
    )


def adjust(ledger: Ledger, command: Adjustment) -> Movement | Refusal:
    """A correction of free stock.

    Refuses: bad_quantity for zero or huge, bad_value for an unknown reason, not_enough_stock when
    more would go than is free (what is committed is released first, so that its order is told).
    """
    if refusal := bad_quantity(abs(command.change_each), "change_each"):
        return refusal
    if command.reason not in ADJUSTMENT_REASONS:
        return Refusal(
            code=RefusalCode.bad_value,
            message=(
                f"reason: found {command.reason!r}, expected one of {', '.join(ADJUSTMENT_REASONS)}"
            ),
            field="reason",
        )
    balance = ledger.balance(command.sku, command.node)
    if balance.available + command.change_each < 0:
        return not_enough(balance, -command.change_each)
    gain = command.change_each > 0
    return _countable(
        ledger,
        Movement(
            sku=command.sku,
            node=command.node,
            from_account=Account.adjustment if gain else Account.free,
            to_account=Account.free if gain else Account.adjustment,
            quantity_each=abs(command.change_each),
            cause=Cause(command.reason),
            document=command.document or command.command_id,
            command_id=command.command_id,
            actor=command.actor,
        ),
    )


def count(ledger: Ledger, command: Count) -> Movement | Refusal | None:
    """A cycle count becomes an adjustment; None when it finds what the books say.

    Refuses: bad_quantity below zero or huge; not_enough_stock when fewer units were counted than
    are committed: the shortage is decided by people or a flow, order by order.
    """
    if not 0 <= command.counted_each <= MAX_EACH:
        return Refusal(
            code=RefusalCode.bad_quantity,
            message=(
                f"counted_each: found {command.counted_each}, "
                f"expected a whole number from 0 to {MAX_EACH}"
            ),
            field="counted_each",
        )
    balance = ledger.balance(command.sku, command.node)
    change = command.counted_each - balance.on_hand
    if change == 0:
        return None
    committed = balance.on_hand - balance.available
    if command.counted_each < committed:
        return Refusal(
            code=RefusalCode.not_enough_stock,
            message=(
                f"{balance.sku} at {balance.node}: counted {command.counted_each}, but "
                f"{committed} are committed to carts and orders; release "
                f"{committed - command.counted_each} first"
            ),
            field="counted_each",
            facts={"counted_each": command.counted_each, "committed_each": committed},
        )
    return Movement(
        sku=command.sku,
        node=command.node,
        from_account=Account.adjustment if change > 0 else Account.free,
        to_account=Account.free if change > 0 else Account.adjustment,
        quantity_each=abs(change),
        cause=Cause.cycle_count,
        document=command.document,
        command_id=command.command_id,
        actor=command.actor,
    )


def quarantine(ledger: Ledger, command: Quarantine) -> Movement | Refusal:
    """Units leave sale, come back, or are scrapped out of quarantine."""
    if refusal := bad_quantity(command.quantity_each):
        return refusal
    balance = ledger.balance(command.sku, command.node)
    out = command.release or command.scrap
    there = balance.quarantined if out else balance.available
    if there < command.quantity_each:
        return Refusal(
            code=RefusalCode.not_enough_stock,
            message=(
                f"{balance.sku} at {balance.node}: asked for {command.quantity_each}, "
                f"{'in quarantine' if out else 'available'} {there}"
            ),
            facts={"asked_each": command.quantity_each, "available_each": there},
        )
    to_account = Account.scrap if command.scrap else Account.free
    return _countable(
        ledger,
        Movement(
            sku=command.sku,
            node=command.node,
            from_account=Account.quarantine if out else Account.free,
            to_account=to_account if out else Account.quarantine,
            quantity_each=command.quantity_each,
            cause=Cause.damaged if command.scrap else Cause.quality_check,
            document=command.document,
            command_id=command.command_id,
            actor=command.actor,
        ),
    )


def commit_units(ledger: Ledger, command: Reserve | PlaceHold, node: str) -> Movement | Refusal:
    """Free units become reserved for an order line, or held for a cart."""
    if refusal := bad_quantity(command.quantity_each):
        return refusal
    balance = ledger.balance(command.sku, node)
    if balance.available < command.quantity_each:
        return not_enough(balance, command.quantity_each)
    return committed(command, node)


def committed(command: Reserve | PlaceHold, node: str) -> Movement:
    """The movement of a commitment."""
    order = isinstance(command, Reserve)
    return Movement(
        sku=command.sku,
        node=node,
        from_account=Account.free,
        to_account=Account.reserved if order else Account.held,
        quantity_each=command.quantity_each,
        cause=Cause.order if order else Cause.hold,
        document=command.order_id if isinstance(command, Reserve) else command.cart,
        command_id=command.command_id,
        actor=command.actor,
    )


def step(
    reservation: Reservation, to_state: ReservationState
) -> tuple[Account, Account, Cause] | Refusal | None:
    """What a reservation's next step moves; None = nothing moves.

    Refuses: wrong_state for a step that the table does not know.
    """
    key = (reservation.state, to_state)
    if key not in STEPS:
        possible = sorted(to for (start, to) in STEPS if start is reservation.state)
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"reservation {reservation.reservation_id} is {reservation.state} and cannot "
                f"become {to_state}; from there it can become {', '.join(possible) or 'nothing'}"
            ),
            facts={"state": reservation.state, "asked": to_state},
        )
    return STEPS[key]


def shorten(reservation: Reservation | None, command: Shorten) -> Movement | Refusal:
    """Allocated units that are gone leave the books with the reason they are gone for."""
    if reservation is None:
        return Refusal(
            code=RefusalCode.unknown_reservation,
            message=(
                f"reservation {command.reservation_id} of {command.sku}: not found, "
                "or shortened twice in one batch"
            ),
        )
    if reservation.state is not ReservationState.allocated:
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"reservation {reservation.reservation_id} is {reservation.state}; "
                "only an allocated one is shortened"
            ),
            facts={"state": reservation.state},
        )
    if not 1 <= command.short_each <= reservation.quantity_each:
        return Refusal(
            code=RefusalCode.bad_quantity,
            message=(
                f"short_each: found {command.short_each}, "
                f"expected 1 to {reservation.quantity_each}, what is allocated"
            ),
            field="short_each",
        )
    if command.reason not in ADJUSTMENT_REASONS:
        return Refusal(
            code=RefusalCode.bad_value,
            message=(
                f"reason: found {command.reason!r}, expected one of {', '.join(ADJUSTMENT_REASONS)}"
            ),
            field="reason",
        )
    assert reservation.node is not None, "what is allocated lies at a node"
    return Movement(
        sku=reservation.sku,
        node=reservation.node,
        from_account=Account.allocated,
        to_account=Account.adjustment,
        quantity_each=command.short_each,
        cause=Cause(command.reason),
        document=command.document,
        command_id=command.command_id,
        actor=command.actor,
    )
