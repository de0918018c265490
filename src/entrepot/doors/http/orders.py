"""Quotes and orders."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, QueryParameter

from entrepot.departments.customers import service as customers
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import Header, Order, OrderState
from entrepot.departments.ordering.service import Cancelled
from entrepot.doors.http.admission import house_of, intake_of, principal_of
from entrepot.doors.http.bodies import (
    CancelBody,
    CancelledView,
    EventView,
    OrderBody,
    OrderLineView,
    OrderPage,
    OrderPartView,
    OrderSummary,
    OrderView,
    PromiseView,
    QueueView,
    QuoteBody,
    place_command,
)
from entrepot.doors.http.command import command_key, once
from entrepot.doors.http.problems import Refused
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.order_to_delivery.model import Ask, Placed, Quoted
from entrepot.flows.order_to_delivery.place import kept_answer
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground import commands
from entrepot.ground.telemetry import METRICS
from entrepot.words.outcome import Refusal, RefusalCode, shown

Key = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        description="Names this command: repeating it gives the first answer and changes nothing.",
    ),
]
PAGE_DEFAULT = 50


@post(
    "/quotes",
    operation_id="createQuote",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "orders:quote"},
)
def create_quote(request: Request[Any, Any, Any], data: JSONBody[QuoteBody]) -> Quoted:
    """How, by when and for what price these lines can be delivered; nothing is written.

    Each option carries a sealed offer to order it by, good until it expires.
    """
    house = house_of(request)
    ask = Ask(tuple(data.lines), data.ship_to, data.currency)
    signing_key = house.signing_keys()[0]
    with house.database.transaction(read_only=True) as tx:
        (found,) = quote(tx, [ask], signing_key)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


@post(
    "/orders",
    operation_id="placeOrder",
    status_code=201,
    opt={"permission": "orders:place"},
)
async def place_order(
    request: Request[Any, Any, Any], data: JSONBody[OrderBody], key: Key = ""
) -> Placed:
    """Place an order: priced, sourced, reserved and promised, or refused as a whole.

    Orders that come at the same time are placed together; when too many wait the answer is 503
    with Retry-After.
    """
    house = house_of(request)
    actor = principal_of(request).principal_id
    command = place_command(data, command_key(key, actor), actor)
    started = house.clock.monotonic()
    found = await intake_of(request).place(command)
    METRICS.order_place_seconds.observe(house.clock.monotonic() - started)
    if isinstance(found, Refusal):
        METRICS.orders_refused.labels(code=found.code).inc()
        raise Refused(found)
    METRICS.orders_placed.inc()
    return found


@get(
    "/orders/{order_id:str}",
    operation_id="readOrder",
    sync_to_thread=True,
    opt={"permission": "orders:read"},
)
def read_order(request: Request[Any, Any, Any], order_id: FromPath[str]) -> OrderView:
    """A whole order: lines, parts, every promise, what happened, and what it waits for."""
    with house_of(request).database.transaction(read_only=True) as tx:
        found = ordering.read(tx, [order_id])
    if not found:
        raise Refused(_not_found(order_id))
    return _order_view(found[0])


def _not_found(order_id: str) -> Refusal:
    return Refusal(
        code=RefusalCode.not_found,
        message=f"order_id: found {shown(order_id)}, expected the id of an order",
        field="order_id",
    )


@get(
    "/orders",
    operation_id="findOrders",
    sync_to_thread=True,
    opt={"permission": "orders:read"},
)
def find_orders(
    request: Request[Any, Any, Any],
    in_state: Annotated[OrderState | None, QueryParameter(name="state")] = None,
    customer_ref: Annotated[str | None, QueryParameter(name="customer_ref")] = None,
    key: Annotated[
        str | None,
        QueryParameter(name="key", description="The Idempotency-Key the order was placed with."),
    ] = None,
    since: FromQuery[datetime | None] = None,
    after: Annotated[
        str | None, QueryParameter(name="after", description="`next` of the page before.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=ordering.PAGE_MAX)] = PAGE_DEFAULT,
) -> OrderPage:
    """Orders, newest first; by state, customer, time, or the key they were placed with."""
    house = house_of(request)
    actor = principal_of(request).principal_id
    with house.database.transaction(read_only=True) as tx:
        if key is not None:
            placed = kept_answer(commands.read_answer(tx, commands.scoped(actor, key)))
            known = ordering.headers(tx, [placed.order_id]) if placed else {}
            return OrderPage([_summary(h) for h in known.values()], None)
        person_id = None
        if customer_ref is not None:
            person_id = customers.by_reference(tx, [customer_ref]).get(customer_ref)
            if person_id is None:
                return OrderPage([], None)
        found = ordering.find(
            tx,
            state=in_state,
            person_id=person_id,
            since=since,
            before=_read_cursor(after) if after else (ordering.FAR_FUTURE, ""),
            limit=limit,
        )
    more = len(found) == limit
    return OrderPage([_summary(h) for h in found], _cursor(found[-1]) if more else None)


def _cursor(header: Header) -> str:
    content = msgspec.json.encode((header.placed_at, header.order_id))
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, str]:
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(content, type=tuple[datetime, str])
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Refused(
            Refusal(
                code=RefusalCode.bad_value,
                message=f"after: found {shown(text)}, expected `next` of the page before",
                field="after",
            )
        ) from error


@post(
    "/orders/{order_id:str}/cancel",
    operation_id="cancelOrder",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "orders:cancel"},
)
def cancel_order(
    request: Request[Any, Any, Any],
    order_id: FromPath[str],
    data: JSONBody[CancelBody],
    key: Key = "",
) -> CancelledView:
    """Cancel a whole order that the warehouse has not begun; its stock is free again."""

    def work(tx: Any, command_id: str, actor: str) -> CancelledView | Refusal:
        answers = cancel_orders(tx, {order_id: data.reason}, command_id=command_id, actor=actor)
        found = answers[order_id]
        if isinstance(found, Cancelled):
            return CancelledView(found.order_id, OrderState.cancelled, data.reason)
        return _not_found(order_id) if found.code is RefusalCode.unknown_order else found

    return once(request, key, data, CancelledView, work)


class PaidView(msgspec.Struct, frozen=True):
    """The payment is confirmed; the order goes on."""

    order_id: str
    state: str
    paid_at: datetime | None


class PaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Confirms that the payment an order waits for was made; `reference` is the provider's."""

    reference: str = ""


