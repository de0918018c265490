"""Reorder: review SKUs by the plain rule and order what is short, in one transaction.

Gather: stock, waiting demand, what is on order, terms and lead times, one read per room. Decide:
per SKU in a pure function. Write: the orders, what they announce, and the record of each decision.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import ItemStatus
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network, NodeKind, NodeStatus
from entrepot.departments.purchasing import decisions_reorder as rule
from entrepot.departments.purchasing import service as purchasing
from entrepot.departments.purchasing import service_orders as orders
from entrepot.departments.purchasing.decisions_orders import LINES_MAX
from entrepot.departments.purchasing.decisions_reorder import Buy, BuyLine, Need, NodeStock
from entrepot.departments.purchasing.model import NewLine, Raised, RaiseOrder, Supplier, Terms
from entrepot.flows.procure_to_stock.model import Demand, Reorder, Reordered, Unbought
from entrepot.flows.procure_to_stock.raise_orders import raise_orders
from entrepot.ground import commands, decisions
from entrepot.ground.commands import Command, Repeated
from entrepot.ground.database import Tx
from entrepot.ground.decisions import Decision
from entrepot.words.calendar import next_opening
from entrepot.words.outcome import Conflict, Refusal, RefusalCode, shown

CURRENCY_WITHOUT_RETAILER = ""


class View(NamedTuple):
    """The facts a review is decided over.

    positions  by (SKU, node): on hand and on order, less what is committed to orders
    waiting    by SKU: promised without stock
    terms      by SKU
    """

    network: Network
    positions: Mapping[tuple[str, str], int]
    waiting: Mapping[str, int]
    terms: Mapping[str, Sequence[Terms]]
    suppliers: Mapping[str, Supplier]


def reorder(tx: Tx, command: Reorder) -> Reordered | Refusal:
    """Review SKUs and raise orders for what is at or below its reorder point.

    A SKU that cannot be bought stands in the answer with its refusal: unknown_sku, not_orderable,
    unknown_node, bad_value for its demand, missing_value without terms, bad_quantity.

    Refuses: key_reused; duplicate_value for a SKU that stands twice.
    Raises: Conflict when somebody else was at work on the same orders.
    """
    twice = [s for s, n in Counter(d.sku for d in command.demand).items() if n > 1]
    if twice:
        return Refusal(
            RefusalCode.duplicate_value,
            f"demand: found {shown(twice[0])} more than once, expected each SKU once",
            "demand",
        )
    (claim,) = commands.claim(tx, [Command(command.command_id, msgspec.json.encode(command))])
    if isinstance(claim, Repeated):
        return msgspec.json.decode(claim.answer, type=Reordered)
    if isinstance(claim, Refusal):
        return claim
    known = _view(tx, [d.sku for d in command.demand])
    needs, unbought = _needs(known, command.demand)
    bought: list[tuple[Need, Buy]] = []
    for need in needs:
        decided = rule.decide(command.policy, need)
        if isinstance(decided, Refusal):
            unbought.append(Unbought(need.sku, decided))
        elif decided is not None:
            bought.append((need, decided))
    bought, not_on_sale = _on_sale(tx, bought)
    raised = _raise(tx, command, known.network, [buy for _, buy in bought])
    decisions.record(tx, [_decision(command, need, buy) for need, buy in bought])
    answer = Reordered(raised, (*unbought, *not_on_sale))
    commands.answer(tx, {command.command_id: msgspec.json.encode(answer)})
    return answer


def _view(tx: Tx, skus: Sequence[str]) -> View:
    positions: dict[tuple[str, str], int] = defaultdict(int)
    for sku, node, on_hand, _, reserved, allocated, _ in inventory.balances(tx, skus):
        positions[sku, node] = on_hand - reserved - allocated
    for on_order in orders.on_order(tx, skus):
        positions[on_order.sku, on_order.node] += on_order.quantity_each
    waiting: dict[str, int] = defaultdict(int)
    for reservation in commitments.waiting(tx, skus):
        waiting[reservation.sku] += reservation.quantity_each
    terms: dict[str, list[Terms]] = defaultdict(list)
    for each in purchasing.terms(tx, skus):
        terms[each.sku].append(each)
    return View(
        network=network_service.snapshot(tx),
        positions=positions,
        waiting=waiting,
        terms=terms,
        suppliers=purchasing.suppliers(
            tx, {t.supplier_id for listed in terms.values() for t in listed}
        ),
    )


def _needs(known: View, demand: Sequence[Demand]) -> tuple[list[Need], list[Unbought]]:
    needs: list[Need] = []
    unbought: list[Unbought] = []
    retailer = known.network.retailer
    currency = retailer.currency if retailer else CURRENCY_WITHOUT_RETAILER
    centers = {
        node.node_id: 1
        for node in known.network.nodes.values()
        if node.kind is NodeKind.fulfillment_center and node.status is NodeStatus.open
    }
    for each in demand:
        weights = centers if each.weights is None else each.weights
        if refusal := _check(known.network, each, weights):
            unbought.append(Unbought(each.sku, refusal))
            continue
        needs.append(
            Need(
                sku=each.sku,
                mean_daily_milli=each.mean_daily_milli,
                waiting_each=known.waiting.get(each.sku, 0),
                currency=currency,
                nodes=tuple(
                    NodeStock(node, weights[node], known.positions.get((each.sku, node), 0))
                    for node in sorted(weights)
                ),
                offers=rule.supply_offers(known.terms.get(each.sku, ()), known.suppliers),
            )
        )
    return needs, unbought


def _check(network: Network, demand: Demand, weights: Mapping[str, int]) -> Refusal | None:
    if demand.mean_daily_milli < 0 or min(weights.values(), default=0) < 0:
        return Refusal(
            RefusalCode.bad_value,
            f"demand: found a negative figure for {shown(demand.sku)}, expected 0 or more",
            "demand",
        )
    closed = [
        n for n in weights if n not in network.nodes or network.nodes[n].status != NodeStatus.open
    ]
    if closed or not weights:
        found = shown(closed[0]) if closed else "none"
        return Refusal(
            RefusalCode.unknown_node,
            f"node: found {found} to stock {shown(demand.sku)} at, expected nodes that are open",
            "weights",
        )
    return None


def _on_sale(
    tx: Tx, bought: Sequence[tuple[Need, Buy]]
) -> tuple[list[tuple[Need, Buy]], list[Unbought]]:
    """Without what the catalog does not have, or retired."""
    items = catalog.read(tx, [buy.sku for _, buy in bought])
    good: list[tuple[Need, Buy]] = []
    bad: list[Unbought] = []
    for need, buy in bought:
        item = items.get(buy.sku)
        if item is not None and item.status is ItemStatus.active:
            good.append((need, buy))
            continue
        code = RefusalCode.not_orderable if item else RefusalCode.unknown_sku
        said = f"is {item.status}" if item else "is no SKU of the catalog"
        message = f"sku: {shown(buy.sku)} {said}; leave it out of the review"
        bad.append(Unbought(buy.sku, Refusal(code, message, "sku")))
    return good, bad


def _raise(tx: Tx, command: Reorder, network: Network, bought: Sequence[Buy]) -> tuple[str, ...]:
    grouped: dict[tuple[str, str, str], list[tuple[Buy, BuyLine]]] = defaultdict(list)
    for buy in bought:
        for line in buy.lines:
            grouped[line.node, buy.supplier_id, buy.currency].append((buy, line))
    raising = [
        _order(command, network, key, lines[start : start + LINES_MAX], start, tx.now)
        for key, lines in sorted(grouped.items())
        for start in range(0, len(lines), LINES_MAX)
    ]
    for answer in raise_orders(tx, raising):
        if not isinstance(answer, Raised):
            said = answer.message if isinstance(answer, Refusal) else "it is there already"
            raise Conflict(f"an order of review {command.command_id}: {said}", kind="guard")
    return tuple(order.po_id for order in raising)


def _order(
    command: Reorder,
    network: Network,
    key: tuple[str, str, str],
    lines: Sequence[tuple[Buy, BuyLine]],
    start: int,
    now: datetime,
) -> RaiseOrder:
    node, supplier_id, currency = key
    lead_days = max(buy.lead_days for buy, _ in lines)
    due_at = next_opening(network.node_calendars[node], now + timedelta(days=lead_days))
    return RaiseOrder(
        command_id=command.command_id,
        actor=command.actor,
        po_id=_po_id(command.command_id, key, start, now),
        supplier_id=supplier_id,
        node=node,
        currency=currency,
        due_at=due_at,
        lines=tuple(
            NewLine(buy.sku, line.ordered_each, line.cost_minor, line.reason) for buy, line in lines
        ),
    )


def _po_id(command_id: str, key: tuple[str, str, str], start: int, now: datetime) -> str:
    """The same for the same review, node and supplier, whenever it is asked for again that day."""
    named = "\n".join((command_id, *key, str(start))).encode()
    return f"PO-{now:%y%m%d}-{hashlib.sha256(named).hexdigest()[:10].upper()}"


def _decision(command: Reorder, need: Need, buy: Buy) -> Decision:
    return Decision(
        subject=f"sku/{buy.sku}",
        kind=rule.DECISION_KIND,
        policy=command.policy.policy_id,
        policy_version=command.policy.version,
        inputs=rule.decision_inputs(command.policy, need),
        outcome=rule.decision_outcome(buy),
        reason=buy.lines[0].reason,
    )
