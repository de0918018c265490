"""What the order flows read before they decide: one statement per room for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import Item
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import Balance
from entrepot.departments.network import service as network_service
from entrepot.departments.network.model import Network
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceBook
from entrepot.departments.promise.model import Estimate
from entrepot.departments.sourcing.model import Policy
from entrepot.ground.database import Tx

DEFAULT_SERVICE_LEVEL_PPM = 950_000


class View(NamedTuple):
    """The facts a batch is decided over.

    prices     by currency, for all instants asked about
    balances   stock as read, for the guard; `ledger` is changed by every decision of the batch
    estimates  dates found so far, by (node, service, zone, destination's time zone, pickup), and
    pickups    by (node, service, hour): most orders of a batch share them
    costs      of a box, of a kilogram and of each SKU, found so far, by (node, service, zone,
               currency)
    """

    network: Network
    policy: Policy
    items: Mapping[str, Item]
    prices: Mapping[str, PriceBook]
    balances: list[Balance]
    ledger: Ledger
    estimates: dict[tuple[str, str, int, str, datetime], Estimate | None]
    pickups: dict[tuple[str, str, datetime], tuple[datetime, datetime] | None]
    costs: dict[tuple[str, str, int, str], tuple[int, int, dict[str, int]]]


def view(tx: Tx, skus: Iterable[str], prices_wanted: Iterable[tuple[str, datetime]]) -> View:
    """Read items, prices, network and stock for these SKUs.

    prices_wanted  (currency, instant) pairs
    """
    wanted = sorted(set(skus))
    network = network_service.snapshot(tx)
    balances = inventory.balances(tx, wanted)
    return View(
        network=network,
        policy=policy_of(network),
        items=catalog.read(tx, wanted),
        prices=_prices(tx, wanted, prices_wanted),
        balances=balances,
        ledger=Ledger(balances),
        estimates={},
        pickups={},
        costs={},
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
