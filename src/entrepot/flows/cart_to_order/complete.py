"""Complete carts: each becomes one order, once, however often and from wherever it is asked.

A cart's units are given back and reserved for its order in one transaction: nobody comes between.
A batch is placed together, with all that its carts hold counted as free. That is exact as long as
every cart that is refused still finds its own units where they were; if another order of the batch
took them, the batch is undone and each cart is placed with nothing but its own units freed: what
was held first is never broken by somebody else's order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import Hold, ReleaseHold
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import Cart, CartState, Completion
from entrepot.departments.pricing import service as pricing
from entrepot.flows.cart_to_order import people
from entrepot.flows.cart_to_order.holding import by_cart, held_each
from entrepot.flows.cart_to_order.model import CompleteCart
from entrepot.flows.cart_to_order.rounds import in_rounds
from entrepot.flows.order_to_delivery.model import AskedLine, Placed, PlaceOrder
from entrepot.flows.order_to_delivery.people import content
from entrepot.flows.order_to_delivery.place import kept_answer, place_orders
from entrepot.ground import commands as idempotent
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal, RefusalCode

Answer = Placed | Refusal


class _Ready(NamedTuple):
    """A cart that may become an order: what is placed for it, and what it holds."""

    command: CompleteCart
    cart: Cart
    order: PlaceOrder
    holds: tuple[ReleaseHold, ...]

    @property
    def cart_id(self) -> str:
        return self.command.cart_id

    @property
    def is_covered(self) -> bool:
        held = held_each([release.hold for release in self.holds])
        return decisions_carts.is_covered(self.cart, held)


class _HoldBroken(Exception):
    """Together, an order took the units of a cart that was refused."""


def complete_carts(
    tx: Tx,
    commands: Sequence[CompleteCart],
    *,
    signing_keys: Sequence[bytes],
    keys: KeyStore | None = None,
) -> list[Answer]:
    """Make orders of carts; answers in order.

    A cart that became an order is answered with it again when the same is asked. One whose holds
    are over, or that expired, is completed as long as there is stock. One that is refused stays as
    it is, with what it holds.

    signing_keys  the present key of offers and those still honored
    keys          encrypts the recipients of orders that name one

    Refuses, per cart: unknown_cart; wrong_state for one that was given up; order_exists when it
    became an order that was asked for otherwise; cart_changed; missing_value for an empty one;
    bad_value for another customer than the cart's; price_changed, with every price that did; what
    `place_orders` does.
    Raises: Conflict when stock or an order id was taken meanwhile: decide again.
    """
    return in_rounds(commands, lambda some: _complete(tx, some, signing_keys, keys))


def _complete(
    tx: Tx, commands: Sequence[CompleteCart], signing_keys: Sequence[bytes], keys: KeyStore | None
) -> list[Answer]:
    carts = ordering.take(tx, (c.cart_id for c in commands))
    references = people.references(tx, [cart.head.person_id for cart in carts.values()])
    holds = by_cart(commitments.holds_of(tx, [i for i, c in carts.items() if c.head.holds]))
    answers: dict[str, Answer] = {}
    ready: list[_Ready] = []
    for command in commands:
        cart = carts.get(command.cart_id)
        reference = references.get(cart.head.person_id) if cart and cart.head.person_id else None
        found = _ready(tx, command, cart, reference, holds.get(command.cart_id, ()), keys)
        if isinstance(found, _Ready):
            ready.append(found)
        else:
            answers[command.cart_id] = found
    placed = _place(tx, ready, signing_keys, keys)
    ordering.complete(
        tx,
        [
            Completion(
                cart=one.cart,
                order_id=answer.order_id,
                order_command=one.order.command_id,
                completion_hash=_hash(one.order, keys),
                actor=one.command.actor,
            )
            for one in ready
            if isinstance(answer := placed[one.cart_id], Placed)
        ],
    )
    for one in ready:
        answer = placed[one.cart_id]
        answers[one.cart_id] = (
            _with_all_prices(tx, one, answer) if isinstance(answer, Refusal) else answer
        )
    return [answers[c.cart_id] for c in commands]


def _ready(
    tx: Tx,
    command: CompleteCart,
    cart: Cart | None,
    reference: str | None,
    holds: Sequence[Hold],
    keys: KeyStore | None,
) -> _Ready | Answer:
    if cart is None:
        return ordering.unknown(command.cart_id)
    head = cart.head
    # Without a colon it is no key of a caller; each attempt is a command of its own, so that what
    # was refused can be asked for again.
    order = _order(command, cart, reference, f"cart/{head.cart_id}/{tx.new_id()}")
    if head.state is CartState.completed:
        return _again(tx, cart, order, keys)
    refusal = (
        decisions_carts.cannot_change(head, "completed")
        or decisions_carts.other_version(head, command.version)
        or _nothing_wanted(cart)
        or _other_customer(command, reference)
    )
    if refusal:
        return refusal
    return _Ready(
        command=command,
        cart=cart,
        order=order,
        holds=tuple(ReleaseHold(order.command_id, command.actor, hold) for hold in holds),
    )


def _order(command: CompleteCart, cart: Cart, reference: str | None, command_id: str) -> PlaceOrder:
    # An offer says the prices itself: it is what the customer agreed to last.
    offered = command.offer is not None
    return PlaceOrder(
        command_id=command_id,
        actor=command.actor,
        lines=tuple(
            AskedLine(line.sku, line.quantity_each, None if offered else line.unit_price_minor)
            for line in cart.wanted
        ),
        ship_to=command.ship_to,
        currency=cart.head.currency,
        order_id=command.order_id,
        channel=cart.head.channel,
        offer=command.offer,
        service=command.service,
        customer_ref=reference or command.customer_ref,
        recipient=command.recipient,
        backorder=command.backorder,
        payment_minutes=command.payment_minutes,
    )


def _hash(order: PlaceOrder, keys: KeyStore | None) -> bytes:
    """Tells the same request from another, whoever sends it; personal data only as keyed hash."""
    bare = msgspec.structs.replace(order, command_id="", actor="")
    return hashlib.sha256(content(bare, keys)).digest()


def _again(tx: Tx, cart: Cart, order: PlaceOrder, keys: KeyStore | None) -> Answer:
    head = cart.head
    assert head.order_command is not None, "a completed cart names its order's command"
    if head.completion_hash == _hash(order, keys):
        placed = kept_answer(idempotent.read_answer(tx, head.order_command))
        assert placed is not None, "answers of commands are kept longer than carts"
        return placed
    return Refusal(
        code=RefusalCode.order_exists,
        message=(
            f"cart {head.cart_id} became order {head.order_id}, asked for otherwise than now; "
            "read the order, or open a new cart"
        ),
        field="cart_id",
        facts={"cart_id": head.cart_id, "order_id": head.order_id},
    )


def _nothing_wanted(cart: Cart) -> Refusal | None:
    if cart.wanted:
        return None
    return Refusal(
        code=RefusalCode.missing_value,
        message=(
            f"lines: cart {cart.head.cart_id} has none to order, expected at least one; "
            f"{len(cart.lines)} are kept for later"
        ),
        field="lines",
    )


def _other_customer(command: CompleteCart, reference: str | None) -> Refusal | None:
    if reference is None or command.customer_ref in (None, reference):
        return None
    return Refusal(
        code=RefusalCode.bad_value,
        message=(
            "customer_ref: found another one than the cart was opened with; expected the same, or "
            "none"
        ),
        field="customer_ref",
    )


def _place(
    tx: Tx, ready: Sequence[_Ready], signing_keys: Sequence[bytes], keys: KeyStore | None
) -> Mapping[str, Answer]:
    """The orders of carts, by cart."""
    commitments.stock_last(tx)
    if len(ready) > 1 and any(one.holds for one in ready):
        try:
            with tx.savepoint():
                return _together(tx, ready, signing_keys, keys)
        except _HoldBroken:
            return {
                cart_id: answer
                for one in ready
                for cart_id, answer in _together(tx, [one], signing_keys, keys).items()
            }
    return _together(tx, ready, signing_keys, keys)


def _together(
    tx: Tx, ready: Sequence[_Ready], signing_keys: Sequence[bytes], keys: KeyStore | None
) -> dict[str, Answer]:
    """Place orders with what all their carts hold counted as free.

    Who holds all it wants takes nothing from the others and comes first; else who came first.
    Raises: _HoldBroken when a cart is refused and its units were taken.
    """
    in_turn = sorted(ready, key=lambda one: not (one.holds and one.is_covered))
    commitments.lend(tx, [release for one in in_turn for release in one.holds])
    answers = place_orders(tx, [one.order for one in in_turn], signing_keys=signing_keys, keys=keys)
    placed = dict(zip((one.cart_id for one in in_turn), answers, strict=True))
    unused = [
        release
        for one in in_turn
        if isinstance(placed[one.cart_id], Refusal)
        for release in one.holds
    ]
    _take_back(tx, unused)
    commitments.end(
        tx,
        [
            release
            for one in in_turn
            if isinstance(placed[one.cart_id], Placed)
            for release in one.holds
        ],
    )
    return placed


def _take_back(tx: Tx, unused: Sequence[ReleaseHold]) -> None:
    """Hold again what carts that were refused held. Raises: _HoldBroken when it is not there."""
    if not unused:
        return
    left = Ledger(inventory.balances(tx, {release.hold.sku for release in unused}))
    for release in unused:
        hold = release.hold
        if left.available(hold.sku, hold.node) < hold.quantity_each:
            raise _HoldBroken
        left.reserve(hold.sku, hold.node, hold.quantity_each)
    commitments.take_back(tx, unused)


def _with_all_prices(tx: Tx, one: _Ready, refusal: Refusal) -> Refusal:
    """A refusal for a changed price says every price that changed; any other as it is."""
    if refusal.code is not RefusalCode.price_changed:
        return refusal
    head, lines = one.cart.head, one.cart.wanted
    prices = pricing.prices_at(tx, [line.sku for line in lines], head.currency, tx.now)
    changed = [
        {"sku": line.sku, "seen_minor": line.unit_price_minor, "price_minor": price.amount_minor}
        for line in lines
        if (price := prices.get(line.sku)) and price.amount_minor != line.unit_price_minor
    ]
    listed = ", ".join(f"{c['sku']} {c['seen_minor']} -> {c['price_minor']}" for c in changed[:10])
    more = f" and {len(changed) - 10} more" if len(changed) > 10 else ""
    return Refusal(
        code=RefusalCode.price_changed,
        message=(
            f"lines: the prices of {len(changed)} changed since they were put into the cart: "
            f"{listed}{more}; show them, change the lines to them, and complete again"
        ),
        field="lines",
        facts={"lines": changed},
    )
