"""The command `show`: stories as a person reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import PartState
from entrepot.ground.database import Database
from tests.builders import SKUS, a_retailer
from tests.doors.door import as_address
from tests.flows.carting import channels, completed, opened
from tests.flows.test_views import a_past_order, a_purchase_order


@pytest.fixture
def show(database_url: str, tmp_path: Path) -> Callable[[str], tuple[int, str, str]]:
    """Runs the command as a person does; gives exit code, output and complaints."""

    def run(wanted: str) -> tuple[int, str, str]:
        environment = {
            **os.environ,
            "ENTREPOT_DATABASE_URL": as_address(database_url),
            "ENTREPOT_DATA": str(tmp_path),
            "COLUMNS": "160",
        }
        done = subprocess.run(
            [sys.executable, "-m", "entrepot", "show", wanted],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run


Show = Callable[[str], tuple[int, str, str]]


def test_an_order_is_told_from_its_placing_on(lived: Database, show: Show) -> None:
    with lived.transaction(read_only=True) as tx:
        order_id = parts.in_state(tx, PartState.shipped)[0].order_id
    code, told, _ = show(order_id.lower())
    assert code == 0
    assert f"order {order_id}" in told
    words = ("placed", "version 1", "one box from", "released", "handed over at")
    places = [told.index(word) for word in words]
    assert places == sorted(places), "in the order of time"
    assert "free to reserved" in told and "SSCC" in told


def test_a_waiting_order_says_who_acts(lived: Database, show: Show) -> None:
    with lived.transaction(read_only=True) as tx:
        order_id = parts.in_state(tx, PartState.backordered)[0].order_id
    code, told, _ = show(order_id)
    assert code == 0
    assert "waits in queue backorder since" in told and "(buying acts)" in told


def test_a_sku_a_purchase_order_and_a_past_sale(lived: Database, show: Show) -> None:
    a_purchase_order(lived)
    a_past_order(lived)
    code, told, _ = show(SKUS[2])
    assert code == 0 and f"SKU {SKUS[2]}" in told and "on hand" in told
    code, told, _ = show("PO-7")
    assert code == 0 and "below its reorder point" in told and "Acme Ltd" in told
    code, told, _ = show("489434")
    assert code == 0 and "before this system" in told and SKUS[0] in told


def test_a_cart_says_what_it_holds_and_what_it_became(database: Database, show: Show) -> None:
    a_retailer(database)
    channels(database)
    opened(database, "CART-7", (SKUS[0], 2))
    opened(database, "EMPTY", lines=(), ship_to=None)
    code, told, _ = show("cart-7")
    assert code == 0 and "cart CART-7" in told
    assert "open, by marketplace, to DE 10" in told and "holds stock until" in told
    assert "2 of SKU-01 at BER: free to held" in told
    order_id = completed(database, "CART-7").order_id
    code, told, _ = show("CART-7")
    assert code == 0 and f"as order {order_id}" in told and "held to free" in told
    code, told, _ = show("EMPTY")
    assert code == 0 and "to nowhere yet" in told and "nothing is in it" in told


def test_an_unknown_id_is_said_clearly(database: Database, show: Show) -> None:
    code, told, complaint = show("O-NONE")
    assert (code, told) == (1, "")
    assert (
        "found 'O-NONE', expected the id of an order, a cart, a SKU or a purchase order"
        in complaint
    )
