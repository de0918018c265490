"""Checks of an installation from outside: what was found, what was expected, what to do.

Nothing is changed, and nothing has to run. A check of what cannot be seen from this account, or
is not there yet, is a note, not a fault.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from entrepot.doors.ports import port_holder, require_free
from entrepot.doors.runfile import read_run_file
from entrepot.ground import partitions
from entrepot.ground.backup.place import claimed
from entrepot.ground.backup.state import LATE_S, State, read_state, told
from entrepot.ground.clock import Clock
from entrepot.ground.cluster import (
    SOCKET_NAME,
    SOCKET_PATH_BYTES_MAX,
    Cluster,
    database_url,
    socket_folder,
)
from entrepot.ground.cluster_account import MAJOR, installed_programs, program_version
from entrepot.ground.database import Database
from entrepot.ground.database_state import database_state
from entrepot.ground.disk import disk_state, read_only_reason
from entrepot.ground.migrate import own_schemas, require_schema
from entrepot.ground.settings import Settings, unknown_variables
from entrepot.ground.stores import open_store
from entrepot.words.outcome import Broken, Fault

SKEW_S_MAX = 2.0
FILES_MIN = 1_024
FILES_GOOD = 4_096
FUTURE_S_MAX = 5.0
BACKUP_AGE_MAX = timedelta(days=2)

_TIME_ERROR = 5  # Source: adjtimex(2)
_TIMEX_BYTES = 256


class Check(NamedTuple):
    """One line of the table.

    ok      None = a note: nothing is wrong, but someone may want to know
    advice  what to do; '' when all is well
    """

    name: str
    ok: bool | None
    found: str
    expected: str
    advice: str = ""


def examine(settings: Settings, clock: Clock) -> list[Check]:
    """Every check, in the order of the table."""
    checks: list[Callable[[], Check]] = [
        lambda: _settings(),
        lambda: _data_home(settings),
        lambda: _keys(settings),
        lambda: _disk(settings),
        lambda: _records(settings),
        lambda: _port(settings),
        lambda: _files(),
        lambda: _time_source(),
    ]
    if settings.is_embedded:
        checks[4:4] = [
            lambda: _programs(settings),
            lambda: _data_version(settings),
            lambda: _last_write(settings, clock),
            lambda: _socket(settings),
        ]
    return (
        [_seen(check) for check in checks] + _database(settings, clock) + _backups(settings, clock)
    )


def _seen(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except PermissionError as error:
        return Check(
            "permission",
            None,
            f"{error.filename} is closed to this account",
            "the account that runs Entrepot",
            "run `entrepot doctor` as that account or as root",
        )


def _settings() -> Check:
    unknown = unknown_variables()
    if unknown:
        return Check("settings", False, "; ".join(unknown), "names from docs/settings.md", "rename")
    return Check("settings", True, "all known", "names from docs/settings.md")


def _data_home(settings: Settings) -> Check:
    home = settings.data
    expected = "ours, and not writable by others"
    if not home.exists():
        return Check("data home", None, f"{home} is not there", "made by `entrepot serve`")
    found = home.stat()
    mode = stat.S_IMODE(found.st_mode)
    what = f"{home}, mode {mode:04o}, owner {_name(found.st_uid)}"
    if mode & stat.S_IWOTH:
        return Check("data home", False, what, expected, f"chmod o-w {home}")
    if not os.access(home, os.W_OK | os.X_OK):
        advice = f"chown {_name(os.geteuid())} {home}, or choose another with ENTREPOT_DATA"
        return Check("data home", False, what, expected, advice)
    return Check("data home", True, what, expected)


def _keys(settings: Settings) -> Check:
    expected = "closed to every other account"
    if not settings.keys.exists():
        return Check("keys", None, f"{settings.keys} is not there", "made by `entrepot serve`")
    found = settings.keys.stat()
    mode = stat.S_IMODE(found.st_mode)
    what = f"{settings.keys}, mode {mode:04o}, owner {_name(found.st_uid)}"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Check("keys", False, what, expected, f"chmod 700 {settings.keys}")
    return Check("keys", True, what, expected)


def _disk(settings: Settings) -> Check:
    state = disk_state(settings.data, settings.disk_floor_mib)
    expected = f"at least {settings.disk_floor_mib} MiB (ENTREPOT_DISK_FLOOR_MIB)"
    if state.is_low:
        return Check("disk", False, str(state), expected, "free some space or enlarge the disk")
    reason = read_only_reason(settings)
    if reason is not None:
        return Check("disk", False, reason, expected, "see that `entrepot serve` runs")
    return Check("disk", True, str(state), expected)


def _records(settings: Settings) -> Check:
    place = settings.archive_place
    expected = "answers, or none is set"
    if place is None:
        return Check("archive of records", True, "none: all records stay in the database", expected)
    try:
        open_store(place).read("is-it-there")
    except Fault as fault:
        return Check("archive of records", False, str(fault), expected, "see there")
    return Check("archive of records", True, place.location, expected)


def _programs(settings: Settings) -> Check:
    expected = f"PostgreSQL {MAJOR}"
    try:
        folder = settings.pg_bin or installed_programs()
    except Fault as fault:
        return Check("PostgreSQL programs", False, "none", expected, str(fault))
    version = program_version(folder)
    if version is None or version.split(".")[0] != str(MAJOR):
        advice = f"point ENTREPOT_PG_BIN at PostgreSQL {MAJOR} programs, or leave it out"
        return Check("PostgreSQL programs", False, f"{version} in {folder}", expected, advice)
    return Check("PostgreSQL programs", True, f"{version} in {folder}", expected)


def _data_version(settings: Settings) -> Check:
    data = Cluster(settings).data
    expected = f"made by PostgreSQL {MAJOR}"
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if data.exists() and any(data.iterdir()):
            advice = "move these files away, or restore a backup there"
            return Check("data directory", False, f"no PG_VERSION in {data}", expected, advice)
        return Check("data directory", None, f"{data} is not there", "made by `entrepot serve`")
    if found != str(MAJOR):
        advice = f"bring it to {MAJOR} with pg_upgrade, or use the version that wrote it"
        return Check("data directory", False, f"PostgreSQL {found or '?'}", expected, advice)
    return Check("data directory", True, f"PostgreSQL {found}", expected)


def _socket(settings: Settings) -> Check:
    folder = socket_folder(settings.data)
    length = len(os.fsencode(folder / SOCKET_NAME))
    expected = f"at most {SOCKET_PATH_BYTES_MAX} bytes"
    if folder.is_relative_to(settings.data):
        return Check("socket path", True, f"{length} bytes", expected)
    return Check("socket path", None, f"{length} bytes: the socket is in {folder}", expected)


def _port(settings: Settings) -> Check:
    known = read_run_file(settings)
    if known is not None and known.is_current and known.port == settings.port:
        holder = port_holder(settings.port)
        if holder is not None:
            return Check("port", True, f"{settings.port} is ours", "free or ours")
        advice = "see `entrepot status` and the log"
        return Check("port", None, f"nobody listens on {settings.port} yet", "ours", advice)
    try:
        require_free(settings.host, settings.port)
    except Fault as fault:
        return Check("port", False, str(fault), "free or ours", "see there")
    return Check("port", True, f"{settings.port} is free", "free or ours")


def _files() -> Check:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = soft == resource.RLIM_INFINITY or soft >= FILES_GOOD
    ok = True if many else None if soft >= FILES_MIN else False
    found = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
    advice = "" if many else "raise it: ulimit -n 65536, or LimitNOFILE= in the unit"
    return Check("open files", ok, found, f"at least {FILES_GOOD}", advice)


def _last_write(settings: Settings, clock: Clock) -> Check:
    """The time at which the database last wrote its control file; a later one than now is wrong."""
    expected = "in the past"
    file = Cluster(settings).data / "global" / "pg_control"
    if not file.exists():
        return Check("last write", None, "nothing was written here yet", expected)
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    ahead_s = (at - clock.now()).total_seconds()
    found = at.isoformat(timespec="seconds")
    if ahead_s > FUTURE_S_MAX:
        advice = "set the clock right before orders are taken; it stands behind the data"
        return Check("last write", False, f"{found}, {ahead_s:.0f} s ahead", expected, advice)
    return Check("last write", True, found, expected)


def _time_source() -> Check:
    """Whether the kernel's clock is kept in step with a time source."""
    expected = "kept in step with a time source"
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # all zero: ask, change nothing
    state = ctypes.CDLL(None).adjtimex(buffer)
    if state < 0:
        return Check("clock", None, "the kernel does not tell", expected)
    if state == _TIME_ERROR:
        advice = "run chrony, systemd-timesyncd or another NTP client on this machine"
        return Check("clock", None, "no time source", expected, advice)
    return Check("clock", True, "kept in step", expected)


