"""One door process: the application behind Granian's server, until told to stop."""

from __future__ import annotations

import asyncio
import signal

from granian.constants import Interfaces
from granian.server.embed import Server

from entrepot.doors.house import House
from entrepot.doors.http.app import create

BACKLOG = 1_024


def run(house: House) -> None:
    """Serve until SIGTERM or SIGINT; several door processes share the port."""
    asyncio.run(_serve(house))


async def _serve(house: House) -> None:
    server = Server(
        create(house),
        address=house.settings.host,
        port=house.settings.port,
        interface=Interfaces.ASGI,
        backlog=BACKLOG,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, server.stop)
    await server.serve()
