"""From a decided order to the values the rooms write; pure but for fresh ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from entrepot.departments.inventory.model import Reserve
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.decisions import order_subject
from entrepot.departments.ordering.model import (
    WHOLE_ORDER,
    Expectation,
    Header,
    Line,
    NewOrder,
    OrderState,
    Part,
    PartLine,
    PartState,
)
from entrepot.departments.pricing.model import Price
from entrepot.departments.promise.model import Estimate
from entrepot.departments.promise.offers import Offer
from entrepot.departments.sourcing.model import Policy
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.flows.order_to_delivery.model import Placed, PlacedPart, PlaceOrder
from entrepot.flows.order_to_delivery.people import OrderPerson
from entrepot.flows.order_to_delivery.planning import Way
from entrepot.ground.database import Tx
from entrepot.ground.decisions import Decision

DECISION_KIND = "sourcing.split"
NO_STOCK = "no stock at any node that serves the destination"


class Ready(NamedTuple):
    """A command whose form is right, with what it says about price and destination."""

    command: PlaceOrder
    order_id: str
    at: datetime
    destination: Destination
    offer: Offer | None
    priced_at: datetime


class Decided(NamedTuple):
    """An order decided, not yet written."""

    ready: Ready
    way: Way
    lines: tuple[Line, ...]
    handed: list[list[tuple[int, int]]]
    over: list[tuple[int, int]]
    items_minor: int
    shipping_minor: int


def lines(command: PlaceOrder, prices: Mapping[str, Price]) -> tuple[Line, ...]:
    """The order's lines at the prices in force."""
    return tuple(
        Line(
            line_no=number,
            sku=line.sku,
            quantity_each=line.quantity,
            unit_price_minor=prices[line.sku].amount_minor,
            price_version=str(prices[line.sku].version_id),
        )
        for number, line in enumerate(command.lines, start=1)
    )


def reserves(tx: Tx, one: Decided) -> list[Reserve]:
    """The commitments of stock an order means, each with its id."""
    entries: list[tuple[int, str | None, int, datetime | None]] = [
        (line_no, node, each, estimate.handover_at)
        for (node, _, _), mine, estimate in zip(
            one.way.boxes, one.handed, one.way.estimates, strict=True
        )
        for line_no, each in mine
    ]
    entries += [(line_no, None, each, None) for line_no, each in one.over]
    skus = {line.line_no: line.sku for line in one.lines}
    return [
        Reserve(
            command_id=one.ready.command.command_id,
            actor=one.ready.command.actor,
            order_id=one.ready.order_id,
            line_no=line_no,
            sku=skus[line_no],
            node=node,
            quantity_each=each,
            promised_at=promised_at,
            reservation_id=reservation_id,
        )
        for (line_no, node, each, promised_at), reservation_id in zip(
            entries, tx.new_ids(len(entries)), strict=True
        )
    ]


def order(
    tx: Tx, one: Decided, commitments: Sequence[Reserve], person: OrderPerson | None
) -> NewOrder:
    """The order as it is written.

    commitments  as `reserves` gave them
    """
    ready, command, way = one.ready, one.ready.command, one.way
    parts = _parts(tx.now, one, {(r.line_no, r.node): r.reservation_id for r in commitments})
    minutes = command.payment_minutes
    due = None if minutes is None else ready.at + timedelta(minutes=minutes)
    header = Header(
        order_id=ready.order_id,
        state=OrderState.open if due is None else OrderState.awaiting_payment,
        channel=command.channel,
        person_id=person.person_id if person else None,
        address_id=person.address_id if person else None,
        country=ready.destination.country,
        postal_area=ready.destination.region,
        currency=command.currency,
        service=ready.offer.service if ready.offer else way.label,
        items_minor=one.items_minor,
        shipping_minor=one.shipping_minor,
        cost_mills=way.cost_mills,
        offer_id=str(ready.offer.offer_id) if ready.offer else None,
        placed_at=ready.at,
        payment_due_at=due,
        paid_at=None,
        ended_at=None,
        cancel_reason=None,
        promise_version=ordering.FIRST_PROMISE,
        command_id=command.command_id,
        actor=command.actor,
    )
    return NewOrder(header, one.lines, parts, _expectations(one, parts))


