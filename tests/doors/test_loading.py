"""`entrepot new` and `entrepot load` as a retailer runs them."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from entrepot.departments.catalog import service as catalog
from entrepot.doors.cli.assembly import APP
from entrepot.ground.database import Database
from tests.doors.door import as_address
from tests.flows.loading import replace

SEVERAL_BATCHES = 20_000


@pytest.fixture
def shop(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """A new database that commands run against, in an empty folder."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("ENTREPOT_DATABASE_URL", as_address(database_url))
    monkeypatch.setenv("ENTREPOT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return database


def command(*arguments: str) -> Result:
    return CliRunner().invoke(APP, list(arguments))


def line_of(done: Result, file: str) -> list[str]:
    """The line of a file in the summary: read, accepted, repeated, refused."""
    lines = [line.split("│") for line in done.stdout.splitlines() if file in line]
    return [cell.strip() for cell in lines[0][2:-1]]


def has_item(database: Database, sku: str) -> bool:
    with database.transaction(read_only=True) as tx:
        return sku in catalog.read(tx, [sku])


def test_a_new_retailer_is_loaded_in_three_commands(shop: Database) -> None:
    done = command("new", "shop")
    assert done.exit_code == 0 and "next: entrepot load shop --dry-run" in done.stdout
    done = command("load", "shop", "--dry-run")
    assert done.exit_code == 0 and "nothing was changed" in done.stdout
    assert line_of(done, "items.csv") == ["12", "12", "0", "0"]
    assert not has_item(shop, "MUG-BLUE")
    done = command("load", "shop")
    assert done.exit_code == 0 and "nothing was changed" not in done.stdout
    assert has_item(shop, "MUG-BLUE")
    done = command("load", "shop")
    assert done.exit_code == 0 and line_of(done, "stock.csv") == ["34", "0", "34", "0"]
    assert not Path("shop/refused.csv").exists()


def test_refused_rows_are_shown_written_and_gone_once_corrected(shop: Database) -> None:
    command("new", "shop")
    replace(Path("shop"), "items.csv", "MUG-BLUE,", "MUG-[BLUE],")
    done = command("load", "shop")
    assert done.exit_code == 1
    assert line_of(done, "items.csv") == ["12", "11", "0", "1"]
    assert "refused: items.csv, line 4, sku: sku: found 'MUG-[BLUE]'" in done.stdout
    assert "shop/refused.csv" in done.stdout
    with Path("shop/refused.csv").open(encoding="utf-8", newline="") as file:
        found = [(row["file"], row["line"], row["column"]) for row in csv.DictReader(file)]
    assert found[:2] == [("items.csv", "4", "sku"), ("prices.csv", "3", "sku")]
    replace(Path("shop"), "items.csv", "MUG-[BLUE],", "MUG-BLUE,")
    assert command("load", "shop").exit_code == 0
    assert not Path("shop/refused.csv").exists()


def test_refused_rows_may_go_elsewhere(shop: Database) -> None:
    command("new", "shop")
    replace(Path("shop"), "stock.csv", "MUG-BLUE,RTM,131", "MUG-BLUE,RTM,0")
    assert command("load", "shop", "--strict", "--refused", "elsewhere.csv").exit_code == 1
    assert Path("elsewhere.csv").exists() and not Path("shop/refused.csv").exists()
    assert not has_item(shop, "MUG-BLUE")
    done = command("load", "shop", "--refused", "no/such/folder.csv")
    assert done.exit_code == 2 and "--refused FILE" in done.stderr
    assert not has_item(shop, "MUG-BLUE")


def test_a_folder_that_cannot_be_used_is_named(shop: Database) -> None:
    done = command("load", "none")
    assert done.exit_code == 2 and "none: found nothing, expected a folder" in done.stderr
    command("new", "shop")
    replace(Path("shop"), "items.csv", ",mass_g,", ",mass,")
    done = command("load", "shop")
    assert done.exit_code == 2 and "expected also mass_g" in done.stderr
    done = command("new", "shop")
    assert done.exit_code == 2 and "found files in it" in done.stderr


def test_ctrl_c_keeps_whole_batches_and_the_same_command_goes_on(shop: Database) -> None:
    command("new", "shop")
    names = [f"SKU-{n:06d}" for n in range(SEVERAL_BATCHES)]
    rows = "\n".join(f"{name},{name},Test,1,1,1,1" for name in names)
    head = "sku,name,category,mass_g,length_mm,width_mm,height_mm"
    Path("shop/items.csv").write_text(f"{head}\n{rows}\n")
    for name in ("prices.csv", "terms.csv", "stock.csv"):
        Path("shop", name).unlink()
    load = [sys.executable, "-m", "entrepot", "load", "shop"]
    process = subprocess.Popen(load, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not has_item(shop, names[999]):
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    with shop.transaction(read_only=True) as tx:
        there = len(catalog.read(tx, names))
    assert 1_000 <= there < SEVERAL_BATCHES and there % 1_000 == 0
    done = command("load", "shop")
    assert done.exit_code == 0
    assert line_of(done, "items.csv") == [
        f"{SEVERAL_BATCHES:,}",
        f"{SEVERAL_BATCHES - there:,}",
        f"{there:,}",
        "0",
    ]
