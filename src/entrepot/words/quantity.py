"""Counted pieces, packs, masses and lengths: whole numbers in one unit each.

Stock is counted in each. Masses are grams and lengths millimeters, rounded up: a parcel declared
too light or too short is charged for or sent back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

import msgspec

from entrepot.words.outcome import Refusal, RefusalCode, shown

MAX_EACH = 1_000_000_000
MAX_MASS_G = 100_000_000
MAX_LENGTH_MM = 100_000

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)

_GRAMS = {
    "g": Fraction(1),
    "kg": Fraction(1_000),
    "t": Fraction(1_000_000),
    "oz": Fraction("28.349523125"),
    "lb": Fraction("453.59237"),
}
_MILLIMETERS = {
    "mm": Fraction(1),
    "cm": Fraction(10),
    "m": Fraction(1_000),
    "in": Fraction("25.4"),
    "ft": Fraction("304.8"),
}


def parse_each(value: object, field: str, *, minimum: int = 1) -> int | Refusal:
    """A whole number of pieces from an int or from text such as "12", also "12.000".

    minimum  smallest number allowed; the largest is MAX_EACH
    Refuses: bad_quantity for anything else: fractions, floats, booleans, other notations, numbers
    out of range.
    """
    amount: Fraction | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= 10**18:
            amount = Fraction(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        amount = Fraction(value.strip())
    if amount is not None and amount.denominator == 1 and minimum <= amount <= MAX_EACH:
        return amount.numerator
    return Refusal(
        RefusalCode.bad_quantity,
        f"{field}: found {shown(value)}, expected a whole number of pieces "
        f"from {minimum} to {MAX_EACH}; {_what_to_do(value, amount, minimum)}",
        field,
    )


def _what_to_do(value: object, amount: Fraction | None, minimum: int) -> str:
    if amount is None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return "send a whole number in that range, without a decimal point"
        return "send digits only, without separators or units"
    if amount.denominator != 1:
        return "pieces cannot be divided: send the number of smallest sales units"
    if amount < minimum:
        return "leave the line out if none is wanted" if minimum > 0 else "send zero or more"
    return "split it over several documents if the number is right"


def round_up_to_multiple(quantity_each: int, multiple_each: int, *, minimum_each: int = 0) -> int:
    """The smallest orderable number of pieces that covers `quantity_each`.

    multiple_each  order multiple, >= 1
    minimum_each   minimum order quantity; applies only when something is ordered at all
    >>> round_up_to_multiple(13, 12), round_up_to_multiple(5, 12, minimum_each=30)
    (24, 36)
    """
    assert multiple_each >= 1, f"order multiple {multiple_each} is below 1"
    if quantity_each <= 0:
        return 0
    wanted = max(quantity_each, minimum_each)
    return -(-wanted // multiple_each) * multiple_each


class PackLevel(StrEnum):
    """The levels goods are packed in, smallest first."""

    each = "each"
    inner = "inner"
    case = "case"
    pallet = "pallet"


_LEVELS = list(PackLevel)


class Pack(msgspec.Struct, frozen=True):
    """One level of packing and how many pieces it holds."""

    level: PackLevel
    quantity_each: int


def check_packs(packs: Sequence[Pack], field: str) -> Refusal | None:
    """None when the packs form one hierarchy: each level, smallest first, fills the next exactly.

    Refuses: bad_quantity when a pack holds less than one piece, or too many; bad_value when the
    first level is not one each, a level is repeated or out of order, or does not divide the next.
    """
    if not packs or packs[0] != Pack(PackLevel.each, 1):
        return Refusal(
            RefusalCode.bad_value,
            f"{field}: found {shown(list(packs[:1]))} first, expected the level each holding 1; "
            "begin the hierarchy with the single piece",
            field,
        )
    for smaller, larger in pairwise(packs):
        held = parse_each(larger.quantity_each, f"{field}.{larger.level}")
        if isinstance(held, Refusal):
            return held
        if _LEVELS.index(larger.level) <= _LEVELS.index(smaller.level):
            return Refusal(
                RefusalCode.bad_value,
                f"{field}: found {larger.level} after {smaller.level}, expected each level once "
                f"in the order {', '.join(_LEVELS)}; sort the levels",
                field,
            )
        if held % smaller.quantity_each or held <= smaller.quantity_each:
            return Refusal(
                RefusalCode.bad_value,
                f"{field}: found {larger.level} of {held}, expected a larger multiple of "
                f"{smaller.level} ({smaller.quantity_each}); correct either number",
                field,
            )
    return None


def into_packs(quantity_each: int, packs: Sequence[Pack]) -> list[tuple[PackLevel, int]]:
    """The fewest packs that hold exactly `quantity_each`: (level, number), largest level first.

    packs  a hierarchy that `check_packs` accepts; levels not needed are left out
    """
    filled: list[tuple[PackLevel, int]] = []
    rest = quantity_each
    for pack in reversed(packs):
        number, rest = divmod(rest, pack.quantity_each)
        if number:
            filled.append((pack.level, number))
    assert rest == 0, f"{quantity_each} pieces do not fill the packs {packs}"
    return filled


def parse_mass_g(value: object, unit: str, field: str) -> int | Refusal:
    """Grams, rounded up, from a number in g, kg, t, oz or lb; zero is allowed.

    Refuses: bad_value for an unknown unit, a float, no number, or more than MAX_MASS_G.
    Source: international avoirdupois pound of 1959, 453.59237 g.
    """
    return _parse_measure(value, unit, field, _GRAMS, MAX_MASS_G, "g")


def parse_length_mm(value: object, unit: str, field: str) -> int | Refusal:
    """Millimeters, rounded up, from a number in mm, cm, m, in or ft; zero is allowed.

    Refuses: bad_value for an unknown unit, a float, no number, or more than MAX_LENGTH_MM.
    Source: international inch of 1959, 25.4 mm.
    """
    return _parse_measure(value, unit, field, _MILLIMETERS, MAX_LENGTH_MM, "mm")


def _parse_measure(
    value: object,
    unit: str,
    field: str,
    factors: dict[str, Fraction],
    maximum: int,
    base_unit: str,
) -> int | Refusal:
    factor = factors.get(unit.strip().lower())
    if factor is None:
        return Refusal(
            RefusalCode.bad_value,
            f"{field}: found the unit {shown(unit)}, expected one of {', '.join(factors)}; "
            "convert the number",
            field,
        )
    number: Fraction | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = Fraction(value)
    elif isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        number = Fraction(value.strip())
    if number is not None and 0 <= number * factor <= maximum:
        measured = number * factor
        return -(-measured.numerator // measured.denominator)
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found {shown(value)} {unit.strip()}, expected a number from 0 to "
        f"{maximum} {base_unit} with a decimal point and no separators; correct the number",
        field,
    )
