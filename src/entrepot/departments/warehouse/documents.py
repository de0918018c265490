"""The packing slip: what is in the cartons of a part, as a PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from entrepot.departments.warehouse.model import PackedCarton
from entrepot.words.paper import letters
from entrepot.words.paper.page import A4, GRAY, PALE, Paper
from entrepot.words.paper.table import Column, Table

MARGIN_MM = 18.0
FOOT_MM = 14.0
CARTONS_SHOWN_MAX = 24
_WIDTH_MM = A4[0] - 2 * MARGIN_MM
_COLUMNS = (
    Column("#", 12, "right"),
    Column("SKU", 34),
    Column("Item", 90),
    Column("Ordered", 19, "right"),
    Column("Packed", 19, "right"),
)


class SlipLine(NamedTuple):
    """A line of the part; `note` says why less is packed than was ordered."""

    line_no: int
    sku: str
    name: str
    ordered_each: int
    packed_each: int
    note: str = ""


class PackingSlip(NamedTuple):
    """What the slip says. Addresses are lines from the name to the country, as they are written.

    order_no   the order as its customer knows it; printed as a barcode too
    packed_on  the date of the document, in the zone of the node
    parts      how many parts the order has
    """

    retailer: str
    sender: tuple[str, ...]
    ship_to: tuple[str, ...]
    order_no: str
    part_no: int
    parts: int
    packed_on: date
    service: str
    lines: tuple[SlipLine, ...]
    cartons: tuple[PackedCarton, ...]
    message: str = ""


def packing_slip(slip: PackingSlip) -> bytes:
    """A PDF on A4 pages: head with both addresses, the lines, at the end the cartons.

    The same slip gives the same bytes.
    """
    assert slip.cartons, "a part is packed in at least one carton"
    paper = Paper(
        A4,
        title=f"Packing slip {slip.order_no}/{slip.part_no}",
        author=slip.retailer,
        issued=slip.packed_on,
    )
    table = Table(_COLUMNS, x_mm=MARGIN_MM, size_pt=8.5)
    rows = table.rows(_cells(slip.lines))
    end = _end_lines(slip)
    first_mm, next_mm = 95.0, MARGIN_MM + 10
    bottom_mm = A4[1] - MARGIN_MM - FOOT_MM
    pages = table.pages(
        rows,
        first_mm=bottom_mm - first_mm,
        next_mm=bottom_mm - next_mm,
        end_mm=letters.height_mm(len(end) + 3, 8),
    )
    for number, page in enumerate(pages, start=1):
        if number > 1:
            paper.next_page()
            _short_head(paper, slip)
        else:
            _head(paper, slip)
        y_mm = table.draw(paper, page, first_mm if number == 1 else next_mm)
        if number == len(pages):
            _end(paper, slip, end, y_mm)
        _foot(paper, slip, number, len(pages))
    return paper.finish()


def _cells(lines: Sequence[SlipLine]) -> list[tuple[str, ...]]:
    return [
        (
            str(line.line_no),
            line.sku,
            f"{line.name} ({line.note})" if line.note else line.name,
            f"{line.ordered_each:,}",
            f"{line.packed_each:,}",
        )
        for line in lines
    ]


def _end_lines(slip: PackingSlip) -> list[str]:
    """What stands below the table: the cartons, then the message."""
    shown = slip.cartons[:CARTONS_SHOWN_MAX]
    lines = [f"(00){c.sscc}, {kilograms(c.mass_g)}" for c in shown]
    if len(slip.cartons) > len(shown):
        lines.append(f"and {len(slip.cartons) - len(shown):,} more")
    return [*lines, *(["", *letters.wrap(slip.message, _WIDTH_MM, 8)] if slip.message else [])]


def kilograms(mass_g: int) -> str:
    """A mass for people: "2.350 kg"."""
    return f"{mass_g // 1_000:,}.{mass_g % 1_000:03} kg"


def _head(paper: Paper, slip: PackingSlip) -> None:
    right_mm = A4[0] - MARGIN_MM
    paper.text((MARGIN_MM, 26), slip.retailer, 15, bold=True, room_mm=95)
    paper.text((right_mm, 26), "Packing slip", 15, align="right")
    if slip.order_no.isascii():
        paper.barcode(
            (right_mm, 30), slip.order_no, height_mm=9, module_mm=0.25, room_mm=85, align="right"
        )
    paper.block((MARGIN_MM, 47), "From", slip.sender, (75, 26), (8.5, 6))
    paper.block((105, 47), "Deliver to", slip.ship_to, (87, 26), (10, 6))
    paper.box((MARGIN_MM, 77), (_WIDTH_MM, 12), PALE)
    mass_g = sum(c.mass_g for c in slip.cartons)
    facts = (
        ("Order", slip.order_no, 66.0),
        ("Part", f"{slip.part_no} of {slip.parts}", 17.0),
        ("Packed on", slip.packed_on.isoformat(), 23.0),
        ("Cartons", f"{len(slip.cartons):,}", 15.0),
        ("Mass", kilograms(mass_g), 20.0),
        ("Service", slip.service, 31.5),
    )
    x_mm = MARGIN_MM + 1.5
    for heading, value, wide_mm in facts:
        paper.fact((x_mm, 81), heading, value, wide_mm - 2, 8.5)
        x_mm += wide_mm


def _short_head(paper: Paper, slip: PackingSlip) -> None:
    paper.text((MARGIN_MM, 22), slip.retailer, 9, bold=True, room_mm=80)
    words = f"Order {slip.order_no}, part {slip.part_no} of {slip.parts}"
    paper.text((A4[0] - MARGIN_MM, 22), words, 9, align="right", room_mm=90)


def _end(paper: Paper, slip: PackingSlip, lines: Sequence[str], y_mm: float) -> None:
    heading = "Carton" if len(slip.cartons) == 1 else f"{len(slip.cartons):,} cartons"
    paper.text((MARGIN_MM, y_mm + 7), heading, 8, bold=True)
    paper.lines((MARGIN_MM, y_mm + 8), lines, 8, room_mm=_WIDTH_MM)


def _foot(paper: Paper, slip: PackingSlip, number: int, pages: int) -> None:
    y_mm = A4[1] - MARGIN_MM
    paper.rule((MARGIN_MM, y_mm - 5), (A4[0] - MARGIN_MM, y_mm - 5), 0.1)
    paper.text((MARGIN_MM, y_mm), f"Packing slip {slip.order_no}/{slip.part_no}", 7, shade=GRAY)
    words = f"Page {number} of {pages}"
    paper.text((A4[0] - MARGIN_MM, y_mm), words, 7, align="right", shade=GRAY)
