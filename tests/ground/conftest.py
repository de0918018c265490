"""Fixtures of the ground's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ground.homes import copy_home, new_home, note, small_cluster


@pytest.fixture(scope="session")
def made_home() -> Iterator[Path]:
    """A data home with a stopped cluster in which 'first' is noted; never started again."""
    with new_home() as home:
        cluster = small_cluster(home)
        note(cluster.ensure_started().url, "first")
        cluster.stop()
        yield home


@pytest.fixture(scope="session")
def running_home(made_home: Path) -> Iterator[Path]:
    """A copy whose server runs, for tests that leave it running and as it is."""
    with new_home() as home:
        copy_home(made_home, home)
        small_cluster(home).ensure_started()
        yield home


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """A place for a data home, for one test."""
    with new_home() as home:
        yield home


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """A copy of such a data home, for one test."""
    with new_home() as home:
        copy_home(made_home, home)
        yield home
