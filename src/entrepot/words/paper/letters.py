"""Text as it is drawn: which font has a character, how wide it is, where a line may break.

Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic letters come from DejaVu Sans,
Chinese, Japanese and Korean ones from WenQuanYi Micro Hei. Hebrew and Arabic are put into the
order in which they are seen, Arabic letters joined. What no font has is shown as a replacement
character, never left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from typing import NamedTuple

import arabic_reshaper  # type: ignore[import-untyped]
from bidi import get_display  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]

MM_PER_POINT = 25.4 / 72
LINE_SPACING = 1.25
"""Height of a line in sizes of its letters."""

ELLIPSIS = "…"
_REPLACEMENT = "\ufffd"
_PLAIN, _BOLD, _WIDE = "entrepot-plain", "entrepot-bold", "entrepot-wide"
_FILES = {_PLAIN: "DejaVuSans.ttf", _BOLD: "DejaVuSans-Bold.ttf", _WIDE: "wqy-microhei.ttc"}
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})


class Run(NamedTuple):
    """Characters in a row that one font has."""

    font: str
    text: str


@cache
def _font(name: str) -> TTFont:
    data = resources.files("entrepot.words.paper").joinpath("fonts", _FILES[name]).read_bytes()
    font = TTFont(name, BytesIO(data))
    pdfmetrics.registerFont(font)
    return font


def plain_font() -> str:
    """The name by which a canvas knows the font of plain letters."""
    return str(_font(_PLAIN).fontName)


@lru_cache(maxsize=65_536)
def _glyph(character: str, bold: bool) -> tuple[str, str, float]:
    """The font, the character as drawn, its width in sizes of the letters."""
    for candidate in (character, _REPLACEMENT):
        for name in (_BOLD if bold else _PLAIN, _WIDE):
            font = _font(name)
            if ord(candidate) in font.face.charToGlyph:
                return name, candidate, font.stringWidth(candidate, 1)
    raise AssertionError("the plain font has the replacement character")


def clean(text: str) -> str:
    """Text on one line: spaces and line breaks as single spaces, no control characters."""
    one_line = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(c for c in one_line if unicodedata.category(c) != "Cc")


def seen(text: str) -> str:
    """The characters in the order in which they are seen from left to right."""
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        text = str(get_display(arabic_reshaper.reshape(text)))
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def runs(text: str, bold: bool) -> list[Run]:
    """A line as it is drawn, by font."""
    found: list[Run] = []
    for character in seen(text):
        name, drawn, _ = _glyph(character, bold)
        if found and found[-1].font == name:
            found[-1] = Run(name, found[-1].text + drawn)
        else:
            found.append(Run(name, drawn))
    return found


def width_mm(text: str, size_pt: float, bold: bool = False) -> float:
    """How wide a line is."""
    return sum([_glyph(c, bold)[2] for c in seen(text)]) * size_pt * MM_PER_POINT


def height_mm(lines: int, size_pt: float) -> float:
    """How high so many lines are."""
    return lines * size_pt * LINE_SPACING * MM_PER_POINT


def wrap(
    text: str, room_mm: float, size_pt: float, bold: bool = False, lines_max: int | None = None
) -> tuple[str, ...]:
    """Text in lines no wider than the room, at least one.

    Lines break at spaces and between wide characters, inside a word only when it is wider than
    the room. With more than `lines_max` lines, the last one ends in an ellipsis.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(clean(text)):
        longer = line + piece
        if width_mm(longer.rstrip(), size_pt, bold) <= room_mm:
            line = longer
            continue
        if line.strip():
            lines.append(line.rstrip())
        *full, line = _broken(piece.lstrip(), room_mm, size_pt, bold)
        lines += full
    lines.append(line.rstrip())
    if lines_max is not None and len(lines) > lines_max:
        kept = lines[:lines_max]
        kept[-1] = shorten(kept[-1] + ELLIPSIS, room_mm, size_pt, bold)
        lines = kept
    return tuple(lines)


def _pieces(text: str) -> Iterator[str]:
    """What may not be divided between lines, each with the space before it."""
    piece = ""
    for character in text:
        wide = unicodedata.east_asian_width(character) in ("W", "F")
        if piece.strip() and (character == " " or wide):
            yield piece
            piece = ""
        piece += character
        if wide:
            yield piece
            piece = ""
    if piece:
        yield piece


def _broken(word: str, room_mm: float, size_pt: float, bold: bool) -> list[str]:
    """A word in pieces no wider than the room, of one character at least."""
    pieces = [""]
    for character in word:
        longer = pieces[-1] + character
        if pieces[-1] and width_mm(longer, size_pt, bold) > room_mm:
            pieces.append(character)
        else:
            pieces[-1] = longer
    return pieces


def shorten(text: str, room_mm: float, size_pt: float, bold: bool = False) -> str:
    """A line no wider than the room, ending in an ellipsis when it was cut."""
    line = clean(text)
    if width_mm(line, size_pt, bold) <= room_mm:
        return line
    line = line.removesuffix(ELLIPSIS)
    while line and width_mm(line + ELLIPSIS, size_pt, bold) > room_mm:
        line = line[:-1]
    return line.rstrip() + ELLIPSIS


def fitting_pt(
    line: str, room_mm: float, size_pt: float, smallest_pt: float, bold: bool = False
) -> float:
    """The size of letters, at most `size_pt`, in which a line is no wider than the room."""
    wide_mm = width_mm(line, size_pt, bold)
    if wide_mm <= room_mm:
        return size_pt
    # A hair less, so that the line is not cut for the rounding of its width.
    return max(smallest_pt, size_pt * room_mm / wide_mm * 0.999)


class Block(NamedTuple):
    """Lines that fit a room, with the size of their letters."""

    lines: tuple[str, ...]
    size_pt: float


def fit(
    lines: Iterable[str],
    room_mm: tuple[float, float],
    sizes_pt: tuple[float, float],
    bold: bool = False,
) -> Block:
    """Lines in the largest letters, half a point apart, in which all of them fit the room.

    room_mm   width, height
    sizes_pt  largest, smallest; in the smallest, what does not fit is cut with an ellipsis
    """
    wanted = [line for line in map(clean, lines) if line]
    width, height = room_mm
    size, smallest = sizes_pt
    while True:
        wrapped = [part for line in wanted for part in wrap(line, width, size, bold)]
        if height_mm(len(wrapped), size) <= height:
            return Block(tuple(wrapped), size)
        if size <= smallest:
            break
        size = max(smallest, size - 0.5)
    fitting = max(1, int(height / height_mm(1, size)))
    cut = wrapped[:fitting]
    cut[-1] = shorten(cut[-1] + ELLIPSIS, width, size, bold)
    return Block(tuple(cut), size)
