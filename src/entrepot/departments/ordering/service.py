"""The order verbs: batches in, answers in order out, all in the caller's transaction.

The order's row is locked by the first write to it; facts about it are announced after, so they
keep their order. Stock is another room's: the flow frees or takes it after the order (lock order).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from entrepot.departments.ordering import decisions, service_ends, store, store_returns
from entrepot.departments.ordering.decisions import order_subject
from entrepot.departments.ordering.model import (
    QUEUE_OWNERS,
    WHOLE_ORDER,
    Expectation,
    Header,
    NewOrder,
    Order,
    OrderCancelled,
    OrderedLine,
    OrderPaid,
    OrderPlaced,
    OrderState,
    Part,
    PartHead,
    PartMove,
    PartMoved,
    PartState,
    PastOrder,
    PlannedPart,
    PromiseChanged,
    Queue,
    Queued,
)
from entrepot.departments.ordering.store import EventRow, OrderMove
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal, RefusalCode

PAGE_MAX = 200
FIRST_PROMISE = 1
AUDIT_FINDINGS_MAX = 100
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


class Cancelled(NamedTuple):
    """A cancelled order, and the parts whose stock the flow gives back."""

    order_id: str
    parts: tuple[Part, ...]


class Promise(NamedTuple):
    """A new version of what the customer is told about a part (0 = the whole order)."""

    order_id: str
    expectation: Expectation
    command_id: str
    actor: str


def record(tx: Tx, orders: Sequence[NewOrder]) -> None:
    """Write orders that a flow decided. Fact: OrderPlaced. Backorders and unpaid orders queue.

    Raises: Conflict when an order id was taken meanwhile.
    """
    if not orders:
        return
    store.insert(tx, orders)
    store.insert_events(
        tx,
        [
            EventRow(
                order_id=o.header.order_id,
                kind="placed",
                detail=_placed_in_words(o),
                command_id=o.header.command_id,
                actor=o.header.actor,
            )
            for o in orders
        ],
    )
    store.enqueue(tx, [entry for o in orders for entry in _first_queues(tx, o)])
    announce(tx, [_placed(o) for o in orders])


def _placed_in_words(order: NewOrder) -> str:
    backordered = sum(p.state is PartState.backordered for p in order.parts)
    boxes = len(order.parts) - backordered
    words = f"{len(order.lines)} lines in {boxes} box{'' if boxes == 1 else 'es'}"
    return words + (", rest on backorder" if backordered else "")


def _first_queues(tx: Tx, order: NewOrder) -> list[Queued]:
    order_id = order.header.order_id
    queues = [
        Queued(
            order_id=order_id,
            queue=Queue.backorder,
            part_no=part.part_no,
            owner=QUEUE_OWNERS[Queue.backorder],
            reason="no stock at any node that serves the destination",
            since=tx.now,
        )
        for part in order.parts
        if part.state is PartState.backordered
    ]
    if order.header.state is OrderState.awaiting_payment:
        due = order.header.payment_due_at
        assert due is not None, "an order that awaits payment says until when"
        queues.append(
            Queued(
                order_id=order_id,
                queue=Queue.payment,
                part_no=WHOLE_ORDER,
                owner=QUEUE_OWNERS[Queue.payment],
                reason=f"payment is due by {due.isoformat(timespec='minutes')}",
                since=tx.now,
            )
        )
    return queues


def _planned(
    order_lines: Mapping[int, str], part: Part, latest_date: date | None = None
) -> PlannedPart:
    return PlannedPart(
        part_no=part.part_no,
        node=part.node,
        service=part.service,
        lines=tuple((p.line_no, order_lines[p.line_no], p.quantity_each) for p in part.lines),
        latest_date=latest_date,
    )


def _placed(order: NewOrder) -> Announcement:
    header = order.header
    skus = {line.line_no: line.sku for line in order.lines}
    dates = {e.part_no: e.latest_date for e in order.expectations}
    return Announcement(
        subject=order_subject(header.order_id),
        fact=OrderPlaced(
            order_id=header.order_id,
            channel=header.channel,
            state=header.state,
            country=header.country,
            postal_area=header.postal_area,
            currency=header.currency,
            items_minor=header.items_minor,
            shipping_minor=header.shipping_minor,
            latest_date=dates.get(WHOLE_ORDER),
            lines=tuple(
                OrderedLine(line.line_no, line.sku, line.quantity_each, line.unit_price_minor)
                for line in order.lines
            ),
            parts=tuple(_planned(skus, p, dates.get(p.part_no)) for p in order.parts),
        ),
        command_id=header.command_id,
        actor=header.actor,
        at=header.placed_at,
    )


def read(tx: Tx, order_ids: Sequence[str]) -> list[Order]:
    """Whole orders, those that exist, by id."""
    return store.orders(tx, order_ids)


def headers(tx: Tx, order_ids: Iterable[str]) -> dict[str, Header]:
    """Orders without lines, by id."""
    return store.headers(tx, order_ids)


def known_ids(tx: Tx, order_ids: Iterable[str]) -> dict[str, bytes | None]:
    """Which ids are taken; with the content hash where it is history, None for living orders."""
    return store.known_ids(tx, order_ids)


def find(
    tx: Tx,
    *,
    state: OrderState | None = None,
    person_id: UUID | None = None,
    since: datetime | None = None,
    before: tuple[datetime, str] = (FAR_FUTURE, ""),
    limit: int = 50,
) -> list[Header]:
    """Orders, newest first; `before` = the last one of the page before."""
    return store.find(
        tx,
        before=before,
        state=state,
        person_id=person_id,
        since=since,
        limit=min(max(limit, 1), PAGE_MAX),
    )


def queues(tx: Tx, queue: Queue | None = None, limit: int = PAGE_MAX) -> list[Queued]:
    """What waits, the oldest first."""
    return store.queue_page(tx, queue, limit)


def queue_counts(tx: Tx) -> list[tuple[str, int, datetime]]:
    """Per queue: how many wait, and since when the oldest does."""
    return store.queue_counts(tx)


def confirm_payment(
    tx: Tx, order_ids: Sequence[str], *, command_id: str, actor: str
) -> list[Header | Refusal]:
    """The payment came: the order may be fulfilled. Fact: OrderPaid.

    Refuses: unknown_order; wrong_state when it does not wait for payment.
    """
    known = store.headers(tx, order_ids)
    answers: list[Header | Refusal] = []
    moved: list[str] = []
    for order_id in order_ids:
        header = known.get(order_id)
        refusal = (
            unknown(order_id) if header is None else decisions.step_order(header, OrderState.open)
        )
        if header is None or refusal is not None:
            assert refusal is not None
            answers.append(refusal)
            continue
        moved.append(order_id)
        known[order_id] = header._replace(state=OrderState.open, paid_at=tx.now)
        answers.append(known[order_id])
    awaiting, now_open = OrderState.awaiting_payment, OrderState.open
    store.move_orders(tx, [OrderMove(o, awaiting, now_open, paid_at=tx.now) for o in moved])
    store.dequeue(tx, [(o, Queue.payment, WHOLE_ORDER) for o in moved])
    store.insert_events(
        tx, [EventRow(o, "paid", "payment confirmed", command_id, actor) for o in moved]
    )
    announce(tx, [Announcement(order_subject(o), OrderPaid(o), command_id, actor) for o in moved])
    return answers


def unknown(order_id: str) -> Refusal:
    """The refusal for an order that does not exist."""
    return Refusal(
        code=RefusalCode.unknown_order,
        message=f"order_id: found {order_id!r}, expected the id of an order",
        field="order_id",
    )


def cancel(
    tx: Tx, requests: Mapping[str, str], *, command_id: str, actor: str
) -> dict[str, Cancelled | Refusal]:
    """Cancel orders as a whole: order id -> reason. Fact: OrderCancelled.

    Refuses: unknown_order, bad_value for the reason, wrong_state.
    """
    known = store.headers(tx, requests)
    all_parts = store.parts(tx, known)
    all_lines = store.lines(tx, known)
    answers: dict[str, Cancelled | Refusal] = {}
    for order_id, reason in requests.items():
        parts = all_parts.get(order_id, ())
        header = known.get(order_id)
        refusal = unknown(order_id) if header is None else decisions.cancel(header, parts, reason)
        living = tuple(p for p in parts if p.state is not PartState.cancelled)
        answers[order_id] = refusal or Cancelled(order_id, living)
    good = [a for a in answers.values() if isinstance(a, Cancelled)]
    store.move_orders(
        tx,
        [
            OrderMove(
                order_id=a.order_id,
                from_state=known[a.order_id].state,
                to_state=OrderState.cancelled,
                ended_at=tx.now,
                cancel_reason=requests[a.order_id],
            )
            for a in sorted(good)
        ],
    )
    store.move_parts(
        tx,
        [
            (_ended(a.order_id, p, requests[a.order_id], command_id, actor), p.state)
            for a in good
            for p in a.parts
        ],
    )
    store.dequeue_orders(tx, [a.order_id for a in good])
    store.insert_events(
        tx,
        [EventRow(a.order_id, "cancelled", requests[a.order_id], command_id, actor) for a in good],
    )
    announce(
        tx,
        [
            Announcement(
                order_subject(a.order_id),
                OrderCancelled(
                    order_id=a.order_id,
                    reason=requests[a.order_id],
                    parts=tuple(
                        _planned({x.line_no: x.sku for x in all_lines[a.order_id]}, p)
                        for p in a.parts
                    ),
                ),
                command_id,
                actor,
            )
            for a in good
        ],
    )
    return answers


def _ended(order_id: str, part: Part, reason: str, command_id: str, actor: str) -> PartMove:
    return PartMove(
        order_id=order_id,
        part_no=part.part_no,
        to_state=PartState.cancelled,
        detail=reason,
        command_id=command_id,
        actor=actor,
    )


def move_parts(tx: Tx, moves: Sequence[PartMove]) -> list[PartState | Refusal]:
    """Take parts a step on; gives the state each is in now.

    Facts: PartMoved, and OrderCompleted for an order whose last part ends, or OrderCancelled when
    all were cancelled.

    Refuses: unknown_order for a part that does not exist; wrong_state, also for a second step of
    one part in the batch and for the release of what is not paid.
    """
    states = store.touch(tx, (m.order_id for m in moves))
    now_parts = store.part_heads(tx, states)
    before = dict(now_parts)
    answers: list[PartState | Refusal] = []
    good: dict[tuple[str, int], PartMove] = {}
    for move in moves:
        key = (move.order_id, move.part_no)
        refusal = _no_step(states, now_parts, move, moved=good.keys())
        if refusal is not None:
            answers.append(refusal)
            continue
        part = now_parts[key]
        good[key] = move
        now_parts[key] = part._replace(
            state=move.to_state,
            since=tx.now,
            node=move.node or part.node,
            service=move.service or part.service,
        )
        answers.append(move.to_state)
    _write_moves(tx, list(good.values()), before)
    service_ends.end_orders(tx, list(good.values()), states, now_parts)
    return answers


def _no_step(
    states: Mapping[str, OrderState],
    parts: Mapping[tuple[str, int], PartHead],
    move: PartMove,
    moved: Iterable[tuple[str, int]],
) -> Refusal | None:
    key = (move.order_id, move.part_no)
    if key not in parts:
        return unknown(f"{move.order_id} part {move.part_no}")
    if key in moved:
        return Refusal(
            code=RefusalCode.wrong_state,
            message=(
                f"order {move.order_id} part {move.part_no} takes one step in a batch, and it "
                f"becomes {parts[key].state} in this one; repeat the other after it"
            ),
            facts={"order_id": move.order_id, "part_no": move.part_no},
        )
    return decisions.step_part(move.order_id, states[move.order_id], parts[key], move.to_state)


def _write_moves(
    tx: Tx, moves: Sequence[PartMove], before: Mapping[tuple[str, int], PartHead]
) -> None:
    states = [before[m.order_id, m.part_no].state for m in moves]
    store.move_parts(tx, list(zip(moves, states, strict=True)))
    left = [
        (m.order_id, Queue.backorder, m.part_no)
        for m, state in zip(moves, states, strict=True)
        if state is PartState.backordered
    ]
    store.dequeue(tx, left)
    store.insert_events(
        tx,
        [
            EventRow(m.order_id, m.to_state, f"part {m.part_no}: {m.detail}", m.command_id, m.actor)
            for m in moves
        ],
    )
    announce(
        tx,
        [
            Announcement(
                order_subject(m.order_id),
                PartMoved(
                    order_id=m.order_id,
                    part_no=m.part_no,
                    from_state=state,
                    to_state=m.to_state,
                    node=m.node or before[m.order_id, m.part_no].node,
                    detail=m.detail,
                ),
                m.command_id,
                m.actor,
            )
            for m, state in zip(moves, states, strict=True)
        ],
    )


def promise(tx: Tx, promises: Sequence[Promise]) -> None:
    """Tell a new version of an expectation, one per order and batch. Fact: PromiseChanged.

    `expectation.version` is the order's promise version plus one.
    Raises: Conflict when another version was given meanwhile.
    """
    ordered = sorted(promises, key=lambda p: p.order_id)
    store.raise_promise(tx, [(p.order_id, p.expectation.version) for p in ordered])
    store.insert_expectations(tx, [(p.order_id, p.expectation) for p in ordered])
    announce(
        tx,
        [
            Announcement(
                order_subject(p.order_id),
                PromiseChanged(
                    order_id=p.order_id,
                    promise_version=p.expectation.version,
                    part_no=p.expectation.part_no,
                    latest_date=p.expectation.latest_date,
                    reason=p.expectation.reason,
                ),
                p.command_id,
                p.actor,
            )
            for p in ordered
        ],
    )


def payment_overdue(tx: Tx, limit: int = PAGE_MAX) -> list[str]:
    """Orders whose payment did not come in time, the oldest first."""
    return store.payment_overdue(tx, limit)


def record_past(tx: Tx, orders: Sequence[PastOrder]) -> set[str]:
    """Write sales from before this system; gives the ids that were new. No fact: it is history."""
    return store.insert_past(tx, orders)


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    orders, parts, past = store.audit_counts(tx)
    findings = store.audit(tx, AUDIT_FINDINGS_MAX) + store_returns.audit(tx, AUDIT_FINDINGS_MAX)
    return findings, {
        "orders": orders,
        "parts": parts,
        "past orders": past,
        "returns": store_returns.audit_count(tx),
    }


def reservations_behind(
    tx: Tx, after: tuple[str, int, int], limit: int
) -> list[tuple[str, int, int, int, UUID | None, str, str | None]]:
    """(order, part, line, each, reservation, part state, node), a page at a time."""
    return store.reservations_behind(tx, after, limit)
