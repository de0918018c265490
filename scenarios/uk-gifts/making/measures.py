"""Mass, measures, category and packs of an item, from the words of its description.

1. The first row of rules/measures.csv holds of which a word stands in the description.
2. It holds for one piece. A number of pieces multiplies it: SET OF 6, SET/6, S/6, PACK OF 12, BOX
   OF 4, 3 PIECE, PAIR, or a number in front, unless what follows it is a part (3 TIER, 2 DRAWER).
   The outer measures grow with the cube root. Ten pieces or more are small ones and count a
   quarter, unless the row is of small pieces anyway.
3. A word of size scales it: MINI 0.45, SMALL 0.65, MEDIUM 1, LARGE and BIG 1.5, JUMBO and GIANT 2.
4. Packing adds 4 g and 3 %; no item is above 18 kg.
5. A case is the largest of some customary counts that is within 12 kg and 60 liters, and smaller
   where a piece is dear; an inner pack is a sixth or a quarter of it, and a pallet holds 20 cases
   of 60 liters, more of smaller ones, up to 600 kg.
"""

from __future__ import annotations

import re
from math import ceil
from typing import NamedTuple

from tables import read_table

SIZES = {
    "MINI": 0.45,
    "MINIATURE": 0.45,
    "TINY": 0.45,
    "SMALL": 0.65,
    "LARGE": 1.5,
    "BIG": 1.5,
    "JUMBO": 2.0,
    "GIANT": 2.0,
}
NUMBERS = {"TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5, "SIX": 6}
PARTS = (
    "TIER TIERED HOOK HOOKS DRAWER DRAWERS DRAW DOOR DOORS WICK ROW ROWS PANEL IN ASS ASSORTED COL "
    "COLOUR COLOURS SHELF COMPARTMENT BURNER TIERS STRAND ARM HEAD SECTION DAY DRAWERED HEART"
)
PACK_MASS_G, PACK_SHARE = 4, 0.03
PIECES_MAX = 144
MANY, MANY_SHARE = 10, 0.25
MASS_MAX_G = 18_000

CASES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96, 144)
CASES_BY_PRICE = ((50, 144), (200, 72), (500, 36), (1_000, 12), (10**9, 6))
CASE_MASS_G, CASE_MM3 = 12_000, 60_000_000
PALLET_MASS_G, PALLET_MM3 = 600_000, 1_200_000_000

_COUNTED = re.compile(
    r"\b(?:SET|PACK|BOX|PKT|PK|S|CARD|BAG|TUBE|TIN|ROLL)\s?(?:OF\s?|/\s?|\s)(\d{1,3})\b(?!')"
    r"|\b(\d{1,2})\s?(?:PIECE|PCE|PC|PCS)\b"
    rf"|^(\d{{1,3}})\s(?!(?:{'|'.join(PARTS.split())})\b)(?=[A-Z])"
)
_SPELLED = re.compile(rf"\b(?:SET|PACK|BOX) OF ({'|'.join(NUMBERS)})\b|\b(PAIR)\b")
_SIZE = re.compile(rf"\b({'|'.join(SIZES)})\b")


class Measures(NamedTuple):
    """An item as it is sold."""

    category: str
    mass_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    handling: str


class _Rule(NamedTuple):
    words: re.Pattern[str]
    row: dict[str, str]


def _rules() -> list[_Rule]:
    found = []
    for row in read_table("measures"):
        words = "|".join(map(re.escape, row["words"].split(";")))
        pattern = r"" if row["words"] == "*" else rf"(?<![A-Z-])(?:{words})(?:S|ES)?(?![A-Z])"
        found.append(_Rule(re.compile(pattern), row))
    return found


RULES = _rules()


def pieces(name: str, alone: int) -> int:
    """How many pieces a description speaks of; `alone` when it names no number."""
    if match := _COUNTED.search(name):
        number = int(next(filter(None, match.groups())))
        return min(max(number, 1), PIECES_MAX)
    if match := _SPELLED.search(name):
        return NUMBERS.get(match[1] or "", 2)
    return alone


def measured(name: str) -> Measures:
    """The measures of an item by its description."""
    text = name.upper()
    row = next(rule.row for rule in RULES if rule.words.search(text))
    size = SIZES[match[1]] if (match := _SIZE.search(text)) else 1.0
    number = pieces(text, int(row["pack"] or 1))
    scale = size * (number if row["pack"] or number < MANY else number * MANY_SHARE)
    mass_g = ceil(float(row["mass_g"]) * scale * (1 + PACK_SHARE)) + PACK_MASS_G
    sides = [ceil(int(row[f"{side}_mm"]) * scale ** (1 / 3)) for side in SIDES]
    length, width, height = sorted(sides, reverse=True)
    return Measures(
        row["category"], min(mass_g, MASS_MAX_G), length, width, height, row["handling"]
    )


SIDES = ("length", "width", "height")


class Packs(NamedTuple):
    """Pieces in an inner pack, a case and a pallet; 1 for none."""

    inner: int
    case: int
    pallet: int


def packs(item: Measures, price_pence: int) -> Packs:
    """How an item is packed that usually costs so much."""
    volume = item.length_mm * item.width_mm * item.height_mm
    most = next(each for below_pence, each in CASES_BY_PRICE if price_pence < below_pence)
    fitting = (
        n for n in CASES if n <= most and n * item.mass_g <= CASE_MASS_G and n * volume <= CASE_MM3
    )
    case = max(fitting, default=1)
    inner = next((case // n for n in (6, 4) if case % n == 0 and case // n >= 2), 1)
    cases = min(PALLET_MASS_G // (case * item.mass_g), PALLET_MM3 // (case * volume))
    return Packs(inner, case, case * max(1, cases))
