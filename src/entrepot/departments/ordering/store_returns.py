"""SQL about returns: written under a guard, taken under lock, booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from entrepot.departments.ordering.returns import (
    Returnable,
    ReturnHeader,
    ReturnLine,
    ReturnOrder,
    ReturnReason,
    ReturnState,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.ordering")

Key = tuple[str, str]


def returnable(tx: Tx, order_ids: Iterable[str]) -> dict[str, dict[int, Returnable]]:
    """The lines of orders with what was shipped and returned of each, by order and line."""
    wanted = {"order_ids": sorted(set(order_ids))}
    shipped: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for order_id, line_no, node, each in tx.rows(Q.read_shipped, wanted):
        shipped[order_id, line_no].append((node, each))
    returned = {(r[0], r[1]): r[2] for r in tx.rows(Q.read_returned, wanted)}
    found: dict[str, dict[int, Returnable]] = defaultdict(dict)
    for order_id, line_no, sku, price, currency in tx.rows(Q.read_return_lines_of_orders, wanted):
        key = (order_id, line_no)
        found[order_id][line_no] = Returnable(
            line_no=line_no,
            sku=sku,
            unit_price_minor=price,
            currency=currency,
            shipped=tuple(shipped.get(key, ())),
            returned_each=returned.get(key, 0),
        )
    return found


def insert(tx: Tx, orders: Sequence[ReturnOrder]) -> None:
    """Write new returns.

    Raises: Conflict when an id was taken meanwhile, or more would come back than was shipped.
    """
    if not orders:
        return
    headers = [o.header for o in orders]
    tx.run(
        Q.insert_return_orders,
        {
            "order_ids": [h.order_id for h in headers],
            "return_ids": [h.return_id for h in headers],
            "nodes": [h.node for h in headers],
            "reasons": [h.reason.value for h in headers],
            "currencies": [h.currency for h in headers],
            "command_ids": [h.command_id for h in headers],
            "actors": [h.actor for h in headers],
            "at": tx.now,
        },
    )
    rows = [(o.header, line) for o in orders for line in o.lines]
    wanted: dict[tuple[str, int], int] = defaultdict(int)
    for header, line in rows:
        wanted[header.order_id, line.line_no] += line.counted_each
    tx.guard(
        Q.insert_return_lines,
        {
            "order_ids": [h.order_id for h, _ in rows],
            "return_ids": [h.return_id for h, _ in rows],
            "line_nos": [line.line_no for _, line in rows],
            "skus": [line.sku for _, line in rows],
            "quantities": [line.quantity_each for _, line in rows],
            "prices": [line.unit_price_minor for _, line in rows],
            "wanted": [wanted[h.order_id, line.line_no] for h, line in rows],
        },
        len(rows),
        "more would come back of an order line than was shipped",
    )


def _header(row: tuple[Any, ...]) -> ReturnHeader:
    return ReturnHeader(*row)._replace(state=ReturnState(row[2]), reason=ReturnReason(row[4]))


def _whole(tx: Tx, rows: Iterable[tuple[Any, ...]]) -> dict[Key, ReturnOrder]:
    headers = {(row[0], row[1]): _header(row) for row in rows}
    if not headers:
        return {}
    lines: dict[Key, list[ReturnLine]] = defaultdict(list)
    wanted = {"order_ids": sorted({order_id for order_id, _ in headers})}
    for order_id, return_id, *rest in tx.rows(Q.read_return_lines, wanted):
        lines[order_id, return_id].append(ReturnLine(*rest))
    return {key: ReturnOrder(header, tuple(lines[key])) for key, header in headers.items()}


def take(tx: Tx, keys: Iterable[Key]) -> dict[Key, ReturnOrder]:
    """Lock returns, in key order; gives them as nobody changes them until the transaction ends."""
    pairs = sorted(set(keys))
    wanted = {"order_ids": [p[0] for p in pairs], "return_ids": [p[1] for p in pairs]}
    return _whole(tx, tx.rows(Q.take_returns, wanted))


def of_orders(tx: Tx, order_ids: Iterable[str]) -> dict[Key, ReturnOrder]:
    """Every return of these orders, by (order, return)."""
    return _whole(tx, tx.rows(Q.read_returns, {"order_ids": sorted(set(order_ids))}))


def in_state(
    tx: Tx, state: ReturnState, after: tuple[datetime, str, str], limit: int
) -> list[ReturnOrder]:
    """Returns in a state, from after (since, order, return)."""
    wanted = {
        "state": state.value,
        "since": after[0],
        "after_order": after[1],
        "after_return": after[2],
        "limit": limit,
    }
    return list(_whole(tx, tx.rows(Q.returns_in_state, wanted)).values())


def move(tx: Tx, before: Mapping[Key, ReturnOrder], after: Sequence[ReturnOrder]) -> None:
    """Write returns that took a step, only from the state they were read in.

    Raises: Conflict when one is no longer in that state.
    """
    if not after:
        return
    headers = [o.header for o in after]
    tx.guard(
        Q.move_returns,
        {
            "order_ids": [h.order_id for h in headers],
            "return_ids": [h.return_id for h in headers],
            "from_states": [before[h.order_id, h.return_id].header.state.value for h in headers],
            "to_states": [h.state.value for h in headers],
            "received": [h.received_at for h in headers],
            "graded": [h.graded_at for h in headers],
            "at": tx.now,
        },
        len(after),
        "a return changed its state meanwhile",
    )
    rows = [(o.header, line) for o in after for line in o.lines]
    tx.run(
        Q.book_return_lines,
        {
            "order_ids": [h.order_id for h, _ in rows],
            "return_ids": [h.return_id for h, _ in rows],
            "line_nos": [line.line_no for _, line in rows],
            "counted": [line.counted_each for _, line in rows],
            "received": [line.received_each for _, line in rows],
            "restocked": [line.restocked_each for _, line in rows],
            "scrapped": [line.scrapped_each for _, line in rows],
        },
    )


def audit(tx: Tx, limit: int) -> list[str]:
    """What does not add up within the returns, in words."""
    findings = [
        f"order {r[0]} line {r[1]}: {r[2]} returned, but only {r[3]} shipped"
        for r in tx.rows(Q.audit_returned, {"limit": limit})
    ]
    return findings + [
        f"return {r[1]} of order {r[0]} {r[2]}" for r in tx.rows(Q.audit_returns, {"limit": limit})
    ]


def audit_count(tx: Tx) -> int:
    """Returns looked at."""
    row = tx.row(Q.audit_return_counts)
    assert row is not None
    return int(row[0])
