"""The plain reorder rule: when to buy, how much, from whom, for which nodes, and why in words.

A review looks at the inventory position of a SKU over all its nodes. At or below the reorder point
s it orders up to S: s covers the demand of the lead time and of the time until the next review,
with some days of safety; S stands some days of demand above. Suppliers sell in whole packs and not
below a minimum; a price break is taken where more units cost no more money.
Source: the (R, s, S) policy of Silver, Pyke & Thomas, Inventory and Production Management in Supply
Chains, ch. 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from entrepot.departments.purchasing.model import PPM, PriceBreak, Supplier, Terms
from entrepot.words.money import Money, format_money, split
from entrepot.words.outcome import Refusal, RefusalCode
from entrepot.words.quantity import MAX_EACH, round_up_to_multiple

DECISION_KIND = "reorder"
INPUTS_VERSION = 1
MILLI = 1_000


class ReorderPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How the rule is set.

    review_days  from one review to the next
    safety_days  days of mean demand kept against the unexpected
    cover_days   days of mean demand from s up to S
    """

    policy_id: str
    version: int
    review_days: int
    safety_days: int
    cover_days: int


class NodeStock(msgspec.Struct, frozen=True, array_like=True):
    """A SKU at one node, each; `position_each` = on hand + on order - committed to orders.

    weight  share of the demand the node is to be stocked for, in any unit
    """

    node: str
    weight: int
    position_each: int


class SupplyOffer(msgspec.Struct, frozen=True, array_like=True):
    """Terms as the rule reads them; `lead_ppm` is the mean lead time in millionths of a day."""

    supplier_id: str
    currency: str
    cost_minor: int
    moq_each: int
    multiple_each: int
    price_breaks: tuple[PriceBreak, ...]
    lead_ppm: int


class Need(msgspec.Struct, frozen=True, array_like=True):
    """A SKU under review.

    mean_daily_milli  mean demand of a day, thousandths of one each
    waiting_each      promised to customers without stock, at no node yet
    currency          preferred where several would do
    """

    sku: str
    mean_daily_milli: int
    waiting_each: int
    currency: str
    nodes: tuple[NodeStock, ...]
    offers: tuple[SupplyOffer, ...]


class BuyLine(msgspec.Struct, frozen=True, array_like=True):
    """What one node gets; `cost_minor` for one each, `reason` in words."""

    node: str
    ordered_each: int
    cost_minor: int
    reason: str


class Buy(msgspec.Struct, frozen=True, array_like=True):
    """What to order of a SKU now; `point_each` = s, `up_to_each` = S."""

    sku: str
    supplier_id: str
    currency: str
    lead_days: int
    position_each: int
    point_each: int
    up_to_each: int
    lines: tuple[BuyLine, ...]


class Levels(NamedTuple):
    """The rule's two levels, each: buy at or below s, up to S."""

    point_each: int
    up_to_each: int


def supply_offers(
    terms: Sequence[Terms], suppliers: Mapping[str, Supplier]
) -> tuple[SupplyOffer, ...]:
    """Terms with the lead times of their suppliers; an item's own lead time comes before."""
    return tuple(
        SupplyOffer(
            supplier_id=t.supplier_id,
            currency=t.currency,
            cost_minor=t.cost_minor,
            moq_each=t.moq_each,
            multiple_each=t.multiple_each,
            price_breaks=t.price_breaks,
            lead_ppm=_lead_ppm(t, suppliers[t.supplier_id]),
        )
        for t in terms
    )


def _lead_ppm(terms: Terms, supplier: Supplier) -> int:
    if terms.lead_time_days is not None:
        return terms.lead_time_days * PPM
    return sum(share.days * share.ppm for share in supplier.lead_time)


