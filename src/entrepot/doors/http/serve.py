"""One door process: the application behind Granian's server, until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Router
from litestar.plugins import InitPlugin

from entrepot.doors.house import House
from entrepot.doors.http.app import API, create

BACKLOG = 1_024


def run(house: House, plugins: Sequence[InitPlugin] = (), routers: Sequence[Router] = API) -> None:
    """Serve until SIGTERM or SIGINT; several door processes share the port.

    plugins  what is served besides the API: pages
    routers  what stands in the place of the API
    """
    asyncio.run(_serve(create(house, plugins, routers), house))


async def _serve(app: Litestar, house: House) -> None:
    server = Server(
        app,
        address=house.settings.host,
        port=house.settings.port,
        interface=Interfaces.ASGI,
        backlog=BACKLOG,
        websockets=False,
        log_enabled=False,
    )

    def stop() -> None:
        # The server waits for what it is answering: streams without end are ended first.
        for close in app.state.closing:
            close()
        server.stop()  # type: ignore[no-untyped-call]

    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop)
    await server.serve()
