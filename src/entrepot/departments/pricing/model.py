"""Price values, the command to set one, and its fact."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.words.facts import Fact

STANDARD_LIST = "standard"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""`valid_from` of a price without a beginning."""


class PriceEntry(msgspec.Struct, frozen=True):
    """The price of one each on a list, from `valid_from` until before `valid_to` (None = open)."""

    sku: str
    currency: str
    amount_minor: int
    price_list: str = STANDARD_LIST
    valid_from: datetime = BEGINNING
    valid_to: datetime | None = None

    @property
    def key(self) -> PriceKey:
        """What a later version replaces it by."""
        return PriceKey(self.sku, self.price_list, self.currency, self.valid_from)


class PriceKey(NamedTuple):
    """A price's place; the latest version at a place is the one that counts."""

    sku: str
    price_list: str
    currency: str
    valid_from: datetime


class PriceVersion(NamedTuple):
    """An entry as written. revision counts the versions at one place from 1."""

    entry: PriceEntry
    revision: int
    version_id: UUID


class Price(NamedTuple):
    """The price in force: minor units for one each, and the version that says so."""

    version_id: UUID
    amount_minor: int


class PriceBook:
    """Prices over a span of time, to be asked for instants within it."""

    def __init__(self, entries: Iterable[tuple[str, datetime, datetime | None, Price]]) -> None:
        """entries  (SKU, valid from, valid to, price), of each SKU the latest beginning first"""
        self._entries: dict[str, list[tuple[datetime, datetime | None, Price]]] = {}
        for sku, valid_from, valid_to, price in entries:
            self._entries.setdefault(sku, []).append((valid_from, valid_to, price))

    def at(self, instant: datetime, skus: Iterable[str]) -> dict[str, Price]:
        """The price of one each in force at an instant; SKUs without one are left out."""
        found = {}
        for sku in skus:
            for valid_from, valid_to, price in self._entries.get(sku, ()):
                if valid_from <= instant and (valid_to is None or valid_to > instant):
                    found[sku] = price
                    break
        return found


class SetPrice(msgspec.Struct, frozen=True):
    """Put an entry on its list, in place of an earlier version at the same place."""

    command_id: str
    actor: str
    entry: PriceEntry


class Priced(NamedTuple):
    """Written as a new version."""

    version: PriceVersion


class Unchanged(NamedTuple):
    """Nothing to do: the latest version says the same."""

    version: PriceVersion


class PriceSet(Fact, frozen=True):
    """A price was set."""

    entry: PriceEntry
    revision: int
    version_id: UUID
