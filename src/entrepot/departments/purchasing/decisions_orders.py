"""Pure decisions about purchase orders: well formed, which step is allowed, what came."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from entrepot.departments.purchasing.model import (
    Advance,
    Arrived,
    BookedLine,
    EndOrder,
    PoHeader,
    PoLine,
    PoState,
    PurchaseOrder,
    RaiseOrder,
    ReceiveOrder,
)
from entrepot.words.money import EXPONENTS, MAX_AMOUNT_MINOR
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH

LINES_MAX = 1_000
TEXT_CHARACTERS_MAX = 200
RECEIPT_ID_CHARACTERS_MAX = 100
ALL_CAME = "everything came"

_PO_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

FIRST_STATES = frozenset({PoState.draft, PoState.sent, PoState.confirmed})
ENDED = frozenset({PoState.received, PoState.cancelled})
# What an order is after it is sent or confirmed; goods that came in part stay where they are.
STEPS: Mapping[tuple[PoState, PoState], PoState] = {
    (PoState.draft, PoState.sent): PoState.sent,
    (PoState.sent, PoState.confirmed): PoState.confirmed,
    (PoState.confirmed, PoState.confirmed): PoState.confirmed,
    (PoState.partly_received, PoState.confirmed): PoState.partly_received,
}
RECEIVING = frozenset({PoState.sent, PoState.confirmed, PoState.partly_received})


def check_raise(command: RaiseOrder) -> Refusal | None:
    """The first thing wrong with a new order, or None.

    Refuses: bad_identifier, missing_value, bad_value, too_many, duplicate_value, bad_quantity,
    bad_price.
    """
    if not _PO_ID.fullmatch(command.po_id):
        return Refusal(
            RefusalCode.bad_identifier,
            f"po_id: found {shown(command.po_id)}, expected 1 to 64 letters, digits, . _ : or -, "
            "beginning with a letter or digit; choose another",
            "po_id",
        )
    if not command.node:
        return Refusal(
            RefusalCode.missing_value,
            "node: found nothing, expected the node the goods go to; name it",
            "node",
        )
    if command.currency not in EXPONENTS:
        return _bad("currency", command.currency, "a currency code of ISO 4217 such as EUR")
    if command.state not in FIRST_STATES:
        return _bad("state", command.state, f"one of {', '.join(sorted(FIRST_STATES))}")
    return _check_lines(command)


def _check_lines(command: RaiseOrder) -> Refusal | None:
    if not command.lines:
        return Refusal(
            RefusalCode.missing_value,
            "lines: found none, expected what is ordered; add a line",
            "lines",
        )
    if len(command.lines) > LINES_MAX:
        return Refusal(
            RefusalCode.too_many,
            f"lines: found {len(command.lines)}, expected at most {LINES_MAX}; raise several "
            "orders",
            "lines",
        )
    twice = [sku for sku, count in Counter(line.sku for line in command.lines).items() if count > 1]
    if twice:
        return Refusal(
            RefusalCode.duplicate_value,
            f"lines: found {shown(twice[0])} more than once, expected each SKU on one line; "
            "add the quantities up",
            "lines",
        )
    for line in command.lines:
        if not 1 <= line.ordered_each <= MAX_EACH:
            return Refusal(
                RefusalCode.bad_quantity,
                f"lines: found {line.ordered_each} of {line.sku}, expected 1 to {MAX_EACH}; "
                "correct it",
                "lines",
            )
        if not 0 <= line.cost_minor <= MAX_AMOUNT_MINOR:
            return Refusal(
                RefusalCode.bad_price,
                f"lines: found {line.cost_minor} as the cost of {line.sku}, expected 0 to "
                f"{MAX_AMOUNT_MINOR} minor units; correct it",
                "lines",
            )
    return None


def is_repeat(order: PurchaseOrder, command: RaiseOrder) -> bool:
    """Whether raising an order again asks for what stands there; its time may have moved since."""
    header = order.header
    asked = (command.supplier_id, command.node, command.currency)
    return (header.supplier_id, header.node, header.currency) == asked and [
        (line.sku, line.ordered_each, line.cost_minor) for line in order.lines
    ] == [(line.sku, line.ordered_each, line.cost_minor) for line in command.lines]


def new_order(command: RaiseOrder, at: datetime) -> PurchaseOrder:
    """The order a command raises."""
    return PurchaseOrder(
        PoHeader(
            po_id=command.po_id,
            supplier_id=command.supplier_id,
            node=command.node,
            currency=command.currency,
            state=command.state,
            raised_at=at,
            due_at=command.due_at,
            received_at=None,
            ended_at=None,
            end_reason=None,
            command_id=command.command_id,
            actor=command.actor,
        ),
        tuple(
            PoLine(
                line_no=line_no,
                sku=line.sku,
                ordered_each=line.ordered_each,
                cost_minor=line.cost_minor,
                received_each=0,
                damaged_each=0,
                open=True,
                reason=line.reason,
            )
            for line_no, line in enumerate(command.lines, start=1)
        ),
    )


def advance(order: PurchaseOrder, command: Advance) -> PurchaseOrder | Refusal:
    """The order after it was sent or confirmed.

    Refuses: wrong_state.
    """
    header = order.header
    to_state = STEPS.get((header.state, command.to_state))
    if to_state is None:
        possible = sorted(to for start, to in STEPS if start is header.state)
        return _wrong_state(
            header,
            f"cannot become {command.to_state}; "
            + (f"from there it can become {', '.join(possible)}" if possible else "it has ended"),
        )
    due_at = command.due_at or header.due_at
    return order._replace(header=header._replace(state=to_state, due_at=due_at))


def receive(
    order: PurchaseOrder, command: ReceiveOrder, at: datetime
) -> tuple[PurchaseOrder, tuple[BookedLine, ...]] | Refusal:
    """The order after goods of it came, and what that did to its lines.

    Refuses: wrong_state for an order that expects nothing; missing_value without lines; bad_value
    for a line it does not have; duplicate_value; bad_quantity, also for more than is expected
    unless the command takes it.
    """
    header = order.header
    if header.state not in RECEIVING:
        return _wrong_state(
            header,
            "expects no goods; "
            + ("send it first" if header.state is PoState.draft else "raise a new order for them"),
        )
    known = {line.line_no: line for line in order.lines}
    if refusal := _check_arrived(command, known):
        return refusal
    came = {arrived.line_no: arrived for arrived in command.arrived if arrived.received_each}
    after: list[PoLine] = []
    booked: list[BookedLine] = []
    for line in order.lines:
        changed, told = _arrive(line, came.get(line.line_no), closes=command.closes)
        after.append(changed)
        if told is not None:
            booked.append(told)
    missing = any(line.received_each < line.ordered_each for line in after)
    ended = not any(line.open for line in after)
    reason = (
        f"the rest does not come, as receipt {command.receipt_id} says" if missing else ALL_CAME
    )
    header = header._replace(
        state=PoState.received if ended else PoState.partly_received,
        received_at=at,
        ended_at=at if ended else None,
        end_reason=reason if ended else None,
    )
    return PurchaseOrder(header, tuple(after)), tuple(booked)


def _check_arrived(command: ReceiveOrder, known: Mapping[int, PoLine]) -> Refusal | None:
    if not any(arrived.received_each for arrived in command.arrived):
        return Refusal(
            RefusalCode.missing_value,
            "arrived: found nothing that came, expected one unit at least; an order of which "
            "nothing comes is cancelled, or closed",
            "arrived",
        )
    if len({arrived.line_no for arrived in command.arrived}) != len(command.arrived):
        return Refusal(
            RefusalCode.duplicate_value,
            "arrived: found a line more than once, expected each once; add the quantities up",
            "arrived",
        )
    for arrived in command.arrived:
        line = known.get(arrived.line_no)
        if line is None:
            return _bad("arrived", arrived.line_no, f"a line number of order {command.po_id}")
        if refusal := _check_quantities(arrived, line, accept_over=command.accept_over):
            return refusal
    return None


def _check_quantities(arrived: Arrived, line: PoLine, *, accept_over: bool) -> Refusal | None:
    if not 0 <= arrived.received_each <= MAX_EACH - line.received_each:
        return _bad_quantity(
            f"line {line.line_no}: found {arrived.received_each} received, expected 0 to "
            f"{MAX_EACH - line.received_each}; correct it"
        )
    if not 0 <= arrived.damaged_each <= arrived.received_each:
        return _bad_quantity(
            f"line {line.line_no}: found {arrived.damaged_each} damaged, expected 0 to "
            f"{arrived.received_each}, a part of what was received; correct it"
        )
    if arrived.received_each > line.outstanding_each and not accept_over:
        return _bad_quantity(
            f"line {line.line_no}: found {arrived.received_each} received, expected at most "
            f"{line.outstanding_each} still to come; send the rest back, or accept it as over"
        )
    return None


def _arrive(
    line: PoLine, arrived: Arrived | None, *, closes: bool
) -> tuple[PoLine, BookedLine | None]:
    came = arrived or Arrived(line.line_no, 0)
    received_each = line.received_each + came.received_each
    short_each = max(0, line.ordered_each - received_each)
    is_open = line.open and short_each > 0 and not closes
    changed = line._replace(
        received_each=received_each,
        damaged_each=line.damaged_each + came.damaged_each,
        open=is_open,
    )
    if arrived is None and is_open == line.open:
        return changed, None
    return changed, BookedLine(
        line_no=line.line_no,
        sku=line.sku,
        received_each=came.received_each,
        damaged_each=came.damaged_each,
        over_each=max(0, came.received_each - line.outstanding_each),
        forgone_each=short_each if line.open and not is_open else 0,
        open=is_open,
    )


def end(
    order: PurchaseOrder, command: EndOrder, to_state: PoState, at: datetime
) -> tuple[PurchaseOrder, tuple[BookedLine, ...]] | Refusal:
    """The order after nothing more is expected of it, and the lines given up.

    to_state  cancelled where nothing came, received where a part came

    Refuses: missing_value and bad_value for the reason; wrong_state.
    """
    header = order.header
    if not command.reason.strip() or len(command.reason) > TEXT_CHARACTERS_MAX:
        return Refusal(
            RefusalCode.bad_value if command.reason.strip() else RefusalCode.missing_value,
            f"reason: found {len(command.reason)} characters, expected 1 to "
            f"{TEXT_CHARACTERS_MAX}; say why nothing more comes",
            "reason",
        )
    if header.state in ENDED:
        return _wrong_state(header, "has ended already")
    came = header.state is PoState.partly_received
    if came != (to_state is PoState.received):
        return _wrong_state(
            header, "had goods come: close it instead" if came else "had none come: cancel it"
        )
    after = tuple(line._replace(open=False) for line in order.lines)
    told = tuple(
        BookedLine(line.line_no, line.sku, 0, 0, 0, line.outstanding_each, open=False)
        for line in order.lines
        if line.open
    )
    header = header._replace(state=to_state, ended_at=at, end_reason=command.reason)
    return PurchaseOrder(header, after), told


def is_receipt_repeat(arrived: Iterable[Arrived], booked: Iterable[Arrived]) -> bool:
    """Whether a receipt tells again what is booked under its id."""
    told, stands = (sorted(x for x in lines if x.received_each) for lines in (arrived, booked))
    return told == stands


def late_days(due_at: datetime, at: datetime) -> int:
    """Whole days past due, 0 when in time."""
    return max(0, (at - due_at).days)


def unknown_order(po_id: str) -> Refusal:
    """The refusal for a purchase order that does not exist."""
    return Refusal(
        RefusalCode.unknown_order,
        f"po_id: found {shown(po_id)}, expected the id of a purchase order; correct it",
        "po_id",
    )


def other_order(po_id: str) -> Refusal:
    """The refusal of a purchase order's id that stands for another order."""
    return Refusal(
        RefusalCode.key_reused,
        f"po_id: {shown(po_id)} was raised before with other content, and nothing was changed; "
        "expected a new id, or the same content as the first time",
        "po_id",
    )


