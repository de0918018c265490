"""The verbs of parts at work: which are due, and what happens when units are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from entrepot.departments.ordering import store, store_parts
from entrepot.departments.ordering.decisions import order_subject
from entrepot.departments.ordering.model import (
    QUEUE_OWNERS,
    OpenPart,
    Part,
    PartHead,
    PartLine,
    PartMove,
    PartShort,
    PartState,
    PlannedPart,
    Queue,
    Queued,
    Short,
)
from entrepot.departments.ordering.service import move_parts
from entrepot.departments.ordering.store import EventRow
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(9999, 1, 1, tzinfo=UTC)
PAGE_MAX = 5_000
BEGINNING = (LONG_AGO, "", 0)


def in_state(
    tx: Tx,
    state: PartState,
    after: tuple[datetime, str, int] = BEGINNING,
    limit: int = PAGE_MAX,
    until: datetime = FAR_OFF,
) -> list[OpenPart]:
    """Parts of open orders in a state, those that stand in it longest first.

    after  (since, order id, part number) of the last one of the page before
    until  only those that have stood in it since then or longer
    """
    return store_parts.in_state(tx, state, after, until, min(limit, PAGE_MAX))


def is_any_in(tx: Tx, states: Iterable[PartState]) -> bool:
    """Whether a part of an open order stands in one of these states."""
    return store_parts.is_any_in(tx, states)


def read(tx: Tx, order_ids: Sequence[str]) -> dict[str, tuple[Part, ...]]:
    """The parts of orders, by order id."""
    return store.parts(tx, order_ids)


def heads(tx: Tx, order_ids: Iterable[str]) -> dict[tuple[str, int], PartHead]:
    """Where the parts of orders stand, by (order id, part number)."""
    return store.part_heads(tx, order_ids)


def promised(tx: Tx, order_ids: Iterable[str]) -> dict[tuple[str, int], date | None]:
    """The latest date last promised for each part, by (order id, part number; 0 = the order)."""
    return store_parts.promised(tx, order_ids)


def skus_of(tx: Tx, order_ids: Iterable[str]) -> dict[str, dict[int, str]]:
    """The SKU of each line, by order id and line number."""
    found = store.lines(tx, order_ids)
    return {o: {line.line_no: line.sku for line in lines} for o, lines in found.items()}


def shorten(tx: Tx, shorts: Sequence[Short]) -> list[tuple[str, int]]:
    """Missing units leave their parts and wait as parts of their own; gives (order, new part).

    A part left without lines is cancelled. Fact: PartShort. The new parts stand in the queue
    `backorder`.
    Raises: Conflict when a part changed meanwhile.
    """
    if not shorts:
        return []
    order_ids = sorted({s.order_id for s in shorts})
    store.touch(tx, order_ids)
    parts = store.parts(tx, order_ids)
    skus = skus_of(tx, order_ids)
    held = {(o, p.part_no, x.line_no): x for o, ps in parts.items() for p in ps for x in p.lines}
    kept = [
        s for s in shorts if held[s.order_id, s.part_no, s.line_no].quantity_each > s.short_each
    ]
    emptied = [s for s in shorts if s not in kept]
    last = {order_id: max(p.part_no for p in ps) for order_id, ps in parts.items()}
    made: list[tuple[Short, Part]] = []
    for short in shorts:
        last[short.order_id] += 1
        made.append((short, _backordered(tx, short, last[short.order_id])))
    store_parts.shorten(tx, kept, emptied)
    store.insert_parts(tx, [(short.order_id, part) for short, part in made])
    store.enqueue(tx, [_queued(tx, short, part) for short, part in made])
    store.insert_events(
        tx,
        [
            EventRow(
                order_id=short.order_id,
                kind="short",
                detail=f"part {short.part_no} line {short.line_no}: {short.short_each} missing, "
                f"{short.reason}; they follow as part {part.part_no}",
                command_id=short.command_id,
                actor=short.actor,
            )
            for short, part in made
        ],
    )
    nodes = {(o, p.part_no): p.node for o, ps in parts.items() for p in ps}
    announce(
        tx, [_told(s, part, skus[s.order_id], nodes[s.order_id, s.part_no]) for s, part in made]
    )
    _cancel_empty(tx, parts, emptied)
    return [(short.order_id, part.part_no) for short, part in made]


def _told(short: Short, part: Part, skus: Mapping[int, str], node: str | None) -> Announcement:
    line = (short.line_no, skus[short.line_no], short.short_each)
    fact = PartShort(
        order_id=short.order_id,
        part_no=short.part_no,
        node=node,
        new_part=PlannedPart(part_no=part.part_no, node=None, service=None, lines=(line,)),
        reason=short.reason,
    )
    return Announcement(order_subject(short.order_id), fact, short.command_id, short.actor)


def _backordered(tx: Tx, short: Short, part_no: int) -> Part:
    return Part(
        part_no=part_no,
        state=PartState.backordered,
        node=None,
        service=None,
        since=tx.now,
        lines=(PartLine(short.line_no, short.short_each, short.reservation_id),),
    )


def _queued(tx: Tx, short: Short, part: Part) -> Queued:
    return Queued(
        order_id=short.order_id,
        queue=Queue.backorder,
        part_no=part.part_no,
        owner=QUEUE_OWNERS[Queue.backorder],
        reason=f"missing when picked: {short.reason}",
        since=tx.now,
    )


def _cancel_empty(tx: Tx, parts: dict[str, tuple[Part, ...]], emptied: Sequence[Short]) -> None:
    gone = {(s.order_id, s.part_no, s.line_no): s for s in emptied}
    empty = {
        (s.order_id, s.part_no): s
        for s in emptied
        for p in parts[s.order_id]
        if p.part_no == s.part_no
        and all((s.order_id, p.part_no, x.line_no) in gone for x in p.lines)
    }
    moves = [
        PartMove(
            order_id=order_id,
            part_no=part_no,
            to_state=PartState.cancelled,
            detail="nothing of it was there",
            command_id=short.command_id,
            actor=short.actor,
        )
        for (order_id, part_no), short in empty.items()
    ]
    for answer in move_parts(tx, moves):
        assert not isinstance(answer, Refusal), answer
