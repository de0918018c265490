"""One backup: taken beside running business, verified, and only then given its name.

A backup holds the log that it needs to be consistent, so it can be restored even when the archive
is lost. An incremental one holds the blocks that changed since the backup before it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg

from entrepot import __version__
from entrepot.ground.backup import place as places
from entrepot.ground.backup import slot, stream, wal
from entrepot.ground.backup.place import FULL, INCREMENTAL, Backup, Place
from entrepot.ground.backup.programs import Ended, Go, always, run_watched
from entrepot.ground.backup.tools import Tools
from entrepot.ground.cluster_settings import LOCAL_TUNING
from entrepot.ground.files import private_folder, write_durably
from entrepot.ground.migrate import schema_number
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken, Unavailable

LOCK = "backup.lock"
BUSY = "backup_at_work"
FULL_EVERY = timedelta(days=7)

Tell = Callable[[str, int, int], None]

log = get_logger(__name__)


class Taken(NamedTuple):
    """What was done.

    why_full  why it is a full one although an incremental one was asked for; '' else
    removed   names of the backups that were too old
    """

    backup: Backup
    why_full: str
    removed: list[str]


class _Range(msgspec.Struct, frozen=True, rename="pascal"):
    timeline: int
    start_lsn: str = msgspec.field(name="Start-LSN")
    end_lsn: str = msgspec.field(name="End-LSN")


class _Manifest(msgspec.Struct, frozen=True):
    ranges: list[_Range] = msgspec.field(name="WAL-Ranges")


def silent(_doing: str, _done: int, _of: int) -> None:
    """Tells nobody."""


def take(
    tools: Tools,
    *,
    full: bool = False,
    keep: int | None = None,
    tell: Tell = silent,
    go_on: Go = always,
) -> Taken:
    """Take a backup of the running cluster; an incremental one when there is one to build on.

    full  take a full one in any case
    keep  full backups that are kept; None = as set
    tell  is called with what is being done, how much of it is, and of how much, KiB
    Raises: Broken or Unavailable; nothing is left then that looks like a backup.
    """
    with places.held(tools.settings.run / LOCK, wait=False) as ours:
        if not ours:
            raise Unavailable("a backup is being taken already; wait for it", kind=BUSY)
        with psycopg.connect(tools.cluster.url(), autocommit=True) as connection:
            system = slot.system(connection)
            place = tools.place(system)
            schema = schema_number(connection)
            stretch = stream.stretch(tools, connection, place)
        for name in places.sweep(place):
            log.warning("backup.unfinished_removed", name=name)
        backups = places.read_backups(place)
        parent, why_full = (None, "") if full else _parent(backups, system)
        backup, why_not = _take(tools, place, parent, schema, tell, go_on)
        first = places.first_kept([*backups, backup], keep or tools.settings.backup_keep)
        removed = []
        if first is not None:
            removed = places.remove_before(place, backups, first)
            wal.remove_before(place.wal, first.start_lsn, first.timeline)
        stream.catch_up(tools, stretch)
        log.info("backup.taken", name=backup.name, kind=backup.kind, removed=len(removed))
        return Taken(backup, why_not or why_full, removed)


def _parent(backups: Sequence[Backup], system: slot.System) -> tuple[Backup | None, str]:
    """What an incremental backup builds on, or why there can be none."""
    if not backups:
        return None, "it is the first"
    if not system.summarizes:
        return None, (
            "PostgreSQL runs without summaries of its log; start it with ENTREPOT_BACKUP set "
            "(`entrepot stop`, `entrepot serve`)"
        )
    try:
        places.chain(backups, backups[-1])
    except Broken as fault:
        return None, str(fault)
    return backups[-1], ""


def _take(
    tools: Tools, place: Place, parent: Backup | None, schema: int, tell: Tell, go_on: Go
) -> tuple[Backup, str]:
    name = places.free_name(place.base, tools.clock)
    aside = place.base / f".{name}.aside"
    started_at = tools.clock.now()
    try:
        private_folder(aside, owner=tools.account.owner)
        ended = _write(tools, place, aside, name, parent, tell, go_on)
        if ended.returncode != 0 and parent is not None and "summar" in ended.said:
            # Without the summaries since its parent an incremental backup cannot be had.
            shutil.rmtree(aside)
            full, _ = _take(tools, place, None, schema, tell, go_on)
            return full, ended.said
        _require(ended, "pg_basebackup", f"no backup was taken in {place.base}")
        ended_at = tools.clock.now()
        verify(tools, aside / "data", lambda done, of: tell("verifying", done, of), go_on)
        _copy_tuning(tools, aside)
        backup = _described(tools, aside, name, parent, schema, started_at, ended_at)
        places.put_in_place(place, aside, backup, tools.account.owner)
        return backup, ""
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write(
    tools: Tools,
    place: Place,
    aside: Path,
    name: str,
    parent: Backup | None,
    tell: Tell,
    go_on: Go,
) -> Ended:
    command = [tools.programs.path("pg_basebackup"), "--pgdata", str(aside / "data")]
    command += ["--format=plain", "--wal-method=stream", "--checkpoint=fast", "--progress"]
    command += ["--label", f"entrepot {name}", "--manifest-checksums=CRC32C"]
    command += ["--dbname", slot.connection_text(tools.cluster.socket_dir, "entrepot-backup")]
    if parent is not None:
        command += ["--incremental", str(place.data_of(parent) / "backup_manifest")]
    words = "writing an incremental backup" if parent else "writing a full backup"
    return run_watched(
        command, tools.account, told=lambda done, of: tell(words, done, of), go_on=go_on
    )


def verify(tools: Tools, data: Path, told: Callable[[int, int], None], go_on: Go = always) -> None:
    """Check a backup against its manifest: every file, its size and checksum, and its log.

    Raises: Broken when it is damaged, with what was found first.
    """
    command = [tools.programs.path("pg_verifybackup"), "--progress", "--exit-on-error", str(data)]
    ended = run_watched(command, tools.account, told=told, go_on=go_on)
    _require(ended, "pg_verifybackup", f"{data} is damaged")


def _require(ended: Ended, program: str, otherwise: str) -> None:
    if ended.returncode != 0:
        raise Broken(f"{otherwise}: {ended.said or f'{program} ended with {ended.returncode}'}")


def _copy_tuning(tools: Tools, aside: Path) -> None:
    """The data home's own tuning; everything else in it is made anew or backed up apart."""
    try:
        content = (tools.settings.data / LOCAL_TUNING).read_bytes()
    except FileNotFoundError:
        return
    owner = tools.account.owner
    write_durably(private_folder(aside / "home", owner=owner) / LOCAL_TUNING, content, owner=owner)


def _described(
    tools: Tools,
    aside: Path,
    name: str,
    parent: Backup | None,
    schema: int,
    started_at: datetime,
    ended_at: datetime,
) -> Backup:
    manifest = msgspec.json.decode(
        (aside / "data" / "backup_manifest").read_bytes(), type=_Manifest
    )
    ranges = manifest.ranges[-1]
    return Backup(
        name=name,
        kind=INCREMENTAL if parent else FULL,
        parent=parent.name if parent else None,
        started_at=started_at,
        ended_at=ended_at,
        timeline=ranges.timeline,
        start_lsn=wal.lsn(ranges.start_lsn),
        stop_lsn=wal.lsn(ranges.end_lsn),
        postgres=tools.programs.version,
        entrepot=__version__,
        schema=schema,
        bytes=places.size_of(aside),
    )
