"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.postgres import Server, fresh_database, shared_server

pytest_plugins = ["tests.database_fixture", "tests.lived_fixture", "tests.browser_marker"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL server of this test run, shared by its workers."""
    with shared_server(os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))) as shared:
        yield shared


@pytest.fixture
def empty_database(server: Server) -> Iterator[str]:
    """The libpq address of a fresh empty database."""
    with fresh_database(server) as url:
        yield url
