"""Rows of an order history: each read into a sale, or refused in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from entrepot.flows.onboarding.cells import YEARS
from entrepot.flows.onboarding.countries import country_of
from entrepot.flows.onboarding.order_map import Columns, OrderMap, own_countries
from entrepot.flows.onboarding.rows import Row
from entrepot.words.identifiers import parse_sku
from entrepot.words.money import parse_currency, parse_money
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import parse_each

T = TypeVar("T")

ORDER_ID_CHARACTERS_MAX = 64
CUSTOMER_CHARACTERS_MAX = 64
REMEMBERED_TEXTS = 100_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Buyer(NamedTuple):
    """What is the same for all rows of an order. customer is the shop's own id, or None."""

    customer: str | None
    country: str
    currency: str


class Sale(NamedTuple):
    """One line sold. placed_us counts microseconds since 1970 UTC; the price is in minor units."""

    sku: str
    quantity_each: int
    unit_price_minor: int
    placed_us: int
    buyer: Buyer


class Defaults(NamedTuple):
    """What holds where the file says nothing.

    zone      IANA zone of times without an offset
    currency  None only when the file has a column for it
    latest    no sale is later
    """

    zone: str
    currency: str | None
    latest: datetime


def _remembered(parse: Callable[[str], T]) -> Callable[[str], T]:
    """The same answer for the same text: a history repeats its ids, dates and prices."""
    return lru_cache(maxsize=REMEMBERED_TEXTS)(parse)


