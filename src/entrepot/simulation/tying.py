"""Which sale a returned line belongs to; pure.

A credit belongs to the buyer's latest earlier sale of the SKU. What is more than was sold there
belongs to the one before, and so on; what no sale covers belongs to none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Entry(NamedTuple):
    """A line sold, or returned.

    position       in the order of time
    buyer          who bought or returns
    quantity_each  1 or more
    """

    position: int
    buyer: int
    sku: str
    quantity_each: int


class Tied(NamedTuple):
    """Pieces of a credit (its position) that belong to a sale (its position, None = to none)."""

    credit: int
    sale: int | None
    quantity_each: int


def tie(sales: Iterable[Entry], credits: Iterable[Entry]) -> list[Tied]:
    """What each credit belongs to, in the order of the credits; each credit at least once.

    sales, credits  each in the order of time; no two entries of both share a position
    """
    open_sales: dict[tuple[int, str], list[list[int]]] = defaultdict(list)
    coming = iter(sales)
    following = next(coming, None)
    found: list[Tied] = []
    for credit in credits:
        while following is not None and following.position < credit.position:
            place = open_sales[following.buyer, following.sku]
            place.append([following.position, following.quantity_each])
            following = next(coming, None)
        left = credit.quantity_each
        own = open_sales[credit.buyer, credit.sku]
        while left and own:
            latest = own[-1]
            taken = min(left, latest[1])
            found.append(Tied(credit.position, latest[0], taken))
            left -= taken
            latest[1] -= taken
            if not latest[1]:
                own.pop()
        if left:
            found.append(Tied(credit.position, None, left))
    return found
