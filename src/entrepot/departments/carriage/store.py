"""The carriage tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from entrepot.departments.carriage.model import (
    Heard,
    Incident,
    Shipment,
    ShipmentState,
    TrackingKind,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.carriage")

Key = tuple[str, int, int]
"""An order, the number of its part, the number of a shipment in it."""


def key_of(shipment: Shipment) -> Key:
    """What there is one of."""
    return shipment.order_id, shipment.part_no, shipment.shipment_no


def _shipment(row: Sequence[Any]) -> Shipment:
    return Shipment(*row)._replace(state=ShipmentState(row[10]))


def claim_numbers(tx: Tx, shipments: Sequence[Shipment]) -> set[Key]:
    """Take the tracking numbers of shipments; gives those that got theirs."""
    if not shipments:
        return set()
    rows = tx.rows(
        Q.claim_tracking_numbers,
        {
            "tracking_nos": [s.tracking_no for s in shipments],
            "order_ids": [s.order_id for s in shipments],
            "part_nos": [s.part_no for s in shipments],
            "shipment_nos": [s.shipment_no for s in shipments],
        },
    )
    return {(row[0], row[1], row[2]) for row in rows}


def insert(tx: Tx, shipments: Sequence[Shipment]) -> None:
    """Write new shipments.

    Raises: Conflict when a number within a part, or a carton, was taken meanwhile.
    """
    if shipments:
        tx.run(
            Q.insert_shipments,
            {
                "order_ids": [s.order_id for s in shipments],
                "part_nos": [s.part_no for s in shipments],
                "shipment_nos": [s.shipment_no for s in shipments],
                "nodes": [s.node for s in shipments],
                "services": [s.service for s in shipments],
                "ssccs": [s.sscc for s in shipments],
                "tracking_nos": [s.tracking_no for s in shipments],
                "masses": [s.mass_g for s in shipments],
                "costs": [s.cost_minor for s in shipments],
                "currencies": [s.currency for s in shipments],
                "latest": [s.latest_date for s in shipments],
                "command_ids": [s.book_command for s in shipments],
                "at": tx.now,
            },
        )


def of_orders(tx: Tx, order_ids: Iterable[str]) -> list[Shipment]:
    """The shipments of orders, by order, part and number."""
    wanted = sorted(set(order_ids))
    rows = tx.rows(Q.shipments_of_orders, {"order_ids": wanted}) if wanted else []
    return [_shipment(row) for row in rows]


def by_number(tx: Tx, tracking_nos: Iterable[str]) -> dict[str, Shipment]:
    """Shipments by tracking number, those that exist."""
    wanted = sorted(set(tracking_nos))
    rows = tx.rows(Q.shipments_by_number, {"tracking_nos": wanted}) if wanted else []
    return {row[0]: _shipment(row[1:]) for row in rows}


def moving(tx: Tx, before: datetime, limit: int) -> list[Shipment]:
    """Shipments on their way whose last news is from before an instant, the oldest first."""
    rows = tx.rows(Q.moving_shipments, {"before": before, "limit": limit})
    return [_shipment(row) for row in rows]


def move(tx: Tx, changes: Sequence[tuple[Shipment, Shipment]]) -> None:
    """Change shipments: (as read, as it shall be).

    Raises: Conflict when one was changed meanwhile.
    """
    if not changes:
        return
    tx.guard(
        Q.move_shipments,
        {
            "order_ids": [new.order_id for _, new in changes],
            "part_nos": [new.part_no for _, new in changes],
            "shipment_nos": [new.shipment_no for _, new in changes],
            "versions": [old.version for old, _ in changes],
            "states": [new.state.value for _, new in changes],
            "handed_over": [new.handed_over_at for _, new in changes],
            "delivered": [new.delivered_at for _, new in changes],
            "voided": [new.voided_at for _, new in changes],
            "last_events": [new.last_event_at for _, new in changes],
            "incidents": [new.incident for _, new in changes],
            "hand_over_commands": [new.hand_over_command for _, new in changes],
            "void_commands": [new.void_command for _, new in changes],
        },
        len(changes),
        "a shipment changed its state meanwhile",
    )


def told_before(
    tx: Tx, events: Sequence[tuple[Key, str]]
) -> dict[tuple[Key, str], ShipmentState | None]:
    """Which of these events, by shipment and event id, are kept already, and what they did."""
    if not events:
        return {}
    rows = tx.rows(
        Q.told_before,
        {
            "order_ids": [key[0] for key, _ in events],
            "part_nos": [key[1] for key, _ in events],
            "shipment_nos": [key[2] for key, _ in events],
            "event_ids": [event_id for _, event_id in events],
        },
    )
    return {
        ((row[0], row[1], row[2]), row[3]): None if row[4] is None else ShipmentState(row[4])
        for row in rows
    }


def insert_events(tx: Tx, events: Sequence[Heard]) -> None:
    """Keep what carriers told.

    Raises: Conflict when one of the events was kept meanwhile.
    """
    if not events:
        return
    tx.guard(
        Q.insert_events,
        {
            "order_ids": [e.order_id for e in events],
            "part_nos": [e.part_no for e in events],
            "shipment_nos": [e.shipment_no for e in events],
            "event_ids": [e.event_id for e in events],
            "ats": [e.at for e in events],
            "kinds": [e.kind.value for e in events],
            "incidents": [e.incident.value if e.incident else None for e in events],
            "places": [e.place for e in events],
            "details": [e.detail for e in events],
            "to_states": [e.to_state.value if e.to_state else None for e in events],
            "heard_at": tx.now,
        },
        len(events),
        "a tracking event was told twice at once",
    )


def events_of(tx: Tx, order_ids: Iterable[str]) -> dict[Key, tuple[Heard, ...]]:
    """What was told about the shipments of orders, in the order in which it happened."""
    found: dict[Key, list[Heard]] = defaultdict(list)
    for row in tx.rows(Q.events_of_orders, {"order_ids": sorted(set(order_ids))}):
        heard = Heard(*row)._replace(
            kind=TrackingKind(row[6]),
            incident=Incident(row[7]) if row[7] else None,
            to_state=ShipmentState(row[10]) if row[10] else None,
        )
        found[heard.order_id, heard.part_no, heard.shipment_no].append(heard)
    return {key: tuple(events) for key, events in found.items()}


def audit(tx: Tx, limit: int) -> list[str]:
    """What does not add up within carriage, in words."""
    return [
        f"shipment {r[2]} of order {r[0]} part {r[1]} {r[3]}"
        for r in tx.rows(Q.audit_shipments, {"limit": limit})
    ]


def audit_counts(tx: Tx) -> tuple[int, int]:
    """Shipments and events looked at."""
    row = tx.row(Q.audit_counts)
    assert row is not None
    return row[0], row[1]
