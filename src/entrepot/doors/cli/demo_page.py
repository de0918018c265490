"""The live page while a demo is played: a process of its own that serves it and takes no orders."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from entrepot.departments.access import service as access
from entrepot.departments.access.model import (
    ChangeRole,
    CreateKey,
    CreatePrincipal,
    NewKey,
    Permission,
    PrincipalKind,
)
from entrepot.doors.ports import require_free
from entrepot.doors.runfile import RunFile, RunningChild, remove_run_file, write_run_file
from entrepot.doors.web.sign_in import link
from entrepot.ground.clock import Clock
from entrepot.ground.database import Database, Tx
from entrepot.ground.keys import KeyStore
from entrepot.ground.processes import Identity, identity
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Broken

VIEWER = "demo"
ROLE = "auditor"
LOG = "page.log"
READY_S = 30.0
STOP_S = 10.0
PAUSE_S = 0.05


class Page(NamedTuple):
    """Where it is watched.

    link     signs in and leads to the page
    problem  in words why there is none; '' = there is one
    """

    link: str
    problem: str = ""


def address_of(settings: Settings) -> str:
    """Where the doors of this installation are reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


@contextmanager
def live_page(settings: Settings, url: str, clock: Clock) -> Iterator[Page]:
    """The page, for as long as the block lasts; also says in the run file that a demo is played.

    The process ends with this one, however that ends. A port that is taken is no reason not to
    play: the page then has a problem.

    url  of a migrated database
    """
    # Always made, so that the facts of a run are the same with the page and without.
    prefix = _viewer(url, clock)
    process: subprocess.Popen[bytes] | None = None
    try:
        _write(settings, clock, None)
        try:
            require_free(settings.host, settings.port)
            process = _started(settings)
            _wait_ready(settings, process, clock)
        except (Broken, OSError) as fault:
            yield Page("", str(fault))
        else:
            _write(settings, clock, identity(process.pid))
            with KeyStore.open(settings.keys, clock, signing_key=settings.signing_key) as keys:
                path = link(prefix, keys.signing_keys()[0], clock.now())
            yield Page(f"{address_of(settings)}{path}")
    finally:
        if process is not None:
            _end(process)
        remove_run_file(settings)


def _viewer(url: str, clock: Clock) -> str:
    """The public prefix of the key that the page is shown by; nobody gets to see its secret."""

    def work(tx: Tx) -> str:
        known = [key for key in access.list_keys(tx) if key.principal_id == VIEWER]
        if known:
            return known[0].prefix
        access.create_principals(
            tx, [CreatePrincipal(VIEWER, VIEWER, VIEWER, PrincipalKind.service)]
        )
        access.grant_roles(tx, [ChangeRole(VIEWER, VIEWER, VIEWER, ROLE)])
        scopes = (Permission.operations_read.value,)
        (made,) = access.create_keys(tx, [CreateKey(VIEWER, VIEWER, VIEWER, scopes)])
        assert isinstance(made, NewKey), made
        return made.info.prefix

    with Database(url, clock=clock, connections_max=1, name="entrepot-demo-key") as database:
        return database.run(work)


def _write(settings: Settings, clock: Clock, page: Identity | None) -> None:
    us = identity(os.getpid())
    assert us is not None
    now = clock.now()
    child = RunningChild("page", "ready", 0, page, now)
    write_run_file(
        settings,
        RunFile(
            supervisor=us,
            started_at=now,
            state="playing a demo",
            host=settings.host,
            port=settings.port,
            embedded=True,
            children=(child,) if page is not None else (),
        ),
    )


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "entrepot", "page", "--parent", str(os.getpid())]
    with (settings.run / LOG).open("wb") as log:
        # A session of its own: Ctrl-C at the terminal is for the demo.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _wait_ready(settings: Settings, process: subprocess.Popen[bytes], clock: Clock) -> None:
    deadline = clock.monotonic() + READY_S
    host, port = address_of(settings).removeprefix("http://").rsplit(":", 1)
    while clock.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), READY_S):
            return
        clock.sleep(PAUSE_S)
    raise Broken(f"the page's process did not start; its words are in {settings.run / LOG}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
