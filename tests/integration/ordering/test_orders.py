"""Orders as they are recorded, read, found, paid and cancelled."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import (
    Header,
    OrderCancelled,
    OrderPlaced,
    OrderState,
    PartState,
    PlannedPart,
    Queue,
)
from entrepot.departments.ordering.service import Cancelled
from entrepot.ground import events
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict, Refusal, RefusalCode
from tests.integration.ordering.orders import (
    AT,
    LATEST,
    WHO,
    an_order,
    an_unpaid_order,
    findings,
    live,
    read,
    record,
    told,
)

R, B = PartState.reserved, PartState.backordered


def test_an_order_is_read_as_it_was_recorded(database: Database) -> None:
    orders = [an_order(states=(R, R, B)), an_unpaid_order("O-2", person_id=None, offer_id="f")]
    record(database, *orders)
    with database.transaction() as tx:
        found = ordering.read(tx, ["O-2", "O-1", "O-9"])
    assert [o.header for o in found] == [o.header for o in orders]
    assert [o.lines for o in found] == [o.lines for o in orders]
    assert [o.parts for o in found] == [o.parts for o in orders]
    assert [o.expectations for o in found] == [o.expectations for o in orders]
    assert [(e.kind, e.detail) for o in found for e in o.events] == [
        ("placed", "3 lines in 2 boxes, rest on backorder"),
        ("placed", "1 lines in 1 box"),
    ]
    assert [(q.queue, q.part_no, q.owner) for o in found for q in o.queues] == [
        (Queue.backorder, 3, "buying"),
        (Queue.payment, 0, "care"),
    ]
    assert findings(database) == []


def test_a_placed_order_is_told_whole(database: Database) -> None:
    record(database, an_order(states=(R, B)))
    events.drain(database)
    with database.transaction() as tx:
        rows = tx.rows(events.Q.read_log, {"after": 0, "to": 9, "names": ["OrderPlaced"]})
    (recorded,) = events.decode(rows, {"OrderPlaced": OrderPlaced})
    fact = recorded.fact
    assert isinstance(fact, OrderPlaced)
    assert (recorded.subject, recorded.occurred_at) == ("order/O-1", AT)
    assert (recorded.command_id, recorded.actor) == ("place O-1", "ann")
    assert (fact.state, fact.items_minor, fact.latest_date) == ("open", 2_000, LATEST)
    assert [(x.sku, x.quantity_each) for x in fact.lines] == [("SKU-1", 1), ("SKU-2", 2)]
    assert fact.parts == (
        PlannedPart(1, "DC1", "parcel", ((1, "SKU-1", 1),), LATEST),
        PlannedPart(2, None, None, ((2, "SKU-2", 2),), LATEST),
    )


def test_an_id_that_is_taken_writes_nothing(database: Database) -> None:
    record(database, an_order())
    with pytest.raises(Conflict, match="taken meanwhile"), database.transaction() as tx:
        ordering.record(tx, [an_order("O-2"), an_order(states=(R, R))])
    with database.transaction() as tx:
        ordering.record(tx, [])
        assert [o.header.order_id for o in ordering.read(tx, ["O-1", "O-2"])] == ["O-1"]
        assert ordering.known_ids(tx, ["O-1", "O-2"]) == {"O-1": None}
        assert list(ordering.headers(tx, ["O-1", "O-2"])) == ["O-1"]


# Finding.


def pages(database: Database, limit: int, **wanted: object) -> list[str]:
    """Every page of a search, one after another."""
    found: list[Header] = []
    while True:
        before = {"before": (found[-1].placed_at, found[-1].order_id)} if found else {}
        with database.transaction() as tx:
            page = ordering.find(tx, limit=limit, **before, **wanted)
        if not page:
            return [h.order_id for h in found]
        found += page


@pytest.mark.parametrize("limit", [1, 4, 7, 25, 200])
def test_orders_are_found_newest_first_page_by_page(database: Database, limit: int) -> None:
    """Five at each instant: the pages are cut by id as well."""
    orders = [an_order(f"O-{n:02d}", placed_at=AT + timedelta(minutes=n // 5)) for n in range(25)]
    record(database, *orders)
    expected = [f"O-{n:02d}" for n in reversed(range(25))]
    assert pages(database, limit) == expected
    since = AT + timedelta(minutes=3)
    assert pages(database, limit, since=since) == expected[:10]


def test_orders_are_found_by_state_and_person(database: Database) -> None:
    other = UUID(int=7)
    record(
        database,
        an_order("O-1"),
        an_unpaid_order("O-2"),
        an_order("O-3", person_id=other),
        an_order("O-4", person_id=None),
    )
    assert pages(database, 2, state=OrderState.awaiting_payment) == ["O-2"]
    assert pages(database, 2, person_id=other) == ["O-3"]
    assert pages(database, 2, person_id=other, state=OrderState.completed) == []


@pytest.mark.parametrize(("limit", "size"), [(-5, 1), (0, 1), (10_000, ordering.PAGE_MAX)])
def test_a_page_has_a_size(database: Database, limit: int, size: int) -> None:
    record(database, *(an_order(f"O-{n}") for n in range(ordering.PAGE_MAX + 1)))
    with database.transaction() as tx:
        assert len(ordering.find(tx, limit=limit)) == size


# Paying.


def test_a_payment_opens_the_order(database: Database) -> None:
    record(database, an_unpaid_order(), an_order("O-2"))
    with database.transaction() as tx:
        paid, paid_again, opened, missing = ordering.confirm_payment(
            tx, ["O-1", "O-1", "O-2", "O-9"], **WHO
        )
        now = tx.now
    assert isinstance(paid, Header)
    assert (paid.state, paid.paid_at) == (OrderState.open, now)
    order = read(database)
    assert (order.header, order.queues) == (paid, ())
    assert order.events[-1][1:] == ("paid", "payment confirmed", "ann")
    assert [r.code for r in (paid_again, opened, missing) if isinstance(r, Refusal)] == [
        RefusalCode.wrong_state,
        RefusalCode.wrong_state,
        RefusalCode.unknown_order,
    ]
    assert told(database) == ["OrderPlaced", "OrderPaid"]
    assert findings(database) == []


def test_overdue_payments_are_listed_the_oldest_first(database: Database) -> None:
    dues = {"O-1": 3, "O-2": 1, "O-3": 2}
    record(
        database,
        *(an_unpaid_order(o, payment_due_at=AT + timedelta(hours=h)) for o, h in dues.items()),
        an_unpaid_order("O-4", payment_due_at=AT + timedelta(days=40_000)),
        an_order("O-5"),
    )
    with database.transaction() as tx:
        assert ordering.payment_overdue(tx) == ["O-2", "O-3", "O-1"]
        assert ordering.payment_overdue(tx, 1) == ["O-2"]


# Cancelling.


def test_an_order_is_cancelled_with_its_parts(database: Database) -> None:
    record(database, an_order(states=(R, B)), an_unpaid_order("O-2"))
    live_parts = read(database).parts
    with database.transaction() as tx:
        now = tx.now
        answers = ordering.cancel(tx, {"O-1": "customer", "O-2": "fraud"}, **WHO)
    assert answers["O-1"] == Cancelled("O-1", live_parts)
    order = read(database)
    assert (order.header.state, order.header.cancel_reason) == (OrderState.cancelled, "customer")
    assert order.header.ended_at == now
    assert {p.state for p in order.parts} == {PartState.cancelled}
    assert (order.queues, read(database, "O-2").queues) == ((), ())
    assert told(database) == ["OrderPlaced", "OrderCancelled"]
    assert told(database, "O-2") == ["OrderPlaced", "OrderCancelled"]
    assert findings(database) == []


def test_a_cancelled_order_tells_which_parts_gave_their_stock_back(database: Database) -> None:
    record(database, an_order(states=(R, R)))
    live(database, PartState.cancelled)
    database.run(lambda tx: ordering.cancel(tx, {"O-1": "customer"}, **WHO))
    events.drain(database)
    with database.transaction() as tx:
        rows = tx.rows(events.Q.read_log, {"after": 0, "to": 9, "names": ["OrderCancelled"]})
    (recorded,) = events.decode(rows, {"OrderCancelled": OrderCancelled})
    assert recorded.fact == OrderCancelled(
        "O-1", "customer", (PlannedPart(2, "DC1", "parcel", ((2, "SKU-2", 2),)),)
    )


def test_what_cannot_be_cancelled_hurts_no_neighbor(database: Database) -> None:
    record(database, *(an_order(f"O-{n}") for n in range(1, 5)))
    live(database, PartState.released)
    with database.transaction() as tx:
        ordering.cancel(tx, {"O-2": "customer"}, **WHO)
    requests = dict.fromkeys(["O-1", "O-2", "O-3", "O-9"], "customer") | {"O-4": "because"}
    with database.transaction() as tx:
        answers = ordering.cancel(tx, requests, **WHO)
    codes = {o: a.code for o, a in answers.items() if isinstance(a, Refusal)}
    assert codes == {
        "O-1": RefusalCode.wrong_state,
        "O-2": RefusalCode.wrong_state,
        "O-9": RefusalCode.unknown_order,
        "O-4": RefusalCode.bad_value,
    }
    assert [read(database, f"O-{n}").header.state for n in range(1, 5)] == [
        OrderState.open,
        OrderState.cancelled,
        OrderState.cancelled,
        OrderState.open,
    ]
    assert findings(database) == []


# Queues.


def test_queues_show_what_waits_the_oldest_first(database: Database) -> None:
    for number, order in enumerate(
        (an_order("O-3", states=(B, R, B)), an_unpaid_order("O-1"), an_order("O-2", states=(B,)))
    ):
        record(database, order)
        assert number < 3
        database.clock.sleep(0.002)
    with database.transaction() as tx:
        everything = ordering.queues(tx)
        backorders = ordering.queues(tx, Queue.backorder)
        first = ordering.queues(tx, limit=1)
        counts = ordering.queue_counts(tx)
    assert [(q.order_id, q.part_no) for q in everything] == [
        ("O-3", 1),
        ("O-3", 3),
        ("O-1", 0),
        ("O-2", 1),
    ]
    assert [(q.order_id, q.part_no) for q in backorders] == [("O-3", 1), ("O-3", 3), ("O-2", 1)]
    assert first == everything[:1]
    assert counts == [
        ("backorder", 3, everything[0].since),
        ("payment", 1, everything[2].since),
    ]
