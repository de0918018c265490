"""How a retailer's order history is to be read, as the scenario says it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from entrepot.flows.onboarding.countries import fold, names
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.words.identifiers import COUNTRIES
from entrepot.words.outcome import Refusal, RefusalCode, shown

FOLDER = "history"
MAP_FILE = "history.toml"

Codes = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """Local days, the last one not included."""

    since: date
    until: date


class HistoryMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file and its peculiarities.

    file               beside the map
    zone               IANA zone of its times
    second_arrival     days whose invoices stand in it twice
    not_goods          pattern of stock codes -> what they are
    countries          name -> ISO codes; a buyer of a name with several lives in one of them
    refused_countries  name -> why it is none
    sources            whose data the folder uses, and under which license, a sentence each
    """

    file: str
    zone: str
    currency: str
    second_arrival: Stretch
    not_goods: Mapping[str, str]
    countries: Mapping[str, Codes]
    refused_countries: Mapping[str, str]
    sources: tuple[str, ...] = ()

    def codes_of(self, country: str) -> tuple[str, ...] | Refusal:
        """The ISO codes a country's name may mean: the scenario's own names, then everyday ones.

        Refuses: bad_country for what the scenario refuses, and for names nobody knows.
        """
        if country in self.countries:
            return self.countries[country]
        if code := names().get(fold(country)):
            return (code,)
        reason = self.refused_countries.get(country, "is not known; say what it means in the map")
        return Refusal(
            RefusalCode.bad_country,
            f"country: found {shown(country)}, which {reason}; expected the name of one country",
            "country",
        )


def read_map(scenario: Path) -> HistoryMap:
    """The map of a scenario's history.

    Raises: UnusableFolder saying what is missing or wrong.
    """
    path = scenario / FOLDER / MAP_FILE
    try:
        with path.open("rb") as file:
            found = msgspec.convert(tomllib.load(file), HistoryMap)
    except OSError as error:
        raise UnusableFolder([f"{path}: cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UnusableFolder([f"{path}: {error}; correct the map"]) from error
    unknown = sorted({c for codes in found.countries.values() for c in codes} - COUNTRIES)
    if unknown:
        raise UnusableFolder(
            [f"{path}: countries: found {', '.join(unknown)}, expected ISO 3166-1 alpha-2 codes"]
        )
    return found
