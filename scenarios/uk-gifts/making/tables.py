"""Reading the rules of the scenario and writing its files, always in the same form."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMENT = "#"


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a table of rules."""
    with (ROOT / "rules" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith(COMMENT)))


def write_table(folder: Path, name: str, about: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a file of the scenario; the lines of `about` stand above its head line."""
    rows = list(rows)
    columns = list(rows[0])
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{COMMENT} {line}\n" for line in about.splitlines())
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
