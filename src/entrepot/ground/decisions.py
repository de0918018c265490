"""The log of automatic decisions: what was known, what was possible, what was chosen, and why.

A room decides in a pure function and gives canonical bytes of its inputs and of its outcome;
`replay` recomputes the outcome from the inputs and compares byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.ground")

PAGE = 500


class Decision(NamedTuple):
    """One decision about to be recorded.

    subject  what it is about: `order/O-1`
    kind     which pure function decided; names the entry in the table of replays
    inputs   everything that function needs, canonical
    outcome  what it gave, canonical; holds the candidates with their costs and the choice
    reason   in words, for people
    """

    subject: str
    kind: str
    policy: str
    policy_version: int
    inputs: bytes
    outcome: bytes
    reason: str


class RecordedDecision(NamedTuple):
    """A decision as it stands in the log."""

    subject: str
    decision_id: UUID
    kind: str
    policy: str
    policy_version: int
    at: datetime
    inputs: bytes
    inputs_hash: bytes
    outcome: bytes
    reason: str


class Difference(NamedTuple):
    """A recorded decision that does not come out the same again, and how."""

    decision: RecordedDecision
    found: str


Replay = Callable[[bytes], bytes]


def record(tx: Tx, decisions: Sequence[Decision]) -> None:
    """Keep decisions, in the transaction of their effects."""
    if not decisions:
        return
    tx.run(
        Q.record_decisions,
        {
            "subjects": [d.subject for d in decisions],
            "decision_ids": tx.new_ids(len(decisions)),
            "kinds": [d.kind for d in decisions],
            "policies": [d.policy for d in decisions],
            "versions": [d.policy_version for d in decisions],
            "ats": [tx.now] * len(decisions),
            "inputs": [d.inputs for d in decisions],
            "hashes": [hashlib.sha256(d.inputs).digest() for d in decisions],
            "outcomes": [d.outcome for d in decisions],
            "reasons": [d.reason for d in decisions],
        },
    )


def decisions_of(tx: Tx, subject: str) -> list[RecordedDecision]:
    """What was decided about one subject, oldest first."""
    return [RecordedDecision(*row) for row in tx.rows(Q.read_decisions, {"subject": subject})]


def decisions_since(tx: Tx, since: datetime) -> Iterator[RecordedDecision]:
    """Every decision from `since` on, oldest first, read page by page."""
    at, subject, decision_id = since, "", UUID(int=0)
    while True:
        rows = tx.rows(
            Q.decisions_since,
            {
                "since": since,
                "after_at": at,
                "after_subject": subject,
                "after_id": decision_id,
                "limit": PAGE,
            },
        )
        page = [RecordedDecision(*row) for row in rows]
        yield from page
        if len(page) < PAGE:
            return
        at, subject, decision_id = page[-1].at, page[-1].subject, page[-1].decision_id


def replay(decision: RecordedDecision, replays: Mapping[str, Replay]) -> Difference | None:
    """Decide again from the recorded inputs; None when every byte is the same."""
    if hashlib.sha256(decision.inputs).digest() != decision.inputs_hash:
        return Difference(decision, "the recorded inputs do not fit their hash")
    if decision.kind not in replays:
        return Difference(decision, f"no function decides {decision.kind} any more")
    try:
        again = replays[decision.kind](decision.inputs)
    except Exception as error:  # noqa: BLE001  what today's function cannot read is a difference
        return Difference(decision, f"it cannot be decided again: {error!r}")
    if again != decision.outcome:
        return Difference(decision, "the same inputs give another outcome now")
    return None
