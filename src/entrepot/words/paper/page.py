"""Pages: text, lines, boxes and barcodes at their places, written as a PDF."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from io import BytesIO
from typing import Literal

from reportlab.graphics.barcode.code128 import Code128  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from entrepot.words.paper import letters

Align = Literal["left", "right", "center"]

A4 = (210.0, 297.0)
A6 = (105.0, 148.0)
BLACK, GRAY, LIGHT, PALE, WHITE = 0.0, 0.4, 0.75, 0.93, 1.0
"""Shades, for any printer."""

HEADING_PT = 7.0
SMALLEST_PT = 4.0
FNC1 = "\xf1"
"""Begins a GS1-128 barcode."""


class Paper:
    """A document while it is being drawn, page after page.

    size_mm  width, height
    issued   the date of the document: the PDF's own dates too, so that equal values give equal
             bytes
    """

    def __init__(
        self, size_mm: tuple[float, float], *, title: str, author: str, issued: date
    ) -> None:
        self.width_mm, self.height_mm = size_mm
        self._bytes = BytesIO()
        self._canvas = Canvas(
            self._bytes,
            pagesize=(self.width_mm * mm, self.height_mm * mm),
            invariant=1,
            pageCompression=1,
            initialFontName=letters.plain_font(),
        )
        self._canvas.setTitle(letters.clean(title))
        self._canvas.setAuthor(letters.clean(author))
        self._canvas.setCreator("Entrepot")
        self._canvas.setDateFormatter(lambda *_: f"D:{issued:%Y%m%d}000000Z")

    def text(
        self,
        at_mm: tuple[float, float],
        line: str,
        size_pt: float,
        *,
        bold: bool = False,
        align: Align = "left",
        room_mm: float | None = None,
        shade: float = BLACK,
    ) -> None:
        """Draw one line whose letters stand on the given height.

        room_mm  what is wider is cut with an ellipsis; None = drawn whole
        """
        x_mm, y_mm = at_mm
        shown = letters.clean(line)
        if room_mm is not None:
            shown = letters.shorten(shown, room_mm, size_pt, bold)
        if align != "left":
            wide = letters.width_mm(shown, size_pt, bold)
            x_mm -= wide if align == "right" else wide / 2
        self._canvas.setFillGray(shade)
        x = x_mm * mm
        for run in letters.runs(shown, bold):
            self._canvas.setFont(run.font, size_pt)
            self._canvas.drawString(x, self._up(y_mm), run.text)
            x += self._canvas.stringWidth(run.text, run.font, size_pt)

    def lines(
        self,
        at_mm: tuple[float, float],
        lines: Iterable[str],
        size_pt: float,
        *,
        bold: bool = False,
        align: Align = "left",
        room_mm: float | None = None,
        shade: float = BLACK,
    ) -> float:
        """Draw lines below a height; gives the height below them."""
        x_mm, y_mm = at_mm
        step_mm = letters.height_mm(1, size_pt)
        for line in lines:
            y_mm += step_mm
            baseline_mm = y_mm - 0.25 * step_mm
            self.text(
                (x_mm, baseline_mm),
                line,
                size_pt,
                bold=bold,
                align=align,
                room_mm=room_mm,
                shade=shade,
            )
        return y_mm

    def block(
        self,
        at_mm: tuple[float, float],
        heading: str,
        lines: Iterable[str],
        room_mm: tuple[float, float],
        sizes_pt: tuple[float, float],
    ) -> None:
        """Draw a small heading with lines below it, in the largest letters that fit the room.

        room_mm   width and height for the lines, the heading above not counted
        sizes_pt  largest and smallest letters
        """
        self.text(at_mm, heading, HEADING_PT, shade=GRAY, room_mm=room_mm[0])
        fitted = letters.fit(lines, room_mm, sizes_pt)
        self.lines((at_mm[0], at_mm[1] + 0.8), fitted.lines, fitted.size_pt)

    def fact(
        self, at_mm: tuple[float, float], heading: str, value: str, room_mm: float, size_pt: float
    ) -> None:
        """Draw a value with its small heading above; a long one in smaller letters, whole."""
        x_mm, y_mm = at_mm
        step_mm = letters.height_mm(1, size_pt)
        self.text((x_mm, y_mm), heading, size_pt * 0.75, shade=GRAY)
        shown = letters.clean(value)
        fitting = letters.fitting_pt(shown, room_mm, size_pt, SMALLEST_PT, bold=True)
        self.text((x_mm, y_mm + 1.3 * step_mm), shown, fitting, bold=True, room_mm=room_mm)

    def rule(
        self,
        from_mm: tuple[float, float],
        to_mm: tuple[float, float],
        width_mm: float = 0.2,
        shade: float = BLACK,
    ) -> None:
        """Draw a straight line."""
        self._canvas.setStrokeGray(shade)
        self._canvas.setLineWidth(width_mm * mm)
        self._canvas.line(from_mm[0] * mm, self._up(from_mm[1]), to_mm[0] * mm, self._up(to_mm[1]))

    def box(self, at_mm: tuple[float, float], size_mm: tuple[float, float], shade: float) -> None:
        """Fill a box whose upper left corner is given."""
        self._canvas.setFillGray(shade)
        self._canvas.rect(
            at_mm[0] * mm,
            self._up(at_mm[1] + size_mm[1]),
            size_mm[0] * mm,
            size_mm[1] * mm,
            stroke=0,
            fill=1,
        )

    def frame(self, at_mm: tuple[float, float], size_mm: tuple[float, float]) -> None:
        """Draw the outline of a box whose upper left corner is given."""
        self._canvas.setStrokeGray(BLACK)
        self._canvas.setLineWidth(0.3 * mm)
        self._canvas.rect(
            at_mm[0] * mm,
            self._up(at_mm[1] + size_mm[1]),
            size_mm[0] * mm,
            size_mm[1] * mm,
            stroke=1,
            fill=0,
        )

    def barcode(
        self,
        at_mm: tuple[float, float],
        content: str,
        *,
        height_mm: float,
        module_mm: float,
        room_mm: float | None = None,
        align: Align = "left",
    ) -> None:
        """Draw a Code 128 barcode below a height.

        content    ASCII; beginning with FNC1 it is a GS1-128 barcode
        module_mm  width of the narrowest bar; ten of them stay free on either side
        room_mm    for the bars; when they are wider, the narrowest bar becomes narrower
        Source: ISO/IEC 15417.
        """
        code = _code(content, height_mm)
        modules = code.width
        if room_mm is not None:
            module_mm = min(module_mm, room_mm / modules)
        code.barWidth = module_mm * mm
        x_mm, y_mm = at_mm
        if align != "left":
            x_mm -= modules * module_mm / (1 if align == "right" else 2)
        self._canvas.setFillGray(BLACK)
        code.drawOn(self._canvas, x_mm * mm, self._up(y_mm + height_mm))

    def next_page(self) -> None:
        """End this page and begin the next."""
        self._canvas.showPage()

    def finish(self) -> bytes:
        """End the last page; gives the PDF."""
        self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()

    def _up(self, y_mm: float) -> float:
        """PDF counts points from the lower left corner."""
        return float((self.height_mm - y_mm) * mm)


def modules_of(content: str) -> int:
    """How many of its narrowest bars a Code 128 barcode is wide."""
    return int(_code(content, 1.0).width)


def _code(content: str, height_mm: float) -> Code128:
    code = Code128(content, barWidth=1, barHeight=height_mm * mm, quiet=0)
    code.validate()
    assert code.valid, f"{content!r} has characters that Code 128 lacks"
    return code
