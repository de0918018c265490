"""Running subscriptions: batches, faults, dead letters, rewinding.

A batch and the move of its cursor are one transaction. What fails alone is parked as a dead
letter, and later facts of the same subject wait behind it: order within a subject is never given
up, and one poisoned fact never stops the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from entrepot.ground.database import Database, Tx, translated
from entrepot.ground.events import (
    SEQUENCER_BATCH,
    Q,
    Subscription,
    decode,
    drain,
    head,
    outbox_age,
    sequence_batch,
)
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Broken, Conflict, Fault

WINDOW = 1_000
# Conflicts that mean a bug when no attempt over fresh facts gets rid of them.
CONSTRAINTS = frozenset({"guard", "unique"})
REASON_CHARACTERS_MAX = 2_000

log = get_logger(__name__)


class DeadLetter(NamedTuple):
    """A fact a subscription could not handle, or one that waits behind such a fact."""

    subscription: str
    position: int
    subject: str
    name: str
    reason: str
    attempts: int
    parked_at: datetime


class Progress(NamedTuple):
    """Where a subscription stands."""

    name: str
    position: int
    handled: int
    updated_at: datetime


def register(tx: Tx, subscriptions: Sequence[Subscription], *, position: int = 0) -> None:
    """Make sure each subscription has a cursor; a new one starts after `position`, and after what
    is in the archive."""
    for subscription in subscriptions:
        tx.run(
            Q.register_subscription,
            {
                "name": subscription.name,
                "position": position,
                "names": sorted(subscription.by_name()),
                "at": tx.now,
            },
        )


def advance(database: Database, subscription: Subscription, *, window: int = WINDOW) -> int:
    """Handle the next stretch of the log; gives the positions moved over (0 = nothing new).

    A fault that passes is raised after the transaction rolled back: the caller waits and tries
    again. Any other error is pinned to the fact that causes it, which is parked; so is a guard or
    a constraint that refuses at every attempt.
    """
    try:
        return database.run(lambda tx: _advance(tx, subscription, window))
    except Fault as fault:
        if _passes(fault):
            raise
        log.error("subscription.batch_failed", subscription=subscription.name, error=str(fault))
    except Exception as error:  # noqa: BLE001  any bug in a reaction ends as a dead letter
        log.error("subscription.batch_failed", subscription=subscription.name, error=repr(error))
    if window == 1:
        return database.run(lambda tx: _park_next(tx, subscription))
    # The same stretch in smaller windows, down to the fact that fails; the others get through.
    moved = 0
    while moved < window:
        step = advance(database, subscription, window=max(1, window // 8))
        if not step:
            break
        moved += step
    return moved


def quiet(database: Database, subscriptions: Sequence[Subscription]) -> None:
    """Number every fact and let every subscription handle it, until nothing is left: for a process
    that does all of it by itself.

    A round is one transaction. When it fails each part is done by itself, so that a fact that
    cannot be handled is parked.
    """
    while True:
        try:
            goes_on = database.run(lambda tx: _round(tx, subscriptions))
        except Exception as error:  # noqa: BLE001  told and dealt with by the parts
            log.error("subscription.round_failed", error=repr(error))
            goes_on = _parts(database, subscriptions)
        if not goes_on:
            return


def _round(tx: Tx, subscriptions: Sequence[Subscription]) -> bool:
    """Whether there is more to do afterwards."""
    while sequence_batch(tx) >= SEQUENCER_BATCH:
        pass
    for subscription in subscriptions:
        while _advance(tx, subscription, WINDOW) >= WINDOW:
            pass
    return tx.is_gathering


def _parts(database: Database, subscriptions: Sequence[Subscription]) -> bool:
    numbered = drain(database)
    for subscription in subscriptions:
        while advance(database, subscription):
            pass
    return numbered > 0


def _passes(fault: Fault) -> bool:
    return fault.retryable and fault.kind not in CONSTRAINTS


def _window(tx: Tx, subscription: Subscription, size: int) -> tuple[int, int] | None:
    locked = tx.row(Q.lock_subscription, {"name": subscription.name})
    if locked is None:  # another process is at it, or it is not registered
        return None
    head = tx.row(Q.read_head)
    assert head is not None
    after = int(locked[0])
    return (after, min(int(head[0]), after + size)) if head[0] > after else None


def _read(tx: Tx, subscription: Subscription, after: int, to: int) -> list[tuple[Any, ...]]:
    names = list(subscription.by_name())
    return tx.rows(Q.read_log, {"after": after, "to": to, "names": names})


def _advance(tx: Tx, subscription: Subscription, size: int) -> int:
    span = _window(tx, subscription, size)
    if span is None:
        return 0
    after, to = span
    parked = {row[0] for row in tx.rows(Q.parked_subjects, {"subscription": subscription.name})}
    rows = _read(tx, subscription, after, to)
    behind = [row for row in rows if row[1] in parked]
    facts = decode((row for row in rows if row[1] not in parked), subscription.by_name())
    if facts:
        subscription.handle(tx, facts)
        METRICS.facts_handled.labels(subscription=subscription.name).inc(len(facts))
    if behind:
        _park(tx, subscription, behind, "waits behind an earlier dead letter of its subject", 0)
    _move(tx, subscription, to, len(facts))
    return to - after


def _move(tx: Tx, subscription: Subscription, to: int, handled: int) -> None:
    tx.run(
        Q.move_subscription,
        {"name": subscription.name, "position": to, "handled": handled, "at": tx.now},
    )


def _park(
    tx: Tx,
    subscription: Subscription,
    rows: Sequence[tuple[Any, ...]],
    reason: str,
    attempts: int,
) -> None:
    tx.run(
        Q.park,
        {
            "subscription": subscription.name,
            "positions": [row[0] for row in rows],
            "subjects": [row[1] for row in rows],
            "names": [row[3] for row in rows],
            "reasons": [reason[:REASON_CHARACTERS_MAX]] * len(rows),
            "attempts": [attempts] * len(rows),
            "at": tx.now,
        },
    )


def _park_next(tx: Tx, subscription: Subscription) -> int:
    """Try the next fact alone; park it when it fails again."""
    span = _window(tx, subscription, 1)
    if span is None:
        return 0
    after, to = span
    rows = _read(tx, subscription, after, to)
    reason = _failure(tx, subscription, rows) if rows else None
    if reason is not None:
        log.error("subscription.parked", subscription=subscription.name, position=to, error=reason)
        _park(tx, subscription, rows, reason, 1)
    _move(tx, subscription, to, len(rows) if reason is None else 0)
    return to - after


def _failure(tx: Tx, subscription: Subscription, rows: Sequence[tuple[Any, ...]]) -> str | None:
    """Why handling these rows fails, or None when it works; leaves no effect of a failure."""
    try:
        with translated(), tx.savepoint():
            subscription.handle(tx, decode(rows, subscription.by_name()))
    except Fault as fault:
        if _passes(fault):
            raise
        return str(fault)
    except Exception as error:  # noqa: BLE001  recorded as the dead letter's reason
        return repr(error)
    return None


def retry_dead_letters(database: Database, subscription: Subscription, subject: str) -> int:
    """Handle what was parked for one subject, in order; gives how many went through.

    Stops at the first that fails again; its count of attempts is raised.
    """
    return database.run(lambda tx: _retry(tx, subscription, subject))


def _retry(tx: Tx, subscription: Subscription, subject: str) -> int:
    key = {"subscription": subscription.name, "subject": subject}
    locked = tx.row(Q.lock_subscription, {"name": subscription.name})
    if locked is None:
        raise Conflict(f"subscription {subscription.name} is at work elsewhere", kind="busy")
    done: list[int] = []
    for row in tx.rows(Q.take_dead_letters, key):
        reason = _failure(tx, subscription, [row])
        if reason is not None:
            _park(tx, subscription, [row], reason, 1)
            break
        done.append(row[0])
    if done:
        tx.run(Q.remove_dead_letters, {**key, "positions": done})
        _move(tx, subscription, int(locked[0]), len(done))
    return len(done)


def dead_letters(tx: Tx, limit: int = 1_000) -> list[DeadLetter]:
    """Parked facts, by subscription and position."""
    return [DeadLetter(*row) for row in tx.rows(Q.read_dead_letters, {"limit": limit})]


def progress(tx: Tx) -> list[Progress]:
    """Every subscription's cursor."""
    return [Progress(*row) for row in tx.rows(Q.read_subscriptions)]


