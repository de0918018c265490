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
from entrepot.doors.http.problems import Refused
from entrepot.words.outcome import Refusal, RefusalCode

PUBLIC = "public"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# These calculate and change nothing, though they are sent with a body.
SAFE_OPERATIONS = frozenset({"createQuote"})


def _no_key() -> Refusal:
    return Refusal(
        code=RefusalCode.unauthenticated,
        message=(
            "Authorization: expected `Bearer <API key>`; "
            "make a key with `entrepot key create`, or ask an administrator for one"
        ),
        field="Authorization",
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
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(_no_key())
    principal = await _principal(house, key.strip())
    if refusal := decisions.permit(principal, permission):
        raise Refused(refusal)
    changes = (
        connection.scope.get("method") not in SAFE_METHODS
        and getattr(handler, "operation_id", None) not in SAFE_OPERATIONS
    )
    if changes and house.is_read_only():
        raise Refused(_read_only())
    connection.state.principal = principal


async def _principal(house: House, key: str) -> Principal:
    """The key's principal; a fresh look at the database leaves the event loop free."""
    found: Principal | Refusal | None = house.key_cache.get(key, house.clock.monotonic())
    if found is None:
        found = await anyio.to_thread.run_sync(_authenticate, house, key)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


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
