"""What the order flows read before they decide: one statement per room for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Item
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.free_stock import FreeStock
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceBook
from entrepot.departments.sourcing.model import Policy
from entrepot.flows.order_to_delivery.reach import Routes, routes
from entrepot.ground.database import Tx

DEFAULT_SERVICE_LEVEL_PPM = 950_000


class View(NamedTuple):
    """The facts a batch is decided over.

    prices  by currency, for all instants asked about
    stock   what may still be promised; every decision of the batch takes from it
    routes  which legs reach a destination
    """

    network: Network
    policy: Policy
    items: Mapping[str, Item]
    prices: Mapping[str, PriceBook]
    stock: FreeStock
    routes: Routes


def view(tx: Tx, skus: Iterable[str], prices_wanted: Iterable[tuple[str, datetime]]) -> View:
    """Read items, prices, network and stock for these SKUs.

    prices_wanted  (currency, instant) pairs
    """
    wanted = sorted(set(skus))
    network = network_service.snapshot(tx)
    policy = policy_of(network)
    known = routes(network, policy.quantile_ppm)
    return View(
        network=network,
        policy=policy,
        items=catalog.read(tx, wanted),
        prices=_prices(tx, wanted, prices_wanted),
        stock=inventory.free_stock(tx, wanted, known.nodes),
        routes=known,
    )


def _prices(
    tx: Tx, skus: Sequence[str], wanted: Iterable[tuple[str, datetime]]
) -> dict[str, PriceBook]:
    spans: dict[str, tuple[datetime, datetime]] = {}
    for currency, at in wanted:
        since, until = spans.get(currency, (at, at))
        spans[currency] = min(since, at), max(until, at)
    return {
        currency: pricing.prices_over(tx, skus, currency, since, until)
        for currency, (since, until) in sorted(spans.items())
    }


def policy_of(network: Network) -> Policy:
    """The sourcing policy in force: the standard one, at the retailer's own service level."""
    retailer = network.retailer
    level = retailer.service_level_ppm if retailer else DEFAULT_SERVICE_LEVEL_PPM
    return Policy(policy_id="standard", version=1, quantile_ppm=level)
