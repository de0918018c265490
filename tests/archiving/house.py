"""A retailer that lived in two seasons, long ago: what the tests of the archive work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg

from entrepot.flows.archiving.close import Closed, close_due
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.watch.audit import audit
from entrepot.ground import partitions
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate, own_schemas
from entrepot.ground.stores import Store
from tests.builders import ME, SKUS, an_order
from tests.flows.lived import live
from tests.flows.test_life import react, receive
from tests.flows.test_place import TUESDAY_9, placed

# So few, that some partitions of the log are full.
POSITIONS = 40


class House(NamedTuple):
    """Its database, on a clock that can be moved."""

    url: str
    clock: VirtualClock
    database: Database

    def upkeep(self) -> list[str]:
        """Make the partitions that are due; gives their names."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            return partitions.keep_ahead(owner, own_schemas(), self.clock)

    def close(self, store: Store, folder: Path, keep_days: int = 400) -> list[Closed]:
        """Archive what is old enough; the reservations of spring alone stay."""
        found = list(close_due(self.url, store, folder, self.clock, keep_days=keep_days))
        kept = [c for c in found if c.kept_for and c.relation == "inventory.reservation"]
        assert [c.partition for c in kept] in ([], ["reservation_first"])
        assert all("is still" in str(c.kept_for) for c in kept)
        return [c for c in found if c not in kept]

    def findings(self, *, upkeep: bool = True) -> list[str]:
        """What the audit says of it."""
        react(self.database)
        if upkeep:
            self.upkeep()
        with self.database.transaction(read_only=True) as tx:
            return audit(tx, at_rest=True).findings

    def counts(self) -> dict[str, int]:
        """Rows of the tables that are archived."""
        with psycopg.connect(self.url) as owner:
            return {
                name: count
                for name in TABLES
                for (count,) in owner.execute(f"SELECT count(*) FROM {name}")
            }


TABLES = (
    "inventory.movement",
    "inventory.reservation",
    "ordering.event",
    "events.log",
    "decisions.decision",
)


def live_long(url: str) -> datetime:
    """Spring and summer of a retailer in an empty database; gives an instant two years later.

    Of the orders of spring some are still at work, those of summer have ended.
    """
    clock = VirtualClock(TUESDAY_9, seed=1)
    migrate(url, clock=clock)
    with Database(url, clock=clock, connections_max=8, name="test") as database:
        house = House(url, clock, database)
        live(database, clock)
        for _ in range(4):
            clock.sleep(31 * 24 * 3_600)
            house.upkeep()
        receive(database, SKUS[5], "BER", 50, "PO-9")
        summer = [placed(database, an_order(f"s-{n}", (SKUS[5], 1))).order_id for n in range(6)]
        database.run(
            lambda tx: cancel_orders(
                tx, dict.fromkeys(summer, "customer"), command_id="c-s", actor=ME
            )
        )
        react(database)
        clock.advance_to(clock.now() + timedelta(days=700))
        house.upkeep()
    return clock.now()


@contextmanager
def opened(url: str, now: datetime) -> Iterator[House]:
    """Such a database, as it is at that instant."""
    clock = VirtualClock(now, seed=2)
    with Database(url, clock=clock, connections_max=8, name="test") as database:
        yield House(url, clock, database)
