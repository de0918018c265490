"""The order tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from entrepot.departments.ordering.model import (
    Event,
    Expectation,
    Header,
    Line,
    NewOrder,
    Order,
    OrderState,
    Part,
    PartHead,
    PartLine,
    PartMove,
    PartState,
    PastOrder,
    Queue,
    Queued,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.ordering")


class EventRow(NamedTuple):
    """An event about to be written."""

    order_id: str
    kind: str
    detail: str
    command_id: str
    actor: str


def insert(tx: Tx, orders: Sequence[NewOrder]) -> None:
    """Write whole orders.

    Raises: Conflict when an order id was taken meanwhile.
    """
    headers = [o.header for o in orders]
    tx.guard(
        Q.insert_orders,
        {
            "order_ids": [h.order_id for h in headers],
            "states": [h.state.value for h in headers],
            "channels": [h.channel for h in headers],
            "person_ids": [h.person_id for h in headers],
            "address_ids": [h.address_id for h in headers],
            "countries": [h.country for h in headers],
            "postal_areas": [h.postal_area for h in headers],
            "currencies": [h.currency for h in headers],
            "services": [h.service for h in headers],
            "items": [h.items_minor for h in headers],
            "shippings": [h.shipping_minor for h in headers],
            "costs": [h.cost_mills for h in headers],
            "offer_ids": [h.offer_id for h in headers],
            "placed": [h.placed_at for h in headers],
            "due": [h.payment_due_at for h in headers],
            "paid": [h.paid_at for h in headers],
            "promise_versions": [h.promise_version for h in headers],
            "command_ids": [h.command_id for h in headers],
            "actors": [h.actor for h in headers],
        },
        len(orders),
        "an order id was taken meanwhile",
    )
    _insert_lines(tx, orders)
    insert_parts(tx, [(o.header.order_id, part) for o in orders for part in o.parts])
    insert_expectations(tx, [(o.header.order_id, e) for o in orders for e in o.expectations])


def _insert_lines(tx: Tx, orders: Sequence[NewOrder]) -> None:
    rows = [(o.header.order_id, line) for o in orders for line in o.lines]
    tx.run(
        Q.insert_lines,
        {
            "order_ids": [order_id for order_id, _ in rows],
            "line_nos": [line.line_no for _, line in rows],
            "skus": [line.sku for _, line in rows],
            "quantities": [line.quantity_each for _, line in rows],
            "prices": [line.unit_price_minor for _, line in rows],
            "versions": [line.price_version for _, line in rows],
        },
    )


def insert_parts(tx: Tx, parts: Sequence[tuple[str, Part]]) -> None:
    """Write parts with their lines: (order, part)."""
    tx.run(
        Q.insert_parts,
        {
            "order_ids": [order_id for order_id, _ in parts],
            "part_nos": [p.part_no for _, p in parts],
            "states": [p.state.value for _, p in parts],
            "nodes": [p.node for _, p in parts],
            "services": [p.service for _, p in parts],
            "sinces": [p.since for _, p in parts],
        },
    )
    rows = [(order_id, p.part_no, line) for order_id, p in parts for line in p.lines]
    tx.run(
        Q.insert_part_lines,
        {
            "order_ids": [order_id for order_id, _, _ in rows],
            "part_nos": [part_no for _, part_no, _ in rows],
            "line_nos": [line.line_no for _, _, line in rows],
            "quantities": [line.quantity_each for _, _, line in rows],
            "reservation_ids": [line.reservation_id for _, _, line in rows],
        },
    )


def insert_expectations(tx: Tx, rows: Sequence[tuple[str, Expectation]]) -> None:
    """Add versions of what customers were told."""
    if rows:
        tx.run(
            Q.insert_expectations,
            {
                "order_ids": [order_id for order_id, _ in rows],
                "versions": [e.version for _, e in rows],
                "part_nos": [e.part_no for _, e in rows],
                "expected": [e.expected_date for _, e in rows],
                "latest": [e.latest_date for _, e in rows],
                "probabilities": [e.probability_ppm for _, e in rows],
                "reasons": [e.reason for _, e in rows],
                "ats": [e.at for _, e in rows],
            },
        )


def insert_events(tx: Tx, rows: Sequence[EventRow]) -> None:
    """Add what happened, in the given order."""
    if rows:
        tx.run(
            Q.insert_events,
            {
                "order_ids": [r.order_id for r in rows],
                "event_ids": tx.new_ids(len(rows)),
                "ats": [tx.now for _ in rows],
                "kinds": [r.kind for r in rows],
                "details": [r.detail for r in rows],
                "command_ids": [r.command_id for r in rows],
                "actors": [r.actor for r in rows],
            },
        )


def enqueue(tx: Tx, rows: Sequence[Queued]) -> None:
    """Put orders into queues; one that stands there keeps its age."""
    if rows:
        tx.run(
            Q.enqueue,
            {
                "order_ids": [q.order_id for q in rows],
                "queues": [q.queue.value for q in rows],
                "part_nos": [q.part_no for q in rows],
                "owners": [q.owner for q in rows],
                "reasons": [q.reason for q in rows],
                "sinces": [q.since for q in rows],
            },
        )


def dequeue(tx: Tx, keys: Sequence[tuple[str, Queue, int]]) -> None:
    """Take (order, queue, part) out of their queues."""
    if keys:
        tx.run(
            Q.dequeue,
            {
                "order_ids": [k[0] for k in keys],
                "queues": [k[1].value for k in keys],
                "part_nos": [k[2] for k in keys],
            },
        )


def dequeue_orders(tx: Tx, order_ids: Sequence[str]) -> None:
    """Take orders out of every queue."""
    tx.run(Q.dequeue_orders, {"order_ids": list(order_ids)})


def _header(row: tuple[Any, ...]) -> Header:
    return Header(*row)._replace(state=OrderState(row[1]))


def headers(tx: Tx, order_ids: Iterable[str]) -> dict[str, Header]:
    """Orders without their lines, by id."""
    rows = tx.rows(Q.read_headers, {"order_ids": sorted(set(order_ids))})
    return {row[0]: _header(row) for row in rows}


def find(
    tx: Tx,
    *,
    before: tuple[datetime, str],
    state: OrderState | None,
    person_id: UUID | None,
    since: datetime | None,
    limit: int,
) -> list[Header]:
    """Orders placed before the given (time, id), newest first."""
    rows = tx.rows(
        Q.find_headers,
        {
            "before": before[0],
            "before_id": before[1],
            "state": state.value if state else None,
            "person_id": person_id,
            "since": since,
            "limit": limit,
        },
    )
    return [_header(row) for row in rows]


def part_heads(tx: Tx, order_ids: Iterable[str]) -> dict[tuple[str, int], PartHead]:
    """Where the parts of orders stand, by (order, part)."""
    rows = tx.rows(Q.read_parts, {"order_ids": sorted(set(order_ids))})
    return {(row[0], row[1]): PartHead(row[1], PartState(row[2]), *row[3:]) for row in rows}


def part_lines(tx: Tx, order_ids: Iterable[str]) -> dict[tuple[str, int], list[PartLine]]:
    """The lines of parts, by (order, part)."""
    lines: dict[tuple[str, int], list[PartLine]] = defaultdict(list)
    wanted = {"order_ids": sorted(set(order_ids))}
    for order_id, part_no, *rest in tx.rows(Q.read_part_lines, wanted):
        lines[order_id, part_no].append(PartLine(*rest))
    return lines


def parts(tx: Tx, order_ids: Iterable[str]) -> dict[str, tuple[Part, ...]]:
    """The parts of orders, with their lines."""
    wanted = {"order_ids": sorted(set(order_ids))}
    lines = part_lines(tx, wanted["order_ids"])
    found: dict[str, list[Part]] = defaultdict(list)
    for (order_id, part_no), head in part_heads(tx, wanted["order_ids"]).items():
        found[order_id].append(Part(*head, lines=tuple(lines[order_id, part_no])))
    return {order_id: tuple(listed) for order_id, listed in found.items()}


def lines(tx: Tx, order_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
    """The lines of orders."""
    found: dict[str, list[Line]] = defaultdict(list)
    for order_id, *rest in tx.rows(Q.read_lines, {"order_ids": sorted(set(order_ids))}):
        found[order_id].append(Line(*rest))
    return {order_id: tuple(listed) for order_id, listed in found.items()}


def orders(tx: Tx, order_ids: Sequence[str]) -> list[Order]:
    """Whole orders, by id."""
    known = headers(tx, order_ids)
    wanted = {"order_ids": sorted(known)}
    order_lines, order_parts = lines(tx, known), parts(tx, known)
    expectations: dict[str, list[Expectation]] = defaultdict(list)
    for order_id, *rest in tx.rows(Q.read_expectations, wanted):
        expectations[order_id].append(Expectation(*rest))
    events: dict[str, list[Event]] = defaultdict(list)
    for order_id, *rest in tx.rows(Q.read_events, wanted):
        events[order_id].append(Event(*rest))
    queues: dict[str, list[Queued]] = defaultdict(list)
    for row in tx.rows(Q.read_queues, wanted):
        queues[row[0]].append(_queued(row))
    return [
        Order(
            header=header,
            lines=order_lines.get(order_id, ()),
            parts=order_parts.get(order_id, ()),
            expectations=tuple(expectations[order_id]),
            events=tuple(events[order_id]),
            queues=tuple(queues[order_id]),
        )
        for order_id, header in known.items()
    ]


def _queued(row: tuple[Any, ...]) -> Queued:
    return Queued(*row)._replace(queue=Queue(row[1]))


def queue_page(tx: Tx, queue: Queue | None, limit: int) -> list[Queued]:
    """What waits, the oldest first."""
    rows = tx.rows(Q.list_queue, {"queue": queue.value if queue else None, "limit": limit})
    return [_queued(row) for row in rows]


def queue_counts(tx: Tx) -> list[tuple[str, int, datetime]]:
    """Per queue: how many wait, and since when the oldest does."""
    return [(r[0], r[1], r[2]) for r in tx.rows(Q.count_queues)]


class OrderMove(NamedTuple):
    """A guarded change of an order's state."""

    order_id: str
    from_state: OrderState
    to_state: OrderState
    paid_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_reason: str | None = None


