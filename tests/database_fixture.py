"""Migrated databases for tests: one template per session, a copy of it per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from entrepot.ground.clock import Clock
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate
from tests.postgres import Server, fresh_database

CONNECTIONS_MAX = 16


@pytest.fixture(scope="session")
def template_database(server: Server) -> Iterator[str]:
    """The name of a migrated database to copy from; nobody may be connected to it."""
    with fresh_database(server) as url:
        migrate(url)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def database_url(server: Server, template_database: str) -> Iterator[str]:
    """The libpq address of a fresh migrated database, as its owner."""
    with fresh_database(server, template_database) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database, as the application sees it."""
    with Database(database_url, connections_max=CONNECTIONS_MAX, name="test") as database:
        yield database


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to the same database as its owner, for what no application may."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_on(database_url: str) -> Iterator[Callable[[Clock], Database]]:
    """Opens the same database on another clock; closed at the end."""
    opened: list[Database] = []

    def on(clock: Clock) -> Database:
        opened.append(
            Database(database_url, clock=clock, connections_max=CONNECTIONS_MAX, name="test")
        )
        return opened[-1]

    yield on
    for each in opened:
        each.close()
