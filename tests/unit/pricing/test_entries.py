"""What a price entry must say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from entrepot.departments.pricing.decisions import check_entry
from entrepot.departments.pricing.model import (
    PriceEntry,
)
from entrepot.words.outcome import RefusalCode

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ENTRY = PriceEntry("MUG", "EUR", 1_295)


def day(number: int) -> datetime:
    return DAY + timedelta(days=number)


def entry(**changes: Any) -> PriceEntry:
    return msgspec.structs.replace(ENTRY, **changes)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"sku": "*"}, RefusalCode.bad_identifier, "sku"),
        ({"currency": "EURO"}, RefusalCode.bad_value, "currency"),
        ({"price_list": "My List"}, RefusalCode.bad_value, "price_list"),
        ({"amount_minor": 0}, RefusalCode.bad_price, "amount_minor"),
        ({"amount_minor": -5}, RefusalCode.bad_price, "amount_minor"),
        ({"amount_minor": 10**15 + 1}, RefusalCode.bad_price, "amount_minor"),
        ({"valid_from": datetime(2026, 1, 1)}, RefusalCode.bad_date, "valid_from"),
        ({"valid_from": day(1), "valid_to": day(1)}, RefusalCode.bad_date, "valid_to"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(
    changes: dict[str, Any], code: RefusalCode, field: str
) -> None:
    refusal = check_entry(entry(**changes))
    assert refusal is not None
    assert (refusal.code, refusal.field) == (code, field)
    assert "expected" in refusal.message
