"""The run: virtual hour by virtual hour, each one transaction, then the facts to quiet.

An hour is done whole or not at all, and how far the run has come is written with it: whatever
kills the process, the next start goes on from the last hour that was done.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from entrepot.departments.network import service as network
from entrepot.departments.network.model import Network, Retailer
from entrepot.flows.order_to_delivery.give_up import give_up
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import subscriptions
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.simulation import back, fulfillment, store, supply
from entrepot.simulation.day_close import close_day, days_ended
from entrepot.simulation.fulfillment import ARRIVE, Scene
from entrepot.simulation.history import History
from entrepot.simulation.orders import Shop, order
from entrepot.simulation.store import Run

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INSTANT = timedelta.resolution
DRAIN_DAYS_MAX = 60
# Backorders are given up when buyers review: one hour of the day for both.
GIVE_UP_HOUR = supply.REVIEW_HOUR
# Objects made before the garbage collector looks at the young ones.
YOUNG_OBJECTS = 50_000
# Buyers go on after the last order for as long as what they buy can still fill a backorder.
REVIEW_AFTER = timedelta(days=14)


class Plan(NamedTuple):
    """What a run plays.

    starts_at, ends_at  whole hours; orders come in from the first until before the second
    weights             how much of each SKU each node is to be stocked for
    """

    run_id: str
    history: History
    shop: Shop
    starts_at: datetime
    ends_at: datetime
    weights: Mapping[str, Mapping[str, int]]


Tell = Callable[[Run], bool]
"""Called after each hour; False = stop here, to be resumed."""


def play(database: Database, plan: Plan, tell: Tell) -> Run:
    """Play a run, or go on with it, until everything has come to its end or `tell` stops it.

    database  on a `VirtualClock` that stands where the run stands
    """
    clock = database.clock
    assert isinstance(clock, VirtualClock), "a run is played on a virtual clock"
    run = database.run(
        lambda tx: store.start(tx, plan.run_id, plan.shop.seed, plan.starts_at, plan.ends_at)
    )
    database.run(lambda tx: subscriptions.register(tx, SUBSCRIPTIONS))
    quiet(database)
    with _seldom_collecting():
        return _go_on(database, clock, plan, run, tell)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """The history stays alive to the end: the garbage collector need not look at it again and
    again, which takes a tenth of a run's time."""
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


def _go_on(database: Database, clock: VirtualClock, plan: Plan, run: Run, tell: Tell) -> Run:
    going = True
    while run.state != "ended" and going:
        at = _next(database, plan, run)
        clock.advance_to(max(at, clock.now()))
        run = _play_hour(database, plan, run, at)
        quiet(database)
        going = tell(run)
    return run


def _play_hour(database: Database, plan: Plan, run: Run, at: datetime) -> Run:
    return database.run(lambda tx: _hour(tx, plan, run, at))


def quiet(database: Database) -> None:
    """Number every fact and let every subscription handle it, until nothing is left."""
    subscriptions.quiet(database, SUBSCRIPTIONS)


def _next(database: Database, plan: Plan, run: Run) -> datetime:
    """The end of the next hour in which something is to be done."""
    soonest = run.reached_at + HOUR
    with database.transaction(read_only=True) as tx:
        due = store.next_due(tx)
        zone = _retailer(network.snapshot(tx)).zone
    candidates = [soonest + timedelta(hours=(GIVE_UP_HOUR - soonest.hour) % 24)]
    candidates += [
        _hour_after(end - INSTANT) for _, end in days_ended(zone, run.reached_at, soonest + DAY)
    ]
    if due is not None:
        candidates.append(_hour_after(due))
    if run.reached_at < plan.ends_at:
        sale = plan.history.next_sale(run.reached_at)
        candidates.append(plan.ends_at if sale is None else _hour_after(sale))
    return max(soonest, min(candidates))


def _hour_after(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR


def _hour(tx: Tx, plan: Plan, run: Run, at: datetime) -> Run:
    """Everything between `run.reached_at` and `at`, as of `at`."""
    counts = Counter(run.counts)
    scene = Scene(tx, plan.shop.seed, network.snapshot(tx), counts)
    due = store.take(tx, at)
    for kind, step in (
        (supply.SUPPLY, supply.deliver),
        (back.LOOK, back.look),
        (back.TRAVEL, back.arrive),
        (back.CLAIM, back.claim),
        (ARRIVE, fulfillment.end_parts),
    ):
        mine = [p for p in due if p.kind == kind]
        if mine:
            step(scene, mine)
    until = min(at, plan.ends_at)
    if run.reached_at < until:
        _past(scene, plan, run.reached_at, until)
    fulfillment.work_parts(scene, due)
    if supply.is_review(at) and at < plan.ends_at + REVIEW_AFTER:
        supply.review(scene, plan.history, plan.weights)
    if at.hour == GIVE_UP_HOUR:
        counts["given_up"] += give_up(tx)
    done = run._replace(reached_at=at, counts=dict(counts), state=_state(tx, plan, at))
    store.move(tx, done)
    shop = _retailer(scene.network)
    store.add_days(
        tx,
        run.run_id,
        [
            close_day(tx, day, end, shop.currency)
            for day, end in days_ended(shop.zone, run.reached_at, at)
        ],
    )
    return done


def _retailer(known: Network) -> Retailer:
    assert known.retailer is not None, "a run plays a retailer"
    return known.retailer


def _past(scene: Scene, plan: Plan, since: datetime, until: datetime) -> None:
    """What the history tells of these hours: sales, returns, corrections."""
    invoices = list(plan.history.invoices(since, until))
    if invoices:
        scene.counts.update(order(scene.tx, plan.shop, invoices))
    returns = plan.history.returns(since, until)
    if returns:
        back.ask(scene, returns, plan.starts_at)
    back.correct(scene, plan.history.corrections(since, until))


def _state(tx: Tx, plan: Plan, at: datetime) -> str:
    if at < plan.ends_at:
        return "running"
    if at >= plan.ends_at + timedelta(days=DRAIN_DAYS_MAX):
        return "ended"
    return "draining" if store.next_due(tx) is not None or fulfillment.waits(tx) else "ended"
