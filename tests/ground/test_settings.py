"""Settings are read once, and a wrong one says what was found and what was expected."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot.ground.settings import SETTINGS, Settings, unknown_variables
from entrepot.words.outcome import Broken

SECRET = "s3cret-of-the-database"


def test_defaults() -> None:
    settings = Settings.from_environment({"HOME": "/home/keeper"})
    home = "/var/lib/entrepot" if os.geteuid() == 0 else "/home/keeper/.local/share/entrepot"
    assert settings.data == Path(home)
    assert settings.keys == Path(home) / "keys"
    assert (settings.host, settings.port, settings.doors) == ("127.0.0.1", 8420, 2)
    assert (settings.pg_user, settings.disk_floor_mib) == ("entrepot", 512)
    assert settings.is_embedded
    assert settings.signing_key is None
    assert (settings.backup, settings.backup_keys, settings.backup_keep) == (None, None, 4)


def test_every_setting_is_read(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch()
    given = {
        "ENTREPOT_DATA": "/srv/entrepot",
        "ENTREPOT_DATABASE_URL": f"postgresql://shop:{SECRET}@db.example/shop",
        "ENTREPOT_PG_BIN": str(tmp_path),
        "ENTREPOT_PG_USER": "postgres",
        "ENTREPOT_HOST": "::1",
        "ENTREPOT_PORT": "80",
        "ENTREPOT_DOORS": "8",
        "ENTREPOT_POOL": "5",
        "ENTREPOT_DISK_FLOOR_MIB": "0",
        "ENTREPOT_LOG_LEVEL": "Debug",
        "ENTREPOT_KEYS": "/mnt/keys",
        "ENTREPOT_SIGNING_KEY": "k" * 32,
        "ENTREPOT_ARCHIVE": "s3://old-records/shop",
        "ENTREPOT_ARCHIVE_ENDPOINT": "https://s3.example",
        "ENTREPOT_ARCHIVE_REGION": "eu-west-2",
        "ENTREPOT_ARCHIVE_KEY_ID": "archive-key",
        "ENTREPOT_ARCHIVE_SECRET": SECRET,
        "ENTREPOT_ARCHIVE_TIMEOUT_S": "5",
        "ENTREPOT_ARCHIVE_AFTER_DAYS": "730",
        "ENTREPOT_BACKUP": "",
        "ENTREPOT_BACKUP_KEYS": "/mnt/other",
        "ENTREPOT_BACKUP_KEEP": "2",
        "ENTREPOT_BACKUP_WAL_MIB": "64",
    }
    assert given.keys() == {setting.name for setting in SETTINGS}
    settings = Settings.from_environment(given)
    assert settings == Settings(
        data=Path("/srv/entrepot"),
        database_url=given["ENTREPOT_DATABASE_URL"],
        pg_bin=tmp_path,
        pg_user="postgres",
        host="::1",
        port=80,
        doors=8,
        pool=5,
        disk_floor_mib=0,
        log_level="DEBUG",
        keys=Path("/mnt/keys"),
        signing_key="k" * 32,
        archive="s3://old-records/shop",
        archive_endpoint="https://s3.example",
        archive_region="eu-west-2",
        archive_key_id="archive-key",
        archive_secret=SECRET,
        archive_timeout_s=5,
        archive_after_days=730,
        backup=None,
        backup_keys=Path("/mnt/other"),
        backup_keep=2,
        backup_wal_mib=64,
    )
    assert not settings.is_embedded
    assert SECRET not in repr(settings)
    assert "k" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ENTREPOT_PORT", "0", "a whole number from 1 to 65535"),
        ("ENTREPOT_PORT", "65536", "a whole number from 1 to 65535"),
        ("ENTREPOT_PORT", "8_420", "a whole number from 1 to 65535"),
        ("ENTREPOT_PORT", "٨٤٢٠", "a whole number from 1 to 65535"),
        ("ENTREPOT_PORT", "80.0", "a whole number"),
        ("ENTREPOT_DOORS", "-1", "a whole number from 1 to 64"),
        ("ENTREPOT_DATA", "data", "an absolute path"),
        ("ENTREPOT_PG_BIN", "/nowhere", "postgres, initdb not there"),
        ("ENTREPOT_PG_USER", "root", "an unprivileged account"),
        ("ENTREPOT_PG_USER", "a b", "an unprivileged account"),
        ("ENTREPOT_HOST", "300.1.1.1", "an IP address or a host name"),
        ("ENTREPOT_HOST", "-x", "an IP address or a host name"),
        ("ENTREPOT_LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_wrong_value_is_named(name: str, value: str, expected: str) -> None:
    with pytest.raises(Broken) as caught:
        Settings.from_environment({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name}: found {value!r}, expected ")
    assert expected in message


@pytest.mark.parametrize(
    "value",
    [f"mysql://a:{SECRET}@h/d", f"postgresql://a:{SECRET}@h", f"postgresql://a:{SECRET}%zz@h/d"],
)
def test_wrong_secret_is_not_shown(value: str) -> None:
    with pytest.raises(Broken) as caught:
        Settings.from_environment({"ENTREPOT_DATABASE_URL": value})
    assert "ENTREPOT_DATABASE_URL: found a value (not shown" in str(caught.value)
    assert SECRET not in str(caught.value)
    with pytest.raises(Broken, match="at least 32 characters"):
        Settings.from_environment({"ENTREPOT_SIGNING_KEY": "short"})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Broken) as caught:
        Settings.from_environment({"ENTREPOT_PORT": "x", "ENTREPOT_POOL": "0"})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "ENTREPOT_PORT",
        "ENTREPOT_POOL",
    ]


def test_misspelled_variable_is_noticed() -> None:
    assert unknown_variables({"ENTREPOT_PROT": "1", "ENTREPOT_PORT": "2", "PATH": "/"}) == [
        "ENTREPOT_PROT: no such setting; did you mean ENTREPOT_PORT?"
    ]


def test_copies_of_keys_are_apart_by_default() -> None:
    settings = Settings.from_environment({"ENTREPOT_BACKUP": "/mnt/backups/shop"})
    assert settings.backup_keys == Path("/mnt/backups/shop-keys")


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ({"ENTREPOT_BACKUP": "/srv/shop/backups"}, "the data home, /srv/shop"),
        ({"ENTREPOT_BACKUP": "/srv"}, "the data home, /srv/shop"),
        ({"ENTREPOT_BACKUP": "/mnt/../srv/shop/b"}, "the data home, /srv/shop"),
        ({"ENTREPOT_BACKUP": "/b", "ENTREPOT_BACKUP_KEYS": "/b/keys"}, "ENTREPOT_BACKUP, /b"),
        ({"ENTREPOT_BACKUP": "/b", "ENTREPOT_BACKUP_KEYS": "/b"}, "ENTREPOT_BACKUP, /b"),
        ({"ENTREPOT_BACKUP": "/keys/b", "ENTREPOT_KEYS": "/keys"}, "ENTREPOT_KEYS, /keys"),
    ],
)
def test_a_copy_lies_apart_from_what_it_is_a_copy_of(given: dict[str, str], other: str) -> None:
    with pytest.raises(Broken) as caught:
        Settings.from_environment({"ENTREPOT_DATA": "/srv/shop", **given})
    assert f"expected a folder apart from {other}" in str(caught.value)


def test_an_external_database_is_not_backed_up_by_us() -> None:
    given = {"ENTREPOT_DATABASE_URL": "postgresql://h/d", "ENTREPOT_BACKUP": "/mnt/backups"}
    with pytest.raises(Broken, match="is backed up by whoever runs it"):
        Settings.from_environment(given)
