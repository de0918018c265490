"""What is archived: which tables, how long they are kept whole, what they leave behind, and by what
their rows are found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.ordering.decisions import order_subject
from entrepot.ground import subscriptions
from entrepot.ground.database import Tx
from entrepot.ground.parquet import Groups
from entrepot.ground.partitions import Partition

# Decisions are kept whole for so long; nothing else has a reason to go earlier.
KEEP_DAYS_MIN = 400


class Looked(NamedTuple):
    """How rows are found: in a column, by equality, or by what the text begins with."""

    column: str
    text: Callable[[str], str]
    begins: bool = False


class Archived(NamedTuple):
    """A table whose closed partitions are archived.

    relation  `schema.table`
    at        the column of its time
    groups    what is counted and summed, to compare a file with the database
    carry     keeps what a partition leaves behind, in the transaction that drops it
    needed    why a partition has to stay as yet; None = it may go
    order, sku  how rows of an order, or of a SKU, are found; None = it has none
    in_order  no partition leaves before an older one
    """

    relation: str
    at: str
    groups: Groups
    carry: Callable[[Tx, Partition], None]
    needed: Callable[[Tx, Partition], str | None]
    order: Looked
    sku: Looked | None
    in_order: bool = True


def _same(text: str) -> str:
    return text


def _nothing(_tx: Tx, _part: Partition) -> None:
    return None


def _carry_movements(tx: Tx, part: Partition) -> None:
    inventory.carry_forward(tx, part.since_key, part.until_key)


def _carry_facts(tx: Tx, part: Partition) -> None:
    subscriptions.carry_forward(tx, part.since, part.until)


def _reservations_needed(tx: Tx, part: Partition) -> str | None:
    return commitments.still_living(tx, part.since_key, part.until_key)


def _facts_needed(tx: Tx, part: Partition) -> str | None:
    return subscriptions.still_needed(tx, part.until)


ARCHIVED: tuple[Archived, ...] = (
    Archived(
        relation="inventory.movement",
        at="at",
        groups=Groups(("from_account", "to_account"), "quantity_each"),
        carry=_carry_movements,
        needed=_nothing,
        order=Looked("document", _same),
        sku=Looked("sku", _same),
    ),
    Archived(
        relation="inventory.reservation",
        at="since",
        groups=Groups(("state",), "quantity_each"),
        carry=_nothing,
        needed=_reservations_needed,
        order=Looked("order_id", _same),
        sku=Looked("sku", _same),
        in_order=False,
    ),
    Archived(
        relation="ordering.event",
        at="at",
        groups=Groups(("kind",)),
        carry=_nothing,
        needed=_nothing,
        order=Looked("order_id", _same),
        sku=None,
    ),
    Archived(
        relation="events.log",
        at="occurred_at",
        groups=Groups(("name",)),
        carry=_carry_facts,
        needed=_facts_needed,
        order=Looked("subject", order_subject),
        sku=Looked("subject", lambda sku: f"stock/{sku}/", begins=True),
    ),
    Archived(
        relation="decisions.decision",
        at="at",
        groups=Groups(("kind",)),
        carry=_nothing,
        needed=_nothing,
        order=Looked("subject", order_subject),
        sku=Looked("subject", lambda sku: f"sku/{sku}"),
    ),
)
