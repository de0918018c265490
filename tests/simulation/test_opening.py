"""Opening stock: how much of what, and where."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

from entrepot.simulation.history import History
from entrepot.simulation.opening import Opening, opening_stock
from entrepot.simulation.places import Places, Point
from tests.simulation.scenario import FEW_PLACES, SEED, Row, history_in

NODES = {"GLA": Point(55_816_700, -4_016_700), "DAR": Point(51_446_600, 214_200)}


def opened(found: History, at: datetime) -> dict[str, int]:
    return total(opening_stock(found.sales, FEW_PLACES, NODES, at, seed=SEED))


def total(stock: list[Opening]) -> dict[str, int]:
    by_sku: dict[str, int] = defaultdict(int)
    for part in stock:
        by_sku[part.sku] += part.quantity_each
    return by_sku


def test_eight_weeks_of_the_mean_since_the_first_sale() -> None:
    at = datetime(2010, 3, 29, 8, 0, tzinfo=UTC)
    found = history_in(
        ("1", "MUG", 30, "03-01 08:00", 2.55),  # four weeks before
        ("2", "MUG", 10, "03-20 08:00", 2.55),
        ("3", "CUP", 5, "03-28 08:00", 0.85),  # one week begun
        ("4", "MUG", 999, "03-29 10:00", 2.55),  # later, does not count
    )
    assert opened(found, at) == {"MUG": 40 * 8 // 4, "CUP": 5 * 8}


def test_what_was_not_sold_before_has_its_first_eight_weeks() -> None:
    found = history_in(
        ("1", "MUG", 30, "03-01 08:00", 2.55),
        ("2", "MUG", 10, "04-25 08:00", 2.55),
        ("3", "MUG", 999, "04-26 09:00", 2.55),  # eight weeks and an hour after the first
    )
    assert opened(found, datetime(2010, 3, 1, 8, 0, tzinfo=UTC)) == {"MUG": 40}
    assert opened(found, datetime(2010, 1, 1, tzinfo=UTC)) == {"MUG": 40}


def test_it_lies_where_the_buyers_are() -> None:
    rows: list[Row] = [
        (f"{n}", "MUG", 1, "03-01 08:00", 2.55, n)
        for n in range(1, 801)  # type: ignore[misc]
    ]
    found = history_in(*rows)
    at = datetime(2010, 3, 8, 8, 0, tzinfo=UTC)
    stock = opening_stock(found.sales, FEW_PLACES, NODES, at, seed=SEED)
    by_node = {part.node_id: part.quantity_each for part in stock}
    assert sum(by_node.values()) == 6_400
    # Seven of ten people of FEW_PLACES live near DAR.
    assert 0.65 < by_node["DAR"] / 6_400 < 0.75


def test_a_sku_bought_once_lies_as_all_do() -> None:
    common: list[Row] = [
        (f"{n}", "MUG", 1, "03-01 08:00", 2.55, n)
        for n in range(1, 801)  # type: ignore[misc]
    ]
    rare = ("900", "RARE", 110, "03-02 08:00", 2.55, 5)
    found = history_in(*common, rare)
    at = datetime(2010, 3, 8, 8, 0, tzinfo=UTC)
    stock = opening_stock(found.sales, FEW_PLACES, NODES, at, seed=SEED)
    parts = {part.node_id: part.quantity_each for part in stock if part.sku == "RARE"}
    # One line of its own and ten of everybody's: no node is left without.
    assert sum(parts.values()) == 880 and min(parts.values()) > 200


def test_refused_countries_are_no_demand() -> None:
    found = history_in(("1", "MUG", 30, "03-01 08:00", 2.55), country="Unspecified")
    assert opened(found, datetime(2010, 3, 8, tzinfo=UTC)) == {}


def test_the_real_one(history: History, places: Places) -> None:
    at = datetime(2011, 8, 3, tzinfo=UTC)
    nodes = {**NODES, "VEN": Point(51_370_000, 6_168_100)}
    stock = opening_stock(history.sales, places, nodes, at, seed=SEED)
    assert stock == opening_stock(history.sales, places, nodes, at, seed=SEED)
    assert all(part.quantity_each > 0 for part in stock)
    keys = [(part.sku, part.node_id) for part in stock]
    assert len(set(keys)) == len(keys)
    by_sku = total(stock)
    sold = set(history.sales.sku_values)
    assert set(by_sku) <= sold and len(by_sku) > 4_500
    sold_before: Counter[str] = Counter()
    for invoice in history.invoices(history.begins, at):
        if isinstance(invoice.country, str):
            for line in invoice.lines:
                sold_before[line.sku] += line.quantity_each
    # 87 weeks and three days lie before; what was sold from the first day on is easy to count.
    assert by_sku["85123A"] == -(-sold_before["85123A"] * 8 // 88)
