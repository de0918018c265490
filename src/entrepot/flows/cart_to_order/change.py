"""Change carts: lines, destination, customer; whatever is asked, the cart is not idle any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import Cart, CartState
from entrepot.flows.cart_to_order import gather, people
from entrepot.flows.cart_to_order.gather import Goods
from entrepot.flows.cart_to_order.holding import Held, Wish, keep
from entrepot.flows.cart_to_order.model import CartView, ChangeCart
from entrepot.flows.cart_to_order.people import Named
from entrepot.flows.cart_to_order.rounds import in_rounds
from entrepot.flows.cart_to_order.see import view
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal

CHANGED = "changed"


def change_carts(
    tx: Tx, commands: Sequence[ChangeCart], *, keys: KeyStore | None = None
) -> list[CartView | Refusal]:
    """Change carts; gives them in order, with what is held of each line and what is not.

    Quantities are absolute: a change that was made already changes nothing more, and is answered
    so also when the cart is at another version by now. Every change prolongs the holds.

    Refuses: unknown_cart, wrong_state, cart_changed; bad_country, bad_postal_code,
    bad_identifier, too_many; unknown_person; whatever is wrong with a line.
    Raises: Conflict when stock was taken meanwhile: decide again.
    """
    return in_rounds(commands, lambda some: _change(tx, some, keys))


def _change(
    tx: Tx, commands: Sequence[ChangeCart], keys: KeyStore | None
) -> list[CartView | Refusal]:
    carts = ordering.take(tx, (c.cart_id for c in commands))
    checked = {c.cart_id: _check(c, carts.get(c.cart_id)) for c in commands}
    good = [c for c in commands if checked[c.cart_id] is None]
    known = gather.goods(
        tx,
        {carts[c.cart_id].head.channel for c in good},
        [(carts[c.cart_id].head.currency, _skus(carts[c.cart_id], c)) for c in good],
        asked=[change.sku for c in good for change in c.lines],
    )
    persons = people.register(
        tx,
        keys,
        [
            Named(number, _command_id(carts[c.cart_id]), c.actor, c.customer_ref, _country(c))
            for number, c in enumerate(good)
        ],
    )
    answers: dict[str, CartView | Refusal] = {i: r for i, r in checked.items() if r is not None}
    wishes: list[Wish] = []
    for number, command in enumerate(good):
        decided = _decide(tx, known, carts[command.cart_id], command, persons.get(number))
        if isinstance(decided, Refusal):
            answers[command.cart_id] = decided
        else:
            wishes.append(decided)
    held, stock = keep(tx, wishes)
    answers.update(
        (h.cart.head.cart_id, view(tx, known, stock, h.cart, h.holds, is_tried=True)) for h in held
    )
    ordering.write(tx, [(carts[h.cart.head.cart_id], h.cart) for h in held])
    tell(tx, held, CHANGED, {w.cart_id: w.actor for w in wishes})
    return [answers[c.cart_id] for c in commands]


def _check(command: ChangeCart, cart: Cart | None) -> Refusal | None:
    if cart is None:
        return ordering.unknown(command.cart_id)
    found = None if command.ship_to is None else gather.destination(command.ship_to)
    return (
        decisions_carts.cannot_change(cart.head, "changed")
        or gather.check_skus(command.lines)
        or people.check(command.customer_ref)
        or (found if isinstance(found, Refusal) else None)
    )


def _skus(cart: Cart, command: ChangeCart) -> set[str]:
    return {line.sku for line in cart.lines} | {change.sku for change in command.lines}


def _command_id(cart: Cart) -> str:
    """Names what a change moves in the ledger; without a colon it is no key of a caller."""
    return f"cart/{cart.head.cart_id}/{cart.head.version}"


def _country(command: ChangeCart) -> str | None:
    return command.ship_to.country if command.ship_to else None


def _decide(
    tx: Tx, known: Goods, cart: Cart, command: ChangeCart, person: UUID | Refusal | None
) -> Wish | Refusal:
    if isinstance(person, Refusal):
        return person
    head = cart.head
    lines = gather.change_lines(known, head.currency, cart.lines, command.lines)
    if isinstance(lines, Refusal):
        return lines
    country, postal_area = head.country, head.postal_area
    if command.ship_to is not None:
        found = gather.destination(command.ship_to)
        assert not isinstance(found, Refusal), "it was checked before"
        country, postal_area = found
    rule = known.rules[head.channel]
    after = Cart(
        head._replace(person_id=person or head.person_id, country=country, postal_area=postal_area),
        lines,
    )
    if after != cart:
        if refusal := decisions_carts.other_version(head, command.version):
            return refusal
        after = after._replace(head=after.head._replace(version=head.version + 1))
    return Wish(
        before=cart,
        after=after._replace(
            head=after.head._replace(
                state=CartState.open,
                active_at=tx.now,
                expires_at=decisions_carts.expiry(rule, tx.now),
                ended_at=None,
            )
        ),
        rule=rule,
        ranks=known.ranks(country, postal_area),
        command_id=_command_id(cart),
        actor=command.actor,
    )


def tell(tx: Tx, held: Sequence[Held], reason: str, actors: Mapping[str, str]) -> None:
    """Tell which units are free again."""
    ordering.tell_released(
        tx, {h.cart.head.cart_id: h.released for h in held}, reason=reason, actors=actors
    )