def _parts(
    at: datetime, one: Decided, ids: Mapping[tuple[int, str | None], UUID | None]
) -> tuple[Part, ...]:
    boxes = [
        Part(
            part_no=number,
            state=PartState.reserved,
            node=node,
            service=service,
            since=at,
            lines=tuple(PartLine(n, each, ids[n, node]) for n, each in mine),
        )
        for number, ((node, service, _), mine) in enumerate(
            zip(one.way.boxes, one.handed, strict=True), start=1
        )
    ]
    waiting = [
        Part(
            part_no=number,
            state=PartState.backordered,
            node=None,
            service=None,
            since=at,
            lines=(PartLine(line_no, each, ids[line_no, None]),),
        )
        for number, (line_no, each) in enumerate(one.over, start=len(boxes) + 1)
    ]
    return (*boxes, *waiting)


def _expectations(one: Decided, parts: Sequence[Part]) -> tuple[Expectation, ...]:
    """What the customer is told: of each box, and of the whole order when nothing waits."""
    told: list[tuple[int, Estimate | None, str]] = [
        (part.part_no, estimate, "as ordered")
        for part, estimate in zip(parts, one.way.estimates, strict=False)
    ]
    told += [
        (part.part_no, None, NO_STOCK) for part in parts if part.state is PartState.backordered
    ]
    whole = None if one.over else one.way.estimate
    told.insert(0, (WHOLE_ORDER, whole, NO_STOCK if one.over else "as ordered"))
    offer = one.ready.offer
    expectations = [_expectation(no, e, reason, one.ready.at) for no, e, reason in told]
    if offer is not None:
        # What was sold is what is promised, also when the plan now arrives earlier.
        expectations[0] = expectations[0]._replace(
            expected_date=offer.expected_date,
            latest_date=offer.latest_date,
            probability_ppm=offer.probability_ppm,
            reason="as offered",
        )
    return tuple(expectations)


def _expectation(part_no: int, estimate: Estimate | None, reason: str, at: datetime) -> Expectation:
    return Expectation(
        version=ordering.FIRST_PROMISE,
        part_no=part_no,
        expected_date=estimate.expected_date if estimate else None,
        latest_date=estimate.latest_date if estimate else None,
        probability_ppm=estimate.probability_ppm if estimate else None,
        reason=reason,
        at=at,
    )


def decision(policy: Policy, order_id: str, way: Way) -> Decision:
    """The record of how an order, or a part of it, was sourced."""
    inputs, outcome, reason = way.question.record(way.found)
    return Decision(
        subject=order_subject(order_id),
        kind=DECISION_KIND,
        policy=policy.policy_id,
        policy_version=policy.version,
        inputs=inputs,
        outcome=outcome,
        reason=reason,
    )


def placed(order: NewOrder) -> Placed:
    """The answer to a placed order."""
    header, whole = order.header, order.expectations[0]
    return Placed(
        order_id=header.order_id,
        state="open" if header.state is OrderState.open else "awaiting_payment",
        placed_at=header.placed_at,
        currency=header.currency,
        items_minor=header.items_minor,
        shipping_minor=header.shipping_minor,
        total_minor=header.items_minor + header.shipping_minor,
        service=header.service,
        expected_date=whole.expected_date,
        latest_date=whole.latest_date,
        probability_ppm=whole.probability_ppm,
        payment_due_at=header.payment_due_at,
        parts=tuple(
            PlacedPart(
                part_no=part.part_no,
                state=part.state,
                node=part.node,
                service=part.service,
                lines=tuple((line.line_no, line.quantity_each) for line in part.lines),
            )
            for part in order.parts
        ),
    )
