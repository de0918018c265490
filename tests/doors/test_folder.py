"""Reading a folder of files, and what is said about one that cannot be read."""

from __future__ import annotations

import json
import os
import threading
from datetime import date, datetime, time
from pathlib import Path

import polars
import pytest

from entrepot.doors.folder import describe, example, parquet, reader
from entrepot.doors.folder.reader import read_folder, text_of
from entrepot.doors.folder.refused import RefusedFile
from entrepot.flows.onboarding.columns import FORMATS
from entrepot.flows.onboarding.rows import FolderRows, RefusedRow, Row, UnusableFolder
from entrepot.words.outcome import Refusal, RefusalCode
from tests.house.tree import ROOT

CARRIERS = "carrier_id,name\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def rows(folder: Path, table: str = "carriers") -> list[Row]:
    return [row for batch in read_folder(folder).tables[table].batches() for row in batch]


def cells(folder: Path, table: str = "carriers") -> list[tuple[int, tuple[str, ...]]]:
    return [(row.line, tuple(row.cells.values())) for row in rows(folder, table)]


def problems(folder: Path) -> list[str]:
    with pytest.raises(UnusableFolder) as unusable:
        for table in read_folder(folder).tables.values():
            list(table.batches())
    return unusable.value.problems


def test_rows_have_the_line_they_begin_on(tmp_path: Path) -> None:
    text = '# comment, "quoted\n# more\ncarrier_id,name\na,A\n\nb,"B\nand  more "\n,\n#c,C\n'
    write(tmp_path, "carriers.csv", text)
    assert cells(tmp_path) == [(4, ("a", "A")), (6, ("b", "B and more")), (9, ("#c", "C"))]


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_any_line_ending_are_fine(
    tmp_path: Path, head: bytes, ending: bytes
) -> None:
    lines = [b"name, carrier_id", "Zürich Post ,z".encode(), b""]
    write(tmp_path, "carriers.csv", head + ending.join(lines))
    (row,) = rows(tmp_path)
    assert row.cells == {"name": "Zürich Post", "carrier_id": "z"}


@pytest.mark.parametrize("line", ["a", "a,b,c"])
def test_a_row_of_another_length_has_a_fault(tmp_path: Path, line: str) -> None:
    write(tmp_path, "carriers.csv", CARRIERS + line + "\nb,B\n")
    found = rows(tmp_path)
    assert [row.fault is None for row in found] == [False, True]
    assert found[0].fault is not None
    assert f"found {line.count(',') + 1} cells, expected 2" in found[0].fault.message


def test_a_cell_that_is_too_long_has_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "carriers.csv", f"{CARRIERS}a,{'x' * 4_001}\n")
    (row,) = rows(tmp_path)
    assert row.fault is not None
    assert (row.fault.code, row.fault.field) == (RefusalCode.too_large, "name")


def test_toml_and_parquet_give_the_rows_that_csv_gives(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("csv", "toml", "parquet")]
    for folder in folders:
        folder.mkdir()
    write(
        folders[0],
        "items.csv",
        "sku,name,category,mass_g,length_mm,width_mm,height_mm,"
        "backorderable\nA,a,c,12.5,1,2,3,yes\nB,b,c,1,1,1,1,\n",
    )
    write(
        folders[1],
        "items.toml",
        "[[items]]\nsku = 'A'\nname = 'a'\ncategory = 'c'\nmass_g = 12.5\nlength_mm = 1\n"
        "width_mm = 2\nheight_mm = 3\nbackorderable = true\n"
        "[[items]]\nsku = 'B'\nname = 'b'\ncategory = 'c'\nmass_g = 1\nlength_mm = 1\n"
        "width_mm = 1\nheight_mm = 1\n",
    )
    polars.DataFrame(
        {
            "sku": ["A", "B"],
            "name": ["a", "b"],
            "category": ["c", "c"],
            "mass_g": ["12.5", "1"],
            "length_mm": [1, 1],
            "width_mm": [2, 1],
            "height_mm": [3, 1],
            "backorderable": [True, None],
        }
    ).write_parquet(folders[2] / "items.parquet")
    found = [[dict(row.cells) for row in rows(folder, "items")] for folder in folders]
    assert found[0] == found[1] == found[2]
    assert [row.line for row in rows(folders[0], "items")] == [2, 3]
    assert [row.line for row in rows(folders[2], "items")] == [1, 2]