def other_receipt(receipt_id: str) -> Refusal:
    """The refusal of a receipt's id that stands for another receipt."""
    return Refusal(
        RefusalCode.already_counted,
        f"receipt_id: {shown(receipt_id)} was booked before with other quantities, and nothing "
        "was changed; expected a new id, or the same quantities",
        "receipt_id",
    )


def bad_receipt_id(receipt_id: str) -> Refusal | None:
    """Refuses an id of a receipt that is empty or too long."""
    if 1 <= len(receipt_id) <= RECEIPT_ID_CHARACTERS_MAX:
        return None
    return Refusal(
        RefusalCode.bad_identifier,
        f"receipt_id: found {len(receipt_id)} characters, expected 1 to "
        f"{RECEIPT_ID_CHARACTERS_MAX}; choose another",
        "receipt_id",
    )


def po_subject(po_id: str) -> str:
    """The subject of a purchase order's facts."""
    return f"po/{po_id}"


def _wrong_state(header: PoHeader, said: str) -> Refusal:
    return Refusal(
        RefusalCode.wrong_state,
        f"purchase order {header.po_id} is {header.state} and {said}",
        facts={"po_id": header.po_id, "state": header.state},
    )


def _bad_quantity(message: str) -> Refusal:
    return Refusal(RefusalCode.bad_quantity, message, "arrived")


def _bad(field: str, found: object, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(found)}, expected {expected}; correct it",
        field,
    )
