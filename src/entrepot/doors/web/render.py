"""Templates to text, and how values are written on a page."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from entrepot.doors.web import charts
from entrepot.doors.web.assets import address
from entrepot.flows.views import tower_page
from entrepot.words.money import Money, format_money

PERCENT_PPM = 10_000
NONE = "–"


def render(template: str, **values: Any) -> str:
    """A template of this door, filled in."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("entrepot.doors.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "amount": amount,
        "words": words,
        "weeks": weeks,
        "day": day,
        "instant": instant,
        "age": age,
    }
    environment.globals |= {
        "asset": address,
        "bars": charts.bars,
        "days_chart": charts.days_chart,
        "on_time_ppm": tower_page.on_time_ppm,
        "kept_ppm": tower_page.kept_ppm,
        "AGES": charts.AGES,
    }
    return environment


def number(count: int) -> str:
    """1234 as 1,234."""
    return f"{count:,}"


def percent(ppm: int | None) -> str:
    """Parts per million with one decimal; a dash for none."""
    return NONE if ppm is None else f"{ppm / PERCENT_PPM:.1f} %"


def amount(amount_minor: int, currency: str) -> str:
    """Money with its currency, `16,060.60 EUR`; just the number while the retailer has none."""
    if not currency:
        return number(amount_minor)
    written, _, unit = format_money(Money(amount_minor, currency)).rpartition(" ")
    whole, point, rest = written.partition(".")
    return f"{int(whole):,}{point}{rest} {unit}"


def words(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")


def weeks(count: int) -> str:
    """`1 week`, `13 weeks`."""
    return f"{count} week{'' if count == 1 else 's'}"


def day(on: date, at: date | None = None) -> str:
    """`Mon 2 Mar`; with the year when it is another one than that of `at`."""
    year = f" {on.year}" if at is not None and on.year != at.year else ""
    return f"{on:%a} {on.day} {on:%b}{year}"


def instant(at: datetime) -> str:
    """`Mon 2 Mar 2026, 14:05 UTC`."""
    return f"{day(at.date())} {at:%Y, %H:%M} UTC"


def age(since: datetime | None, at: datetime) -> str:
    """How long ago, in the largest unit that says something: `5 min`, `3 h`, `12 d`."""
    if since is None:
        return NONE
    passed = max(at - since, timedelta())
    if passed < timedelta(hours=1):
        return f"{passed // timedelta(minutes=1)} min"
    if passed < timedelta(days=2):
        return f"{passed // timedelta(hours=1)} h"
    return f"{passed // timedelta(days=1)} d"
