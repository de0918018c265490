"""The house for one command: PostgreSQL running, the schema fitting, everything given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from entrepot.doors.cli.endings import errors
from entrepot.doors.house import House
from entrepot.ground.clock import Clock
from entrepot.ground.cluster import Cluster, database_url
from entrepot.ground.migrate import migrate, require_schema
from entrepot.ground.settings import Settings

SYSTEM_ACTOR = "system"


def settings_now() -> Settings:
    """The settings of this environment."""
    return Settings.from_environment()


@contextmanager
def running_database(settings: Settings) -> Iterator[str]:
    """The database's address; the embedded PostgreSQL is started for the command if need be."""
    if not settings.is_embedded:
        yield database_url(settings)
        return
    cluster = Cluster(settings)
    with errors.status("starting PostgreSQL"):
        running = cluster.ensure_started()
    try:
        yield running.url
    finally:
        if running.started:
            cluster.stop()


@contextmanager
def opened_house(
    *, name: str = "command", create: bool = False, clock: Clock | None = None
) -> Iterator[House]:
    """The house, opened for one command.

    create  bring a new or older database to this version's schema first; else it must fit
    """
    settings = settings_now()
    with running_database(settings) as url:
        if create:
            migrate(url, clock=clock)
        else:
            require_schema(url)
        with House(settings, name=f"entrepot-{name}", clock=clock) as house:
            yield house
