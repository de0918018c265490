"""Whether a scenario can be played, said before anything runs: every row of its folder, and what a
run needs of it besides.

A folder may be loaded without much of what a run cannot do without. What is sold in the window must
be an item with a price and a supplier, and must get to where its buyers live.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from entrepot.departments.catalog.model import Item, ItemStatus
from entrepot.departments.network import decisions as network_decisions
from entrepot.departments.network.model import ANY_NODE, Network, NodeKind, NodeStatus
from entrepot.departments.pricing.model import STANDARD_LIST, PriceEntry
from entrepot.departments.purchasing.model import Terms
from entrepot.flows.onboarding import goods_rows
from entrepot.flows.onboarding.cells import Cells, read_row
from entrepot.flows.onboarding.check import Checked, check_folder
from entrepot.flows.onboarding.rows import FolderRows, RefusedRow, UnusableFolder
from entrepot.simulation.history import Whole, at_of, us_of
from entrepot.simulation.retailer import Retailer
from entrepot.words.outcome import Refusal, shown

TOLD_OF_A_KIND_MAX = 5
PLACES = "places/places.csv"

V = TypeVar("V")


def require_fit(folder: FolderRows, past: Retailer, window: tuple[datetime, datetime]) -> None:
    """Raises: UnusableFolder with everything that `problems` finds."""
    if found := problems(folder, past, window):
        raise UnusableFolder(found)


def problems(folder: FolderRows, past: Retailer, window: tuple[datetime, datetime]) -> list[str]:
    """Why a run of these days cannot be played, in words; none = it can.

    Of each file, or kind of problem, the first few are told and the others counted. What a run
    needs besides is looked at when no row is refused.
    """
    refused: list[RefusedRow] = []
    checked = check_folder(None, folder, refused.append, lambda _step: None)
    if refused:
        return _refused_rows(refused)
    sold = _sold(past, window)
    goods = _goods(folder, checked)
    kinds = (
        _centers(checked.plan.network),
        _services(checked.plan.network),
        _destinations(checked.plan.network, past, sold),
        _items(goods, sold),
        _prices(goods, sold),
        _terms(goods, sold),
        _suppliers(goods, checked),
    )
    return [problem for kind in kinds for problem in _some(list(kind))]


def _refused_rows(refused: Iterable[RefusedRow]) -> list[str]:
    """Rows by file, those that others build on first."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for row, refusal in refused:
        by_file[row.file].append(f"{row.file}, line {row.line}: {refusal.message}")
    return [problem for told in by_file.values() for problem in _some(told)]


def _some(told: list[str]) -> list[str]:
    left = len(told) - TOLD_OF_A_KIND_MAX
    if left <= 1:
        return told
    file = told[0].partition(",")[0].partition(":")[0]
    return [*told[:TOLD_OF_A_KIND_MAX], f"{file}: {left:,} more like these"]


class _Sold(NamedTuple):
    """What is sold in the window, to countries that are not refused.

    times      of each SKU's lines, in microseconds since 1970
    countries  invoices by country
    """

    times: Mapping[str, Whole]
    countries: Counter[str]


def _sold(past: Retailer, window: tuple[datetime, datetime]) -> _Sold:
    sales = past.history.sales
    first, last = np.searchsorted(sales.at_us, [us_of(at) for at in window])
    named = list(sales.country_values)
    countries = sales.countries[first:last]
    kept = np.array([isinstance(country, str) for country in named])[countries]
    lines = np.diff(sales.starts[first : last + 1])
    taken = np.repeat(kept, lines)
    span = slice(int(sales.starts[first]), int(sales.starts[last]))
    skus = sales.skus[span][taken]
    times = np.repeat(sales.at_us[first:last], lines)[taken]
    order = np.argsort(skus, kind="stable")
    numbers, starts = np.unique(skus[order], return_index=True)
    bounds = pairwise([*starts.tolist(), len(order)])
    return _Sold(
        times={
            sales.sku_values[number]: times[order[start:end]]
            for number, (start, end) in zip(numbers.tolist(), bounds, strict=True)
        },
        countries=Counter(str(named[number]) for number in countries[kept].tolist()),
    )


class _Goods(NamedTuple):
    """Items by SKU; prices in the retailer's currency and terms, each by SKU."""

    currency: str
    items: Mapping[str, Item]
    prices: Mapping[str, list[PriceEntry]]
    terms: Mapping[str, list[Terms]]


def _goods(folder: FolderRows, checked: Checked) -> _Goods:
    retailer, currencies = checked.known.retailer, checked.known.currencies
    items = _values(folder, "items", goods_rows.item)
    prices = _values(folder, "prices", lambda cells: goods_rows.price(cells, retailer))
    terms = _values(folder, "terms", lambda cells: goods_rows.terms(cells, currencies, retailer))
    return _Goods(
        currency=retailer.currency,
        items={item.sku: item for item in items},
        prices=_by(
            (p for p in prices if (p.currency, p.price_list) == (retailer.currency, STANDARD_LIST)),
            lambda price: price.sku,
        ),
        terms=_by(terms, lambda each: each.sku),
    )


