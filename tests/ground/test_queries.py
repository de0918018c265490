"""Named queries: how the files are read, and what is refused."""

from __future__ import annotations

import pytest

from entrepot.ground.queries import Queries, load_queries, parse_queries


def test_a_query_is_its_text_without_the_head_line() -> None:
    found = parse_queries(
        "room",
        "-- The room's queries.\n\n"
        "-- name: first\n-- What it gives.\nSELECT 1\n\n"
        "--name:second_one\nSELECT 2\n",
    )
    assert found == {"first": "-- What it gives.\nSELECT 1", "second_one": "SELECT 2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1\n-- name: a\nSELECT 2", "room/queries.sql:1: SQL before the first"),
        ("-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "room/queries.sql:3: a is named twice"),
        ("-- name: a\n-- only words\n-- name: b\nSELECT 1", "a is empty"),
        ("-- name: a\n\n", "a is empty"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_queries("room", text)


def test_a_name_that_is_no_identifier_starts_no_query() -> None:
    found = parse_queries("room", "-- name: a\nSELECT 1\n-- name: Not This\n")
    assert found == {"a": "SELECT 1\n-- name: Not This"}


def test_queries_are_attributes_in_the_order_of_the_file() -> None:
    queries = Queries("room", {"b": "SELECT 2", "a": "SELECT 1"})
    assert (queries.a, queries.names()) == ("SELECT 1", ["b", "a"])
    with pytest.raises(AttributeError, match=r"no query named 'c'; it has a, b"):
        _ = queries.c


@pytest.mark.parametrize(
    "package",
    ["entrepot.ground", "entrepot.departments.inventory", "entrepot.departments.ordering"],
)
def test_the_files_of_the_house_are_read_once(package: str) -> None:
    queries = load_queries(package)
    assert queries.names()
    assert load_queries(package) is queries