def move_orders(tx: Tx, moves: Sequence[OrderMove]) -> None:
    """Change order states, only from the state they were read in.

    Raises: Conflict when one is no longer in that state.
    """
    if not moves:
        return
    tx.guard(
        Q.move_orders,
        {
            "order_ids": [m.order_id for m in moves],
            "from_states": [m.from_state.value for m in moves],
            "to_states": [m.to_state.value for m in moves],
            "paid": [m.paid_at for m in moves],
            "ended": [m.ended_at for m in moves],
            "reasons": [m.cancel_reason for m in moves],
        },
        len(moves),
        "an order changed its state meanwhile",
    )


def touch(tx: Tx, order_ids: Iterable[str]) -> dict[str, OrderState]:
    """Take the rows of orders, in key order, before their parts change; gives their states."""
    rows = tx.rows(Q.touch_orders, {"order_ids": sorted(set(order_ids))})
    return {row[0]: OrderState(row[1]) for row in rows}


def raise_promise(tx: Tx, versions: Sequence[tuple[str, int]]) -> None:
    """Raise promise versions by one each.

    Raises: Conflict when another version was given meanwhile.
    """
    if not versions:
        return
    tx.guard(
        Q.raise_promise_version,
        {"order_ids": [v[0] for v in versions], "versions": [v[1] for v in versions]},
        len(versions),
        "a promise changed meanwhile",
    )


