"""Pure price decisions: is an entry well formed."""

from __future__ import annotations

import re

from entrepot.departments.pricing.model import PriceEntry
from entrepot.words.identifiers import parse_sku
from entrepot.words.money import EXPONENTS, MAX_AMOUNT_MINOR
from entrepot.words.outcome import Refusal, RefusalCode, shown

_LIST = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def check_entry(entry: PriceEntry) -> Refusal | None:
    """The first thing wrong with an entry, or None.

    A price of zero is refused: in a price file it is nearly always a missing value, and it would
    give the goods away.
    Refuses: bad_identifier, bad_value, bad_price, bad_date.
    """
    sku = parse_sku(entry.sku)
    if isinstance(sku, Refusal):
        return sku
    if entry.currency not in EXPONENTS:
        return _bad(
            RefusalCode.bad_value, "currency", entry.currency, "a currency code of ISO 4217"
        )
    if not _LIST.fullmatch(entry.price_list):
        return _bad(
            RefusalCode.bad_value,
            "price_list",
            entry.price_list,
            "1 to 40 small letters, digits, _ or -",
        )
    if not 1 <= entry.amount_minor <= MAX_AMOUNT_MINOR:
        return _bad(
            RefusalCode.bad_price,
            "amount_minor",
            entry.amount_minor,
            f"1 to {MAX_AMOUNT_MINOR} minor units",
        )
    for field, at in (("valid_from", entry.valid_from), ("valid_to", entry.valid_to)):
        if at is not None and at.tzinfo is None:
            return _bad(RefusalCode.bad_date, field, at.isoformat(), "a time with its offset")
    if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
        return _bad(
            RefusalCode.bad_date,
            "valid_to",
            entry.valid_to.isoformat(),
            f"a time after valid_from ({entry.valid_from.isoformat()})",
        )
    return None


def _bad(code: RefusalCode, field: str, found: object, expected: str) -> Refusal:
    return Refusal(code, f"{field}: found {shown(found)}, expected {expected}; correct it", field)
