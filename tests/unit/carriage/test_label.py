"""The shipping label is read by scanners and by people."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from entrepot.departments.carriage.label import (
    SSCC_BARS_MM,
    SSCC_MODULE_MM,
    ShippingLabel,
    shipping_label,
)
from entrepot.words.identifiers import make_sscc
from tests.pdf import Barcode, barcodes, past_the_edge, sizes_mm, texts

SSCC = make_sscc(3, "4006381", 41)
SSCC_CODE = Barcode("]C1", f"(00){SSCC}")


def label(**changes: Any) -> ShippingLabel:
    wanted: dict[str, Any] = {
        "sender": ("Gifts & Things Ltd", "Unit 7", "Leeds LS11 5QT", "United Kingdom"),
        "ship_to": ("Eleanor Whitcombe", "27 Bridge Street", "Norwich NR3 1AB"),
        "country": "United Kingdom",
        "carrier": "Royal Parcel",
        "service": "Tracked 48",
        "order_no": "00SHH-D57G0-AQGVV-R14D2-PF2DB",
        "part_no": 1,
        "carton_no": 2,
        "cartons": 3,
        "mass_g": 2_350,
        "sscc": SSCC,
        "tracking_no": SSCC,
        "shipped_on": date(2026, 3, 2),
    }
    return ShippingLabel(**{**wanted, **changes})


def test_people_read_what_it_says() -> None:
    pdf = shipping_label(label())
    assert sizes_mm(pdf) == [(105, 148)]
    lines = texts(pdf)[0].splitlines()
    for said in (
        "Eleanor Whitcombe",
        "Norwich NR3 1AB",
        "UNITED KINGDOM",
        "Royal Parcel",
        "Tracked 48",
        "00SHH-D57G0-AQGVV-R14D2-PF2DB/1",
        "2 of 3",
        "2.350 kg",
        "2026-03-02",
        f"(00){SSCC}",
        SSCC,
    ):
        assert said in lines, said
    assert past_the_edge(pdf) == []


@pytest.mark.parametrize("dpi", [203, 300])
@pytest.mark.parametrize("serial", [0, 7, 123_456_789, 999_999_999])
def test_scanners_read_the_sscc(dpi: int, serial: int) -> None:
    sscc = make_sscc(0, "4006381", serial)
    pdf = shipping_label(label(sscc=sscc, tracking_no=sscc))
    assert barcodes(pdf, dpi=dpi) == [Barcode("]C1", f"(00){sscc}")]


def test_the_barcode_is_as_large_as_gs1_wants_it() -> None:
    assert SSCC_MODULE_MM >= 0.495 and SSCC_BARS_MM >= 31.75


@pytest.mark.parametrize(
    "tracking_no", ["JD014600006281230701", "1Z999AA10123456784", "RR123456785GB", "A"]
)
def test_a_tracking_number_of_its_own_has_a_barcode_of_its_own(tracking_no: str) -> None:
    pdf = shipping_label(label(tracking_no=tracking_no))
    assert set(barcodes(pdf)) == {SSCC_CODE, Barcode("]C0", tracking_no)}
    assert tracking_no in texts(pdf)[0]


def test_a_number_too_long_for_a_scanner_is_written_only() -> None:
    long = "A1B2-C3/X" * 7
    pdf = shipping_label(label(tracking_no=long))
    assert barcodes(pdf) == [SSCC_CODE]
    assert long in "".join(texts(pdf)[0].split()) and past_the_edge(pdf) == []


def test_equal_labels_are_equal_bytes() -> None:
    assert shipping_label(label()) == shipping_label(label())
    assert shipping_label(label()) != shipping_label(label(carton_no=3))


@pytest.mark.parametrize(
    "ship_to",
    [
        ("Прекрасный магазин подарков «Снежинка»", "Улица Победы 1"),
        ("深圳市南山区科技园路一号大厦三十二层",),
        ("東京都渋谷区神宮前1丁目", "さくら様"),
        ("서울특별시 강남구 테헤란로 123",),
        ("Αθήνα, Οδός Ερμού 42",),
    ],
)
def test_addresses_of_any_script(ship_to: tuple[str, ...]) -> None:
    pdf = shipping_label(label(ship_to=ship_to))
    shown = " ".join(texts(pdf)[0].split())
    assert all(line in shown for line in ship_to)
    assert barcodes(pdf) == [SSCC_CODE]


def test_no_line_of_a_long_address_is_lost() -> None:
    lines = tuple(f"{n}: Bartholomäus von und zu Hohenlohe-Schillingsfürst" for n in range(7))
    pdf = shipping_label(
        label(ship_to=lines, sender=("S" * 200,) * 8, country="C" * 80, carrier="W" * 99)
    )
    shown = " ".join(texts(pdf)[0].split())
    assert all(f"{n}: Bartholomäus" in shown for n in range(7))
    assert past_the_edge(pdf) == [] and barcodes(pdf) == [SSCC_CODE]


def test_a_label_with_nothing_optional() -> None:
    pdf = shipping_label(label(sender=(), ship_to=(), service="", mass_g=0))
    assert barcodes(pdf) == [SSCC_CODE]
