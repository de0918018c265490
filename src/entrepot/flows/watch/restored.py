"""The end of a restore: erasures replayed, everything audited, and what stands there told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from entrepot.departments.customers import service as customers
from entrepot.departments.ordering import service as ordering
from entrepot.flows.watch.audit import Audit, audit
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.keys import KeyStore

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Standing(NamedTuple):
    """What stands in a restored house.

    erased_again  persons who had asked to be forgotten after the instant that was restored
    without_keys  persons whose data cannot be read: their keys are newer than the copy of the keys
    last_order    id and instant of the newest order; None = there is none
    """

    erased_again: int
    without_keys: int
    last_order: tuple[str, datetime] | None
    audit: Audit


def finish(database: Database, keys: KeyStore) -> Standing:
    """Erase again whom the past brought back, then look at everything. Safe to repeat.

    Nobody else may be at work there.
    """
    erased_again = customers.replay_erasures(database, keys, BEGINNING)
    drain(database)
    with database.transaction(read_only=True) as tx:
        newest = ordering.find(tx, limit=1)
        return Standing(
            erased_again=erased_again,
            without_keys=customers.without_keys(tx, keys),
            last_order=(newest[0].order_id, newest[0].placed_at) if newest else None,
            audit=audit(tx),
        )
