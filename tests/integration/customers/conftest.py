"""A key store beside the database, and people to put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.ground.clock import SystemClock
from entrepot.ground.keys import KeyStore


@pytest.fixture
def keys_folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keys(keys_folder: Path) -> Iterator[KeyStore]:
    with KeyStore.open(keys_folder, SystemClock()) as store:
        yield store
