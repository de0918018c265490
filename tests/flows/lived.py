"""A retailer that has lived for some days, for tests of figures, pages and stories."""

from __future__ import annotations

from datetime import timedelta

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import TrackingEvent
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Quarantine
from entrepot.departments.ordering import service_parts as parts
from entrepot.departments.ordering.model import OpenPart, PartState
from entrepot.departments.warehouse.model import Pick, Short
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.order_to_delivery.pack import PackPart, pack
from entrepot.flows.order_to_delivery.pick import pick
from entrepot.flows.order_to_delivery.release import release
from entrepot.flows.order_to_delivery.ship import ShipPart, ship
from entrepot.flows.order_to_delivery.track import track
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database, Tx
from tests.builders import ME, SKUS, a_retailer, an_order
from tests.flows.test_life import react, receive
from tests.flows.test_place import placed


def all_in(tx: Tx, state: PartState) -> list[OpenPart]:
    return parts.in_state(tx, state)


def pack_all(database: Database, take: int) -> None:
    """The oldest picked parts."""

    def work(tx: Tx) -> None:
        due = [(d.order_id, d.part.part_no) for d in all_in(tx, PartState.picked)[:take]]
        pack(tx, [PackPart(f"pack:{key}", ME, *key) for key in due], company_prefix="9501101")

    database.run(work)


def ship_all(database: Database, take: int) -> None:
    """The oldest packed parts."""

    def work(tx: Tx) -> None:
        due = [(d.order_id, d.part.part_no) for d in all_in(tx, PartState.packed)[:take]]
        ship(tx, [ShipPart(f"ship:{key}", ME, *key) for key in due])

    database.run(work)


def hear(database: Database, kind: str, take: int, hours_ago: int = 0) -> None:
    """The same news of every parcel of the oldest parts under way."""

    def work(tx: Tx) -> None:
        due = {(d.order_id, d.part.part_no) for d in all_in(tx, PartState.shipped)[:take]}
        parcels = carriage.shipments_of(tx, sorted({order_id for order_id, _ in due}))
        at = tx.now - timedelta(hours=hours_ago)
        news = [
            TrackingEvent(f"{kind}:{p.tracking_no}", ME, p.tracking_no, kind, at, kind)
            for p in parcels
            if (p.order_id, p.part_no) in due
        ]
        track(tx, news)

    database.run(work)


def pick_all(database: Database) -> None:
    """Every released part; of the first line of every third part all or one is missing."""

    def work(tx: Tx) -> None:
        commands = []
        for number, due in enumerate(all_in(tx, PartState.released)):
            line = due.part.lines[0]
            missing = (line.quantity_each, 1)[number % 2]
            shorts = (Short(line.line_no, missing, "not_found"),) if number % 3 == 0 else ()
            key = (due.order_id, due.part.part_no)
            commands.append(Pick(f"pick:{key}", ME, *key, shorts))
        pick(tx, commands)

    database.run(work)


def live(database: Database, clock: VirtualClock) -> None:
    """Let a retailer live until it has parts at every stage and end; all facts are handled."""
    a_retailer(database, {(s, n): 4 for s in SKUS for n in ("BER", "MUC")})
    for number in range(18):
        lines = tuple(
            (SKUS[(number + i) % 12], 1 + (number + i) % 3) for i in range(1 + number % 3)
        )
        pays = 30 if number % 6 == 5 else None
        placed(database, an_order(f"o{number}", *lines, backorder=True, payment_minutes=pays))
        clock.sleep(3_600)
    react(database)
    cancelled = [r[0] for r in database.run(_open_orders)][:2]
    database.run(
        lambda tx: cancel_orders(tx, dict.fromkeys(cancelled, "customer"), command_id="c", actor=ME)
    )
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved)[:12], actor=ME))
    pick_all(database)
    pack_all(database, 9)
    ship_all(database, 7)
    clock.sleep(24 * 3_600)
    hear(database, "delayed", 2)
    clock.sleep(24 * 3_600)
    hear(database, "delivered", 5, hours_ago=20)
    hear(database, "lost", 1)
    database.run(lambda tx: release(tx, all_in(tx, PartState.reserved)[:1], actor=ME))
    _correct(database)
    receive(database, SKUS[2], "BER", 5, "PO-1")
    react(database)


def _open_orders(tx: Tx) -> list[tuple[str]]:
    found = [(d.order_id,) for d in all_in(tx, PartState.reserved)]
    return sorted(set(found))


def _correct(database: Database) -> None:
    def work(tx: Tx) -> None:
        inventory.adjust(tx, [Adjustment("a", ME, SKUS[3], "PAR", 9, "found")])
        inventory.quarantine(
            tx,
            [
                Quarantine("q1", ME, SKUS[3], "PAR", 5, "D"),
                Quarantine("q2", ME, SKUS[3], "PAR", 2, "D", release=True),
                Quarantine("q3", ME, SKUS[3], "PAR", 1, "D", scrap=True),
            ],
        )

    database.run(work)
