"""The invoice: what an order costs its customer, as a PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from entrepot.words.money import Money, format_amount
from entrepot.words.paper import letters
from entrepot.words.paper.page import A4, GRAY, PALE, Paper
from entrepot.words.paper.table import Column, Table

MARGIN_MM = 18.0
FOOT_MM = 16.0
FIRST_MM = 108.0
NEXT_MM = 28.0
_WIDTH_MM = A4[0] - 2 * MARGIN_MM
_RIGHT_MM = A4[0] - MARGIN_MM
_COLUMNS = (
    Column("#", 11, "right"),
    Column("SKU", 30),
    Column("Item", 69),
    Column("Quantity", 18, "right"),
    Column("Price", 21, "right"),
    Column("Amount", 25, "right"),
)


class InvoiceLine(NamedTuple):
    """A line; `unit_price_minor` is per each, tax included."""

    line_no: int
    sku: str
    name: str
    quantity_each: int
    unit_price_minor: int

    @property
    def amount_minor(self) -> int:
        """What the line costs."""
        return self.quantity_each * self.unit_price_minor


class IncludedTax(NamedTuple):
    """A tax that the total holds, with what it is called, such as "VAT 20 %"."""

    name: str
    amount_minor: int


class Invoice(NamedTuple):
    """What the invoice says. Addresses are lines from the name to the country.

    issued_on       the date of the invoice, and of the PDF
    discount_minor  taken off, 0 or more
    taxes           those that the total holds
    notes           terms of payment and what else the law wants said
    registration    the line of the seller's numbers at the foot of each page
    """

    seller: tuple[str, ...]
    bill_to: tuple[str, ...]
    ship_to: tuple[str, ...]
    invoice_no: str
    order_no: str
    issued_on: date
    supplied_on: date | None
    currency: str
    lines: tuple[InvoiceLine, ...]
    shipping_minor: int = 0
    discount_minor: int = 0
    taxes: tuple[IncludedTax, ...] = ()
    notes: tuple[str, ...] = ()
    registration: str = ""

    @property
    def items_minor(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.items_minor + self.shipping_minor - self.discount_minor


def invoice_pdf(invoice: Invoice) -> bytes:
    """A PDF on A4 pages: head with the addresses, the lines, at the end the sums.

    The same invoice gives the same bytes.
    """
    seller = invoice.seller[0] if invoice.seller else ""
    title = f"Invoice {invoice.invoice_no}"
    paper = Paper(A4, title=title, author=seller, issued=invoice.issued_on)
    table = Table(_COLUMNS, x_mm=MARGIN_MM, size_pt=8.5)
    notes = [part for note in invoice.notes for part in letters.wrap(note, _WIDTH_MM, 8)]
    sums = _sums(invoice)
    bottom_mm = A4[1] - MARGIN_MM - FOOT_MM
    pages = table.pages(
        table.rows(_cells(invoice)),
        first_mm=bottom_mm - FIRST_MM,
        next_mm=bottom_mm - NEXT_MM,
        end_mm=6.0 * len(sums) + 14 + letters.height_mm(len(notes), 8),
    )
    for number, page in enumerate(pages, start=1):
        if number == 1:
            _head(paper, invoice)
        else:
            paper.next_page()
            paper.text((MARGIN_MM, 22), seller, 9, bold=True, room_mm=80)
            paper.text((_RIGHT_MM, 22), title, 9, align="right", room_mm=90)
        y_mm = table.draw(paper, page, FIRST_MM if number == 1 else NEXT_MM)
        if number == len(pages):
            y_mm = _draw_sums(paper, sums, y_mm)
            paper.lines((MARGIN_MM, y_mm + 4), notes, 8)
        _foot(paper, invoice, f"Page {number} of {len(pages)}")
    return paper.finish()


def _amount(invoice: Invoice, amount_minor: int) -> str:
    """An amount with commas between thousands."""
    text = format_amount(Money(abs(amount_minor), invoice.currency))
    whole, point, decimals = text.partition(".")
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{int(whole):,}{point}{decimals}"


def _cells(invoice: Invoice) -> list[tuple[str, ...]]:
    return [
        (
            str(line.line_no),
            line.sku,
            line.name,
            f"{line.quantity_each:,}",
            _amount(invoice, line.unit_price_minor),
            _amount(invoice, line.amount_minor),
        )
        for line in invoice.lines
    ]


class _Sum(NamedTuple):
    """A line below the table; the total is bold."""

    words: str
    amount: str
    is_total: bool = False


def _sums(invoice: Invoice) -> list[_Sum]:
    sums = [_Sum("Items", _amount(invoice, invoice.items_minor))]
    if invoice.discount_minor:
        sums.append(_Sum("Discount", _amount(invoice, -invoice.discount_minor)))
    sums.append(_Sum("Delivery", _amount(invoice, invoice.shipping_minor)))
    total = f"{_amount(invoice, invoice.total_minor)} {invoice.currency}"
    sums.append(_Sum("Total", total, is_total=True))
    return sums + [
        _Sum(f"{tax.name} included", _amount(invoice, tax.amount_minor)) for tax in invoice.taxes
    ]


def _draw_sums(paper: Paper, sums: Sequence[_Sum], y_mm: float) -> float:
    left_mm = _RIGHT_MM - 80
    y_mm += 7
    for entry in sums:
        size_pt = 10.5 if entry.is_total else 8.5
        if entry.is_total:
            y_mm += 2
            paper.box((left_mm, y_mm - 5.2), (80, 8), PALE)
        bold = entry.is_total
        paper.text((left_mm + 2, y_mm), entry.words, size_pt, bold=bold, room_mm=38)
        paper.text((_RIGHT_MM - 1.5, y_mm), entry.amount, size_pt, bold=bold, align="right")
        y_mm += 8.5 if entry.is_total else 6
    return y_mm


def _head(paper: Paper, invoice: Invoice) -> None:
    name, *rest = invoice.seller or ("",)
    paper.text((MARGIN_MM, 26), name, 15, bold=True, room_mm=105)
    paper.text((_RIGHT_MM, 26), "Invoice", 15, align="right")
    block = letters.fit(rest, (80, 18), (8, 6))
    paper.lines((MARGIN_MM, 28), block.lines, block.size_pt, shade=GRAY)
    paper.block((MARGIN_MM, 54), "Bill to", invoice.bill_to, (82, 28), (10, 6))
    paper.block((110, 54), "Deliver to", invoice.ship_to, (82, 28), (10, 6))
    paper.box((MARGIN_MM, 88), (_WIDTH_MM, 12), PALE)
    supplied = invoice.supplied_on.isoformat() if invoice.supplied_on else "as delivered"
    x_mm = MARGIN_MM + 1.5
    for heading, value, wide_mm in (
        ("Invoice", invoice.invoice_no, 42.0),
        ("Order", invoice.order_no, 66.0),
        ("Date", invoice.issued_on.isoformat(), 25.0),
        ("Supplied", supplied, 25.0),
        ("Currency", invoice.currency, 14.0),
    ):
        paper.fact((x_mm, 92), heading, value, wide_mm - 2, 8.5)
        x_mm += wide_mm


def _foot(paper: Paper, invoice: Invoice, words: str) -> None:
    y_mm = A4[1] - MARGIN_MM
    paper.rule((MARGIN_MM, y_mm - 5), (_RIGHT_MM, y_mm - 5), 0.1)
    paper.text((MARGIN_MM, y_mm), invoice.registration, 7, shade=GRAY, room_mm=_WIDTH_MM - 25)
    paper.text((_RIGHT_MM, y_mm), words, 7, align="right", shade=GRAY)
