"""Open carts, filled or empty; what they want is held as their channel has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import Cart, CartHead, CartState
from entrepot.flows.cart_to_order import gather, people
from entrepot.flows.cart_to_order.gather import Goods
from entrepot.flows.cart_to_order.holding import Wish, keep
from entrepot.flows.cart_to_order.model import CartView, OpenCart
from entrepot.flows.cart_to_order.people import Named
from entrepot.flows.cart_to_order.see import view
from entrepot.flows.order_to_delivery import check
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.identifiers import order_number
from entrepot.words.outcome import Refusal, RefusalCode

FIRST_VERSION = 1


class _Asked(NamedTuple):
    """A command whose form is right."""

    command: OpenCart
    cart_id: str
    country: str | None
    postal_area: str | None


def open_carts(
    tx: Tx, commands: Sequence[OpenCart], *, keys: KeyStore | None = None
) -> list[CartView | Refusal]:
    """Open carts; gives them in order, with what is held of each line and what is not.

    keys  of persons; nothing is encrypted with them here

    Refuses: cart_exists; bad_identifier, bad_value, bad_country, bad_postal_code, too_many;
    unknown_person for a customer who was erased; whatever is wrong with a line.
    Raises: Conflict when stock or a cart id was taken meanwhile: decide again.
    """
    asked = [_asked(tx, command) for command in commands]
    good = [a for a in asked if isinstance(a, _Asked)]
    taken = set(ordering.read(tx, (a.cart_id for a in good)))
    known = gather.goods(
        tx,
        {a.command.channel for a in good},
        [(a.command.currency, [change.sku for change in a.command.lines]) for a in good],
        asked=[change.sku for a in good for change in a.command.lines],
    )
    decided: dict[int, Cart | Refusal] = {}
    for number, one in enumerate(asked):
        if isinstance(one, Refusal):
            decided[number] = one
            continue
        decided[number] = _exists(one.cart_id) if one.cart_id in taken else _cart(tx, known, one)
        taken.add(one.cart_id)
    persons = people.register(
        tx,
        keys,
        [
            Named(number, c.command_id, c.actor, c.customer_ref, decided_cart.head.country)
            for number, c in enumerate(commands)
            if isinstance(decided_cart := decided[number], Cart)
        ],
    )
    for number, person in persons.items():
        decided[number] = _of(decided[number], person)
    return _write(tx, known, commands, decided)


def _asked(tx: Tx, command: OpenCart) -> _Asked | Refusal:
    cart_id = command.cart_id or f"C-{order_number(tx.new_id())}"
    refusal = (
        decisions_carts.check_id(cart_id)
        or decisions_carts.check_channel(command.channel)
        or check.currency(command.currency)
        or gather.check_skus(command.lines)
        or people.check(command.customer_ref)
    )
    if refusal:
        return refusal
    if command.ship_to is None:
        return _Asked(command, cart_id, None, None)
    destination = gather.destination(command.ship_to)
    if isinstance(destination, Refusal):
        return destination
    return _Asked(command, cart_id, *destination)


def _exists(cart_id: str) -> Refusal:
    return Refusal(
        code=RefusalCode.cart_exists,
        message=(
            f"cart_id: {cart_id} is taken by a cart opened under another key; expected a new id, "
            "or none to get one of ours"
        ),
        field="cart_id",
        facts={"cart_id": cart_id},
    )


def _cart(tx: Tx, known: Goods, one: _Asked) -> Cart | Refusal:
    command = one.command
    lines = gather.change_lines(known, command.currency, (), command.lines)
    if isinstance(lines, Refusal):
        return lines
    head = CartHead(
        cart_id=one.cart_id,
        state=CartState.open,
        version=FIRST_VERSION,
        channel=command.channel,
        currency=command.currency,
        person_id=None,
        country=one.country,
        postal_area=one.postal_area,
        opened_at=tx.now,
        active_at=tx.now,
        expires_at=decisions_carts.expiry(known.rules[command.channel], tx.now),
    )
    return Cart(head, lines)


def _of(cart: Cart | Refusal, person: UUID | Refusal) -> Cart | Refusal:
    if isinstance(cart, Refusal):
        return cart
    if isinstance(person, Refusal):
        return person
    return cart._replace(head=cart.head._replace(person_id=person))


def _write(
    tx: Tx, known: Goods, commands: Sequence[OpenCart], decided: dict[int, Cart | Refusal]
) -> list[CartView | Refusal]:
    opened = {number: cart for number, cart in decided.items() if isinstance(cart, Cart)}
    wishes = [
        Wish(
            before=None,
            after=cart,
            rule=known.rules[cart.head.channel],
            ranks=known.ranks(cart.head.country, cart.head.postal_area),
            command_id=commands[number].command_id,
            actor=commands[number].actor,
        )
        for number, cart in opened.items()
    ]
    held, stock = keep(tx, wishes)
    ordering.open_carts(tx, [one.cart for one in held])
    seen = {
        number: view(tx, known, stock, one.cart, one.holds, is_tried=True)
        for number, one in zip(opened, held, strict=True)
    }
    return [
        seen[number] if isinstance(found, Cart) else found
        for number, found in sorted(decided.items())
    ]
