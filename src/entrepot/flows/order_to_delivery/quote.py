"""Quote: the dated, priced ways to have something delivered. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from entrepot.departments.promise.model import PlannedBox
from entrepot.departments.promise.offers import Offer, seal
from entrepot.flows.order_to_delivery import check, planning
from entrepot.flows.order_to_delivery.check import Destination
from entrepot.flows.order_to_delivery.gather import View, view
from entrepot.flows.order_to_delivery.model import Ask, OptionBox, Quoted, QuotedOption
from entrepot.flows.order_to_delivery.planning import Way
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal

OFFER_MINUTES = 30


def quote(tx: Tx, asks: Sequence[Ask], signing_key: bytes) -> list[Quoted | Refusal]:
    """The options of each ask, the earliest first, each with a token to order it by.

    signing_key  seals the offers, 32 bytes or more

    Refuses: whatever is wrong with the lines or the destination, not_enough_stock,
    not_deliverable.
    """
    shaped = [check.currency(a.currency) or check.line_shapes(a.lines) for a in asks]
    good = [a for a, refusal in zip(asks, shaped, strict=True) if refusal is None]
    known = view(
        tx,
        (line.sku for a in good for line in a.lines),
        ((a.currency, a.at or tx.now) for a in good),
    )
    return [
        refusal or _quote(tx, known, ask, signing_key)
        for ask, refusal in zip(asks, shaped, strict=True)
    ]


def _quote(tx: Tx, known: View, ask: Ask, signing_key: bytes) -> Quoted | Refusal:
    destination = check.destination(ask.ship_to)
    if isinstance(destination, Refusal):
        return destination
    at = ask.at or tx.now
    prices = known.prices[ask.currency].at(at, (line.sku for line in ask.lines))
    if refusal := check.line_contents(ask.lines, known.items, prices):
        return refusal
    wanted: Counter[str] = Counter()
    for line in ask.lines:
        wanted[line.sku] += line.quantity
    reached = known.routes.legs(destination, ask.currency, at)
    found = planning.ways(known, wanted, reached, ask.currency, backorder=False)
    if isinstance(found, Refusal):
        return found
    items_minor = sum(prices[line.sku].amount_minor * line.quantity for line in ask.lines)
    options = [
        _option(known, ask, destination, way, items_minor, at, tx.new_id(), signing_key)
        for way in found
    ]
    cheapest = min(options, key=lambda o: o.shipping_minor)
    return Quoted(tuple(options), cheapest.service, options[0].service)


def _option(
    known: View,
    ask: Ask,
    destination: Destination,
    way: Way,
    items_minor: int,
    at: datetime,
    offer_id: UUID,
    signing_key: bytes,
) -> QuotedOption:
    estimate = way.estimate
    assert estimate is not None, "without backorder every way has a box"
    lines = [(n, line.sku, line.quantity) for n, line in enumerate(ask.lines, start=1)]
    handed, _ = planning.split_over_lines(way.boxes, lines)
    boxes = tuple(
        PlannedBox(node, service, tuple(mine))
        for (node, service, _), mine in zip(way.boxes, handed, strict=True)
    )
    offer = Offer(
        offer_id=offer_id,
        lines=tuple((line.sku, line.quantity) for line in ask.lines),
        country=destination.country,
        region=destination.region,
        service=way.label,
        boxes=boxes,
        latest_date=estimate.latest_date,
        expected_date=estimate.expected_date,
        probability_ppm=estimate.probability_ppm,
        items_minor=items_minor,
        shipping_minor=way.price_minor,
        tax_minor=0,
        currency=ask.currency,
        cost_mills=way.cost_mills,
        policy_id=known.policy.policy_id,
        policy_version=known.policy.version,
        quoted_at=at,
        expires_at=at + timedelta(minutes=OFFER_MINUTES),
    )
    return QuotedOption(
        service=way.label,
        expected_date=estimate.expected_date,
        latest_date=estimate.latest_date,
        probability_ppm=estimate.probability_ppm,
        currency=ask.currency,
        items_minor=items_minor,
        shipping_minor=way.price_minor,
        total_minor=items_minor + way.price_minor,
        grams_co2e=way.grams_co2e,
        boxes=tuple(OptionBox(b.node, b.service_id, b.lines) for b in boxes),
        offer=seal(offer, signing_key),
        expires_at=offer.expires_at,
    )