def _values(folder: FolderRows, table: str, read: Callable[[Cells], V]) -> Iterator[V]:
    """The values of a table that the check found to be right."""
    if table not in folder.tables:
        return
    for batch in folder.tables[table].batches():
        for row in batch:
            value = read_row(row, read)
            assert not isinstance(value, Refusal), f"{row.file}:{row.line} passed the check"
            yield value


def _by(values: Iterable[V], key: Callable[[V], Hashable]) -> dict[Any, list[V]]:
    found: dict[Any, list[V]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return found


def _open_centers(known: Network) -> list[str]:
    return sorted(
        node.node_id
        for node in known.nodes.values()
        if node.kind is NodeKind.fulfillment_center and node.status is NodeStatus.open
    )


def _centers(known: Network) -> Iterator[str]:
    if not _open_centers(known):
        yield (
            "nodes.csv: found no open fulfillment_center, expected one at least; add it, or open "
            "one that is closed"
        )


def _services(known: Network) -> Iterator[str]:
    centers = _open_centers(known)
    reached = {service_id for service_id, _, _ in known.transits}
    for service_id in sorted(known.services):
        if not any((service_id, node) in known.offerings for node in (*centers, ANY_NODE)):
            yield (
                f"service_nodes.csv: found no open center that offers {service_id}, expected one "
                "at least; add a row, or take the service out of services.csv"
            )
        elif service_id not in reached:
            yield (
                f"rates.csv: found no zone to which {service_id} goes, expected one at least; add "
                "its rates, and its times to transits.csv, or take it out of services.csv"
            )


def _destinations(known: Network, past: Retailer, sold: _Sold) -> Iterator[str]:
    centers = _open_centers(known)
    for country, orders in sorted(sold.countries.items()):
        numbers = past.places.numbers.get(country, ())
        if not numbers:
            yield (
                f"{PLACES}: found no place in {country}, where {orders:,} orders of these days "
                "go; expected one at least; add one"
            )
            continue
        areas = sorted({past.places.all[number].postal_area for number in numbers})
        missed = [area for area in areas if not _reaches(known, centers, country, area)]
        if missed:
            where = "all of it" if missed == areas else _listed(missed)
            yield (
                f"zones.csv: found no service that reaches {country}, where {orders:,} orders of "
                f"these days go: {where}; expected a zone with rates and transit times; add the "
                "zone, or the rates of one of its services"
            )


def _listed(areas: list[str]) -> str:
    left = len(areas) - TOLD_OF_A_KIND_MAX
    some = ", ".join(area or "(no postal code)" for area in areas[:TOLD_OF_A_KIND_MAX])
    return f"{some} and {left:,} more" if left > 0 else some


def _reaches(known: Network, centers: Iterable[str], country: str, area: str) -> bool:
    """Whether some service goes there; an area with zones by longer prefixes counts as reached."""
    finer = (prefix for _, of_country, prefix in known.zones if of_country == country)
    if any(area in list(network_decisions.prefixes(country, prefix))[1:-1] for prefix in finer):
        return True
    for node in centers:
        zone = network_decisions.zone_for(known, node, country, area)
        if zone is not None and network_decisions.services_for(known, node, zone):
            return True
    return False


def _items(goods: _Goods, sold: _Sold) -> Iterator[str]:
    for sku, times in sorted(sold.times.items()):
        item = goods.items.get(sku)
        if item is None:
            yield (
                f"items.csv: found no row of {shown(sku)}, which is sold {len(times):,} times in "
                "these days; expected one; add it"
            )
        elif item.status is not ItemStatus.active:
            yield (
                f"items.csv: found {shown(sku)} {item.status}, although it is sold {len(times):,} "
                "times in these days; expected it to be active; correct its status"
            )


def _prices(goods: _Goods, sold: _Sold) -> Iterator[str]:
    for sku, times in sorted(sold.times.items()):
        if sku not in goods.items:
            continue
        priced = np.zeros(len(times), dtype=bool)
        for price in goods.prices.get(sku, ()):
            held = times >= us_of(price.valid_from)
            priced |= held if price.valid_to is None else held & (times < us_of(price.valid_to))
        if not priced.all():
            first = at_of(int(times[~priced][0]))
            yield (
                f"prices.csv: found no price of {shown(sku)} in {goods.currency} that holds on "
                f"{first:%Y-%m-%d}, when it is sold; expected one; add a row, or let one begin "
                "earlier"
            )


def _terms(goods: _Goods, sold: _Sold) -> Iterator[str]:
    for sku, times in sorted(sold.times.items()):
        if sku in goods.items and sku not in goods.terms:
            yield (
                f"terms.csv: found no supplier of {shown(sku)}, which is sold {len(times):,} "
                "times in these days; expected one at least; add a row"
            )


def _suppliers(goods: _Goods, checked: Checked) -> Iterator[str]:
    selling = {each.supplier_id for listed in goods.terms.values() for each in listed}
    for supplier_id in sorted(checked.known.currencies.keys() - selling):
        yield (
            f"terms.csv: found nothing that {supplier_id} sells, expected one item at least; add "
            "its terms, or take it out of suppliers.csv"
        )
