"""What happens by itself: jobs, the timetable, and which decisions can be recomputed."""

from __future__ import annotations

from entrepot.departments.customers import service as customers
from entrepot.departments.purchasing import decisions_reorder as reordering
from entrepot.departments.sourcing import records as sourcing
from entrepot.flows.archiving.close import close_due
from entrepot.flows.cart_to_order import expire as expire_carts
from entrepot.flows.order_to_delivery import expire
from entrepot.flows.order_to_delivery.compose import DECISION_KIND
from entrepot.flows.order_to_delivery.give_up import BATCH, give_up
from entrepot.flows.watch.audit import audit
from entrepot.ground import commands, partitions
from entrepot.ground.database import Database
from entrepot.ground.decisions import Replay
from entrepot.ground.files import private_folder
from entrepot.ground.jobs import JobHandler, Periodic
from entrepot.ground.keys import KeyStore
from entrepot.ground.migrate import own_schemas
from entrepot.ground.settings import Settings
from entrepot.ground.stores import open_store
from entrepot.ground.telemetry import get_logger

log = get_logger(__name__)

HANDLERS: dict[str, JobHandler] = {}


def timetable(keys: KeyStore) -> tuple[Periodic, ...]:
    """The periodic work of an installation.

    keys  what erasures destroy
    """
    return (
        Periodic("expire-holds", 5, expire_carts.expire_holds),
        Periodic("expire-carts", 60, expire_carts.expire_carts),
        Periodic("expire-unpaid", 10, expire.expire_unpaid),
        Periodic("give-up-backorders", 3_600, _give_up_backorders),
        Periodic("finish-erasures", 60, lambda database: _finish_erasures(database, keys)),
        Periodic("forget-commands", 3_600, _forget_commands),
    )


def slow_timetable(settings: Settings) -> tuple[Periodic, ...]:
    """Periodic work that may take minutes, or wait for someone outside: done beside the other, so
    that neither holds nor orders wait for it.

    settings  where the archive is, and when records go there
    """
    place = settings.archive_place
    archiving = Periodic("archive", 24 * 3_600, lambda database: _archive(database, settings))
    return (
        Periodic("make-partitions", 600, _make_partitions),
        *([archiving] if place else []),
        Periodic("audit", 24 * 3_600, _audit),
    )


def _give_up_backorders(database: Database) -> None:
    while database.run(give_up) == BATCH:
        pass


def _finish_erasures(database: Database, keys: KeyStore) -> None:
    customers.finish_erasures(database, keys)


def _forget_commands(database: Database) -> None:
    commands.forget(database)


def _make_partitions(database: Database) -> None:
    for name in partitions.keep_ahead_at(database.url, own_schemas(), database.clock):
        log.info("partition.made", name=name)


def _archive(database: Database, settings: Settings) -> None:
    place = settings.archive_place
    assert place is not None, "the work is not in the timetable without an archive"
    folder = private_folder(settings.data / "archiving")
    for _ in close_due(
        database.url,
        open_store(place),
        folder,
        database.clock,
        keep_days=settings.archive_after_days,
    ):
        pass


def _audit(database: Database) -> None:
    with database.transaction(read_only=True) as tx:
        found = audit(tx)
    for finding in found.findings:
        log.error("audit.finding", finding=finding)


# Which pure function decided a kind of decision: `replay` recomputes with it.
REPLAYS: dict[str, Replay] = {
    DECISION_KIND: sourcing.replay,
    reordering.DECISION_KIND: reordering.replay,
}
