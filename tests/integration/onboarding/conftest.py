"""What the tests of importing order history share."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.ground.database import Database
from tests.builders import a_catalog


@pytest.fixture
def shop(database: Database) -> Database:
    """A database with the items A to F."""
    database.run(lambda tx: a_catalog(tx, "ABCDEF"))
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test may write a file of orders."""
    return tmp_path / "orders.csv"
