"""SQL about carts and channels: opened under a guard, taken under lock, changed, swept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from entrepot.departments.ordering.carts import Cart, CartHead, CartLine, CartState
from entrepot.departments.ordering.model import ChannelRule
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.ordering")

Row = tuple[Any, ...]


def channels(tx: Tx, names: Iterable[str]) -> dict[str, ChannelRule]:
    """The rules of channels that have some."""
    wanted = {"channels": sorted(set(names))}
    return {row[0]: ChannelRule(*row) for row in tx.rows(Q.read_channels, wanted)}


def put_channels(tx: Tx, rules: Sequence[ChannelRule]) -> None:
    """Write rules, in place of those that are there."""
    if rules:
        tx.run(
            Q.put_channels,
            {
                "channels": [r.channel for r in rules],
                "minutes": [r.hold_minutes for r in rules],
                "minutes_max": [r.hold_minutes_max for r in rules],
                "each_max": [r.hold_each_max for r in rules],
                "days": [r.cart_days for r in rules],
            },
        )


def insert(tx: Tx, carts: Sequence[Cart]) -> None:
    """Write new carts with their lines.

    Raises: Conflict when an id was taken meanwhile.
    """
    if not carts:
        return
    heads = [c.head for c in carts]
    tx.guard(
        Q.insert_carts,
        {
            "cart_ids": [h.cart_id for h in heads],
            "versions": [h.version for h in heads],
            "channels": [h.channel for h in heads],
            "currencies": [h.currency for h in heads],
            "person_ids": [h.person_id for h in heads],
            "countries": [h.country for h in heads],
            "postal_areas": [h.postal_area for h in heads],
            "expires": [h.expires_at for h in heads],
            "holds": [h.holds for h in heads],
            "held_since": [h.held_since for h in heads],
            "held_until": [h.held_until for h in heads],
            "at": tx.now,
        },
        len(carts),
        "a cart id was taken meanwhile",
    )
    put_lines(tx, [(c.head.cart_id, line) for c in carts for line in c.lines])


def put_lines(tx: Tx, rows: Sequence[tuple[str, CartLine]]) -> None:
    """Write lines, in place of those of the same SKU."""
    if rows:
        tx.run(
            Q.put_cart_lines,
            {
                "cart_ids": [cart_id for cart_id, _ in rows],
                "skus": [line.sku for _, line in rows],
                "line_nos": [line.line_no for _, line in rows],
                "quantities": [line.quantity_each for _, line in rows],
                "prices": [line.unit_price_minor for _, line in rows],
                "saved": [line.saved for _, line in rows],
            },
        )


def remove_lines(tx: Tx, keys: Sequence[tuple[str, str]]) -> None:
    """Take lines out: (cart, SKU)."""
    if keys:
        tx.run(
            Q.remove_cart_lines,
            {"cart_ids": [k[0] for k in keys], "skus": [k[1] for k in keys]},
        )


def read(tx: Tx, cart_ids: Iterable[str]) -> dict[str, Cart]:
    """The carts of these ids that there are."""
    return _whole(tx, tx.rows(Q.read_carts, {"cart_ids": sorted(set(cart_ids))}))


def take(tx: Tx, cart_ids: Iterable[str]) -> dict[str, Cart]:
    """Lock carts; gives them as nobody else changes them until the transaction ends."""
    return _whole(tx, tx.rows(Q.take_carts, {"cart_ids": sorted(set(cart_ids))}))


def _whole(tx: Tx, rows: Sequence[Row]) -> dict[str, Cart]:
    heads = {row[0]: CartHead(*row)._replace(state=CartState(row[1])) for row in rows}
    lines = lines_of(tx, heads) if heads else {}
    return {cart_id: Cart(head, tuple(lines.get(cart_id, ()))) for cart_id, head in heads.items()}


def change(tx: Tx, heads: Sequence[CartHead]) -> None:
    """Write the heads of carts that were taken."""
    if heads:
        tx.guard(
            Q.change_carts,
            {
                "cart_ids": [h.cart_id for h in heads],
                "states": [h.state.value for h in heads],
                "versions": [h.version for h in heads],
                "person_ids": [h.person_id for h in heads],
                "countries": [h.country for h in heads],
                "postal_areas": [h.postal_area for h in heads],
                "active": [h.active_at for h in heads],
                "expires": [h.expires_at for h in heads],
                "holds": [h.holds for h in heads],
                "held_since": [h.held_since for h in heads],
                "held_until": [h.held_until for h in heads],
                "ended": [h.ended_at for h in heads],
                "order_ids": [h.order_id for h in heads],
                "order_commands": [h.order_command for h in heads],
                "hashes": [h.completion_hash for h in heads],
            },
            len(heads),
            "a cart that was taken is gone",
        )


def lapse(tx: Tx, limit: int) -> list[str]:
    """Carts whose holds are over and that nobody is at work on: they hold nothing any more."""
    return [row[0] for row in tx.rows(Q.lapse_carts, {"at": tx.now, "limit": limit})]


def expire(tx: Tx, limit: int) -> dict[str, str]:
    """Expire carts that nobody touched in time; gives the channel of each."""
    return dict(tx.rows(Q.expire_carts, {"at": tx.now, "limit": limit}))


def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Remove carts that ended before; gives how many, at most `limit`."""
    rows = tx.rows(Q.forgettable_carts, {"before": before, "limit": limit})
    wanted = {"cart_ids": [row[0] for row in rows]}
    if rows:
        tx.run(Q.forget_cart_lines, wanted)
        tx.run(Q.forget_carts, wanted)
    return len(rows)


def lines_of(tx: Tx, cart_ids: Iterable[str]) -> dict[str, list[CartLine]]:
    """The lines of carts, by cart."""
    lines: dict[str, list[CartLine]] = defaultdict(list)
    for cart_id, *rest in tx.rows(Q.read_cart_lines, {"cart_ids": sorted(set(cart_ids))}):
        lines[cart_id].append(CartLine(*rest))
    return lines


def audit(tx: Tx, late: datetime, limit: int) -> list[str]:
    """What is wrong about carts, in words; `late` = open ones should have expired before."""
    findings = [
        f"cart {cart_id}: {finding}"
        for cart_id, finding in tx.rows(Q.audit_carts, {"late": late, "limit": limit})
    ]
    findings += [
        f"order {order_id}: {count} carts became it, {cart_id} among them"
        for order_id, count, cart_id in tx.rows(Q.audit_twice, {"limit": limit})
    ]
    return findings


def audit_count(tx: Tx) -> int:
    """Carts looked at."""
    row = tx.row(Q.count_carts)
    assert row is not None
    return int(row[0])
