"""The price verbs: batches in, answers in order out, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from entrepot.departments.pricing import decisions, store
from entrepot.departments.pricing.model import (
    STANDARD_LIST,
    Price,
    PriceBook,
    Priced,
    PriceSet,
    PriceVersion,
    SetPrice,
    Unchanged,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.outcome import Refusal


def prices_at(
    tx: Tx, skus: Iterable[str], currency: str, at: datetime, *, price_list: str = STANDARD_LIST
) -> dict[str, Price]:
    """The price of one each in force at an instant, by SKU; SKUs without one are left out.

    Where periods overlap, the entry with the latest beginning is in force.
    """
    wanted = sorted(set(skus))
    return store.prices_over(tx, wanted, currency, at, at, price_list).at(at, wanted)


def prices_over(
    tx: Tx,
    skus: Iterable[str],
    currency: str,
    since: datetime,
    until: datetime,
    *,
    price_list: str = STANDARD_LIST,
) -> PriceBook:
    """The prices in force at any instant from `since` to `until`, both included."""
    return store.prices_over(tx, skus, currency, since, until, price_list)


def set_prices(tx: Tx, commands: Sequence[SetPrice]) -> list[Priced | Unchanged | Refusal]:
    """Set prices; what the latest version at the place says already changes nothing.

    Refuses: bad_identifier, bad_value, bad_price, bad_date. Facts: PriceSet.
    """
    refusals = [decisions.check_entry(c.entry) for c in commands]
    known = store.latest_versions(
        tx, (c.entry.key for c, no in zip(commands, refusals, strict=True) if no is None)
    )
    answers: list[Priced | Unchanged | Refusal] = []
    written: list[tuple[SetPrice, PriceVersion]] = []
    for command, refusal in zip(commands, refusals, strict=True):
        entry = command.entry
        if refusal is not None:
            answers.append(refusal)
            continue
        before = known.get(entry.key)
        if before is not None and before.entry == entry:
            answers.append(Unchanged(before))
            continue
        version = PriceVersion(entry, before.revision + 1 if before else 1, tx.new_id())
        known[entry.key] = version
        written.append((command, version))
        answers.append(Priced(version))
    store.insert(tx, written)
    announce(
        tx,
        [
            Announcement(
                subject=f"price/{version.entry.sku}",
                fact=PriceSet(version.entry, version.revision, version.version_id),
                command_id=command.command_id,
                actor=command.actor,
            )
            for command, version in written
        ],
    )
    return answers
