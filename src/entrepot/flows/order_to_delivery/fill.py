"""Fill backorders: stock came, so what waited for it is sourced, reserved and given a date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Move,
    Reservation,
    ReservationState,
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    StockReceived,
)
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import (
    WHOLE_ORDER,
    Expectation,
    HoldsReleased,
    Order,
    OrderCancelled,
    OrderState,
    PartMove,
    PartState,
)
from entrepot.departments.ordering.service import Promise
from entrepot.flows.order_to_delivery import compose, planning
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.flows.order_to_delivery.gather import View, view
from entrepot.flows.order_to_delivery.planning import Way
from entrepot.ground import decisions
from entrepot.ground.database import Tx
from entrepot.ground.events import Recorded
from entrepot.words.facts import Fact
from entrepot.words.outcome import Conflict, Refusal

FILLING_FACTS: tuple[type[Fact], ...] = (
    StockReceived,
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    OrderCancelled,
    HoldsReleased,
)
SYSTEM = "system"
BATCH = 500


class Filled(NamedTuple):
    """A waiting reservation that gets its stock: the order's part, and how it is sent."""

    order: Order
    part_no: int
    reservation: Reservation
    way: Way


def on_stock(tx: Tx, facts: Sequence[Recorded[Fact]]) -> None:
    """The reaction: free stock of these SKUs may fill what waits for them."""
    fill(tx, {sku for fact in facts for sku in _skus(fact.fact)})


def _skus(fact: Fact) -> list[str]:
    if isinstance(fact, OrderCancelled):
        return [sku for part in fact.parts for _, sku, _ in part.lines]
    if isinstance(fact, HoldsReleased):
        return [line.sku for line in fact.lines]
    assert isinstance(fact, FILLING_FACTS), f"{fact.name()} is not a fact that frees stock"
    return [fact.sku]  # type: ignore[attr-defined]


def fill(tx: Tx, skus: Iterable[str]) -> int:
    """Serve waiting reservations in their order (priority, then time); gives how many got stock.

    A reservation is filled whole, in one box; a large one that must wait lets smaller ones pass
    only when its units would not have been enough anyway.
    Raises: Conflict when stock or an order changed meanwhile.
    """
    waiting = commitments.waiting(tx, skus)
    return sum(_fill(tx, waiting[start : start + BATCH]) for start in range(0, len(waiting), BATCH))


def _fill(tx: Tx, waiting: Sequence[Reservation]) -> int:
    orders = {o.header.order_id: o for o in ordering.read(tx, [r.order_id for r in waiting])}
    known = view(
        tx,
        {r.sku for r in waiting},
        ((orders[r.order_id].header.currency, tx.now) for r in waiting),
    )
    filled = [
        found
        for reservation in waiting
        if (found := _decide(tx, known, orders[reservation.order_id], reservation)) is not None
    ]
    _write(tx, known, filled)
    return len(filled)


def _decide(tx: Tx, known: View, order: Order, reservation: Reservation) -> Filled | None:
    header = order.header
    if header.state not in (OrderState.open, OrderState.awaiting_payment):
        return None
    part_no = next(
        part.part_no
        for part in order.parts
        for line in part.lines
        if line.reservation_id == reservation.reservation_id
    )
    destination = Destination(
        country=header.country, postal_code=header.postal_area, region=header.postal_area
    )
    reached = known.routes.legs(destination, header.currency, tx.now)
    whole = [n for n, leg in enumerate(reached.legs) if _holds(known, leg.node_id, reservation)]
    found = planning.ways(
        known,
        {reservation.sku: reservation.quantity_each},
        reached.of_these(whole),
        header.currency,
        backorder=False,
    )
    if isinstance(found, Refusal):
        return None
    way = planning.choose(found, planning.CHEAPEST)
    if isinstance(way, Refusal) or len(way.boxes) != 1:
        return None
    known.stock.take(reservation.sku, way.boxes[0][0], reservation.quantity_each)
    return Filled(order, part_no, reservation, way)


def _holds(known: View, node: str, reservation: Reservation) -> bool:
    return known.stock.available(reservation.sku, node) >= reservation.quantity_each


