"""The network tables' only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, LiteralString

import msgspec

from entrepot.departments.network.decisions import Parts
from entrepot.departments.network.model import (
    Area,
    Carrier,
    DayShare,
    Footprint,
    Node,
    NodeKind,
    NodeStatus,
    Offering,
    RateCard,
    RateStep,
    Retailer,
    Service,
    SpeedClass,
    Transit,
    WorkCalendar,
    ZoneRule,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries
from entrepot.words.calendar import Week

Q = load_queries("entrepot.departments.network")


def version(tx: Tx) -> tuple[int, bytes]:
    """The network's number and fingerprint."""
    return _version(tx, Q.read_version)


def lock_version(tx: Tx) -> tuple[int, bytes]:
    """The same, and no one else changes the network until this transaction ends."""
    return _version(tx, Q.lock_version)


def _version(tx: Tx, query: LiteralString) -> tuple[int, bytes]:
    row = tx.row(query)
    assert row is not None, "network.version has its one row from the first migration"
    return row[0], row[1]


def raise_version(tx: Tx, number: int, fingerprint: bytes) -> None:
    """Write the version after a change; the row is locked since before it was read."""
    tx.run(Q.raise_version, {"number": number, "fingerprint": fingerprint})


def read(tx: Tx) -> Parts:
    """The whole network, each kind in the order of its key."""
    retailer = tx.row(Q.read_retailer)
    return Parts(
        retailer=Retailer(*retailer) if retailer is not None else None,
        calendars=[_calendar(row) for row in tx.rows(Q.read_calendars)],
        nodes=[_node(row) for row in tx.rows(Q.read_nodes)],
        carriers=[Carrier(*row) for row in tx.rows(Q.read_carriers)],
        services=[_service(row) for row in tx.rows(Q.read_services)],
        offerings=[Offering(*row) for row in tx.rows(Q.read_offerings)],
        zones=[ZoneRule(*row) for row in tx.rows(Q.read_zone_rules)],
        transits=[
            Transit(*(*key, tuple(DayShare(*row[3:]) for row in rows)))
            for key, rows in _grouped(tx.rows(Q.read_transits))
        ],
        rates=[
            RateCard(*(*key, tuple(RateStep(*row[3:]) for row in rows)))
            for key, rows in _grouped(tx.rows(Q.read_rates))
        ],
        footprints=[Footprint(*row) for row in tx.rows(Q.read_footprints)],
        areas=[Area(*row) for row in tx.rows(Q.read_areas)],
    )


def _grouped(rows: Iterable[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], list[Any]]]:
    """Rows in order, by their first three columns."""
    return [(key, list(group)) for key, group in groupby(rows, key=lambda row: row[:3])]


def _calendar(row: tuple[Any, ...]) -> WorkCalendar:
    return WorkCalendar(row[0], row[1], msgspec.json.decode(row[2], type=Week), tuple(row[3]))


def _node(row: tuple[Any, ...]) -> Node:
    return Node(*(*row[:2], NodeKind(row[2]), *row[3:14], NodeStatus(row[14])))


def _service(row: tuple[Any, ...]) -> Service:
    days = (tuple(row[5]), tuple(row[6]))
    return Service(*(*row[:3], SpeedClass(row[3]), row[4], *days, *row[7:]))


def put_retailer(tx: Tx, values: Sequence[Retailer]) -> None:
    """Write the retailer's one row."""
    for value in values:
        tx.run(Q.put_retailer, msgspec.structs.asdict(value))


def put_calendars(tx: Tx, values: Sequence[WorkCalendar]) -> None:
    """Write or replace calendars."""
    tx.run(
        Q.put_calendars,
        {
            "calendar_ids": [v.calendar_id for v in values],
            "names": [v.name for v in values],
            "openings": [msgspec.json.encode(v.opening).decode() for v in values],
            "closed_dates": [_array(d.isoformat() for d in v.closed_dates) for v in values],
        },
    )


def _array(parts: Iterable[object]) -> str:
    """An array as a text literal: unnest would flatten an array of arrays."""
    return f"{{{','.join(map(str, parts))}}}"


