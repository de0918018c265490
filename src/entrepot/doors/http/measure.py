"""Times requests and joins them to the caller's trace."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrepot.doors.house import House
from entrepot.ground.telemetry import METRICS, continued_from, span


class Measured:
    """Middleware: one histogram entry and one span per request, by route, never by address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note how long it took and how it ended."""
        if scope["type"] == ScopeType.WEBSOCKET:
            await self._app(scope, receive, send)
            return
        house: House = scope["litestar_app"].state.house
        started = house.clock.monotonic()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1") or None
        route = scope.get("path_template", "unknown")
        try:
            with continued_from(parent), span("http.request", route=route, method=scope["method"]):
                await self._app(scope, receive, note)
        finally:
            METRICS.http_request_seconds.labels(
                route=route, method=scope["method"], status=str(status)
            ).observe(house.clock.monotonic() - started)
