"""Carts: opened, changed, quoted, given up, and completed into orders."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter, JSONBody

from entrepot.departments.ordering.carts import LineChange
from entrepot.doors.http.admission import completions_of, house_of, principal_of
from entrepot.doors.http.command import once
from entrepot.doors.http.orders import Key
from entrepot.doors.http.problems import Refused
from entrepot.flows.cart_to_order.abandon import abandon_carts
from entrepot.flows.cart_to_order.change import change_carts
from entrepot.flows.cart_to_order.model import (
    AbandonCart,
    CartView,
    ChangeCart,
    CompleteCart,
    OpenCart,
)
from entrepot.flows.cart_to_order.open import open_carts
from entrepot.flows.cart_to_order.quote import quote_cart
from entrepot.flows.cart_to_order.see import read_carts
from entrepot.flows.order_to_delivery.model import Placed, Quoted, Recipient, ShipTo
from entrepot.ground.database import Tx
from entrepot.ground.telemetry import METRICS
from entrepot.words.outcome import Refusal, RefusalCode, shown

T = TypeVar("T")

IfMatch = Annotated[
    str,
    HeaderParameter(
        name="If-Match",
        required=False,
        description="The ETag of the cart that this is decided over; without it, whichever it is.",
    ),
]
_ETAG = re.compile(r'"([0-9]{1,9})"')


class CartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open a cart. `cart_id` is the shop's own, or left out; of `ship_to` only the area is kept."""

    currency: str
    cart_id: str | None = None
    channel: str = "web"
    lines: list[LineChange] = []
    ship_to: ShipTo | None = None
    customer_ref: str | None = None


class CartChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change a cart; what is left out stays. An empty one says that somebody is still there."""

    lines: list[LineChange] = []
    ship_to: ShipTo | None = None
    customer_ref: str | None = None


class CartQuoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask how, when and for what price a cart can be delivered."""

    ship_to: ShipTo


class CompletionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Make an order of a cart. Either `offer` (of a quote of it) or `service` says how it comes."""

    ship_to: ShipTo
    order_id: str | None = None
    offer: str | None = None
    service: str = "cheapest"
    customer_ref: str | None = None
    recipient: Recipient | None = None
    backorder: bool = False
    payment_minutes: int | None = None


@post(
    "/carts",
    operation_id="openCart",
    status_code=201,
    sync_to_thread=True,
    opt={"permission": "carts:write"},
)
def open_cart(
    request: Request[Any, Any, Any], data: JSONBody[CartBody], key: Key = ""
) -> Response[CartView]:
    """Open a cart; each line says how much of it is held for the cart, and why not the rest."""
    keys = house_of(request).keys

    def work(tx: Tx, command_id: str, actor: str) -> CartView | Refusal:
        command = OpenCart(
            command_id=command_id,
            actor=actor,
            currency=data.currency,
            cart_id=data.cart_id,
            channel=data.channel,
            lines=tuple(data.lines),
            ship_to=data.ship_to,
            customer_ref=data.customer_ref,
        )
        return open_carts(tx, [command], keys=keys)[0]

    return _tagged(once(request, key, data, CartView, work), status_code=201)


@get(
    "/carts/{cart_id:str}",
    operation_id="readCart",
    sync_to_thread=True,
    opt={"permission": "carts:read"},
)
def read_cart(request: Request[Any, Any, Any], cart_id: FromPath[str]) -> Response[CartView]:
    """A cart: its lines, what is held of them, and the prices that changed since they were put in.

    Reading prolongs nothing.
    """
    with house_of(request).database.transaction(read_only=True) as tx:
        (found,) = read_carts(tx, [cart_id])
    return _tagged(_granted(found))


@patch(
    "/carts/{cart_id:str}",
    operation_id="changeCart",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "carts:write"},
)
def change_cart(
    request: Request[Any, Any, Any],
    cart_id: FromPath[str],
    data: JSONBody[CartChangeBody],
    version: IfMatch = "",
) -> Response[CartView]:
    """Change a cart; its holds are prolonged, and what is missing is held if it is there now.

    Quantities are absolute, so a change may be repeated: made already, it changes nothing more.
    """
    house = house_of(request)
    command = ChangeCart(
        actor=principal_of(request).principal_id,
        cart_id=cart_id,
        version=_version(version),
        lines=tuple(data.lines),
        ship_to=data.ship_to,
        customer_ref=data.customer_ref,
    )
    return _tagged(_done(request, lambda tx: change_carts(tx, [command], keys=house.keys)[0]))


@delete(
    "/carts/{cart_id:str}",
    operation_id="abandonCart",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "carts:write"},
)
def abandon_cart(
    request: Request[Any, Any, Any], cart_id: FromPath[str], version: IfMatch = ""
) -> Response[CartView]:
    """Give a cart up; what it holds is free again."""
    command = AbandonCart(
        actor=principal_of(request).principal_id, cart_id=cart_id, version=_version(version)
    )
    return _tagged(_done(request, lambda tx: abandon_carts(tx, [command])[0]))


@post(
    "/carts/{cart_id:str}/quote",
    operation_id="quoteCart",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "orders:quote"},
)
def quote_of_cart(
    request: Request[Any, Any, Any], cart_id: FromPath[str], data: JSONBody[CartQuoteBody]
) -> Quoted:
    """How, by when and for what price a cart can be delivered; nothing is written.

    As any quote, but what is held for this cart counts as there.
    """
    house = house_of(request)
    signing_key = house.signing_keys()[0]
    with house.database.transaction(read_only=True) as tx:
        found = quote_cart(tx, cart_id, data.ship_to, signing_key)
    return _granted(found)


@post(
    "/carts/{cart_id:str}/complete",
    operation_id="completeCart",
    status_code=201,
    opt={"permission": "orders:place"},
)
async def complete_cart(
    request: Request[Any, Any, Any],
    cart_id: FromPath[str],
    data: JSONBody[CompletionBody],
    version: IfMatch = "",
) -> Placed:
    """Make an order of a cart, once: asked again, the same order is answered.

    The cart's id is the key; what was refused may be asked for again. Carts that are completed at
    the same time are completed together; when too many wait the answer is 503 with Retry-After.
    """
    house = house_of(request)
    command = CompleteCart(
        actor=principal_of(request).principal_id,
        cart_id=cart_id,
        ship_to=data.ship_to,
        version=_version(version),
        order_id=data.order_id,
        offer=data.offer,
        service=data.service,
        customer_ref=data.customer_ref,
        recipient=data.recipient,
        backorder=data.backorder,
        payment_minutes=data.payment_minutes,
    )
    started = house.clock.monotonic()
    found = await completions_of(request).place(command)
    METRICS.order_place_seconds.observe(house.clock.monotonic() - started)
    if isinstance(found, Refusal):
        METRICS.orders_refused.labels(code=found.code).inc()
    else:
        METRICS.orders_placed.inc()
    return _granted(found)


def _done(request: Request[Any, Any, Any], work: Callable[[Tx], T | Refusal]) -> T:
    return _granted(house_of(request).database.run(work))


def _granted(found: T | Refusal) -> T:
    """Raises: Refused; a cart that is not there is no address."""
    if not isinstance(found, Refusal):
        return found
    if found.code is RefusalCode.unknown_cart:
        raise Refused(msgspec.structs.replace(found, code=RefusalCode.not_found))
    raise Refused(found)


def _version(header: str) -> int | None:
    """Raises: Refused."""
    if header.strip() in ("", "*"):
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise Refused(
            Refusal(
                code=RefusalCode.bad_value,
                message=f'If-Match: found {shown(header)}, expected the ETag of a cart such as "3"',
                field="If-Match",
            )
        )
    return int(match[1])


def _tagged(view: CartView, status_code: int = 200) -> Response[CartView]:
    return Response(view, status_code=status_code, headers={"ETag": f'"{view.version}"'})


ROUTER = Router(
    path="/v1",
    tags=["carts"],
    route_handlers=[
        open_cart,
        read_cart,
        change_cart,
        abandon_cart,
        quote_of_cart,
        complete_cart,
    ],
)
