"""Country names as shops write them, to ISO 3166-1 codes."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources

from entrepot.words.identifiers import parse_country
from entrepot.words.outcome import Refusal, RefusalCode, shown


@cache
def names() -> Mapping[str, str]:
    """Codes by folded name: the English short names of ISO 3166-1, and everyday names beside them.

    A name that could mean several countries, such as Korea, is not among them.
    """
    file = resources.files(__package__) / "countries.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    return {fold(row["name"]): row["code"] for row in csv.DictReader(lines)}


def fold(name: str) -> str:
    """A name without what is written now so, now so: case, accents, punctuation, `the`, `&`.

    >>> fold("Iran (Islamic Republic of)") == fold("iran, islamic republic of")
    True
    """
    plain = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    kept = (
        c if c.isalnum() else "" if c in ".'\N{RIGHT SINGLE QUOTATION MARK}" else " "
        for c in plain
        if not unicodedata.combining(c)
    )
    return " ".join(word for word in "".join(kept).split() if word != "the")


def country_of(text: str, own: Mapping[str, str], column: str) -> str | Refusal:
    """The code for a country's name or code.

    own  the retailer's own names, folded; they go first

    Refuses: bad_country for what is neither.
    """
    code = own.get(fold(text)) or names().get(fold(text))
    if code is not None:
        return code
    if not isinstance(parsed := parse_country(text, column), Refusal):
        return parsed
    return Refusal(
        RefusalCode.bad_country,
        f"{column}: found {shown(text)}, expected the English name or the ISO 3166-1 code of one "
        f'country; say in the map what it means: [countries] {_quoted(text)} = "GB"',
        column,
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
