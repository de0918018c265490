"""Streaming the write-ahead log into the archive with pg_receivewal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from entrepot.ground.backup import place as places
from entrepot.ground.backup import slot, wal
from entrepot.ground.backup.place import Place
from entrepot.ground.backup.programs import run_watched
from entrepot.ground.backup.tools import Tools
from entrepot.ground.files import private_folder, sync_folder
from entrepot.ground.telemetry import get_logger

LOCK = "backup-stretch.lock"

log = get_logger(__name__)


def stretch(
    tools: Tools, connection: psycopg.Connection[Any], place: Place, *, anew: bool = False
) -> Path:
    """The folder into which the log goes, from the slot on; a new one when it must be.

    anew  what the folder in use needs next is not kept any more
    """
    with places.held(tools.settings.run / LOCK, wait=True):
        folders = sorted(folder for folder in place.wal.iterdir() if folder.is_dir())
        if folders and slot.is_kept(connection) and not anew:
            for path in wal.unbegun(folders[-1]):
                path.unlink()
                log.warning("backup.segment_begun_again", segment=path.name)
            return folders[-1]
        folder = place.wal / places.free_name(place.wal, tools.clock)
        # Before the slot: what a kill leaves between the two is a stretch that never began.
        private_folder(folder, owner=tools.account.owner)
        sync_folder(place.wal)
        slot.create(connection)
        log.warning("backup.stretch_begun", folder=str(folder), is_first=not folders)
        return folder


def command(tools: Tools, folder: Path) -> list[str]:
    """The program that streams into `folder` until the server or we end it."""
    return [
        tools.programs.path("pg_receivewal"),
        *("--directory", str(folder), "--slot", slot.SLOT),
        *("--no-loop", "--no-password", "--status-interval=1"),
        *("--dbname", slot.connection_text(tools.cluster.socket_dir, slot.RECEIVER)),
    ]


def catch_up(tools: Tools, folder: Path) -> None:
    """Stream what there is by now, when nobody does it all the time."""
    with psycopg.connect(tools.cluster.url(), autocommit=True) as connection:
        if slot.is_streamed(connection):
            return
        at = tools.clock.now()
        written = slot.positions(connection).written
    # The program ends once it is beyond a position.
    end = ["--endpos", wal.shown(written - 1)]
    ended = run_watched([*command(tools, folder), *end], tools.account)
    if ended.returncode == 0:
        wal.write_reached(folder, wal.Reached(at, written), tools.account.owner)
    else:
        log.warning("backup.not_caught_up", reason=ended.said)
