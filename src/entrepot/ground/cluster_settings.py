"""What the embedded PostgreSQL is told, and whether it listens.

postgresql.conf, pg_hba.conf and pg_ident.conf are written whole before every start, so an emptied
or edited file is put right. After the start the server is asked what it really uses: a setting
that guards data must be as written here, wherever the other value comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from entrepot.ground.cluster_account import Account
from entrepot.ground.files import write_durably
from entrepot.ground.settings import Settings

SUPERUSER = "entrepot"
SOCKET_PORT = 5432  # only part of the socket's name: nothing listens on TCP
LOCAL_TUNING = "postgresql.local.conf"
IDENTITY_MAP = "entrepot"
BACKED_UP = "backup.json"  # in a data home that has a folder of backups

_MIB = 1024 * 1024
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class Wanted(NamedTuple):
    """One PostgreSQL setting.

    value    in the setting's own base unit, so that it reads the same in pg_settings
    guarded  another value would put data or answers at risk: refused, not only reported
    fixed    decided when the cluster was made: checked, but not written
    """

    name: str
    value: str
    why: str
    guarded: bool = False
    fixed: bool = False


class Drift(NamedTuple):
    """A setting that the running server uses with another value.

    source  where that value comes from: a file and line, or PostgreSQL's word for it
    """

    name: str
    found: str
    expected: str
    source: str
    guarded: bool

    def __str__(self) -> str:
        return f"{self.name}: found {self.found!r} (from {self.source}), expected {self.expected!r}"


def memory_mib() -> int:
    """Memory this machine or container may use, MiB."""
    total: int = psutil.virtual_memory().total
    try:
        limit = _CGROUP_LIMIT.read_text().strip()
    except OSError:
        limit = "max"
    return (min(total, int(limit)) if limit.isdigit() else total) // _MIB


def wanted_settings(
    settings: Settings, socket_folder: Path, memory: int, changes: Mapping[str, str] | None = None
) -> tuple[Wanted, ...]:
    """Every setting we choose, for `memory` MiB.

    changes  other values for settings that are not guarded (the tests' server is small)
    """
    # Doors, worker and planner each have a pool; the rest is for the sequencer's and the
    # supervisor's own connections, backups and a person with psql.
    connections = settings.pool * (settings.doors + 2) + 30
    rows = (
        *_GUARDED,
        Wanted("unix_socket_directories", str(socket_folder), "the only way in", guarded=True),
        Wanted("port", str(SOCKET_PORT), "part of the socket's name", guarded=True),
        Wanted("max_connections", str(max(60, connections)), "pools of all processes, and 30"),
        Wanted("shared_buffers", str(_clamp(memory // 8, 64, 8192) * 128), "1/8 of memory, 8 kB"),
        Wanted("effective_cache_size", str(memory // 2 * 128), "1/2 of memory, 8 kB"),
        Wanted("maintenance_work_mem", str(_clamp(memory // 32, 32, 1024) * 1024), "kB"),
        # Bounds recovery after a crash to about ten seconds of replay.
        Wanted("max_wal_size", str(_clamp(memory // 8, 256, 2048)), "MB between checkpoints"),
        Wanted("log_directory", str(settings.logs), "beside the data"),
        Wanted("summarize_wal", "on" if is_backed_up(settings) else "off", "incremental backups"),
        # A folder of backups that is away must never fill the disk that orders are written to.
        Wanted("max_slot_wal_keep_size", str(settings.backup_wal_mib), "MB kept for the archive"),
        *_TUNED,
    )
    changes = changes or {}
    assert changes.keys() <= {row.name for row in rows if not row.guarded}, "an unknown change"
    return tuple(row._replace(value=changes.get(row.name, row.value)) for row in rows)


def is_backed_up(settings: Settings) -> bool:
    """Whether there is a folder of backups, also for a command that was not told of it."""
    return settings.backup is not None or (settings.data / BACKED_UP).exists()


_GUARDED = (
    Wanted("fsync", "on", "a commit is on the disk", guarded=True),
    Wanted("synchronous_commit", "on", "before it is acknowledged", guarded=True),
    Wanted("full_page_writes", "on", "torn pages are repaired", guarded=True),
    Wanted("wal_level", "replica", "backups and standbys", guarded=True),
    Wanted("default_transaction_isolation", "read committed", "guards are in SQL", guarded=True),
    Wanted("default_transaction_read_only", "off", "the marker decides, not this", guarded=True),
    Wanted("listen_addresses", "", "no TCP: this build has no TLS", guarded=True),
    Wanted("TimeZone", "UTC", "times are UTC", guarded=True),
    Wanted("data_checksums", "on", "silent damage is noticed", guarded=True, fixed=True),
    Wanted("server_encoding", "UTF8", "every text fits", guarded=True, fixed=True),
)

_TUNED = (
    Wanted("unix_socket_permissions", "0700", "our account and root"),
    Wanted("checkpoint_timeout", "300", "s"),
    Wanted("wal_compression", "pglz", "smaller full pages; the build has no lz4 or zstd"),
    Wanted("jit", "off", "short statements"),
    Wanted("statement_timeout", "60000", "ms"),
    Wanted("lock_timeout", "5000", "ms"),
    Wanted("idle_in_transaction_session_timeout", "60000", "ms"),
    Wanted("transaction_timeout", "300000", "ms"),
    # A stop waits for the archive to have everything, but not for one that hangs.
    Wanted("wal_sender_timeout", "30000", "ms"),
    Wanted("allow_alter_system", "off", f"tuning goes into {LOCAL_TUNING}"),
    Wanted("logging_collector", "on", "log files of its own"),
    Wanted("log_filename", "postgresql-%Y%m%d-%H%M%S.log", "old ones are removed by serve"),
    Wanted("log_rotation_age", "1440", "min"),
    Wanted("log_rotation_size", "51200", "kB"),
    Wanted("log_file_mode", "0600", "as the data"),
    Wanted("log_timezone", "UTC", "as everywhere"),
    Wanted("log_line_prefix", "%m [%p] %q%a ", "time, process, application"),
    Wanted("log_lock_waits", "on", "longer than deadlock_timeout"),
    Wanted("log_min_duration_statement", "1000", "ms"),
    # Values of rows and parameters can be personal data: they stay out of the log.
    Wanted("log_error_verbosity", "terse", "no DETAIL: it quotes values"),
    Wanted("log_parameter_max_length", "0", "no parameters"),
    Wanted("log_parameter_max_length_on_error", "0", "no parameters"),
)


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))


def configuration_files(
    data: Path, wanted: tuple[Wanted, ...], account: Account, starter: str, local: Path
) -> dict[str, str]:
    """The three configuration files as they must stand in the data directory `data`.

    starter  name of the operating system account that starts the server and connects to it
    local    file of the keeper's own tuning; read when it exists, and it wins
    """
    lines = [
        f"# Written before every start; changes here are lost. Put your own into {local}",
        *(f"{row.name} = {_quoted(row.value)}  # {row.why}" for row in wanted if not row.fixed),
        f"include_if_exists = {_quoted(str(local))}",
    ]
    # The kernel says which account stands at the other end of the socket. Only the server's own,
    # the one that starts it, and root, who can become any, may come in, as the one database role.
    # The socket's folder, of mode 0700, keeps everybody else out even before that.
    hba = [
        f"local all {SUPERUSER} peer map={IDENTITY_MAP}",
        f"local replication {SUPERUSER} peer map={IDENTITY_MAP}",
    ]
    accounts = sorted({account.name, starter, "root"})
    identities = [f'{IDENTITY_MAP} "{name}" {SUPERUSER}' for name in accounts]
    return {
        "postgresql.conf": "\n".join(lines) + "\n",
        "pg_hba.conf": "\n".join(hba) + "\n",
        "pg_ident.conf": "\n".join(identities) + "\n",
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def write_configuration(data: Path, files: Mapping[str, str], account: Account) -> list[str]:
    """Put right what differs; gives the names of the files that were written."""
    written = []
    for name, content in files.items():
        path = data / name
        try:
            same = path.read_bytes() == content.encode()
        except FileNotFoundError:
            same = False
        if not same:
            write_durably(path, content, mode=0o600, owner=account.owner)
            written.append(name)
    return written


_LIVE = """
SELECT name, setting, coalesce(sourcefile || ' line ' || sourceline, source)
  FROM pg_settings
 WHERE name = ANY(%s)
"""


def drifts(connection: psycopg.Connection[Any], wanted: tuple[Wanted, ...]) -> list[Drift]:
    """Where the running server differs from `wanted`, in its order."""
    rows = connection.execute(_LIVE, ([row.name for row in wanted],)).fetchall()
    live = {name: (setting, source) for name, setting, source in rows}
    found = []
    for row in wanted:
        setting, source = live.get(row.name, ("nothing", "this version has no such setting"))
        if setting != row.value:
            found.append(Drift(row.name, setting, row.value, source, row.guarded))
    return found
