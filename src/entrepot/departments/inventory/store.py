"""The stock tables' only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from entrepot.departments.inventory import decisions
from entrepot.departments.inventory.free_stock import FreeStock
from entrepot.departments.inventory.model import (
    Account,
    Balance,
    Cause,
    Expect,
    Expected,
    Hold,
    Movement,
    Posted,
    Reservation,
    ReservationState,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.inventory")

POST_BATCH = 2_000
Numbered = tuple[UUID, Movement]


# Set in a transaction that writes its movements at its end.
STOCK_LAST = "inventory.stock_last"


def stock_last(tx: Tx) -> None:
    """From now on the movements of this transaction are written at its end."""
    tx.kept[STOCK_LAST] = True


def is_stock_last(tx: Tx) -> bool:
    """Whether the movements of this transaction are written at its end."""
    return STOCK_LAST in tx.kept


def post(tx: Tx, movements: Sequence[Movement]) -> None:
    """Write movements and the balances they imply, or let them wait for the transaction's end.

    Raises: Conflict when a balance changed since it was read so that a movement no longer fits.
    """
    if is_stock_last(tx):
        tx.gather(_write, movements)
    else:
        _write(tx, movements)


def waiting_movements(tx: Tx) -> list[Movement]:
    """The movements that wait for the transaction's end; one taken out is not written."""
    return tx.gathered(_write)


def _with_waiting(tx: Tx, rows: Iterable[tuple[Any, ...]]) -> list[Balance]:
    """Balances as they will be once what waits is written."""
    found = {(row[0], row[1]): Balance(*row) for row in rows}
    for movement in waiting_movements(tx):
        key = (movement.sku, movement.node)
        if key in found:
            found[key] = decisions.moved(found[key], movement)
    return list(found.values())


def _write(tx: Tx, movements: Sequence[Movement]) -> None:
    numbered = list(zip(tx.new_ids(len(movements)), movements, strict=True))
    for batch in _batches(numbered):
        _post(tx, batch)