def lags(tx: Tx) -> dict[str, int]:
    """How many positions each subscription is behind the head of the log."""
    row = tx.row(Q.read_head)
    assert row is not None
    return {p.name: int(row[0]) - p.position for p in progress(tx)}


def dead_letter_counts(tx: Tx) -> dict[str, int]:
    """Parked facts per subscription, zero included."""
    counts = {p.name: 0 for p in progress(tx)}
    return counts | {row[0]: row[1] for row in tx.rows(Q.count_dead_letters)}


def audit(tx: Tx, subscriptions: Sequence[Subscription], *, at_rest: bool = False) -> list[str]:
    """Whether every fact was numbered and handled once by each subscription, in order: findings.

    at_rest  nothing is at work: what is not handled yet is a finding too
    """
    findings = []
    last = head(tx)
    waiting, _ = outbox_age(tx)
    if at_rest and waiting:
        findings.append(f"facts: {waiting} are not numbered")
    for subscription in subscriptions:
        name = subscription.name
        names = sorted(subscription.by_name())
        row = tx.row(Q.count_of_subscription, {"name": name, "names": names})
        if row is None:
            if at_rest and last:
                findings.append(f"subscription {name}: has never begun")
            continue
        position, handled, parked, due = row
        if position > last:
            findings.append(f"subscription {name}: at {position}, beyond the head {last}")
        if handled + parked != due:
            findings.append(
                f"subscription {name}: has handled {handled} facts and parked {parked}, of {due} "
                f"up to position {position}"
            )
        if at_rest and position < last:
            findings.append(f"subscription {name}: at {position} of {last}")
        if parked:
            findings.append(
                f"subscription {name}: {parked} facts could not be handled; "
                "see `entrepot dead-letters`"
            )
    return findings


