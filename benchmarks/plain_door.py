"""The plain alternative to a door: the same server, an application written by hand, and no more.

`python -m benchmarks.plain_door PORT URL`. It knows no keys, no checks, no sourcing, no dates, no
idempotency, no records and no facts: a price list, a stock row, an order.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from psycopg_pool import ConnectionPool

from benchmarks.orders import insert_plainly
from benchmarks.retailer import ME
from entrepot.flows.order_to_delivery.model import AskedLine, PlaceOrder, ShipTo

POOL = 8
SHIPPING_MINOR = 495


class Body(msgspec.Struct, frozen=True):
    """What is asked, as for the real door."""

    lines: tuple[AskedLine, ...]
    ship_to: ShipTo
    currency: str


class Application:
    """POST /v1/quotes and /v1/orders, each in a thread with a connection of its own."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url, min_size=POOL, max_size=POOL, kwargs={"autocommit": True}, open=True
        )
        self._threads = ThreadPoolExecutor(POOL)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        content, more = b"", True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
        body = msgspec.json.decode(content, type=Body)
        key = dict(scope["headers"]).get(b"idempotency-key", b"").decode()
        work = self._quote if scope["path"].endswith("quotes") else self._order
        loop = asyncio.get_running_loop()
        status, answer = await loop.run_in_executor(self._threads, work, body, key)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _quote(self, body: Body, _key: str) -> tuple[int, bytes]:
        skus = [line.sku for line in body.lines]
        with self._pool.connection() as connection:
            prices = dict(
                connection.execute(
                    "SELECT sku, amount_minor FROM plain.price WHERE sku = ANY(%s)", (skus,)
                ).fetchall()
            )
            free = dict(
                connection.execute(
                    "SELECT sku, sum(on_hand - reserved)::bigint FROM plain.stock "
                    "WHERE sku = ANY(%s) GROUP BY sku",
                    (skus,),
                ).fetchall()
            )
        if any(free.get(line.sku, 0) < line.quantity for line in body.lines):
            return 409, b"{}"
        items = sum(prices[line.sku] * line.quantity for line in body.lines)
        return 200, msgspec.json.encode({"items_minor": items, "shipping_minor": SHIPPING_MINOR})

    def _order(self, body: Body, key: str) -> tuple[int, bytes]:
        order = PlaceOrder(key, ME, body.lines, body.ship_to, body.currency)
        with self._pool.connection() as connection:
            insert_plainly(connection, [order])
        return 201, msgspec.json.encode({"order_id": key})


async def _serve(port: int, url: str) -> None:
    server = Server(
        Application(url),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
