"""The JSON: its shape is a contract, and the same figures give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from entrepot.simulation.report.figures import FORMAT, Figures
from entrepot.simulation.report.write import JSON_FILE, PAGE_FILE, as_json, write
from tests.simulation.report.plausible import plausible

SHAPE = Path(__file__).with_name("shape.txt")
ACCEPT = "ENTREPOT_ACCEPT_SHAPE"


def shape(kind: Any, path: str = "") -> Iterator[str]:
    """Every path of the JSON with its type; `[]` stands for any position in a list."""
    match msgspec.inspect.type_info(kind) if not isinstance(kind, msgspec.inspect.Type) else kind:
        case msgspec.inspect.StructType(fields=fields):
            for field in fields:
                yield from shape(field.type, f"{path}.{field.encode_name}".lstrip("."))
        case msgspec.inspect.VarTupleType(item_type=item):
            yield from shape(item, f"{path}[]")
        case msgspec.inspect.UnionType(types=types):
            some = [t for t in types if not isinstance(t, msgspec.inspect.NoneType)]
            for line in shape(some[0], path):
                yield f"{line} or null" if line.startswith(f"{path} ") else line
        case other:
            yield f"{path} {type(other).__name__.removesuffix('Type').lower()}"


def test_the_shape_of_the_json_is_the_one_published() -> None:
    found = "\n".join([FORMAT, *shape(Figures)]) + "\n"
    if os.environ.get(ACCEPT) == "1":
        SHAPE.write_text(found, encoding="utf-8")
    assert found == SHAPE.read_text(encoding="utf-8"), (
        f"report.json has another shape: raise FORMAT when readers would stumble, then {ACCEPT}=1"
    )


def test_the_json_reads_back_as_the_same_figures() -> None:
    for figures in (plausible(), plausible(orders=0), plausible(times=10**12)):
        assert msgspec.json.decode(as_json(figures), type=Figures) == figures


def test_the_json_holds_whole_numbers_alone() -> None:
    assert not [line for line in shape(Figures) if line.split()[1] == "float"]


def test_the_same_figures_give_the_same_files(tmp_path: Path) -> None:
    first = write(tmp_path / "one", plausible())
    second = write(tmp_path / "two", plausible())
    assert first.json.read_bytes() == second.json.read_bytes()
    assert first.page.read_bytes() == second.page.read_bytes()
    assert plausible(2) != plausible()


def test_a_report_replaces_an_older_one_whole(tmp_path: Path) -> None:
    write(tmp_path, plausible(2))
    written = write(tmp_path, plausible())
    assert written.json.read_bytes() == as_json(plausible())
    assert sorted(file.name for file in tmp_path.iterdir()) == [PAGE_FILE, JSON_FILE]
    assert written.page.stat().st_mode & 0o777 == 0o644
