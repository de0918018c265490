"""Pure warehouse decisions: the state tables, what may be picked short, what may be packed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from entrepot.departments.warehouse.model import (
    CancelledWork,
    CancelReason,
    Contents,
    HandedOverWork,
    Pack,
    Pick,
    PickedWork,
    Release,
    ReleasedWork,
    Short,
    ShortReason,
    Work,
    WorkLine,
    WorkState,
)
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH, MAX_MASS_G

LINES_MAX = 10_000
CARTONS_MAX = 10_000
SSCC_FREE_DIGITS = 17
"""Digits of an SSCC without its check digit: extension digit, company prefix, serial number."""

WORK_STEPS: Mapping[WorkState, frozenset[WorkState]] = {
    WorkState.released: frozenset({WorkState.picked, WorkState.cancelled}),
    WorkState.picked: frozenset({WorkState.packed, WorkState.cancelled}),
    WorkState.packed: frozenset({WorkState.handed_over, WorkState.cancelled}),
    WorkState.handed_over: frozenset(),
    WorkState.cancelled: frozenset({WorkState.released}),
}


def work_subject(order_id: str, part_no: int) -> str:
    """The subject of the facts about one part's work."""
    return f"work/{order_id}/{part_no}"


def bad(code: RefusalCode, field: str, found: object, expected: str) -> Refusal:
    """A refusal of one field's value."""
    return Refusal(code, f"{field}: found {shown(found)}, expected {expected}", field)


def unknown_work(order_id: str, part_no: int) -> Refusal:
    """The refusal for a part that was never released."""
    return Refusal(
        RefusalCode.unknown_order,
        f"order {order_id} part {part_no}: no node has work for it; release it first",
        "order_id",
    )


def step(work: Work, to_state: WorkState) -> Refusal | None:
    """None when the work may take the step."""
    if to_state in WORK_STEPS[work.state]:
        return None
    return _wrong_state(
        work, f"is {work.state} and cannot become {to_state}; {_possible(WORK_STEPS[work.state])}"
    )


def _wrong_state(work: Work, words: str) -> Refusal:
    return Refusal(
        RefusalCode.wrong_state,
        f"work of order {work.order_id} part {work.part_no} {words}",
        facts={"order_id": work.order_id, "part_no": work.part_no, "state": work.state},
    )


def _possible(states: Iterable[WorkState]) -> str:
    listed = sorted(states)
    return f"from there it can become {', '.join(listed)}" if listed else "it has come to its end"


def release(command: Release) -> Refusal | None:
    """None when the command may be carried out, whatever the state of the work.

    Refuses: missing_value without lines; too_many; bad_quantity; duplicate_value for a line given
    twice; bad_value for a mass; bad_date when it should leave before it is picked.
    """
    if refusal := countable(command.lines):
        return refusal
    for line in command.lines:
        if not 0 < line.quantity_each <= MAX_EACH:
            wanted = f"a whole number from 1 to {MAX_EACH}"
            return bad(RefusalCode.bad_quantity, "quantity_each", line.quantity_each, wanted)
        if not 0 <= line.unit_mass_g <= MAX_MASS_G:
            wanted = f"from 0 to {MAX_MASS_G} g"
            return bad(RefusalCode.bad_value, "unit_mass_g", line.unit_mass_g, wanted)
    if command.pick_due_at > command.ship_by:
        return bad(
            RefusalCode.bad_date,
            "ship_by",
            command.ship_by.isoformat(),
            f"a pickup at or after the picking at {command.pick_due_at.isoformat()}",
        )
    return None


def countable(lines: Sequence[tuple[int, ...] | tuple[object, ...]]) -> Refusal | None:
    """None for lines, each with its number first, that are neither none nor too many nor double.

    Refuses: missing_value, too_many, duplicate_value.
    """
    if not lines:
        return Refusal(
            RefusalCode.missing_value, "lines: found none, expected at least one line", "lines"
        )
    if len(lines) > LINES_MAX:
        return bad(RefusalCode.too_many, "lines", len(lines), f"at most {LINES_MAX} lines")
    if len({line[0] for line in lines}) != len(lines):
        return Refusal(
            RefusalCode.duplicate_value,
            "lines: found a line number twice, expected each once; add the quantities",
            "lines",
        )
    return None


