"""The command `show`: the story of an order, a cart, a SKU or a purchase order as a timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from entrepot.doors.cli.endings import FOUND_WRONG, complain, console
from entrepot.doors.cli.opened import opened_house
from entrepot.flows.views.cart_story import CartStory, cart_story
from entrepot.flows.views.find import Kind, find
from entrepot.flows.views.order_story import LineView, OrderStory, order_story, past_order
from entrepot.flows.views.po_story import PoStory, po_story
from entrepot.flows.views.sku_story import SkuStory, sku_story
from entrepot.flows.views.story import Moment, Topic
from entrepot.ground.archive import archived_until
from entrepot.ground.database import Tx
from entrepot.words.money import Money, format_money
from entrepot.words.outcome import shown

COLORS = {
    Topic.order: "bold",
    Topic.cart: "bold",
    Topic.promise: "magenta",
    Topic.decision: "cyan",
    Topic.stock: "dim",
    Topic.parcel: "green",
    Topic.purchase: "bold",
    Topic.queue: "bold yellow",
}


def show(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="Of an order, a cart, a SKU or a purchase order.")
    ],
) -> None:
    """Tell the story of an order, a cart, a SKU or a purchase order; exit code 1 for another id.

    Times are UTC.
    """
    with opened_house(name="show") as house, house.database.transaction(read_only=True) as tx:
        found = find(tx, wanted.strip())
        told = [_STORIES[named.kind](tx, named.id) for named in found]
    if not told:
        complain(
            f"found {shown(wanted)}, expected the id of an order, a cart, a SKU or a purchase "
            "order; orders are listed by GET /v1/orders, SKUs by GET /v1/stock"
        )
        raise typer.Exit(FOUND_WRONG)
    for story in told:
        console.print(story)


def _order(tx: Tx, order_id: str) -> RenderableType:
    story = order_story(tx, order_id)
    assert story is not None, "it was found a moment ago"
    gone = max(archived_until(tx).values(), default=None)
    return order_told(story, gone if gone and story.head.placed_at < gone else None)


def order_told(story: OrderStory, gone: datetime | None = None) -> RenderableType:
    """An order's story for the terminal.

    gone  what was recorded before this is in the archive alone; None = nothing of it
    """
    head = story.head
    money = _money(head.currency)
    total = f"{money(head.items_minor)} goods, {money(head.shipping_minor)} shipping"
    facts = [
        f"{head.state.replace('_', ' ')}, placed {_at(head.placed_at)} by {head.channel}",
        f"to {head.country} {head.postal_area}".rstrip() + f", {head.service}; {total}",
    ]
    if head.payment_due_at and not head.paid_at and not head.ended_at:
        facts.append(f"payment is due by {_at(head.payment_due_at)}")
    if head.ended_at:
        why = f": {head.cancel_reason.replace('_', ' ')}" if head.cancel_reason else ""
        facts.append(f"ended {_at(head.ended_at)}{why}")
    return Group(
        _head(f"order {head.order_id}", facts),
        *[_waiting(waits) for waits in story.waits],
        _lines(story.lines, money),
        *([_parcels(story)] if story.parcels else []),
        _timeline(story.moments),
        *_archived(gone, f"--order {head.order_id}"),
    )


def _lines(lines: Sequence[LineView], money: Callable[[int], str]) -> Table:
    table = _table("line", "SKU", "item", "ordered", "price", "part", "each", "state", "from")
    last = None
    for line in lines:
        first = line.line_no != last
        last = line.line_no
        table.add_row(
            str(line.line_no) if first else "",
            escape(line.sku) if first else "",
            escape(line.name or "") if first else "",
            f"{line.ordered_each:,}" if first else "",
            money(line.unit_price_minor) if first else "",
            str(line.part_no or ""),
            f"{line.part_each:,}" if line.part_each else "",
            (line.part_state or "").replace("_", " "),
            escape(" by ".join(text for text in (line.node, line.service) if text)),
        )
    return table


def _parcels(story: OrderStory) -> Table:
    table = _table("part", "parcel", "service", "tracking number", "SSCC", "mass", "state", "by")
    for parcel in story.parcels:
        table.add_row(
            str(parcel.part_no),
            str(parcel.shipment_no),
            escape(parcel.service),
            escape(parcel.tracking_no),
            parcel.sscc,
            f"{parcel.mass_g:,} g",
            parcel.state.replace("_", " "),
            f"{parcel.latest_date or ''}",
        )
    return table


def _past(tx: Tx, order_id: str) -> RenderableType:
    lines = past_order(tx, order_id)
    first = lines[0]
    money = _money(first.currency)
    table = _table("line", "SKU", "item", "each", "price")
    for line in lines:
        table.add_row(
            str(line.line_no),
            escape(line.sku),
            escape(line.name or ""),
            f"{line.quantity_each:,}",
            money(line.unit_price_minor),
        )
    facts = [
        f"sold {_at(first.placed_at)} to {first.country}, before this system",
        "imported as history: it has lines and no further story",
    ]
    return Group(_head(f"past order {order_id}", facts), table)


def _cart(tx: Tx, cart_id: str) -> RenderableType:
    story = cart_story(tx, cart_id)
    assert story is not None, "it was found a moment ago"
    return cart_told(story)


def cart_told(story: CartStory) -> RenderableType:
    """A cart's story for the terminal."""
    head = story.head
    money = _money(head.currency)
    table = _table("line", "SKU", "item", "each", "held", "price", "")
    for line in story.lines:
        table.add_row(
            str(line.line_no),
            escape(line.sku),
            escape(line.name or ""),
            f"{line.quantity_each:,}",
            f"{line.held_each:,}",
            money(line.unit_price_minor),
            "kept for later" if line.saved else "",
        )
    goes = f"to {head.country} {head.postal_area}".rstrip() if head.country else "to nowhere yet"
    facts = [f"{head.state}, by {head.channel}, {goes}"]
    if head.held_until:
        facts.append(f"holds stock until {_at(head.held_until)}")
    if head.ended_at is None:
        facts.append(f"expires {_at(head.expires_at)} when nobody touches it")
    return Group(
        _head(f"cart {head.cart_id}", facts),
        table if story.lines else Text("nothing is in it"),
        _timeline(story.moments),
    )


