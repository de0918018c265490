"""Text as it is drawn: fonts for every script, widths, line breaks, tables over pages."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.words.paper import letters
from entrepot.words.paper.page import A4, FNC1, Paper, modules_of
from entrepot.words.paper.table import CELL_LINES_MAX, Column, Row, Table
from tests.pdf import Barcode, barcodes, past_the_edge, texts

DAY = date(2026, 3, 2)
SCRIPTS = {
    "Latin": "Łódź žluťoučký Ærøskøbing Nguyễn",
    "Greek": "Αθήνα, Οδός Ερμού",
    "Cyrillic": "Улица Победы",
    "Armenian": "Երևան",
    "Georgian": "თბილისი",
    "Chinese": "深圳市龍華區",
    "Japanese": "東京都さくら通り",
    "Korean": "서울특별시",
    "money": "€ £ ¥ ₹ ₽",
}
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


def paper() -> Paper:
    return Paper(A4, title="Test", author="Test", issued=DAY)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("bold", [False, True])
def test_every_script_is_drawn_with_its_letters(script: str, bold: bool) -> None:
    sheet = paper()
    sheet.text((20, 20), SCRIPTS[script], 12, bold=bold)
    (found,) = texts(sheet.finish())
    assert found.strip() == SCRIPTS[script]


def test_right_to_left_is_seen_from_right_to_left() -> None:
    assert letters.seen("שלום abc") == "abc םולש"
    joined = letters.seen("سلام")
    assert joined != "سلام"[::-1] and len(joined) == 3, "letters are joined, laam and alif one"
    assert letters.seen("abc 12") == "abc 12"
    sheet = paper()
    sheet.text((20, 20), "רחוב דיזנגוף", 12)
    assert texts(sheet.finish())[0].strip() == "רחוב דיזנגוף"


def test_what_no_font_has_is_seen_to_be_missing() -> None:
    (run,) = letters.runs("กข", bold=False)
    assert run.text == "\ufffd\ufffd"


def test_text_is_cleaned() -> None:
    assert letters.clean(" a\tb\n\nc\x00\x07 ") == "a b c"
    assert letters.clean("e\u0301") == "é"
    assert letters.runs("a\u200b\u200eb", bold=False)[0].text == "ab"


@given(TEXT, st.integers(10, 80), st.booleans())
def test_lines_fit_their_room_and_lose_nothing(text: str, room_mm: int, bold: bool) -> None:
    lines = letters.wrap(text, room_mm, 9, bold)
    assert lines
    assert "".join("".join(lines).split()) == "".join(letters.clean(text).split())
    for line in lines:
        assert letters.width_mm(line, 9, bold) <= room_mm + 0.001


@given(TEXT, st.integers(10, 80))
def test_a_short_line_fits_its_room(text: str, room_mm: int) -> None:
    line = letters.shorten(text, room_mm, 9)
    assert letters.width_mm(line, 9) <= room_mm + 0.001
    whole = letters.clean(text)
    assert line == whole or line.endswith(letters.ELLIPSIS)


def test_lines_break_at_spaces_and_between_wide_characters() -> None:
    assert letters.wrap("one two three", 20, 10) == ("one two", "three")
    assert letters.wrap("深圳市南山区科技园路", 15, 10) == ("深圳市南", "山区科技", "园路")
    broken = letters.wrap("Donaudampfschifffahrtsgesellschaft", 20, 10)
    assert len(broken) == 4 and "".join(broken) == "Donaudampfschifffahrtsgesellschaft"
    assert letters.wrap("", 20, 10) == ("",)
    cut = letters.wrap("one two three four five six", 20, 10, lines_max=2)
    assert cut == ("one two", "three fou…")


def test_letters_become_smaller_until_all_fits() -> None:
    large = letters.fit(["Short"], (80, 30), (14, 6))
    assert large == letters.Block(("Short",), 14)
    smaller = letters.fit(["A rather long line of an address"] * 6, (60, 30), (14, 6))
    assert 6 <= smaller.size_pt < 14 and len(smaller.lines) == 6
    cut = letters.fit([f"Line {n} " + "x" * 40 for n in range(40)], (40, 10), (14, 6))
    assert cut.size_pt == 6 and cut.lines[-1].endswith(letters.ELLIPSIS)
    assert letters.height_mm(len(cut.lines), 6) <= 10
    assert letters.fit(["", "  "], (40, 10), (14, 6)) == letters.Block((), 14)


def test_barcodes_are_read_as_they_were_given() -> None:
    sheet = paper()
    sheet.barcode((30, 30), "O-1/2 abc", height_mm=10, module_mm=0.33)
    sheet.barcode((30, 60), f"{FNC1}00340063810000000012", height_mm=32, module_mm=0.5)
    wide = "W" * 40
    sheet.barcode((105, 120), wide, height_mm=10, module_mm=0.5, room_mm=120, align="center")
    assert set(barcodes(sheet.finish(), dpi=300)) == {
        Barcode("]C0", "O-1/2 abc"),
        Barcode("]C1", "(00)340063810000000012"),
        Barcode("]C0", wide),
    }
    # Start, FNC1, ten pairs of digits and check of 11 modules each, stop of 13.
    assert modules_of(f"{FNC1}00340063810000000012") == 13 * 11 + 13
    with pytest.raises(AssertionError, match="Code 128 lacks"):
        modules_of("Ü")


def table() -> Table:
    return Table([Column("#", 20, "right"), Column("Item", 60)], x_mm=20, size_pt=9)


def test_a_table_goes_on_over_pages() -> None:
    rows = table().rows([(str(n), f"Item {n}") for n in range(1, 101)])
    high = rows[0].height_mm
    head = table().head_mm
    first, second = head + 30.5 * high, head + 50.5 * high
    pages = table().pages(rows, first_mm=first, next_mm=second, end_mm=0)
    assert [len(page) for page in pages] == [30, 50, 20]
    assert [row for page in pages for row in page] == rows
    with_end = table().pages(rows, first_mm=first, next_mm=second, end_mm=31 * high)
    assert [len(page) for page in with_end] == [30, 50, 19, 1], "the end is never alone"
    assert table().pages([], first_mm=first, next_mm=second, end_mm=5) == [[]]


@given(
    st.lists(st.integers(1, 40), max_size=60),
    st.integers(50, 200),
    st.integers(100, 250),
    st.integers(0, 50),
)
def test_no_page_of_a_table_is_too_full(
    heights: list[int], first: int, following: int, end: int
) -> None:
    rows = [Row((("1",), ("x",)), float(h)) for h in heights]
    pages = table().pages(rows, first_mm=first, next_mm=following, end_mm=end)
    assert [row for page in pages for row in page] == rows
    for number, page in enumerate(pages):
        room = (following if number else first) - table().head_mm
        used = sum(row.height_mm for row in page)
        assert used + (end if number == len(pages) - 1 and rows else 0) <= room
        assert page or number == 0


def test_a_long_cell_has_a_last_line_and_a_long_number_is_whole() -> None:
    (row,) = table().rows([("1,000,000,000,000,000,000", "word " * 200)])
    assert row.cells[0] == ("1,000,000,000,000,000,000",)
    assert len(row.cells[1]) == CELL_LINES_MAX and row.cells[1][-1].endswith("…")
    sheet = paper()
    table().draw(sheet, [row], 20)
    pdf = sheet.finish()
    assert "1,000,000,000,000,000,000" in texts(pdf)[0] and past_the_edge(pdf) == []
