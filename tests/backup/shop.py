"""A small shop with a folder of backups: a real server, a real archiver, orders with people."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from typer.testing import CliRunner, Result

from entrepot.departments.ordering import service as ordering
from entrepot.doors.cli import endings
from entrepot.doors.cli.assembly import APP
from entrepot.flows.order_to_delivery.model import Placed, Recipient
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.ground.backup.state import State, read_state
from entrepot.ground.clock import SystemClock
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import child_environment
from tests.builders import SIGNING_KEY, a_retailer, an_order
from tests.ground.homes import kill_server
from tests.postgres import SMALL_SERVER, open_folder, settings_in
from tests.processes import end, until

CLOCK = SystemClock()


def recipient(number: int) -> Recipient:
    """Somebody whose name is found in no other place."""
    return Recipient(f"Zephyrine Quill {number}", "Lindenallee 7", "Berlin", f"z{number}@mail.test")


class Shop:
    """A data home, its folder of backups and of key copies, all below `root`."""

    def __init__(self, root: Path, **changes: str) -> None:
        self.root = root
        self.home = root / "home"
        self.place = root / "backups"
        self.keys_place = root / "backups-keys"
        self.settings = settings_in(self.home, BACKUP=str(self.place))
        self.cluster = Cluster(self.settings, changes={**SMALL_SERVER, **changes})
        self.archiver: subprocess.Popen[bytes] | None = None
        self.order_number = 0

    def begin(self) -> None:
        """Make the home, a retailer in it; PostgreSQL runs then."""
        migrate(self.cluster.ensure_started().url)
        with self.database() as database:
            a_retailer(database)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database as the application sees it."""
        with Database(self.cluster.url(), connections_max=2, name="test") as database:
            yield database

    @contextmanager
    def keys(self) -> Iterator[KeyStore]:
        """The key store."""
        with KeyStore.open(self.settings.keys, CLOCK) as keys:
            yield keys

    def order(self, count: int = 3) -> list[Placed]:
        """Place orders, one after the other, each for somebody else; gives those acknowledged."""
        placed = []
        with self.database() as database, self.keys() as keys:
            for _ in range(count):
                self.order_number += 1
                command = an_order(
                    f"order-{self.order_number}",
                    recipient=recipient(self.order_number),
                    customer_ref=f"C{self.order_number}",
                )
                (answer,) = database.run(
                    lambda tx, command=command: place_orders(
                        tx, [command], signing_keys=[SIGNING_KEY], keys=keys
                    )
                )
                assert isinstance(answer, Placed), answer
                placed.append(answer)
        return placed

    def orders(self) -> dict[str, datetime]:
        """Every order of the database, with its own instant."""
        with self.database() as database:
            return orders_of(database)

    def start_archiver(self, **others: str) -> None:
        """As `serve` would; others are more of its environment."""
        with (self.root / "archiver.log").open("ab") as output:
            self.archiver = subprocess.Popen(
                [sys.executable, "-P", "-m", "entrepot", "archiver"],
                env=child_environment(self.environment() | others),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill_archiver(self) -> None:
        """SIGKILL: what it started is left behind."""
        assert self.archiver is not None
        self.archiver.kill()
        self.archiver.wait()
        self.archiver = None

    def environment(self) -> dict[str, str]:
        """What its commands are run with."""
        return {
            "ENTREPOT_DATA": str(self.home),
            "ENTREPOT_BACKUP": str(self.place),
            "ENTREPOT_BACKUP_KEYS": str(self.keys_place),
        }

    def state(self) -> State | None:
        """What the archiver of today says."""
        state = read_state(self.settings)
        return state if state is not None and state.is_current else None

    def until_complete(self, to: datetime | None = None) -> State:
        """The archiver's state when everything until now, or `to`, is archived, keys as well."""
        to = to or CLOCK.now()

        def is_complete() -> State | None:
            state = self.state()
            there = (
                state is not None and state.complete_to is not None and state.keys_to is not None
            )
            return state if there and min(state.complete_to, state.keys_to) > to else None

        found: State = until(is_complete, f"the archive: {self.said()[-2000:]}")
        return found

    def until_backed_up(self) -> State:
        """The archiver's state when it has taken its first backup."""
        return until(
            lambda: (state := self.state()) is not None and state.newest and state, "a backup"
        )

    def said(self) -> str:
        """All the archiver wrote."""
        log = self.root / "archiver.log"
        return log.read_text() if log.exists() else ""

    def backups(self) -> list[str]:
        """The names in the folder of backups, whatever they are."""
        base = self.place / "base"
        return sorted(p.name for p in base.iterdir()) if base.exists() else []

    def lose_the_disk(self) -> None:
        """Everything dies at once, and the data home is gone."""
        self.kill_archiver()
        kill_server(self.cluster)
        shutil.rmtree(self.home)

    def end(self) -> None:
        """Whatever still runs."""
        if self.archiver is not None:
            end(self.archiver)
        kill_server(self.cluster)


@contextmanager
def new_shop(**changes: str) -> Iterator[Shop]:
    """A shop in a new folder; changes are to its server's settings."""
    shop = Shop(open_folder(), **changes)
    try:
        yield shop
    finally:
        shop.end()
        for home in shop.root.glob("*/postgres"):
            kill_server(Cluster(settings_in(home.parent)))
        shutil.rmtree(shop.root)


def orders_of(database: Database) -> dict[str, datetime]:
    """Every order of a database, with its own instant."""
    with database.transaction(read_only=True) as tx:
        return {o.order_id: o.placed_at for o in ordering.find(tx, limit=200)}


def command(words: Sequence[str], environment: dict[str, str]) -> Result:
    """One `entrepot` command in this process; its exceptions are in the result."""
    endings.console.width = endings.errors.width = 400
    return CliRunner().invoke(APP, list(words), env=environment)


def squeezed(text: str) -> str:
    """Text with one space between words."""
    return re.sub(r"\s+", " ", text)


def receiver_pid(shop: Shop) -> int:
    """The process that streams."""
    with psycopg.connect(shop.cluster.url(), autocommit=True) as connection:
        assert connection.execute("SELECT 1 FROM pg_stat_replication").fetchone()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"pg_receivewal") and os.fsencode(shop.place) in b" ".join(words):
            return int(path.parent.name)
    raise AssertionError("nobody streams")
