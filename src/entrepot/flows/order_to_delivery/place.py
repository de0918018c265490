"""Place orders: the whole work of an order, for a batch, in one transaction.

Commands are claimed first and answered last; every order of the batch is decided over the same
view of the stock, one after another; then everything is written in a handful of statements. When
stock changed meanwhile the guard raises a Conflict and the caller's retry decides afresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.ordering import service as ordering
from entrepot.departments.promise.offers import Offer, matches, open_offer
from entrepot.flows.order_to_delivery import check, compose, people, planning
from entrepot.flows.order_to_delivery.compose import Decided, Ready
from entrepot.flows.order_to_delivery.gather import View, view
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.flows.order_to_delivery.people import OrderPerson
from entrepot.flows.order_to_delivery.planning import Way
from entrepot.flows.order_to_delivery.reach import Leg, legs
from entrepot.ground import commands, decisions
from entrepot.ground.commands import Command, Repeated
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.identifiers import order_number
from entrepot.words.outcome import Conflict, Refusal, RefusalCode

Answer = Placed | Refusal


class _Kept(msgspec.Struct, frozen=True):
    """An answer as it is kept with its command."""

    placed: Placed | None = None
    refusal: Refusal | None = None


def place_orders(
    tx: Tx,
    orders: Sequence[PlaceOrder],
    *,
    signing_keys: Sequence[bytes],
    keys: KeyStore | None = None,
) -> list[Answer]:
    """Place a batch of orders; answers in order.

    signing_keys  the present key of offers and those still honored
    keys          encrypts the recipients of orders that name one

    Refuses, per order: key_reused, order_exists, whatever is wrong with its lines, destination or
    offer, not_enough_stock (without `backorder`), not_deliverable.
    Raises: Conflict when stock or an order id was taken meanwhile: decide again.
    """
    unique: dict[str, PlaceOrder] = {}
    for command in orders:
        unique.setdefault(command.command_id, command)
    contents = {i: people.content(c, keys) for i, c in unique.items()}
    claims = dict(
        zip(
            unique,
            commands.claim(tx, [Command(i, contents[i]) for i in unique]),
            strict=True,
        )
    )
    fresh = [unique[i] for i, claim in claims.items() if claim is None]
    answers = _place(tx, fresh, signing_keys, keys)
    commands.answer(tx, {i: _keep(a) for i, a in answers.items()})
    for command_id, claim in claims.items():
        if isinstance(claim, Repeated):
            answers[command_id] = _kept(claim.answer)
        elif isinstance(claim, Refusal):
            answers[command_id] = claim
    return [
        answers[c.command_id]
        if c is unique[c.command_id] or people.content(c, keys) == contents[c.command_id]
        else _reused()
        for c in orders
    ]


def _reused() -> Refusal:
    return Refusal(
        code=RefusalCode.key_reused,
        message="this key stands twice in one batch with different content; expected one key "
        "per order",
        field="command_id",
    )


def _keep(answer: Answer) -> bytes:
    kept = _Kept(refusal=answer) if isinstance(answer, Refusal) else _Kept(placed=answer)
    return msgspec.json.encode(kept)


def _kept(content: bytes) -> Answer:
    kept = msgspec.json.decode(content, type=_Kept)
    answer = kept.placed or kept.refusal
    assert answer is not None, "a kept answer is one or the other"
    return answer


def kept_answer(content: bytes | None) -> Placed | None:
    """The order that a command placed, from its kept answer; None when it placed none."""
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=_Kept).placed
    except msgspec.ValidationError:  # the answer of another kind of command
        return None


def _place(
    tx: Tx,
    orders: Sequence[PlaceOrder],
    signing_keys: Sequence[bytes],
    keys: KeyStore | None,
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    ready: list[Ready] = []
    for command in orders:
        found = _ready(tx, command, signing_keys)
        if isinstance(found, Refusal):
            answers[command.command_id] = found
        else:
            ready.append(found)
    taken = set(ordering.known_ids(tx, (r.order_id for r in ready)))
    known = view(
        tx,
        (line.sku for r in ready for line in r.command.lines),
        ((r.command.currency, r.priced_at) for r in ready),
    )
    decided: list[Decided] = []
    for one in ready:
        outcome = _exists(one) if one.order_id in taken else _decide(known, one)
        if isinstance(outcome, Refusal):
            answers[one.command.command_id] = outcome
        else:
            taken.add(one.order_id)
            _take(known, outcome)
            decided.append(outcome)
    named = people.register(tx, keys, [d.ready.command for d in decided])
    refused = {i: n for i, n in named.items() if isinstance(n, Refusal)}
    answers.update(refused)
    good = [d for d in decided if d.ready.command.command_id not in refused]
    persons = {i: n for i, n in named.items() if isinstance(n, OrderPerson)}
    for one_decided, placed in zip(good, _write(tx, known, good, persons), strict=True):
        answers[one_decided.ready.command.command_id] = placed
    return answers


def _ready(tx: Tx, command: PlaceOrder, signing_keys: Sequence[bytes]) -> Ready | Refusal:
    if refusal := (
        check.currency(command.currency)
        or check.line_shapes(command.lines)
        or check.order_fields(command)
        or people.check(command)
    ):
        return refusal
    destination = check.destination(command.ship_to)
    if isinstance(destination, Refusal):
        return destination
    at = command.placed_at or tx.now
    offer: Offer | None = None
    if command.offer is not None:
        opened = open_offer(command.offer, signing_keys, at)
        if isinstance(opened, Refusal):
            return opened
        asked = [(line.sku, line.quantity) for line in command.lines]
        if refusal := matches(opened, asked, (destination.country, destination.region)):
            return refusal
        offer = opened
    return Ready(
        command=command,
        order_id=command.order_id or f"O-{order_number(tx.new_id())}",
        at=at,
        destination=destination,
        offer=offer,
        priced_at=offer.quoted_at if offer else at,
    )


def _exists(one: Ready) -> Refusal:
    return Refusal(
        code=RefusalCode.order_exists,
        message=(
            f"order_id: {one.order_id} is taken by an order placed under another key; "
            "expected a new order id, or the first one's Idempotency-Key to repeat it"
        ),
        field="order_id",
        facts={"order_id": one.order_id},
    )


def _decide(known: View, one: Ready) -> Decided | Refusal:
    command, offer = one.command, one.offer
    prices = known.prices[command.currency].at(one.priced_at, (line.sku for line in command.lines))
    if refusal := check.line_contents(command.lines, known.items, prices):
        return refusal
    wanted: Counter[str] = Counter()
    for line in command.lines:
        wanted[line.sku] += line.quantity
    reached = legs(known, one.destination, command.currency, one.at)
    if offer is not None:
        reached = [leg for leg in reached if leg.estimate.latest_date <= offer.latest_date]
        if not reached:
            return planning.too_late(offer.latest_date)
    way = (
        _wished(known, command, wanted, reached)
        if offer is None
        else planning.way_by(known, wanted, reached, offer.latest_date)
    )
    if isinstance(way, Refusal):
        return way
    lines = compose.lines(command, prices)
    numbered = [(line.line_no, line.sku, line.quantity_each) for line in lines]
    handed, over = planning.split_over_lines(way.boxes, numbered)
    return Decided(
        ready=one,
        way=way,
        lines=lines,
        handed=handed,
        over=over,
        items_minor=sum(line.unit_price_minor * line.quantity_each for line in lines),
        shipping_minor=offer.shipping_minor if offer else way.price_minor,
    )


def _wished(
    known: View, command: PlaceOrder, wanted: Mapping[str, int], reached: Sequence[Leg]
) -> Way | Refusal:
    """The way of the service that was asked for."""
    if command.backorder and (refusal := planning.not_on_backorder(known, wanted, reached)):
        return refusal
    found = planning.ways(known, wanted, reached, backorder=command.backorder)
    return found if isinstance(found, Refusal) else planning.choose(found, command.service)


def _take(known: View, one: Decided) -> None:
    """Later orders of the batch see this one's stock as gone."""
    for node, _, contents in one.way.boxes:
        for sku, each in contents:
            known.ledger.reserve(sku, node, each)


def _write(
    tx: Tx, known: View, decided: Sequence[Decided], named: Mapping[str, OrderPerson]
) -> list[Placed]:
    """Orders first, stock last (lock order); the reservations' ids are given beforehand."""
    wanted = [compose.reserves(tx, one) for one in decided]
    orders = [
        compose.order(tx, one, reserves, named.get(one.ready.command.command_id))
        for one, reserves in zip(decided, wanted, strict=True)
    ]
    ordering.record(tx, orders)
    decisions.record(
        tx, [compose.decision(known.policy, one.ready.order_id, one.way) for one in decided]
    )
    flat = [reserve for reserves in wanted for reserve in reserves]
    for held in commitments.reserve(tx, flat, known=known.balances):
        if isinstance(held, Refusal):
            raise Conflict(f"stock changed meanwhile: {held.message}", kind="guard")
    return [compose.placed(order) for order in orders]