@post(
    "/orders/{order_id:str}/payment",
    operation_id="confirmPayment",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "orders:pay"},
)
def confirm_payment(
    request: Request[Any, Any, Any],
    order_id: FromPath[str],
    data: JSONBody[PaymentBody],
    key: Key = "",
) -> PaidView:
    """Confirm the payment that an order waits for."""

    def work(tx: Any, command_id: str, actor: str) -> PaidView | Refusal:
        (found,) = ordering.confirm_payment(tx, [order_id], command_id=command_id, actor=actor)
        if isinstance(found, Refusal):
            return _not_found(order_id) if found.code is RefusalCode.unknown_order else found
        return PaidView(found.order_id, found.state, found.paid_at)

    return once(request, key, data, PaidView, work)


def _summary(header: Header) -> OrderSummary:
    return OrderSummary(
        order_id=header.order_id,
        state=header.state,
        channel=header.channel,
        country=header.country,
        currency=header.currency,
        total_minor=header.items_minor + header.shipping_minor,
        placed_at=header.placed_at,
    )


def _order_view(order: Order) -> OrderView:
    header = order.header
    return OrderView(
        order_id=header.order_id,
        state=header.state,
        channel=header.channel,
        country=header.country,
        postal_area=header.postal_area,
        currency=header.currency,
        items_minor=header.items_minor,
        shipping_minor=header.shipping_minor,
        total_minor=header.items_minor + header.shipping_minor,
        service=header.service,
        placed_at=header.placed_at,
        payment_due_at=header.payment_due_at,
        paid_at=header.paid_at,
        ended_at=header.ended_at,
        cancel_reason=header.cancel_reason,
        lines=[
            OrderLineView(x.line_no, x.sku, x.quantity_each, x.unit_price_minor)
            for x in order.lines
        ],
        parts=[
            OrderPartView(
                part_no=p.part_no,
                state=p.state,
                node=p.node,
                service=p.service,
                since=p.since,
                lines=[(x.line_no, x.quantity_each) for x in p.lines],
            )
            for p in order.parts
        ],
        promises=[PromiseView(*e) for e in order.expectations],
        events=[EventView(*e) for e in order.events],
        waits=[QueueView(q.queue, q.part_no, q.owner, q.reason, q.since) for q in order.queues],
    )


ROUTER = Router(
    path="/v1",
    tags=["orders"],
    route_handlers=[
        create_quote,
        place_order,
        read_order,
        find_orders,
        cancel_order,
        confirm_payment,
    ],
)
