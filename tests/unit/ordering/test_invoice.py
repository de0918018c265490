"""The invoice adds up, over as many pages as it needs, in any currency and script."""

from __future__ import annotations

from datetime import date
from typing import Any

from entrepot.departments.ordering.invoice import (
    IncludedTax,
    Invoice,
    InvoiceLine,
    invoice_pdf,
)
from tests.pdf import past_the_edge, sizes_mm, texts

ADDRESS = ("Eleanor Whitcombe", "27 Bridge Street", "Norwich NR3 1AB", "United Kingdom")


def line(number: int, quantity_each: int = 2, unit_price_minor: int = 1_250) -> InvoiceLine:
    return InvoiceLine(number, f"SKU-{number:04}", "Teapot", quantity_each, unit_price_minor)


def invoice(**changes: Any) -> Invoice:
    wanted: dict[str, Any] = {
        "seller": ("Gifts & Things Ltd", "Unit 7", "Leeds LS11 5QT"),
        "bill_to": ADDRESS,
        "ship_to": ADDRESS,
        "invoice_no": "INV-2026-004711",
        "order_no": "00SHH-D57G0-AQGVV-R14D2-PF2DB",
        "issued_on": date(2026, 3, 2),
        "supplied_on": date(2026, 3, 5),
        "currency": "GBP",
        "lines": (line(1), line(2, 1_000, 199)),
    }
    return Invoice(**{**wanted, **changes})


def test_it_says_what_is_to_be_paid() -> None:
    full = invoice(
        shipping_minor=495,
        discount_minor=1_000,
        taxes=(IncludedTax("VAT 20 %", 33_300),),
        notes=("Payment was taken from your card.",),
        registration="Registered in England 01234567",
    )
    assert full.items_minor == 201_500 and full.total_minor == 200_995
    pdf = invoice_pdf(full)
    assert sizes_mm(pdf) == [(210, 297)]
    (page,) = texts(pdf)
    for said in (
        "INV-2026-004711",
        "00SHH-D57G0-AQGVV-R14D2-PF2DB",
        "2026-03-02",
        "2026-03-05",
        "1 SKU-0001 Teapot 2 12.50 25.00",
        "2 SKU-0002 Teapot 1,000 1.99 1,990.00",
        "Items 2,015.00",
        "Discount -10.00",
        "Delivery 4.95",
        "Total 2,009.95 GBP",
        "VAT 20 % included 333.00",
        "Payment was taken from your card.",
        "Registered in England 01234567 Page 1 of 1",
    ):
        assert said in page, said
    assert past_the_edge(pdf) == []


def test_amounts_have_the_decimals_of_their_currency() -> None:
    (yen,) = texts(invoice_pdf(invoice(currency="JPY", lines=(line(1, 3, 1_234_567),))))
    assert "1,234,567 3,703,701" in yen and "Total 3,703,701 JPY" in yen
    (dinar,) = texts(invoice_pdf(invoice(currency="KWD", lines=(line(1, 1, 5),))))
    assert "Total 0.005 KWD" in dinar
    (zero,) = texts(invoice_pdf(invoice(lines=(line(1, 1, 0),))))
    assert "Total 0.00 GBP" in zero


def test_seven_hundred_lines_go_over_pages() -> None:
    long = invoice(
        lines=tuple(line(n) for n in range(1, 701)),
        notes=("Payable within 30 days. " * 12,),
    )
    pages = texts(pdf := invoice_pdf(long))
    everything = "\n".join(pages)
    assert len(pages) > 15 and past_the_edge(pdf) == []
    assert all(f"SKU-{n:04}" in everything for n in range(1, 701))
    assert "Total 17,500.00 GBP" in pages[-1] and "Total " not in "".join(pages[:-1])
    assert all(f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1))


def test_sums_never_stand_alone_on_a_page() -> None:
    for count in range(20, 45):
        pages = texts(invoice_pdf(invoice(lines=tuple(line(n) for n in range(1, count + 1)))))
        assert "SKU-" in pages[-1] and "Total" in pages[-1]


def test_equal_invoices_are_equal_bytes() -> None:
    assert invoice_pdf(invoice()) == invoice_pdf(invoice())
    assert invoice_pdf(invoice()) != invoice_pdf(invoice(issued_on=date(2026, 3, 3)))


def test_long_and_foreign_words_stay_on_the_page() -> None:
    strange = InvoiceLine(1, "S" * 64, "手作り陶器マグカップ " * 20, 10**9, 10**6)
    pdf = invoice_pdf(
        invoice(
            lines=(strange,),
            seller=("N" * 120, *("address " * 30,) * 5),
            bill_to=("Прекрасный магазин подарков «Снежинка»",) * 12,
            ship_to=("深圳市南山区科技园路一号大厦三十二层",) * 3,
            invoice_no="I" * 60,
            registration="r" * 300,
            supplied_on=None,
        )
    )
    assert past_the_edge(pdf) == []
    assert "10,000,000,000,000.00" in texts(pdf)[0]
