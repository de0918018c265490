"""A cart as its customer sees it: what is held, what is not and why, and which prices changed."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Hold
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import Cart
from entrepot.flows.cart_to_order import gather
from entrepot.flows.cart_to_order.gather import Goods
from entrepot.flows.cart_to_order.holding import Stock, by_cart, held_each
from entrepot.flows.cart_to_order.model import CartLineView, CartView
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def read_carts(tx: Tx, cart_ids: Sequence[str]) -> list[CartView | Refusal]:
    """Carts as they stand. Refuses: unknown_cart."""
    found = ordering.read(tx, cart_ids)
    return [
        views[cart_id] if cart_id in found else ordering.unknown(cart_id)
        for views in [see(tx, list(found.values()))]
        for cart_id in cart_ids
    ]


def see(tx: Tx, carts: Sequence[Cart]) -> dict[str, CartView]:
    """Views of carts that were read, by id."""
    if not carts:
        return {}
    known = gather.goods(
        tx,
        {c.head.channel for c in carts},
        [(c.head.currency, [line.sku for line in c.lines]) for c in carts],
    )
    stock = Stock(inventory.balances(tx, {line.sku for c in carts for line in c.lines}))
    holds = by_cart(commitments.holds_of(tx, [c.head.cart_id for c in carts if c.head.holds]))
    return {
        c.head.cart_id: view(tx, known, stock, c, holds.get(c.head.cart_id, ()), is_tried=False)
        for c in carts
    }


def view(
    tx: Tx, known: Goods, stock: Stock, cart: Cart, holds: Sequence[Hold], *, is_tried: bool
) -> CartView:
    """One cart.

    is_tried  whether it was just tried to hold all it wants
    """
    head, rule = cart.head, known.rules[cart.head.channel]
    prices, held = known.prices[head.currency], held_each(holds)
    ranks = known.ranks(head.country, head.postal_area)
    lines = []
    for line in cart.lines:
        price = prices.get(line.sku)
        held_now = held[line.sku]
        why = decisions_carts.why_unheld(rule, head, line, held_now, tx.now, is_tried=is_tried)
        lines.append(
            CartLineView(
                line_no=line.line_no,
                sku=line.sku,
                quantity=line.quantity_each,
                saved=line.saved,
                unit_price_minor=line.unit_price_minor,
                price_minor=price.amount_minor if price else None,
                held=held_now,
                unheld=line.quantity_each - held_now,
                unheld_because=why,
                available=stock.free(line.sku, ranks),
            )
        )
    return CartView(
        cart_id=head.cart_id,
        state=head.state,
        version=head.version,
        channel=head.channel,
        currency=head.currency,
        country=head.country,
        postal_area=head.postal_area,
        items_minor=sum(line.unit_price_minor * line.quantity_each for line in cart.wanted),
        opened_at=head.opened_at,
        active_at=head.active_at,
        expires_at=head.expires_at,
        held_until=head.held_until if head.holds else None,
        order_id=head.order_id,
        lines=tuple(lines),
    )
