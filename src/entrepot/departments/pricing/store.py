"""The price table's only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from entrepot.departments.pricing.model import (
    Price,
    PriceBook,
    PriceEntry,
    PriceKey,
    PriceVersion,
    SetPrice,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.pricing")


def prices_over(
    tx: Tx, skus: Iterable[str], currency: str, since: datetime, until: datetime, price_list: str
) -> PriceBook:
    """The prices in force at any instant from `since` to `until`."""
    rows = tx.rows(
        Q.prices_over,
        {
            "skus": sorted(set(skus)),
            "currency": currency,
            "since": since,
            "until": until,
            "price_list": price_list,
        },
    )
    return PriceBook(
        (sku, valid_from, valid_to, Price(version_id, amount))
        for sku, valid_from, valid_to, version_id, amount in rows
    )


def latest_versions(tx: Tx, keys: Iterable[PriceKey]) -> dict[PriceKey, PriceVersion]:
    """The latest version at each of these places that has one."""
    wanted = sorted(set(keys))
    rows = tx.rows(
        Q.latest_versions,
        {
            "skus": [k.sku for k in wanted],
            "price_lists": [k.price_list for k in wanted],
            "currencies": [k.currency for k in wanted],
            "valid_froms": [k.valid_from for k in wanted],
        },
    )
    return {v.entry.key: v for v in map(_version, rows)}


def _version(row: tuple[Any, ...]) -> PriceVersion:
    return PriceVersion(PriceEntry(*row[:6]), row[6], row[7])


def insert(tx: Tx, written: Sequence[tuple[SetPrice, PriceVersion]]) -> None:
    """Write versions.

    Raises: Conflict when one of their places got another version meanwhile.
    """
    if not written:
        return
    versions = [version for _, version in written]
    tx.run(
        Q.insert_prices,
        {
            "skus": [v.entry.sku for v in versions],
            "price_lists": [v.entry.price_list for v in versions],
            "currencies": [v.entry.currency for v in versions],
            "valid_froms": [v.entry.valid_from for v in versions],
            "revisions": [v.revision for v in versions],
            "version_ids": [v.version_id for v in versions],
            "valid_tos": [v.entry.valid_to for v in versions],
            "amounts": [v.entry.amount_minor for v in versions],
            "command_ids": [command.command_id for command, _ in written],
            "actors": [command.actor for command, _ in written],
            "at": tx.now,
        },
    )