def put_nodes(tx: Tx, values: Sequence[Node]) -> None:
    """Write or replace nodes."""
    tx.run(
        Q.put_nodes,
        {
            "node_ids": [v.node_id for v in values],
            "names": [v.name for v in values],
            "kinds": [v.kind.value for v in values],
            "countries": [v.country for v in values],
            "postal_codes": [v.postal_code for v in values],
            "latitudes": [v.latitude_microdeg for v in values],
            "longitudes": [v.longitude_microdeg for v in values],
            "zones": [v.zone for v in values],
            "calendar_ids": [v.calendar_id for v in values],
            "handling": [v.handling_minutes for v in values],
            "box_costs": [v.box_cost_mills for v in values],
            "item_costs": [v.item_cost_mills for v in values],
            "orders_per_day": [v.orders_per_day for v in values],
            "glns": [v.gln for v in values],
            "statuses": [v.status.value for v in values],
        },
    )


def put_carriers(tx: Tx, values: Sequence[Carrier]) -> None:
    """Write or replace carriers."""
    tx.run(
        Q.put_carriers,
        {"carrier_ids": [v.carrier_id for v in values], "names": [v.name for v in values]},
    )


def put_services(tx: Tx, values: Sequence[Service]) -> None:
    """Write or replace services."""
    tx.run(
        Q.put_services,
        {
            "service_ids": [v.service_id for v in values],
            "carrier_ids": [v.carrier_id for v in values],
            "names": [v.name for v in values],
            "speeds": [v.speed.value for v in values],
            "cut_offs": [v.cut_off_minute for v in values],
            "pickup_days": [_array(v.pickup_days) for v in values],
            "delivery_days": [_array(v.delivery_days) for v in values],
            "max_masses": [v.max_mass_g for v in values],
            "divisors": [v.volumetric_divisor for v in values],
        },
    )


def put_offerings(tx: Tx, values: Sequence[Offering]) -> None:
    """Write or replace where services can be had."""
    tx.run(
        Q.put_offerings,
        {
            "service_ids": [v.service_id for v in values],
            "node_ids": [v.node_id for v in values],
            "cut_offs": [v.cut_off_minute for v in values],
        },
    )


def put_zone_rules(tx: Tx, values: Sequence[ZoneRule]) -> None:
    """Write or replace zone rules."""
    tx.run(
        Q.put_zone_rules,
        {
            "node_ids": [v.node_id for v in values],
            "countries": [v.country for v in values],
            "postal_prefixes": [v.postal_prefix for v in values],
            "zones": [v.zone for v in values],
        },
    )


def put_transits(tx: Tx, values: Sequence[Transit]) -> None:
    """Write transit times; all shares of a service, zone and weekday are replaced together."""
    tx.run(
        Q.clear_transits,
        {
            "service_ids": [v.service_id for v in values],
            "zones": [v.zone for v in values],
            "weekdays": [v.weekday for v in values],
        },
    )
    shares = [(v, share) for v in values for share in v.shares]
    tx.run(
        Q.insert_transits,
        {
            "service_ids": [v.service_id for v, _ in shares],
            "zones": [v.zone for v, _ in shares],
            "weekdays": [v.weekday for v, _ in shares],
            "days": [share.days for _, share in shares],
            "ppms": [share.ppm for _, share in shares],
        },
    )


def put_rates(tx: Tx, values: Sequence[RateCard]) -> None:
    """Write rate cards; all steps of a card are replaced together."""
    tx.run(
        Q.clear_rates,
        {
            "service_ids": [v.service_id for v in values],
            "zones": [v.zone for v in values],
            "currencies": [v.currency for v in values],
        },
    )
    steps = [(v, step) for v in values for step in v.steps]
    tx.run(
        Q.insert_rates,
        {
            "service_ids": [v.service_id for v, _ in steps],
            "zones": [v.zone for v, _ in steps],
            "currencies": [v.currency for v, _ in steps],
            "up_to_masses": [step.up_to_mass_g for _, step in steps],
            "prices": [step.price_minor for _, step in steps],
            "costs": [step.cost_minor for _, step in steps],
        },
    )


def put_footprints(tx: Tx, values: Sequence[Footprint]) -> None:
    """Write or replace footprints."""
    tx.run(
        Q.put_footprints,
        {
            "service_ids": [v.service_id for v in values],
            "zones": [v.zone for v in values],
            "per_kg": [v.co2e_g_per_kg for v in values],
            "per_box": [v.co2e_g_per_box for v in values],
        },
    )


def put_areas(tx: Tx, values: Sequence[Area]) -> None:
    """Write or replace areas."""
    tx.run(
        Q.put_areas,
        {
            "countries": [v.country for v in values],
            "postal_prefixes": [v.postal_prefix for v in values],
            "names": [v.name for v in values],
            "latitudes": [v.latitude_microdeg for v in values],
            "longitudes": [v.longitude_microdeg for v in values],
            "populations": [v.population for v in values],
        },
    )
