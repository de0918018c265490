"""Key figures: what the rooms' facts mean to the tower, one translation per fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from entrepot.departments.carriage.model import ShipmentDelayed, ShipmentDelivered
from entrepot.departments.inventory.model import (
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    StockReceived,
)
from entrepot.departments.ordering.model import (
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderState,
    PartMoved,
    PartShort,
    PromiseChanged,
    ReturnReceived,
)
from entrepot.departments.purchasing.model import PurchaseOrderReceived
from entrepot.departments.tower import service as tower
from entrepot.departments.tower.model import (
    NOWHERE,
    DayNote,
    Note,
    OrderCancelledNote,
    OrderPaidNote,
    OrderPlacedNote,
    ParcelArrivedNote,
    PartMovedNote,
    PartShortNote,
    PlacedPart,
    PromiseNote,
    StockNote,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Recorded
from entrepot.words.facts import Fact


def on_facts(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
    """The reaction: count the facts in."""
    tower.apply(tx, [note for fact in facts for note in _NOTES[type(fact.fact)](fact)])


def _placed(told: Recorded[OrderPlaced]) -> Iterable[Note]:
    fact = told.fact
    prices = {line.line_no: line.unit_price_minor for line in fact.lines}
    yield OrderPlacedNote(
        at=told.occurred_at,
        order_id=fact.order_id,
        awaits_payment=fact.state == OrderState.awaiting_payment,
        promised_on=fact.latest_date,
        currency=fact.currency,
        shipping_minor=fact.shipping_minor,
        parts=tuple(
            PlacedPart(
                part_no=part.part_no,
                node=part.node or NOWHERE,
                units=sum(each for _, _, each in part.lines),
                items_minor=sum(prices[line_no] * each for line_no, _, each in part.lines),
                promised_on=part.latest_date,
            )
            for part in fact.parts
        ),
    )


def _paid(told: Recorded[OrderPaid]) -> Iterable[Note]:
    yield OrderPaidNote(told.occurred_at, told.fact.order_id)


def _cancelled(told: Recorded[OrderCancelled]) -> Iterable[Note]:
    yield OrderCancelledNote(told.occurred_at, told.fact.order_id)


def _moved(told: Recorded[PartMoved]) -> Iterable[Note]:
    fact = told.fact
    yield PartMovedNote(
        told.occurred_at, fact.order_id, fact.part_no, fact.to_state, fact.node or NOWHERE
    )


def _short(told: Recorded[PartShort]) -> Iterable[Note]:
    fact = told.fact
    yield PartShortNote(
        at=told.occurred_at,
        order_id=fact.order_id,
        part_no=fact.part_no,
        new_part_no=fact.new_part.part_no,
        node=fact.node or NOWHERE,
        units=sum(each for _, _, each in fact.new_part.lines),
    )


def _promised(told: Recorded[PromiseChanged]) -> Iterable[Note]:
    fact = told.fact
    yield PromiseNote(told.occurred_at, fact.order_id, fact.part_no, fact.latest_date)


def _arrived(told: Recorded[ShipmentDelivered]) -> Iterable[Note]:
    fact = told.fact
    yield ParcelArrivedNote(told.occurred_at, fact.order_id, fact.part_no, fact.at)


def _delayed(told: Recorded[ShipmentDelayed]) -> Iterable[Note]:
    yield DayNote(told.occurred_at, told.fact.node, "parcels_delayed", 1)


def _returned(told: Recorded[ReturnReceived]) -> Iterable[Note]:
    units = sum(line.received_each for line in told.fact.lines)
    yield DayNote(told.occurred_at, told.fact.node, "units_returned", units)


def _received(told: Recorded[StockReceived]) -> Iterable[Note]:
    fact = told.fact
    free, kept = (0, fact.quantity_each) if fact.quarantined else (fact.quantity_each, 0)
    yield StockNote(told.occurred_at, fact.node, free, kept)


def _changed(told: Recorded[StockAdjusted] | Recorded[StockCounted]) -> Iterable[Note]:
    yield StockNote(told.occurred_at, told.fact.node, told.fact.change_each, 0)


def _quarantined(told: Recorded[StockQuarantined]) -> Iterable[Note]:
    fact = told.fact
    free = 0 if fact.scrapped else -fact.change_each
    yield StockNote(told.occurred_at, fact.node, free, fact.change_each)


def _bought(told: Recorded[PurchaseOrderReceived]) -> Iterable[Note]:
    units = sum(line.received_each for line in told.fact.lines)
    yield DayNote(told.occurred_at, told.fact.node, "units_received", units)


_NOTES: dict[type[Fact], Callable[[Recorded[Any]], Iterable[Note]]] = {
    OrderPlaced: _placed,
    OrderPaid: _paid,
    OrderCancelled: _cancelled,
    PartMoved: _moved,
    PartShort: _short,
    PromiseChanged: _promised,
    ShipmentDelivered: _arrived,
    ShipmentDelayed: _delayed,
    ReturnReceived: _returned,
    StockReceived: _received,
    StockAdjusted: _changed,
    StockCounted: _changed,
    StockQuarantined: _quarantined,
    PurchaseOrderReceived: _bought,
}

FIGURE_FACTS: tuple[type[Fact], ...] = tuple(_NOTES)
