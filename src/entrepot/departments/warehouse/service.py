"""The warehouse's outbound verbs.

Each takes a batch and gives an answer per command, in order: one read, pure decisions, guarded
writes. A command is known by its id: repeated, it changes nothing and is answered the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from entrepot.departments.warehouse import decisions, store
from entrepot.departments.warehouse.cartons import by_mass
from entrepot.departments.warehouse.decisions import work_subject
from entrepot.departments.warehouse.model import (
    Cancel,
    CancelledWork,
    Carton,
    Contents,
    FullWork,
    HandedOver,
    HandedOverWork,
    HandOver,
    LineEach,
    Pack,
    PackedCarton,
    PackedWork,
    Pick,
    PickedWork,
    PickShort,
    Release,
    ReleasedWork,
    Work,
    WorkCancelled,
    WorkLine,
    WorkPacked,
    WorkReleased,
    WorkState,
)
from entrepot.departments.warehouse.store import Key, PickRow
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.identifiers import make_sscc
from entrepot.words.outcome import Refusal

DUE_MAX = 10_000
AUDIT_FINDINGS_MAX = 100

Command = Release | Pick | Pack | HandOver | Cancel


def _key(command: Command) -> Key:
    return command.order_id, command.part_no


def _works(tx: Tx, commands: Sequence[Pick | Pack | HandOver | Cancel]) -> dict[Key, Work]:
    return store.works(tx, map(_key, commands)) if commands else {}


def release(tx: Tx, commands: Sequence[Release]) -> list[ReleasedWork | Refusal]:
    """Give parts to their nodes, also parts whose work was cancelled. Fact: WorkReleased.

    Refuses: wrong_state when there is work for the part; missing_value, too_many, bad_quantity,
    duplicate_value, bad_value, bad_date for what the command says.
    """
    refusals = [decisions.release(c) for c in commands]
    first: dict[Key, Release] = {}
    for command, refusal in zip(commands, refusals, strict=True):
        if refusal is None:
            first.setdefault(_key(command), command)
    attempts = store.release(tx, list(first.values()))
    written = [(c, attempts[key]) for key, c in first.items() if key in attempts]
    announce(tx, [_released(c, attempt) for c, attempt in written])
    new = {key for key in attempts if key in first}
    standing = [
        _key(c)
        for c, refusal in zip(commands, refusals, strict=True)
        if refusal is None and (_key(c) not in new or first[_key(c)] is not c)
    ]
    works = store.works(tx, standing) if standing else {}
    answers: list[ReleasedWork | Refusal] = []
    for command, refusal in zip(commands, refusals, strict=True):
        key = _key(command)
        if refusal is not None:
            answers.append(refusal)
        elif key in attempts and first[key] is command:
            asked_each = sum([line.quantity_each for line in command.lines])
            answers.append(ReleasedWork(*key, attempts[key], command.node, asked_each, tx.now))
        else:
            answers.append(_standing(works[key], command))
    return answers


def _standing(work: Work, command: Release) -> ReleasedWork | Refusal:
    if work.release_command == command.command_id:
        return decisions.released(work)
    refusal = decisions.step(work, WorkState.released)
    assert refusal is not None, "work that may be released was"
    return refusal


def _released(command: Release, attempt: int) -> Announcement:
    return Announcement(
        work_subject(command.order_id, command.part_no),
        WorkReleased(
            order_id=command.order_id,
            part_no=command.part_no,
            attempt=attempt,
            node=command.node,
            lines=len(command.lines),
            asked_each=sum([line.quantity_each for line in command.lines]),
            priority=command.priority,
            pick_due_at=command.pick_due_at,
            ship_by=command.ship_by,
        ),
        command.command_id,
        command.actor,
    )


def pick(tx: Tx, commands: Sequence[Pick]) -> list[PickedWork | Refusal]:
    """Book what was picked; the answer tells the shorts. Fact: PickShort, one per short line.

    Refuses: unknown_order for a part without work; wrong_state; bad_value, bad_quantity and
    duplicate_value for shorts.
    Raises: Conflict when another picker was faster.
    """
    works = _works(tx, commands)
    lines = store.lines(tx, [_key(c) for c in commands if c.shorts or _is_short(works, c)])
    shorts = {
        key: tuple(line for line in listed if line.short_each) for key, listed in lines.items()
    }
    answers: list[PickedWork | Refusal] = []
    done: list[tuple[Pick, PickRow]] = []
    for command in commands:
        key = _key(command)
        work = works.get(key)
        if work is None:
            answers.append(decisions.unknown_work(*key))
            continue
        if work.pick_command != command.command_id:
            decided = decisions.pick(work, lines.get(key, ()), command)
            if isinstance(decided, Refusal):
                answers.append(decided)
                continue
            shorts[key] = decided
            works[key] = work = work._replace(
                state=WorkState.picked,
                picked_at=tx.now,
                short_each=sum(line.short_each for line in decided),
                pick_command=command.command_id,
            )
            done.append((command, PickRow(key, command.command_id, decided)))
        answers.append(decisions.picked(work, shorts.get(key, ())))
    store.pick(tx, [row for _, row in done])
    announce(
        tx,
        [_short(works[row.key], c, line) for c, row in done for line in row.shorts],
    )
    return answers


def _is_short(works: Mapping[Key, Work], command: Pick) -> bool:
    work = works.get(_key(command))
    return work is not None and work.short_each > 0


def _short(work: Work, command: Pick, line: WorkLine) -> Announcement:
    assert line.short_reason is not None, "a short line has its reason"
    return Announcement(
        work_subject(work.order_id, work.part_no),
        PickShort(
            order_id=work.order_id,
            part_no=work.part_no,
            node=work.node,
            line_no=line.line_no,
            sku=line.sku,
            asked_each=line.asked_each,
            short_each=line.short_each,
            reason=line.short_reason,
        ),
        command.command_id,
        command.actor,
    )


def pack(tx: Tx, commands: Sequence[Pack], *, company_prefix: str) -> list[PackedWork | Refusal]:
    """Put parts into cartons, each in at least one, with SSCCs of their own. Fact: WorkPacked.

    Cartons are as the command says, or as `cartons.by_mass` makes them.
    company_prefix  the GS1 prefix whose SSCCs are given
    Refuses: unknown_order; wrong_state, also when nothing was picked; bad_value, bad_quantity,
    missing_value, duplicate_value and too_many for cartons; bad_identifier for the prefix, and
    too_many when it has not enough numbers left for the batch.
    Raises: Conflict when another packer was faster.
    """
    if refusal := decisions.company_prefix(company_prefix):
        return [refusal for _ in commands]
    works = _works(tx, commands)
    repeated = [k for c in commands if (k := _key(c)) in works and _is_packed_by(works[k], c)]
    earlier = store.cartons(tx, repeated)
    packed: dict[Key, PackedWork | Refusal] = {
        key: _packed_before(works[key], earlier[key]) for key in repeated
    }
    refusals, plans = _plan(tx, commands, works)
    count = sum([len(plan) for _, plan in plans.values()])
    first = (
        store.take_serials(tx, company_prefix, count, decisions.serials_max(company_prefix))
        if count
        else 0
    )
    if first is None:
        no_more = decisions.used_up(company_prefix, count)
        packed |= dict.fromkeys(plans, no_more)
    else:
        packed |= _write_packed(tx, works, plans, company_prefix, first)
    return [refusals.get(n) or packed[_key(c)] for n, c in enumerate(commands)]


def _is_packed_by(work: Work, command: Pack) -> bool:
    return work.pack_command == command.command_id


Plans = dict[Key, tuple[Pack, list[Contents]]]
"""What goes into which carton, by part, with the command that asked."""


def _plan(
    tx: Tx, commands: Sequence[Pack], works: Mapping[Key, Work]
) -> tuple[dict[int, Refusal], Plans]:
    """The refusals, by the number of the command, and what is to be packed.

    A part whose mass fits one carton goes into it as a whole: its lines are not even read.
    """
    by_line = [
        k
        for c in commands
        if (k := _key(c)) in works and (c.cartons or works[k].mass_g > c.max_mass_g)
    ]
    lines = store.lines(tx, by_line)
    refusals: dict[int, Refusal] = {}
    plans: Plans = {}
    for number, command in enumerate(commands):
        key = _key(command)
        work = works.get(key)
        if work is None:
            refusals[number] = decisions.unknown_work(*key)
        elif key in plans:
            refusal = decisions.step(work._replace(state=WorkState.packed), WorkState.packed)
            if refusal is not None and plans[key][0].command_id != command.command_id:
                refusals[number] = refusal
        elif not _is_packed_by(work, command):
            planned = _cartons(work, lines.get(key, ()), command)
            if isinstance(planned, Refusal):
                refusals[number] = planned
            else:
                plans[key] = command, planned
    return refusals, plans


def _cartons(work: Work, lines: Sequence[WorkLine], command: Pack) -> list[Contents] | Refusal:
    if refusal := decisions.pack(work, command):
        return refusal
    if command.cartons:
        return decisions.packed_by_hand(lines, command.cartons) or list(command.cartons)
    if work.mass_g <= command.max_mass_g:
        return [Contents(None, work.mass_g)]
    return by_mass(lines, command.max_mass_g)


def _write_packed(
    tx: Tx, works: Mapping[Key, Work], plans: Plans, company_prefix: str, first: int
) -> dict[Key, PackedWork]:
    numbers = itertools.count(first)
    numbered = {
        key: [
            (_sscc(company_prefix, number), contents)
            for contents, number in zip(planned, numbers, strict=False)
        ]
        for key, (_, planned) in plans.items()
    }
    store.pack(tx, [(key, plans[key][0].command_id, cartons) for key, cartons in numbered.items()])
    answers = {
        key: PackedWork(
            order_id=key[0],
            part_no=key[1],
            node=works[key].node,
            cartons=tuple([PackedCarton(sscc, c.mass_g) for sscc, c in cartons]),
            packed_at=tx.now,
        )
        for key, cartons in numbered.items()
    }
    announce(tx, [_packed(plans[k][0], works[k], answer) for k, answer in answers.items()])
    return answers


def _sscc(company_prefix: str, number: int) -> str:
    digit, serial = decisions.extension_and_serial(company_prefix, number)
    return make_sscc(digit, company_prefix, serial)


def _packed_before(work: Work, cartons: Iterable[Carton]) -> PackedWork:
    assert work.packed_at is not None, "packed work says when"
    return PackedWork(
        order_id=work.order_id,
        part_no=work.part_no,
        node=work.node,
        cartons=tuple(
            PackedCarton(c.sscc, c.mass_g) for c in cartons if c.packed_at == work.packed_at
        ),
        packed_at=work.packed_at,
    )


def _packed(command: Pack, work: Work, answer: PackedWork) -> Announcement:
    return Announcement(
        work_subject(work.order_id, work.part_no),
        WorkPacked(
            order_id=work.order_id,
            part_no=work.part_no,
            node=work.node,
            picked_each=work.picked_each,
            cartons=answer.cartons,
        ),
        command.command_id,
        command.actor,
    )


def hand_over(tx: Tx, commands: Sequence[HandOver]) -> list[HandedOverWork | Refusal]:
    """Give the cartons of parts to the carrier and close them. Fact: HandedOver.

    Refuses: unknown_order; wrong_state; bad_value when other cartons were scanned than packed.
    Raises: Conflict when somebody else was faster.
    """
    works = _works(tx, commands)
    there = {
        key: [c.sscc for c in cartons if c.voided_at is None]
        for key, cartons in store.cartons(tx, works).items()
    }
    answers: list[HandedOverWork | Refusal] = []
    done: list[tuple[Work, HandOver]] = []
    for command in commands:
        key = _key(command)
        work = works.get(key)
        if work is None:
            answers.append(decisions.unknown_work(*key))
            continue
        if work.hand_over_command != command.command_id:
            refusal = decisions.hand_over(work, there.get(key, ()), command.ssccs)
            if refusal is not None:
                answers.append(refusal)
                continue
            works[key] = work = work._replace(
                state=WorkState.handed_over,
                handed_over_at=tx.now,
                hand_over_command=command.command_id,
            )
            done.append((work, command))
        answers.append(decisions.handed_over(work, there[key]))
    store.hand_over(tx, {_key(c): (c.command_id, there[_key(c)]) for _, c in done})
    announce(tx, [_handed_over(work, c, there[_key(c)]) for work, c in done])
    return answers


def _handed_over(work: Work, command: HandOver, ssccs: Iterable[str]) -> Announcement:
    return Announcement(
        work_subject(work.order_id, work.part_no),
        HandedOver(
            order_id=work.order_id,
            part_no=work.part_no,
            node=work.node,
            ssccs=tuple(ssccs),
            ship_by=work.ship_by,
        ),
        command.command_id,
        command.actor,
    )


def cancel(tx: Tx, commands: Sequence[Cancel]) -> list[CancelledWork | Refusal]:
    """Give work up before it leaves; its cartons are void. Fact: WorkCancelled.

    Refuses: unknown_order; wrong_state; bad_value for the reason.
    Raises: Conflict when somebody else was faster.
    """
    works = _works(tx, commands)
    answers: list[CancelledWork | Refusal] = []
    done: list[tuple[Work, Cancel]] = []
    for command in commands:
        key = _key(command)
        work = works.get(key)
        if work is None:
            answers.append(decisions.unknown_work(*key))
            continue
        if work.cancel_command != command.command_id:
            refusal = decisions.cancel(work, command.reason)
            if refusal is not None:
                answers.append(refusal)
                continue
            done.append((work, command))
            works[key] = work = work._replace(
                state=WorkState.cancelled,
                cancelled_at=tx.now,
                cancel_command=command.command_id,
            )
        answers.append(decisions.cancelled(work))
    store.cancel(tx, {_key(c): (work.state, c.reason, c.command_id) for work, c in done})
    announce(tx, [_cancelled(work, command) for work, command in done])
    return answers


def _cancelled(before: Work, command: Cancel) -> Announcement:
    return Announcement(
        work_subject(before.order_id, before.part_no),
        WorkCancelled(
            order_id=before.order_id,
            part_no=before.part_no,
            node=before.node,
            from_state=before.state,
            reason=command.reason,
        ),
        command.command_id,
        command.actor,
    )


def due(
    tx: Tx, nodes: Iterable[str], state: WorkState, at: datetime, limit: int = DUE_MAX
) -> list[Work]:
    """Work at these nodes whose next step is due up to an instant.

    The oldest due date first; among equals the lower priority number.
    state  released, picked or packed: what it waits for is picking, packing or the carrier
    """
    return store.due(tx, nodes, state, at, min(max(limit, 1), DUE_MAX))


def work_of(tx: Tx, order_ids: Iterable[str]) -> list[FullWork]:
    """All work of these orders, by order and part."""
    works = store.works_of_orders(tx, order_ids)
    keys = [(work.order_id, work.part_no) for work in works]
    lines, cartons = store.lines(tx, keys), store.cartons(tx, keys)
    return [
        FullWork(
            work,
            lines[key],
            tuple(
                _spelled_out(carton, lines[key])
                for carton in cartons.get(key, ())
                if carton.voided_at is None
            ),
        )
        for work, key in zip(works, keys, strict=True)
    ]


def _spelled_out(carton: Carton, lines: Iterable[WorkLine]) -> Carton:
    if carton.lines is not None:
        return carton
    return carton._replace(
        lines=tuple(LineEach(x.line_no, x.picked_each) for x in lines if x.picked_each)
    )


def lines_of(tx: Tx, parts: Iterable[Key]) -> dict[Key, tuple[WorkLine, ...]]:
    """The lines of parts (order, part number), by line number."""
    return store.lines(tx, parts)


def find_cartons(tx: Tx, ssccs: Iterable[str]) -> list[Carton]:
    """The cartons with these numbers, voided ones too; `lines` None = all of their part."""
    return store.find_cartons(tx, ssccs)


def audit(tx: Tx) -> tuple[list[str], dict[str, int]]:
    """Findings in words (empty = all is well) and what was looked at."""
    works, cartons, receipts = store.audit_counts(tx)
    return store.audit(tx, AUDIT_FINDINGS_MAX), {
        "work": works,
        "cartons": cartons,
        "receipts": receipts,
    }