class SaleReader:
    """Reads rows by a map."""

    def __init__(self, columns: Columns, order_map: OrderMap, defaults: Defaults) -> None:
        self._columns = columns
        self._map = order_map
        self._own_countries = own_countries(order_map)
        self._zone = ZoneInfo(defaults.zone)
        self._defaults = defaults
        self._order_id = _remembered(self._parse_order_id)
        self._sku = _remembered(self._parse_sku)
        self._quantity = _remembered(self._parse_quantity)
        self._price = lru_cache(maxsize=REMEMBERED_TEXTS)(self._parse_price)
        self._placed = _remembered(self._parse_placed)
        self._country = _remembered(self._parse_country)
        self._currency = _remembered(self._parse_currency)
        self._customer = _remembered(self._parse_customer)
        self._buyer = lru_cache(maxsize=REMEMBERED_TEXTS)(Buyer)

    @property
    def sku_column(self) -> str:
        """The file's name for the SKU."""
        return self._columns.sku

    def order_id(self, row: Row) -> str | Refusal:
        """The order a row belongs to.

        Refuses: the row's own fault; missing_value, bad_identifier.
        """
        parsed = self._order_id(row.cells.get(self._columns.order_id, ""))
        return row.fault if row.fault is not None and isinstance(parsed, Refusal) else parsed

    def sale(self, row: Row) -> Sale | Refusal:
        """What a row sold.

        Refuses: the row's own fault; missing_value; unsupported for returns; not_orderable for
        what is no goods; bad_identifier, bad_quantity, bad_price, bad_date, bad_country, bad_value.
        """
        if row.fault is not None:
            return row.fault
        cells, columns = row.cells, self._columns
        if refusal := self._return(cells[columns.order_id]):
            return refusal
        sku = self._sku(cells[columns.sku])
        if isinstance(sku, Refusal):
            return sku
        quantity_each = self._quantity(cells[columns.quantity])
        if isinstance(quantity_each, Refusal):
            return quantity_each
        currency = self._currency(cells[columns.currency] if columns.currency else "")
        if isinstance(currency, Refusal):
            return currency
        unit_price_minor = self._price(cells[columns.unit_price], currency)
        if isinstance(unit_price_minor, Refusal):
            return unit_price_minor
        placed_us = self._placed(cells[columns.placed_at])
        if isinstance(placed_us, Refusal):
            return placed_us
        country = self._country(cells[columns.country] if columns.country else "")
        if isinstance(country, Refusal):
            return country
        customer = self._customer(cells[columns.customer] if columns.customer else "")
        if isinstance(customer, Refusal):
            return customer
        buyer = self._buyer(customer, country, currency)
        return Sale(sku, quantity_each, unit_price_minor, placed_us, buyer)

    def fingerprint(self, row: Row) -> int:
        """63 bits of the row's content, to tell equal rows that could not be read."""
        text = "\x1f".join(row.cells.get(c, "") for c in self._columns if c is not None)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1

    def _parse_order_id(self, text: str) -> str | Refusal:
        column = self._columns.order_id
        if not text:
            return _missing(column, "the id of an order")
        if len(text) <= ORDER_ID_CHARACTERS_MAX and text.isprintable():
            return text
        return Refusal(
            RefusalCode.bad_identifier,
            f"{column}: found {shown(text)}, expected at most {ORDER_ID_CHARACTERS_MAX} printable "
            "characters; shorten the id",
            column,
        )

    def _return(self, order_id: str) -> Refusal | None:
        prefixes = self._map.returns.order_id_prefixes
        if not prefixes or not order_id.startswith(prefixes):
            return None
        column = self._columns.order_id
        return Refusal(
            RefusalCode.unsupported,
            f"{column}: found {shown(order_id)}, which the map marks as a return; expected an "
            "order: returns are imported with returns",
            column,
        )

    def _parse_sku(self, text: str) -> str | Refusal:
        column = self._columns.sku
        if not text:
            return _missing(column, "a SKU")
        if any(fnmatchcase(text, pattern) for pattern in self._map.not_goods.skus):
            return Refusal(
                RefusalCode.not_orderable,
                f"{column}: found {shown(text)}, which the map marks as no goods; expected a SKU",
                column,
            )
        return parse_sku(text, column)

    def _parse_quantity(self, text: str) -> int | Refusal:
        column = self._columns.quantity
        if not text:
            return _missing(column, "a number of pieces")
        parsed = parse_each(text, column)
        if isinstance(parsed, Refusal) and text.startswith("-"):
            return Refusal(
                RefusalCode.bad_quantity,
                f"{column}: found {shown(text)}, expected a whole number of pieces from 1; a "
                "negative quantity is a return or a correction: returns are imported with returns",
                column,
            )
        return parsed

    def _parse_currency(self, text: str) -> str | Refusal:
        default = self._defaults.currency
        if not text and default is not None:
            return default
        column = self._columns.currency or "currency"
        return parse_currency(text, column) if text else _missing(column, "a currency code")

    def _parse_price(self, text: str, currency: str) -> int | Refusal:
        column = self._columns.unit_price
        if not text:
            return _missing(column, "an amount")
        parsed = parse_money(text, currency, column)
        if isinstance(parsed, Refusal):
            return parsed
        if parsed.amount_minor or self._map.free_lines:
            return parsed.amount_minor
        return Refusal(
            RefusalCode.bad_price,
            f"{column}: found {shown(text)}, expected an amount above 0; lines without a price are "
            "often samples or corrections: if they are sales, say free_lines = true in the map",
            column,
        )

    def _parse_placed(self, text: str) -> int | Refusal:
        column, form = self._columns.placed_at, self._map.placed_at.format
        if not text:
            return _missing(column, "a date and time")
        try:
            at = _time_of(text, form)
        except ValueError:
            return self._bad_time(text)
        if at.year in YEARS:
            at = at if at.tzinfo else at.replace(tzinfo=self._zone)
            if at <= self._defaults.latest:
                return (at - EPOCH) // MICROSECOND
        return Refusal(
            RefusalCode.bad_date,
            f"{column}: found {shown(text)}, expected a time from {YEARS[0]} until now; "
            "check the order of day and month",
            column,
        )

    def _bad_time(self, text: str) -> Refusal:
        column, form = self._columns.placed_at, self._map.placed_at.format
        expected = f"a time in the map's form {form}"
        if form is None:
            expected = (
                "a time such as 2010-12-01 08:26; for another form say in the map: "
                '[placed_at] format = "%d/%m/%Y %H:%M"'
            )
        return Refusal(
            RefusalCode.bad_date, f"{column}: found {shown(text)}, expected {expected}", column
        )

    def _parse_country(self, text: str) -> str | Refusal:
        column, fixed = self._columns.country, self._map.fixed.country
        if column is None or (not text and fixed is not None):
            assert fixed is not None, "a file without a column for the country has a fixed one"
            return fixed.strip().upper()
        if not text:
            return _missing(column, "a country")
        return country_of(text, self._own_countries, column)

    def _parse_customer(self, text: str) -> str | Refusal | None:
        if not text:
            return None
        column = self._columns.customer
        if len(text) <= CUSTOMER_CHARACTERS_MAX and text.isprintable() and "@" not in text:
            return text
        return Refusal(
            RefusalCode.bad_identifier,
            f"{column}: found {'an address' if '@' in text else shown(text)}, expected the shop's "
            f"own id of the customer, at most {CUSTOMER_CHARACTERS_MAX} characters; personal data "
            "has no place in an order history",
            column,
        )


def _time_of(text: str, form: str | None) -> datetime:
    if form is None:
        return datetime.fromisoformat(text)
    return datetime.strptime(text, form)  # noqa: DTZ007  the zone follows


def _missing(column: str, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.missing_value,
        f"{column}: found nothing, expected {expected}; fill the cell",
        column,
    )


def at_of(placed_us: int) -> datetime:
    """The instant of `placed_us`."""
    return EPOCH + placed_us * MICROSECOND
