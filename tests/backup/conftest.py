"""A shop whose disk was lost: only its backups are left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Erase
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Tx
from tests.backup.shop import CLOCK, Shop, command
from tests.builders import ME
from tests.ground.homes import kill_server
from tests.postgres import open_folder, settings_in, shared_folder

FACTS = "lost.json"


class Lost(msgspec.Struct, frozen=True):
    """What there was, and where what is left of it is.

    orders    every acknowledged order with its own instant
    at        between the third batch of orders and the fourth
    backups   a full one, and an incremental one
    erased    who asked to be forgotten after `at`; kept: who did not
    """

    place: Path
    keys_place: Path
    orders: dict[str, datetime]
    at: datetime
    backups: list[str]
    erased: UUID
    kept: UUID

    def environment(self, place: Path | None = None) -> dict[str, str]:
        """For commands that restore; `place` = a copy of the backups."""
        return {
            "ENTREPOT_DATA": str(self.place.with_name("no-home")),
            "ENTREPOT_BACKUP": str(place or self.place),
            "ENTREPOT_BACKUP_KEYS": str(self.keys_place),
        }


def _erase(tx: Tx, person: UUID) -> None:
    customers.erase(tx, [Erase("erase", ME, person)])


def _live_and_burn(root: Path) -> Lost:
    """Orders, a full backup, orders, an incremental one, orders, an instant, orders; then fire."""
    shop = Shop(root)
    try:
        shop.begin()
        shop.order()
        shop.start_archiver()
        shop.until_backed_up()
        shop.order()
        taken = command(["backup"], shop.environment())
        assert taken.exit_code == 0, taken.output
        shop.order()
        CLOCK.sleep(0.05)
        at = CLOCK.now()
        CLOCK.sleep(0.05)
        with shop.database() as database, shop.keys() as keys:
            named = database.run(lambda tx: customers.by_reference(tx, ["C1", "C2"]))
            database.run(lambda tx: _erase(tx, named["C1"]))
            assert customers.finish_erasures(database, keys) == 1
        shop.order()
        orders = shop.orders()
        shop.until_complete()
        backups = shop.backups()
        shop.lose_the_disk()
    finally:
        shop.end()
    return Lost(shop.place, shop.keys_place, orders, at, backups, named["C1"], named["C2"])


@pytest.fixture(scope="session")
def lost() -> Iterator[Lost]:
    """Made once for all workers of the test run; nobody changes it."""

    def begin(folder: Path) -> None:
        if not (folder / FACTS).exists():
            found = _live_and_burn(folder)
            (folder / FACTS).write_bytes(msgspec.json.encode(found, enc_hook=str))

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with shared_folder(f"{run}-backup", begin) as folder:
        content = (folder / FACTS).read_bytes()
        yield msgspec.json.decode(content, type=Lost, dec_hook=lambda kind, value: kind(value))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where to restore to."""
    above = open_folder()
    yield above / "restored"
    kill_server(Cluster(settings_in(above / "restored")))
    shutil.rmtree(above)


@pytest.fixture
def copied(lost: Lost) -> Iterator[Path]:
    """A copy of the folder of backups, to damage."""
    above = open_folder()
    copy = above / "copy"
    shutil.copytree(lost.place, copy, copy_function=_linked)
    for path in (lost.place, *lost.place.rglob("*")):
        if path.is_dir():
            found = path.stat()
            target = copy / path.relative_to(lost.place)
            target.chmod(found.st_mode & 0o777)
            shutil.chown(target, found.st_uid, found.st_gid)
    yield copy
    shutil.rmtree(above)


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
