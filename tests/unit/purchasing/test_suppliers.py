"""Lead times, and what suppliers and terms must say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.purchasing.decisions import check_supplier, check_terms, lead_time
from entrepot.departments.purchasing.model import (
    Incoterm,
    LeadTimeShare,
    PriceBreak,
    Supplier,
    Terms,
)
from entrepot.words.outcome import RefusalCode

SUPPLIER = Supplier("porto", "Atelier Porto", "PT", "EUR", lead_time(14, 4))
BREAKS = (PriceBreak(144, 110), PriceBreak(576, 98))
TERMS = Terms("porto", "MUG", "EUR", 120, 36, 12, BREAKS, 21, Incoterm.dap, "Rotterdam")


@given(mean=st.integers(0, 700), spread=st.integers(0, 700))
def test_a_lead_time_is_symmetric_and_sums_to_a_million(mean: int, spread: int) -> None:
    shares = lead_time(mean, min(mean, spread))
    assert sum(s.ppm for s in shares) == 1_000_000
    assert shares[0].days >= 0
    assert sum(s.days for s in shares) == mean * len(shares)
    middle = len(shares) // 2
    for left, right in zip(shares[:middle], reversed(shares[middle + 1 :]), strict=True):
        assert abs(left.ppm - right.ppm) <= 1 and left.ppm <= shares[middle].ppm


def test_ten_days_give_or_take_two() -> None:
    assert lead_time(10, 2) == (
        LeadTimeShare(8, 111_111),
        LeadTimeShare(9, 222_222),
        LeadTimeShare(10, 333_334),
        LeadTimeShare(11, 222_222),
        LeadTimeShare(12, 111_111),
    )


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"supplier_id": "a b"}, RefusalCode.bad_identifier, "supplier_id"),
        ({"name": ""}, RefusalCode.missing_value, "name"),
        ({"country": "Portugal"}, RefusalCode.bad_country, "country"),
        ({"currency": "EURO"}, RefusalCode.bad_value, "currency"),
        ({"gln": "1234567890123"}, RefusalCode.bad_identifier, "gln"),
        ({"lead_time": ()}, RefusalCode.missing_value, "lead_time"),
        ({"lead_time": (LeadTimeShare(3, 999_999),)}, RefusalCode.bad_value, "lead_time"),
        ({"lead_time": (LeadTimeShare(731, 1_000_000),)}, RefusalCode.bad_value, "lead_time"),
        (
            {"lead_time": (LeadTimeShare(4, 500_000), LeadTimeShare(4, 500_000))},
            RefusalCode.bad_value,
            "lead_time",
        ),
    ],
)
def test_a_supplier_that_makes_no_sense_is_refused(
    changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    refusal = check_supplier(msgspec.structs.replace(SUPPLIER, **changes))
    assert refusal is not None
    assert (refusal.code, refusal.field) == (code, field)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"sku": ""}, RefusalCode.bad_identifier, "sku"),
        ({"moq_each": 0}, RefusalCode.bad_quantity, "moq_each"),
        ({"multiple_each": 10**9 + 1}, RefusalCode.bad_quantity, "multiple_each"),
        ({"lead_time_days": -1}, RefusalCode.bad_value, "lead_time_days"),
        ({"cost_minor": -1}, RefusalCode.bad_price, "cost"),
        ({"currency": "XXX"}, RefusalCode.bad_value, "currency"),
        ({"price_breaks": (PriceBreak(36, 110),)}, RefusalCode.bad_value, "price_breaks"),
        ({"price_breaks": (PriceBreak(144, 120),)}, RefusalCode.bad_value, "price_breaks"),
        ({"price_breaks": (PriceBreak(0, 1),)}, RefusalCode.bad_quantity, "price_breaks"),
        ({"named_place": None}, RefusalCode.missing_value, "named_place"),
        ({"incoterm": None}, RefusalCode.missing_value, "incoterm"),
        ({"named_place": " "}, RefusalCode.missing_value, "named_place"),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    refusal = check_terms(msgspec.structs.replace(TERMS, **changes))
    assert refusal is not None
    assert (refusal.code, refusal.field) == (code, field)