def test_values_of_toml_and_parquet_become_text() -> None:
    values = [None, float("nan"), True, 1.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4)]
    texts = ["", "", "yes", "1.5", "2026-01-02", "2026-01-02T03:04:00"]
    assert [text_of(value) for value in values] == texts
    assert text_of([time(17, 30), date(2026, 1, 2)]) == "17:30;2026-01-02"


def test_a_large_file_is_read_in_batches_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "SLICE_ROWS", 700)
    count = 2_500
    ids = [f"c{n}" for n in range(count)]
    polars.DataFrame({"carrier_id": ids, "name": ids}).write_parquet(tmp_path / "carriers.parquet")
    table = read_folder(tmp_path).tables["carriers"]
    for _ in range(2):
        sizes = [len(batch) for batch in table.batches()]
        assert sizes == [1_000, 1_000, 500]
    assert [row.cells["name"] for row in rows(tmp_path)] == ids


def test_every_problem_of_a_folder_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "carriers.csv", "carrier_id;name\na;A\n")
    write(tmp_path, "items.csv", "sku,name,sku\n")
    write(tmp_path, "zones.toml", "zones = 3\n")
    write(tmp_path, "nodes.toml", "[[nodes]\n")
    write(tmp_path, "rates.parquet", b"not parquet")
    write(tmp_path, "stock.csv", "")
    write(tmp_path, "terms.csv", "supplier_id,sku,cost\n")
    write(tmp_path, "terms.toml", "terms = []\n")
    (tmp_path / "prices.csv").mkdir()
    found = dict(problem.split(":", 1) for problem in problems(tmp_path))
    assert found["carriers.csv"] == (
        " found the columns carrier_id;name; expected also carrier_id, name; "
        "the file seems to be separated by ';': save it with commas"
    )
    assert "expected also category, mass_g" in found["items.csv"]
    assert (
        "found zones at the top, expected entries that each begin with [[zones]]"
        in (found["zones.toml"])
    )
    assert "cannot be read as TOML" in found["nodes.toml"]
    assert "cannot be read as Parquet" in found["rates.parquet"]
    assert "found nothing, expected a head line" in found["stock.csv"]
    assert "found beside terms.csv" in found["terms.toml"]
    assert "no regular file" in found["prices.csv"]


def test_a_column_given_twice_is_named(tmp_path: Path) -> None:
    write(tmp_path, "carriers.csv", "name,carrier_id,name\n")
    assert problems(tmp_path) == [
        "carriers.csv: found the column 'name' twice, expected it once; rename one"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"carrier_id,name\na,Z\xfcrich\n", "line 2: found the byte 0xFC, expected text in UTF-8"),
        ("carrier_id,name\n".encode("utf-16"), "line 1: found the byte 0xFF"),
        (b'carrier_id,name\na,A\nb,"B\n', "line 3: cannot be read as CSV"),
        (b'carrier_id,name\na,"A"B\n', "line 2: cannot be read as CSV"),
        (b"carrier_id,name\na," + b"x" * 200_000 + b"\n", "line 2: cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_further_names_the_line(
    tmp_path: Path, content: bytes, said: str
) -> None:
    write(tmp_path, "carriers.csv", content)
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"carriers.csv, {said}")


def test_nested_parquet_is_named_with_its_column(tmp_path: Path) -> None:
    frame = polars.DataFrame({"carrier_id": ["a"], "name": [{"de": "A"}]})
    frame.write_parquet(tmp_path / "carriers.parquet")
    (problem,) = problems(tmp_path)
    assert "found name (Struct" in problem


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "carriers.csv", CARRIERS + "a,A\n")
    table = read_folder(tmp_path).tables["carriers"]
    assert len(list(table.batches())) == 1
    with file.open("a") as more:
        more.write("b,B\n")
    with pytest.raises(UnusableFolder, match="changed while it was read"):
        list(table.batches())


def test_limits_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "retailer.toml", "name = 'x'\n")
    monkeypatch.setattr(reader, "TOML_BYTES_MAX", 5)
    (problem,) = problems(tmp_path)
    assert "found 11 bytes, expected at most 5" in problem
    (tmp_path / "retailer.toml").unlink()
    form = reader.BY_NAME["carriers"]._replace(rows_max=1)
    monkeypatch.setitem(reader.BY_NAME, "carriers", form)
    write(tmp_path, "carriers.csv", CARRIERS + "a,A\nb,B\n")
    (problem,) = problems(tmp_path)
    assert "found more than 1 rows" in problem


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "")
    assert "found nothing, expected a folder" in problems(tmp_path / "none")[0]
    assert "found a file, expected a folder" in problems(file)[0]
    file.unlink()
    assert "found no file to load" in problems(tmp_path)[0]


