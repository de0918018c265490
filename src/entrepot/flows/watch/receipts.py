"""Goods that came, as three rooms have them: who expected, who counted, whose stock grew."""

from __future__ import annotations

from datetime import datetime

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.flows.watch")


def compare(tx: Tx, limit: int, since: datetime) -> list[str]:
    """Where purchasing, the warehouse and the stock differ about deliveries, or ordering, the
    warehouse and the stock about returns; at most `limit` findings of each, in words.

    since  from when on the ledger has every movement; what came before is in the archive
    """
    findings = [
        f"purchase order {document}, {sku} at {node}: {bought} received (damaged among them "
        f"{bought_damaged}) by purchasing, {counted} ({counted_damaged}) by the warehouse, "
        f"{entered} ({entered_damaged}) by the stock"
        for document, sku, node, bought, bought_damaged, counted, counted_damaged, entered,
        entered_damaged in tx.rows(Q.differing_deliveries, {"limit": limit, "since": since})
    ]  # fmt: skip
    findings += [
        f"return of order {document}, {sku} at {node}: {returned} received by ordering, {counted} "
        f"by the warehouse, {entered} by the stock"
        for document, sku, node, returned, counted, entered in tx.rows(
            Q.differing_returns, {"limit": limit, "since": since}
        )
    ]
    return findings