def _batches(numbered: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """About `POST_BATCH` at a time; those of one balance together: its guard sees their sum."""
    ordered = sorted(numbered, key=_balance)
    start = 0
    while start < len(ordered):
        end = min(start + POST_BATCH, len(ordered))
        while end < len(ordered) and _balance(ordered[end]) == _balance(ordered[end - 1]):
            end += 1
        yield ordered[start:end]
        start = end


def _balance(numbered: Numbered) -> tuple[str, str]:
    return numbered[1].sku, numbered[1].node


def _post(tx: Tx, numbered: Sequence[Numbered]) -> None:
    movements = [movement for _, movement in numbered]
    changes = decisions.changes(movements)
    on_hand, held, reserved, allocated, quarantined = zip(*changes.values(), strict=True)
    tx.guard(
        Q.post,
        {
            "balance_skus": [sku for sku, _ in changes],
            "balance_nodes": [node for _, node in changes],
            "on_hand": list(on_hand),
            "held": list(held),
            "reserved": list(reserved),
            "allocated": list(allocated),
            "quarantined": list(quarantined),
            "balances": len(changes),
            "movement_ids": [movement_id for movement_id, _ in numbered],
            "skus": [m.sku for m in movements],
            "nodes": [m.node for m in movements],
            "from_accounts": [m.from_account.value for m in movements],
            "to_accounts": [m.to_account.value for m in movements],
            "quantities": [m.quantity_each for m in movements],
            "causes": [m.cause.value for m in movements],
            "documents": [m.document for m in movements],
            "command_ids": [m.command_id for m in movements],
            "actors": [m.actor for m in movements],
            "at": tx.now,
        },
        len(movements),
        "stock changed meanwhile: a movement no longer fits",
    )


def take(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[Balance]:
    """Lock the balances of these (SKU, node) that have a row; gives them as nobody changes them
    until the transaction ends."""
    pairs = sorted(set(keys))
    wanted = {"skus": [p[0] for p in pairs], "nodes": [p[1] for p in pairs]}
    return _with_waiting(tx, tx.rows(Q.take_stock, wanted))


def create(tx: Tx, keys: Iterable[tuple[str, str]]) -> None:
    """Write balance rows for (SKU, node) that had none when they were taken.

    Raises: Conflict when another transaction wrote one meanwhile.
    """
    pairs = sorted(set(keys))
    wanted = {"skus": [p[0] for p in pairs], "nodes": [p[1] for p in pairs]}
    if pairs:
        tx.guard(
            Q.ensure_stock,
            wanted,
            len(pairs),
            "a SKU's first stock at a node was booked meanwhile",
        )


def balances(tx: Tx, skus: Iterable[str]) -> list[Balance]:
    """Every balance of these SKUs, by SKU and node."""
    return _with_waiting(tx, tx.rows(Q.read_stock, {"skus": sorted(set(skus))}))


def free_stock(tx: Tx, skus: Sequence[str], nodes: Sequence[str]) -> FreeStock:
    """What may be promised of these SKUs at these nodes, as a table; what waits to be written
    counts as written."""
    found = tx.row(Q.read_available, {"skus": list(skus), "nodes": list(nodes)})
    assert found is not None, "an aggregate has a row"
    free = FreeStock(skus, nodes, *(column or () for column in found))
    for movement in waiting_movements(tx):
        if movement.sku in free.skus and movement.node in free.nodes:
            free.take(movement.sku, movement.node, decisions.taken_each(movement))
    return free


def page(tx: Tx, after: tuple[str, str], limit: int) -> list[Balance]:
    """Balances by SKU and node, from after the given key."""
    rows = tx.rows(Q.list_stock, {"after_sku": after[0], "after_node": after[1], "limit": limit})
    return [Balance(*row) for row in rows]


def opened(tx: Tx, skus: Iterable[str]) -> Mapping[tuple[str, str], int]:
    """Opening stock booked so far by (SKU, node), each."""
    rows = tx.rows(Q.opened, {"skus": sorted(set(skus))})
    return {(row[0], row[1]): row[2] for row in rows}


def record_opened(tx: Tx, opened_each: Mapping[tuple[str, str], int]) -> None:
    """Note opening stock by (SKU, node), each.

    Raises: Conflict when another transaction noted one meanwhile.
    """
    if opened_each:
        keys = sorted(opened_each)
        tx.run(
            Q.record_opened,
            {
                "skus": [k[0] for k in keys],
                "nodes": [k[1] for k in keys],
                "quantities": [opened_each[k] for k in keys],
            },
        )


def carry_forward(tx: Tx, since: str | None, until: str) -> None:
    """Keep what the movements with ids from `since` (None = all) until before `until` sum up to."""
    tx.run(Q.carry_forward, {"since": since, "until": until})


def add_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Write holds."""
    if holds:
        tx.run(
            Q.insert_holds,
            {
                "skus": [h.sku for h in holds],
                "hold_ids": [h.hold_id for h in holds],
                "nodes": [h.node for h in holds],
                "carts": [h.cart for h in holds],
                "quantities": [h.quantity_each for h in holds],
                "expires": [h.expires_at for h in holds],
            },
        )


def holds_of(tx: Tx, carts: Iterable[str]) -> list[Hold]:
    """The holds of carts, by cart, SKU and the order they were placed in."""
    wanted = sorted(set(carts))
    return [Hold(*row) for row in tx.rows(Q.read_holds, {"carts": wanted})] if wanted else []


def extend_holds(tx: Tx, ends: Mapping[str, datetime]) -> int:
    """Move the ends of carts' living holds: cart -> time; gives how many there are."""
    if not ends:
        return 0
    carts = sorted(ends)
    return tx.count(
        Q.extend_holds, {"carts": carts, "expires": [ends[c] for c in carts], "at": tx.now}
    )


def remove_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Take these holds away.

    Raises: Conflict when one is not there any more, or has other units.
    """
    if holds:
        tx.guard(
            Q.remove_holds,
            {
                "skus": [h.sku for h in holds],
                "hold_ids": [h.hold_id for h in holds],
                "quantities": [h.quantity_each for h in holds],
            },
            len(holds),
            "a hold ended meanwhile",
        )


def remove_cart_holds(tx: Tx, carts: Sequence[str]) -> list[Hold]:
    """Take the holds of carts away; gives them."""
    return [Hold(*row) for row in tx.rows(Q.remove_cart_holds, {"carts": list(carts)})]


def remove_expired_holds(tx: Tx, until: datetime, limit: int) -> list[Hold]:
    """Take holds away whose time was over by then; gives them."""
    rows = tx.rows(Q.remove_expired_holds, {"at": until, "limit": limit})
    return [Hold(*row) for row in rows]


def add_reservations(tx: Tx, reservations: Sequence[Reservation]) -> None:
    """Write reservations."""
    if reservations:
        tx.run(
            Q.insert_reservations,
            {
                "skus": [r.sku for r in reservations],
                "reservation_ids": [r.reservation_id for r in reservations],
                "order_ids": [r.order_id for r in reservations],
                "line_nos": [r.line_no for r in reservations],
                "nodes": [r.node for r in reservations],
                "quantities": [r.quantity_each for r in reservations],
                "priorities": [r.priority for r in reservations],
                "states": [r.state.value for r in reservations],
                "promised": [r.promised_at for r in reservations],
                "at": tx.now,
            },
        )


def _reservation(row: tuple[Any, ...]) -> Reservation:
    return Reservation(*row)._replace(state=ReservationState(row[7]))


def reservations(tx: Tx, keys: Iterable[tuple[str, UUID]]) -> dict[UUID, Reservation]:
    """Reservations by id, found through their SKUs."""
    pairs = list(dict.fromkeys(keys))
    rows = tx.rows(
        Q.read_reservations,
        {"skus": [p[0] for p in pairs], "reservation_ids": [p[1] for p in pairs]},
    )
    return {row[1]: _reservation(row) for row in rows}


def reservations_of_orders(tx: Tx, order_ids: Sequence[str]) -> list[Reservation]:
    """Every reservation of these orders, by order and line."""
    rows = tx.rows(Q.reservations_of_orders, {"order_ids": list(order_ids)})
    return [_reservation(row) for row in rows]


def waiting(tx: Tx, skus: Iterable[str]) -> list[Reservation]:
    """Commitments without stock, in the order they are served."""
    return [_reservation(row) for row in tx.rows(Q.waiting, {"skus": sorted(set(skus))})]


def move_reservations(
    tx: Tx, moves: Sequence[tuple[Reservation, ReservationState, str | None]]
) -> None:
    """Take reservations from the state they were read in to another.

    Raises: Conflict when one is no longer in that state or has other units.
    """
    if not moves:
        return
    tx.guard(
        Q.move_reservations,
        {
            "skus": [r.sku for r, _, _ in moves],
            "reservation_ids": [r.reservation_id for r, _, _ in moves],
            "quantities": [r.quantity_each for r, _, _ in moves],
            "from_states": [r.state.value for r, _, _ in moves],
            "to_states": [to.value for _, to, _ in moves],
            "nodes": [node for _, _, node in moves],
        },
        len(moves),
        "a reservation changed meanwhile",
    )


def shorten_reservations(tx: Tx, shorts: Sequence[tuple[Reservation, int]]) -> None:
    """Take units off allocated reservations that keep some.

    Raises: Conflict when one changed meanwhile.
    """
    if not shorts:
        return
    tx.guard(
        Q.shorten_reservations,
        {
            "skus": [r.sku for r, _ in shorts],
            "reservation_ids": [r.reservation_id for r, _ in shorts],
            "shorts": [units for _, units in shorts],
        },
        len(shorts),
        "a reservation changed meanwhile",
    )


def living_reservation(tx: Tx, since: str | None, until: str) -> tuple[str, str] | None:
    """A reservation with an id in this range that has not ended: (order id, state)."""
    row = tx.row(Q.living_reservation, {"since": since, "until": until})
    return (row[0], row[1]) if row else None


def expect(tx: Tx, commands: Sequence[Expect]) -> set[tuple[str, str]]:
    """Write or replace expected receipts; gives the (SKU, expected id) that are not closed."""
    if not commands:
        return set()
    rows = tx.rows(
        Q.expect,
        {
            "skus": [c.sku for c in commands],
            "expected_ids": [c.expected_id for c in commands],
            "nodes": [c.node for c in commands],
            "quantities": [c.quantity_each for c in commands],
            "due": [c.due_at for c in commands],
            "documents": [c.document for c in commands],
        },
    )
    return {(row[0], row[1]) for row in rows}


def close_expected(tx: Tx, received: Mapping[tuple[str, str], tuple[int, bool]]) -> None:
    """Take receipts off what was expected: (SKU, expected id) -> (each, close it)."""
    if received:
        keys = sorted(received)
        tx.run(
            Q.close_expected,
            {
                "skus": [k[0] for k in keys],
                "expected_ids": [k[1] for k in keys],
                "received": [received[k][0] for k in keys],
                "closes": [received[k][1] for k in keys],
            },
        )


def expected(tx: Tx, skus: Iterable[str]) -> list[Expected]:
    """Open expected receipts of these SKUs, by SKU and due time."""
    return [Expected(*row) for row in tx.rows(Q.read_expected, {"skus": sorted(set(skus))})]


def story(tx: Tx, sku: str, node: str | None, limit: int) -> list[Posted]:
    """The latest movements of a SKU, newest first."""
    return [
        Posted(*row)._replace(
            from_account=Account(row[3]), to_account=Account(row[4]), cause=Cause(row[6])
        )
        for row in tx.rows(Q.story, {"sku": sku, "node": node, "limit": limit})
    ]


def audit_balances(tx: Tx, limit: int) -> list[tuple[str, str, str, str, str]]:
    """Balances that differ from ledger or commitments: (SKU, node, balance, ledger, committed)."""
    rows = tx.rows(Q.audit_balances, {"limit": limit})
    return [(r[0], r[1], r[2], r[3], r[4]) for r in rows]


def audit_conservation(tx: Tx, limit: int) -> list[tuple[str, int, int]]:
    """SKUs that do not add up: (SKU, units there, units in less units out)."""
    return [(r[0], r[1], r[2]) for r in tx.rows(Q.audit_conservation, {"limit": limit})]


def audit_opened(tx: Tx, limit: int) -> list[tuple[str, str, int, int]]:
    """Opening stock that is noted otherwise than booked: (SKU, node, noted, booked)."""
    return [(r[0], r[1], r[2], r[3]) for r in tx.rows(Q.audit_opened, {"limit": limit})]


def audit_counts(tx: Tx) -> tuple[int, int, int]:
    """Movements, balances and reservations looked at."""
    row = tx.row(Q.audit_counts)
    assert row is not None
    return row[0], row[1], row[2]
