"""What ends by itself: orders whose payment did not come."""

from __future__ import annotations

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import CancelReason
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.ground.database import Database

BATCH = 200
SYSTEM = "system"


def expire_unpaid(database: Database) -> None:
    """Cancel orders whose payment did not come in time; a payment that wins the race stays."""
    while database.run(lambda tx: ordering.payment_overdue(tx, BATCH)):
        database.run(
            lambda tx: cancel_orders(
                tx,
                dict.fromkeys(ordering.payment_overdue(tx, BATCH), CancelReason.payment_timeout),
                command_id=f"expire-unpaid:{tx.now.isoformat()}",
                actor=SYSTEM,
            )
        )
