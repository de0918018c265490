"""Reading PDFs back: their text, their barcodes, whether anything is drawn past the page."""

from __future__ import annotations

from typing import NamedTuple

import pypdfium2  # type: ignore[import-untyped]
import zxingcpp

POINTS_PER_INCH = 72


class Barcode(NamedTuple):
    """A barcode as a scanner reads it; FNC1 at its beginning is told by the format."""

    kind: str
    text: str


def texts(pdf: bytes) -> list[str]:
    """The text of each page, one line per line."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_bounded().replace("\r", "") for page in document]


def sizes_mm(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each page, in whole millimeters."""
    document = pypdfium2.PdfDocument(pdf)
    return [
        (round(w / POINTS_PER_INCH * 25.4), round(h / POINTS_PER_INCH * 25.4))
        for w, h in (page.get_size() for page in document)
    ]


def barcodes(pdf: bytes, page: int = 0, dpi: int = 203) -> list[Barcode]:
    """What a scanner reads on a page as a label printer of `dpi` prints it."""
    found = pypdfium2.PdfDocument(pdf)[page]
    image = found.render(scale=dpi / POINTS_PER_INCH, grayscale=True).to_numpy()
    read = zxingcpp.read_barcodes(image.squeeze())
    return [Barcode(str(b.symbology_identifier), b.text) for b in read]


def past_the_edge(pdf: bytes) -> list[str]:
    """Characters whose box is not wholly on its page."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        width, height = page.get_size()
        read = page.get_textpage()
        for index in range(read.count_chars()):
            left, bottom, right, top = read.get_charbox(index)
            if left < 0 or bottom < 0 or right > width or top > height:
                found.append(read.get_text_range(index, 1))
    return found
