"""What ends by itself: holds past their time, carts nobody comes back to, carts of long ago."""

from __future__ import annotations

from datetime import timedelta

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Cause, ReleaseHold
from entrepot.departments.ordering import service_carts as ordering
from entrepot.flows.cart_to_order.abandon import released
from entrepot.ground.database import Database, Tx
from entrepot.ground.telemetry import get_logger

SYSTEM = "system"
EXPIRED = "expired"
# A hold that no cart answered for so long after its end: its units must not be lost to sale.
LATE = timedelta(minutes=1)

log = get_logger(__name__)


def expire_holds(database: Database) -> None:
    """Give back what carts held past their time; what they want stays in them."""
    while database.run(_lapse) == ordering.SWEEP_BATCH:
        pass
    while lost := database.run(lambda tx: commitments.expire_holds(tx, late=LATE)):
        log.error("cart.hold_without_cart", holds=len(lost), cart=lost[0].cart)


def _lapse(tx: Tx) -> int:
    """The carts first, their stock last (lock order); gives how many carts."""
    lapsed = ordering.lapse(tx)
    holds = commitments.holds_of(tx, lapsed)
    commitments.release(
        tx, [ReleaseHold(f"expire:{h.cart}", SYSTEM, h) for h in holds], Cause.hold_expired
    )
    ordering.tell_released(tx, released(holds), reason=EXPIRED, actors={})
    return len(lapsed)


def expire_carts(database: Database) -> None:
    """Carts that nobody touched in time expire; those that ended long ago are forgotten."""
    while database.run(ordering.expire) == ordering.SWEEP_BATCH:
        pass
    while database.run(ordering.forget) == ordering.SWEEP_BATCH:
        pass