def _database(settings: Settings, clock: Clock) -> list[Check]:
    if settings.is_embedded and Cluster(settings).status().state != "ready":
        state = Cluster(settings).status().state
        return [Check("database", None, state, "reachable when it runs", "entrepot serve")]
    before = clock.now()
    try:
        state_of = database_state(database_url(settings))
    except Fault as fault:
        advice = "see that it runs and that ENTREPOT_DATABASE_URL is right"
        return [Check("database", False, str(fault), "reachable", advice)]
    middle = before + (clock.now() - before) / 2
    skew_s = (state_of.clock - middle).total_seconds()
    reached = f"PostgreSQL {state_of.version}"
    is_ours = int(state_of.version.split(".")[0]) == MAJOR
    return [
        Check("database", is_ours, reached, f"PostgreSQL {MAJOR}, reachable"),
        Check(
            "database settings",
            not state_of.unsafe,
            "; ".join(state_of.unsafe) or "what is acknowledged is kept",
            "what is acknowledged is kept",
            "set them right in the server's configuration" if state_of.unsafe else "",
        ),
        Check(
            "database clock",
            abs(skew_s) <= SKEW_S_MAX,
            f"{skew_s:+.3f} s from ours",
            f"within {SKEW_S_MAX:.0f} s",
            "let both machines follow a time source" if abs(skew_s) > SKEW_S_MAX else "",
        ),
        *_partitions(settings),
    ]


