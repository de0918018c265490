"""Identifiers of the trade and of the house: their forms, check digits and readable spellings."""

from __future__ import annotations

import re
from uuid import UUID, SafeUUID

from entrepot.words.outcome import Refusal, RefusalCode, shown

SKU_CHARACTERS_MAX = 64
COMMAND_ID_CHARACTERS_MAX = 200
GTIN_LENGTHS = (8, 12, 13, 14)
GLN_LENGTH = 13
SSCC_LENGTH = 18

_SKU = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+/#&:-]| (?! ))*(?<! )", re.ASCII)
_COMMAND_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")

# Source: ISO 3166-1, officially assigned alpha-2 codes.
_COUNTRY_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO "
    "BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ "
    "DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP "
    "GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG "
    "KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML "
    "MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE "
    "PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL "
    "SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM "
    "US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_COUNTRY_CODES.split())


def _refused(field: str, value: object, expected: str, advice: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_identifier,
        f"{field}: found {shown(value)}, expected {expected}; {advice}",
        field,
    )


def parse_sku(value: object, field: str = "sku") -> str | Refusal:
    """Our stock-keeping unit as written, without surrounding spaces; case matters.

    Refuses: bad_identifier unless it has 1 to 64 of the characters A-Z a-z 0-9 . _ + / # & : -
    and single spaces, beginning with a letter or digit.
    """
    text = value.strip() if isinstance(value, str) else ""
    if len(text) <= SKU_CHARACTERS_MAX and _SKU.fullmatch(text):
        return text
    return _refused(
        field,
        value,
        f"1 to {SKU_CHARACTERS_MAX} letters, digits, single spaces or . _ + / # & : -",
        "begin with a letter or digit and replace other characters",
    )


def parse_command_id(value: object, field: str = "command_id") -> str | Refusal:
    """A caller's key for a command, exactly as given.

    Refuses: bad_identifier unless it has 1 to 200 printable ASCII characters, without a space at
    either end.
    """
    if (
        isinstance(value, str)
        and len(value) <= COMMAND_ID_CHARACTERS_MAX
        and _COMMAND_ID.fullmatch(value)
    ):
        return value
    return _refused(
        field,
        value,
        f"1 to {COMMAND_ID_CHARACTERS_MAX} printable ASCII characters with no space at either end",
        "a UUID is a good key",
    )