@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "items.csv")
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(problems(tmp_path)), daemon=True)
    thread.start()
    thread.join(10)
    assert "no regular file" in found[0]


def test_what_is_not_read_is_noted(tmp_path: Path) -> None:
    write(tmp_path, "carriers.csv", "carrier_id,name,nmae\n")
    write(tmp_path, "item.csv", "")
    write(tmp_path, "retailer.csv", "")
    for quiet in ("README.md", "refused.csv", ".items.csv.aside"):
        write(tmp_path, quiet, "")
    assert read_folder(tmp_path).notes == (
        "carriers.csv: column 'nmae' is not known and was not read; did you mean name?",
        "item.csv is not one of the known files and was not read; did you mean items.csv?",
        "retailer.csv is not one of the known files and was not read",
    )


def test_the_retailer_is_one_row(tmp_path: Path) -> None:
    write(
        tmp_path,
        "retailer.toml",
        "name = 'N'\ncurrency = 'EUR'\ncountry = 'DE'\ntime_zone = 'Europe/Berlin'\n",
    )
    (row,) = rows(tmp_path, "retailer")
    assert (row.file, row.line, row.cells["currency"]) == ("retailer.toml", 1, "EUR")


def refused(line: int, field: str | None, file: str = "items.csv") -> RefusedRow:
    refusal = Refusal(RefusalCode.bad_value, f"{field}: found 'ü', expected x", field)
    return RefusedRow(Row(file, line, {"sku": "A,1"}), refusal)


def test_refused_rows_are_written_with_their_reason(tmp_path: Path) -> None:
    with RefusedFile(tmp_path / "refused.csv") as file:
        file.add(refused(7, "packs.case"))
        file.add(refused(8, "amount_minor", "prices.parquet"))
        file.add(refused(9, None))
    found = polars.read_csv(tmp_path / "refused.csv").rows()
    assert [row[:4] for row in found] == [
        ("items.csv", 7, "case_each", "bad_value"),
        ("prices.parquet", 8, "price", "bad_value"),
        ("items.csv", 9, None, "bad_value"),
    ]
    assert found[0][4] == "packs.case: found 'ü', expected x"
    assert json.loads(found[0][5]) == {"sku": "A,1"}


def test_refused_rows_are_kept_when_the_load_is_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RefusedFile(tmp_path / "refused.csv") as file:
        file.add(refused(7, "sku"))
        raise KeyboardInterrupt
    assert [f.name for f in tmp_path.iterdir()] == ["refused.csv"]


def test_without_refused_rows_an_old_file_goes(tmp_path: Path) -> None:
    for name in ("refused.csv", "mine.csv"):
        write(tmp_path, name, "old")
        with RefusedFile(tmp_path / name):
            pass
    assert [f.name for f in tmp_path.iterdir()] == ["mine.csv"]


def test_a_place_that_cannot_be_written_is_found_first(tmp_path: Path) -> None:
    with pytest.raises(UnusableFolder, match="--refused FILE"), RefusedFile(tmp_path / "no" / "x"):
        pass


def test_the_example_has_a_file_of_every_kind_with_every_column(tmp_path: Path) -> None:
    names = example.write_example(tmp_path / "shop")
    assert set(names) == {
        "README.md",
        "retailer.toml",
        *(f"{form.name}.csv" for form in FORMATS if form.name != "retailer"),
    }
    folder: FolderRows = read_folder(tmp_path / "shop")
    assert folder.notes == ()
    assert list(folder.tables) and all(list(t.batches()) for t in folder.tables.values())


def test_the_example_is_not_written_over_something(tmp_path: Path) -> None:
    write(tmp_path, "mine.txt", "x")
    with pytest.raises(UnusableFolder, match="found files in it"):
        example.write_example(tmp_path)
    with pytest.raises(UnusableFolder, match="cannot be written"):
        example.write_example(tmp_path / "mine.txt" / "shop")


def test_the_description_names_every_file_and_column() -> None:
    text = describe.describe()
    for form in FORMATS:
        section = text.split(f"\n## {form.name}\n")[1].split("\n## ")[0]
        for column in form.columns:
            assert f"| `{column.name}` | {'yes' if column.needed else ''} |" in section


def test_the_document_is_the_description() -> None:
    document = (ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8")
    assert document == describe.describe()
