"""Builders of orders with sensible defaults, and short ways to look at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import (
    WHOLE_ORDER,
    Expectation,
    Header,
    Line,
    NewOrder,
    Order,
    OrderState,
    Part,
    PartLine,
    PartMove,
    PartState,
)
from entrepot.ground import events
from entrepot.ground.database import Database, Tx

AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
WHO: dict[str, Any] = {"command_id": "test", "actor": "ann"}
LATEST = date(2026, 1, 9)

LIFE = (
    PartState.released,
    PartState.picked,
    PartState.packed,
    PartState.shipped,
    PartState.delivered,
)


def expectation(version: int = 1, part_no: int = WHOLE_ORDER, **changes: Any) -> Expectation:
    """A promise of 9 January with 95 %."""
    told = Expectation(
        version=version,
        part_no=part_no,
        expected_date=LATEST - timedelta(days=1),
        latest_date=LATEST,
        probability_ppm=950_000,
        reason="placed",
        at=AT,
    )
    return told._replace(**changes)


def an_order(
    order_id: str = "O-1", *, states: Sequence[PartState] = (PartState.reserved,), **changes: Any
) -> NewOrder:
    """An order with one line per part; part n holds line n whole.

    changes  fields of the header
    """
    header = Header(
        order_id=order_id,
        state=OrderState.open,
        channel="web",
        person_id=UUID(int=1),
        address_id=UUID(int=2),
        country="DE",
        postal_area="10",
        currency="EUR",
        service="parcel",
        items_minor=1_000 * len(states),
        shipping_minor=490,
        cost_mills=350_000,
        offer_id=None,
        placed_at=AT,
        payment_due_at=None,
        paid_at=None,
        ended_at=None,
        cancel_reason=None,
        promise_version=1,
        command_id=f"place {order_id}",
        actor="ann",
    )._replace(**changes)
    numbered = list(enumerate(states, start=1))
    return NewOrder(
        header=header,
        lines=tuple(Line(n, f"SKU-{n}", n, 1_000, "p1") for n, _ in numbered),
        parts=tuple(
            Part(
                part_no=n,
                state=state,
                node=None if state is PartState.backordered else "DC1",
                service=None if state is PartState.backordered else "parcel",
                since=AT,
                lines=(PartLine(n, n, UUID(int=100 + n)),),
            )
            for n, state in numbered
        ),
        expectations=(expectation(), *(expectation(part_no=n) for n, _ in numbered)),
    )


def an_unpaid_order(order_id: str = "O-1", **changes: Any) -> NewOrder:
    """An order that waits two hours for its payment."""
    due = {"state": OrderState.awaiting_payment, "payment_due_at": AT + timedelta(hours=2)}
    return an_order(order_id, **(due | changes))


def record(database: Database, *orders: NewOrder) -> None:
    """Write orders in one transaction."""
    database.run(lambda tx: ordering.record(tx, orders))


def read(database: Database, order_id: str = "O-1") -> Order:
    """One order, whole."""
    with database.transaction() as tx:
        (order,) = ordering.read(tx, [order_id])
    return order


def a_move(to_state: PartState, part_no: int = 1, order_id: str = "O-1", **more: Any) -> PartMove:
    """One step of one part."""
    return PartMove(order_id, part_no, to_state, f"to {to_state}", **WHO, **more)


def move(tx: Tx, *moves: PartMove) -> list[Any]:
    """Take parts a step on."""
    return ordering.move_parts(tx, moves)


def live(database: Database, *to_states: PartState, part_no: int = 1) -> None:
    """Take a part through states, each in its own transaction."""
    for state in to_states:
        (answer,) = database.run(lambda tx, s=state: move(tx, a_move(s, part_no)))
        assert isinstance(answer, PartState), answer


def told(database: Database, order_id: str = "O-1") -> list[str]:
    """Names of the facts about an order, in the order of the log."""
    events.drain(database)
    with database.transaction() as tx:
        return [name for _, name, *_ in events.facts_of(tx, f"order/{order_id}")]


def findings(database: Database) -> list[str]:
    """What the room's audit finds."""
    with database.transaction() as tx:
        return ordering.audit(tx)[0]


def kinds(answers: Sequence[object]) -> Counter[str]:
    """Answers by what they are: the type, or the code of a refusal."""
    return Counter(str(getattr(a, "code", type(a).__name__)) for a in answers)
