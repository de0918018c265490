"""How figures are written for people: found by their path, with the unit their name ends with.

The text stands in a `data` element that carries the bare value and where it stands in report.json,
so that whoever doubts a figure on the page finds its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from html import escape

from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.shares import PER_MILLION
from entrepot.words.money import EXPONENTS, MILLS_PER_MINOR

NOTHING = "–"
THIN = "\u202f"  # between digits and units; does not break the line
_MASSES = ((1_000_000, "t"), (1_000, "kg"))
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ONE = {"days": "day", "parcels": "parcel", "orders": "order", "centers": "center", "areas": "area"}


def at(figures: Figures, path: str) -> object:
    """The figure at a path such as `centers.0.kept.kept_ppm`."""
    found: object = figures
    for step in path.split("."):
        if step.isdigit():
            assert isinstance(found, Sequence), f"{path}: {step} is asked of no list"
            found = found[int(step)]
        else:
            found = getattr(found, step)
    return found


def figure(figures: Figures, path: str) -> str:
    """A figure as HTML, with its unit."""
    value = at(figures, path)
    text = written(path.rpartition(".")[2], value, figures.settings.currency)
    bare = "" if value is None else str(value)
    if isinstance(value, datetime):
        bare = value.isoformat().replace("+00:00", "Z")
    return f'<data value="{escape(bare)}" data-at="{path}">{escape(text)}</data>'


def written(name: str, value: object, currency: str) -> str:
    """A value as text, in the unit its name ends with; without one it is a plain number."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, date):
        return day(value)
    if not isinstance(value, int):
        return str(value)
    match name.rpartition("_")[2]:
        case "seed":
            return str(value)
        case "ppm":
            return percent(value)
        case "minor":
            return money(value, currency)
        case "mills":
            return money_of_mills(value, currency)
        case "g":
            return mass(value)
        case "days":
            return counted(value, "days")
    return number(value)


def number(value: int) -> str:
    """Digits in groups of three."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A number of things: `1 parcel`, `2 parcels`."""
    return f"{number(value)} {_ONE.get(noun, noun) if abs(value) == 1 else noun}"


def percent(ppm: int) -> str:
    """With one decimal, rounded down, so that 100 % means all of them."""
    tenths = ppm * 1_000 // PER_MILLION
    if tenths == 1_000:
        return f"100{THIN}%"
    return f"{tenths // 10}.{tenths % 10}{THIN}%"


def money(minor: int, currency: str) -> str:
    """An amount in full units once it is large, else exact."""
    exponent = EXPONENTS.get(currency, 2)
    scale = 10**exponent
    if abs(minor) >= 10_000 * scale or exponent == 0:
        return _amount(number(_rounded(minor, scale)), currency)
    sign = "-" if minor < 0 else ""
    whole, rest = divmod(abs(minor), scale)
    return sign + _amount(f"{number(whole)}.{rest:0{exponent}d}", currency)


def money_of_mills(mills: int, currency: str) -> str:
    """An amount in thousandths of the minor unit, rounded to the minor unit."""
    return money(_rounded(mills, MILLS_PER_MINOR), currency)


def _rounded(value: int, step: int) -> int:
    return (2 * value + step) // (2 * step)


def _amount(digits: str, currency: str) -> str:
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{digits}" if symbol else f"{digits}{THIN}{currency}"


def mass(grams: int) -> str:
    """Grams, kilograms or tonnes, whichever reads best."""
    for step, unit in _MASSES:
        if abs(grams) >= step:
            tenths = _rounded(grams * 10, step)
            if tenths >= 1_000:
                return f"{number(_rounded(grams, step))}{THIN}{unit}"
            return f"{tenths // 10}.{tenths % 10}{THIN}{unit}"
    return f"{grams}{THIN}g"


def day(value: date) -> str:
    """Such as `4 Jul 2011`."""
    return f"{short_day(value)} {value.year}"


def short_day(value: date) -> str:
    """Such as `4 Jul`."""
    return f"{value.day} {_MONTHS[value.month - 1]}"


def short_month(value: date) -> str:
    """Such as `Jul 2011`."""
    return f"{_MONTHS[value.month - 1]} {value.year}"


def words(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")
