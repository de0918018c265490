"""Short ways to say stock commands in races."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Balance,
    Held,
    Move,
    OpeningStock,
    Reservation,
    ReservationState,
    Reserve,
)
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal

WHO: dict[str, Any] = {"command_id": "race", "actor": "racer"}
NODE = "DC1"


def open_stock(database: Database, units: dict[str, int]) -> None:
    """Opening stock by SKU."""
    commands = [OpeningStock(**WHO, sku=s, node=NODE, quantity_each=n) for s, n in units.items()]
    database.run(lambda tx: inventory.record_opening(tx, commands))


def reserve(tx: Tx, wanted: Sequence[tuple[str, int]], order_id: str) -> list[Held | Refusal]:
    """Reserve (SKU, each) for one order."""
    return commitments.reserve(
        tx,
        [
            Reserve(**WHO, order_id=order_id, line_no=n, sku=sku, node=NODE, quantity_each=each)
            for n, (sku, each) in enumerate(wanted, start=1)
        ],
    )


def step(
    tx: Tx, reservations: Sequence[Reservation], to_state: ReservationState
) -> list[Reservation | Refusal]:
    """Take reservations a step on."""
    return commitments.move(
        tx,
        [
            Move(
                **WHO,
                sku=r.sku,
                reservation_id=r.reservation_id,
                to_state=to_state,
                document=r.order_id,
            )
            for r in reservations
        ],
    )


def balance(database: Database, sku: str) -> Balance:
    """What stands at the node."""
    with database.transaction() as tx:
        (found,) = inventory.balances(tx, [sku])
    return found


def findings(database: Database) -> list[str]:
    """What the room's audit finds."""
    with database.transaction() as tx:
        return inventory.audit(tx)[0]
