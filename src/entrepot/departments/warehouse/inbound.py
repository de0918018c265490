"""Pure inbound decisions: what may be received, how it differs, when it is put away."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot.departments.warehouse.decisions import bad, countable
from entrepot.departments.warehouse.model import (
    InboundReceipt,
    Receipt,
    ReceiptLine,
    ReceiptState,
)
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH

RECEIPT_ID_CHARACTERS_MAX = 200

RECEIPT_STEPS: Mapping[ReceiptState, frozenset[ReceiptState]] = {
    ReceiptState.received: frozenset({ReceiptState.put_away}),
    ReceiptState.put_away: frozenset(),
}


def receipt_subject(receipt_id: str) -> str:
    """The subject of a receipt's facts."""
    return f"receipt/{receipt_id}"


def receive(command: InboundReceipt) -> Refusal | None:
    """None when the receipt may be written, if its id is free.

    Refuses: bad_identifier for an id that is empty or too long; missing_value without lines;
    too_many; duplicate_value for a line given twice; bad_quantity.
    """
    if not 0 < len(command.receipt_id) <= RECEIPT_ID_CHARACTERS_MAX:
        wanted = f"1 to {RECEIPT_ID_CHARACTERS_MAX} characters"
        return bad(RefusalCode.bad_identifier, "receipt_id", command.receipt_id, wanted)
    if refusal := countable(command.lines):
        return refusal
    return next((refusal for line in command.lines if (refusal := _counted(line))), None)


def _counted(line: ReceiptLine) -> Refusal | None:
    for field, count, most in (
        ("expected_each", line.expected_each, MAX_EACH),
        ("received_each", line.received_each, MAX_EACH),
        ("damaged_each", line.damaged_each, line.received_each),
    ):
        if not 0 <= count <= most:
            wanted = f"a whole number from 0 to {most} in line {line.line_no}"
            return bad(RefusalCode.bad_quantity, f"lines.{field}", count, wanted)
    return None


def counted_before(receipt: Receipt) -> Refusal:
    """The refusal for a receipt that another command has entered."""
    return Refusal(
        RefusalCode.already_counted,
        f"receipt_id: {receipt.receipt_id} was received at {receipt.node} on "
        f"{receipt.received_at.isoformat(timespec='minutes')}; "
        "give further goods a receipt of their own",
        "receipt_id",
    )


def put_away(receipt: Receipt) -> Refusal | None:
    """None when the goods of the receipt may be put away."""
    if ReceiptState.put_away in RECEIPT_STEPS[receipt.state]:
        return None
    return Refusal(
        RefusalCode.wrong_state,
        f"receipt {receipt.receipt_id} is {receipt.state} and cannot become put_away; "
        "it has come to its end",
        facts={"receipt_id": receipt.receipt_id, "state": receipt.state},
    )


def unknown_receipt(receipt_id: str) -> Refusal:
    """The refusal for a receipt that does not exist."""
    return Refusal(
        RefusalCode.not_found,
        f"receipt_id: found {shown(receipt_id)}, expected the id of a receipt",
        "receipt_id",
    )
