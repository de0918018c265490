"""How things stand: what has not left the house yet, and what lies where."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")


class Waiting(NamedTuple):
    """Parts in one state whose orders are so many whole days old."""

    state: str
    days: int
    parts: int


class NodeStock(NamedTuple):
    """Stock at a node.

    skus         that have ever been there
    skus_out     of which nothing is free to be sold
    on_hand_each over all SKUs
    value_minor  at the lowest cost agreed with a supplier; without one, a SKU counts nothing
    """

    node: str
    skus: int
    skus_out: int
    on_hand_each: int
    value_minor: int


def backlog(tx: Tx, at: datetime) -> list[Waiting]:
    """What has not left the house, by state and age at an instant; in that order."""
    return [Waiting(*row) for row in tx.rows(Q.backlog, {"at": at})]


def stock(tx: Tx, currency: str) -> list[NodeStock]:
    """Stock by node, valued in a currency: terms in another one are not looked at."""
    return [NodeStock(*row) for row in tx.rows(Q.stock_by_node, {"currency": currency})]
