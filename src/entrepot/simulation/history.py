"""A real retailer's order history: its invoices, returns and stock corrections in order of time.

`read_history.read_history` reads everything once; a window of time is then cut out in
microseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from entrepot.simulation.addresses import buyer_of
from entrepot.simulation.history_rows import Kind
from entrepot.words.outcome import Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Whole = npt.NDArray[np.integer[Any]]
Timed = TypeVar("Timed", "Return", "Correction")


class Line(NamedTuple):
    """One line of an invoice, at the price that was really paid for each."""

    line_no: int
    sku: str
    quantity_each: int
    unit_price_minor: int


class Invoice(NamedTuple):
    """A sale.

    customer  None where the file names none
    country   ISO code, or why there is none; then the invoice cannot be an order
    lines     numbered from 1 in the file's order
    """

    invoice: str
    at: datetime
    customer: int | None
    country: str | Refusal
    lines: tuple[Line, ...]

    @property
    def buyer(self) -> str:
        """Who bought, as `addresses` names them."""
        return buyer_of(self.customer, self.invoice)


class Return(NamedTuple):
    """Pieces that come back from one line of an earlier sale.

    document, number  the credit's own number, and the return's within it from 1
    """

    at: datetime
    document: str
    number: int
    customer: int
    sku: str
    quantity_each: int
    unit_price_minor: int
    sale_invoice: str
    sale_line_no: int
    sale_at: datetime


class Cause(StrEnum):
    """Why stock was corrected."""

    untied_return = "untied_return"  # came back, but no earlier sale to that buyer covers it
    write_off = "write_off"  # damaged, lost, given away, sold elsewhere
    found = "found"  # there was more than the books said


class Correction(NamedTuple):
    """Stock found or missing. `change_each` is signed; `note` is what somebody wrote beside it."""

    at: datetime
    document: str
    number: int
    sku: str
    change_each: int
    cause: Cause
    note: str


class Credits(NamedTuple):
    """Rows of credits: tied whole to earlier sales, in part, or to none."""

    tied: int
    tied_in_part: int
    untied: int


class Report(NamedTuple):
    """Where every row of the file went; `accounted` equals `rows_read`.

    invoices_read  different invoice numbers, those of credits and corrections too
    rows           by what they are
    not_goods      stock code -> rows, and what it is in words
    refused        country's name -> rows, and why it is refused
    credits        rows that came back
    sales          invoices that can be orders
    refused_sales  invoices to countries that are refused
    """

    rows_read: int
    invoices_read: int
    rows: Mapping[Kind, int]
    not_goods: Mapping[str, tuple[int, str]]
    refused: Mapping[str, tuple[int, str]]
    credits: Credits
    sales: int
    refused_sales: int

    @property
    def accounted(self) -> int:
        """Rows of all kinds together."""
        return sum(self.rows.values())


class Sales(NamedTuple):
    """All sales as arrays, by invoice in order of time, then by line.

    invoices    numbers; `at_us` microseconds since 1970, `customers` 0 = none
    countries   positions in `country_values`: ISO codes or refusals
    starts      position of each invoice's first line, and one more at the end
    skus        of each line: position in `sku_values`
    quantities, unit_prices  of each line
    """

    invoices: Sequence[str]
    at_us: Whole
    customers: Whole
    countries: Whole
    country_values: Sequence[str | Refusal]
    starts: Whole
    sku_values: Sequence[str]
    skus: Whole
    quantities: Whole
    unit_prices: Whole


class History:
    """Everything that happened, to be asked by windows of time; as `read_history` gives it."""

    def __init__(
        self,
        sales: Sales,
        returns: Sequence[Return],
        corrections: Sequence[Correction],
        report: Report,
    ) -> None:
        self.sales = sales
        self.report = report
        self._returns = returns
        self._corrections = corrections
        self._return_times = [r.at for r in returns]
        self._correction_times = [c.at for c in corrections]

    @property
    def begins(self) -> datetime:
        """The time of the first sale."""
        return at_of(self.sales.at_us[0])

    @property
    def ends(self) -> datetime:
        """The minute after the last sale."""
        return at_of(self.sales.at_us[-1]) + timedelta(minutes=1)

    def counts(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Sales and their lines from `since` until before `until`."""
        first, last = self._span(since, until)
        return last - first, int(self.sales.starts[last] - self.sales.starts[first])

    def invoices(self, since: datetime, until: datetime) -> Iterator[Invoice]:
        """Sales from `since` until before `until`, in order of time."""
        sales = self.sales
        first, last = self._span(since, until)
        starts = sales.starts[first : last + 1].tolist()
        begin = starts[0]
        skus = sales.skus[begin : starts[-1]].tolist()
        quantities = sales.quantities[begin : starts[-1]].tolist()
        prices = sales.unit_prices[begin : starts[-1]].tolist()
        for number, (start, end) in enumerate(pairwise(starts), start=first):
            lines = range(start - begin, end - begin)
            yield Invoice(
                invoice=sales.invoices[number],
                at=at_of(sales.at_us[number]),
                customer=int(sales.customers[number]) or None,
                country=sales.country_values[sales.countries[number]],
                lines=tuple(
                    Line(line_no, sales.sku_values[skus[n]], quantities[n], prices[n])
                    for line_no, n in enumerate(lines, start=1)
                ),
            )

    def next_sale(self, since: datetime) -> datetime | None:
        """The time of the first sale at `since` or later; None when there is none."""
        first = int(np.searchsorted(self.sales.at_us, us_of(since)))
        return at_of(self.sales.at_us[first]) if first < len(self.sales.at_us) else None

    def returns(self, since: datetime, until: datetime) -> Sequence[Return]:
        """What came back from `since` until before `until`, in order of time."""
        return _cut(self._returns, self._return_times, since, until)

    def corrections(self, since: datetime, until: datetime) -> Sequence[Correction]:
        """Corrections of stock from `since` until before `until`, in order of time."""
        return _cut(self._corrections, self._correction_times, since, until)

    def _span(self, since: datetime, until: datetime) -> tuple[int, int]:
        first, last = np.searchsorted(self.sales.at_us, [us_of(since), us_of(until)])
        return int(first), max(int(first), int(last))


def _cut(
    entries: Sequence[Timed], times: Sequence[datetime], since: datetime, until: datetime
) -> Sequence[Timed]:
    return entries[bisect_left(times, since) : bisect_left(times, until)]


def at_of(at_us: int) -> datetime:
    """The instant so many microseconds after 1970."""
    return EPOCH + int(at_us) * MICROSECOND


def us_of(at: datetime) -> int:
    """Microseconds from 1970 to an instant."""
    return (at - EPOCH) // MICROSECOND
