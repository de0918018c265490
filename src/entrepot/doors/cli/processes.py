"""The processes that `serve` and `demo` start; not meant to be called by hand."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Annotated

import typer

from entrepot.doors.cli.opened import settings_now
from entrepot.doors.house import House
from entrepot.doors.http import closed
from entrepot.doors.http import serve as http
from entrepot.doors.web.assembly import Web
from entrepot.doors.worker import Worker
from entrepot.flows import reactions
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground.backup.archiver import Archiver
from entrepot.ground.backup.tools import Tools
from entrepot.ground.clock import SystemClock
from entrepot.ground.disk import is_read_only
from entrepot.ground.processes import collect_seldom, end_with, identity
from entrepot.ground.telemetry import configure


def door() -> None:
    """Serve the HTTP API and the pages in this process."""
    settings = settings_now()
    clock = SystemClock()
    configure(now=clock.now, level=settings.log_level.upper(), fields={"process": "door"})
    with House(
        settings,
        name=f"entrepot-door-{os.getpid()}",
        clock=clock,
        read_only=lambda: is_read_only(settings),
    ) as house:
        http.run(house, [Web(house)])


def page(
    parent: Annotated[int, typer.Option(help="The process it is started by, and ends with.")],
) -> None:
    """Serve the pages alone in this process, while a demo is played; the API is closed."""
    if not end_with(parent):
        raise typer.Exit
    settings = settings_now()
    clock = SystemClock()
    configure(now=clock.now, level=settings.log_level.upper(), fields={"process": "page"})
    with House(settings, name="entrepot-page", clock=clock, read_only=lambda: True) as house:
        http.run(house, [Web(house)], [closed.ROUTER])


def archiver() -> None:
    """Stream the write-ahead log, copy keys and take the daily backup in this process."""
    settings = settings_now()
    clock = SystemClock()
    configure(now=clock.now, level=settings.log_level.upper(), fields={"process": "archiver"})
    me = identity(os.getpid())
    assert me is not None, "a process that runs has an identity"
    process = Archiver(Tools.of(settings, clock), me)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        process.ask_to_stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    process.run()


def work() -> None:
    """Number facts, run subscriptions, jobs and the timetable in this process."""
    settings = settings_now()
    clock = SystemClock()
    configure(now=clock.now, level=settings.log_level.upper(), fields={"process": "worker"})
    with House(settings, name=f"entrepot-worker-{os.getpid()}", clock=clock) as house:
        worker = Worker(
            house.database,
            subscriptions=SUBSCRIPTIONS,
            handlers=reactions.HANDLERS,
            timetable=reactions.timetable(house.keys),
            slow=reactions.slow_timetable(settings),
        )

        def stop(_signal: int, _frame: FrameType | None) -> None:
            worker.ask_to_stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        worker.start()
        collect_seldom()
        worker.wait()
        worker.stop()
