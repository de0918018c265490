"""Facts: announced in the caller's transaction, numbered after commit, handled exactly once.

`announce` writes to the outbox. One sequencer moves committed rows to the log and numbers them
there, so a reader with a cursor can miss nothing (docs/decisions/0004: a cursor over the outbox
itself loses facts). Whoever announces holds the lock of the subject's row; facts of one subject
therefore keep their order. A subscription moves its cursor in the transaction of its effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from entrepot.ground.database import Database, Tx
from entrepot.ground.queries import load_queries
from entrepot.ground.telemetry import METRICS, current_traceparent
from entrepot.words.facts import Fact

Q = load_queries("entrepot.ground")
F = TypeVar("F", bound=Fact)

SEQUENCER_LOCK = 0x656E_7472_6570_0001
SEQUENCER_BATCH = 2_000
# Only the sequencer notifies: it takes a lock over the whole database.
WAKE = "NOTIFY entrepot_facts"
LISTEN = "LISTEN entrepot_facts"
UNLISTEN = "UNLISTEN entrepot_facts"


class Announcement(NamedTuple):
    """One fact about to be told.

    subject     what it is about, with its kind: `order/O-1`, `stock/MUG`; order holds within it
    command_id  the command that made it happen
    actor       the principal who gave that command
    caused_by   the fact this one reacts to
    at          when it happened; None = the transaction's instant
    """

    subject: str
    fact: Fact
    command_id: str
    actor: str
    caused_by: UUID | None = None
    at: datetime | None = None


class Recorded(NamedTuple, Generic[F]):
    """A fact as it stands in the log."""

    position: int
    subject: str
    fact_id: UUID
    fact: F
    occurred_at: datetime
    command_id: str
    caused_by: UUID | None
    actor: str
    traceparent: str | None


def announce(tx: Tx, announcements: Sequence[Announcement]) -> None:
    """Write facts to the outbox, in the given order, when the caller's transaction commits."""
    tx.gather(_write, announcements)


def _write(tx: Tx, announcements: Sequence[Announcement]) -> None:
    tx.run(
        Q.announce,
        {
            "subjects": [a.subject for a in announcements],
            "fact_ids": tx.new_ids(len(announcements)),
            "names": [a.fact.name() for a in announcements],
            "versions": [a.fact.version for a in announcements],
            "occurred_ats": [a.at or tx.now for a in announcements],
            "command_ids": [a.command_id for a in announcements],
            "caused_bys": [a.caused_by for a in announcements],
            "actors": [a.actor for a in announcements],
            "bodies": [msgspec.json.encode(a.fact).decode() for a in announcements],
            "traceparent": current_traceparent(),
        },
    )


def sequence_batch(tx: Tx, limit: int = SEQUENCER_BATCH) -> int:
    """Number up to `limit` committed facts; gives how many. Safe to run twice at once."""
    head = tx.row(Q.lock_head)
    assert head is not None, "events.head has its one row from the first migration"
    count = tx.count(Q.sequence_batch, {"limit": limit, "head": head[0]})
    if count:
        tx.run(Q.move_head, {"count": count})
        METRICS.facts_sequenced.inc(count)
    return count


def drain(database: Database, limit: int = SEQUENCER_BATCH) -> int:
    """Number everything that is committed now; gives how many facts were numbered."""
    total = 0
    while True:
        count = database.run(lambda tx: sequence_batch(tx, limit))
        total += count
        if count < limit:
            return total


def head(tx: Tx) -> int:
    """The last position given."""
    found = tx.row(Q.read_head)
    assert found is not None, "events.head has its one row from the first migration"
    return int(found[0])


def facts_of(tx: Tx, subject: str, limit: int = 1_000) -> list[tuple[int, str, datetime, str, str]]:
    """The story of one subject: (position, fact name, occurred at, actor, body as JSON)."""
    rows = tx.rows(Q.read_subject, {"subject": subject, "limit": limit})
    return [(r[0], r[3], r[5], r[8], r[10]) for r in rows]


def told(tx: Tx, name: str, subjects: Sequence[str]) -> dict[str, list[Any]]:
    """What facts of one name say about subjects, in their order: subject -> bodies."""
    found: dict[str, list[Any]] = {}
    for subject, body in tx.rows(Q.read_told, {"name": name, "subjects": list(subjects)}):
        found.setdefault(subject, []).append(msgspec.json.decode(body))
    return found


def outbox_age(tx: Tx) -> tuple[int, float]:
    """Facts waiting for a number, and the age of the oldest in seconds (0 when there is none)."""
    found = tx.row(Q.outbox_state)
    assert found is not None
    count, oldest = found
    return count, max(0.0, (tx.now - oldest).total_seconds()) if oldest else 0.0


Handler = Callable[[Tx, Sequence[Recorded[Fact]]], None]


class Subscription(NamedTuple):
    """Who wants which facts.

    name      identity of the cursor; never reused for another purpose
    facts     the classes it handles; others are passed over
    handle    called with a batch in log order, inside the transaction that moves the cursor
    """

    name: str
    facts: tuple[type[Fact], ...]
    handle: Handler

    def by_name(self) -> Mapping[str, type[Fact]]:
        """The classes by the name they have in the log."""
        return {fact.name(): fact for fact in self.facts}


def decode(
    rows: Iterable[tuple[Any, ...]], classes: Mapping[str, type[Fact]]
) -> list[Recorded[Fact]]:
    """Rows of the log as values.

    Raises: msgspec.ValidationError when a body does not fit its class.
    """
    return [
        Recorded(
            position=row[0],
            subject=row[1],
            fact_id=row[2],
            fact=msgspec.json.decode(row[10], type=classes[row[3]]),
            occurred_at=row[5],
            command_id=row[6],
            caused_by=row[7],
            actor=row[8],
            traceparent=row[9],
        )
        for row in rows
    ]
