"""The supplier and terms tables' only speaker of SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

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


def put_suppliers(tx: Tx, written: Sequence[Supplier]) -> None:
    """Write or replace suppliers and their lead times."""
    if not written:
        return
    ids = [s.supplier_id for s in written]
    tx.run(
        Q.put_suppliers,
        {
            "supplier_ids": ids,
            "names": [s.name for s in written],
            "countries": [s.country for s in written],
            "currencies": [s.currency for s in written],
            "calendar_ids": [s.calendar_id for s in written],
            "glns": [s.gln for s in written],
        },
    )
    tx.run(Q.clear_lead_times, {"supplier_ids": ids})
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


def put_terms(tx: Tx, written: Sequence[Terms]) -> None:
    """Write or replace terms and their price breaks."""
    if not written:
        return
    keys = {"skus": [t.sku for t in written], "supplier_ids": [t.supplier_id for t in written]}
    tx.run(
        Q.put_terms,
        keys
        | {
            "currencies": [t.currency for t in written],
            "costs": [t.cost_minor for t in written],
            "moqs": [t.moq_each for t in written],
            "multiples": [t.multiple_each for t in written],
            "lead_times": [t.lead_time_days for t in written],
            "incoterms": [t.incoterm.value if t.incoterm else None for t in written],
            "named_places": [t.named_place for t in written],
        },
    )
    tx.run(Q.clear_price_breaks, keys)
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
