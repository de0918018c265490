"""Which column of an order history is what."""

from __future__ import annotations

import pytest

from entrepot.flows.onboarding.countries import country_of, names
from entrepot.flows.onboarding.order_map import (
    RECOGNIZED,
    Columns,
    OrderMap,
    choose_columns,
    own_countries,
    read_map,
)
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.words.identifiers import COUNTRIES
from entrepot.words.outcome import Refusal, RefusalCode

HEAD = ["Invoice", "StockCode", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
RETAIL = Columns(
    order_id="Invoice",
    sku="StockCode",
    quantity="Quantity",
    unit_price="Price",
    placed_at="InvoiceDate",
    customer="Customer ID",
    country="Country",
    currency=None,
)


def problem(head: list[str], order_map: OrderMap = OrderMap()) -> str:  # noqa: B008  a frozen value
    with pytest.raises(UnusableFolder) as found:
        choose_columns(order_map, head, "orders.csv")
    return str(found.value)


@pytest.mark.parametrize(
    "change", [str, str.upper, str.lower, lambda name: f"{name[0]} {name[1:]}"]
)
def test_obvious_names_are_recognized_however_written(change) -> None:
    found = choose_columns(OrderMap(), [*map(change, HEAD), "Description"], "orders.csv")
    assert found == Columns(*(name and change(name) for name in RETAIL))


def test_no_name_means_two_things() -> None:
    plain = [name.replace("_", "") for names in RECOGNIZED.values() for name in names]
    assert len(set(plain)) == len(plain)


def test_a_missing_column_is_named_with_what_was_found_and_expected() -> None:
    message = problem(["Item", *HEAD[2:]])
    assert "orders.csv: found the columns Item, Quantity, InvoiceDate, Price" in message
    assert "expected also one for order_id: one named order_id or order" in message
    assert "expected also one for sku" in message


def test_a_missing_country_may_be_fixed() -> None:
    assert '[fixed] country = "..."' in problem(HEAD[:6])
    found = choose_columns(read_map({"fixed": {"country": "de"}}, "map.toml"), HEAD[:6], "x")
    assert found == RETAIL._replace(country=None)


def test_a_mapped_column_that_is_not_there_is_named() -> None:
    order_map = OrderMap(columns={"customer": "Kunde"})
    assert "expected also 'Kunde', which the map gives for customer" in problem(HEAD, order_map)


def test_two_columns_for_one_thing_are_named_until_the_map_chooses() -> None:
    head = [*HEAD, "Unit Price"]
    assert "unit_price: found the columns Price, Unit Price, expected one" in problem(head)
    order_map = OrderMap(columns={"unit_price": "Unit Price"})
    assert choose_columns(order_map, head, "x") == RETAIL._replace(unit_price="Unit Price")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"colums": {}}, "unknown field `colums`"),
        ({"free_lines": "yes"}, "Expected `bool`, got `str` - at `$.free_lines`"),
        ({"columns": {"price": "Price"}}, "[columns] price: expected one of order_id, sku"),
        ({"countries": {"EIRE": "Ireland"}}, '[countries] "EIRE": found'),
        ({"placed_at": {"zone": "London"}}, "[placed_at] zone: found 'London'"),
        ({"fixed": {"currency": "POUND"}}, "[fixed] currency: found"),
        ({"fixed": {"country": "England"}}, "[fixed] country: found"),
    ],
)
def test_a_map_that_cannot_be_understood(content: dict[str, object], words: str) -> None:
    with pytest.raises(UnusableFolder) as found:
        read_map(content, "map.toml")
    assert words in str(found.value)


def test_every_country_has_a_name_and_every_name_a_country() -> None:
    assert set(names().values()) == COUNTRIES


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United Kingdom", "GB"),
        ("united kingdom", "GB"),
        ("UK", "GB"),
        ("de", "DE"),
        ("The Netherlands", "NL"),
        ("Iran (Islamic Republic of)", "IR"),
        ("Cote d\u2019Ivoire", "CI"),
        ("U.S.A.", "US"),
        ("Bosnia & Herzegovina", "BA"),
        ("Eire", "IE"),
    ],
)
def test_countries_by_name_and_code(text: str, code: str) -> None:
    own = own_countries(OrderMap(countries={"EIRE": "ie"}))
    assert country_of(text, own, "Country") == code


@pytest.mark.parametrize("text", ["Korea", "West Indies", "Unspecified", "XX", 'a "name"'])
def test_what_is_no_single_country_is_refused(text: str) -> None:
    found = country_of(text, {}, "Country")
    assert isinstance(found, Refusal) and found.code is RefusalCode.bad_country
