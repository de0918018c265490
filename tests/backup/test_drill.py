"""After a lost disk: everything acknowledged by an instant is there, nothing later, and is whole."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Person
from entrepot.doors.house import House
from entrepot.ground.backup.plan import stamp
from entrepot.ground.cluster import Cluster
from entrepot.ground.restoring import MARKER
from entrepot.words.outcome import Refusal
from tests.backup.conftest import Lost
from tests.backup.shop import command, orders_of, squeezed
from tests.ground.homes import kill_server
from tests.postgres import settings_in


@pytest.fixture
def folder(lost: Lost) -> Iterator[Path]:
    """Where to restore to."""
    folder = lost.shop.root / "restored"
    yield folder
    if folder.exists():
        kill_server(Cluster(settings_in(folder)))
        shutil.rmtree(folder)


def test_an_instant_is_brought_back_exactly(lost: Lost, folder: Path) -> None:
    assert [name[0] for name in lost.backups] == ["2", "2"]
    expected = {order for order, placed_at in lost.orders.items() if placed_at <= lost.at}
    assert (len(expected), len(lost.orders)) == (9, 12)

    done = command(["restore", str(folder), "--to", stamp(lost.at)], lost.environment())

    assert done.exit_code == 0, done.output + repr(done.exception)
    said = squeezed(done.stdout)
    assert " + ".join(lost.backups) in said
    assert "9 orders" in said
    assert "erased again: 1 persons" in said
    assert "audit: all is well" in said
    last = max(expected, key=lambda order: lost.orders[order])
    assert f"last order: {last}, placed {lost.orders[last]:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"ENTREPOT_DATA={folder} ENTREPOT_BACKUP=/path/to/another entrepot serve" in said
    assert not (folder / MARKER).exists()
    settings = settings_in(folder)
    cluster = Cluster(settings)
    assert cluster.status().state == "stopped", "serve can start it"

    cluster.ensure_started()
    with House(settings) as house:
        assert orders_of(house.database).keys() == expected
        with house.database.transaction(read_only=True) as tx:
            gone, kept = customers.read(tx, house.keys, [lost.erased, lost.kept])
    assert isinstance(gone, Refusal)
    assert isinstance(kept, Person)
    assert kept.contact is not None
    assert kept.contact.name == "Zephyrine Quill 2"
    cluster.stop()


def test_as_late_as_possible_loses_nothing_acknowledged(lost: Lost, folder: Path) -> None:
    done = command(["restore", str(folder)], lost.environment())
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "12 orders" in squeezed(done.stdout)
    assert "erased again" not in done.stdout, "the erasure itself was restored"


def test_no_plaintext_and_no_key_of_an_erased_person_is_anywhere(lost: Lost) -> None:
    """Backups, write-ahead log and the copies of the keys."""
    name = b"Zephyrine"
    searched = 0
    for path in (*lost.shop.place.rglob("*"), *lost.shop.keys_place.rglob("*")):
        if path.is_file():
            assert name not in path.read_bytes(), path
            searched += 1
    assert searched > 1_000
    copies = [p for p in lost.shop.keys_place.iterdir() if p.is_dir()]
    assert len(copies) >= 2
    for copy in copies:
        connection = sqlite3.connect(copy / "persons.sqlite")
        keys = dict(connection.execute("SELECT person_id, data_key FROM person_key").fetchall())
        connection.close()
        assert keys[lost.erased.bytes] == bytes(40), copy
        assert keys[lost.kept.bytes] != bytes(40), copy
