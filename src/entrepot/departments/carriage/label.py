"""The shipping label: what is stuck on a carton, as a PDF.

Source: GS1 General Specifications, sections 3.2 (SSCC) and 6.6 (logistic labels): an SSCC is a
GS1-128 barcode with a narrowest bar of 0.495 mm or more and bars at least 31.75 mm high.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from entrepot.words.paper import letters
from entrepot.words.paper.page import A6, BLACK, FNC1, GRAY, WHITE, Paper, modules_of

MARGIN_MM = 6.0
READABLE_MODULE_MM = 0.19
SSCC_MODULE_MM = 0.5
SSCC_BARS_MM = 32.0
SSCC_APPLICATION = "00"
_WIDTH_MM = A6[0] - 2 * MARGIN_MM
_RIGHT_MM = A6[0] - MARGIN_MM


class ShippingLabel(NamedTuple):
    """What a label says. Addresses are lines from the name to the place, as they are written.

    country     of the destination, as the carrier wants it written
    carton_no   which of the part's `cartons` it is
    shipped_on  the date of the label, in the zone of the node
    """

    sender: tuple[str, ...]
    ship_to: tuple[str, ...]
    country: str
    carrier: str
    service: str
    order_no: str
    part_no: int
    carton_no: int
    cartons: int
    mass_g: int
    sscc: str
    tracking_no: str
    shipped_on: date


def shipping_label(label: ShippingLabel) -> bytes:
    """A PDF of one page of A6, for label printers and for plain ones.

    The tracking number gets a barcode of its own when it is not the SSCC, and not so long that no
    scanner could read it. The same label gives the same bytes.
    """
    paper = Paper(
        A6,
        title=f"Shipping label {label.sscc}",
        author=label.sender[0] if label.sender else label.carrier,
        issued=label.shipped_on,
    )
    _head(paper, label)
    _destination(paper, label)
    _facts(paper, label)
    _tracking(paper, label)
    _sscc(paper, label)
    return paper.finish()


def _head(paper: Paper, label: ShippingLabel) -> None:
    paper.block((MARGIN_MM, 8), "From", label.sender, (50, 13), (7, 4.5))
    paper.box((60, 4), (A6[0] - 60, 18), BLACK)
    name = letters.fit([label.carrier], (A6[0] - 64, 7), (12, 7), bold=True)
    paper.lines((62, 5), name.lines, name.size_pt, bold=True, shade=WHITE)
    service = letters.fit([label.service], (A6[0] - 64, 8), (10, 6))
    paper.lines((62, 12.5), service.lines, service.size_pt, shade=WHITE)
    paper.rule((0, 24), (A6[0], 24), 0.4)


def _destination(paper: Paper, label: ShippingLabel) -> None:
    paper.block((MARGIN_MM, 28), "To", label.ship_to, (_WIDTH_MM, 31), (14, 6))
    country = letters.fit([label.country.upper()], (_WIDTH_MM, 6.5), (15, 8), bold=True)
    paper.lines((MARGIN_MM, 60), country.lines, country.size_pt, bold=True)
    paper.rule((0, 68), (A6[0], 68), 0.4)


def _facts(paper: Paper, label: ShippingLabel) -> None:
    carton = f"{label.carton_no} of {label.cartons}"
    mass = f"{label.mass_g // 1_000:,}.{label.mass_g % 1_000:03} kg"
    order = f"{label.order_no}/{label.part_no}"
    x_mm = MARGIN_MM
    for heading, value, wide_mm in (
        ("Order", order, 43.0),
        ("Carton", carton, 16.0),
        ("Mass", mass, 17.0),
        ("Shipped", label.shipped_on.isoformat(), 17.0),
    ):
        paper.fact((x_mm, 71.5), heading, value, wide_mm - 1.5, 7)
        x_mm += wide_mm
    paper.rule((0, 78), (A6[0], 78), 0.4)


def _tracking(paper: Paper, label: ShippingLabel) -> None:
    paper.text((MARGIN_MM, 82), "Tracking number", 5.5, shade=GRAY)
    number = letters.fit([label.tracking_no], (_WIDTH_MM, 6), (12, 6), bold=True)
    middle_mm = A6[0] / 2
    room_mm = _WIDTH_MM - 6
    too_fine = modules_of(label.tracking_no) * READABLE_MODULE_MM > room_mm
    if label.tracking_no == label.sscc or too_fine:
        paper.lines((middle_mm, 86), number.lines, number.size_pt, bold=True, align="center")
    else:
        paper.barcode(
            (middle_mm, 84),
            label.tracking_no,
            height_mm=10,
            module_mm=0.33,
            room_mm=room_mm,
            align="center",
        )
        paper.lines((middle_mm, 94.5), number.lines, number.size_pt, bold=True, align="center")
    paper.rule((0, 101), (A6[0], 101), 0.4)


def _sscc(paper: Paper, label: ShippingLabel) -> None:
    middle_mm = A6[0] / 2
    paper.barcode(
        (middle_mm, 104),
        f"{FNC1}{SSCC_APPLICATION}{label.sscc}",
        height_mm=SSCC_BARS_MM,
        module_mm=SSCC_MODULE_MM,
        align="center",
    )
    words = f"({SSCC_APPLICATION}){label.sscc}"
    paper.text((middle_mm, 141.5), words, 11, align="center", room_mm=_WIDTH_MM)
    paper.text((_RIGHT_MM, 146), "SSCC", 5, align="right", shade=GRAY)
