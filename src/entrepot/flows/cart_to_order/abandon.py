"""Give carts up: what they hold is free again at once."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Hold, ReleaseHold
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import Cart, CartState
from entrepot.departments.ordering.model import ReleasedLine
from entrepot.flows.cart_to_order.holding import by_cart
from entrepot.flows.cart_to_order.model import AbandonCart, CartView
from entrepot.flows.cart_to_order.rounds import in_rounds
from entrepot.flows.cart_to_order.see import see
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal

ABANDONED = "abandoned"


def abandon_carts(tx: Tx, commands: Sequence[AbandonCart]) -> list[CartView | Refusal]:
    """Give carts up; gives them in order. One that was given up before is answered as it is.

    Refuses: unknown_cart, wrong_state for a completed one, cart_changed.
    Raises: Conflict when a hold ended meanwhile.
    """
    return in_rounds(commands, lambda some: _abandon(tx, some))


def _abandon(tx: Tx, commands: Sequence[AbandonCart]) -> list[CartView | Refusal]:
    carts = ordering.take(tx, (c.cart_id for c in commands))
    refused = {c.cart_id: r for c in commands if (r := _refusal(c, carts.get(c.cart_id)))}
    living = [
        cart
        for cart_id, cart in sorted(carts.items())
        if cart_id not in refused and cart.head.state is not CartState.abandoned
    ]
    actors = {c.cart_id: c.actor for c in commands}
    holds = commitments.holds_of(tx, [c.head.cart_id for c in living if c.head.holds])
    for cart in ordering.abandon(tx, living, actors=actors):
        carts[cart.head.cart_id] = cart
    commitments.release(
        tx, [ReleaseHold(f"abandon:{hold.cart}", actors[hold.cart], hold) for hold in holds]
    )
    ordering.tell_released(tx, released(holds), reason=ABANDONED, actors=actors)
    views = see(tx, list(carts.values()))
    return [refused.get(c.cart_id) or views[c.cart_id] for c in commands]


def _refusal(command: AbandonCart, cart: Cart | None) -> Refusal | None:
    if cart is None:
        return ordering.unknown(command.cart_id)
    if cart.head.state is CartState.abandoned:
        return None
    return decisions_carts.cannot_change(cart.head, "given up") or decisions_carts.other_version(
        cart.head, command.version
    )


def released(holds: Sequence[Hold]) -> dict[str, list[ReleasedLine]]:
    """Holds that are over, as the fact tells them, by cart."""
    return {
        cart_id: [ReleasedLine(h.sku, h.node, h.quantity_each) for h in mine]
        for cart_id, mine in by_cart(holds).items()
    }
