"""A shop whose disk was lost: only its backups are left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Erase
from entrepot.ground.database import Tx
from tests.backup.shop import CLOCK, Shop, command, new_shop
from tests.builders import ME


class Lost(NamedTuple):
    """What there was.

    orders    every acknowledged order with its own instant
    at        between the third batch of orders and the fourth
    backups   a full one, and an incremental one
    erased    who asked to be forgotten after `at`; kept: who did not
    """

    shop: Shop
    orders: dict[str, datetime]
    at: datetime
    backups: list[str]
    erased: UUID
    kept: UUID

    def environment(self, place: Path | None = None) -> dict[str, str]:
        """For commands that restore; `place` = a copy of the backups."""
        there = place or self.shop.place
        return {
            "ENTREPOT_DATA": str(self.shop.root / "no-home"),
            "ENTREPOT_BACKUP": str(there),
            "ENTREPOT_BACKUP_KEYS": str(self.shop.keys_place),
        }


def _erase(tx: Tx, person: UUID) -> None:
    customers.erase(tx, [Erase("erase", ME, person)])


@pytest.fixture(scope="session")
def lost() -> Iterator[Lost]:
    """Orders, a full backup, orders, an incremental one, orders, an instant, orders; then fire."""
    with new_shop() as shop:
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
        yield Lost(shop, orders, at, backups, named["C1"], named["C2"])


@pytest.fixture
def copied(lost: Lost) -> Iterator[Path]:
    """A copy of the folder of backups, to damage."""
    copy = lost.shop.root / "copy"
    shutil.copytree(lost.shop.place, copy, copy_function=_linked)
    _own_as(lost.shop.place, copy)
    yield copy
    shutil.rmtree(copy)


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _own_as(source: Path, copy: Path) -> None:
    for path in (source, *source.rglob("*")):
        if path.is_dir():
            found = path.stat()
            target = copy / path.relative_to(source)
            target.chmod(found.st_mode & 0o777)
            shutil.chown(target, found.st_uid, found.st_gid)
