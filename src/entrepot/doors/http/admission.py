"""Who is it, and may they do this: the one gate of the HTTP door."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from entrepot.departments.access import decisions
from entrepot.departments.access import service as access
from entrepot.departments.access.model import Principal
from entrepot.doors.house import House
from entrepot.doors.http import sessions
from entrepot.doors.http.problems import Refused
from entrepot.doors.intake import Intake
from entrepot.flows.cart_to_order.model import CompleteCart
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.words.outcome import Refusal, RefusalCode

PUBLIC = "public"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# These calculate and change nothing, though they are sent with a body.
SAFE_OPERATIONS = frozenset({"createQuote", "quoteCart", "signOut"})


def _no_key() -> Refusal:
    return Refusal(
        code=RefusalCode.unauthenticated,
        message=(
            "Authorization: expected `Bearer <API key>`; "
            "make a key with `entrepot key create`, or ask an administrator for one"
        ),
        field="Authorization",
    )


def _no_session() -> Refusal:
    return Refusal(
        code=RefusalCode.unauthenticated,
        message="session: expected one that was begun on the sign-in page and has not ended",
        field=sessions.COOKIE,
    )


def _read_only() -> Refusal:
    return Refusal(
        code=RefusalCode.read_only,
        message=(
            "the system takes no changes at present, because the disk is nearly full; "
            "`entrepot doctor` on the server says what to do"
        ),
    )


async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let a request pass when its key is known and its principal holds the route's permission.

    Refuses: unauthenticated, forbidden, read_only. A route without permission admits nobody.
    """
    permission = handler.opt.get("permission")
    if permission == PUBLIC or connection.scope.get("method") == "OPTIONS":
        return
    assert permission is not None, f"{handler} names no permission"
    house: House = connection.app.state.house
    scheme, _, key = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        principal = await prove(house, key.strip())
    elif handler.opt.get(sessions.HONORED):
        principal = await _in_session(house, connection)
    else:
        raise Refused(_no_key())
    if refusal := decisions.permit(principal, permission):
        raise Refused(refusal)
    changes = (
        connection.scope.get("method") not in SAFE_METHODS
        and getattr(handler, "operation_id", None) not in SAFE_OPERATIONS
    )
    if changes and house.is_read_only():
        raise Refused(_read_only())
    connection.state.principal = principal


async def prove(house: House, key: str) -> Principal:
    """The key's principal; a fresh look at the database leaves the event loop free.

    Raises: Refused when it is no key of this installation or not good any more.
    """
    found: Principal | Refusal | None = house.key_cache.get(key, house.clock.monotonic())
    if found is None:
        found = await anyio.to_thread.run_sync(_authenticate, house, key)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


async def _in_session(house: House, connection: ASGIConnection[Any, Any, Any, Any]) -> Principal:
    """The principal of a browser's session, of which the key must still be good."""
    token = connection.cookies.get(sessions.COOKIE, "")
    session = sessions.open_token(token, house.signing_keys(), house.clock.now())
    if session is None or not sessions.is_ours(connection):
        raise Refused(_no_session())
    asked_at = house.clock.monotonic()
    found: Principal | Refusal | None = house.session_cache.get(session.key_prefix, asked_at)
    if found is None:
        found = await anyio.to_thread.run_sync(_resume, house, session.key_prefix)
        if not isinstance(found, Refusal):
            house.session_cache.put(session.key_prefix, found, asked_at)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


def _resume(house: House, prefix: str) -> Principal | Refusal:
    with house.database.transaction(read_only=True) as tx:
        return access.resume(tx, prefix)


def _authenticate(house: House, key: str) -> Principal | Refusal:
    # On a full disk nothing may be written, not even when the key was used.
    note_use = not house.is_read_only()
    asked_at = house.clock.monotonic()
    found = house.database.run(lambda tx: access.authenticate(tx, key, note_use=note_use))
    if not isinstance(found, Refusal):
        house.key_cache.put(key, found, asked_at)
    return found


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """The principal that the gate let pass."""
    principal = request.state.principal
    assert isinstance(principal, Principal), "every route that asks for it is behind the gate"
    return principal


def house_of(request: Request[Any, Any, Any]) -> House:
    """The house behind this door."""
    house = request.app.state.house
    assert isinstance(house, House), "the door is opened with a house"
    return house


def intake_of(request: Request[Any, Any, Any]) -> Intake[PlaceOrder]:
    """The line in which orders wait to be placed together."""
    intake = request.app.state.intake
    assert isinstance(intake, Intake), "the door is opened with an intake"
    return intake


def completions_of(request: Request[Any, Any, Any]) -> Intake[CompleteCart]:
    """The line in which carts wait to be completed together."""
    completions = request.app.state.completions
    assert isinstance(completions, Intake), "the door is opened with a line for completions"
    return completions
