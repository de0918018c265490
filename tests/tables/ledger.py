"""Ledger scenarios as aligned text: read, run against the inventory room, compare line by line.

    # sku  node  movement       each   on_hand  reserved  atp
      MUG  DC1   receive          10        10         0   10
      MUG  DC1   reserve r1        4        10         4    6
      MUG  DC1   reserve r2        7   refused not_enough_stock

A comment that begins with `sku` names the columns of the rows below it. Text stands under the
beginning of its column's name, a number under the end. An empty cell is not compared. `atp` is
what may be promised at the node now, `atp+7` what may be promised of the SKU in seven days at all
nodes. A refusal must leave the balance as it was; so must `repeated`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

COUNTS = ("on_hand", "held", "reserved", "allocated", "quarantined", "atp")
_BY_DATE = re.compile(r"atp\+(\d+)")
_WORD = re.compile(r"\S+")


class Row(NamedTuple):
    """One line of a scenario.

    each      the number of units, when the movement has one
    expected  by column name; or how the line ends: `refused <code>`, `repeated`
    """

    line: int
    text: str
    sku: str
    node: str
    movement: tuple[str, ...]
    each: int | None
    expected: dict[str, int]
    ending: str | None


class BadTable(ValueError):
    """A scenario that cannot be read; the message begins with file and line."""


def parse(file: str, text: str) -> Iterator[Row]:
    """The rows of a scenario.

    Raises: BadTable for a row before the column names, an unknown column, or a cell that stands
    under no column.
    """
    columns: dict[str, tuple[int, int]] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{file}:{number}"
        if line.lstrip("# ").startswith("sku "):
            columns = _columns(place, line)
        elif line.strip() and not line.startswith("#"):
            if columns is None:
                raise BadTable(f"{place}: a row before the line that names the columns")
            yield _row(place, number, line, columns)


def _columns(place: str, line: str) -> dict[str, tuple[int, int]]:
    found = {m.group(): m.span() for m in _WORD.finditer(line) if m.group() != "#"}
    known = {"sku", "node", "movement", "each", *COUNTS}
    for name in found:
        if name not in known and not _BY_DATE.fullmatch(name):
            raise BadTable(f"{place}: no column {name!r}; there are {', '.join(sorted(known))}")
    return found


def _row(place: str, number: int, line: str, columns: dict[str, tuple[int, int]]) -> Row:
    starts = {start: name for name, (start, _) in columns.items()}
    ends = {end: name for name, (_, end) in columns.items()}
    texts: dict[str, str] = {}
    movement: list[str] = []
    numbers: dict[str, int] = {}
    ending: list[str] = []
    for match in _WORD.finditer(line):
        word, (start, end) = match.group(), match.span()
        if starts.get(start) in ("sku", "node") and not movement:
            texts[starts[start]] = word
        elif ending or word in ("refused", "repeated"):
            ending.append(word)
        elif re.fullmatch(r"[+-]?\d+", word) and end in ends:
            numbers[ends[end]] = int(word)
        elif columns["movement"][0] <= start < columns["each"][0] and not numbers:
            movement.append(word)
        else:
            raise BadTable(f"{place}: {word!r} stands under no column")
    if texts.keys() != {"sku", "node"} or not movement:
        raise BadTable(f"{place}: a row has a SKU, a node (or -) and a movement")
    each = numbers.pop("each", None)
    return Row(
        number,
        line,
        texts["sku"],
        texts["node"],
        tuple(movement),
        each,
        numbers,
        " ".join(ending) or None,
    )


def days_of(column: str) -> int | None:
    """How many days ahead a column looks; None for one that looks at the present."""
    match = _BY_DATE.fullmatch(column)
    return int(match.group(1)) if match else None
