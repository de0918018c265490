"""SQL about parts at work: lists by state, and what a short pick changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from entrepot.departments.ordering.model import OpenPart, Part, PartLine, PartState, Short
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.ordering")


def in_state(
    tx: Tx, state: PartState, after: tuple[datetime, str, int], until: datetime, limit: int
) -> list[OpenPart]:
    """Parts of open orders in a state, from after (since, order, part), since `until` at most."""
    rows = tx.rows(
        Q.parts_in_state,
        {
            "state": state.value,
            "since": after[0],
            "after_id": after[1],
            "after_part": after[2],
            "until": until,
            "limit": limit,
        },
    )
    lines = _lines(tx, [row[0] for row in rows], [row[1] for row in rows])
    return [
        OpenPart(
            order_id=row[0],
            part=Part(
                part_no=row[1],
                state=PartState(row[2]),
                node=row[3],
                service=row[4],
                since=row[5],
                lines=tuple(lines[row[0], row[1]]),
            ),
            country=row[6],
            postal_area=row[7],
            placed_at=row[8],
        )
        for row in rows
    ]


def _lines(
    tx: Tx, order_ids: Sequence[str], part_nos: Sequence[int]
) -> dict[tuple[str, int], list[PartLine]]:
    """The lines of these parts only: an order may have a hundred others."""
    lines: dict[tuple[str, int], list[PartLine]] = defaultdict(list)
    if order_ids:
        wanted = {"order_ids": order_ids, "part_nos": part_nos}
        for order_id, part_no, *rest in tx.rows(Q.lines_of_parts, wanted):
            lines[order_id, part_no].append(PartLine(*rest))
    return lines


def is_any_in(tx: Tx, states: Iterable[PartState]) -> bool:
    """Whether a part of an open order stands in one of these states."""
    found = tx.row(Q.is_any_part_in, {"states": sorted(states)})
    assert found is not None
    return bool(found[0])


def promised(tx: Tx, order_ids: Iterable[str]) -> dict[tuple[str, int], date | None]:
    """The latest date last promised, by (order, part)."""
    rows = tx.rows(Q.promised, {"order_ids": sorted(set(order_ids))})
    return {(row[0], row[1]): row[2] for row in rows}


def shorten(tx: Tx, kept: Sequence[Short], emptied: Sequence[Short]) -> None:
    """Take missing units off part lines; lines left empty are removed.

    Raises: Conflict when a line changed meanwhile.
    """
    for query, shorts in (
        (Q.shorten_part_lines, kept),
        (Q.remove_part_lines, emptied),
    ):
        if not shorts:
            continue
        tx.guard(
            query,
            {
                "order_ids": [s.order_id for s in shorts],
                "part_nos": [s.part_no for s in shorts],
                "line_nos": [s.line_no for s in shorts],
                "shorts": [s.short_each for s in shorts],
            },
            len(shorts),
            "a part changed meanwhile",
        )
