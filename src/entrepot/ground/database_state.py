"""What a database says of itself: version, size, clock, and whether its commits are kept."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import psycopg

from entrepot.ground.database import translated

# The values with which an acknowledged commit survives a crash and answers are as we read them.
_SAFE: dict[str, tuple[str, ...]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply", "remote_write"),
    "default_transaction_isolation": ("read committed",),
    "default_transaction_read_only": ("off",),
    "server_encoding": ("UTF8",),
}

_STATE = """
SELECT current_setting('server_version'), pg_database_size(current_database()), clock_timestamp()
"""
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name"


class DatabaseState(NamedTuple):
    """One look at a database.

    version  as PostgreSQL says it, e.g. '18.6'
    clock    the server's, at some instant of the look; UTC
    unsafe   settings that put data at risk, in words
    """

    version: str
    size_bytes: int
    clock: datetime
    unsafe: tuple[str, ...]


def database_state(url: str, timeout_s: int = 5) -> DatabaseState:
    """A look at the database behind `url`.

    Raises: Unavailable when it cannot be reached.
    """
    with (
        translated(),
        psycopg.connect(url, connect_timeout=timeout_s, autocommit=True) as connection,
    ):
        connection.execute("SET TIME ZONE 'UTC'")
        settings = connection.execute(_SETTINGS, (list(_SAFE),)).fetchall()
        state = connection.execute(_STATE).fetchone()
    assert state is not None
    version, size_bytes, clock = state
    unsafe = tuple(
        f"{name}: found {value}, expected {' or '.join(_SAFE[name])}"
        for name, value in settings
        if value not in _SAFE[name]
    )
    return DatabaseState(version.split()[0], size_bytes, clock, unsafe)
