"""The worker archives by itself, and a store that hangs keeps nothing else waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from entrepot.doors.worker import Worker
from entrepot.flows import reactions
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground.database import Database
from entrepot.ground.jobs import Periodic
from entrepot.ground.settings import Settings
from tests.archiving.house import House
from tests.archiving.seaweed import KEY_ID, SECRET, Seaweed
from tests.processes import until


def settings(home: Path, seaweed: Seaweed) -> Settings:
    return Settings.from_environment(
        {
            "ENTREPOT_DATA": str(home),
            "ENTREPOT_ARCHIVE": f"s3://history/{home.name}",
            "ENTREPOT_ARCHIVE_ENDPOINT": f"http://127.0.0.1:{seaweed.port}",
            "ENTREPOT_ARCHIVE_KEY_ID": KEY_ID,
            "ENTREPOT_ARCHIVE_SECRET": SECRET,
            "ENTREPOT_ARCHIVE_TIMEOUT_S": "1",
        }
    )


@contextmanager
def working(house: House, told: Settings) -> Iterator[list[int]]:
    """A worker whose clock goes on; gives how often its quick work was done."""
    ticks = [0]

    def tick(_database: Database) -> None:
        ticks[0] += 1

    worker = Worker(
        house.database,
        subscriptions=SUBSCRIPTIONS,
        handlers={},
        timetable=[Periodic("tick", 1, tick)],
        slow=reactions.slow_timetable(told),
    )
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.1):
            house.clock.sleep(2)

    clock = threading.Thread(target=go_on)
    worker.start()
    clock.start()
    try:
        yield ticks
    finally:
        stop.set()
        clock.join()
        worker.stop()


def error_of(house: House, name: str) -> str | None:
    with psycopg.connect(house.url) as owner:
        row = owner.execute(
            "SELECT coalesce(error, 'none') FROM jobs.timetable "
            "WHERE name = %s AND ended_at IS NOT NULL",
            (name,),
        ).fetchone()
    return str(row[0]) if row else None


@pytest.mark.parametrize("hangs", [True, False])
def test_the_worker_archives_and_waits_for_nobody(
    house: House, seaweed: Seaweed, tmp_path: Path, hangs: bool
) -> None:
    before = house.counts()
    told = settings(tmp_path, seaweed)
    if hangs:
        with seaweed.hung(), working(house, told) as ticks:
            error = until(lambda: error_of(house, "archive"), "the end of the archiving")
            done = ticks[0]
            until(lambda: ticks[0] > done, "work that goes on")
            assert "does not do what it is asked" in error
            assert done > 3, "nothing waited for the store"
        assert {n: c for n, c in house.counts().items() if c < before[n]} == {}
    else:
        with working(house, told):
            assert until(lambda: error_of(house, "archive"), "the archiving") == "none"
            assert until(lambda: error_of(house, "make-partitions"), "partitions") == "none"
        assert all(count < before[name] for name, count in house.counts().items())
    assert house.findings() == []


def test_without_an_archive_nothing_leaves(tmp_path: Path) -> None:
    told = Settings.from_environment({"ENTREPOT_DATA": str(tmp_path)})
    assert [p.name for p in reactions.slow_timetable(told)] == ["make-partitions", "audit"]