def _sku(tx: Tx, sku: str) -> RenderableType:
    story = sku_story(tx, sku)
    assert story is not None, "it was found a moment ago"
    return sku_told(story, archived_until(tx).get("inventory.movement"))


def sku_told(story: SkuStory, gone: datetime | None = None) -> RenderableType:
    """A SKU's story for the terminal.

    gone  movements from before this are in the archive alone; None = none are
    """
    item = story.item
    on_backorder = "may" if item.backorderable else "may not"
    facts = [
        f"{item.name}: {item.category}",
        f"{item.mass_g:,} g, {item.length_mm} x {item.width_mm} x {item.height_mm} mm, "
        f"{item.handling}; {item.status}, {on_backorder} be ordered while there is none",
    ]
    stock = _table("node", "on hand", "held", "reserved", "allocated", "quarantined", "available")
    for line in story.stock:
        stock.add_row(escape(line.node), *(f"{each:,}" for each in line[1:]))
    coming = _table("announced for", "each", "due", "document")
    for announced in story.coming:
        coming.add_row(
            escape(announced.node),
            f"{announced.expected_each:,}",
            _at(announced.due_at),
            escape(announced.document),
        )
    waiting = _table("waiting order", "line", "each", "since")
    for order in story.waiting:
        waiting.add_row(
            escape(order.order_id),
            str(order.line_no),
            f"{order.quantity_each:,}",
            _at(order.since),
        )
    return Group(
        _head(f"SKU {item.sku}", facts),
        stock if story.stock else Text("no stock was ever there"),
        *([coming] if story.coming else []),
        *([waiting] if story.waiting else []),
        *([_timeline(story.moments)] if story.moments else []),
        *_archived(gone, f"--sku {item.sku}"),
    )


def _po(tx: Tx, po_id: str) -> RenderableType:
    story = po_story(tx, po_id)
    assert story is not None, "it was found a moment ago"
    return po_told(story)


def po_told(story: PoStory) -> RenderableType:
    """A purchase order's story for the terminal."""
    head = story.head
    money = _money(head.currency)
    table = _table("line", "SKU", "item", "ordered", "came", "damaged", "cost", "", "why")
    for line in story.lines:
        table.add_row(
            str(line.line_no),
            escape(line.sku),
            escape(line.name or ""),
            f"{line.ordered_each:,}",
            f"{line.received_each:,}",
            f"{line.damaged_each:,}",
            money(line.cost_minor),
            "open" if line.open else "",
            escape(line.reason),
        )
    facts = [
        f"{head.state.replace('_', ' ')}, from {head.supplier or head.supplier_id} to {head.node}",
        f"raised {_at(head.raised_at)}, due {_at(head.due_at)}",
    ]
    return Group(_head(f"purchase order {head.po_id}", facts), table, _timeline(story.moments))


_STORIES: dict[Kind, Callable[[Tx, str], RenderableType]] = {
    Kind.order: _order,
    Kind.past_order: _past,
    Kind.cart: _cart,
    Kind.sku: _sku,
    Kind.purchase_order: _po,
}


def _head(title: str, facts: Iterable[str]) -> Panel:
    return Panel(escape("\n".join(facts)), title=f"[bold]{escape(title)}[/]", title_align="left")


def _waiting(waits: Moment) -> Text:
    return Text(
        f"waits in queue {waits.what} since {_at(waits.at)}: {waits.words} ({waits.actor} acts)",
        style=COLORS[Topic.queue],
    )


def _archived(until: datetime | None, named: str) -> list[Text]:
    if until is None:
        return []
    return [
        Text(
            f"What was recorded before {until:%Y-%m-%d} is in the archive: "
            f"entrepot archive read movements {named} (or facts, decisions, events)",
            style="dim",
        )
    ]


def _timeline(moments: Sequence[Moment]) -> Table:
    """Each day once, each moment with its time, the topic in color."""
    table = Table(
        Column("", no_wrap=True, style="dim"),
        Column("", no_wrap=True, style="dim"),
        Column("", no_wrap=True),
        Column("", overflow="fold"),
        box=None,
        show_header=False,
        padding=(0, 1, 0, 0),
    )
    day = ""
    for moment in moments:
        on = f"{moment.at:%a %Y-%m-%d}"
        color = COLORS[moment.topic]
        said = escape(moment.words) + (f" [dim]({escape(moment.actor)})[/]" if moment.actor else "")
        table.add_row(
            "" if on == day else on,
            f"{moment.at:%H:%M}",
            f"[{color}]{moment.topic}[/]",
            f"[{color}]{escape(moment.what)}[/] {said}".strip(),
        )
        day = on
    return table


def _table(*names: str) -> Table:
    numbers = {"ordered", "price", "each", "came", "damaged", "cost", "mass"}
    numbers |= {"on hand", "held", "reserved", "allocated", "quarantined", "available"}
    return Table(
        *(
            Column(name, justify="right" if name in numbers else "left", overflow="fold")
            for name in names
        )
    )


def _money(currency: str) -> Callable[[int], str]:
    return lambda amount_minor: format_money(Money(amount_minor, currency))


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
