"""The packing slip says what is in the cartons, however much it is and in whatever script."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from entrepot.departments.warehouse.documents import PackingSlip, SlipLine, packing_slip
from entrepot.departments.warehouse.model import PackedCarton
from entrepot.words.identifiers import make_sscc
from tests.pdf import Barcode, barcodes, past_the_edge, sizes_mm, texts

ORDER_NO = "00SHH-D57G0-AQGVV-R14D2-PF2DB"
CARTONS = tuple(PackedCarton(make_sscc(0, "4006381", n), 2_000 + n) for n in range(2))


def line(number: int, name: str = "Teapot", **changes: Any) -> SlipLine:
    wanted: dict[str, Any] = {"ordered_each": 3, "packed_each": 3}
    return SlipLine(number, f"SKU-{number:04}", name, **{**wanted, **changes})


def slip(**changes: Any) -> PackingSlip:
    wanted: dict[str, Any] = {
        "retailer": "Gifts & Things",
        "sender": ("Gifts & Things Ltd", "Unit 7", "Leeds LS11 5QT"),
        "ship_to": ("Eleanor Whitcombe", "27 Bridge Street", "Norwich NR3 1AB"),
        "order_no": ORDER_NO,
        "part_no": 1,
        "parts": 2,
        "packed_on": date(2026, 3, 2),
        "service": "Parcel",
        "lines": (line(1), line(2)),
        "cartons": CARTONS,
    }
    return PackingSlip(**{**wanted, **changes})


def test_it_says_what_is_in_the_cartons() -> None:
    short = line(2, "Saucer", ordered_each=1_200, packed_each=1_199, note="1 to follow")
    pdf = packing_slip(slip(lines=(line(1), short), message="Thank you"))
    assert sizes_mm(pdf) == [(210, 297)]
    (page,) = texts(pdf)
    for said in (
        ORDER_NO,
        "1 of 2",
        "2026-03-02",
        "4.001 kg",
        "Eleanor Whitcombe",
        "1 SKU-0001 Teapot 3 3",
        "2 SKU-0002 Saucer (1 to follow) 1,200 1,199",
        f"(00){CARTONS[0].sscc}, 2.000 kg",
        f"(00){CARTONS[1].sscc}, 2.001 kg",
        "Thank you",
        "Page 1 of 1",
    ):
        assert said in page, said
    assert barcodes(pdf) == [Barcode("]C0", ORDER_NO)]
    assert past_the_edge(pdf) == []


def test_equal_slips_are_equal_bytes_in_any_thread() -> None:
    other = packing_slip(slip(ship_to=("深圳市", "Αθήνα"), packed_on=date(2026, 3, 3)))
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(packing_slip, [slip()] * 24))
    assert len(made) == 1 and other not in made
    assert b"20260302" in next(iter(made)) and b"20260303" in other


def test_seven_hundred_lines_go_over_pages() -> None:
    lines = tuple(line(n, "A name that is a good deal longer " * (n % 4)) for n in range(1, 701))
    pages = texts(pdf := packing_slip(slip(lines=lines)))
    assert len(pages) > 15 and past_the_edge(pdf) == []
    everything = "\n".join(pages)
    assert all(f"SKU-{n:04}" in everything for n in range(1, 701))
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Ordered" in page and ORDER_NO in page


def test_long_and_foreign_names_are_drawn_whole_and_inside_the_page() -> None:
    lines = (
        line(1, "Extraordinary " * 20),
        line(2, "Donaudampfschifffahrtsgesellschaftskapitän" * 4),
        line(3, "手作り陶器マグカップ（青）"),
        line(4, "Ваза «Снежинка»", ordered_each=1_000_000_000, packed_each=1_000_000_000),
    )
    pdf = packing_slip(
        slip(
            lines=lines,
            retailer="R" * 200,
            sender=("S" * 100,) * 9,
            ship_to=("Bartholomäus von und zu Hohenlohe-Waldenburg-Schillingsfürst",) * 9,
            service="by the longest way that any carrier has ever had a name for",
            order_no="an order number of " + "9" * 45,
        )
    )
    (page,) = texts(pdf)
    assert past_the_edge(pdf) == []
    assert "手作り陶器マグカップ" in page and "Ваза «Снежинка» 1,000,000,000 1,000,000,000" in page
    assert page.count("Extraordinary") == 20


def test_many_cartons_are_counted_not_listed() -> None:
    cartons = tuple(PackedCarton(make_sscc(0, "4006381", n), 1) for n in range(1_000))
    pages = texts(pdf := packing_slip(slip(cartons=cartons)))
    assert "and 976 more" in "\n".join(pages) and past_the_edge(pdf) == []
