"""Place orders: the whole work of an order, for a batch, in one transaction.

Commands done before are answered as they were then. Every other order of the batch is decided over
the same view of the stock, one after another; then everything is written in a handful of
statements, the answers first. No row is locked while decisions are made. When a command was done,
or stock went, meanwhile, a guard raises a Conflict and the caller's retry decides afresh.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Reserve
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import NewOrder
from entrepot.departments.promise.offers import Offer, matches, open_offer
from entrepot.flows.order_to_delivery import check, compose, people, planning
from entrepot.flows.order_to_delivery.compose import Decided, Ready
from entrepot.flows.order_to_delivery.gather import View, view
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.flows.order_to_delivery.people import OrderPerson
from entrepot.flows.order_to_delivery.planning import Way
from entrepot.flows.order_to_delivery.reach import Reach
from entrepot.ground import commands, decisions
from entrepot.ground.commands import Command, Repeated
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.identifiers import order_number
from entrepot.words.outcome import Refusal, RefusalCode

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
    asked = [Command(order.command_id, people.content(order, keys)) for order in orders]
    done = commands.done(tx, asked)
    fresh: dict[str, tuple[PlaceOrder, Command]] = {}
    for order, command, earlier in zip(orders, asked, done, strict=True):
        if earlier is None:
            fresh.setdefault(order.command_id, (order, command))
    answers = _place(tx, list(fresh.values()), signing_keys, keys)
    return [
        _earlier(earlier)
        if earlier is not None
        else answers[command.command_id]
        if command == fresh[command.command_id][1]
        else commands.reused()
        for command, earlier in zip(asked, done, strict=True)
    ]


def _earlier(earlier: Repeated | Refusal) -> Answer:
    return _kept(earlier.answer) if isinstance(earlier, Repeated) else earlier


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
    orders: Sequence[tuple[PlaceOrder, Command]],
    signing_keys: Sequence[bytes],
    keys: KeyStore | None,
) -> dict[str, Answer]:
    """Decide all of them, then write: the answers first (lock order)."""
    answers: dict[str, Answer] = {}
    ready: list[Ready] = []
    for order, command in orders:
        found = _ready(tx, order, signing_keys)
        if isinstance(found, Refusal):
            answers[command.command_id] = found
        else:
            ready.append(found)
    taken = set(ordering.known_ids(tx, [r.order_id for r in ready if r.command.order_id]))
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
    written = [_composed(tx, one, persons.get(one.ready.command.command_id)) for one in good]
    for composed in written:
        answers[composed.order.header.command_id] = compose.placed(composed.order)
    commands.keep(tx, [(command, _keep(answers[command.command_id])) for _, command in orders])
    _write(tx, known, written)
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
    reached = known.routes.legs(one.destination, command.currency, one.at)
    if offer is None:
        way = _wished(known, command, wanted, reached)
    else:
        reached = reached.by(offer.latest_date)
        if not reached.legs:
            return planning.too_late(offer.latest_date)
        way = planning.way_by(known, wanted, reached, command.currency, offer.latest_date)
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
    known: View, command: PlaceOrder, wanted: Mapping[str, int], reached: Reach
) -> Way | Refusal:
    """The way of the service that was asked for."""
    if command.backorder and (refusal := planning.not_on_backorder(known, wanted, reached)):
        return refusal
    found = planning.ways(known, wanted, reached, command.currency, backorder=command.backorder)
    return found if isinstance(found, Refusal) else planning.choose(found, command.service)


def _take(known: View, one: Decided) -> None:
    """Later orders of the batch see this one's stock as gone."""
    for node, _, contents in one.way.boxes:
        for sku, each in contents:
            known.stock.take(sku, node, each)


class _Composed(NamedTuple):
    """What is written of a decided order."""

    way: Way
    order: NewOrder
    reserves: list[Reserve]


def _composed(tx: Tx, one: Decided, person: OrderPerson | None) -> _Composed:
    reserves = compose.reserves(tx, one)
    return _Composed(one.way, compose.order(tx, one, reserves, person), reserves)


def _write(tx: Tx, known: View, written: Sequence[_Composed]) -> None:
    """Orders first, stock last (lock order); the reservations' ids are given beforehand."""
    ordering.record(tx, [one.order for one in written])
    decisions.record(
        tx,
        [compose.decision(known.policy, one.order.header.order_id, one.way) for one in written],
    )
    commitments.reserve_decided(tx, [reserve for one in written for reserve in one.reserves])
