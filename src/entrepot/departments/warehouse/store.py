"""The warehouse's outbound tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from entrepot.departments.warehouse.model import (
    Carton,
    Contents,
    LineEach,
    Release,
    Work,
    WorkLine,
    WorkState,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.warehouse")
CHANGED = "work changed its state meanwhile"

Key = tuple[str, int]
"""An order and the number of its part."""


def _keys(keys: Iterable[Key]) -> dict[str, list[Any]]:
    wanted = sorted(set(keys))
    return {"order_ids": [k[0] for k in wanted], "part_nos": [k[1] for k in wanted]}


def release(tx: Tx, commands: Sequence[Release]) -> dict[Key, int]:
    """Write work with its lines; gives the number of the attempt for those that were written.

    commands  one per part
    """
    if not commands:
        return {}
    rows = tx.rows(
        Q.release_works,
        {
            "order_ids": [c.order_id for c in commands],
            "part_nos": [c.part_no for c in commands],
            "nodes": [c.node for c in commands],
            "priorities": [c.priority for c in commands],
            "line_counts": [len(c.lines) for c in commands],
            "asked": [sum([line.quantity_each for line in c.lines]) for c in commands],
            "masses": [
                sum([line.quantity_each * line.unit_mass_g for line in c.lines]) for c in commands
            ],
            "pick_dues": [c.pick_due_at for c in commands],
            "ship_bys": [c.ship_by for c in commands],
            "command_ids": [c.command_id for c in commands],
            "at": tx.now,
        },
    )
    attempts = {(row[0], row[1]): row[2] for row in rows}
    again = [key for key, attempt in attempts.items() if attempt > 1]
    if again:
        wanted = _keys(again)
        tx.run(Q.remove_lines, {"order_ids": wanted["order_ids"], "part_nos": wanted["part_nos"]})
    _insert_lines(tx, [c for c in commands if (c.order_id, c.part_no) in attempts])
    return attempts


def _insert_lines(tx: Tx, commands: Sequence[Release]) -> None:
    rows = [(c.order_id, c.part_no, *line) for c in commands for line in c.lines]
    if rows:
        order_ids, part_nos, line_nos, skus, asked, unit_masses = map(list, zip(*rows, strict=True))
        tx.run(
            Q.insert_lines,
            {
                "order_ids": order_ids,
                "part_nos": part_nos,
                "line_nos": line_nos,
                "skus": skus,
                "asked": asked,
                "unit_masses": unit_masses,
            },
        )


def _work(row: tuple[Any, ...]) -> Work:
    return Work(*row)._replace(state=WorkState(row[4]))


def works(tx: Tx, keys: Iterable[Key]) -> dict[Key, Work]:
    """Work by part, those that exist."""
    return {(row[0], row[1]): _work(row) for row in tx.rows(Q.read_works, _keys(keys))}


def works_of_orders(tx: Tx, order_ids: Iterable[str]) -> list[Work]:
    """All work of orders, by order and part."""
    rows = tx.rows(Q.works_of_orders, {"order_ids": sorted(set(order_ids))})
    return [_work(row) for row in rows]


def due(tx: Tx, nodes: Iterable[str], state: WorkState, at: datetime, limit: int) -> list[Work]:
    """Work in a state that is due, the oldest first."""
    rows = tx.rows(
        Q.due_works, {"nodes": sorted(set(nodes)), "state": state.value, "at": at, "limit": limit}
    )
    return [_work(row) for row in rows]


def lines(tx: Tx, keys: Iterable[Key]) -> dict[Key, tuple[WorkLine, ...]]:
    """The lines of parts, by line number."""
    found: dict[Key, list[WorkLine]] = defaultdict(list)
    wanted = _keys(keys)
    if wanted["order_ids"]:
        for order_id, part_no, *rest in tx.rows(Q.read_lines, wanted):
            found[order_id, part_no].append(WorkLine(*rest))
    return {key: tuple(listed) for key, listed in found.items()}


def _carton(row: tuple[Any, ...]) -> Carton:
    order_id, part_no, sscc, mass_g, line_nos, quantities, packed_at, closed_at, voided_at = row
    held = None
    if line_nos is not None:
        held = tuple(LineEach(*pair) for pair in zip(line_nos, quantities, strict=True))
    return Carton(order_id, part_no, sscc, mass_g, held, packed_at, closed_at, voided_at)


def cartons(tx: Tx, keys: Iterable[Key]) -> dict[Key, tuple[Carton, ...]]:
    """The cartons of parts by SSCC, voided ones too."""
    found: dict[Key, list[Carton]] = defaultdict(list)
    wanted = _keys(keys)
    if wanted["order_ids"]:
        for row in tx.rows(Q.read_cartons, wanted):
            found[row[0], row[1]].append(_carton(row))
    return {key: tuple(listed) for key, listed in found.items()}


def find_cartons(tx: Tx, ssccs: Iterable[str]) -> list[Carton]:
    """Cartons by their numbers, voided ones too."""
    return [_carton(row) for row in tx.rows(Q.find_cartons, {"ssccs": sorted(set(ssccs))})]


class PickRow(NamedTuple):
    """A part that was picked, and what is short of it."""

    key: Key
    command_id: str
    shorts: Sequence[WorkLine]


def pick(tx: Tx, picks: Sequence[PickRow]) -> None:
    """Take released work to picked, with its shorts.

    Raises: Conflict when one is no longer released.
    """
    if not picks:
        return
    tx.guard(
        Q.pick_works,
        {
            "order_ids": [p.key[0] for p in picks],
            "part_nos": [p.key[1] for p in picks],
            "shorts": [sum(line.short_each for line in p.shorts) for p in picks],
            "short_masses": [
                sum(line.short_each * line.unit_mass_g for line in p.shorts) for p in picks
            ],
            "command_ids": [p.command_id for p in picks],
            "at": tx.now,
        },
        len(picks),
        CHANGED,
    )
    rows = [(*p.key, line) for p in picks for line in p.shorts]
    if rows:
        tx.guard(
            Q.short_lines,
            {
                "order_ids": [order_id for order_id, _, _ in rows],
                "part_nos": [part_no for _, part_no, _ in rows],
                "line_nos": [line.line_no for _, _, line in rows],
                "shorts": [line.short_each for _, _, line in rows],
                "reasons": [line.short_reason for _, _, line in rows],
            },
            len(rows),
            CHANGED,
        )


def take_serials(tx: Tx, prefix: str, count: int, serials_max: int) -> int | None:
    """The first of `count` serial numbers in a row that nobody else has; None = too few left."""
    row = tx.row(Q.take_serials, {"prefix": prefix, "count": count, "serials": serials_max})
    return None if row is None else int(row[0]) - count


def pack(tx: Tx, packs: Sequence[tuple[Key, str, Sequence[tuple[str, Contents]]]]) -> None:
    """Take picked work to packed: (part, command id, (SSCC, contents) of its cartons).

    Raises: Conflict when one is no longer picked.
    """
    if not packs:
        return
    tx.guard(
        Q.pack_works,
        {
            "order_ids": [key[0] for key, _, _ in packs],
            "part_nos": [key[1] for key, _, _ in packs],
            "command_ids": [command_id for _, command_id, _ in packs],
            "at": tx.now,
        },
        len(packs),
        CHANGED,
    )
    rows = [(*key, sscc, contents) for key, _, packed in packs for sscc, contents in packed]
    tx.run(
        Q.insert_cartons,
        {
            "order_ids": [order_id for order_id, _, _, _ in rows],
            "part_nos": [part_no for _, part_no, _, _ in rows],
            "ssccs": [sscc for _, _, sscc, _ in rows],
            "masses": [contents.mass_g for _, _, _, contents in rows],
            "line_nos": [_column(contents.lines, 0) for _, _, _, contents in rows],
            "quantities": [_column(contents.lines, 1) for _, _, _, contents in rows],
            "at": tx.now,
        },
    )


def _column(held: Sequence[LineEach] | None, index: int) -> str | None:
    """An array in PostgreSQL's text form: unnest takes no arrays of different lengths."""
    if held is None:
        return None
    return "{" + ",".join([str(entry[index]) for entry in held]) + "}"


