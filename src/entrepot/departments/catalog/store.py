"""The catalog tables' only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from entrepot.departments.catalog.model import Handling, Item, ItemStatus
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.catalog")


def read(tx: Tx, skus: Iterable[str]) -> dict[str, Item]:
    """The items of these SKUs that there are."""
    rows = tx.rows(Q.read_items, {"skus": sorted(set(skus))})
    return {row[0]: _item(row) for row in rows}


def _item(row: tuple[Any, ...]) -> Item:
    return Item(*(*row[:7], Handling(row[7]), *row[8:13], ItemStatus(row[13])))


def insert(tx: Tx, items: Sequence[Item]) -> None:
    """Write items that are new.

    Raises: Conflict when one of the SKUs was registered meanwhile.
    """
    if items:
        tx.run(Q.insert_items, _columns(items))


def update(tx: Tx, items: Sequence[Item]) -> None:
    """Replace items that are known."""
    if items:
        tx.run(Q.update_items, _columns(items))


def _columns(items: Sequence[Item]) -> dict[str, list[Any]]:
    return {
        "skus": [i.sku for i in items],
        "names": [i.name for i in items],
        "categories": [i.category for i in items],
        "masses": [i.mass_g for i in items],
        "lengths": [i.length_mm for i in items],
        "widths": [i.width_mm for i in items],
        "heights": [i.height_mm for i in items],
        "handlings": [i.handling.value for i in items],
        "backorderables": [i.backorderable for i in items],
        "gtins": [i.gtin for i in items],
        "inners": [i.inner_each for i in items],
        "cases": [i.case_each for i in items],
        "pallets": [i.pallet_each for i in items],
        "statuses": [i.status.value for i in items],
    }


def gtin_owners(tx: Tx, gtins: Iterable[str]) -> dict[str, str]:
    """The SKU by GTIN-14, for those in use."""
    wanted = sorted(set(gtins))
    return {r[0]: r[1] for r in tx.rows(Q.gtin_owners, {"gtins": wanted})} if wanted else {}


def move_gtins(
    tx: Tx, given_up: Sequence[tuple[str, str]], taken: Sequence[tuple[str, str]]
) -> None:
    """Give up and take GTINs, each as (GTIN-14, SKU).

    Raises: Conflict when one of those taken was taken by another SKU meanwhile.
    """
    for query, pairs in ((Q.give_up_gtins, given_up), (Q.take_gtins, taken)):
        if pairs:
            tx.run(query, {"gtins": [p[0] for p in pairs], "skus": [p[1] for p in pairs]})