def _move(reservation: Reservation, way: Way) -> Move:
    return Move(
        command_id=f"fill:{reservation.reservation_id}",
        actor=SYSTEM,
        sku=reservation.sku,
        reservation_id=reservation.reservation_id,
        to_state=ReservationState.reserved,
        document=reservation.order_id,
        node=way.boxes[0][0],
    )


def _write(tx: Tx, known: View, filled: Sequence[Filled]) -> None:
    """Orders first, stock last (lock order)."""
    moved = ordering.move_parts(
        tx,
        [
            PartMove(
                order_id=f.order.header.order_id,
                part_no=f.part_no,
                to_state=PartState.reserved,
                detail=f"stock came to {f.way.boxes[0][0]}",
                command_id=f"fill:{f.reservation.reservation_id}",
                actor=SYSTEM,
                node=f.way.boxes[0][0],
                service=f.way.boxes[0][1],
            )
            for f in filled
        ],
    )
    held = commitments.move(tx, [_move(f.reservation, f.way) for f in filled])
    for answer in (*moved, *held):
        if isinstance(answer, Refusal):
            raise Conflict(f"a backorder changed meanwhile: {answer.message}", kind="guard")
    decisions.record(
        tx,
        [compose.decision(known.policy, f.order.header.order_id, f.way) for f in filled],
    )
    _promise(tx, filled)


def _promise(tx: Tx, filled: Sequence[Filled]) -> None:
    """New dates, one version per order and fill; the whole order gets one when nothing waits."""
    by_order: dict[str, list[Filled]] = defaultdict(list)
    for entry in filled:
        by_order[entry.order.header.order_id].append(entry)
    told = [_told(tx, mine) for mine in by_order.values()]
    for turn in range(max(map(len, told), default=0)):
        ordering.promise(tx, [promises[turn] for promises in told if turn < len(promises)])


def _told(tx: Tx, mine: Sequence[Filled]) -> list[Promise]:
    """The new versions of one order, in their order."""
    order = mine[0].order
    first = order.header.promise_version + 1
    promises = [
        _promised(tx, entry, version, entry.part_no) for version, entry in enumerate(mine, first)
    ]
    done = {entry.part_no for entry in mine}
    if not any(p.state is PartState.backordered and p.part_no not in done for p in order.parts):
        last = max(mine, key=lambda entry: _latest(entry.way))
        promises.append(_promised(tx, last, first + len(mine), WHOLE_ORDER))
    return promises


def _latest(way: Way) -> int:
    assert way.estimate is not None, "a filled backorder has a box"
    return way.estimate.latest_date.toordinal()


def _promised(tx: Tx, entry: Filled, version: int, part_no: int) -> Promise:
    estimate = entry.way.estimate
    assert estimate is not None, "a filled backorder has a box"
    latest, expected = estimate.latest_date, estimate.expected_date
    probability = estimate.probability_ppm
    if part_no == WHOLE_ORDER:
        # The order is complete with its last part: also of those promised before.
        earlier = _standing(entry.order)
        if earlier and earlier.latest_date and earlier.latest_date > latest:
            latest = earlier.latest_date
            expected = max(expected, earlier.expected_date or expected)
            probability = min(probability, earlier.probability_ppm or probability)
    return Promise(
        order_id=entry.order.header.order_id,
        expectation=Expectation(
            version=version,
            part_no=part_no,
            expected_date=expected,
            latest_date=latest,
            probability_ppm=probability,
            reason="the stock it waited for came",
            at=tx.now,
        ),
        command_id=f"fill:{entry.reservation.reservation_id}",
        actor=SYSTEM,
    )


def _standing(order: Order) -> Expectation | None:
    """The latest of the dates promised for the order's boxes so far."""
    newest: dict[int, Expectation] = {}
    for expectation in order.expectations:
        if expectation.part_no != WHOLE_ORDER and expectation.latest_date is not None:
            newest[expectation.part_no] = expectation
    return max(
        newest.values(),
        key=lambda e: e.latest_date.toordinal() if e.latest_date else 0,
        default=None,
    )