def released(work: Work) -> ReleasedWork:
    """The answer to the release."""
    return ReleasedWork(
        work.order_id, work.part_no, work.attempt, work.node, work.asked_each, work.released_at
    )


def pick(work: Work, lines: Iterable[WorkLine], command: Pick) -> Refusal | tuple[WorkLine, ...]:
    """The lines that are short, with how much and why, by number.

    lines  at least those that the command calls short
    Refuses: wrong_state; bad_value for a line that is not of the part or a reason outside the
    list; duplicate_value for a line given twice; bad_quantity for more missing than was asked for.
    """
    if refusal := step(work, WorkState.picked):
        return refusal
    if not command.shorts:
        return ()
    if len({short.line_no for short in command.shorts}) != len(command.shorts):
        return Refusal(
            RefusalCode.duplicate_value,
            "shorts: found a line twice, expected each once; add the missing and keep one reason",
            "shorts",
        )
    known = {line.line_no: line for line in lines}
    short_lines: list[WorkLine] = []
    for short in sorted(command.shorts):
        line = known.get(short.line_no)
        refusal = _short(line, short)
        if line is None or refusal is not None:
            assert refusal is not None, "an unknown line is refused"
            return refusal
        short_lines.append(line._replace(short_each=short.missing_each, short_reason=short.reason))
    return tuple(short_lines)


def _short(line: WorkLine | None, short: Short) -> Refusal | None:
    if line is None:
        wanted = "the number of a line of the part"
        return bad(RefusalCode.bad_value, "shorts.line_no", short.line_no, wanted)
    if not 0 < short.missing_each <= line.asked_each:
        wanted = f"from 1 to the {line.asked_each} that line {line.line_no} asks for"
        return bad(RefusalCode.bad_quantity, "shorts.missing_each", short.missing_each, wanted)
    if short.reason not in list(ShortReason):
        wanted = f"one of {', '.join(ShortReason)}"
        return bad(RefusalCode.bad_value, "shorts.reason", short.reason, wanted)
    return None


def picked(work: Work, shorts: Iterable[WorkLine]) -> PickedWork:
    """The answer to the pick; `shorts` = the lines that are short, by number."""
    assert work.picked_at is not None, "picked work says when"
    return PickedWork(
        order_id=work.order_id,
        part_no=work.part_no,
        node=work.node,
        picked_each=work.picked_each,
        shorts=tuple(shorts),
        picked_at=work.picked_at,
    )