def check_digit(digits: str) -> str:
    """The GS1 check digit that follows `digits`, which holds only 0-9.

    Source: GS1 General Specifications, section 7.9.1.
    """
    assert digits.isascii() and digits.isdigit(), f"{shown(digits)} is not all digits"
    total = sum(int(digit) * (3, 1)[i % 2] for i, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the GS1 check digit of the others."""
    return digits[-1] == check_digit(digits[:-1])


def parse_gtin(value: object, field: str = "gtin") -> str | Refusal:
    """A GTIN of 8, 12, 13 or 14 digits as given, without spaces and hyphens.

    Refuses: bad_identifier for another length, other characters, or a wrong check digit.
    """
    return _parse_gs1(value, field, "a GTIN", GTIN_LENGTHS)


def parse_gln(value: object, field: str = "gln") -> str | Refusal:
    """A GLN of 13 digits, without spaces and hyphens.

    Refuses: bad_identifier for another length, other characters, or a wrong check digit.
    """
    return _parse_gs1(value, field, "a GLN", (GLN_LENGTH,))


def parse_sscc(value: object, field: str = "sscc") -> str | Refusal:
    """An SSCC of 18 digits, without spaces and hyphens and without the prefix (00).

    Refuses: bad_identifier for another length, other characters, or a wrong check digit.
    """
    return _parse_gs1(value, field, "an SSCC", (SSCC_LENGTH,))


def _parse_gs1(value: object, field: str, name: str, lengths: tuple[int, ...]) -> str | Refusal:
    digits = _compact(value) if isinstance(value, str) else ""
    expected = f"{name} of {' or '.join(map(str, lengths))} digits"
    if not (digits.isascii() and digits.isdigit() and len(digits) in lengths):
        return _refused(field, value, expected, "send all digits as text, leading zeros too")
    if not has_check_digit(digits):
        return _refused(
            field,
            value,
            f"{expected} ending in the check digit {check_digit(digits[:-1])}",
            "one of its digits is mistyped: compare with the label",
        )
    return digits


def as_gtin14(gtin: str) -> str:
    """The 14-digit form of a valid GTIN, in which all lengths compare and join."""
    return gtin.rjust(14, "0")


def make_gtin(digits: str) -> str:
    """The GTIN whose digits before the check digit are these 7, 11, 12 or 13."""
    assert len(digits) + 1 in GTIN_LENGTHS, f"{len(digits)} digits make no GTIN"
    return digits + check_digit(digits)


def make_gln(company_prefix: str, location: int) -> str:
    """The GLN of a company's location; prefix and location number fill 12 digits."""
    return _make_gs1(company_prefix, location, GLN_LENGTH)


def make_sscc(extension_digit: int, company_prefix: str, serial: int) -> str:
    """The SSCC of a logistic unit; extension digit, prefix and serial number fill 17 digits."""
    assert 0 <= extension_digit <= 9, f"extension digit {extension_digit} is not 0 to 9"
    return _make_gs1(f"{extension_digit}{company_prefix}", serial, SSCC_LENGTH)


def _make_gs1(prefix: str, number: int, length: int) -> str:
    digits = f"{prefix}{number:0{length - 1 - len(prefix)}d}"
    assert number >= 0 and len(digits) == length - 1, f"{number} does not fit after {prefix}"
    return digits + check_digit(digits)


def uuid7(unix_ms: int, rand: bytes) -> UUID:
    """A UUID version 7: ordered by time, then by the random bytes.

    unix_ms  milliseconds since 1970-01-01 UTC, 48 bits
    rand     at least 10 bytes; the low 74 bits of the first 10 are used
    Source: RFC 9562, section 5.7.
    """
    assert 0 <= unix_ms < 1 << 48, f"{unix_ms} ms do not fit 48 bits"
    assert len(rand) >= 10, f"{len(rand)} random bytes are too few, expected 10"
    bits = int.from_bytes(rand[:10])
    rand_a, rand_b = bits >> 62 & 0xFFF, bits & (1 << 62) - 1
    return UUID(int=unix_ms << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b)


def uuid_of(number: int) -> UUID:
    """The same as `UUID(int=number)` in a third of the time, for a number that is one."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", number)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def unix_ms_of(uuid: UUID) -> int:
    """The milliseconds since 1970-01-01 UTC that a UUID version 7 begins with."""
    return uuid.int >> 80


# Crockford's base 32: no I, L, O, U; its characters stand in ASCII order, so that the spelling
# sorts as the number does.
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_VALUES = {character: value for value, character in enumerate(_CROCKFORD)} | {
    "O": 0,
    "I": 1,
    "L": 1,
}
_ORDER_NUMBER_CHARACTERS = 25
_ORDER_NUMBER_GROUP = 5
_GROUPS_OF_TWO = [first + second for first in _CROCKFORD for second in _CROCKFORD]
# Of the first two characters of each group.
_ORDER_NUMBER_SHIFTS = (115, 90, 65, 40, 15)


def order_number(uuid: UUID) -> str:
    """An order's id as people read it: five groups of five, sorting by time like the id.

    uuid  version 7; its 122 free bits are all spelled, so `parse_order_number` gives it back
    >>> order_number(UUID("0198c5a5-3c00-7abc-8def-0123456789ab"))
    '00SHH-D57G0-AQGVV-R14D2-PF2DB'
    """
    assert uuid.version == 7, f"{uuid} is not a UUID version 7"
    bits = uuid.int
    free = (bits >> 80) << 74 | (bits >> 64 & 0xFFF) << 62 | bits & (1 << 62) - 1
    return "-".join(
        [
            _GROUPS_OF_TWO[free >> s & 1023]
            + _GROUPS_OF_TWO[free >> s - 10 & 1023]
            + _CROCKFORD[free >> s - 15 & 31]
            for s in _ORDER_NUMBER_SHIFTS
        ]
    )


def parse_order_number(value: object, field: str = "order_number") -> UUID | Refusal:
    """The order id a person's spelling stands for: any case, any grouping, O for 0, I or L for 1.

    Refuses: bad_identifier for another length or other characters.
    """
    text = _compact(value.upper()) if isinstance(value, str) else ""
    free = 0
    for character in text[: _ORDER_NUMBER_CHARACTERS + 1]:
        digit = _CROCKFORD_VALUES.get(character)
        if digit is None:
            break
        free = free << 5 | digit
    else:
        if len(text) == _ORDER_NUMBER_CHARACTERS and free < 1 << 122:
            return uuid7(free >> 74, (free & (1 << 74) - 1).to_bytes(10))
    return _refused(
        field,
        value,
        f"an order number of {_ORDER_NUMBER_CHARACTERS} letters and digits such as "
        "00SHH-D57G0-AQGVV-R14D2-PF2DB",
        "copy it whole from the confirmation",
    )


def parse_country(value: object, field: str = "country") -> str | Refusal:
    """A country code of ISO 3166-1 alpha-2 in capitals.

    Refuses: bad_country for anything else, names and alpha-3 codes too.
    """
    code = value.strip().upper() if isinstance(value, str) else ""
    if code in COUNTRIES:
        return code
    advice = "the code of the United Kingdom is GB" if code == "UK" else "send the two letters"
    return Refusal(
        RefusalCode.bad_country,
        f"{field}: found {shown(value)}, expected a country code of ISO 3166-1 alpha-2 such as "
        f"DE; {advice}",
        field,
    )


# How the larger markets write a postal code, without spaces and hyphens: the area, then the rest.
# Elsewhere the form is free and the area is the first two characters.
# Source: Universal Postal Union, addressing systems; GB: Royal Mail, programmer's guide to PAF.
_POSTAL_FORMS = {
    "AU": ("[0-9]{2}", "[0-9]{2}"),
    "CA": ("[A-Z][0-9][A-Z]", "[0-9][A-Z][0-9]"),
    "CN": ("[0-9]{2}", "[0-9]{4}"),
    "DE": ("[0-9]{2}", "[0-9]{3}"),
    "ES": ("[0-9]{2}", "[0-9]{3}"),
    "FR": ("[0-9]{2}", "[0-9]{3}"),
    "GB": ("[A-Z]{1,2}[0-9][0-9A-Z]?|GIR", "[0-9][A-Z]{2}"),
    "IE": ("[A-Z][0-9][0-9W]", "[0-9A-Z]{4}"),
    "IN": ("[0-9]{3}", "[0-9]{3}"),
    "IT": ("[0-9]{2}", "[0-9]{3}"),
    "JP": ("[0-9]{3}", "[0-9]{4}"),
    "NL": ("[0-9]{2}", "[0-9]{2}[A-Z]{2}"),
    "PL": ("[0-9]{2}", "[0-9]{3}"),
    "SE": ("[0-9]{2}", "[0-9]{3}"),
    "US": ("[0-9]{3}", "[0-9]{2}([0-9]{4})?"),
}
_POSTAL_ELSEWHERE = ("[0-9A-Z]{1,2}", "[0-9A-Z]{0,10}")


def parse_postal_code(value: object, country: str, field: str = "postal_code") -> str | Refusal:
    """A postal code in capitals with single spaces; '' where the country needs none.

    country  as `parse_country` gives it
    Refuses: bad_postal_code when it is not in the form the country uses, or empty although the
    country is one whose form is known. The message does not repeat the code: it is personal data.
    """
    text = " ".join(value.upper().split()) if isinstance(value, str) else "?"
    area, rest = _POSTAL_FORMS.get(country, _POSTAL_ELSEWHERE)
    whole = re.fullmatch(f"(?:{area}){rest}", _compact(text))
    if whole or (not text and country not in _POSTAL_FORMS):
        return text
    return Refusal(
        RefusalCode.bad_postal_code,
        f"{field}: found {'nothing' if not text else 'a value of another form'}, expected a postal "
        f"code as written in {country}; check the code and the country",
        field,
    )


def postal_area(country: str, postal_code: str) -> str:
    """The part of a postal code that names a region and no household; '' for ''.

    Total, and stable on its own result: an incomplete code gives its area if that much is there,
    any other form its first two characters.
    >>> postal_area("GB", "SW1A 1AA"), postal_area("US", "94107-1234"), postal_area("DE", "10115")
    ('SW1A', '941', '10')
    """
    compact = _compact(postal_code.upper())
    area, rest = _POSTAL_FORMS.get(country, _POSTAL_ELSEWHERE)
    match = re.fullmatch(f"({area}){rest}", compact) or re.match(f"({area})", compact)
    return match[1] if match else compact[:2]


def _compact(text: str) -> str:
    return "".join(text.replace("-", "").split())
