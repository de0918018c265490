"""The stock verbs on a real database: what they tell, what they keep apart, what they give back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.availability import Step
from entrepot.departments.inventory.model import (
    Account,
    Adjustment,
    Balance,
    Cause,
    Count,
    Expect,
    Held,
    Move,
    OpeningStock,
    Quarantine,
    Receipt,
    ReceiptExpected,
    Recorded,
    Reservation,
    ReservationState,
    Reserve,
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    StockReceived,
)
from entrepot.ground import events
from entrepot.ground.database import Database
from entrepot.words.facts import Fact
from entrepot.words.outcome import Conflict, Refusal

WHO = {"command_id": "c", "actor": "ann"}
MUG = {**WHO, "sku": "MUG", "node": "DC1"}
TOLD: dict[str, type[Fact]] = {
    f.name(): f
    for f in (StockReceived, StockAdjusted, StockCounted, StockQuarantined, ReceiptExpected)
}


def opened(database: Database, **units: int) -> None:
    """Opening stock at DC1 by SKU."""
    commands = [OpeningStock(**{**MUG, "sku": sku}, quantity_each=n) for sku, n in units.items()]
    database.run(lambda tx: inventory.record_opening(tx, commands))


def facts(database: Database) -> list[tuple[str, Fact]]:
    """Every stock fact told so far: (subject, fact)."""
    events.drain(database)
    with database.transaction() as tx:
        rows = tx.rows(events.Q.read_log, {"after": 0, "to": events.head(tx), "names": list(TOLD)})
    recorded = events.decode(rows, TOLD)
    assert {(r.command_id, r.actor) for r in recorded} <= {("c", "ann")}
    return [(r.subject, r.fact) for r in recorded]


def test_every_verb_of_the_ledger_tells_what_it_did(database: Database) -> None:
    with database.transaction() as tx:
        due = tx.now
        inventory.record_opening(tx, [OpeningStock(**MUG, quantity_each=10)] * 2)
        inventory.receive(tx, [Receipt(**MUG, quantity_each=5, document="d", quarantine=True)])
        inventory.adjust(tx, [Adjustment(**MUG, change_each=-2, reason="lost", document="d")])
        inventory.count(tx, [Count(**MUG, counted_each=n, document="d") for n in (8, 9, 6)])
        for changes in ({}, {"release": True}, {"scrap": True}):
            command = Quarantine(**MUG, quantity_each=1, document="d", **changes)
            inventory.quarantine(tx, [command])
        coming = Expect(**MUG, expected_id="e", quantity_each=4, due_at=due, document="d")
        inventory.expect(tx, [coming])
    assert facts(database) == [
        ("stock/MUG/DC1", fact)
        for fact in (
            StockReceived("MUG", "DC1", 10, "opening", False),
            StockReceived("MUG", "DC1", 5, "d", True),
            StockAdjusted("MUG", "DC1", -2, "lost", "d"),
            StockCounted("MUG", "DC1", 8, 0, "d"),
            StockCounted("MUG", "DC1", 9, 1, "d"),
            StockCounted("MUG", "DC1", 6, -3, "d"),
            StockQuarantined("MUG", "DC1", 1, "d"),
            StockQuarantined("MUG", "DC1", -1, "d"),
            StockQuarantined("MUG", "DC1", -1, "d", scrapped=True),
            ReceiptExpected("MUG", "DC1", "e", 4, due, "d"),
        )
    ]


def test_what_is_refused_is_not_told_and_hurts_no_neighbor(database: Database) -> None:
    commands = [
        Adjustment(**{**MUG, "sku": sku}, change_each=change, reason=reason)
        for sku, change, reason in (
            ("A", 3, "found"),
            ("A", -4, "lost"),
            ("B", 1, "moths"),
            ("A", -3, "lost"),
            ("A", 0, "lost"),
        )
    ]
    with database.transaction() as tx:
        answers = inventory.adjust(tx, commands)
        assert inventory.balances(tx, ["A", "B"]) == [Balance("A", "DC1", 0)]
    assert [a.balance.on_hand if isinstance(a, Recorded) else str(a.code) for a in answers] == [
        3,
        "not_enough_stock",
        "bad_value",
        0,
        "bad_quantity",
    ]
    assert [fact.change_each for _, fact in facts(database) if isinstance(fact, StockAdjusted)] == [
        3,
        -3,
    ]


def test_a_closed_receipt_is_not_told_again(database: Database) -> None:
    with database.transaction() as tx:
        due = tx.now

        def expect(*each: int, sku: str = "MUG") -> list[Any]:
            commands = [
                Expect(
                    **{**MUG, "sku": sku},
                    expected_id="e",
                    quantity_each=n,
                    due_at=due,
                    document=f"d{n}",
                )
                for n in each
            ]
            return inventory.expect(tx, commands)

        expect(4)
        inventory.receive(tx, [Receipt(**MUG, quantity_each=4, document="d", expected_id="e")])
        (refused,) = expect(7)
        assert isinstance(refused, Refusal)
        first, second = expect(3, 5, sku="CUP")
        assert isinstance(first, Expect)
        assert isinstance(second, Expect)
        (coming,) = inventory.expected(tx, ["MUG", "CUP"])
    assert (coming.sku, coming.quantity_each, coming.document) == ("CUP", 5, "d5")
    told = [f for _, f in facts(database) if isinstance(f, ReceiptExpected)]
    assert [(f.sku, f.quantity_each) for f in told] == [("MUG", 4), ("CUP", 5)]


def test_commitments_tell_nothing_themselves(database: Database) -> None:
    opened(database, MUG=5)
    before = facts(database)
    command = Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=2)
    database.run(lambda tx: commitments.reserve(tx, [command]))
    assert facts(database) == before


def test_a_batch_competes_as_if_one_came_after_another(database: Database) -> None:
    opened(database, MUG=5, CUP=1)
    wanted = [("MUG", 3), ("MUG", 3), ("CUP", 1), ("MUG", 2), ("CUP", 1)]
    commands = [
        Reserve(**{**MUG, "sku": sku}, order_id="O-1", line_no=n, quantity_each=each)
        for n, (sku, each) in enumerate(wanted, start=1)
    ]
    answers = database.run(lambda tx: commitments.reserve(tx, commands))
    assert [isinstance(a, Held) for a in answers] == [True, False, True, True, False]
    with database.transaction() as tx:
        kept = commitments.reservations_of_orders(tx, ["O-1"])
    assert [r.line_no for r in kept] == [1, 3, 4]


def test_what_is_cancelled_in_a_batch_fills_what_waits_in_it(database: Database) -> None:
    opened(database, MUG=2)
    commands = [
        Reserve(**{**MUG, "node": node}, order_id="O-1", line_no=n, quantity_each=2)
        for n, node in ((1, "DC1"), (2, None))
    ]
    held = database.run(lambda tx: commitments.reserve(tx, commands))
    ids = [h.reservation.reservation_id for h in held if isinstance(h, Held)]
    steps = [ReservationState.cancelled, ReservationState.reserved]
    moves = [
        Move(**MUG, reservation_id=i, to_state=s, document="d")
        for i, s in zip(ids, steps, strict=True)
    ]
    answers = database.run(lambda tx: commitments.move(tx, moves))
    assert [a.state for a in answers if isinstance(a, Reservation)] == steps


def test_stock_that_is_kept_stays_at_its_node(database: Database) -> None:
    """A step that names another node moves nothing there: only a fill takes the node named."""
    opened(database, MUG=2)
    command = Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=2, reservation_id=UUID(int=5))
    database.run(lambda tx: commitments.reserve(tx, [command]))
    elsewhere = Move(
        **{**MUG, "node": "DC2"},
        reservation_id=UUID(int=5),
        to_state=ReservationState.allocated,
        document="d",
    )
    (moved,) = database.run(lambda tx: commitments.move(tx, [elsewhere]))
    assert isinstance(moved, Reservation)
    assert moved.node == "DC1"
    with database.transaction() as tx:
        assert commitments.reservations(tx, [("MUG", UUID(int=5))])[UUID(int=5)] == moved
        assert inventory.audit(tx)[0] == []


def test_what_was_decided_over_stock_that_went_is_left_to_the_guard(database: Database) -> None:
    """Whoever decided over what was free before writes all of it or nothing."""
    opened(database, MUG=5, PEN=5)
    commands = [
        Reserve(**MUG, order_id="O-1", line_no=1, quantity_each=6),
        Reserve(**{**MUG, "sku": "PEN"}, order_id="O-1", line_no=2, quantity_each=1),
    ]
    with pytest.raises(Conflict, match="stock changed meanwhile") as raised:
        database.run(lambda tx: commitments.reserve_decided(tx, commands), attempts=1)
    assert raised.value.kind == "guard"
    with database.transaction() as tx:
        assert inventory.balances(tx, ["MUG", "PEN"]) == [
            Balance("MUG", "DC1", 5),
            Balance("PEN", "DC1", 5),
        ]
        assert commitments.reservations_of_orders(tx, ["O-1"]) == []
    database.run(lambda tx: commitments.reserve_decided(tx, commands[1:]))
    with database.transaction() as tx:
        assert inventory.balances(tx, ["PEN"]) == [Balance("PEN", "DC1", 5, reserved=1)]
        free = inventory.free_stock(tx, ["MUG", "PEN", "NONE"], ["DC0", "DC1"])
        assert free.each.tolist() == [[0, 5], [0, 4], [0, 0]]


def test_a_reservation_that_is_filled_needs_a_node(database: Database) -> None:
    command = Reserve(**{**MUG, "node": None}, order_id="O-1", line_no=1, quantity_each=1)
    (held,) = database.run(lambda tx: commitments.reserve(tx, [command]))
    assert isinstance(held, Held)
    fill = Move(
        **WHO,
        sku="MUG",
        reservation_id=held.reservation.reservation_id,
        to_state=ReservationState.reserved,
        document="d",
    )
    with pytest.raises(AssertionError, match="filling one names it"):
        database.run(lambda tx: commitments.move(tx, [fill]))


# Reading.


def test_balances_are_read_page_by_page(database: Database) -> None:
    opened(database, **{f"S{n:02d}": n + 1 for n in range(11)})
    found, after = [], ("", "")
    while True:
        with database.transaction() as tx:
            page = inventory.balance_page(tx, after, 4)
        found += page
        if not page:
            break
        after = (page[-1].sku, page[-1].node)
    assert found == [Balance(f"S{n:02d}", "DC1", n + 1) for n in range(11)]


def test_the_story_of_a_sku_is_told_from_its_end(database: Database) -> None:
    opened(database, MUG=5, CUP=1)
    with database.transaction() as tx:
        inventory.receive(
            tx,
            [
                Receipt(**{**MUG, "node": node}, quantity_each=2, document=node)
                for node in ("DC2", "DC1")
            ],
        )
        inventory.adjust(tx, [Adjustment(**MUG, change_each=-1, reason="lost")])
        now = tx.now
    with database.transaction() as tx:
        story = inventory.story(tx, "MUG")
        assert [(p.node, p.cause, p.quantity_each) for p in story] == [
            ("DC1", Cause.lost, 1),
            ("DC1", Cause.receipt, 2),
            ("DC2", Cause.receipt, 2),
            ("DC1", Cause.opening, 5),
        ]
        assert story[0].from_account is Account.free
        assert (story[0].at, story[0].actor, story[0].document) == (now, "ann", "c")
        assert inventory.story(tx, "MUG", "DC2") == story[2:3]
        assert inventory.story(tx, "MUG", limit=2) == story[:2]


def test_promises_by_date_count_only_the_nodes_asked_for(database: Database) -> None:
    opened(database, MUG=5)
    with database.transaction() as tx:
        now = tx.now
        coming = [
            Expect(
                **{**MUG, "node": node},
                expected_id=node,
                quantity_each=each,
                due_at=now + timedelta(days=1),
                document="d",
            )
            for node, each in (("DC1", 2), ("DC2", 10))
        ]
        inventory.expect(tx, coming)
        everywhere = inventory.available_by_date(tx, ["MUG", "CUP"])
        one = inventory.available_by_date(tx, ["MUG"], ["DC1"])
        none = inventory.available_by_date(tx, ["MUG"], [])
    later = now + timedelta(days=1)
    assert everywhere == {"CUP": [Step(now, 0)], "MUG": [Step(now, 5), Step(later, 17)]}
    assert one == {"MUG": [Step(now, 5), Step(later, 7)]}
    assert none == {"MUG": [Step(now, 0)]}
