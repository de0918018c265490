"""Fixtures of the archive's tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from psycopg.conninfo import conninfo_to_dict

from entrepot.ground import partitions
from entrepot.ground.stores import FolderStore
from tests.archiving.house import POSITIONS, House, live_long, opened
from tests.archiving.seaweed import Seaweed, running
from tests.postgres import Server, fresh_database


class Lived(NamedTuple):
    """A database to copy from, and the instant at which it is looked at."""

    name: str
    now: datetime


@pytest.fixture(scope="session")
def lived_long(server: Server) -> Iterator[Lived]:
    """A retailer with history in several partitions; nobody may be connected to it."""
    with fresh_database(server) as url:
        with pytest.MonkeyPatch.context() as few:
            few.setattr(partitions, "POSITIONS", POSITIONS)
            now = live_long(url)
        yield Lived(str(conninfo_to_dict(url)["dbname"]), now)


@pytest.fixture
def house(server: Server, lived_long: Lived, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A copy of it."""
    monkeypatch.setattr(partitions, "POSITIONS", POSITIONS)
    with fresh_database(server, lived_long.name) as url, opened(url, lived_long.now) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty archive in a folder."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return FolderStore(folder)


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """An S3 server, shared by the tests of a worker."""
    with TemporaryDirectory(prefix="entrepot-seaweed-") as folder, running(Path(folder)) as server:
        yield server
