"""Backups under load and kills, restored to instants drawn at random; a disk that is full."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from entrepot.flows.order_to_delivery.model import Placed
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.ground.backup import place as places
from entrepot.ground.backup import wal
from entrepot.ground.backup.plan import stamp
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Database
from entrepot.words.outcome import Fault
from tests.backup.shop import CLOCK, Shop, command, new_shop, orders_of, receiver_pid
from tests.builders import SIGNING_KEY, an_order
from tests.ground.homes import kill_server
from tests.postgres import settings_in
from tests.processes import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]

ROUNDS = 6
INSTANTS = 5


class Buyers:
    """Two who order all the time; each order's begin and acknowledgement are noted."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.acknowledged: dict[str, tuple[datetime, datetime]] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._buy, args=(n,)) for n in range(2)]

    def __enter__(self) -> Buyers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _buy(self, who: int) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                with self.shop.database() as database:
                    while not self._stop.wait(0.02):
                        number += 1
                        order = an_order(f"b{who}-{number}", backorder=True)
                        began = CLOCK.now()
                        (answer,) = database.run(
                            lambda tx, order=order: place_orders(
                                tx, [order], signing_keys=[SIGNING_KEY]
                            )
                        )
                        assert isinstance(answer, Placed), answer
                        self.acknowledged[answer.order_id] = (began, CLOCK.now())
            except Fault:
                self._stop.wait(0.1)


def test_any_instant_of_a_rough_day() -> None:
    """Backups and the archiver are killed, PostgreSQL too; every instant after the first backup."""
    chance = random.Random(4)
    with new_shop() as shop:
        shop.begin()
        shop.order()
        shop.start_archiver()
        shop.until_backed_up()
        with Buyers(shop) as buyers:
            for _ in range(ROUNDS):
                _harm(shop, chance)
                done = command(["backup"], shop.environment())
                assert done.exit_code == 0, done.output + repr(done.exception)
                assert not [name for name in shop.backups() if name.startswith(".")]
        shop.until_complete()
        first = places.read_backups(places.opened(shop.place))[0].ended_at
        last = max(at for _, at in buyers.acknowledged.values())
        shop.lose_the_disk()
        for _ in range(INSTANTS):
            at = first + (last - first) * chance.random()
            _require_exact(shop, buyers, at)
        _require_exact(shop, buyers, None)


def _harm(shop: Shop, chance: random.Random) -> None:
    """Kill a backup at a random moment, and the archiver or PostgreSQL."""
    environment = {**os.environ, **shop.environment()}
    words = [sys.executable, "-P", "-m", "entrepot", "backup", *chance.choice(([], ["--full"]))]
    backup = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    CLOCK.sleep(0.5 + 4 * chance.random())
    backup.kill()
    backup.wait()
    match chance.choice(("receiver", "archiver", "postgres")):
        case "receiver":
            os.kill(receiver_pid(shop), signal.SIGKILL)
        case "archiver":
            shop.kill_archiver()
            shop.start_archiver()
        case "postgres":
            kill_server(shop.cluster)
            shop.cluster.ensure_started()
    shop.until_complete()


def _require_exact(shop: Shop, buyers: Buyers, at: datetime | None) -> None:
    """All acknowledged by then, nothing begun later; what was between is either."""
    folder = shop.root / "restored"
    words = ["restore", str(folder), *(["--to", stamp(at)] if at is not None else [])]
    environment = shop.environment()
    done = command(words, environment)
    assert done.exit_code == 0, done.output + repr(done.exception)
    settings = settings_in(folder)
    cluster = Cluster(settings)
    cluster.ensure_started()
    with psycopg.connect(cluster.url()) as connection:
        rows = connection.execute("SELECT order_id FROM ordering.orders").fetchall()
    found = {row[0] for row in rows}
    kill_server(cluster)
    shutil.rmtree(folder)
    end = at or datetime.max.replace(tzinfo=CLOCK.now().tzinfo)
    must = {order for order, (_, acknowledged) in buyers.acknowledged.items() if acknowledged < end}
    never = {order for order, (began, _) in buyers.acknowledged.items() if began > end}
    assert must - found == set(), f"acknowledged by {at} and lost"
    assert found & never == set(), f"begun after {at} and there"


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    """A file system of that size."""
    folder = Path("/tmp") / f"entrepot-small-{os.getpid()}"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    try:
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("no file system can be mounted here")
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)
        folder.rmdir()


def test_a_full_disk_of_backups() -> None:
    """Orders go on; a backup that does not fit is none; with room the archive goes on whole."""
    with small_disk(250) as disk, new_shop() as shop:
        shop.place = disk / "backups"
        shop.settings = settings_in(
            shop.home, BACKUP=str(shop.place), BACKUP_KEYS=str(shop.keys_place)
        )
        shop.begin()
        shop.start_archiver()
        shop.until_backed_up()
        filler = disk / "filler"
        with filler.open("wb") as file:
            room = os.statvfs(disk)
            file.write(bytes(room.f_bavail * room.f_frsize - 4096))
        with psycopg.connect(shop.cluster.url(), autocommit=True) as connection:
            for _ in range(2):
                connection.execute("SELECT pg_logical_emit_message(true, 'test', 'x')")
                connection.execute("SELECT pg_switch_wal()")
        until(
            lambda: (
                (s := shop.state()) is not None and "No space left" in (s.archive_trouble or "")
            ),
            "the trouble to be told",
            60,
        )
        assert len(shop.order()) == 3
        known = shop.backups()
        done = command(["backup", "--full"], shop.environment())
        assert "No space left on device" in str(done.exception), done.output
        assert shop.backups() == known
        filler.unlink()
        shop.until_complete()
        (stretch,) = wal.read_stretches(shop.place / "wal")
        assert stretch.numbers == tuple(range(stretch.numbers[0], stretch.numbers[-1] + 1))
        orders = shop.orders()
        shop.lose_the_disk()
        folder = shop.root / "restored"
        done = command(["restore", str(folder)], shop.environment())
        assert done.exit_code == 0, done.output + repr(done.exception)
        cluster = Cluster(settings_in(folder))
        cluster.ensure_started()
        with Database(cluster.url(), name="test") as database:
            assert orders_of(database) == orders
