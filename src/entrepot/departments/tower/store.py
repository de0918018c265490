"""The tower's tables: their only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from entrepot.departments.tower.model import (
    AsOf,
    Counted,
    Day,
    Money,
    OpenPart,
    Stage,
    Stock,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.tower")


def open_parts(tx: Tx, order_ids: Iterable[str]) -> list[OpenPart]:
    """The open parts of these orders."""
    wanted = sorted(order_ids)
    rows = tx.rows(Q.read_open_parts, {"order_ids": wanted}) if wanted else []
    return [OpenPart(*row)._replace(state=Stage(row[2])) for row in rows]


def keep(tx: Tx, parts: Sequence[OpenPart]) -> None:
    """Write open parts, new or changed."""
    if parts:
        tx.run(
            Q.keep_open_parts,
            {
                "order_ids": [p.order_id for p in parts],
                "part_nos": [p.part_no for p in parts],
                "stages": [p.stage.value for p in parts],
                "states": [p.state.value for p in parts],
                "nodes": [p.node for p in parts],
                "units": [p.units for p in parts],
                "sinces": [p.since for p in parts],
                "firsts": [p.first_on for p in parts],
                "promised": [p.promised_on for p in parts],
                "own": [p.own_promise for p in parts],
                "arrived": [p.arrived_at for p in parts],
            },
        )


def end(tx: Tx, keys: Sequence[tuple[str, int]]) -> None:
    """Remove parts that are open no longer: (order, part)."""
    if keys:
        tx.run(
            Q.end_open_parts,
            {"order_ids": [k[0] for k in keys], "part_nos": [k[1] for k in keys]},
        )


def move_stages(tx: Tx, changes: Mapping[tuple[Stage, str, date], Counted]) -> None:
    """Change the counts of open parts by (stage, node, day of entry)."""
    if changes:
        tx.run(
            Q.move_stages,
            {
                "stages": [k[0].value for k in changes],
                "nodes": [k[1] for k in changes],
                "entered": [k[2] for k in changes],
                "parts": [c.parts for c in changes.values()],
                "units": [c.units for c in changes.values()],
            },
        )


def move_dues(tx: Tx, changes: Mapping[tuple[date, Stage, str], Counted]) -> None:
    """Change the counts of open parts by (promised date, stage, node)."""
    if changes:
        tx.run(
            Q.move_dues,
            {
                "promised": [k[0] for k in changes],
                "stages": [k[1].value for k in changes],
                "nodes": [k[2] for k in changes],
                "parts": [c.parts for c in changes.values()],
                "units": [c.units for c in changes.values()],
            },
        )


def count_days(tx: Tx, changes: Mapping[tuple[date, str], Day]) -> None:
    """Add to the figures of (day, node)."""
    if changes:
        columns = zip(*changes.values(), strict=True)
        tx.run(
            Q.count_days,
            {
                "days": [k[0] for k in changes],
                "nodes": [k[1] for k in changes],
                **{name: list(c) for name, c in zip(Day._fields, columns, strict=True)},
            },
        )


def add_money(tx: Tx, changes: Mapping[tuple[date, str, str], Money]) -> None:
    """Add to the money of (day, node, currency)."""
    if changes:
        tx.run(
            Q.add_money,
            {
                "days": [k[0] for k in changes],
                "nodes": [k[1] for k in changes],
                "currencies": [k[2] for k in changes],
                "items": [m.items_minor for m in changes.values()],
                "shippings": [m.shipping_minor for m in changes.values()],
            },
        )


def move_stock(tx: Tx, changes: Mapping[str, Stock]) -> None:
    """Change the units at nodes."""
    if changes:
        tx.run(
            Q.move_stock,
            {
                "nodes": list(changes),
                "on_hand": [s.on_hand for s in changes.values()],
                "quarantined": [s.quarantined for s in changes.values()],
            },
        )


def move_as_of(tx: Tx, at: datetime) -> None:
    """The figures are as of `at`, unless they are as of later already."""
    tx.run(Q.move_as_of, {"at": at})


def as_of(tx: Tx) -> AsOf | None:
    """How fresh the figures are."""
    row = tx.row(Q.read_as_of)
    return AsOf(*row) if row else None


def clear(tx: Tx) -> None:
    """Remove every figure."""
    tx.run(Q.clear_open_parts)
    tx.run(Q.clear_stages)
    tx.run(Q.clear_dues)
    tx.run(Q.clear_days)
    tx.run(Q.clear_money)
    tx.run(Q.clear_stock)
    tx.run(Q.clear_as_of)
