"""The audit: every invariant that must hold, checked over the whole database.

Run after every fault, every night, and by `entrepot audit`. Each room checks itself; here is what
lies between them: each part's reservation is there and says the same, and so do its work in the
warehouse, its parcels and the tower; each hold is wanted by an open cart and ends with it; goods
that came were counted in the same everywhere; promises changed by facts that say so; every fact was
numbered and handled once, and the audit log's chain is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from entrepot.departments.access import service as access
from entrepot.departments.carriage import service as carriage
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import Reservation, ReservationState
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering import service_carts as carts
from entrepot.departments.ordering.decisions import order_subject
from entrepot.departments.ordering.model import PartState, PromiseChanged
from entrepot.departments.purchasing import service_orders as purchasing
from entrepot.departments.warehouse import service as warehouse
from entrepot.flows.watch import receipts
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import archive, events, partitions, subscriptions
from entrepot.ground.database import Tx
from entrepot.ground.migrate import own_schemas
from entrepot.ground.queries import load_queries
from entrepot.ground.telemetry import METRICS

Q = load_queries("entrepot.flows.watch")
PAGE = 5_000
FINDINGS_MAX = 100
ALWAYS = datetime.min.replace(tzinfo=UTC)
# A hold is swept within seconds of its end; one that is this late is never swept.
HOLD_LATE = timedelta(minutes=15)

# Which reservation state stands behind which part state.
BEHIND = {
    PartState.backordered: ReservationState.waiting,
    PartState.reserved: ReservationState.reserved,
    PartState.released: ReservationState.allocated,
    PartState.picked: ReservationState.allocated,
    PartState.packed: ReservationState.allocated,
    PartState.shipped: ReservationState.shipped,
    PartState.delivered: ReservationState.shipped,
    PartState.lost: ReservationState.shipped,
    PartState.cancelled: ReservationState.cancelled,
}


ENDED = frozenset(
    state
    for state, behind in BEHIND.items()
    if behind in (ReservationState.shipped, ReservationState.cancelled)
)

# Rooms that check themselves: findings in words, and what was looked at.
ROOMS: tuple[Callable[[Tx], tuple[list[str], dict[str, int]]], ...] = (
    inventory.audit,
    ordering.audit,
    carts.audit,
    warehouse.audit,
    carriage.audit,
    purchasing.audit,
)


class Audit(NamedTuple):
    """findings in words (none = all is well), and how much was looked at."""

    findings: list[str]
    looked_at: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether every invariant holds."""
        return not self.findings


def audit(tx: Tx, *, at_rest: bool = False) -> Audit:
    """Check everything, as of this transaction's statements; best on a database at rest.

    at_rest  nothing is at work: facts that are not handled yet are a finding too
    """
    findings: list[str] = []
    looked_at: dict[str, int] = {}
    for room in ROOMS:
        found, counts = room(tx)
        findings += found
        looked_at |= counts
    findings += list(_between(tx, archive.ranges(tx, "inventory.reservation")))
    archived = archive.archived_until(tx)
    findings += [
        f"hold of {sku or 'nothing'} for cart {cart}: {finding}"
        for cart, sku, finding in tx.rows(
            Q.differing_holds, {"late": tx.now - HOLD_LATE, "limit": FINDINGS_MAX}
        )
    ]
    findings += receipts.compare(tx, FINDINGS_MAX, archived.get("inventory.movement", ALWAYS))
    findings += [
        f"order {order_id} part {part_no}: is {state}, its work in the warehouse {work}, its "
        f"parcels {parcels or 'none'}"
        for order_id, part_no, state, work, parcels in tx.rows(
            Q.differing_work, {"limit": FINDINGS_MAX}
        )
    ]
    findings += [
        f"order {order_id} part {part_no}: the tower has it at {shown}, it is at {stage}"
        for order_id, part_no, shown, stage in _tower(tx, at_rest)
    ]
    findings += _promises(tx, archived.get("events.log", ALWAYS))
    findings += partitions.audit(tx, own_schemas())
    findings += subscriptions.audit(tx, SUBSCRIPTIONS, at_rest=at_rest)
    findings += access.audit_findings(tx)
    METRICS.audit_failures.set(len(findings))
    return Audit(findings, {**looked_at, "facts": events.head(tx)})


def _between(tx: Tx, archived: archive.Ranges) -> Iterator[str]:
    """Parts whose reservation is missing or says something else.

    archived  the ids of reservations that are in the archive: all of them had ended
    """
    after = ("", 0, 0)
    found = 0
    while True:
        rows = ordering.reservations_behind(tx, after, PAGE)
        order_ids = sorted({row[0] for row in rows})
        known = {r.reservation_id: r for r in commitments.reservations_of_orders(tx, order_ids)}
        for order_id, part_no, line_no, each, reservation_id, state, node in rows:
            reservation = known.get(reservation_id) if reservation_id else None
            if reservation is None and state in ENDED and archived.hold(reservation_id):
                continue
            finding = _compare(reservation, each, state, node)
            if finding:
                found += 1
                yield f"order {order_id} part {part_no} line {line_no}: {finding}"
        if len(rows) < PAGE or found >= FINDINGS_MAX:
            return
        after = rows[-1][:3]


def _compare(
    reservation: Reservation | None, each: int, state: str, node: str | None
) -> str | None:
    if reservation is None:
        return "no reservation stands behind it"
    expected = BEHIND[PartState(state)]
    if reservation.state is not expected:
        return f"is {state}, its reservation is {reservation.state} and not {expected}"
    if reservation.quantity_each != each:
        return f"{each} in the part, {reservation.quantity_each} reserved"
    if reservation.node != node:
        return f"at {node}, reserved at {reservation.node}"
    return None


def _tower(tx: Tx, at_rest: bool) -> list[tuple[str, int, str | None, str | None]]:
    """Parts that the tower shows elsewhere than they are; it may lag behind what is at work."""
    return tx.rows(Q.differing_tower, {"limit": FINDINGS_MAX}) if at_rest else []


def _promises(tx: Tx, since: datetime) -> Iterator[str]:
    """Promises that changed without a fact that says so, or facts without the promise.

    since  facts from before are in the archive: of older orders only the later ones are compared
    """
    after, found = "", 0
    while found < FINDINGS_MAX:
        rows = tx.rows(Q.promised_versions, {"after": after, "limit": PAGE})
        subjects = [order_subject(row[0]) for row in rows]
        facts = events.told(tx, PromiseChanged.name(), subjects)
        for (order_id, versions, first_at), subject in zip(rows, subjects, strict=True):
            told = [body["promise_version"] for body in facts.get(subject, ())]
            changes = versions[1:] if first_at >= since else versions[len(versions) - len(told) :]
            if versions[0] != 1 or changes != told:
                found += 1
                yield (
                    f"order {order_id}: its promise has versions {versions}, "
                    f"the facts say {[1, *told]}"
                )
        if len(rows) < PAGE:
            return
        after = rows[-1][0]
