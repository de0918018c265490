"""Money as whole minor units of a currency, and unit costs as whole mills. No float anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from entrepot.words.outcome import Refusal, RefusalCode, shown

MILLS_PER_MINOR = 1_000
MAX_AMOUNT_MINOR = 10**15  # in mills still well inside 64 bits

_AMOUNT = re.compile(r"([+-]?)([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)

# Source: ISO 4217 list one, with the fund codes; codes without a minor unit (metals, units of
# account, testing) are not money one can charge and are left out.
_CODES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
        "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW "
        "KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR "
        "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD "
        "USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

EXPONENTS: dict[str, int] = {
    code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}
"""Decimal places of the minor unit, by ISO 4217 code."""


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount in whole minor units (cents, pence; yen themselves) of a currency of EXPONENTS."""

    amount_minor: int
    currency: str


def parse_currency(value: object, field: str) -> str | Refusal:
    """An ISO 4217 code in capitals.

    Refuses: bad_value for anything not in EXPONENTS.
    """
    if isinstance(value, str) and (code := value.strip().upper()) in EXPONENTS:
        return code
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(value)}, expected a currency code of ISO 4217 such as EUR; "
        "send the three letters",
        field,
    )


def parse_money(
    value: object, currency: str, field: str, *, minimum_minor: int = 0
) -> Money | Refusal:
    """An exact amount from text such as "12.3" or from an int of major units.

    minimum_minor  smallest amount allowed; the largest is MAX_AMOUNT_MINOR
    Refuses: bad_price for floats, other notations, digits beyond the currency's minor unit, and
    amounts out of range; bad_value for an unknown currency.
    >>> parse_money("12.3", "EUR", "price")
    Money(amount_minor=1230, currency='EUR')
    """
    code = parse_currency(currency, f"{field}.currency")
    if isinstance(code, Refusal):
        return code
    exponent = EXPONENTS[code]
    wrong = "send digits with a decimal point, without separators or signs of currency"
    text = ""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        text = str(value)
    if match := _AMOUNT.fullmatch(text):
        sign, whole, decimals = match[1], match[2], (match[3] or "").rstrip("0")
        if len(decimals) <= exponent:
            amount_minor = int(whole + decimals.ljust(exponent, "0")) * (-1 if sign == "-" else 1)
            if minimum_minor <= amount_minor <= MAX_AMOUNT_MINOR:
                return Money(amount_minor, code)
            wrong = "send an amount in that range"
        else:
            wrong = "round it first; nothing is rounded here"
    lowest, highest = (format_money(Money(m, code)) for m in (minimum_minor, MAX_AMOUNT_MINOR))
    return Refusal(
        RefusalCode.bad_price,
        f"{field}: found {shown(value)}, expected an amount from {lowest} to {highest} with at "
        f"most {exponent} decimals; {wrong}",
        field,
    )


def format_amount(money: Money) -> str:
    """The exact amount in major units, with all its decimals: what `parse_money` reads back."""
    exponent = EXPONENTS[money.currency]
    digits = str(abs(money.amount_minor)).rjust(exponent + 1, "0")
    sign = "-" if money.amount_minor < 0 else ""
    if exponent == 0:
        return sign + digits
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def format_money(money: Money) -> str:
    """The exact amount with its currency, such as "12.30 EUR"."""
    return f"{format_amount(money)} {money.currency}"


def split(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights that sum exactly to the amount.

    weights  >= 0, at least one; when all are zero the parts are as equal as can be
    Each part differs from its exact share by less than one unit; left-over units go to the largest
    remainders, the earlier one on a tie. Negative amounts split as the positive ones do.
    Source: Hamilton's method of largest remainders.
    >>> split(100, [1, 1, 1])
    [34, 33, 33]
    """
    assert weights, "an amount cannot be split into no parts"
    assert min(weights) >= 0, f"negative weight in {weights}"
    if not any(weights):
        weights = [1] * len(weights)
    total = sum(weights)
    shares = [divmod(abs(amount_minor) * weight, total) for weight in weights]
    parts = [whole for whole, _ in shares]
    left_over = abs(amount_minor) - sum(parts)
    by_remainder = sorted(range(len(shares)), key=lambda i: -shares[i][1])
    for i in by_remainder[:left_over]:
        parts[i] += 1
    return [-part for part in parts] if amount_minor < 0 else parts


def divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest whole number, a half to the even one; denominator > 0."""
    assert denominator > 0, f"denominator {denominator} is not positive"
    whole, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return whole


def minor_of_mills(amount_mills: int) -> int:
    """Mills (1/1,000 of the minor unit) rounded to whole minor units, a half to the even one."""
    return divide_half_even(amount_mills, MILLS_PER_MINOR)
