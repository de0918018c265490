"""However the log is cut into batches, the figures are the same, and the sums fit the parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.tower import decisions
from entrepot.departments.tower.model import (
    NOWHERE,
    Note,
    OpenPart,
    OrderCancelledNote,
    OrderPaidNote,
    OrderPlacedNote,
    PartMovedNote,
    PartShortNote,
    PlacedPart,
    PromiseNote,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
NODES = ("BER", "MUC")
WAY = ("reserved", "released", "picked", "packed", "shipped")


class Figures:
    """The tower's tables in memory."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int], OpenPart] = {}
        self.sums: Counter[tuple[object, ...]] = Counter()

    def apply(self, notes: Sequence[Note]) -> None:
        wanted = decisions.orders_of(notes)
        found = decisions.changes([p for p in self.parts.values() if p.order_id in wanted], notes)
        for table, changed in (
            ("stage", found.stages),
            ("due", found.dues),
            ("day", found.days),
            ("money", found.money),
            ("stock", found.stock),
        ):
            for key, row in changed.items():
                for field, number in zip(row._fields, row, strict=True):
                    self.sums[table, key, field] += number
        self.parts |= {(p.order_id, p.part_no): p for p in found.kept}
        for key in found.ended:
            del self.parts[key]

    def sum_of(self, table: str, field: str) -> int:
        return sum(n for key, n in self.sums.items() if key[0] == table and key[2] == field)


@st.composite
def lives(draw: st.DrawFn) -> list[Note]:
    """The notes of a few orders, in an order that facts can come in."""
    stories = [_life(draw, f"O-{number}") for number in range(draw(st.integers(1, 4)))]
    notes: list[Note] = []
    while any(stories):
        notes.append(draw(st.sampled_from([s for s in stories if s])).pop(0))
    return [note._replace(at=START + timedelta(hours=7 * n)) for n, note in enumerate(notes)]


def _life(draw: st.DrawFn, order_id: str) -> list[Note]:
    node = draw(st.sampled_from((*NODES, NOWHERE)))
    waits = draw(st.booleans())
    units = draw(st.integers(2, 9))
    promised = START.date() + timedelta(days=draw(st.integers(0, 9)))
    parts = (PlacedPart(1, node, units, 100), PlacedPart(2, "BER", 1, 50))
    told = promised if node else None
    notes: list[Note] = [OrderPlacedNote(START, order_id, waits, told, "EUR", 5, parts)]
    steps = draw(st.integers(0, len(WAY)))
    for to in WAY[0 if node == NOWHERE else 1 : steps]:
        if waits and to == "released":
            notes.append(OrderPaidNote(START, order_id))
        notes.append(PartMovedNote(START, order_id, 1, to, node or "MUC"))
        if to == "released" and draw(st.booleans()):
            notes.append(PartShortNote(START, order_id, 1, 3, node or "MUC", 1))
        if draw(st.booleans()):
            notes.append(PromiseNote(START, order_id, draw(st.integers(0, 2)), promised))
    end = draw(st.sampled_from(("delivered", "lost", "none", "cancelled")))
    if steps == len(WAY) and end != "cancelled":
        notes += [PartMovedNote(START, order_id, 1, end, "")] if end != "none" else []
    elif end == "cancelled":
        notes.append(OrderCancelledNote(START, order_id))
    return notes


@given(lives(), st.lists(st.integers(1, 60), max_size=5))
def test_batches_make_no_difference(notes: list[Note], cuts: list[int]) -> None:
    whole, cut = Figures(), Figures()
    whole.apply(notes)
    edges = sorted({0, len(notes), *(c for c in cuts if c < len(notes))})
    for start, end in pairwise(edges):
        cut.apply(notes[start:end])
    assert (+whole.sums, whole.parts) == (+cut.sums, cut.parts)


@given(lives())
def test_the_sums_are_those_of_the_open_parts(notes: list[Note]) -> None:
    figures = Figures()
    for note in notes:
        figures.apply([note])
    open_now = list(figures.parts.values())
    assert figures.sum_of("stage", "parts") == len(open_now)
    assert figures.sum_of("stage", "units") == sum(p.units for p in open_now)
    assert figures.sum_of("due", "parts") == sum(p.promised_on is not None for p in open_now)
    counted = Counter((p.stage, p.node, p.since.date()) for p in open_now)
    kept = {key[1]: n for key, n in figures.sums.items() if key[0] == "stage" and key[2] == "parts"}
    assert {key: n for key, n in kept.items() if n} == counted
    shorts = sum(isinstance(note, PartShortNote) for note in notes)
    parts = 2 * figures.sum_of("day", "orders_placed") + shorts
    ended = sum(figures.sum_of("day", f"parts_{end}") for end in ("delivered", "lost", "cancelled"))
    assert parts - ended == len(open_now)