def levels(policy: ReorderPolicy, mean_daily_milli: int, lead_ppm: int) -> Levels:
    """s = mean daily demand x (lead time + review + safety); S = s + demand of the cover."""
    exposed_ppm = lead_ppm + (policy.review_days + policy.safety_days) * PPM
    point_each = -(-mean_daily_milli * exposed_ppm // (MILLI * PPM))
    return Levels(point_each, point_each + _days_each(mean_daily_milli, policy.cover_days))


def _days_each(mean_daily_milli: int, days: int) -> int:
    return -(-mean_daily_milli * days // MILLI)


def unit_cost_minor(offer: SupplyOffer, quantity_each: int) -> int:
    """What one each costs when so many are ordered on one line."""
    cost_minor = offer.cost_minor
    for from_each, break_minor in offer.price_breaks:
        if quantity_each < from_each:
            break
        cost_minor = break_minor
    return cost_minor


def choose(policy: ReorderPolicy, need: Need) -> SupplyOffer:
    """The offer to buy by: in the preferred currency, then cheapest for one cover, then soonest."""
    cover_each = max(1, _days_each(need.mean_daily_milli, policy.cover_days))

    def rank(offer: SupplyOffer) -> tuple[bool, int, int, str]:
        likely_each = _orderable(offer, cover_each)
        cost_minor = unit_cost_minor(offer, likely_each)
        return offer.currency != need.currency, cost_minor, offer.lead_ppm, offer.supplier_id

    return min(need.offers, key=rank)


def _orderable(offer: SupplyOffer, quantity_each: int) -> int:
    return round_up_to_multiple(quantity_each, offer.multiple_each, minimum_each=offer.moq_each)


def decide(policy: ReorderPolicy, need: Need) -> Buy | Refusal | None:
    """What to buy of a SKU now; None when its position is above the reorder point.

    Refuses: missing_value when nobody sells it; bad_quantity when more would be ordered than one
    line can hold.
    """
    if not need.offers:
        return Refusal(
            RefusalCode.missing_value,
            f"terms: found none for {need.sku}, expected a supplier who sells it; agree on terms",
            "terms",
        )
    offer = choose(policy, need) if len(need.offers) > 1 else need.offers[0]
    point_each, up_to_each = levels(policy, need.mean_daily_milli, offer.lead_ppm)
    position_each = sum(n.position_each for n in need.nodes) - need.waiting_each
    needed_each = up_to_each - position_each
    if position_each > point_each or needed_each <= 0:
        return None
    total_each = _orderable(offer, needed_each)
    if total_each > MAX_EACH:
        return Refusal(
            RefusalCode.bad_quantity,
            f"{need.sku}: {total_each} would be ordered, expected at most {MAX_EACH}; check its "
            "demand and its terms",
            "mean_daily_milli",
        )
    said = _in_words(policy, need, offer, Levels(point_each, up_to_each), needed_each, total_each)
    parts = split_by_shortage(offer, need.nodes, up_to_each + need.waiting_each, total_each)
    return Buy(
        sku=need.sku,
        supplier_id=offer.supplier_id,
        currency=offer.currency,
        lead_days=-(-offer.lead_ppm // PPM),
        position_each=position_each,
        point_each=point_each,
        up_to_each=up_to_each,
        lines=tuple(
            _line(offer, node, part_each, said, alone=len(parts) == 1) for node, part_each in parts
        ),
    )


def split_by_shortage(
    offer: SupplyOffer, nodes: Sequence[NodeStock], target_each: int, total_each: int
) -> list[tuple[str, int]]:
    """Which node gets how many of an order, in whole packs and none below the minimum.

    target_each  what all nodes together should hold; a node's part of it goes by its weight, and
                 what it lacks of that part is its claim. Where the order is too small to give
                 every node the minimum, those that lack most get it.
    """
    targets = split(target_each, [n.weight for n in nodes])
    lacks = [max(0, t - n.position_each) for t, n in zip(targets, nodes, strict=True)]
    smallest = _orderable(offer, 1) // offer.multiple_each
    packs = total_each // offer.multiple_each
    served = [i for i in sorted(range(len(nodes)), key=lambda i: -lacks[i]) if lacks[i] > 0]
    served = served[: packs // smallest]
    while True:
        parts = split(packs, [lacks[i] for i in served])
        if len(served) == 1 or min(parts) >= smallest:
            given = dict(zip(served, parts, strict=True))
            return [(nodes[i].node, given[i] * offer.multiple_each) for i in sorted(given)]
        served.pop()


def _line(offer: SupplyOffer, node: str, part_each: int, said: str, *, alone: bool) -> BuyLine:
    ordered_each = _with_break(offer, part_each)
    reason = said if alone else f"{said}; {part_each} of them to {node} by what it lacks"
    if ordered_each != part_each:
        paid = Money(ordered_each * unit_cost_minor(offer, ordered_each), offer.currency)
        reason += f"; {ordered_each} for {format_money(paid)}, no more than {part_each} would cost"
    return BuyLine(node, ordered_each, unit_cost_minor(offer, ordered_each), reason)


def _with_break(offer: SupplyOffer, quantity_each: int) -> int:
    """More units where a price break gives them for no more money."""
    best_each = quantity_each
    for price_break in offer.price_breaks:
        more_each = round_up_to_multiple(price_break.from_each, offer.multiple_each)
        if quantity_each < more_each <= MAX_EACH and _paid(offer, more_each) <= _paid(
            offer, best_each
        ):
            best_each = more_each
    return best_each


def _paid(offer: SupplyOffer, quantity_each: int) -> int:
    return quantity_each * unit_cost_minor(offer, quantity_each)


def _in_words(
    policy: ReorderPolicy,
    need: Need,
    offer: SupplyOffer,
    level: Levels,
    needed_each: int,
    total_each: int,
) -> str:
    daily, lead = _decimal(need.mean_daily_milli, MILLI), _decimal(offer.lead_ppm, PPM)
    position_each = level.up_to_each - needed_each
    words = (
        f"{position_each} in position, at or below {level.point_each} = {daily} a day x "
        f"({lead} days of lead time + {policy.review_days} to the next review + "
        f"{policy.safety_days} of safety); {needed_each} lack to {level.up_to_each}"
    )
    if total_each != needed_each:
        packs = f"packs of {offer.multiple_each}" if offer.multiple_each > 1 else ""
        fewest = f"{offer.moq_each} at least" if offer.moq_each > 1 else ""
        words += f", {total_each} in {packs}" if packs else f", {total_each}"
        words += f", {fewest}" if fewest else ""
    if len(need.offers) > 1:
        words += f"; {offer.supplier_id} is the best of {len(need.offers)} suppliers"
    return words


def _decimal(amount: int, unit: int) -> str:
    """Units of `amount` with at most one decimal."""
    whole, tenth = divmod((amount * 10 + unit // 2) // unit, 10)
    return f"{whole}.{tenth}" if tenth else str(whole)


class _Inputs(msgspec.Struct, frozen=True, array_like=True):
    version: int
    policy: ReorderPolicy
    need: Need


def decision_inputs(policy: ReorderPolicy, need: Need) -> bytes:
    """Everything `decide` was given, as canonical MessagePack for the decision log."""
    return msgspec.msgpack.encode(_Inputs(INPUTS_VERSION, policy, need))


def decision_outcome(decided: Buy | Refusal | None) -> bytes:
    """What was decided, as canonical MessagePack."""
    return msgspec.msgpack.encode(decided)


def replay(inputs: bytes) -> bytes:
    """The outcome decided again from recorded inputs, byte for byte.

    Raises: msgspec.DecodeError when the inputs are not those of a reorder decision.
    """
    read = msgspec.msgpack.decode(inputs, type=_Inputs)
    return decision_outcome(decide(read.policy, read.need))
