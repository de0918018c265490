"""The rows of an order history while they are looked at as a whole, kept compactly by order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple, TypeVar

from entrepot.flows.onboarding.sale_rows import Buyer, Sale

T = TypeVar("T")

UNREAD = -1


class _Numbers(dict[T, int]):
    """Numbers its keys from 0 as they come."""

    def __missing__(self, key: T) -> int:
        self[key] = number = len(self)
        return number


class HeldRow(NamedTuple):
    """A row as it is kept. One that could not be read has no buyer and is told by its content."""

    line: int
    block: int
    sku: int
    quantity_each: int
    unit_price_minor: int
    placed_us: int
    buyer: int

    @property
    def is_read(self) -> bool:
        """Whether the row is a sale."""
        return self.buyer != UNREAD

    @property
    def content(self) -> tuple[int, int, int, int]:
        """What makes two rows of one order equal."""
        return self[2:6]


class Sales:
    """Every row of a file that names an order, in about 50 bytes each, by order."""

    def __init__(self) -> None:
        self._orders: _Numbers[str] = _Numbers()
        self._skus: _Numbers[str] = _Numbers()
        self._buyers: _Numbers[Buyer] = _Numbers()
        self._order = array("I")
        self._columns = (
            array("I"),  # line
            array("I"),  # block
            array("i"),  # sku
            array("i"),  # quantity_each
            array("q"),  # unit_price_minor, or the content of a row that was not read
            array("q"),  # placed_us
            array("i"),  # buyer
        )
        self._block = 0

    def add(self, order_id: str, line: int, sale: Sale | None, fingerprint: int = 0) -> None:
        """Keep a row; `sale` None with its fingerprint for one that could not be read."""
        order = self._orders[order_id]
        if self._order and self._order[-1] != order:
            self._block += 1
        self._order.append(order)
        if sale is None:
            row = (line, self._block, UNREAD, 0, fingerprint, 0, UNREAD)
        else:
            sku, buyer = self._skus[sale.sku], self._buyers[sale.buyer]
            row = (line, self._block, sku, *sale[1:4], buyer)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)

    def orders(self) -> Iterator[tuple[str, list[HeldRow]]]:
        """Each order with its rows in the file's order; orders by their first row."""
        by_order = sorted(range(len(self._order)), key=self._order.__getitem__)
        groups = groupby(by_order, key=self._order.__getitem__)
        for order_id, (_, group) in zip(self._orders, groups, strict=True):
            positions = list(group)
            columns = (map(column.__getitem__, positions) for column in self._columns)
            yield order_id, list(map(HeldRow._make, zip(*columns, strict=True)))

    def words(self) -> tuple[list[str], list[Buyer]]:
        """SKUs and buyers by their numbers."""
        return list(self._skus), list(self._buyers)

    def __len__(self) -> int:
        return len(self._order)