def rewind(tx: Tx, name: str, position: int, names: Sequence[str] = ()) -> bool:
    """Let a subscription handle the log again from after `position`. Its effects must allow it.

    names  of the facts it handles; not needed to begin anew at 0
    Dead letters after `position` are dropped: their facts come again in their turn. False when
    there is no such subscription or it has not come so far.
    Raises: Broken when facts after `position` are in the archive.
    """
    assert position == 0 or names, "what it has handled up to there is counted by these names"
    archived = archived_position(tx)
    if position < archived:
        raise Broken(
            f"subscription {name}: facts up to position {archived} are in the archive, and cannot "
            f"be handled again from {position}; expected a position from there on"
        )
    key = {"name": name, "position": position}
    values = {**key, "names": list(names), "at": tx.now}
    rewound = tx.count(Q.rewind_subscription, values) == 1
    if rewound:
        tx.run(Q.drop_dead_letters, key)
    return rewound


def archived_position(tx: Tx) -> int:
    """The last position whose fact is in the archive and not in the log; 0 = the log is whole."""
    row = tx.row(Q.archived_position)
    assert row is not None
    return int(row[0])


def still_needed(tx: Tx, until: int) -> str | None:
    """Who still needs a fact before position `until`, in words; None = nobody."""
    row = tx.row(Q.facts_still_needed, {"until": until})
    if row is None:
        return None
    name, position, subject = row
    if subject is None:
        return f"subscription {name} has come to position {position} only"
    return (
        f"subscription {name} could not handle position {position} of {subject}; "
        "see `entrepot dead-letters`"
    )


def carry_forward(tx: Tx, since: int | None, until: int) -> None:
    """Count the facts that leave the log by name, so that the audit's sums stay right.

    since, until  their positions: from the first (None = all) until before the second
    In the transaction that takes them away.
    """
    tx.run(Q.carry_facts, {"since": since, "until": until})
