"""Reading cells: text to values, or a refusal that names the column, what was found and expected.

Only what a text can be is decided here; which values make sense is decided by the rooms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo

from entrepot.flows.onboarding.rows import Row
from entrepot.words.calendar import Windows, parse_date
from entrepot.words.identifiers import (
    parse_country,
    parse_gln,
    parse_gtin,
    parse_postal_code,
    parse_sku,
)
from entrepot.words.money import (
    EXPONENTS,
    MAX_AMOUNT_MINOR,
    MILLS_PER_MINOR,
    Money,
    parse_currency,
    parse_money,
)
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import parse_each, parse_length_mm, parse_mass_g

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

PPM = 1_000_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEPARATOR = ";"
YEARS = range(1970, 2200)

_WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0+)?", re.ASCII)
# Whole numbers of few digits are most of what a file holds: they go without exact fractions.
_PLAIN = re.compile(r"[0-9]{1,5}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class CellRefused(Exception):
    """Raised while a row is read, and turned into that row's answer by `read_row`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def read_row(row: Row, read: Callable[[Cells], T]) -> T | Refusal:
    """The value of a row, or the refusal of its first cell that cannot be read."""
    if row.fault is not None:
        return row.fault
    try:
        return read(Cells(row))
    except CellRefused as refused:
        return refused.refusal


def refuse(
    column: str, found: object, expected: str, code: RefusalCode = RefusalCode.bad_value
) -> NoReturn:
    """Raises: CellRefused in the words all cells use."""
    text = "nothing" if found == "" else shown(found)
    raise CellRefused(
        Refusal(code, f"{column}: found {text}, expected {expected}; correct the cell", column)
    )


def _taken(parsed: T | Refusal) -> T:
    if isinstance(parsed, Refusal):
        raise CellRefused(parsed)
    return parsed


