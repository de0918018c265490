"""How figures change by what happened, as pure values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from entrepot.departments.tower import decisions
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
    PlacedPart,
    PromiseNote,
    Stage,
    Stock,
    StockNote,
)

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROMISED = date(2026, 3, 5)
PROMISED_AT = (PROMISED, "BER")


def later(days: int = 0, hours: int = 0) -> datetime:
    return NOON + timedelta(days=days, hours=hours)


def a_placed(*parts: PlacedPart, awaits_payment: bool = False) -> OrderPlacedNote:
    listed = parts or (PlacedPart(1, "BER", 3, 900),)
    promised = None if any(not p.node for p in listed) else PROMISED
    return OrderPlacedNote(NOON, "O-1", awaits_payment, promised, "EUR", 490, listed)


def taken(*notes: Note, before: tuple[OpenPart, ...] = ()) -> Changes:
    return decisions.changes(before, notes)


def opened(*notes: Note) -> tuple[OpenPart, ...]:
    return taken(*notes).kept


def moved(to: str, at: datetime = NOON, node: str = "BER") -> PartMovedNote:
    return PartMovedNote(at, "O-1", 1, to, node)


def shipped() -> tuple[OpenPart, ...]:
    return opened(a_placed(), *(moved(s) for s in ("released", "picked", "packed", "shipped")))


def test_a_new_order_stands_in_its_stages_and_on_its_day() -> None:
    found = taken(a_placed(PlacedPart(1, "BER", 3, 900), PlacedPart(2, NOWHERE, 2, 400)))
    assert found.stages == {
        (Stage.backordered, NOWHERE, DAY): Counted(1, 2),
        (Stage.reserved, "BER", DAY): Counted(1, 3),
    }
    assert found.dues == {}
    assert found.days == {
        (DAY, "BER"): Day(orders_placed=1, units_placed=3),
        (DAY, NOWHERE): Day(units_placed=2, backorders_opened=1),
    }
    assert found.money == {
        (DAY, "BER", "EUR"): Money(items_minor=900, shipping_minor=490),
        (DAY, NOWHERE, "EUR"): Money(items_minor=400),
    }
    assert found.as_of == NOON


def test_without_a_date_for_the_order_that_of_the_part_counts() -> None:
    parts = opened(
        a_placed(PlacedPart(1, "BER", 3, 900, PROMISED), PlacedPart(2, NOWHERE, 2, 400)),
        PromiseNote(NOON, "O-1", 0, date(2026, 3, 9)),
    )
    assert [p.promised_on for p in parts] == [PROMISED, date(2026, 3, 9)]
    whole = opened(a_placed(PlacedPart(1, "BER", 3, 900, date(2026, 3, 3))))
    assert whole[0].promised_on == PROMISED, "what was sold is what is promised"


def test_an_unpaid_order_stands_in_one_stage_whatever_its_parts_do() -> None:
    waiting = opened(a_placed(PlacedPart(1, NOWHERE, 1, 100), awaits_payment=True))
    assert waiting[0].stage is Stage.awaiting_payment
    filled = taken(moved("reserved", later(hours=1)), before=waiting)
    assert filled.stages == {
        (Stage.awaiting_payment, NOWHERE, DAY): Counted(-1, -1),
        (Stage.awaiting_payment, "BER", DAY): Counted(1, 1),
    }
    assert filled.kept[0].since == NOON, "it waits for its payment since it was placed"
    paid = taken(OrderPaidNote(later(1), "O-1"), before=filled.kept)
    assert (paid.kept[0].stage, paid.kept[0].since) == (Stage.reserved, later(1))


def test_a_step_moves_the_counts_and_a_shipped_part_takes_its_units_along() -> None:
    found = taken(moved("shipped", later(1)), before=opened(a_placed(), moved("packed")))
    assert found.stages == {
        (Stage.packed, "BER", DAY): Counted(-1, -3),
        (Stage.shipped, "BER", date(2026, 3, 3)): Counted(1, 3),
    }
    assert found.days == {(date(2026, 3, 3), "BER"): Day(parts_shipped=1, units_shipped=3)}
    assert found.stock == {"BER": Stock(on_hand=-3)}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (3, Day(parts_delivered=1, parts_on_time=1, parts_kept=1)),
        (4, Day(parts_delivered=1, parts_late=1)),
    ],
)
def test_in_time_is_until_the_end_of_the_promised_day(days: int, expected: Day) -> None:
    found = taken(moved(End.delivered, later(days)), before=shipped())
    assert list(found.days.values()) == [expected]
    assert found.ended == (("O-1", 1),) and not found.kept
    assert found.dues == {(PROMISED, Stage.shipped, "BER"): Counted(-1, -3)}


def test_a_delivery_counts_when_the_carrier_says_it_arrived() -> None:
    arrived = [ParcelArrivedNote(later(4), "O-1", 1, later(d)) for d in (3, 2)]
    found = taken(*arrived, moved(End.delivered, later(4)), before=shipped())
    assert found.days == {PROMISED_AT: Day(parts_delivered=1, parts_on_time=1, parts_kept=1)}
    lost = taken(arrived[0], moved(End.lost, later(4)), before=shipped())
    assert lost.days == {(date(2026, 3, 6), "BER"): Day(parts_lost=1)}
    assert not taken(arrived[0]).kept, "it was given up before"


def test_a_new_date_makes_it_in_time_but_the_first_was_not_kept() -> None:
    told = PromiseNote(later(1), "O-1", 0, date(2026, 3, 8))
    found = taken(told, moved(End.delivered, later(5)), before=shipped())
    assert list(found.days.values()) == [Day(parts_delivered=1, parts_on_time=1)]


def test_the_date_of_a_part_goes_before_that_of_its_order() -> None:
    own, whole = date(2026, 3, 7), date(2026, 3, 9)
    parts = opened(
        a_placed(PlacedPart(1, "BER", 1, 100), PlacedPart(2, "MUC", 1, 100)),
        PromiseNote(NOON, "O-1", 1, own),
        PromiseNote(NOON, "O-1", 0, whole),
    )
    assert [(p.promised_on, p.first_on) for p in parts] == [(own, PROMISED), (whole, PROMISED)]


def test_the_first_date_of_a_backorder_is_the_one_it_is_filled_with() -> None:
    parts = opened(
        a_placed(PlacedPart(1, NOWHERE, 1, 100)),
        moved("reserved"),
        PromiseNote(NOON, "O-1", 1, PROMISED),
        PromiseNote(NOON, "O-1", 1, date(2026, 3, 9)),
    )
    assert (parts[0].first_on, parts[0].promised_on) == (PROMISED, date(2026, 3, 9))


def test_missing_units_leave_the_stock_and_wait_as_a_part_of_their_own() -> None:
    released = opened(a_placed(), moved("released"))
    found = taken(PartShortNote(NOON, "O-1", 1, 2, "BER", 1), before=released)
    assert found.stock == {"BER": Stock(on_hand=-1)}
    assert [(p.part_no, p.stage, p.node, p.units) for p in found.kept] == [
        (1, Stage.released, "BER", 2),
        (2, Stage.backordered, NOWHERE, 1),
    ]
    assert found.days == {(DAY, NOWHERE): Day(backorders_opened=1)}
    emptied = taken(PartShortNote(NOON, "O-1", 1, 2, "BER", 3), moved("cancelled"), before=released)
    assert emptied.ended == (("O-1", 1),)
    assert emptied.days[DAY, "BER"] == Day(parts_cancelled=1)


def test_filling_and_giving_up_a_backorder_are_told_apart() -> None:
    waiting = opened(a_placed(PlacedPart(1, NOWHERE, 1, 100)))
    assert taken(moved("reserved"), before=waiting).days == {(DAY, "BER"): Day(backorders_filled=1)}
    assert taken(moved("cancelled", node=NOWHERE), before=waiting).days == {
        (DAY, NOWHERE): Day(parts_cancelled=1)
    }


def test_a_cancelled_order_leaves_nothing_behind() -> None:
    before = opened(a_placed(PlacedPart(1, "BER", 3, 900), PlacedPart(2, NOWHERE, 2, 400)))
    found = taken(OrderCancelledNote(later(1), "O-1"), before=before)
    assert found.ended == (("O-1", 1), ("O-1", 2))
    assert sum(c.parts for c in found.stages.values()) == -2
    tuesday = date(2026, 3, 3)
    assert found.days == {
        (tuesday, "BER"): Day(orders_cancelled=1, parts_cancelled=1),
        (tuesday, NOWHERE): Day(parts_cancelled=1),
    }
    again = taken(OrderCancelledNote(later(1), "O-1"))
    assert again.days == {(tuesday, NOWHERE): Day(orders_cancelled=1)} and not again.ended


def test_what_begins_and_ends_in_one_batch_moves_no_stage() -> None:
    steps = ("released", "picked", "packed", "shipped", "delivered")
    found = taken(a_placed(), *(moved(step) for step in steps))
    assert (found.stages, found.dues, found.kept, found.ended) == ({}, {}, (), ())
    assert found.days[DAY, "BER"].parts_delivered == 1


def test_stock_and_counts_are_summed() -> None:
    found = taken(
        StockNote(NOON, "BER", 5, 0),
        StockNote(NOON, "BER", -2, 2),
        DayNote(NOON, "BER", "units_received", 7),
        DayNote(later(hours=1), "BER", "units_received", 1),
    )
    assert found.stock == {"BER": Stock(3, 2)}
    assert found.days == {(DAY, "BER"): Day(units_received=8)}
    assert found.as_of == later(hours=1)


def test_a_step_of_an_unknown_part_is_an_error() -> None:
    with pytest.raises(LookupError, match="order O-1 part 1 took a step but is not open"):
        taken(moved("picked"))


def test_only_orders_with_earlier_parts_are_asked_for() -> None:
    notes = [a_placed(), moved("released"), StockNote(NOON, "BER", 1, 0)]
    assert decisions.orders_of(notes) == {"O-1"}
    assert decisions.orders_of(notes[:1]) == set()
