"""What is in the archive is found again: by order, SKU and time, and by the command."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from entrepot.flows.archiving.read import Asked, rows, table_named
from entrepot.ground.stores import FolderStore
from entrepot.words.outcome import Broken
from tests.archiving.house import House
from tests.builders import SKUS
from tests.doors.door import as_address

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def archived(house: House, store: FolderStore, tmp_path: Path) -> House:
    """Everything that is old is in the archive."""
    house.close(store, tmp_path)
    return house


def one_order(house: House) -> str:
    with psycopg.connect(house.url) as owner:
        row = owner.execute("SELECT min(order_id) FROM ordering.orders").fetchone()
    assert row is not None
    return str(row[0])


def count(store: FolderStore, folder: Path, relation: str, asked: Asked) -> int:
    return sum(len(part.rows) for part in rows(store, folder, table_named(relation), asked))


def test_by_order_sku_and_time(archived: House, store: FolderStore, tmp_path: Path) -> None:
    order_id = one_order(archived)

    def found(relation: str, asked: Asked) -> int:
        return count(store, tmp_path, relation, asked)

    reservations = found("inventory.reservation", Asked())
    assert 0 < reservations == found("inventory.reservation", Asked(sku=SKUS[5], since=JUNE))
    for relation in ("inventory.movement", "ordering.event", "events.log", "decisions.decision"):
        everything = found(relation, Asked())
        of_one = found(relation, Asked(order=order_id))
        assert 0 < of_one < everything, relation
        assert found(relation, Asked(order="O-unknown")) == 0
        spring, summer = found(relation, Asked(until=JUNE)), found(relation, Asked(since=JUNE))
        assert spring > 0 and spring + summer == everything, relation
    movements = found("inventory.movement", Asked(sku=SKUS[5]))
    assert 0 < movements < found("inventory.movement", Asked())
    assert found("inventory.movement", Asked(sku=SKUS[5], since=JUNE)) < movements
    assert found("events.log", Asked(sku=SKUS[5])) > 0
    with pytest.raises(Broken, match=r"rows of ordering.event have no SKU"):
        found("ordering.event", Asked(sku=SKUS[5]))
    with pytest.raises(Broken, match=r"found no table x.y, expected one of inventory.movement"):
        table_named("x.y")


def entrepot(house: House, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    """The command on this database and archive: exit code, output, messages."""
    environment = {
        **os.environ,
        "ENTREPOT_DATA": str(tmp_path / "home"),
        "ENTREPOT_DATABASE_URL": as_address(house.url),
        "ENTREPOT_ARCHIVE": str(tmp_path / "archive"),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def said(done: tuple[int, str, str], code: int, words: Sequence[str]) -> str:
    assert done[0] == code, done
    assert [w for w in words if w not in done[1] + done[2]] == [], done
    return done[1]


def test_the_command(archived: House, tmp_path: Path) -> None:
    order_id = one_order(archived)

    def run(*arguments: str) -> tuple[int, str, str]:
        return entrepot(archived, tmp_path, "archive", *arguments)

    said(run("list"), 0, ["movements", "movement_first", "archived", "2026-05-01 00:00"])
    # Whether the reservations of spring are 400 days old depends on the day of the test.
    assert "nothing was old enough" in run("close")[1]
    lines = said(run("read", "movements", "--order", order_id, "--format", "json"), 0, [])
    movements = [json.loads(line) for line in lines.splitlines()]
    assert {m["document"] for m in movements} == {order_id}
    text = said(run("read", "movements", "--order", order_id, "--format", "csv"), 0, [])
    assert [m["movement_id"] for m in csv.DictReader(io.StringIO(text))] == [
        m["movement_id"] for m in movements
    ]
    said(run("read", "facts", "--limit", "2"), 0, ["2 rows printed; --limit 20 shows more"])
    said(run("read", "events", "--sku", "X"), 4, ["rows of ordering.event have no SKU"])
    for wanted in (order_id, SKUS[5]):
        said(entrepot(archived, tmp_path, "show", wanted), 0, ["entrepot archive read movements"])
    file = next((tmp_path / "archive" / "events.log").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    said(run("verify"), 1, [file.name, "found 100 bytes", "archive: 1 findings"])
