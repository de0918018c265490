"""Orders as lines of text: one JSON object a line in, one answer a line out, in the same order.

A line names its command by `key`, as the header Idempotency-Key does for one order: sending the
same lines again gives the first answers and places nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from entrepot.doors.http.bodies import OrderBody, place_command
from entrepot.doors.http.problems import Problem, fault_problem, problem
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.ground import commands
from entrepot.words.identifiers import parse_command_id
from entrepot.words.outcome import Fault, Refusal, RefusalCode

# An order of the most lines allowed, with room to spare.
LINE_BYTES_MAX = 262_144
# Of one request; more go in a second one.
LINES_MAX = 1_000_000


class BatchOrder(OrderBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a batch: an order, and the key that names its command."""

    key: str


class LineAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one line, counted from 1: the order as placed, or the problem."""

    line: int
    key: str | None = None
    order: Placed | None = None
    problem: Problem | None = None


class Read(NamedTuple):
    """A line as it was read: an order to place, or why it is none."""

    number: int
    key: str | None
    found: PlaceOrder | Refusal


_DECODER = msgspec.json.Decoder(BatchOrder)
_ENCODER = msgspec.json.Encoder()


def read_line(number: int, content: bytes, actor: str) -> Read:
    """The order in a line.

    Refuses: too_large, bad_value for what is no order, missing_value and bad_identifier for the
    key.
    """
    if len(content) > LINE_BYTES_MAX:
        return Read(number, None, too_long(number))
    try:
        body = _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Read(
            number,
            None,
            Refusal(
                RefusalCode.bad_value,
                f"line {number}: found what is no order ({error}), expected a JSON object as "
                "POST /v1/orders takes it, with its `key`",
                "line",
            ),
        )
    key = parse_command_id(body.key, "key")
    if isinstance(key, Refusal):
        return Read(number, body.key, key)
    return Read(number, body.key, place_command(body, commands.scoped(actor, key), actor))


def too_long(number: int) -> Refusal:
    """The refusal of a line that is longer than any order."""
    return Refusal(
        RefusalCode.too_large,
        f"line {number}: longer than {LINE_BYTES_MAX} bytes; place several orders",
        "line",
    )


def too_many() -> Refusal:
    """The refusal of what comes after the last line that one request may have."""
    return Refusal(
        RefusalCode.too_many,
        f"lines: more than {LINES_MAX} in one request; send the others in a second one",
        "lines",
    )


def answers(
    read: Iterable[Read], outcomes: Iterable[Placed | Refusal | Exception]
) -> Iterator[bytes]:
    """Lines of answers, each with its end.

    outcomes  of those lines that held an order, in their order
    """
    placed = iter(outcomes)
    for line in read:
        outcome = line.found if isinstance(line.found, Refusal) else next(placed)
        yield _ENCODER.encode(_answer(line, outcome)) + b"\n"


def _answer(line: Read, outcome: Placed | Refusal | Exception) -> LineAnswer:
    if isinstance(outcome, Placed):
        return LineAnswer(line.number, line.key, order=outcome)
    if isinstance(outcome, Refusal):
        return LineAnswer(line.number, line.key, problem=problem(outcome))
    if isinstance(outcome, Fault):
        return LineAnswer(line.number, line.key, problem=fault_problem(outcome))
    return LineAnswer(
        line.number,
        line.key,
        problem=Problem(
            type="urn:entrepot:problem:bug",
            title="bug",
            status=500,
            code="bug",
            detail="an error in the system itself; it was logged and this order was not placed; "
            "the same line may be sent again",
        ),
    )
