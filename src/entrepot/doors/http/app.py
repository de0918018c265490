"""The assembly of the HTTP door."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import anyio.to_thread
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin

from entrepot import __version__
from entrepot.departments.sourcing.searching import warm
from entrepot.doors.house import House
from entrepot.doors.http import carts, operations, order_batches, orders, stock
from entrepot.doors.http.admission import PUBLIC, admit
from entrepot.doors.http.measure import Measured
from entrepot.doors.http.problems import HANDLERS
from entrepot.doors.intake import Intake, together
from entrepot.flows.cart_to_order.complete import complete_carts
from entrepot.flows.cart_to_order.model import CompleteCart
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.ground.processes import collect_seldom

BODY_BYTES_MAX = 1_000_000
API = (
    orders.ROUTER,
    order_batches.ROUTER,
    carts.ROUTER,
    stock.ROUTER,
    operations.ROUTER,
    operations.METRICS_ROUTER,
)


def create(
    house: House, plugins: Sequence[InitPlugin] = (), routers: Sequence[Router] = API
) -> Litestar:
    """The application over an open house; who made the house closes it.

    plugins  what else it serves: pages; one with streams that have no end of their own puts what
             ends them into the state's `closing`
    routers  what stands in the place of the API

    Handlers run in threads, as many as there are database connections, so that a request never
    waits for a connection behind its back.
    """

    intake: Intake[PlaceOrder] = Intake(together(house, place_orders), house.clock)
    completions: Intake[CompleteCart] = Intake(together(house, complete_carts), house.clock)

    async def begin(_: Litestar) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = house.settings.pool
        intake.start()
        completions.start()
        if routers is API:
            # The first order need not wait for it.
            threading.Thread(target=warm, name="warm", daemon=True).start()
        collect_seldom()

    async def end(_: Litestar) -> None:
        await anyio.to_thread.run_sync(intake.close)
        await anyio.to_thread.run_sync(completions.close)

    app = _assembled(
        routers,
        guards=[admit],
        middleware=[DefineMiddleware(Measured)],
        exception_handlers=HANDLERS,
        on_startup=[begin],
        on_shutdown=[end],
        request_max_body_size=BODY_BYTES_MAX,
        state=State({"house": house, "intake": intake, "completions": completions, "closing": []}),
        plugins=list(plugins),
        logging_config=None,
    )
    _require_permissions(app)
    return app


def describe() -> dict[str, Any]:
    """The API in OpenAPI, as /v1/openapi.json answers it."""
    return _assembled(API).openapi_schema.to_schema()


def _assembled(routers: Sequence[Router], **behavior: Any) -> Litestar:
    return Litestar(
        route_handlers=list(routers),
        openapi_config=_openapi(),
        **behavior,
    )


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Entrepot",
        version=__version__,
        description=(
            "Quotes, carts, orders and stock of an online retailer. Money is in minor units, "
            "quantities are whole pieces, times are UTC. What is refused is answered as "
            "problem+json with a code, what was found and what was expected."
        ),
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin()],
        # The framework's own pages; the description itself is at /v1/openapi.json.
        openapi_router=Router(
            path="/v1/description",
            route_handlers=[],
            opt={"permission": PUBLIC},
            include_in_schema=False,
        ),
        components=Components(
            security_schemes={"apiKey": SecurityScheme(type="http", scheme="bearer")}
        ),
        security=[{"apiKey": []}],
    )


def _require_permissions(app: Litestar) -> None:
    """A route that names no permission is a bug found at start, not at the first request."""
    for route in app.routes:
        handlers: list[Any] = list(getattr(route, "route_handlers", []))
        for handler in handlers:
            assert handler.opt.get("permission") or "OPTIONS" in handler.http_methods, (
                f"{route.path} names no permission"
            )
