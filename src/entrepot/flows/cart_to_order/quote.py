"""Quote carts as any order, with what the cart holds counted as free for it; nothing is written."""

from __future__ import annotations

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import ReleaseHold
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.flows.order_to_delivery.model import Ask, AskedLine, Quoted, ShipTo
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def quote_cart(tx: Tx, cart_id: str, ship_to: ShipTo, signing_key: bytes) -> Quoted | Refusal:
    """The dated, priced ways to have a cart delivered, each with a token to complete it by.

    Refuses: unknown_cart, wrong_state, what `quote` does.
    """
    cart = ordering.read(tx, [cart_id]).get(cart_id)
    if cart is None:
        return ordering.unknown(cart_id)
    if refusal := decisions_carts.cannot_change(cart.head, "quoted"):
        return refusal
    lent = [ReleaseHold("quote", "quote", hold) for hold in commitments.holds_of(tx, [cart_id])]
    commitments.stock_last(tx)
    commitments.lend(tx, lent)
    lines = tuple(AskedLine(line.sku, line.quantity_each) for line in cart.wanted)
    (found,) = quote(tx, [Ask(lines, ship_to, cart.head.currency)], signing_key)
    commitments.take_back(tx, lent)
    return found
