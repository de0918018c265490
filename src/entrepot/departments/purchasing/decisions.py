"""Pure purchasing decisions: are a supplier and terms well formed, and how long a lead time is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from entrepot.departments.purchasing.model import PPM, LeadTimeShare, Supplier, Terms
from entrepot.words.identifiers import parse_country, parse_gln, parse_sku
from entrepot.words.money import EXPONENTS, MAX_AMOUNT_MINOR, split
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH

TEXT_CHARACTERS_MAX = 200
LEAD_TIME_DAYS_MAX = 730
PRICE_BREAKS_MAX = 20

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def lead_time(mean_days: int, spread_days: int) -> tuple[LeadTimeShare, ...]:
    """The distribution of a lead time stated as "mean, give or take spread".

    mean_days    0 or more
    spread_days  0 to mean_days
    The shares fall evenly on both sides from the mean to nothing beyond the spread: 10 give or
    take 2 is 8, 9, 10, 11 and 12 days with the weights 1, 2, 3, 2 and 1. Largest remainders make
    them sum to a million.
    Source: the discrete symmetric triangular distribution.
    """
    assert 0 <= spread_days <= mean_days, f"lead time {mean_days} give or take {spread_days}"
    days = range(mean_days - spread_days, mean_days + spread_days + 1)
    weights = [spread_days + 1 - abs(day - mean_days) for day in days]
    shares = split(PPM, weights)
    return tuple(LeadTimeShare(day, ppm) for day, ppm in zip(days, shares, strict=True))


def check_supplier(supplier: Supplier) -> Refusal | None:
    """The first thing wrong with a supplier, or None.

    Refuses: bad_identifier, missing_value, bad_value, bad_country.
    """
    if not _ID.fullmatch(supplier.supplier_id):
        return Refusal(
            RefusalCode.bad_identifier,
            f"supplier_id: found {shown(supplier.supplier_id)}, expected 1 to 40 letters, digits, "
            ". _ or -, beginning with a letter or digit; choose another",
            "supplier_id",
        )
    country = parse_country(supplier.country)
    if isinstance(country, Refusal):
        return country
    if supplier.gln is not None and isinstance(gln := parse_gln(supplier.gln), Refusal):
        return gln
    return (
        _check_text("name", supplier.name)
        or _check_currency(supplier.currency)
        or _check_lead_time(supplier.lead_time)
    )


def _check_text(field: str, text: str) -> Refusal | None:
    if not text.strip():
        return Refusal(
            RefusalCode.missing_value, f"{field}: found nothing, expected a text; give one", field
        )
    if len(text) > TEXT_CHARACTERS_MAX or not text.isprintable() or text != text.strip():
        return _bad(field, text, f"at most {TEXT_CHARACTERS_MAX} printable characters")
    return None


def _check_currency(currency: str) -> Refusal | None:
    if currency in EXPONENTS:
        return None
    return _bad("currency", currency, "a currency code of ISO 4217 such as EUR")


def _check_lead_time(shares: Sequence[LeadTimeShare]) -> Refusal | None:
    days = [share.days for share in shares]
    if not days:
        return Refusal(
            RefusalCode.missing_value,
            "lead_time: found nothing, expected the days from order to receipt; state them",
            "lead_time",
        )
    if any(a >= b for a, b in pairwise(days)) or days[0] < 0 or days[-1] > LEAD_TIME_DAYS_MAX:
        return _bad("lead_time", days, f"rising days from 0 to {LEAD_TIME_DAYS_MAX}, each once")
    total = sum(share.ppm for share in shares)
    if total != PPM or min(share.ppm for share in shares) < 1:
        return _bad(
            "lead_time",
            f"shares that sum to {total / PPM:.6f}",
            "positive shares that sum to 1.000000",
        )
    return None


def check_terms(terms: Terms) -> Refusal | None:
    """The first thing wrong with terms, or None.

    Refuses: bad_identifier, missing_value, bad_value, bad_price, bad_quantity.
    """
    sku = parse_sku(terms.sku)
    if isinstance(sku, Refusal):
        return sku
    for field, quantity_each in (
        ("moq_each", terms.moq_each),
        ("multiple_each", terms.multiple_each),
        ("price_breaks", min((b.from_each for b in terms.price_breaks), default=1)),
    ):
        if not 1 <= quantity_each <= MAX_EACH:
            return Refusal(
                RefusalCode.bad_quantity,
                f"{field}: found {shown(quantity_each)}, expected 1 to {MAX_EACH}; correct it",
                field,
            )
    days = terms.lead_time_days
    if days is not None and not 0 <= days <= LEAD_TIME_DAYS_MAX:
        return _bad("lead_time_days", days, f"0 to {LEAD_TIME_DAYS_MAX} days")
    return _check_currency(terms.currency) or _check_costs(terms) or _check_incoterm(terms)


def _check_costs(terms: Terms) -> Refusal | None:
    if not 0 <= terms.cost_minor <= MAX_AMOUNT_MINOR:
        return Refusal(
            RefusalCode.bad_price,
            f"cost: found {shown(terms.cost_minor)}, expected 0 to {MAX_AMOUNT_MINOR} minor units; "
            "correct it",
            "cost",
        )
    breaks = terms.price_breaks
    first_each = breaks[0].from_each if breaks else MAX_EACH
    fine = first_each > terms.moq_each and all(
        a.from_each < b.from_each for a, b in pairwise(breaks)
    )
    costs = [terms.cost_minor, *(b.cost_minor for b in breaks)]
    cheaper = all(a > b for a, b in pairwise(costs)) and costs[-1] >= 0
    if breaks and not (fine and cheaper and len(breaks) <= PRICE_BREAKS_MAX):
        return _bad(
            "price_breaks",
            "; ".join(f"{b.from_each}: {b.cost_minor}" for b in breaks),
            f"at most {PRICE_BREAKS_MAX} rising quantities above moq_each with falling costs "
            "below the cost without a break",
        )
    return None


def _check_incoterm(terms: Terms) -> Refusal | None:
    if (terms.incoterm is None) == (terms.named_place is None):
        return _check_text("named_place", terms.named_place) if terms.named_place else None
    field = "named_place" if terms.named_place is None else "incoterm"
    return Refusal(
        RefusalCode.missing_value,
        f"{field}: found nothing, expected both an incoterm and its named place, or neither; "
        "complete the pair",
        field,
    )


def unknown_supplier(supplier_id: str) -> Refusal:
    """The refusal of terms with someone who is not registered."""
    return Refusal(
        RefusalCode.bad_value,
        f"supplier_id: found {shown(supplier_id)}, expected the id of a known supplier; "
        "register the supplier first or correct the id",
        "supplier_id",
    )


def _bad(field: str, found: object, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(found)}, expected {expected}; correct it",
        field,
    )
