"""The simulated retailer, ready to run: its folder loaded and whole, its history read, its shelves
filled as of the first day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import OpeningStock
from entrepot.departments.network import service as network
from entrepot.departments.network.model import NodeKind
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.ground.database import Database, Tx
from entrepot.ground.keys import KeyStore
from entrepot.simulation import store
from entrepot.simulation.engine import Plan
from entrepot.simulation.history import History
from entrepot.simulation.history_map import read_map
from entrepot.simulation.opening import Opening, opening_stock
from entrepot.simulation.orders import Shop
from entrepot.simulation.places import Places, Point, read_places
from entrepot.simulation.read_history import read_history
from entrepot.simulation.supply import shares
from entrepot.words.outcome import Refusal

ACTOR = "simulation"
OPENING_BATCH = 2_000
DAYS_DEFAULT = 28


class Window(NamedTuple):
    """Which days of the history are played, as the retailer's zone has them: from the first until
    before the second; None = the beginning, the end of the last day."""

    since: date | None
    until: date | None


class Retailer(NamedTuple):
    """The retailer's past: its history, where its buyers live, whose days these are, whose data."""

    scenario: Path
    history: History
    places: Places
    zone: str
    sources: tuple[str, ...]


def read_retailer(scenario: Path, seed: int) -> Retailer:
    """Read a scenario's history and places.

    Raises: UnusableFolder when a file is missing, cannot be read or holds no sale.
    """
    places = read_places(scenario)
    history = read_history(scenario, places, seed)
    how = read_map(scenario)
    return Retailer(scenario, history, places, how.zone, how.sources)


def window(past: Retailer, asked: Window, *, everything: bool = False) -> tuple[datetime, datetime]:
    """The instants between which orders come in, by default those of the last four weeks.

    Raises: UnusableFolder for a window that is empty or holds no sale.
    """
    zone, history = ZoneInfo(past.zone), past.history
    first, last = (at.astimezone(zone).date() for at in (history.begins, history.ends))
    until = asked.until or last + timedelta(days=1)
    since = asked.since or (first if everything else until - timedelta(days=DAYS_DEFAULT))
    if since >= until:
        raise UnusableFolder([f"--from {since}: expected a day before --to, which is {until}"])
    instants = _midnight(since, zone), _midnight(until, zone)
    sales, _ = history.counts(*instants)
    if not sales:
        raise UnusableFolder(
            [
                f"--from {since} --to {until}: no sale in this window; the history has sales from "
                f"{first} to {last}"
            ]
        )
    return instants


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def fill_shelves(
    database: Database,
    retailer: Retailer,
    at: datetime,
    seed: int,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Opening]:
    """Book the opening stock as of `at`; safe to repeat. Gives what was booked.

    tell  called with how many are booked, of how many
    """
    with database.transaction(read_only=True) as tx:
        known = network.snapshot(tx)
    nodes = {
        n.node_id: Point(n.latitude_microdeg, n.longitude_microdeg)
        for n in known.nodes.values()
        if n.kind is NodeKind.fulfillment_center
    }
    found = opening_stock(retailer.history.sales, retailer.places, nodes, at, seed=seed)
    for start in range(0, len(found), OPENING_BATCH):
        _book(database, found[start : start + OPENING_BATCH])
        tell(min(start + OPENING_BATCH, len(found)), len(found))
    return found


def _book(database: Database, openings: Sequence[Opening]) -> None:
    def work(tx: Tx) -> None:
        commands = [
            OpeningStock(f"opening:{o.sku}:{o.node_id}", ACTOR, o.sku, o.node_id, o.quantity_each)
            for o in openings
        ]
        for answer in inventory.record_opening(tx, commands):
            assert not isinstance(answer, Refusal), answer.message

    database.run(work)


def plan(
    retailer: Retailer,
    keys: KeyStore,
    *,
    run_id: str,
    seed: int,
    currency: str,
    since: datetime,
    until: datetime,
    openings: Sequence[Opening],
) -> Plan:
    """What a run of this retailer plays.

    openings  as `fill_shelves` booked them: what is bought goes to the nodes in these shares
    """
    shop = Shop(
        seed=seed,
        currency=currency,
        places=retailer.places,
        keys=keys,
        signing_key=keys.signing_keys()[0],
    )
    return Plan(run_id, retailer.history, shop, since, until, shares(openings))


def standing(database: Database, run_id: str) -> store.Run | None:
    """The run of this id as far as it has come; None when it was never begun."""
    with database.transaction(read_only=True) as tx:
        return store.read(tx, run_id)
