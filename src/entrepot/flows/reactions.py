"""What happens when: one table from fact to reaction, and the timetable.

The worker runs these. A reaction commits together with its cursor, so its effects happen exactly
once; `docs/facts.md` lists every fact and who reacts.
"""

from __future__ import annotations

from entrepot.departments.sourcing import decisions as sourcing
from entrepot.flows.order_to_delivery import expire, fill
from entrepot.flows.order_to_delivery.compose import DECISION_KIND
from entrepot.ground import commands
from entrepot.ground.database import Database
from entrepot.ground.decisions import Replay
from entrepot.ground.events import Subscription
from entrepot.ground.jobs import JobHandler, Periodic

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription("fill-backorders", fill.FILLING_FACTS, fill.on_stock),
)

HANDLERS: dict[str, JobHandler] = {}

TIMETABLE: tuple[Periodic, ...] = (
    Periodic("expire-holds", 5, expire.expire_holds),
    Periodic("expire-unpaid", 10, expire.expire_unpaid),
    Periodic("forget-commands", 3_600, lambda database: _forget(database)),
)

# Which pure function decided a kind of decision: `replay` recomputes with it.
REPLAYS: dict[str, Replay] = {DECISION_KIND: sourcing.replay}


def _forget(database: Database) -> None:
    commands.forget(database)
