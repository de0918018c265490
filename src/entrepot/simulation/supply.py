"""Buyers review stock once a week by the plain rule; suppliers deliver, some late or short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from entrepot.departments.purchasing import service as purchasing
from entrepot.departments.purchasing import service_orders as orders
from entrepot.departments.purchasing.model import Arrived, EndOrder, ReceiveOrder
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.procure_to_stock.end import cancel_orders
from entrepot.flows.procure_to_stock.model import Demand, Reorder
from entrepot.flows.procure_to_stock.receive import receive_orders
from entrepot.flows.procure_to_stock.reorder import reorder
from entrepot.simulation import store, world
from entrepot.simulation.fulfillment import ACTOR, Scene
from entrepot.simulation.history import History, us_of
from entrepot.simulation.opening import Opening
from entrepot.simulation.store import Pending
from entrepot.words.outcome import Refusal

SUPPLY = "supply"
REVIEW_WEEKDAY, REVIEW_HOUR = 0, 5
DEMAND_DAYS = 56
MILLI = 1_000


def is_review(at: datetime) -> bool:
    """Whether buyers review at this hour: Monday mornings."""
    return (at.weekday(), at.hour) == (REVIEW_WEEKDAY, REVIEW_HOUR)


def shares(openings: Sequence[Opening]) -> dict[str, dict[str, int]]:
    """How much of each SKU each node is to be stocked for: as its opening stock was placed."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for opening in openings:
        found[opening.sku][opening.node_id] = opening.quantity_each
    return found


def demand(
    history: History, at: datetime, weights: Mapping[str, Mapping[str, int]]
) -> tuple[Demand, ...]:
    """Mean daily demand of each SKU over the weeks before `at`, as the sales of that time tell.

    weights  by SKU and node, as `shares` gives them
    """
    sales = history.sales
    since = max(history.begins, at - timedelta(days=DEMAND_DAYS))
    first, last = np.searchsorted(sales.at_us, [us_of(since), us_of(at)])
    begin, end = int(sales.starts[first]), int(sales.starts[last])
    days = max(1, (at - since).days)
    units = np.bincount(
        sales.skus[begin:end],
        weights=sales.quantities[begin:end],
        minlength=len(sales.sku_values),
    )
    return tuple(
        Demand(
            sku=sku,
            mean_daily_milli=int(each) * MILLI // days,
            weights=weights.get(sku) or None,
        )
        for sku, each in zip(sales.sku_values, units.tolist(), strict=True)
        if each >= 1 and sku in weights
    )


def review(scene: Scene, history: History, weights: Mapping[str, Mapping[str, int]]) -> None:
    """Buy what is short; each order arrives after its supplier's own time."""
    answer = reorder(
        scene.tx,
        Reorder(
            command_id=f"review:{scene.now:%Y-%m-%d}",
            actor=ACTOR,
            demand=demand(history, scene.now, weights),
        ),
    )
    assert not isinstance(answer, Refusal), answer.message
    scene.counts["purchase_orders"] += len(answer.po_ids)
    scene.counts["not_bought"] += len(answer.unbought)
    known = orders.read(scene.tx, answer.po_ids)
    suppliers = purchasing.suppliers(
        scene.tx, {order.header.supplier_id for order in known.values()}
    )
    store.add(
        scene.tx,
        [
            Pending(
                SUPPLY,
                po_id,
                scene.now
                + timedelta(
                    days=world.supplier_days(
                        scene.seed, po_id, suppliers[order.header.supplier_id].lead_time
                    )
                ),
                po_id,
            )
            for po_id, order in known.items()
        ],
    )


def deliver(scene: Scene, due: Sequence[Pending]) -> None:
    """Suppliers deliver; what is missing of an order does not come any more."""
    known = orders.read(scene.tx, [p.payload for p in due])
    commands, nothing = [], []
    for po_id, order in sorted(known.items()):
        arrived = []
        for line in order.lines:
            received, damaged = world.supplied(scene.seed, po_id, line.line_no, line.ordered_each)
            arrived.append(Arrived(line.line_no, received, damaged))
            scene.counts["received_each"] += received
            scene.counts["received_damaged_each"] += damaged
        if not any(line.received_each for line in arrived):
            nothing.append(EndOrder(f"deliver:{po_id}", ACTOR, po_id, "the supplier has none"))
            continue
        commands.append(
            ReceiveOrder(
                command_id=f"deliver:{po_id}",
                actor=ACTOR,
                po_id=po_id,
                receipt_id=f"{po_id}-1",
                arrived=tuple(arrived),
                closes=True,
            )
        )
    agreed(receive_orders(scene.tx, commands))
    agreed(cancel_orders(scene.tx, nothing))
    scene.counts["deliveries"] += len(commands)
    scene.counts["purchase_orders_cancelled"] += len(nothing)
