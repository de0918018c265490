"""What an id names: an order, a sale from before, a cart, a SKU or a purchase order."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class Kind(StrEnum):
    """What has a story."""

    order = "order"
    past_order = "past_order"
    cart = "cart"
    sku = "sku"
    purchase_order = "purchase_order"


class Named(NamedTuple):
    """Something with this id."""

    kind: Kind
    id: str


def find(tx: Tx, text: str) -> list[Named]:
    """Everything that the text names, as it is written or in capitals; nearly always one thing."""
    wanted = list(dict.fromkeys((text, text.upper())))
    return [Named(Kind(row[0]), row[1]) for row in tx.rows(Q.find, {"ids": wanted})]
