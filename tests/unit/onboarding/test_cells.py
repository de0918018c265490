"""Cells: what text is read as, and what is said when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.catalog.model import Handling
from entrepot.flows.onboarding.cells import Cells, read_row
from entrepot.flows.onboarding.rows import Row
from entrepot.words.outcome import Refusal, RefusalCode

Read = Callable[[Cells], Any]


def read(text: str, how: Read) -> Any:
    return read_row(Row("f.csv", 2, {"c": text}), how)


READ: list[tuple[str, Read, Any]] = [
    ("a", lambda c: c.text("c"), "a"),
    ("", lambda c: c.given("c"), None),
    ("12", lambda c: c.whole("c"), 12),
    ("-12.000", lambda c: c.whole("c"), -12),
    ("", lambda c: c.whole("c", 7), 7),
    ("", lambda c: c.whole_or_none("c"), None),
    ("0", lambda c: c.whole_or_none("c"), 0),
    ("5", lambda c: c.each("c"), 5),
    ("", lambda c: c.each("c", 1), 1),
    ("12.2", lambda c: c.mass_g("c"), 13),
    ("YES", lambda c: c.yes("c"), True),
    ("", lambda c: c.yes("c"), False),
    ("Fragile", lambda c: c.choice("c", Handling), Handling.fragile),
    ("", lambda c: c.choice("c", Handling, Handling.standard), Handling.standard),
    ("12.99", lambda c: c.amount_minor("c", "EUR"), 1_299),
    ("1299", lambda c: c.amount_minor("c", "JPY"), 1_299),
    ("0.125", lambda c: c.amount_mills("c", "EUR"), 12_500),
    ("0.00001", lambda c: c.amount_mills("c", "EUR"), 1),
    ("7", lambda c: c.amount_mills("c", "JPY"), 7_000),
    ("", lambda c: c.amount_mills("c", "EUR"), 0),
    ("-0.1278", lambda c: c.microdegrees("c"), -127_800),
    ("51.50735092", lambda c: c.microdegrees("c"), 51_507_351),
    ("7:05", lambda c: c.minute("c"), 425),
    ("24:00", lambda c: c.minute("c"), 1_440),
    ("", lambda c: c.minute_or_none("c"), None),
    ("08:00-12:00; 13:00-17:00;", lambda c: c.windows("c"), ((480, 720), (780, 1_020))),
    ("", lambda c: c.windows("c"), ()),
    ("mon-wed;Sat", lambda c: c.weekdays("c"), (0, 1, 2, 5)),
    ("2026-01-02;2025-12-25", lambda c: c.dates("c"), (date(2025, 12, 25), date(2026, 1, 2))),
    ("1:0.25;0:0.75", lambda c: c.distribution("c"), ((0, 750_000), (1, 250_000))),
    ("144:1.10;12:1.2", lambda c: c.breaks("c", "EUR"), ((12, 120), (144, 110))),
    ("0.95", lambda c: c.share_ppm("c", 1), 950_000),
    ("sw1a 1-a", lambda c: c.postal_prefix("c"), "SW1A1A"),
    ("", lambda c: c.currency("c", "EUR"), "EUR"),
    ("gbp", lambda c: c.currency("c", "EUR"), "GBP"),
]


@pytest.mark.parametrize(("text", "how", "value"), READ)
def test_text_is_read(text: str, how: Read, value: Any) -> None:
    assert read(text, how) == value


REFUSED: list[tuple[str, Read, RefusalCode, str]] = [
    ("", lambda c: c.text("c"), RefusalCode.missing_value, "c: found nothing"),
    ("a\u200bb", lambda c: c.text("c"), RefusalCode.bad_value, "printable"),
    ("1,200", lambda c: c.whole("c"), RefusalCode.bad_value, "whole number"),
    ("1.5", lambda c: c.whole("c"), RefusalCode.bad_value, "whole number"),
    ("٣", lambda c: c.whole("c"), RefusalCode.bad_value, "whole number"),
    ("", lambda c: c.whole("c"), RefusalCode.missing_value, "found nothing"),
    ("0", lambda c: c.each("c"), RefusalCode.bad_quantity, "leave the line out"),
    ("-3", lambda c: c.each("c"), RefusalCode.bad_quantity, "found '-3'"),
    ("2.5", lambda c: c.each("c"), RefusalCode.bad_quantity, "cannot be divided"),
    ("2000000000", lambda c: c.each("c"), RefusalCode.bad_quantity, "1000000000"),
    ("many", lambda c: c.each("c"), RefusalCode.bad_quantity, "digits only"),
    ("1 kg", lambda c: c.mass_g("c"), RefusalCode.bad_value, "found '1 kg'"),
    ("maybe", lambda c: c.yes("c"), RefusalCode.bad_value, "yes or no"),
    ("soft", lambda c: c.choice("c", Handling), RefusalCode.bad_value, "fragile, bulky"),
    ("12,99", lambda c: c.amount_minor("c", "EUR"), RefusalCode.bad_price, "12,99"),
    ("12.999", lambda c: c.amount_minor("c", "EUR"), RefusalCode.bad_price, "2 decimals"),
    ("-1", lambda c: c.amount_minor("c", "EUR"), RefusalCode.bad_price, "from 0.00"),
    ("0.000001", lambda c: c.amount_mills("c", "EUR"), RefusalCode.bad_value, "5 decimals"),
    ("51°N", lambda c: c.microdegrees("c"), RefusalCode.bad_value, "decimal degrees"),
    ("5pm", lambda c: c.minute("c"), RefusalCode.bad_value, "HH:MM"),
    ("24:01", lambda c: c.minute("c"), RefusalCode.bad_value, "24:00"),
    ("8-17", lambda c: c.windows("c"), RefusalCode.bad_value, "HH:MM"),
    ("08:00", lambda c: c.windows("c"), RefusalCode.bad_value, "08:00-17:00"),
    ("fri-mon", lambda c: c.weekdays("c"), RefusalCode.bad_value, "order of the week"),
    ("Montag", lambda c: c.weekdays("c"), RefusalCode.bad_value, "mon, tue"),
    ("", lambda c: c.weekdays("c"), RefusalCode.missing_value, "found nothing"),
    ("25/12/2025", lambda c: c.dates("c"), RefusalCode.bad_date, "YYYY-MM-DD"),
    ("2025-02-30", lambda c: c.dates("c"), RefusalCode.bad_date, "2025-02-30"),
    ("1=0.5", lambda c: c.distribution("c"), RefusalCode.bad_value, "1:0.9"),
    ("1:50%", lambda c: c.distribution("c"), RefusalCode.bad_value, "share from 0 to 1"),
    ("1:0.1234567", lambda c: c.distribution("c"), RefusalCode.bad_value, "6 decimals"),
    ("x:0.5", lambda c: c.distribution("c"), RefusalCode.bad_value, "whole number"),
    ("12:1.234", lambda c: c.breaks("c", "EUR"), RefusalCode.bad_price, "2 decimals"),
    ("EURO", lambda c: c.currency("c", "EUR"), RefusalCode.bad_value, "ISO 4217"),
    ("1.5", lambda c: c.share_ppm("c", 1), RefusalCode.bad_value, "from 0 to 1"),
    ("soon", lambda c: c.instant_or_none("c", "UTC"), RefusalCode.bad_date, "YYYY-MM-DD"),
    ("0001-01-01", lambda c: c.instant_or_none("c", "UTC"), RefusalCode.bad_date, "1970"),
]


@pytest.mark.parametrize(("text", "how", "code", "said"), REFUSED)
def test_text_that_cannot_be_read_is_refused_in_words(
    text: str, how: Read, code: RefusalCode, said: str
) -> None:
    refusal = read(text, how)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert refusal.message.startswith("c: found ") and "expected" in refusal.message
    assert said in refusal.message


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("2026-07-01T12:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01T12:00Z", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-07-01T12:00-05:00", datetime(2026, 7, 1, 17, tzinfo=UTC)),
    ],
)
def test_a_date_is_midnight_in_the_zone_of_the_retailer(text: str, instant: datetime) -> None:
    assert read(text, lambda c: c.instant_or_none("c", "Europe/Berlin")) == instant


@given(st.text(max_size=12))
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    for how in [how for _, how, _ in READ]:
        read(text, how)


def test_a_row_with_a_fault_is_its_fault() -> None:
    fault = Refusal(RefusalCode.bad_value, "row: found 2 cells")
    assert read_row(Row("f.csv", 2, {}, fault), lambda c: c.text("c")) is fault
