"""The verbs of returns: authorize, receive, grade, close; money is recorded, not moved.

Authorizing takes the order's row, so that two returns of one order are decided one after the other;
each later step takes the return's. Stock is another room's: the flow moves it after the return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from entrepot.departments.ordering import decisions_returns, store, store_returns
from entrepot.departments.ordering.decisions_returns import return_subject
from entrepot.departments.ordering.model import (
    ReturnAuthorized,
    ReturnClosed,
    ReturnedLine,
    ReturnGraded,
    ReturnReceived,
)
from entrepot.departments.ordering.returns import (
    AuthorizeReturn,
    CloseReturn,
    GradeReturn,
    ReceiveReturn,
    Returned,
    ReturnOrder,
    ReturnState,
    SameReturn,
)
from entrepot.departments.ordering.service import unknown
from entrepot.departments.ordering.store import EventRow
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.facts import Fact
from entrepot.words.money import Money, format_money
from entrepot.words.outcome import Refusal

PAGE_MAX = 5_000
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
BEGINNING = (LONG_AGO, "", "")

Answer = Returned | SameReturn | Refusal
C = TypeVar("C", ReceiveReturn, GradeReturn, CloseReturn)


def authorize_returns(tx: Tx, commands: Sequence[AuthorizeReturn]) -> list[Answer]:
    """Let customers send goods back. Fact: ReturnAuthorized.

    Refuses: unknown_order; key_reused when the id stands for another return of the order;
    bad_identifier, bad_value, missing_value, duplicate_value, wrong_state, bad_quantity.
    Raises: Conflict when parts of an order changed meanwhile.
    """
    order_ids = {c.order_id for c in commands}
    store.touch(tx, order_ids)
    lines = store_returns.returnable(tx, order_ids)
    known = store_returns.of_orders(tx, order_ids)
    answers: list[Answer] = []
    written: list[tuple[AuthorizeReturn, ReturnOrder]] = []
    for command in commands:
        of_order = lines.get(command.order_id)
        if of_order is None:
            answers.append(unknown(command.order_id))
            continue
        key = (command.order_id, command.return_id)
        if key in known:
            same = decisions_returns.is_repeat(known[key], command)
            answers.append(
                SameReturn(known[key])
                if same
                else decisions_returns.other_return(command.return_id)
            )
            continue
        decided = decisions_returns.authorize(command, of_order, tx.now)
        if isinstance(decided, Refusal):
            answers.append(decided)
            continue
        for line in decided.lines:
            was = of_order[line.line_no]
            of_order[line.line_no] = was._replace(
                returned_each=was.returned_each + line.counted_each
            )
        known[key] = decided
        written.append((command, decided))
        answers.append(Returned(decided))
    store_returns.insert(tx, [order for _, order in written])
    _tell(tx, written, _authorized, "return authorized")
    return answers


def receive_returns(tx: Tx, commands: Sequence[ReceiveReturn]) -> list[Answer]:
    """Parcels of returns came; the refund is for the units that came. Fact: ReturnReceived.

    Refuses: unknown_order for an unknown return; already_counted, wrong_state, missing_value,
    duplicate_value, bad_value, bad_quantity.
    """
    return _step(tx, commands, decisions_returns.receive, _received, "return received")


def grade_returns(tx: Tx, commands: Sequence[GradeReturn]) -> list[Answer]:
    """Units that came back go back to sale or are scrapped. Fact: ReturnGraded.

    Refuses: unknown_order for an unknown return; already_counted, wrong_state, bad_quantity.
    """
    return _step(tx, commands, decisions_returns.grade, _graded, "return graded")


def close_returns(tx: Tx, commands: Sequence[CloseReturn]) -> list[Answer]:
    """Returns that never came, or with nothing left to do, are closed. Fact: ReturnClosed.

    Refuses: unknown_order for an unknown return; wrong_state, missing_value, bad_value.
    """
    return _step(tx, commands, decisions_returns.close, _closed, "return closed")


def _step(
    tx: Tx,
    commands: Sequence[C],
    decide: Callable[[ReturnOrder, C, datetime], ReturnOrder | SameReturn | Refusal],
    fact: Callable[[C, ReturnOrder], Fact],
    kind: str,
) -> list[Answer]:
    before = store_returns.take(tx, ((c.order_id, c.return_id) for c in commands))
    now = dict(before)
    answers: list[Answer] = []
    written: list[tuple[C, ReturnOrder]] = []
    for command in commands:
        key = (command.order_id, command.return_id)
        if key not in now:
            answers.append(decisions_returns.unknown_return(*key))
            continue
        decided = decide(now[key], command, tx.now)
        if isinstance(decided, ReturnOrder):
            now[key] = decided
            written.append((command, decided))
            answers.append(Returned(decided))
        else:
            answers.append(decided)
    store_returns.move(tx, before, [order for _, order in written])
    _tell(tx, written, fact, kind)
    return answers


A = TypeVar("A", AuthorizeReturn, ReceiveReturn, GradeReturn, CloseReturn)


def _tell(
    tx: Tx,
    written: Sequence[tuple[A, ReturnOrder]],
    fact: Callable[[A, ReturnOrder], Fact],
    kind: str,
) -> None:
    """Into the story of the order, and as facts of the return."""
    store.insert_events(
        tx,
        [
            EventRow(
                order_id=command.order_id,
                kind=kind,
                detail=_in_words(order),
                command_id=command.command_id,
                actor=command.actor,
            )
            for command, order in written
        ],
    )
    announce(
        tx,
        [
            Announcement(
                return_subject(command.order_id, command.return_id),
                fact(command, order),
                command.command_id,
                command.actor,
            )
            for command, order in written
        ],
    )


def _in_words(order: ReturnOrder) -> str:
    header = order.header
    units = sum(line.counted_each for line in order.lines)
    refund = format_money(Money(order.refund_minor, header.currency))
    return f"return {header.return_id} to {header.node}: {units} each, refund {refund}"


def _lines(order: ReturnOrder) -> tuple[ReturnedLine, ...]:
    return tuple(
        ReturnedLine(
            line_no=line.line_no,
            sku=line.sku,
            quantity_each=line.quantity_each,
            received_each=line.received_each,
            restocked_each=line.restocked_each,
            scrapped_each=line.scrapped_each,
            refund_minor=line.refund_minor,
        )
        for line in order.lines
    )


def _authorized(command: AuthorizeReturn, order: ReturnOrder) -> ReturnAuthorized:
    header = order.header
    return ReturnAuthorized(
        order_id=header.order_id,
        return_id=header.return_id,
        node=header.node,
        reason=header.reason,
        currency=header.currency,
        refund_minor=order.refund_minor,
        lines=_lines(order),
    )


def _received(command: ReceiveReturn, order: ReturnOrder) -> ReturnReceived:
    header = order.header
    return ReturnReceived(
        order_id=header.order_id,
        return_id=header.return_id,
        node=header.node,
        currency=header.currency,
        refund_minor=order.refund_minor,
        lines=_lines(order),
    )


def _graded(command: GradeReturn, order: ReturnOrder) -> ReturnGraded:
    header = order.header
    return ReturnGraded(header.order_id, header.return_id, header.node, _lines(order))


def _closed(command: CloseReturn, order: ReturnOrder) -> ReturnClosed:
    return ReturnClosed(command.order_id, command.return_id, command.detail)


def returns_of(tx: Tx, order_ids: Iterable[str]) -> list[ReturnOrder]:
    """Every return of these orders, by order and return."""
    return list(store_returns.of_orders(tx, order_ids).values())


def in_state(
    tx: Tx,
    state: ReturnState,
    after: tuple[datetime, str, str] = BEGINNING,
    limit: int = PAGE_MAX,
) -> list[ReturnOrder]:
    """Returns in a state, those that stand in it longest first.

    after  (since, order id, return id) of the last one of the page before
    """
    return store_returns.in_state(tx, state, after, min(limit, PAGE_MAX))
