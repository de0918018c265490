"""What stands in the shop, asked in a word."""

from __future__ import annotations

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Balance
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceEntry, SetPrice
from entrepot.ground import events
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal
from tests.builders import ME


def balances(database: Database, sku: str) -> dict[str, Balance]:
    with database.transaction(read_only=True) as tx:
        return {b.node: b for b in inventory.balances(tx, [sku])}


def held(database: Database, sku: str) -> dict[str, int]:
    return {node: b.held for node, b in balances(database, sku).items() if b.held}


def told(database: Database, cart_id: str) -> list[str]:
    """The facts about a cart."""
    events.drain(database)
    with database.transaction(read_only=True) as tx:
        return [name for _, name, *_ in events.facts_of(tx, f"cart/{cart_id}")]


def set_price(database: Database, sku: str, minor: int) -> None:
    database.run(
        lambda tx: pricing.set_prices(tx, [SetPrice("p", ME, PriceEntry(sku, "EUR", minor))])
    )


def adjust(database: Database, sku: str, node: str, change: int) -> None:
    (answer,) = database.run(
        lambda tx: inventory.adjust(tx, [Adjustment("adj", ME, sku, node, change, "found")])
    )
    assert not isinstance(answer, Refusal), answer
