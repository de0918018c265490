"""The supplier and terms tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from typing import Any

from entrepot.departments.purchasing.model import (
    Incoterm,
    LeadTimeShare,
    PriceBreak,
    Supplier,
    Terms,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.purchasing")


def suppliers(tx: Tx, supplier_ids: Iterable[str]) -> dict[str, Supplier]:
    """The suppliers of these ids that there are."""
    wanted = {"supplier_ids": sorted(set(supplier_ids))}
    shares = defaultdict(list)
    for supplier_id, days, ppm in tx.rows(Q.read_lead_times, wanted):
        shares[supplier_id].append(LeadTimeShare(days, ppm))
    return {
        row[0]: Supplier(
            supplier_id=row[0],
            name=row[1],
            country=row[2],
            currency=row[3],
            lead_time=tuple(shares[row[0]]),
            calendar_id=row[4],
            gln=row[5],
        )
        for row in tx.rows(Q.read_suppliers, wanted)
    }


def put_suppliers(tx: Tx, written: Sequence[Supplier], known: Container[str]) -> None:
    """Write suppliers and their lead times, in place of those that are known.

    Raises: Conflict when one that is not known was registered meanwhile.
    """
    for query, some in (
        (Q.insert_suppliers, [s for s in written if s.supplier_id not in known]),
        (Q.update_suppliers, [s for s in written if s.supplier_id in known]),
    ):
        if some:
            tx.run(
                query,
                {
                    "supplier_ids": [s.supplier_id for s in some],
                    "names": [s.name for s in some],
                    "countries": [s.country for s in some],
                    "currencies": [s.currency for s in some],
                    "calendar_ids": [s.calendar_id for s in some],
                    "glns": [s.gln for s in some],
                },
            )
    tx.run(Q.clear_lead_times, {"supplier_ids": [s.supplier_id for s in written]})
    shares = [(s.supplier_id, share) for s in written for share in s.lead_time]
    tx.run(
        Q.insert_lead_times,
        {
            "supplier_ids": [supplier_id for supplier_id, _ in shares],
            "days": [share.days for _, share in shares],
            "ppms": [share.ppm for _, share in shares],
        },
    )


def terms(tx: Tx, skus: Iterable[str]) -> list[Terms]:
    """All terms for these SKUs, by SKU and supplier."""
    wanted = {"skus": sorted(set(skus))}
    breaks = defaultdict(list)
    for sku, supplier_id, from_each, cost_minor in tx.rows(Q.read_price_breaks, wanted):
        breaks[sku, supplier_id].append(PriceBreak(from_each, cost_minor))
    return [
        Terms(
            sku=row[0],
            supplier_id=row[1],
            currency=row[2],
            cost_minor=row[3],
            moq_each=row[4],
            multiple_each=row[5],
            price_breaks=tuple(breaks[row[0], row[1]]),
            lead_time_days=row[6],
            incoterm=Incoterm(row[7]) if row[7] is not None else None,
            named_place=row[8],
        )
        for row in tx.rows(Q.read_terms, wanted)
    ]


def put_terms(tx: Tx, written: Sequence[Terms], known: Container[tuple[str, str]]) -> None:
    """Write terms and their price breaks, in place of those that are known.

    known  by (SKU, supplier)
    Raises: Conflict when some that are not known were agreed meanwhile.
    """
    for query, some in (
        (Q.insert_terms, [t for t in written if (t.sku, t.supplier_id) not in known]),
        (Q.update_terms, [t for t in written if (t.sku, t.supplier_id) in known]),
    ):
        if some:
            tx.run(query, _keys(some) | _figures(some))
    tx.run(Q.clear_price_breaks, _keys(written))
    breaks = [(t, b) for t in written for b in t.price_breaks]
    tx.run(
        Q.insert_price_breaks,
        {
            "skus": [t.sku for t, _ in breaks],
            "supplier_ids": [t.supplier_id for t, _ in breaks],
            "froms": [b.from_each for _, b in breaks],
            "costs": [b.cost_minor for _, b in breaks],
        },
    )


def _keys(written: Sequence[Terms]) -> dict[str, list[Any]]:
    return {"skus": [t.sku for t in written], "supplier_ids": [t.supplier_id for t in written]}


def _figures(written: Sequence[Terms]) -> dict[str, list[Any]]:
    return {
        "currencies": [t.currency for t in written],
        "costs": [t.cost_minor for t in written],
        "moqs": [t.moq_each for t in written],
        "multiples": [t.multiple_each for t in written],
        "lead_times": [t.lead_time_days for t in written],
        "incoterms": [t.incoterm.value if t.incoterm else None for t in written],
        "named_places": [t.named_place for t in written],
    }
