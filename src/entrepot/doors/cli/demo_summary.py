"""How a demo went, for the terminal: the report's figures in a table, and what to do next."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from entrepot.departments.inventory import service as inventory
from entrepot.departments.network import service as network
from entrepot.doors.cli.demo_page import address_of
from entrepot.ground.database import Tx
from entrepot.ground.settings import Settings
from entrepot.simulation.report.figures import Figures
from entrepot.simulation.report.shown import at, written

# What a first order is for: asked for first, it goes to where everybody has heard of.
FIRST_SKU = "85123A"
FIRST_QUANTITY = 2
POSTAL_CODES = {"GB": "SW1A 1AA"}
PAGE = 1_000


def summary(figures: Figures) -> Table:
    """The figures that a retailer looks at first."""
    settings = figures.settings
    table = Table.grid(padding=(0, 2))
    days = dict.fromkeys((str(settings.first_day), str(settings.last_day)))
    table.title = f"{settings.retailer}, orders of {' to '.join(days)}"
    table.title_justify = "left"
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column()
    for row in _rows(figures):
        table.add_row(*row)
    return table


def _rows(figures: Figures) -> Iterator[tuple[str, str, str]]:
    def say(path: str) -> str:
        return written(path.rpartition(".")[2], at(figures, path), figures.settings.currency)

    world = {counted.what: counted.count for counted in figures.world}
    yield (
        "Orders",
        say("demand.orders"),
        f"{say('demand.lines')} lines, {say('demand.units_each')} units",
    )
    yield "Value of goods", say("demand.goods_minor"), "of orders not cancelled"
    yield "Shipped in time", say("delivery.in_time_ppm"), "of parts, by the day of their pickup"
    yield (
        "Delivered in time",
        say("delivery.parcels.kept_ppm"),
        f"of parcels, aim {say('settings.target_ppm')}; whole orders by the date told first: "
        f"{say('delivery.as_told_ppm')}",
    )
    yield (
        "From order to door",
        say("delivery.door_median_days"),
        f"half of the orders; 95 % within {say('delivery.door_slow_days')}",
    )
    yield (
        "Backordered",
        f"{world.get('backordered', 0):,}",
        f"orders, in part at least; {say('backlog.left_parts')} parts are still in the house",
    )
    yield "Cancelled", say("demand.cancelled"), "orders"
    yield (
        "Returns",
        say("returns.returns"),
        f"{say('returns.received_each')} units came back, {say('returns.refund_minor')} refunded",
    )
    yield (
        "Purchase orders",
        say("purchases.raised"),
        f"{say('purchases.received')} received, {say('purchases.late')} of them late, "
        f"{say('purchases.received_each')} units",
    )
    yield (
        "Cost per order",
        say("cost.per_order_mills"),
        f"boxes, work and carriage; customers paid {say('cost.paid_per_order_mills')} for it",
    )
    yield "Stock", say("stock.value_minor"), f"at cost, {say('stock.on_hand_each')} units"


def first_order(tx: Tx) -> str:
    """The body of an order that this retailer can fill now; '' when it has nothing to sell."""
    retailer = network.snapshot(tx).retailer
    sku = _in_stock(tx)
    if retailer is None or sku is None:
        return ""
    postal_code = POSTAL_CODES.get(retailer.country, "")
    return (
        f'{{"lines": [{{"sku": "{sku}", "quantity": {FIRST_QUANTITY}}}], '
        f'"ship_to": {{"country": "{retailer.country}", "postal_code": "{postal_code}"}}, '
        f'"currency": "{retailer.currency}"}}'
    )


def _in_stock(tx: Tx) -> str | None:
    after = ("", "")
    page = inventory.balances(tx, [FIRST_SKU])
    while True:
        found = max(page, key=lambda balance: balance.available, default=None)
        if found is not None and found.available >= FIRST_QUANTITY:
            return found.sku
        page = inventory.balance_page(tx, after, PAGE)
        if not page:
            return None
        after = (page[-1].sku, page[-1].node)


def next_steps(settings: Settings, report: Path, body: str) -> Iterator[str]:
    """What to do after a demo, as lines; commands are set in and can be copied."""
    command = _command(settings)
    address = address_of(settings)
    yield f"Report: {report}"
    yield f"        with the same figures in {report.with_suffix('.json').name}, beside it"
    yield ""
    yield "Go on with this retailer, as of today:"
    yield f"  {command} serve"
    yield f"It prints an admin key once. With it, sign in at {address}/tower and order:"
    if body:
        yield "  KEY=..."
        yield f'  curl -s {address}/v1/orders -H "Authorization: Bearer $KEY" \\'
        yield f"    -H \"Idempotency-Key: my-first\" -d '{body}'"
    yield f"  {command} show ORDER"
    yield ""
    yield (
        f"The next `entrepot demo` wipes {settings.data} and all that was ordered there; a "
        "retailer of your own needs another ENTREPOT_DATA."
    )


def _command(settings: Settings) -> str:
    """How this very program is called from this shell, with this data home."""
    program = "entrepot"
    if shutil.which(program) is None and Path(sys.argv[0]).name == program:
        program = os.path.relpath(sys.argv[0])
    usual = Settings.from_environment({"HOME": str(Path.home())})
    changed = {
        "ENTREPOT_DATA": None if settings.data == usual.data else str(settings.data),
        "ENTREPOT_PORT": None if settings.port == usual.port else str(settings.port),
    }
    said = [f"{name}={shlex.quote(value)}" for name, value in changed.items() if value]
    return " ".join([*said, program])
