"""The audit finds holds that no open cart wants, and carts that did not become their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database, Tx
from tests.builders import SKUS, a_retailer
from tests.flows.carting import channels, completed, opened
from tests.postgres import fresh_database


@pytest.fixture(scope="module")
def carts(server: Any, template_database: str) -> Iterator[psycopg.Connection]:
    """One cart that holds, one that was completed, one that holds nothing."""
    with fresh_database(server, template_database) as url:
        with Database(url) as database:
            a_retailer(database)
            channels(database)
            opened(database, "cart-open", (SKUS[1], 1))
            opened(database, "cart-over", (SKUS[1], 1))
            completed(database, "cart-over")
            opened(database, "cart-empty", lines=())
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def found(carts: psycopg.Connection) -> list[str]:
    return audit(Tx(carts, SystemClock())).findings


def test_all_is_well(carts: psycopg.Connection) -> None:
    assert found(carts) == []


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (
            "DELETE FROM ordering.cart_line; DELETE FROM ordering.cart",
            "cart cart-open: no such cart",
        ),
        (
            "UPDATE ordering.cart SET state = 'abandoned', ended_at = active_at, holds = false "
            "WHERE state = 'open'",
            "the cart is abandoned",
        ),
        ("UPDATE ordering.cart_line SET saved = true", "the cart does not want it"),
        ("UPDATE ordering.cart_line SET sku = 'SKU-09'", "the cart does not want it"),
        ("UPDATE inventory.hold SET quantity_each = 2", "the cart wants 1 and holds 2"),
        (
            "UPDATE inventory.hold SET expires_at = expires_at + interval '1 minute'",
            "the cart says 20",
        ),
        ("UPDATE ordering.cart SET holds = false", "the cart says it holds nothing"),
        (
            "UPDATE inventory.hold SET expires_at = expires_at - interval '1 hour'; "
            "UPDATE ordering.cart SET held_until = held_until - interval '1 hour'",
            "it should have ended at",
        ),
        ("DELETE FROM inventory.hold", "hold of nothing for cart cart-open"),
        (
            "UPDATE ordering.cart SET order_id = 'O-none' WHERE state = 'completed'",
            "its order O-none is not there",
        ),
        (
            "UPDATE ordering.cart_line SET quantity_each = 2",
            "has other lines",
        ),
        (
            "UPDATE ordering.cart SET expires_at = expires_at - interval '31 days'",
            "cart cart-open: should have expired at",
        ),
        (
            "INSERT INTO ordering.cart (cart_id, state, version, channel, currency, holds, "
            "opened_at, active_at, expires_at, ended_at, order_id, order_command, "
            "completion_hash) SELECT "
            "'cart-twice', state, version, channel, currency, holds, opened_at, active_at, "
            "expires_at, ended_at, order_id, order_command, completion_hash FROM ordering.cart "
            "WHERE state = 'completed'",
            "2 carts became it",
        ),
    ],
)
def test_what_is_wrong_is_found(carts: psycopg.Connection, spoil: str, finding: str) -> None:
    with carts.transaction(force_rollback=True):
        carts.execute(spoil)
        assert any(finding in words for words in found(carts)), found(carts)