def move_parts(tx: Tx, moves: Sequence[tuple[PartMove, PartState]]) -> None:
    """Change part states, only from the state they were read in.

    Raises: Conflict when one is no longer in that state.
    """
    if not moves:
        return
    tx.guard(
        Q.move_parts,
        {
            "order_ids": [m.order_id for m, _ in moves],
            "part_nos": [m.part_no for m, _ in moves],
            "from_states": [state.value for _, state in moves],
            "to_states": [m.to_state.value for m, _ in moves],
            "nodes": [m.node for m, _ in moves],
            "services": [m.service for m, _ in moves],
            "at": tx.now,
        },
        len(moves),
        "a part changed its state meanwhile",
    )


def payment_overdue(tx: Tx, limit: int) -> list[str]:
    """Orders whose payment did not come in time."""
    return [r[0] for r in tx.rows(Q.payment_overdue, {"at": tx.now, "limit": limit})]


def known_ids(tx: Tx, order_ids: Iterable[str]) -> dict[str, bytes | None]:
    """Ids that are taken; the content hash for history, None for living orders."""
    rows = tx.rows(Q.known_order_ids, {"order_ids": sorted(set(order_ids))})
    return {row[0]: row[1] for row in rows}


def insert_past(tx: Tx, orders: Sequence[PastOrder]) -> set[str]:
    """Write history; gives the ids that were new. Of equal ids in a batch the first counts."""
    orders = list({o.order_id: o for o in reversed(orders)}.values())
    if not orders:
        return set()
    fresh = {
        row[0]
        for row in tx.rows(
            Q.insert_past_orders,
            {
                "order_ids": [o.order_id for o in orders],
                "hashes": [o.content_hash for o in orders],
                "customers": [o.customer_ref for o in orders],
                "countries": [o.country for o in orders],
                "currencies": [o.currency for o in orders],
                "placed": [o.placed_at for o in orders],
                "at": tx.now,
            },
        )
    }
    rows = [(o.order_id, line) for o in orders if o.order_id in fresh for line in o.lines]
    tx.run(
        Q.insert_past_lines,
        {
            "order_ids": [order_id for order_id, _ in rows],
            "line_nos": [line.line_no for _, line in rows],
            "skus": [line.sku for _, line in rows],
            "quantities": [line.quantity_each for _, line in rows],
            "prices": [line.unit_price_minor for _, line in rows],
        },
    )
    return fresh


