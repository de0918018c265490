"""A new data home from backups and archive: checked, combined, replayed to the instant, promoted.

Everything is made below a marker (`ground/restoring.py`): what a kill leaves behind is no
installation, and the same restore starts afresh there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg

from entrepot.ground import restoring
from entrepot.ground.backup import key_copies, wal
from entrepot.ground.backup import place as places
from entrepot.ground.backup.key_copies import Counted, KeyCopy
from entrepot.ground.backup.place import Backup, Place
from entrepot.ground.backup.plan import Plan
from entrepot.ground.backup.programs import run_watched
from entrepot.ground.backup.state import told
from entrepot.ground.backup.take import Tell, silent, verify
from entrepot.ground.backup.tools import Tools
from entrepot.ground.clock import Clock
from entrepot.ground.cluster import Cluster, Running
from entrepot.ground.cluster_account import run_program
from entrepot.ground.cluster_locks import live_postmaster
from entrepot.ground.cluster_settings import LOCAL_TUNING
from entrepot.ground.files import data_home, private_folder, sync_folder, write_durably
from entrepot.ground.settings import Expected, Settings
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken

NAMED_MOST = 4
LOCK = "restore.lock"
SIZE_EVERY_S = 2.0
LOOK_EVERY_S = 0.5
# What a restore makes in a data home; in one with a marker it is wiped.
MADE = frozenset(
    {"keys", ".keys.aside", "log", "postgres", "programs", "run", "socket", LOCAL_TUNING}
    | {f".{LOCAL_TUNING}.aside", restoring.MARKER, f".{restoring.MARKER}.aside", LOCK}
)

_REPLAYED = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"
_RECOVERING = re.compile(r"recovering ([0-9A-F]{24})")

log = get_logger(__name__)


def settings_for(settings: Settings, folder: Path) -> Settings:
    """The settings with which a restored data home is run: keys inside, no backups yet."""
    return replace(
        settings,
        data=folder,
        keys=folder / "keys",
        database_url=None,
        backup=None,
        backup_keys=None,
    )


def require_free(folder: Path) -> None:
    """Raises: Expected when a restore may not have this folder, with what is in the way."""
    if folder.exists() and not folder.is_dir():
        raise Expected(f"{folder}: found a file, expected a new or empty folder")
    begun = restoring.read(folder)
    if begun is not None and begun.stage == restoring.RECOVERED:
        raise Expected(
            f"{folder}: was restored to {told(begun.at)} and not finished; finish it with "
            f"`entrepot restore {folder} --finish`, or name a new or empty folder"
        )
    if begun is None and live_postmaster(folder / "postgres" / "data") is not None:
        raise Expected(
            f"{folder}: an installation runs there; a restore makes a new one and never touches "
            "one that is there: name a new or empty folder"
        )
    known = MADE if begun is not None else {LOCK}
    found = (
        sorted(p.name for p in folder.iterdir() if p.name not in known) if folder.exists() else ()
    )
    if found:
        more = ", ..." if len(found) > NAMED_MOST else ""
        raise Expected(
            f"{folder}: holds {', '.join(found[:NAMED_MOST])}{more}, expected a new or empty "
            "folder; nothing was changed"
        )


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Makes the folder, where no second restore may be at work; if it stays empty, it goes again.

    Raises: Expected when there is another.
    """
    was_there = folder.exists()
    data_home(folder, mode=0o711 if os.geteuid() == 0 else 0o700)
    with places.held(folder / LOCK, wait=False) as ours:
        if not ours:
            raise Expected(f"{folder}: another restore is at work there; wait for it")
        try:
            yield
        finally:
            (folder / LOCK).unlink()
            if not was_there:
                with suppress(OSError):
                    folder.rmdir()


def usable_keys(root: Path | None) -> tuple[KeyCopy, Counted]:
    """The copy of the keys to restore, the freshest that is whole.

    Raises: Broken when there is none.
    """
    reasons = []
    for copy in key_copies.copies(root) if root is not None else ():
        try:
            return copy, key_copies.count(copy.folder)
        except Broken as fault:
            log.error("restore.key_copy_damaged", folder=str(copy.folder), reason=str(fault))
            reasons.append(str(fault))
    raise Broken(
        f"ENTREPOT_BACKUP_KEYS: found no whole copy of the keys in {root}"
        + "".join(f"; {reason}" for reason in reasons)
        + ". Without the keys all personal data are lost for good: mount or find the folder. If "
        "there is none any more, --without-keys restores all the rest"
    )


def check(reader: Tools, place: Place, plan: Plan, tell: Tell = silent) -> None:
    """Check every backup of a plan against its manifest; nothing is written.

    reader  tools that run as ourselves
    Raises: Broken when one is damaged.
    """
    for backup in plan.chain:
        words = f"checking backup {backup.name}"
        verify(reader, place.data_of(backup), partial(tell, words))


def bring_back(
    settings: Settings,
    clock: Clock,
    place: Place,
    plan: Plan,
    keys: KeyCopy | None,
    tell: Tell = silent,
    cluster: Cluster | None = None,
) -> Running:
    """Make the data home and its server, which then runs; gives it.

    settings  of the new data home
    keys      None = begin with a new key store: personal data stay unreadable
    Raises: Broken when a backup or the archive is damaged; the home is then not usable.
    """
    restoring.write(settings.data, restoring.Restoring(restoring.RESTORING, plan.at))
    _wipe(cluster or Cluster(settings, clock=clock))
    tools = Tools.of(settings, clock, cluster)
    _require_readable(place, plan, tools)
    tools.cluster.make_folders(tools.account)
    _restore_tuning(tools, place, plan.chain[-1])
    if keys is not None:
        key_copies.restore(keys.folder, settings.keys)
    _combine(tools, place, plan, tell)
    try:
        running = tools.cluster.ensure_started(_Replay(tools, plan, tell), restoring=True)
        _require_replayed(running, plan)
        # What guided the recovery must not guide the next start.
        _write_as_postgres(tools, tools.cluster.data / "postgresql.auto.conf", "")
    except BaseException as error:
        tools.cluster.stop("immediate")
        if isinstance(error, Broken):
            raise Broken(f"the log cannot be replayed until {told(plan.at)}: {error}") from error
        raise
    restoring.write(settings.data, restoring.Restoring(restoring.RECOVERED, plan.at))
    return running


