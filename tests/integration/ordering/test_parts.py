"""Parts at work, what customers are promised meanwhile, and how an order ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import (
    OrderState,
    PartLine,
    PartMove,
    PartState,
    Queue,
    Short,
)
from entrepot.departments.ordering.service import Promise
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.integration.ordering.orders import (
    LATEST,
    LIFE,
    WHO,
    a_move,
    an_order,
    an_unpaid_order,
    expectation,
    findings,
    kinds,
    live,
    move,
    read,
    record,
    told,
)

R, B = PartState.reserved, PartState.backordered


def test_a_part_lives_its_whole_life(database: Database) -> None:
    record(database, an_order(states=(R, B)))
    live(database, *LIFE)
    order = read(database)
    assert [p.state for p in order.parts] == [PartState.delivered, B]
    assert order.header.state is OrderState.open, "a part of it still waits"
    assert [e.kind for e in order.events] == ["placed", *LIFE]
    assert order.events[-1].detail == "part 1: to delivered"
    assert order.parts[0].since > order.header.placed_at
    database.run(lambda tx: move(tx, a_move(R, 2, node="DC2", service="express")))
    filled = read(database).parts[1]
    assert (filled.node, filled.service) == ("DC2", "express")
    assert read(database).queues == ()
    live(database, *LIFE[:-1], PartState.lost, part_no=2)
    order = read(database)
    assert order.header.state is OrderState.completed
    assert order.header.ended_at == order.parts[1].since
    assert order.parts[1] == filled._replace(state=PartState.lost, since=order.header.ended_at)
    assert told(database) == ["OrderPlaced", *["PartMoved"] * 11, "OrderCompleted"]
    assert findings(database) == []


def test_a_batch_moves_many_parts_and_refuses_each_by_itself(database: Database) -> None:
    record(database, an_order(states=(R, R)), an_order("O-2"), an_unpaid_order("O-3"))
    released = PartState.released
    moves = [
        a_move(released, 2),
        a_move(PartState.shipped, 1, "O-2"),
        a_move(released, 1, "O-3"),
        a_move(released, 9),
        a_move(released, 1, "O-9"),
        a_move(released, 1),
        a_move(PartState.picked, 1),
        a_move(released, 1),
    ]
    answers = database.run(lambda tx: move(tx, *moves))
    assert [a if isinstance(a, PartState) else str(a.code) for a in answers] == [
        released,
        "wrong_state",
        "wrong_state",
        "unknown_order",
        "unknown_order",
        released,
        "wrong_state",
        "wrong_state",
    ]
    assert [p.state for p in read(database).parts] == [released, released]
    assert [p.state for o in ("O-2", "O-3") for p in read(database, o).parts] == [R, R]
    assert told(database) == ["OrderPlaced", "PartMoved", "PartMoved"]
    assert database.run(lambda tx: move(tx)) == []


def test_an_order_of_which_nothing_is_left_is_cancelled(database: Database) -> None:
    record(database, an_order(states=(B, R)), an_unpaid_order("O-2"))
    gone = PartState.cancelled
    database.run(lambda tx: move(tx, a_move(gone, 1), a_move(gone, 2), a_move(gone, 1, "O-2")))
    for order_id in ("O-1", "O-2"):
        order = read(database, order_id)
        assert (order.header.state, order.header.cancel_reason) == (OrderState.cancelled, "stock")
        assert order.queues == ()
    assert told(database) == ["OrderPlaced", "PartMoved", "PartMoved", "OrderCancelled"]
    assert findings(database) == []


def test_an_order_with_something_delivered_is_completed(database: Database) -> None:
    record(database, an_order(states=(R, R)))
    live(database, *LIFE)
    live(database, PartState.cancelled, part_no=2)
    assert read(database).header.state is OrderState.completed
    assert findings(database) == []


def test_a_backorder_cannot_be_reserved_nowhere(database: Database) -> None:
    record(database, an_order(states=(B,)))
    with pytest.raises(Conflict, match="part_check"):
        database.run(lambda tx: move(tx, a_move(R)), attempts=1)
    assert read(database).parts[0].state is B


# Missing units.


def short(line_no: int, each: int, part_no: int = 1, **changes: Any) -> Short:
    values = {"order_id": "O-1", "reservation_id": UUID(int=500 + line_no), "reason": "not found"}
    return Short(part_no=part_no, line_no=line_no, short_each=each, **values, **WHO, **changes)


def two_lines_in_one_part(database: Database) -> None:
    order = an_order(states=(R, R))
    first, second = order.parts
    both = first._replace(lines=(*first.lines, *second.lines))
    record(database, order._replace(parts=(both,)))
    live(database, PartState.released)


def test_missing_units_follow_as_parts_of_their_own(database: Database) -> None:
    two_lines_in_one_part(database)
    with database.transaction() as tx:
        assert parts.shorten(tx, []) == []
        made = parts.shorten(tx, [short(1, 1), short(2, 1)])
    assert made == [("O-1", 2), ("O-1", 3)]
    order = read(database)
    assert [(p.state, p.node, p.lines) for p in order.parts] == [
        (PartState.released, "DC1", (PartLine(2, 1, UUID(int=102)),)),
        (B, None, (PartLine(1, 1, UUID(int=501)),)),
        (B, None, (PartLine(2, 1, UUID(int=502)),)),
    ]
    assert [(q.queue, q.part_no) for q in order.queues] == [(Queue.backorder, n) for n in (2, 3)]
    assert told(database)[2:] == ["PartShort", "PartShort"]
    assert findings(database) == []


def test_a_part_of_which_nothing_was_found_is_cancelled(database: Database) -> None:
    two_lines_in_one_part(database)
    database.run(lambda tx: parts.shorten(tx, [short(1, 1), short(2, 2)]))
    order = read(database)
    assert [p.state for p in order.parts] == [PartState.cancelled, B, B]
    assert order.header.state is OrderState.open
    assert findings(database) == []


def test_more_than_there_is_cannot_be_missing(database: Database) -> None:
    two_lines_in_one_part(database)
    with pytest.raises(Conflict, match="changed meanwhile"):
        database.run(lambda tx: parts.shorten(tx, [short(2, 3)]), attempts=1)
    assert len(read(database).parts) == 1


# Lists of parts.


def test_parts_are_listed_by_state_the_longest_waiting_first(database: Database) -> None:
    record(database, *(an_order(f"O-{n}", states=(R, B, R)) for n in range(6)))
    record(database, an_unpaid_order("O-9"))
    live(database, PartState.cancelled)
    found = []
    after = parts.BEGINNING
    while True:
        with database.transaction() as tx:
            page = parts.in_state(tx, R, after, 3)
        found += [(p.order_id, p.part.part_no) for p in page]
        if not page:
            break
        after = (page[-1].part.since, page[-1].order_id, page[-1].part.part_no)
    expected = [(f"O-{n}", part) for n in range(6) for part in (1, 3)]
    assert found == [x for x in expected if x != ("O-1", 1)], "not paid: not listed"
    with database.transaction() as tx:
        assert parts.skus_of(tx, ["O-1", "O-9"]) == {
            "O-1": {1: "SKU-1", 2: "SKU-2", 3: "SKU-3"},
            "O-9": {1: "SKU-1"},
        }
        assert parts.read(tx, ["O-9"])["O-9"][0].state is R


def test_what_stands_behind_the_parts_is_read_page_by_page(database: Database) -> None:
    record(database, *(an_order(f"O-{n}", states=(R, B)) for n in range(4)))
    after, found = ("", 0, 0), []
    while True:
        with database.transaction() as tx:
            page = ordering.reservations_behind(tx, after, 3)
        found += page
        if not page:
            break
        after = page[-1][:3]
    assert found == [
        row
        for n in range(4)
        for row in (
            (f"O-{n}", 1, 1, 1, UUID(int=101), "reserved", "DC1"),
            (f"O-{n}", 2, 2, 2, UUID(int=102), "backordered", None),
        )
    ]


# Promises.


def a_promise(version: int, days: int = 0, part_no: int = 0, order_id: str = "O-1") -> Promise:
    told_now = expectation(version, part_no, latest_date=LATEST + timedelta(days=days))
    return Promise(order_id, told_now._replace(reason=f"version {version}"), **WHO)


def test_every_version_of_a_promise_is_kept(database: Database) -> None:
    record(database, an_order(), an_order("O-2"))
    for version in (2, 3):
        database.run(
            lambda tx, v=version: ordering.promise(
                tx, [a_promise(v, v), a_promise(v, order_id="O-2", part_no=1)]
            )
        )
    order = read(database)
    assert order.header.promise_version == 3
    assert [(e.version, e.part_no, e.latest_date) for e in order.expectations] == [
        (1, 0, LATEST),
        (1, 1, LATEST),
        (2, 0, LATEST + timedelta(days=2)),
        (3, 0, LATEST + timedelta(days=3)),
    ]
    assert told(database) == ["OrderPlaced", "PromiseChanged", "PromiseChanged"]
    assert findings(database) == []


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_that_is_not_the_next_is_a_conflict(database: Database, version: int) -> None:
    record(database, an_order())
    with pytest.raises(Conflict, match="a promise changed meanwhile"):
        database.run(lambda tx: ordering.promise(tx, [a_promise(version)]), attempts=1)
    assert read(database).header.promise_version == 1
    assert told(database) == ["OrderPlaced"]


def test_a_promise_without_a_date_has_no_probability(database: Database) -> None:
    record(database, an_order())
    nothing = a_promise(2)._replace(
        expectation=expectation(2, latest_date=None, expected_date=None, probability_ppm=None)
    )
    database.run(lambda tx: ordering.promise(tx, [nothing]))
    assert read(database).expectations[-1].latest_date is None
    half = nothing._replace(expectation=expectation(3, latest_date=None))
    with pytest.raises(Conflict, match="expectation_check"):
        database.run(lambda tx: ordering.promise(tx, [half]), attempts=1)


def test_a_promise_cannot_be_taken_back(database: Database) -> None:
    record(database, an_order())
    for statement in (
        "UPDATE ordering.expectation SET latest_date = '2027-01-01'",
        "DELETE FROM ordering.expectation",
        "UPDATE ordering.event SET detail = ''",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction() as tx:
            tx.run(statement)


def test_answers_stand_where_their_moves_stood(database: Database) -> None:
    """Also when the batch names orders out of their order."""
    record(database, *(an_order(f"O-{n}") for n in range(5)))
    names = ["O-3", "O-0", "O-4", "O-9", "O-1"]
    moves = [PartMove(o, 1, PartState.released, "go", **WHO) for o in names]
    answers = database.run(lambda tx: ordering.move_parts(tx, moves))
    assert kinds(answers) == {"PartState": 4, "unknown_order": 1}
    assert isinstance(answers[3], Refusal)
    assert answers[3].code is RefusalCode.unknown_order