def hand_over(tx: Tx, handed: Mapping[Key, tuple[str, Sequence[str]]]) -> None:
    """Take packed work to handed over and close its cartons: part -> (command id, SSCCs).

    Raises: Conflict when one is no longer packed.
    """
    if not handed:
        return
    keys = sorted(handed)
    tx.guard(
        Q.hand_over_works,
        {
            "order_ids": [k[0] for k in keys],
            "part_nos": [k[1] for k in keys],
            "command_ids": [handed[k][0] for k in keys],
            "at": tx.now,
        },
        len(keys),
        CHANGED,
    )
    loaded = [(key[0], sscc) for key in keys for sscc in handed[key][1]]
    tx.guard(
        Q.close_cartons,
        {"order_ids": [c[0] for c in loaded], "ssccs": [c[1] for c in loaded], "at": tx.now},
        len(loaded),
        CHANGED,
    )


def cancel(tx: Tx, given_up: Mapping[Key, tuple[WorkState, str, str]]) -> None:
    """Give work up and void its cartons: part -> (state it was read in, reason, command id).

    Raises: Conflict when one is no longer in that state.
    """
    if not given_up:
        return
    keys = sorted(given_up)
    wanted = _keys(keys)
    tx.guard(
        Q.cancel_works,
        {
            "order_ids": wanted["order_ids"],
            "part_nos": wanted["part_nos"],
            "from_states": [given_up[k][0].value for k in keys],
            "reasons": [given_up[k][1] for k in keys],
            "command_ids": [given_up[k][2] for k in keys],
            "at": tx.now,
        },
        len(keys),
        CHANGED,
    )
    tx.run(
        Q.void_cartons,
        {"order_ids": wanted["order_ids"], "part_nos": wanted["part_nos"], "at": tx.now},
    )


def audit(tx: Tx, limit: int) -> list[str]:
    """What does not add up within the warehouse, in words."""
    findings = [
        f"work of order {r[0]} part {r[1]} {r[2]}" for r in tx.rows(Q.audit_works, {"limit": limit})
    ]
    findings += [
        f"work of order {r[0]} part {r[1]} line {r[2]}: {r[3]} picked, {r[4]} in cartons"
        for r in tx.rows(Q.audit_cartons, {"limit": limit})
    ]
    return findings


def audit_counts(tx: Tx) -> tuple[int, int, int]:
    """Work, cartons and receipts looked at."""
    row = tx.row(Q.audit_counts)
    assert row is not None
    return row[0], row[1], row[2]
