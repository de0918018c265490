"""What the cart flows read before they decide, and what they make of a request's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Item
from entrepot.departments.network import decisions as network
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import CartLine, LineChange
from entrepot.departments.ordering.model import ChannelRule
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import Price
from entrepot.flows.order_to_delivery import check
from entrepot.flows.order_to_delivery.model import AskedLine, ShipTo
from entrepot.ground.database import Tx
from entrepot.words.identifiers import parse_country, parse_postal_code, parse_sku, postal_area
from entrepot.words.outcome import Refusal


class Goods(NamedTuple):
    """The facts a batch is decided over; prices by currency and SKU."""

    rules: Mapping[str, ChannelRule]
    network: Network
    items: Mapping[str, Item]
    prices: Mapping[str, Mapping[str, Price]]

    def ranks(self, country: str | None, postal_area: str | None) -> dict[str, int]:
        """The nodes that serve a destination, the nearest with the least rank; without a
        destination all that are open, equally."""
        if country is None:
            return dict.fromkeys(network.open_nodes(self.network), 0)
        return network.nodes_reaching(self.network, country, postal_area or "")


def goods(
    tx: Tx,
    channels: Iterable[str],
    wanted: Iterable[tuple[str, Iterable[str]]],
    asked: Iterable[str] = (),
) -> Goods:
    """Read what is known of channels and of SKUs, each wanted in a currency: (currency, SKUs).

    asked  which SKUs are asked for newly, so that their items are looked at
    """
    by_currency: dict[str, set[str]] = {}
    for currency, skus in wanted:
        by_currency.setdefault(currency, set()).update(skus)
    return Goods(
        rules=ordering.channels(tx, channels),
        network=network_service.snapshot(tx),
        items=catalog.read(tx, skus) if (skus := sorted(set(asked))) else {},
        prices={
            currency: pricing.prices_at(tx, skus, currency, tx.now)
            for currency, skus in sorted(by_currency.items())
        },
    )


def check_skus(changes: Sequence[LineChange]) -> Refusal | None:
    """Refuses: bad_identifier for what no SKU can be, too_many."""
    if refusal := decisions_carts.check_count(len(changes)):
        return refusal
    for number, change in enumerate(changes, start=1):
        parsed = parse_sku(change.sku, f"lines[{number}].sku")
        if isinstance(parsed, Refusal):
            return parsed
    return None


def change_lines(
    known: Goods, currency: str, lines: Sequence[CartLine], changes: Sequence[LineChange]
) -> tuple[CartLine, ...] | Refusal:
    """The lines of a cart after a change.

    Refuses: unknown_sku, not_orderable, no_price, price_changed for what is wanted newly, more of,
    or at a price; what `decisions_carts.change_lines` does.
    """
    prices = known.prices[currency]
    for number, change in enumerate(changes, start=1):
        if decisions_carts.needs_check(lines, change):
            asked = AskedLine(change.sku, change.quantity or 1, change.unit_price_minor)
            refusal = check.line_contents([asked], known.items, prices, first=number)
            if refusal:
                return refusal
    amounts = {sku: price.amount_minor for sku, price in prices.items()}
    return decisions_carts.change_lines(lines, changes, amounts)


def destination(ship_to: ShipTo) -> tuple[str, str] | Refusal:
    """Country and area of where a cart will go; the area '' while it is not known.

    Refuses: bad_country, bad_postal_code for what is neither a postal code nor its area.
    """
    country = parse_country(ship_to.country, "ship_to.country")
    if isinstance(country, Refusal):
        return country
    code = ship_to.postal_code.strip()
    area = postal_area(country, code)
    if code and area != code.upper():
        parsed = parse_postal_code(code, country, "ship_to.postal_code")
        if isinstance(parsed, Refusal):
            return parsed
    return country, area
