"""Which units of a part go into which carton, by mass."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.departments.warehouse.model import Contents, LineEach, WorkLine


def by_mass(lines: Iterable[WorkLine], max_mass_g: int) -> list[Contents]:
    """The cartons of what was picked, none heavier than the limit, at least one.

    First fit by decreasing mass: units are taken the heaviest first (then by line number), each
    goes into the first carton with room for it, else into a new one. A unit that alone is heavier
    than the limit gets a carton of its own. Never more than 11/9 of the fewest possible and one.
    Source: first fit decreasing; its bound by Dósa, 2007.
    """
    assert max_mass_g > 0, f"a limit of {max_mass_g} g fits nothing"
    boxes: list[_Box] = []
    for line in sorted(lines, key=lambda entry: (-entry.unit_mass_g, entry.line_no)):
        left = line.picked_each
        for box in boxes:
            left -= box.take(line, left)
        while left:
            boxes.append(box := _Box(max(max_mass_g, line.unit_mass_g)))
            left -= box.take(line, left)
    return [box.contents() for box in boxes]


class _Box:
    """A carton while it is being filled."""

    def __init__(self, limit_g: int) -> None:
        self._limit_g = limit_g
        self._room_g = limit_g
        self._lines: list[LineEach] = []

    def take(self, line: WorkLine, wanted_each: int) -> int:
        """Put in as many as there is room for; gives how many."""
        fits = self._room_g // line.unit_mass_g if line.unit_mass_g else wanted_each
        taken = min(wanted_each, fits)
        if taken:
            self._room_g -= taken * line.unit_mass_g
            self._lines.append(LineEach(line.line_no, taken))
        return taken

    def contents(self) -> Contents:
        """What is in it, by line number."""
        return Contents(tuple(sorted(self._lines)), self._limit_g - self._room_g)
