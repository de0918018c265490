"""After a lost disk: what was acknowledged by an instant is there, nothing later, and whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Person
from entrepot.doors.house import House
from entrepot.ground import restoring
from entrepot.ground.backup.plan import stamp
from entrepot.ground.cluster import Cluster
from entrepot.ground.migrate import latest
from entrepot.words.outcome import Broken, Refusal
from tests.backup.conftest import Lost
from tests.backup.shop import CLOCK, command, new_shop, orders_of, squeezed
from tests.postgres import settings_in


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
    assert not (folder / restoring.MARKER).exists()
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
    """Also where an earlier attempt was interrupted: it starts afresh."""
    folder.mkdir(mode=0o711)
    restoring.write(folder, restoring.Restoring(restoring.RESTORING, lost.at))
    half = folder / "postgres" / "data.aside"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    done = command(["restore", str(folder)], lost.environment())
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert not half.exists()
    assert "12 orders" in squeezed(done.stdout)
    assert "erased again" not in done.stdout, "the erasure itself was restored"


def test_no_plaintext_and_no_key_of_an_erased_person_is_anywhere(lost: Lost) -> None:
    """Backups, write-ahead log and the copies of the keys."""
    name = b"Zephyrine"
    searched = 0
    for path in (*lost.place.rglob("*"), *lost.keys_place.rglob("*")):
        if path.is_file():
            assert name not in path.read_bytes(), path
            searched += 1
    assert searched > 1_000
    copies = [p for p in lost.keys_place.iterdir() if p.is_dir()]
    assert len(copies) >= 2
    for copy in copies:
        connection = sqlite3.connect(copy / "persons.sqlite")
        keys = dict(connection.execute("SELECT person_id, data_key FROM person_key").fetchall())
        connection.close()
        assert keys[lost.erased.bytes] == bytes(40), copy
        assert keys[lost.kept.bytes] != bytes(40), copy


def test_an_older_schema_is_told_and_nothing_is_migrated(lost: Lost, folder: Path) -> None:
    """Until the end is done nothing serves there: erasures are not replayed yet."""
    environment = lost.environment()
    done = command(["restore", str(folder), "--without-keys"], environment)
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "the data of 11 persons cannot be read any more" in squeezed(done.stderr)
    restoring.write(folder, restoring.Restoring(restoring.RECOVERED, lost.at))
    settings = settings_in(folder)
    cluster = Cluster(settings)
    with _owner(cluster) as owner:
        row = owner.execute(
            "DELETE FROM ground.migration WHERE number = %s "
            "RETURNING number, name, checksum, applied_at",
            (latest(),),
        ).fetchone()

    done = command(["restore", str(folder), "--finish"], environment)

    assert done.exit_code == 1, done.output + repr(done.exception)
    assert f"this version needs {latest()}; nothing was migrated" in squeezed(done.stderr)
    assert f"ENTREPOT_DATA={folder} entrepot migrate" in done.stdout
    with pytest.raises(Broken, match="erasures were not replayed yet"):
        House(settings)
    again = command(["restore", str(folder)], environment)
    assert "was restored to" in str(again.exception)
    assert "--finish" in str(again.exception)

    with _owner(cluster) as owner:
        owner.execute("INSERT INTO ground.migration VALUES (%s, %s, %s, %s)", row)
    done = command(["restore", str(folder), "--finish"], environment)
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "12 orders" in done.stdout
    assert not (folder / restoring.MARKER).exists()


@pytest.mark.long
def test_what_was_restored_is_backed_up_and_restored_again(lost: Lost) -> None:
    """It goes on in another timeline of the log, in a folder of its own."""
    with new_shop() as shop:
        done = command(["restore", str(shop.home)], lost.environment())
        assert done.exit_code == 0, done.output + repr(done.exception)
        shop.cluster.ensure_started()
        shop.order_number = 100
        shop.start_archiver()
        shop.until_backed_up()
        shop.order()
        taken = command(["backup"], shop.environment())
        assert "incremental backup" in squeezed(taken.stdout), taken.output
        shop.order()
        at = CLOCK.now()
        shop.order()
        orders = shop.orders()
        assert len(orders) == 12 + 9
        shop.until_complete()
        shop.lose_the_disk()
        for words, count in (([], 21), (["--to", stamp(at)], 18)):
            folder = shop.root / f"again-{count}"
            done = command(["restore", str(folder), *words], shop.environment())
            assert done.exit_code == 0, done.output + repr(done.exception)
            assert f"{count} orders" in squeezed(done.stdout)
            assert "audit: all is well" in done.stdout


@contextmanager
def _owner(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """The database of a home that is started for it, as its owner."""
    with psycopg.connect(cluster.ensure_started().url, autocommit=True) as connection:
        yield connection
    cluster.stop()
