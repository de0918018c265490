"""Tables that go on over pages, with their head on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from entrepot.words.paper import letters
from entrepot.words.paper.page import BLACK, GRAY, LIGHT, PALE, SMALLEST_PT, Align, Paper

CELL_LINES_MAX = 8
_SIDE_MM = 1.5
_ABOVE_MM = 0.9


class Column(NamedTuple):
    """A column with its head; its width holds the space on both sides.

    align  what stands on the right are numbers: never broken, smaller when they are long
    """

    title: str
    width_mm: float
    align: Align = "left"


class Row(NamedTuple):
    """A row in lines, one tuple for each cell."""

    cells: tuple[tuple[str, ...], ...]
    height_mm: float


class Table:
    """Columns side by side from `x_mm` on, in letters of one size."""

    def __init__(self, columns: Sequence[Column], *, x_mm: float, size_pt: float) -> None:
        self._columns = tuple(columns)
        self._x_mm = x_mm
        self._size_pt = size_pt
        self.width_mm = sum(c.width_mm for c in columns)
        self.head_mm = letters.height_mm(1, size_pt) + 2 * _ABOVE_MM

    def rows(self, cells: Iterable[Sequence[str]]) -> list[Row]:
        """Rows as they are drawn; a cell has at most CELL_LINES_MAX lines."""
        return [self._row(texts) for texts in cells]

    def _row(self, texts: Sequence[str]) -> Row:
        wrapped = tuple(
            (text,)
            if column.align == "right"
            else letters.wrap(text, _room(column), self._size_pt, lines_max=CELL_LINES_MAX)
            for text, column in zip(texts, self._columns, strict=True)
        )
        high = letters.height_mm(max(map(len, wrapped)), self._size_pt)
        return Row(wrapped, high + 2 * _ABOVE_MM)

    def pages(
        self, rows: Sequence[Row], *, first_mm: float, next_mm: float, end_mm: float
    ) -> list[list[Row]]:
        """Which rows stand on which page.

        first_mm, next_mm  room on the first page and on the others, the head included
        end_mm             room that must be left below the last row
        """
        pages: list[list[Row]] = [[]]
        left_mm = first_mm - self.head_mm
        for number, row in enumerate(rows, start=1):
            needed_mm = row.height_mm + (end_mm if number == len(rows) else 0.0)
            if needed_mm > left_mm and (pages[-1] or len(pages) == 1):
                pages.append([])
                left_mm = next_mm - self.head_mm
            pages[-1].append(row)
            left_mm -= row.height_mm
        return pages

    def draw(self, paper: Paper, rows: Sequence[Row], top_mm: float) -> float:
        """Draw the head and rows below a height; gives the height below them."""
        paper.box((self._x_mm, top_mm), (self.width_mm, self.head_mm), PALE)
        y_mm = top_mm + self.head_mm
        self._cells(paper, tuple((c.title,) for c in self._columns), top_mm, bold=True)
        for row in rows:
            self._cells(paper, row.cells, y_mm, bold=False)
            y_mm += row.height_mm
            paper.rule((self._x_mm, y_mm), (self._x_mm + self.width_mm, y_mm), 0.1, LIGHT)
        return y_mm

    def _cells(
        self, paper: Paper, cells: Sequence[Sequence[str]], top_mm: float, *, bold: bool
    ) -> None:
        x_mm = self._x_mm
        for column, lines in zip(self._columns, cells, strict=True):
            places = {
                "left": x_mm + _SIDE_MM,
                "right": x_mm + column.width_mm - _SIDE_MM,
                "center": x_mm + column.width_mm / 2,
            }
            size_pt = self._size_pt
            if column.align == "right":
                size_pt = letters.fitting_pt(lines[0], _room(column), size_pt, SMALLEST_PT, bold)
            paper.lines(
                (places[column.align], top_mm + _ABOVE_MM),
                lines,
                size_pt,
                bold=bold,
                align=column.align,
                shade=GRAY if bold else BLACK,
            )
            x_mm += column.width_mm


def _room(column: Column) -> float:
    return column.width_mm - 2 * _SIDE_MM
