"""The tower's verbs: take facts in, say how fresh the figures are, build them anew."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.tower import decisions, store
from entrepot.departments.tower.model import SUBSCRIPTION, AsOf, Note
from entrepot.ground import subscriptions
from entrepot.ground.database import Tx


def apply(tx: Tx, notes: Sequence[Note]) -> None:
    """Count notes in, in the order of their facts, within the transaction of the cursor.

    Costs at most nine statements, whatever their number.
    Raises: LookupError for a step of a part that is not open.
    """
    if not notes:
        return
    before = store.open_parts(tx, decisions.orders_of(notes))
    changes = decisions.changes(before, notes)
    store.end(tx, changes.ended)
    store.keep(tx, changes.kept)
    store.move_stages(tx, changes.stages)
    store.move_dues(tx, changes.dues)
    store.count_days(tx, changes.days)
    store.add_money(tx, changes.money)
    store.move_stock(tx, changes.stock)
    store.move_as_of(tx, changes.as_of)


def as_of(tx: Tx) -> AsOf | None:
    """How fresh the figures are; None before the first fact."""
    return store.as_of(tx)


def rebuild(tx: Tx) -> bool:
    """Clear every figure and let the subscription read the log again from its beginning.

    False when it is not registered yet: there is nothing to rebuild.
    """
    # The cursor first: whoever is at work on it commits before the figures are cleared.
    rewound = subscriptions.rewind(tx, SUBSCRIPTION, 0)
    if rewound:
        store.clear(tx)
    return rewound
