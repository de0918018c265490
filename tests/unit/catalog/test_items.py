"""What an item must say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entrepot.departments.catalog.decisions import check_item
from entrepot.departments.catalog.model import (
    Handling,
    Item,
)
from entrepot.words.identifiers import make_gtin
from entrepot.words.outcome import RefusalCode
from entrepot.words.quantity import Pack, PackLevel

GTIN = make_gtin("200000000001")
OTHER_GTIN = make_gtin("200000000002")
MUG = Item(
    "MUG", "Mug, blue", "Kitchen/Mugs", 410, 120, 95, 105, Handling.fragile, True, GTIN, 6, 36
)


def item(**changes: Any) -> Item:
    return msgspec.structs.replace(MUG, **changes)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"sku": ""}, RefusalCode.bad_identifier, "sku"),
        ({"sku": " MUG"}, RefusalCode.bad_identifier, "sku"),
        ({"gtin": GTIN[:-1] + str((int(GTIN[-1]) + 1) % 10)}, RefusalCode.bad_identifier, "gtin"),
        ({"gtin": f"{GTIN[:3]} {GTIN[3:]}"}, RefusalCode.bad_identifier, "gtin"),
        ({"name": " "}, RefusalCode.missing_value, "name"),
        ({"name": "x" * 301}, RefusalCode.bad_value, "name"),
        ({"name": "tab\there"}, RefusalCode.bad_value, "name"),
        ({"category": ""}, RefusalCode.missing_value, "category"),
        ({"mass_g": 0}, RefusalCode.bad_value, "mass_g"),
        ({"height_mm": 100_001}, RefusalCode.bad_value, "height_mm"),
        ({"case_each": 35}, RefusalCode.bad_value, "packs"),
        ({"pallet_each": 10**9 + 8}, RefusalCode.bad_quantity, "packs.pallet"),
    ],
)
def test_an_item_that_makes_no_sense_is_refused(
    changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    refusal = check_item(item(**changes))
    assert refusal is not None
    assert (refusal.code, refusal.field) == (code, field)
    assert refusal.message.startswith(f"{field}: found ") and "expected" in refusal.message


def test_packs_and_volume_come_from_the_item() -> None:
    assert check_item(MUG) is None
    assert MUG.packs == (
        Pack(PackLevel.each, 1),
        Pack(PackLevel.inner, 6),
        Pack(PackLevel.case, 36),
    )
    assert MUG.volume_mm3 == 120 * 95 * 105