def pack(work: Work, command: Pack) -> Refusal | None:
    """None when the part may be packed.

    Refuses: wrong_state, also when nothing was picked; bad_value for a limit that is no mass;
    too_many for more cartons than one part may have.
    """
    if refusal := step(work, WorkState.packed):
        return refusal
    if work.picked_each == 0:
        return _wrong_state(work, "has nothing picked, so there is nothing to pack; cancel it")
    if not 0 < command.max_mass_g <= MAX_MASS_G:
        wanted = f"from 1 to {MAX_MASS_G} g"
        return bad(RefusalCode.bad_value, "max_mass_g", command.max_mass_g, wanted)
    count = max(len(command.cartons), work.mass_g // command.max_mass_g)
    if count > CARTONS_MAX:
        wanted = f"at most {CARTONS_MAX} for one part; raise max_mass_g or split the part"
        return bad(RefusalCode.too_many, "cartons", count, wanted)
    return None


def packed_by_hand(lines: Iterable[WorkLine], cartons: Iterable[Contents]) -> Refusal | None:
    """None when cartons hold what was picked, no more and no less.

    Refuses: missing_value for a carton without contents; bad_value for a mass; bad_quantity for a
    line whose cartons do not add up to what was picked of it.
    """
    left = {line.line_no: line.picked_each for line in lines}
    for carton in cartons:
        if not carton.lines:
            return Refusal(
                RefusalCode.missing_value,
                "cartons.lines: found an empty carton, expected what is in it; leave it out",
                "cartons.lines",
            )
        if not 0 <= carton.mass_g <= MAX_MASS_G:
            wanted = f"from 0 to {MAX_MASS_G} g"
            return bad(RefusalCode.bad_value, "cartons.mass_g", carton.mass_g, wanted)
        if len({entry.line_no for entry in carton.lines}) != len(carton.lines):
            return Refusal(
                RefusalCode.duplicate_value,
                "cartons.lines: found a line twice in one carton; add the quantities",
                "cartons.lines",
            )
        for line_no, quantity_each in carton.lines:
            if quantity_each <= 0:
                wanted = "a whole number from 1"
                return bad(RefusalCode.bad_quantity, "cartons.lines", quantity_each, wanted)
            left[line_no] = left.get(line_no, 0) - quantity_each
    for line_no, missing in left.items():
        if missing:
            side = "missing from" if missing > 0 else "too many in"
            return Refusal(
                RefusalCode.bad_quantity,
                f"cartons: found {abs(missing)} of line {line_no} {side} the cartons, expected "
                "exactly what was picked; correct the contents",
                "cartons",
            )
    return None


def hand_over(work: Work, there: Sequence[str], scanned: Sequence[str]) -> Refusal | None:
    """None when the cartons may leave.

    there    the SSCCs of the part
    scanned  those read while loading; none = not scanned
    Refuses: wrong_state; bad_value when the scan differs from what was packed.
    """
    if refusal := step(work, WorkState.handed_over):
        return refusal
    missing = sorted(set(there) - set(scanned))
    foreign = sorted(set(scanned) - set(there))
    if not scanned or not (missing or foreign):
        return None
    found = [f"{', '.join(missing)} not loaded"] if missing else []
    found += [f"{', '.join(foreign)} not of this part"] if foreign else []
    return Refusal(
        RefusalCode.bad_value,
        f"ssccs: found {' and '.join(found)}, expected the {len(there)} cartons of order "
        f"{work.order_id} part {work.part_no}; load exactly these",
        "ssccs",
        facts={"missing": missing, "foreign": foreign},
    )


def handed_over(work: Work, ssccs: Iterable[str]) -> HandedOverWork:
    """The answer to the hand-over."""
    assert work.handed_over_at is not None, "work handed over says when"
    return HandedOverWork(work.order_id, work.part_no, work.node, tuple(ssccs), work.handed_over_at)


def cancel(work: Work, reason: str) -> Refusal | None:
    """None when the work may be given up for this reason.

    Refuses: bad_value for a reason outside the list; wrong_state.
    """
    if reason not in list(CancelReason):
        wanted = f"one of {', '.join(CancelReason)}"
        return bad(RefusalCode.bad_value, "reason", reason, wanted)
    return step(work, WorkState.cancelled)


def cancelled(work: Work) -> CancelledWork:
    """The answer to the cancellation."""
    assert work.cancelled_at is not None, "cancelled work says when"
    return CancelledWork(work.order_id, work.part_no, work.node, work.cancelled_at)


def company_prefix(value: str) -> Refusal | None:
    """None for a GS1 company prefix: 4 to 12 digits.

    Source: GS1 General Specifications, section 1.4.
    """
    if value.isascii() and value.isdigit() and 4 <= len(value) <= 12:
        return None
    wanted = "the 4 to 12 digits that GS1 gave the company"
    return bad(RefusalCode.bad_identifier, "company_prefix", value, wanted)


def serials_max(prefix: str) -> int:
    """How many SSCCs a company prefix has, over all ten extension digits."""
    return int(10 ** (SSCC_FREE_DIGITS - len(prefix)))


def extension_and_serial(prefix: str, number: int) -> tuple[int, int]:
    """The extension digit and the serial number of a prefix's SSCC number `number`, from 0."""
    return divmod(number, serials_max(prefix) // 10)


def used_up(prefix: str, wanted: int) -> Refusal:
    """The refusal when a company prefix has too few numbers left."""
    return Refusal(
        RefusalCode.too_many,
        f"company_prefix: found fewer than {wanted} SSCCs left of the {serials_max(prefix)} of "
        f"prefix {prefix}, expected a prefix with free numbers; ask GS1 for another",
        "company_prefix",
    )
