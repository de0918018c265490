"""The story of one SKU: what it is, where it lies, what comes, who waits, how it moved."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Posted
from entrepot.flows.views.story import Moment, Topic, in_order
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.views")

MOVEMENTS_SHOWN = 40


class ItemHead(NamedTuple):
    """An item as the catalog has it."""

    sku: str
    name: str
    category: str
    mass_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    handling: str
    status: str
    backorderable: bool


class StockLine(NamedTuple):
    """Stock at a node, each."""

    node: str
    on_hand: int
    held: int
    reserved: int
    allocated: int
    quarantined: int
    available: int


class ComingLine(NamedTuple):
    """Units announced and not yet received."""

    node: str
    expected_each: int
    due_at: datetime
    document: str


class WaitingLine(NamedTuple):
    """An order line that waits for stock of this SKU."""

    order_id: str
    line_no: int
    quantity_each: int
    since: datetime


class SkuStory(NamedTuple):
    """A SKU: its stock, what is announced, who waits (first served first), the latest movements."""

    item: ItemHead
    stock: tuple[StockLine, ...]
    coming: tuple[ComingLine, ...]
    waiting: tuple[WaitingLine, ...]
    moments: tuple[Moment, ...]


def sku_story(tx: Tx, sku: str) -> SkuStory | None:
    """The story of a SKU; None when it is not in the catalog."""
    item = tx.row(Q.item_head, {"sku": sku})
    if item is None:
        return None
    moved = inventory.story(tx, sku, limit=MOVEMENTS_SHOWN)
    return SkuStory(
        item=ItemHead(*item),
        stock=tuple(StockLine(*row) for row in tx.rows(Q.sku_stock, {"sku": sku})),
        coming=tuple(ComingLine(*row) for row in tx.rows(Q.sku_coming, {"sku": sku})),
        waiting=tuple(WaitingLine(*row) for row in tx.rows(Q.sku_waiting, {"sku": sku})),
        moments=in_order(_moved(movement) for movement in reversed(moved)),
    )


def _moved(movement: Posted) -> Moment:
    words = (
        f"{movement.quantity_each} at {movement.node}: {movement.from_account} to "
        f"{movement.to_account}"
    )
    words += f", {movement.document}" if movement.document else ""
    return Moment(movement.at, Topic.stock, movement.cause.replace("_", " "), words, movement.actor)
