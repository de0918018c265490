"""`entrepot import orders` as a shop runs it: what it prints, writes and exits with."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from entrepot.doors.cli.endings import ended
from entrepot.doors.cli.importing import import_orders
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.doors.door import as_address
from tests.integration.onboarding.histories import history, row, write

APP = typer.Typer()
APP.command()(import_orders)


@pytest.fixture
def shop(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """A retailer that prices in euros; commands run against it, in an empty folder."""
    a_retailer(database)
    monkeypatch.setenv("ENTREPOT_DATABASE_URL", as_address(database_url))
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("ENTREPOT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return database


def command(*arguments: object) -> Result:
    return CliRunner().invoke(APP, [str(a) for a in arguments])


def refused(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_says_what_it_did_and_can_be_repeated(shop: Database, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", [row("1", SKUS[0]), row("2", SKUS[1])])
    for accepted, repeated in ((2, 0), (0, 2)):
        done = command(file)
        assert done.exit_code == 0, done.output
        cells = [line.split("│")[1:-1] for line in done.stdout.splitlines() if "│" in line]
        rows = [[cell.strip() for cell in line] for line in cells]
        assert ["rows", "2", str(accepted), str(repeated), "0"] in rows
        assert ["orders", "2", str(accepted), str(repeated), "0"] in rows
        assert "rows per second" in done.stdout
    assert history(shop)["1"][2] == "EUR"
    assert not list(tmp_path.glob("*refused*"))


def test_refused_rows_are_written_with_line_column_and_reason(
    shop: Database, tmp_path: Path
) -> None:
    file = write(tmp_path / "items.csv", [row("1", SKUS[0]), row("1", "Z"), row("2", SKUS[0], -1)])
    done = command(file, "--currency", "GBP")
    assert done.exit_code == 1
    assert "2 rows were refused" in done.stdout and "items.refused.csv" in done.stdout
    assert "line 3, StockCode: StockCode: found 'Z'" in done.stdout
    found = refused(tmp_path / "items.refused.csv")
    assert [(r["file"], r["line"], r["column"], r["code"]) for r in found] == [
        ("items.csv", "3", "StockCode", "unknown_sku"),
        ("items.csv", "4", "Quantity", "bad_quantity"),
    ]
    assert "returns are imported with returns" in found[1]["reason"]
    assert json.loads(found[1]["row"])["Invoice"] == "2"
    assert history(shop)["1"][2] == "GBP"

    write(file, [row("1", SKUS[0])])
    assert command(file, "--currency", "GBP").exit_code == 0
    assert not (tmp_path / "items.refused.csv").exists(), "the report of an earlier run is gone"


def test_a_dry_run_changes_nothing(shop: Database, tmp_path: Path) -> None:
    done = command(write(tmp_path / "sales.csv", [row("1", SKUS[0])]), "--dry-run")
    assert done.exit_code == 0 and "nothing was changed" in done.stdout
    assert history(shop) == {}


def test_a_map_is_read(shop: Database, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", [row("1", SKUS[0], country="EIRE")])
    order_map = tmp_path / "map.toml"
    order_map.write_text('[countries]\nEIRE = "IE"\n')
    assert command(file).exit_code == 1
    assert command(file, "--map", order_map).exit_code == 0


def test_what_cannot_be_used_is_said_and_exits_with_2(shop: Database, tmp_path: Path) -> None:
    file = write(tmp_path / "sales.csv", [row("1", SKUS[0])])
    headless = write(tmp_path / "headless.csv", [row("1", SKUS[0])[1:]], head=("a",) * 2)
    wrong_map = tmp_path / "map.toml"
    wrong_map.write_text("[columns\n")
    latin = write(tmp_path / "latin.csv", [row("1", SKUS[0]), row("ä", SKUS[0])])
    latin.write_bytes(latin.read_text(encoding="utf-8").encode("latin-1"))
    for arguments, words in (
        ((tmp_path / "none.csv",), "found nothing, expected a file of orders"),
        ((tmp_path,), "found no regular file"),
        ((headless,), "found the column 'a' twice"),
        ((latin,), "latin.csv, line 3: found the byte 0xE4, expected text in UTF-8"),
        ((file, "--map", wrong_map), "cannot be read as TOML"),
        ((file, "--map", tmp_path / "none.toml"), "none.toml: cannot be read"),
        ((file, "--currency", "POUND"), "--currency: found 'POUND'"),
        ((file, "--refused", file), "--refused: found the file itself"),
        ((file, "--refused", tmp_path / "none" / "r.csv"), "cannot be written"),
    ):
        done = command(*arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert words in done.stderr
    assert history(shop) == {} and file.read_text().startswith("Invoice,")


def test_no_database_exits_with_3(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTREPOT_DATABASE_URL", f"postgresql://nobody@/none?host={tmp_path}")
    file = write(tmp_path / "sales.csv", [row("1", SKUS[0])])
    with pytest.raises(SystemExit) as ending, ended():
        import_orders(file)
    assert ending.value.code == 3