def audit(tx: Tx, limit: int) -> list[str]:
    """What does not add up within the orders, in words."""
    findings = [
        f"order {r[0]} line {r[1]}: {r[2]} ordered, {r[3]} in parts"
        for r in tx.rows(Q.audit_lines, {"limit": limit})
    ]
    findings += [f"order {r[0]} {r[1]}" for r in tx.rows(Q.audit_states, {"limit": limit})]
    findings += [
        f"{r[1]} of order {r[0]} belongs to nothing"
        for r in tx.rows(Q.audit_loose, {"limit": limit})
    ]
    findings += [
        f"order {r[0]} part {r[1]}: stands in queue {r[2]}, but does not wait"
        for r in tx.rows(Q.audit_queues, {"limit": limit})
    ]
    findings += [
        f"order {r[0]}: promise version {r[1]}, but {r[2]} versions are kept"
        for r in tx.rows(Q.audit_promises, {"limit": limit})
    ]
    return findings


def audit_counts(tx: Tx) -> tuple[int, int, int]:
    """Orders, parts and past orders looked at."""
    row = tx.row(Q.audit_counts)
    assert row is not None
    return row[0], row[1], row[2]


def reservations_behind(
    tx: Tx, after: tuple[str, int, int], limit: int
) -> list[tuple[str, int, int, int, UUID | None, str, str | None]]:
    """(order, part, line, each, reservation, part state, node) from after the given key."""
    rows = tx.rows(
        Q.reservations_behind,
        {"after_id": after[0], "after_part": after[1], "after_line": after[2], "limit": limit},
    )
    return [(r[0], r[1], r[2], r[3], r[4], r[5], r[6]) for r in rows]