def _partitions(settings: Settings) -> list[Check]:
    """Whether what grows is written to a partition of its time."""
    expected = "none written to beyond the last"
    try:
        require_schema(database_url(settings))
        with (
            Database(database_url(settings), connections_max=1, name="doctor") as database,
            database.transaction(read_only=True) as tx,
        ):
            found = partitions.audit(tx, own_schemas())
    except Fault as fault:
        return [Check("partitions", None, str(fault), expected)]
    if found:
        return [Check("partitions", False, "; ".join(found), expected, "entrepot migrate")]
    return [Check("partitions", True, "as expected", expected)]


def _backups(settings: Settings, clock: Clock) -> list[Check]:
    """What the archiver says: the folders themselves may hang, so nobody looks there."""
    state, now = read_state(settings), clock.now()
    if settings.backup is None and (state is None or not state.is_current):
        return [_seen(lambda: _no_backups(settings))]
    expected = f"less than {BACKUP_AGE_MAX.days} days old"
    if state is None or state.newest is None:
        newest = Check("backups", None, "none yet", expected, "made by `entrepot serve`")
    else:
        is_old = now - state.newest[1] > BACKUP_AGE_MAX
        advice = "run `entrepot backup` and see what it says" if is_old else ""
        newest = Check("backups", not is_old, f"newest {told(state.newest[1])}", expected, advice)
    return [newest, *_archive(state, now)]


def _no_backups(settings: Settings) -> Check:
    expected = "a folder of backups"
    try:
        known = claimed(settings)
    except Broken as fault:
        return Check("backups", False, str(fault), expected, "see there")
    if known:
        found = f"ENTREPOT_BACKUP is not set; in use were {', '.join(known)}"
        advice = "set it where `entrepot serve` is started, or run `entrepot backup --end`"
        return Check("backups", False, found, expected, advice)
    advice = "set ENTREPOT_BACKUP to a folder on another disk (docs/backup.md)"
    return Check("backups", None, "none", expected, advice)


def _archive(state: State | None, now: datetime) -> list[Check]:
    expected = f"complete to less than {LATE_S:.0f} s ago"
    if state is None or not state.is_current:
        last = f"complete to {told(state.complete_to)}" if state and state.complete_to else "none"
        return [Check("WAL archive", None, f"{last}; the archiver does not run", expected)]
    checks = [
        Check(
            "WAL archive", False, trouble, expected, "see that both folders are there and not full"
        )
        for trouble in state.late(now)
    ]
    if not checks and state.complete_to:
        checks = [Check("WAL archive", True, f"complete to {told(state.complete_to)}", expected)]
    if state.shares_disk:
        advice = "put ENTREPOT_BACKUP on another disk: both would be lost with this one"
        found = f"{state.folder} is on the data home's disk"
        checks.append(Check("backup disk", None, found, "another disk", advice))
    return checks


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
