"""From the packing table to the door, on real PostgreSQL."""

from __future__ import annotations

from entrepot.departments.carriage import service as carriage
from entrepot.departments.carriage.model import Shipment, Tracked, TrackingEvent
from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering.model import OrderState, PartState
from entrepot.departments.warehouse.model import HandedOverWork, PackedWork
from entrepot.flows.order_to_delivery.pack import PackPart, pack
from entrepot.flows.order_to_delivery.ship import ShipPart, ship
from entrepot.flows.order_to_delivery.track import track
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import ME, SKUS
from tests.flows.test_warehouse_flows import assert_whole, order_of, picked, released

PREFIX = "9501101"


def packed(database: Database, order_id: str) -> PackedWork | Refusal:
    command = PackPart(f"pack-{order_id}", ME, order_id, 1)
    return database.run(lambda tx: pack(tx, [command], company_prefix=PREFIX))[0]


def shipped(database: Database, order_id: str) -> HandedOverWork | Refusal:
    command = ShipPart(f"ship-{order_id}", ME, order_id, 1)
    return database.run(lambda tx: ship(tx, [command]))[0]


def parcels(database: Database, order_id: str) -> list[Shipment]:
    with database.transaction(read_only=True) as tx:
        return carriage.shipments_of(tx, [order_id])


def heard(database: Database, shipment: Shipment, kind: str) -> Tracked | Refusal:
    def event(tx):  # type: ignore[no-untyped-def]
        return TrackingEvent(
            command_id=f"{kind}-{shipment.tracking_no}",
            actor=ME,
            tracking_no=shipment.tracking_no,
            event_id=f"{kind}-{shipment.tracking_no}",
            at=tx.now,
            kind=kind,
        )

    return database.run(lambda tx: track(tx, [event(tx)]))[0]


def on_its_way(database: Database, *lines: tuple[str, int]) -> str:
    order_id = released(database, *lines, stock=200)
    picked(database, order_id)
    assert isinstance(packed(database, order_id), PackedWork)
    assert isinstance(shipped(database, order_id), HandedOverWork)
    return order_id


def test_the_whole_way_to_the_door(database: Database) -> None:
    order_id = on_its_way(database, (SKUS[0], 2), (SKUS[1], 1))
    order = order_of(database, order_id)
    assert order.parts[0].state is PartState.shipped
    with database.transaction() as tx:
        balance = inventory.balances(tx, [SKUS[0]])[0]
    assert (balance.on_hand, balance.allocated) == (198, 0)
    (parcel,) = parcels(database, order_id)
    assert parcel.latest_date == order.expectations[0].latest_date
    # 1.5 kg from Berlin within its own zone, by the cheapest service.
    assert (parcel.service, parcel.mass_g, parcel.cost_minor) == ("parcel", 1_500, 300 + 80)
    assert isinstance(heard(database, parcel, "delivered"), Tracked)
    order = order_of(database, order_id)
    assert order.header.state is OrderState.completed
    assert order.parts[0].state is PartState.delivered
    assert_whole(database)


def test_a_part_has_arrived_with_its_last_parcel(database: Database) -> None:
    # 75 kg: three parcels of at most 31.5 kg.
    order_id = on_its_way(database, (SKUS[0], 150))
    found = parcels(database, order_id)
    assert len(found) == 3
    for parcel in found[:2]:
        heard(database, parcel, "delivered")
    assert order_of(database, order_id).parts[0].state is PartState.shipped
    heard(database, found[0], "delivered")
    heard(database, found[2], "delivered")
    assert order_of(database, order_id).parts[0].state is PartState.delivered
    assert_whole(database)


def test_a_lost_parcel_ends_its_part_as_lost(database: Database) -> None:
    order_id = on_its_way(database, (SKUS[0], 1))
    (parcel,) = parcels(database, order_id)
    heard(database, parcel, "lost")
    order = order_of(database, order_id)
    assert order.parts[0].state is PartState.lost
    assert order.header.state is OrderState.completed
    assert_whole(database)


def test_steps_in_the_wrong_order_are_refused(database: Database) -> None:
    order_id = released(database, (SKUS[0], 1))
    early = packed(database, order_id)
    assert isinstance(early, Refusal) and early.code is RefusalCode.wrong_state
    too_early = shipped(database, order_id)
    assert isinstance(too_early, Refusal) and too_early.code is RefusalCode.wrong_state
    nobody = packed(database, "no-such-order")
    assert isinstance(nobody, Refusal) and nobody.code is RefusalCode.unknown_order
    assert order_of(database, order_id).parts[0].state is PartState.released
    assert_whole(database)
