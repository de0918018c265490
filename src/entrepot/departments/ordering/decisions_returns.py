"""Pure decisions about returns: what may come back, what came, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from entrepot.departments.ordering.returns import (
    AskedReturn,
    AuthorizeReturn,
    CloseReturn,
    GradeReturn,
    ReceiveReturn,
    Returnable,
    ReturnHeader,
    ReturnLine,
    ReturnOrder,
    ReturnReason,
    ReturnState,
    SameReturn,
)
from entrepot.words.outcome import Refusal, RefusalCode, shown

TEXT_CHARACTERS_MAX = 200

_RETURN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def authorize(
    command: AuthorizeReturn, lines: Mapping[int, Returnable], at: datetime
) -> ReturnOrder | Refusal:
    """The return that a command asks for.

    lines  of the order, by number

    Refuses: bad_identifier for the return's id; bad_value for the reason or a line the order does
    not have; missing_value without lines; duplicate_value; wrong_state for a line of which nothing
    was shipped; bad_quantity for more than was shipped and did not come back yet.
    """
    if not _RETURN_ID.fullmatch(command.return_id):
        return Refusal(
            RefusalCode.bad_identifier,
            f"return_id: found {shown(command.return_id)}, expected 1 to 64 letters, digits, . _ : "
            "or -, beginning with a letter or digit; choose another",
            "return_id",
        )
    if command.reason not in list(ReturnReason):
        return _bad("reason", command.reason, f"one of {', '.join(ReturnReason)}")
    if refusal := _check_lines(command.lines, lines):
        return refusal
    for asked in command.lines:
        if refusal := _check_returnable(asked, lines[asked.line_no]):
            return refusal
    header = ReturnHeader(
        order_id=command.order_id,
        return_id=command.return_id,
        state=ReturnState.authorized,
        node=command.node or _home(command.lines, lines),
        reason=ReturnReason(command.reason),
        currency=lines[command.lines[0].line_no].currency,
        authorized_at=at,
        received_at=None,
        graded_at=None,
        since=at,
        command_id=command.command_id,
        actor=command.actor,
    )
    return ReturnOrder(
        header,
        tuple(
            ReturnLine(
                line_no=asked.line_no,
                sku=lines[asked.line_no].sku,
                quantity_each=asked.quantity_each,
                unit_price_minor=lines[asked.line_no].unit_price_minor,
                counted_each=asked.quantity_each,
            )
            for asked in sorted(command.lines)
        ),
    )


def _check_lines(asked: Sequence[AskedReturn], known: Mapping[int, object]) -> Refusal | None:
    if not asked:
        return Refusal(
            RefusalCode.missing_value,
            "lines: found none, expected what comes back; name a line",
            "lines",
        )
    if len({line.line_no for line in asked}) != len(asked):
        return Refusal(
            RefusalCode.duplicate_value,
            "lines: found a line more than once, expected each once; add the quantities up",
            "lines",
        )
    unknown = [line.line_no for line in asked if line.line_no not in known]
    if unknown:
        listed = ", ".join(map(str, sorted(known)))
        return _bad("lines", unknown[0], f"one of the line numbers {listed}")
    return None


def _check_returnable(asked: AskedReturn, line: Returnable) -> Refusal | None:
    shipped_each = sum(each for _, each in line.shipped)
    facts = {
        "line_no": line.line_no,
        "shipped_each": shipped_each,
        "returned_each": line.returned_each,
    }
    if shipped_each == 0:
        return Refusal(
            RefusalCode.wrong_state,
            f"line {line.line_no}: nothing of it was shipped, so nothing can come back; cancel it "
            "instead",
            "lines",
            facts,
        )
    left_each = shipped_each - line.returned_each
    if not 1 <= asked.quantity_each <= left_each:
        return Refusal(
            RefusalCode.bad_quantity,
            f"line {line.line_no}: found {asked.quantity_each} to come back, expected 1 to "
            f"{left_each}: {shipped_each} were shipped, {line.returned_each} are returned already",
            "lines",
            facts,
        )
    return None


def _home(asked: Sequence[AskedReturn], lines: Mapping[int, Returnable]) -> str:
    """The node that shipped most of the lines; the first by name among equals."""
    units: dict[str, int] = {}
    for line in asked:
        for node, each in lines[line.line_no].shipped:
            units[node] = units.get(node, 0) + each
    return min(units, key=lambda node: (-units[node], node))


def is_repeat(order: ReturnOrder, command: AuthorizeReturn) -> bool:
    """Whether authorizing a return again asks for what stands there."""
    same_lines = [(line.line_no, line.quantity_each) for line in order.lines] == sorted(
        command.lines
    )
    same_node = command.node in (None, order.header.node)
    return same_lines and same_node and order.header.reason == command.reason


def receive(
    order: ReturnOrder, command: ReceiveReturn, at: datetime
) -> ReturnOrder | SameReturn | Refusal:
    """The return after its parcel came; `SameReturn` when that is booked already.

    Refuses: already_counted when other units are booked; wrong_state when it is closed;
    missing_value, duplicate_value, bad_value and bad_quantity for the lines.
    """
    header = order.header
    if header.received_at is not None:
        came = [(line.line_no, line.received_each) for line in order.lines if line.received_each]
        if came == sorted((line.line_no, line.quantity_each) for line in command.lines):
            return SameReturn(order)
        return _taken(header, "was received", "quantities")
    if header.state is not ReturnState.authorized:
        return _wrong_state(header, "takes nothing any more; authorize another return")
    known = {line.line_no: line for line in order.lines}
    if refusal := _check_lines(command.lines, known):
        return refusal
    for asked in command.lines:
        most_each = known[asked.line_no].quantity_each
        if not 1 <= asked.quantity_each <= most_each:
            return Refusal(
                RefusalCode.bad_quantity,
                f"line {asked.line_no}: found {asked.quantity_each} received, expected 1 to "
                f"{most_each} as authorized; leave out what did not come, and authorize another "
                "return for what came besides",
                "lines",
            )
    came_each = {line.line_no: line.quantity_each for line in command.lines}
    return ReturnOrder(
        header._replace(state=ReturnState.received, received_at=at, since=at),
        tuple(
            line._replace(
                counted_each=came_each.get(line.line_no, 0),
                received_each=came_each.get(line.line_no, 0),
            )
            for line in order.lines
        ),
    )


def grade(
    order: ReturnOrder, command: GradeReturn, at: datetime
) -> ReturnOrder | SameReturn | Refusal:
    """The return after its units were looked at; `SameReturn` when that is booked already.

    Refuses: already_counted when they were graded otherwise; wrong_state before they came;
    bad_quantity unless every unit that came is graded once.
    """
    header = order.header
    given = sorted(command.lines)
    if header.graded_at is not None:
        stands = [
            (line.line_no, line.restocked_each, line.scrapped_each)
            for line in order.lines
            if line.received_each
        ]
        return SameReturn(order) if given == stands else _taken(header, "was graded", "grades")
    if header.state is not ReturnState.received:
        return _wrong_state(header, "has nothing to grade")
    came = {line.line_no: line.received_each for line in order.lines if line.received_each}
    if [line.line_no for line in given] != sorted(came) or any(
        min(g.restocked_each, g.scrapped_each) < 0
        or g.restocked_each + g.scrapped_each != came[g.line_no]
        for g in given
    ):
        listed = ", ".join(f"{each} of line {line_no}" for line_no, each in sorted(came.items()))
        return Refusal(
            RefusalCode.bad_quantity,
            f"lines: expected a grade for every unit that came, restocked or scrapped: {listed}; "
            "correct the quantities",
            "lines",
        )
    grades = {g.line_no: g for g in given}
    return ReturnOrder(
        header._replace(state=ReturnState.graded, graded_at=at, since=at),
        tuple(
            line._replace(
                restocked_each=grades[line.line_no].restocked_each,
                scrapped_each=grades[line.line_no].scrapped_each,
            )
            if line.line_no in grades
            else line
            for line in order.lines
        ),
    )


def close(
    order: ReturnOrder, command: CloseReturn, at: datetime
) -> ReturnOrder | SameReturn | Refusal:
    """The return after it is closed; `SameReturn` when it was. What never came counts no more.

    Refuses: wrong_state while units that came are not graded; missing_value or bad_value for the
    detail.
    """
    header = order.header
    if header.state is ReturnState.closed:
        return SameReturn(order)
    if header.state is ReturnState.received:
        return _wrong_state(header, "holds units in quarantine; grade them first")
    if not command.detail.strip() or len(command.detail) > TEXT_CHARACTERS_MAX:
        return Refusal(
            RefusalCode.bad_value if command.detail.strip() else RefusalCode.missing_value,
            f"detail: found {len(command.detail)} characters, expected 1 to "
            f"{TEXT_CHARACTERS_MAX}; say why it is closed",
            "detail",
        )
    return ReturnOrder(
        header._replace(state=ReturnState.closed, since=at),
        tuple(line._replace(counted_each=line.received_each) for line in order.lines),
    )


def unknown_return(order_id: str, return_id: str) -> Refusal:
    """The refusal for a return that does not exist."""
    return Refusal(
        RefusalCode.unknown_order,
        f"return_id: found {shown(return_id)} of order {shown(order_id)}, expected a return that "
        "was authorized",
        "return_id",
    )


def other_return(return_id: str) -> Refusal:
    """The refusal of a return's id that stands for another return."""
    return Refusal(
        RefusalCode.key_reused,
        f"return_id: {shown(return_id)} was authorized before with other content, and nothing was "
        "changed; expected a new id, or the same content as the first time",
        "return_id",
    )


def return_subject(order_id: str, return_id: str) -> str:
    """The subject of a return's facts."""
    return f"return/{order_id}/{return_id}"


def _taken(header: ReturnHeader, was: str, what: str) -> Refusal:
    return Refusal(
        RefusalCode.already_counted,
        f"return {header.return_id} of order {header.order_id} {was} before with other {what}, "
        "and nothing was changed",
        "lines",
    )


def _wrong_state(header: ReturnHeader, said: str) -> Refusal:
    return Refusal(
        RefusalCode.wrong_state,
        f"return {header.return_id} of order {header.order_id} is {header.state} and {said}",
        facts={"order_id": header.order_id, "return_id": header.return_id, "state": header.state},
    )


def _bad(field: str, found: object, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(found)}, expected {expected}; correct it",
        field,
    )
