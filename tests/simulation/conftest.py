"""The scenario of the demo, read once for all tests."""

from __future__ import annotations

import pytest

from entrepot.simulation.history import History
from entrepot.simulation.places import Places, read_places
from entrepot.simulation.read_history import read_history
from tests.simulation.scenario import SCENARIO, SEED


@pytest.fixture(scope="session")
def places() -> Places:
    return read_places(SCENARIO)


@pytest.fixture(scope="session")
def history(places: Places) -> History:
    return read_history(SCENARIO, places, SEED)
