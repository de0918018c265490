"""Pure decisions about figures: open parts and what happened, to how every figure changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from entrepot.departments.tower.model import (
    NOWHERE,
    Changes,
    Counted,
    Day,
    DayNote,
    End,
    Money,
    Note,
    OpenPart,
    OrderCancelledNote,
    OrderPaidNote,
    OrderPlacedNote,
    ParcelArrivedNote,
    PartMovedNote,
    PartShortNote,
    PromiseNote,
    Stage,
    Stock,
    StockNote,
)

WHOLE_ORDER = 0
ENDS = frozenset(End)

_DAY_FIELDS = {name: index for index, name in enumerate(Day._fields)}


def orders_of(notes: Iterable[Note]) -> set[str]:
    """The orders whose open parts must be known to take these notes in."""
    return {
        note.order_id
        for note in notes
        if not isinstance(note, StockNote | DayNote | OrderPlacedNote)
    }


def changes(before: Iterable[OpenPart], notes: Sequence[Note]) -> Changes:
    """What the notes, in the order of their facts, do to the figures.

    before  every open part of `orders_of(notes)`
    Raises: LookupError for a step of a part that is not open: a fact was lost or told twice.
    """
    assert notes, "nothing happened"
    board = _Board(before)
    for note in notes:
        board.take(note)
    return board.changes(max(note.at for note in notes))


class _Board:
    """Figures while a batch is taken in. Sums over open parts follow from how those end up."""

    def __init__(self, before: Iterable[OpenPart]) -> None:
        self._before = {(p.order_id, p.part_no): p for p in before}
        self._orders: defaultdict[str, dict[int, OpenPart]] = defaultdict(dict)
        for part in self._before.values():
            self._orders[part.order_id][part.part_no] = part
        self._days: dict[tuple[date, str], list[int]] = {}
        self._money: dict[tuple[date, str, str], list[int]] = {}
        self._stock: dict[str, list[int]] = {}
        self._takers = {
            OrderPlacedNote: self._place,
            OrderPaidNote: self._pay,
            OrderCancelledNote: self._cancel,
            PartMovedNote: self._move,
            PartShortNote: self._shorten,
            PromiseNote: self._promise,
            ParcelArrivedNote: self._arrive,
            StockNote: self._restock,
            DayNote: self._note_day,
        }

    def take(self, note: Note) -> None:
        """Count one note in."""
        self._takers[type(note)](note)  # type: ignore[operator]

    def _place(self, note: OrderPlacedNote) -> None:
        first = note.parts[0].node if note.parts else NOWHERE
        on = note.at.date()
        self._count(on, first, "orders_placed", 1)
        self._earn(on, first, note.currency, Money(shipping_minor=note.shipping_minor))
        for part in note.parts:
            state = Stage.reserved if part.node else Stage.backordered
            self._count(on, part.node, "units_placed", part.units)
            self._earn(on, part.node, note.currency, Money(items_minor=part.items_minor))
            if state is Stage.backordered:
                self._count(on, part.node, "backorders_opened", 1)
            promised_on = note.promised_on or part.promised_on
            self._orders[note.order_id][part.part_no] = OpenPart(
                order_id=note.order_id,
                part_no=part.part_no,
                state=state,
                awaits_payment=note.awaits_payment,
                node=part.node,
                units=part.units,
                since=note.at,
                first_on=promised_on,
                promised_on=promised_on,
                own_promise=promised_on is not None and note.promised_on is None,
            )

    def _pay(self, note: OrderPaidNote) -> None:
        mine = self._orders[note.order_id]
        for part_no, part in mine.items():
            mine[part_no] = part._replace(awaits_payment=False, since=note.at)

    def _cancel(self, note: OrderCancelledNote) -> None:
        mine = self._orders[note.order_id]
        first = mine[min(mine)].node if mine else NOWHERE
        self._count(note.at.date(), first, "orders_cancelled", 1)
        for part in mine.values():
            self._count(note.at.date(), part.node, "parts_cancelled", 1)
        mine.clear()

    def _move(self, note: PartMovedNote) -> None:
        part = self._open(note.order_id, note.part_no)
        on, node = note.at.date(), note.node or part.node
        if part.state is Stage.backordered:
            self._count(on, node, "backorders_filled", note.to == Stage.reserved)
        if note.to == Stage.shipped:
            self._count(on, node, "parts_shipped", 1)
            self._count(on, node, "units_shipped", part.units)
            self._restock(StockNote(note.at, node, -part.units, 0))
        if note.to in ENDS:
            self._end(part._replace(node=node), End(note.to), note.at)
            return
        # A step of a part whose order is not paid does not change how long that one waits.
        since = part.since if part.awaits_payment else note.at
        state = Stage(note.to)
        self._keep(part._replace(state=state, node=node, since=since))

    def _end(self, part: OpenPart, end: End, at: datetime) -> None:
        del self._orders[part.order_id][part.part_no]
        arrived = end is End.delivered and part.arrived_at
        on = (arrived or at).date()
        self._count(on, part.node, f"parts_{end}", 1)
        if end is End.delivered and part.promised_on is not None:
            in_time = on <= part.promised_on
            self._count(on, part.node, "parts_on_time" if in_time else "parts_late", 1)
            kept = part.first_on is not None and on <= part.first_on
            self._count(on, part.node, "parts_kept", kept)

    def _shorten(self, note: PartShortNote) -> None:
        part = self._open(note.order_id, note.part_no)
        self._keep(part._replace(units=part.units - note.units))
        self._restock(StockNote(note.at, note.node, -note.units, 0))
        self._count(note.at.date(), NOWHERE, "backorders_opened", 1)
        self._keep(
            part._replace(
                part_no=note.new_part_no,
                state=Stage.backordered,
                node=NOWHERE,
                units=note.units,
                since=note.at,
                own_promise=False,
            )
        )

    def _promise(self, note: PromiseNote) -> None:
        whole = note.part_no == WHOLE_ORDER
        for part_no, part in list(self._orders[note.order_id].items()):
            if part_no == note.part_no or (whole and not part.own_promise):
                self._keep(
                    part._replace(
                        first_on=part.first_on or note.promised_on,
                        promised_on=note.promised_on,
                        own_promise=not whole,
                    )
                )

    def _arrive(self, note: ParcelArrivedNote) -> None:
        part = self._orders[note.order_id].get(note.part_no)
        if part is not None:  # a parcel that was given up as lost may still arrive
            last = max(part.arrived_at or note.arrived_at, note.arrived_at)
            self._keep(part._replace(arrived_at=last))

    def _restock(self, note: StockNote) -> None:
        stock = self._stock.setdefault(note.node, [0, 0])
        stock[0] += note.on_hand
        stock[1] += note.quarantined

    def _note_day(self, note: DayNote) -> None:
        self._count(note.at.date(), note.node, note.figure, note.number)

    def _open(self, order_id: str, part_no: int) -> OpenPart:
        part = self._orders[order_id].get(part_no)
        if part is None:
            raise LookupError(f"order {order_id} part {part_no} took a step but is not open")
        return part

    def _keep(self, part: OpenPart) -> None:
        self._orders[part.order_id][part.part_no] = part

    def _count(self, on: date, node: str, figure: str, count: int) -> None:
        if count:
            row = self._days.setdefault((on, node), [0] * len(_DAY_FIELDS))
            row[_DAY_FIELDS[figure]] += count

    def _earn(self, on: date, node: str, currency: str, money: Money) -> None:
        if any(money):
            row = self._money.setdefault((on, node, currency), [0] * len(money))
            for index, amount in enumerate(money):
                row[index] += amount

    def changes(self, as_of: datetime) -> Changes:
        """Everything that is different after the batch."""
        after = {
            (part.order_id, part.part_no): part
            for parts in self._orders.values()
            for part in parts.values()
        }
        stages: defaultdict[tuple[Stage, str, date], list[int]] = defaultdict(lambda: [0, 0])
        dues: defaultdict[tuple[date, Stage, str], list[int]] = defaultdict(lambda: [0, 0])
        for sign, parts in ((-1, self._before), (1, after)):
            for part in parts.values():
                _add(stages[part.stage, part.node, part.since.date()], sign, part.units)
                if part.promised_on is not None:
                    _add(dues[part.promised_on, part.stage, part.node], sign, part.units)
        return Changes(
            stages={key: Counted(*c) for key, c in sorted(stages.items()) if any(c)},
            dues={key: Counted(*c) for key, c in sorted(dues.items()) if any(c)},
            days={key: Day(*row) for key, row in sorted(self._days.items())},
            money={key: Money(*row) for key, row in sorted(self._money.items())},
            stock={node: Stock(*row) for node, row in sorted(self._stock.items()) if any(row)},
            kept=tuple(p for key, p in sorted(after.items()) if self._before.get(key) != p),
            ended=tuple(sorted(self._before.keys() - after.keys())),
            as_of=as_of,
        )


def _add(counted: list[int], sign: int, units: int) -> None:
    counted[0] += sign
    counted[1] += sign * units