def _wipe(cluster: Cluster) -> None:
    """What an earlier attempt made, and its server when it still runs."""
    cluster.stop("immediate")
    for path in cluster.settings.data.iterdir():
        if path.name in MADE - {restoring.MARKER, LOCK}:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _require_readable(place: Place, plan: Plan, tools: Tools) -> None:
    """Raises: Broken when the account that runs PostgreSQL cannot read what it is to replay."""
    paths = [place.data_of(backup) / "backup_manifest" for backup in plan.chain]
    if plan.run is not None:
        paths += [plan.run.stretch.path(plan.run.last)]
    for path in paths:
        if run_program(["/bin/sh", "-c", 'test -r "$0"', str(path)], tools.account).returncode:
            raise Broken(
                f"{path}: account {tools.account.name}, which runs PostgreSQL, cannot read it; let "
                f"it (chown -R {tools.account.name} {place.root}), and every folder above"
            )


def _restore_tuning(tools: Tools, place: Place, backup: Backup) -> None:
    tuning = place.base / backup.name / "home" / LOCAL_TUNING
    if tuning.is_file():
        write_durably(tools.settings.data / LOCAL_TUNING, tuning.read_bytes(), mode=0o644)


def _combine(tools: Tools, place: Place, plan: Plan, tell: Tell) -> None:
    data = tools.cluster.data
    aside = private_folder(data.with_name("data.aside"), owner=tools.account.owner)
    total = max(backup.bytes for backup in plan.chain) // 1024
    looked_at = 0.0

    def measure(_done: int, _of: int) -> None:
        nonlocal looked_at
        if tools.clock.monotonic() - looked_at >= SIZE_EVERY_S:
            looked_at = tools.clock.monotonic()
            tell("putting backups together", min(places.size_of(aside) // 1024, total), total)

    command = [tools.programs.path("pg_combinebackup"), "--output", str(aside)]
    command += [str(place.data_of(backup)) for backup in plan.chain]
    ended = run_watched(command, tools.account, told=measure)
    if ended.returncode != 0:
        raise Broken(f"pg_combinebackup: {ended.said or ended.returncode}")
    _write_as_postgres(tools, aside / "postgresql.auto.conf", _recovery(plan))
    _write_as_postgres(tools, aside / "recovery.signal", "")
    aside.rename(data)
    sync_folder(data.parent)


def _write_as_postgres(tools: Tools, path: Path, content: str) -> None:
    write_durably(path, content, owner=tools.account.owner)


def _recovery(plan: Plan) -> str:
    """PostgreSQL's settings for the replay."""
    fetch = "exit 1"
    if plan.run is not None:
        folder = shlex.quote(str(plan.run.stretch.folder)).replace("%", "%%")
        names = (f"{folder}/%f", f"{folder}/%f{wal.PARTIAL}")
        fetch = "".join(f"if test -f {n}; then exec cp {n} %p; fi; " for n in names) + fetch
    rows = {
        "restore_command": fetch,
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        # Nobody reads meanwhile, so that it need not be as large as the server it replaces.
        "hot_standby": "off",
    }
    if plan.target is not None:
        rows["recovery_target_time"] = f"{plan.target:%Y-%m-%d %H:%M:%S.%f}+00"
    quoted = {name: value.replace("'", "''") for name, value in rows.items()}
    return "".join(f"{name} = '{value}'\n" for name, value in quoted.items())


class _Replay:
    """Tells how far the replay is; asked again and again while the server starts."""

    def __init__(self, tools: Tools, plan: Plan, tell: Tell) -> None:
        self._tools = tools
        self._run = plan.run
        self._tell = tell
        self._looked_at = 0.0

    def __call__(self) -> bool:
        now = self._tools.clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._look()
        return True

    def _look(self) -> None:
        done, of = 0, 0
        if self._run is not None:
            of = (self._run.last - self._run.first + 1) * wal.SEGMENT_BYTES // 1024
            server = live_postmaster(self._tools.cluster.data)
            for process in psutil.Process(server.pid).children() if server is not None else ():
                found = _RECOVERING.search(_title(process))
                if found:
                    number = wal.number_of(found[1]) - self._run.first
                    done = max(number, 0) * wal.SEGMENT_BYTES // 1024
        self._tell("replaying the log", done, of)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _require_replayed(running: Running, plan: Plan) -> None:
    with psycopg.connect(running.url, autocommit=True) as connection:
        row: tuple[Any, ...] | None = connection.execute(_REPLAYED).fetchone()
    replayed = row[0] if row is not None and row[0] is not None else 0
    if replayed < plan.least_lsn:
        raise Broken(
            f"the replay ended at {wal.shown(replayed)}, expected {wal.shown(plan.least_lsn)} or "
            f"later: segment {wal.segment_name(plan.chain[-1].timeline, wal.segment_of(replayed))} "
            "or the one after it is damaged; restore to an earlier time (--to)"
        )