class Cells:
    """The cells of one row by column, each read as what it is to be.

    Methods raise CellRefused. Where a default is given, an empty cell has that value; elsewhere it
    is refused as missing.
    """

    def __init__(self, row: Row) -> None:
        self._cells = row.cells

    def given(self, column: str) -> str | None:
        """The text, or None for an empty cell."""
        text = self._cells.get(column, "")
        if not text.isprintable():
            refuse(column, text, "printable characters")
        return text or None

    def text(self, column: str) -> str:
        """The text."""
        text = self.given(column)
        if text is None:
            refuse(column, "", "a value", RefusalCode.missing_value)
        return text

    def sku(self, column: str) -> str:
        """A SKU."""
        return _taken(parse_sku(self.text(column), column))

    def country(self, column: str) -> str:
        """An ISO 3166-1 alpha-2 code."""
        return _taken(parse_country(self.text(column), column))

    def postal_code(self, column: str, country: str) -> str:
        """A postal code as the country writes it; '' where it needs none."""
        return _taken(parse_postal_code(self.given(column) or "", country, column))

    def postal_prefix(self, column: str) -> str:
        """The beginning of postal codes, in capitals without spaces and hyphens."""
        return (self.given(column) or "").upper().replace(" ", "").replace("-", "")

    def currency(self, column: str, default: str | None = None) -> str:
        """An ISO 4217 code."""
        text = self.given(column)
        if text is None and default is not None:
            return default
        return _taken(parse_currency(self.text(column), column))

    def gtin(self, column: str) -> str | None:
        """A GTIN, or None."""
        text = self.given(column)
        return None if text is None else _taken(parse_gtin(text, column))

    def gln(self, column: str) -> str | None:
        """A GLN, or None."""
        text = self.given(column)
        return None if text is None else _taken(parse_gln(text, column))

    def whole(self, column: str, default: int | None = None) -> int:
        """A whole number, also written as 12.0."""
        text = self.given(column)
        if text is None and default is not None:
            return default
        match = _WHOLE.fullmatch(self.text(column))
        if match is None:
            refuse(column, text, "a whole number, without separators or units")
        return int(match[1])

    def whole_or_none(self, column: str) -> int | None:
        """A whole number, or None for an empty cell."""
        return None if self.given(column) is None else self.whole(column)

    def each(self, column: str, default: int | None = None) -> int:
        """A quantity of at least one piece."""
        if default is not None and self.given(column) is None:
            return default
        return _taken(parse_each(self.text(column), column))

    def each_or_none(self, column: str) -> int | None:
        """A quantity of at least one piece, or None for an empty cell."""
        return None if self.given(column) is None else self.each(column)

    def mass_g(self, column: str) -> int:
        """Grams, a fraction rounded up."""
        text = self.text(column)
        if _PLAIN.fullmatch(text):
            return int(text)
        return _taken(parse_mass_g(text, "g", column))

    def length_mm(self, column: str) -> int:
        """Millimeters, a fraction rounded up."""
        text = self.text(column)
        if _PLAIN.fullmatch(text):
            return int(text)
        return _taken(parse_length_mm(text, "mm", column))

    def yes(self, column: str) -> bool:
        """yes or no; an empty cell is no."""
        text = self.given(column) or "no"
        if text.lower() not in _YES:
            refuse(column, text, "yes or no")
        return _YES[text.lower()]

    def choice(self, column: str, kind: type[E], default: E | None = None) -> E:
        """One of the words of a closed list, in any case."""
        text = self.given(column)
        if text is None and default is not None:
            return default
        for value in kind:
            if self.text(column).lower() == value.value.lower():
                return value
        refuse(column, text, f"one of {', '.join(value.value for value in kind)}")

    def amount_minor(self, column: str, currency: str, default: int | None = None) -> int:
        """An amount of money in minor units."""
        text = self.given(column)
        if text is None and default is not None:
            return default
        money: Money = _taken(parse_money(self.text(column), currency, column))
        return money.amount_minor

    def amount_mills(self, column: str, currency: str) -> int:
        """An amount of money in 1/1,000 of the minor unit; 0 for an empty cell."""
        text = self.given(column) or "0"
        decimals = EXPONENTS[currency] + len(str(MILLS_PER_MINOR)) - 1
        if _DECIMAL.fullmatch(text):
            amount = Decimal(text).scaleb(decimals)
            if amount == int(amount) and abs(amount) <= MAX_AMOUNT_MINOR * MILLS_PER_MINOR:
                return int(amount)
        refuse(column, text, f"an amount in {currency} with at most {decimals} decimals")

    def microdegrees(self, column: str) -> int:
        """Decimal degrees in millionths, rounded."""
        text = self.text(column)
        if not _DECIMAL.fullmatch(text):
            refuse(column, text, "decimal degrees such as 51.5074")
        return int(Decimal(text).scaleb(6).to_integral_value(ROUND_HALF_EVEN))

    def minute(self, column: str) -> int:
        """A local time as minutes after midnight."""
        return minute_of(column, self.text(column))

    def minute_or_none(self, column: str) -> int | None:
        """A local time as minutes after midnight, or None for an empty cell."""
        return None if self.given(column) is None else self.minute(column)

    def windows(self, column: str) -> Windows:
        """Opening hours of one day: `08:00-12:00;13:00-17:00`; empty = closed."""
        windows = []
        for part in self.parts(column):
            opens, dash, closes = part.partition("-")
            if not dash:
                refuse(column, part, "hours such as 08:00-17:00")
            windows.append((minute_of(column, opens), minute_of(column, closes)))
        return tuple(windows)

    def weekdays(self, column: str) -> tuple[int, ...]:
        """Weekdays, 0 = Monday: `mon-fri`, `mon;wed`, or both."""
        days: set[int] = set()
        self.text(column)
        for part in self.parts(column):
            first, dash, last = part.lower().partition("-")
            start = weekday_of(column, first)
            end = weekday_of(column, last) if dash else start
            if end < start:
                refuse(column, part, "a range in the order of the week, such as mon-fri")
            days.update(range(start, end + 1))
        return tuple(sorted(days))

    def dates(self, column: str) -> tuple[date, ...]:
        """Dates in order: `2025-12-25;2025-12-26`."""
        return tuple(sorted({_taken(parse_date(p, column)) for p in self.parts(column)}))

    def instant_or_none(self, column: str, zone: str) -> datetime | None:
        """A date (its midnight in the zone), or a time; UTC. None for an empty cell."""
        text = self.given(column)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or at.year not in YEARS:
            refuse(
                column,
                text,
                "a date YYYY-MM-DD, or a time YYYY-MM-DDTHH:MM with or without an offset, "
                f"from {YEARS[0]} to {YEARS[-1]}",
                RefusalCode.bad_date,
            )
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)

    def share_ppm(self, column: str, default: int) -> int:
        """A share of one, such as 0.95, in parts per million."""
        text = self.given(column)
        return default if text is None else ppm_of(column, text)

    def distribution(self, column: str) -> tuple[tuple[int, int], ...]:
        """Days and shares, `1:0.9;2:0.1`, as (days, ppm) by days."""
        pairs = [self._pair(column, part) for part in self.parts(column)]
        return tuple(sorted((self._whole(column, d), ppm_of(column, s)) for d, s in pairs))

    def breaks(self, column: str, currency: str) -> tuple[tuple[int, int], ...]:
        """Quantities and amounts, `144:1.10;576:0.98`, as (each, minor units) by quantity."""
        pairs = [self._pair(column, part) for part in self.parts(column)]
        return tuple(
            sorted(
                (
                    _taken(parse_each(from_each, column)),
                    _taken(parse_money(amount, currency, column)).amount_minor,
                )
                for from_each, amount in pairs
            )
        )

    def parts(self, column: str) -> list[str]:
        """The parts of a cell that holds several, without empty ones."""
        parts = (part.strip() for part in (self.given(column) or "").split(SEPARATOR))
        return [part for part in parts if part]

    def _pair(self, column: str, part: str) -> tuple[str, str]:
        left, colon, right = part.partition(":")
        if not colon:
            refuse(column, part, "pairs such as 1:0.9, with ; between them")
        return left.strip(), right.strip()

    def _whole(self, column: str, text: str) -> int:
        match = _WHOLE.fullmatch(text)
        if match is None:
            refuse(column, text, "a whole number")
        return int(match[1])


def minute_of(column: str, text: str) -> int:
    """Minutes after midnight of a time such as 17:30, up to 24:00. Raises: CellRefused."""
    match = _TIME.fullmatch(text.strip())
    minute = int(match[1]) * 60 + int(match[2]) if match else -1
    if not 0 <= minute <= 24 * 60:
        refuse(column, text, "a time from 00:00 to 24:00 as HH:MM")
    return minute


def weekday_of(column: str, text: str) -> int:
    """0 for mon to 6 for sun. Raises: CellRefused."""
    name = text.strip().lower()
    if name not in WEEKDAYS:
        refuse(column, text, f"a weekday: {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(name)


def ppm_of(column: str, text: str) -> int:
    """Parts per million of a share such as 0.95. Raises: CellRefused."""
    if _DECIMAL.fullmatch(text):
        share = Decimal(text) * PPM
        if share == int(share) and 0 <= share <= PPM:
            return int(share)
    refuse(column, text, "a share from 0 to 1 with at most 6 decimals")
