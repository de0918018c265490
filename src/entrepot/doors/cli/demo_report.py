"""What the demo saw, as values and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import WHOLE_ORDER, Order, OrderState, PartState
from entrepot.doors.cli.demo_run import CURRENCY, Run
from entrepot.flows.order_to_delivery.planning import CHEAPEST
from entrepot.flows.watch.audit import Audit, audit
from entrepot.ground import events
from entrepot.ground.database import Tx
from entrepot.words.money import Money, format_money

PAGE = 1_000


class ServiceRow(NamedTuple):
    """Orders of one delivery service; days from the order to the promised date."""

    service: str
    orders: int
    days_least: int
    days_most: int
    price_minor: int


class NodeRow(NamedTuple):
    """Stock at one node, each, over all items."""

    node: str
    items: int
    on_hand: int
    reserved: int
    available: int


class Summary(NamedTuple):
    """A run's outcome: the same for the same seed.

    states   orders by state, with what customers pay for them in minor units
    story    of an order whose stock came later: its id, and (time, what, detail)
    """

    states: dict[str, tuple[int, int]]
    services: list[ServiceRow]
    options: dict[int, int]
    refused: dict[str, int]
    happened: dict[str, int]
    nodes: list[NodeRow]
    facts: int
    story: tuple[str, list[tuple[str, str, str]]] | None
    audit: Audit


def summarize(tx: Tx, run: Run) -> Summary:
    """Read the outcome of a run; audits the whole database."""
    ids = list(run.placed)
    orders = [
        order
        for start in range(0, len(ids), PAGE)
        for order in ordering.read(tx, ids[start : start + PAGE])
    ]
    orders.sort(key=lambda o: o.header.order_id)
    happened = run.happened + Counter(
        {
            "boxes planned": sum(p.node is not None for o in orders for p in o.parts),
            "backorders filled": sum(_filled(o) for o in orders),
            "backorders still waiting": sum(
                p.state is PartState.backordered for o in orders for p in o.parts
            ),
            "orders that nobody paid in time": sum(
                o.header.cancel_reason == "payment_timeout" for o in orders
            ),
        }
    )
    return Summary(
        states=_states(orders),
        services=list(_services(orders)),
        options=dict(sorted(run.options.items())),
        refused=dict(sorted(run.refused.items())),
        happened=dict(sorted(happened.items())),
        nodes=_nodes(tx),
        facts=events.head(tx),
        story=_story(orders),
        audit=audit(tx),
    )


def _filled(order: Order) -> int:
    return sum("stock came to" in event.detail for event in order.events)


def _states(orders: Sequence[Order]) -> dict[str, tuple[int, int]]:
    counts: Counter[OrderState] = Counter()
    amounts: Counter[OrderState] = Counter()
    for order in orders:
        counts[order.header.state] += 1
        amounts[order.header.state] += order.header.items_minor + order.header.shipping_minor
    return {state.value: (counts[state], amounts[state]) for state in OrderState if counts[state]}


def _services(orders: Sequence[Order]) -> Iterator[ServiceRow]:
    by_service: dict[str, list[tuple[int, int]]] = {}
    for order in orders:
        latest = [
            e.latest_date
            for e in order.expectations
            if e.part_no == WHOLE_ORDER and e.latest_date is not None
        ]
        if latest:
            days = (latest[-1] - order.header.placed_at.date()).days
            name = order.header.service.partition("-by-")[0]
            if name == CHEAPEST:
                name = "chosen when stock came"
            by_service.setdefault(name, []).append((days, order.header.shipping_minor))
    for name, found in sorted(by_service.items(), key=lambda entry: -len(entry[1])):
        days_of = [days for days, _ in found]
        mean_minor = sum(price for _, price in found) // len(found)
        yield ServiceRow(name, len(found), min(days_of), max(days_of), mean_minor)


def _nodes(tx: Tx) -> list[NodeRow]:
    found: dict[str, NodeRow] = {}
    after = ("", "")
    while page := inventory.balance_page(tx, after, PAGE):
        for b in page:
            row = found.get(b.node, NodeRow(b.node, 0, 0, 0, 0))
            found[b.node] = NodeRow(
                b.node,
                row.items + 1,
                row.on_hand + b.on_hand,
                row.reserved + b.reserved + b.allocated + b.held,
                row.available + b.available,
            )
        after = (page[-1].sku, page[-1].node)
    return [found[node] for node in sorted(found)]


def _story(orders: Sequence[Order]) -> tuple[str, list[tuple[str, str, str]]] | None:
    order = next((o for o in orders if _filled(o)), None)
    if order is None:
        return None
    told = [(f"{e.at:%Y-%m-%d %H:%M}", e.kind, e.detail) for e in order.events]
    for promised in order.expectations:
        if promised.part_no == WHOLE_ORDER:
            by = f"by {promised.latest_date}" if promised.latest_date else "no date yet"
            told.append((f"{promised.at:%Y-%m-%d %H:%M}", "promised", f"{by}: {promised.reason}"))
    return order.header.order_id, sorted(told, key=lambda entry: entry[0])


def tables(summary: Summary) -> RenderableType:
    """The outcome for people."""
    shown = [
        _table("orders", ("count", "worth"), _state_rows(summary)),
        _table(
            "promised delivery",
            ("orders", "days", "postage, mean"),
            (
                (s.service, s.orders, _span(s), format_money(Money(s.price_minor, CURRENCY)))
                for s in summary.services
            ),
        ),
        _table("quotes", ("count",), ((_options(n), c) for n, c in summary.options.items())),
        _table("what happened", ("count",), summary.happened.items()),
        _table(
            "refused",
            ("count",),
            ((code.replace("_", " "), count) for code, count in summary.refused.items()),
        ),
        _table(
            "stock by node",
            ("items", "on hand", "for orders", "available"),
            ((n.node, n.items, n.on_hand, n.reserved, n.available) for n in summary.nodes),
        ),
    ]
    return Group(Columns(shown), *([_told(*summary.story)] if summary.story else []))


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> Table:
    table = Table(title)
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{v:,}" if isinstance(v, int) else escape(str(v)) for v in row))
    return table


def _state_rows(summary: Summary) -> Iterator[tuple[str, int, str]]:
    for state, (count, amount_minor) in summary.states.items():
        yield state.replace("_", " "), count, format_money(Money(amount_minor, CURRENCY))


def _span(row: ServiceRow) -> str:
    if row.days_least == row.days_most:
        return str(row.days_least)
    return f"{row.days_least}-{row.days_most}"


def _options(count: int) -> str:
    return f"with {count} option{'' if count == 1 else 's'}"


def _told(order_id: str, story: Sequence[tuple[str, str, str]]) -> Table:
    table = Table("UTC", "", f"an order that waited for stock: {order_id}")
    for row in story:
        table.add_row(*map(escape, row))
    return table
