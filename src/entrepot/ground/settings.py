"""Every setting, read once from the environment.

`SETTINGS` is the one table: names, defaults, units and what each is for. docs/settings.md is made
from it. Code takes a `Settings` as an argument; nothing else reads the environment.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from entrepot.ground.stores import Place, is_place
from entrepot.words.outcome import Broken, shown

PREFIX = "ENTREPOT_"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SIGNING_KEY_CHARACTERS_MIN = 32

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,255}/?")
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class Expected(Exception):
    """A value does not fit; the text says what would."""


@dataclass(frozen=True)
class Settings:
    """How one installation runs. What each value means and its default stand in `SETTINGS`."""

    data: Path
    database_url: str | None = field(repr=False)  # may hold a password
    pg_bin: Path | None
    pg_user: str
    host: str
    port: int
    doors: int
    pool: int
    disk_floor_mib: int
    log_level: str
    keys: Path
    signing_key: str | None = field(repr=False)
    archive: str | None
    archive_endpoint: str | None
    archive_region: str | None
    archive_key_id: str | None
    archive_secret: str | None = field(repr=False)
    archive_timeout_s: int
    archive_after_days: int
    backup: Path | None
    backup_keys: Path | None
    backup_keep: int
    backup_wal_mib: int

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
        """The settings that `environment` asks for (None = this process's); the rest by default.

        Raises: Broken naming every variable at fault, what was found and what was expected.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        faults: list[str] = []
        for setting in SETTINGS:
            text = environment.get(setting.name, "").strip()
            try:
                values[setting.field] = (
                    setting.read(text) if text else setting.default(values, environment)
                )
            except Expected as expected:
                found = "a value (not shown, it may be secret)" if setting.secret else shown(text)
                faults.append(f"{setting.name}: found {found}, expected {expected}")
                values[setting.field] = setting.default(values, environment)
        faults = faults or list(_not_apart(values))
        if faults:
            raise Broken("\n".join(faults), kind="settings")
        return Settings(**values)

    @property
    def run(self) -> Path:
        """Folder of what only concerns the running processes: run file, locks, marker."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """Folder of PostgreSQL's log files."""
        return self.data / "log"

    @property
    def archive_place(self) -> Place | None:
        """Where the archive is; None = there is none, and everything stays in the database."""
        if self.archive is None:
            return None
        return Place(
            self.archive,
            self.archive_endpoint,
            self.archive_region,
            self.archive_key_id,
            self.archive_secret,
            self.archive_timeout_s,
        )

    @property
    def is_embedded(self) -> bool:
        """Whether this installation starts its own PostgreSQL."""
        return self.database_url is None


def unknown_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Variables that look like settings but are none, each with the nearest real name."""
    environment = os.environ if environment is None else environment
    names = [setting.name for setting in SETTINGS]
    found = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            found.append(
                f"{name}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
            )
    return found


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `changes`, for a process it starts."""
    return {**os.environ, **changes}


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # Not int() alone: it also takes underscores, signs and digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not minimum <= int(text) <= maximum:
            raise Expected(f"a whole number from {minimum} to {maximum}")
        return int(text)

    return read


def _path(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise Expected("an absolute path, such as /var/lib/entrepot")
    return path


def _database_url(text: str) -> str:
    try:
        parts = conninfo_to_dict(text)
    except ProgrammingError:
        parts = {}
    if not re.match(r"postgres(ql)?://", text) or not parts.get("dbname"):
        raise Expected("an address such as postgresql://user:password@host:5432/entrepot")
    return text


def _pg_bin(text: str) -> Path:
    path = _path(text)
    missing = [name for name in ("postgres", "initdb") if not (path / name).is_file()]
    if missing:
        raise Expected(f"a folder with the PostgreSQL programs; {', '.join(missing)} not there")
    return path


def _pg_user(text: str) -> str:
    if not _ACCOUNT.fullmatch(text) or text == "root":
        raise Expected("the name of an unprivileged account, such as entrepot")
    return text


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        # All digits and dots would be an address that was mistyped.
        if not _HOST_NAME.fullmatch(text) or re.fullmatch(r"[0-9.]+", text):
            raise Expected("an IP address or a host name, such as 127.0.0.1") from None
        return text


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise Expected(f"one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _signing_key(text: str) -> str:
    if len(text) < SIGNING_KEY_CHARACTERS_MIN:
        raise Expected(f"at least {SIGNING_KEY_CHARACTERS_MIN} characters of random text")
    return text


def _archive(text: str) -> str:
    if not is_place(text):
        raise Expected("an absolute path, or s3://bucket/prefix")
    return text


def _endpoint(text: str) -> str:
    if not _ENDPOINT.fullmatch(text):
        raise Expected("an address such as https://s3.example.com")
    return text.rstrip("/")


def _word(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{1,256}", text):
        raise Expected("1 to 256 printable ASCII characters without spaces")
    return text


Default = Callable[[Mapping[str, Any], Mapping[str, str]], Any]


def _fixed(value: object) -> Default:
    return lambda _values, _environment: value


def _data_home(_values: Mapping[str, Any], environment: Mapping[str, str]) -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/entrepot")
    home = environment.get("HOME", "")
    return (Path(home) if home else Path.home()) / ".local" / "share" / "entrepot"


def _beside_the_backup(values: Mapping[str, Any], _environment: Mapping[str, str]) -> Path | None:
    backup: Path | None = values["backup"]
    return backup.with_name(f"{backup.name}-keys") if backup and backup.name else None


def _not_apart(values: Mapping[str, Any]) -> Iterator[str]:
    """What would be lost together with what it is a copy of, or give keys away with the data."""
    places: dict[str, Path] = {
        "ENTREPOT_BACKUP": values["backup"],
        "ENTREPOT_BACKUP_KEYS": values["backup_keys"],
    }
    given = {name: Path(os.path.normpath(path)) for name, path in places.items() if path}
    if values["database_url"] is not None and values["backup"] is not None:
        yield (
            f"ENTREPOT_BACKUP: found {values['backup']}, expected none: the PostgreSQL behind "
            "ENTREPOT_DATABASE_URL is backed up by whoever runs it"
        )
    others = {
        "the data home": values["data"],
        "ENTREPOT_KEYS": values["keys"],
        "ENTREPOT_BACKUP": values["backup"],
    }
    for name, place in given.items():
        for other, path in others.items():
            if path is None or other == name:
                continue
            there = Path(os.path.normpath(path))
            if place.is_relative_to(there) or there.is_relative_to(place):
                yield f"{name}: found {place}, expected a folder apart from {other}, {there}"


class Setting(NamedTuple):
    """One row of the table.

    field         of `Settings`
    unit          of the value, or what kind of text it is
    default_text  the default as a reader sees it; '' = not set
    secret        never shown, not even in a message about it
    """

    name: str
    field: str
    unit: str
    default_text: str
    purpose: str
    read: Callable[[str], Any]
    default: Default
    secret: bool = False


# In this order: a default may use the values above it.
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ENTREPOT_DATA",
        "data",
        "absolute path",
        "/var/lib/entrepot for root, else ~/.local/share/entrepot",
        "The data home: the embedded PostgreSQL, its log, keys and run files.",
        _path,
        _data_home,
    ),
    Setting(
        "ENTREPOT_DATABASE_URL",
        "database_url",
        "libpq address",
        "",
        "A PostgreSQL 18 run by someone else; when set, none is started here.",
        _database_url,
        _fixed(None),
        secret=True,
    ),
    Setting(
        "ENTREPOT_PG_BIN",
        "pg_bin",
        "absolute path",
        "",
        "Folder of other PostgreSQL 18 programs to use instead of those installed with Entrepot.",
        _pg_bin,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_PG_USER",
        "pg_user",
        "account name",
        "entrepot",
        "Account that runs PostgreSQL when Entrepot is started by root; made if it is missing.",
        _pg_user,
        _fixed("entrepot"),
    ),
    Setting(
        "ENTREPOT_HOST",
        "host",
        "address",
        "127.0.0.1",
        "Address the HTTP doors listen on; 0.0.0.0 is every IPv4 address of the machine.",
        _host,
        _fixed("127.0.0.1"),
    ),
    Setting(
        "ENTREPOT_PORT",
        "port",
        "TCP port",
        "8420",
        "Port the HTTP doors listen on.",
        _whole(1, 65_535),
        _fixed(8420),
    ),
    Setting(
        "ENTREPOT_DOORS",
        "doors",
        "processes",
        "2",
        "Door processes that answer HTTP requests; about one per core.",
        _whole(1, 64),
        _fixed(2),
    ),
    Setting(
        "ENTREPOT_POOL",
        "pool",
        "connections",
        "8",
        "Database connections each process may open.",
        _whole(1, 100),
        _fixed(8),
    ),
    Setting(
        "ENTREPOT_DISK_FLOOR_MIB",
        "disk_floor_mib",
        "MiB",
        "512",
        "Free space of the data home below which the system accepts no changes.",
        _whole(0, 999_999_999),
        _fixed(512),
    ),
    Setting(
        "ENTREPOT_LOG_LEVEL",
        "log_level",
        " or ".join(LOG_LEVELS),
        "INFO",
        "The least serious log lines that are written.",
        _log_level,
        _fixed("INFO"),
    ),
    Setting(
        "ENTREPOT_KEYS",
        "keys",
        "absolute path",
        "keys in the data home",
        "Folder of the keys of personal data, the second store; it has its own backup.",
        _path,
        lambda values, _environment: values["data"] / "keys",
    ),
    Setting(
        "ENTREPOT_SIGNING_KEY",
        "signing_key",
        "text",
        "",
        "Key that signs offers; when not set, one is made and kept with the keys.",
        _signing_key,
        _fixed(None),
        secret=True,
    ),
    Setting(
        "ENTREPOT_ARCHIVE",
        "archive",
        "absolute path, or s3://bucket/prefix",
        "",
        "Where records go when they are old; when not set, all of them stay in the database.",
        _archive,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_ARCHIVE_ENDPOINT",
        "archive_endpoint",
        "address",
        "",
        "The S3 server of the archive; when not set, Amazon's of the region.",
        _endpoint,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_ARCHIVE_REGION",
        "archive_region",
        "text",
        "us-east-1",
        "The region of the archive's bucket.",
        _word,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_ARCHIVE_KEY_ID",
        "archive_key_id",
        "text",
        "",
        "The access key id for the archive's bucket.",
        _word,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_ARCHIVE_SECRET",
        "archive_secret",
        "text",
        "",
        "The secret access key for the archive's bucket.",
        _word,
        _fixed(None),
        secret=True,
    ),
    Setting(
        "ENTREPOT_ARCHIVE_TIMEOUT_S",
        "archive_timeout_s",
        "seconds",
        "30",
        "How long one request to the archive's S3 server may take.",
        _whole(1, 600),
        _fixed(30),
    ),
    Setting(
        "ENTREPOT_ARCHIVE_AFTER_DAYS",
        "archive_after_days",
        "days",
        "400",
        "How old every record of a partition must be before it goes to the archive.",
        _whole(400, 36_500),
        _fixed(400),
    ),
    Setting(
        "ENTREPOT_BACKUP",
        "backup",
        "absolute path",
        "",
        "Folder of backups and of the write-ahead log, on another disk; without it there are none.",
        _path,
        _fixed(None),
    ),
    Setting(
        "ENTREPOT_BACKUP_KEYS",
        "backup_keys",
        "absolute path",
        "the folder of backups with -keys behind its name",
        "Folder of the copies of the keys of personal data, apart from the backups.",
        _path,
        _beside_the_backup,
    ),
    Setting(
        "ENTREPOT_BACKUP_KEEP",
        "backup_keep",
        "full backups",
        "4",
        "Full backups that are kept, with what builds on them; older ones are removed.",
        _whole(1, 1_000),
        _fixed(4),
    ),
    Setting(
        "ENTREPOT_BACKUP_WAL_MIB",
        "backup_wal_mib",
        "MiB",
        "8192",
        "Write-ahead log kept for a folder of backups that is away; beyond it is given up.",
        _whole(64, 999_999_999),
        _fixed(8192),
    ),
)

assert [s.field for s in SETTINGS] == [f.name for f in fields(Settings)], "a row per field"
