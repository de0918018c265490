"""Fixtures of the archive's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.ground import partitions
from entrepot.ground.stores import FolderStore
from tests.archiving.house import POSITIONS, House, lived_house
from tests.postgres import Server, fresh_database


@pytest.fixture
def house(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A retailer with history in several partitions."""
    monkeypatch.setattr(partitions, "POSITIONS", POSITIONS)
    with fresh_database(server) as url, lived_house(url) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """An empty archive in a folder."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return FolderStore(folder)
