"""The assembly of the HTTP door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import msgspec
from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from entrepot import __version__
from entrepot.departments.access import decisions as access_decisions
from entrepot.departments.access import service as access
from entrepot.departments.access.model import Principal
from entrepot.doors.http import operations, orders, stock
from entrepot.doors.http.problems import HANDLERS, Refused
from entrepot.doors.house import House
from entrepot.ground.telemetry import METRICS, continued_from
from entrepot.words.outcome import Refusal, RefusalCode

PUBLIC = "public"
BODY_BYTES_MAX = 1_000_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _unknown_key() -> Refusal:
    return Refusal(
        code=RefusalCode.unauthenticated,
        message=(
            "Authorization: expected `Bearer <API key>`; "
            "make a key with `entrepot key create` or ask an administrator for one"
        ),
        field="Authorization",
    )


async def admit(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """The one gate: who is it, and may they do this. A route without permission admits nobody."""
    permission = handler.opt.get("permission")
    if permission == PUBLIC:
        return
    house: House = connection.app.state.house
    scheme, _, key = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused(_unknown_key())
    principal = access.cached(house.access_cache, key.strip(), house.clock.monotonic())
    if principal is None:
        found = await anyio.to_thread.run_sync(_authenticate, house, key.strip())
        if isinstance(found, Refusal):
            raise Refused(found)
        principal = found
    assert permission is not None, f"{handler} names no permission"
    if refusal := access_decisions.permit(principal, permission):
        raise Refused(refusal)
    if connection.scope.get("method") not in SAFE_METHODS and house.is_read_only():
        raise Refused(
            Refusal(
                code=RefusalCode.read_only,
                message=(
                    "the system takes no changes at present: the disk is nearly full; "
                    "`entrepot doctor` on the server says what to do"
                ),
            )
        )
    connection.scope["state"]["principal"] = principal


def _authenticate(house: House, key: str) -> Principal | Refusal:
    return house.database.run(lambda tx: access.authenticate(tx, key))
