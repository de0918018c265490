"""Idempotent commands: each has an id, and repeating it gives the first answer.

Who works under the command's lock calls `claim` first in a transaction (the lock order starts with
the command) and `answer` last. Who decides over what it read, and writes afterwards, calls `done`
before and `keep` as the first of its writes. A command whose transaction rolls back was never done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from entrepot.ground.database import Database, Tx
from entrepot.ground.queries import load_queries
from entrepot.ground.telemetry import METRICS
from entrepot.words.outcome import Conflict, Refusal, RefusalCode

Q = load_queries("entrepot.ground")

RETENTION_DAYS = 400
FORGET_BATCH = 10_000


class Command(NamedTuple):
    """A command's identity and what it asks, as canonical bytes."""

    command_id: str
    content: bytes


class Repeated(NamedTuple):
    """The command was done before; this was its answer."""

    answer: bytes


def scoped(actor: str, key: str) -> str:
    """The command id for a key chosen by a caller: two callers never meet in one key."""
    return f"{actor}:{key}"


def claim(tx: Tx, commands: Sequence[Command]) -> list[Repeated | Refusal | None]:
    """Claim commands; for each: None = go on, `Repeated` = its first answer, or a Refusal.

    The ids of a batch are distinct: callers fold equal commands before.
    Refuses: key_reused when the id was used with other content.
    Raises: Conflict when the first holder of the id is still at work and then gives it up.
    """
    if not commands:
        return []
    hashes = [_hash(c) for c in commands]
    ids = [c.command_id for c in commands]
    assert len(set(ids)) == len(ids), "equal command ids in one batch are folded by the caller"
    fresh = {
        row[0]
        for row in tx.rows(Q.claim_commands, {"command_ids": ids, "hashes": hashes, "at": tx.now})
    }
    known = _known(tx, [i for i in ids if i not in fresh])
    return [None if i in fresh else _earlier(i, h, known) for i, h in zip(ids, hashes, strict=True)]


def done(tx: Tx, commands: Sequence[Command]) -> list[Repeated | Refusal | None]:
    """Which commands were done before; for each: None = not yet, its first answer, or a Refusal.

    Refuses: key_reused when the id was used with other content.
    """
    known = _known(tx, [c.command_id for c in commands])
    return [
        _earlier(c.command_id, _hash(c), known) if c.command_id in known else None for c in commands
    ]


def keep(tx: Tx, answered: Sequence[tuple[Command, bytes]]) -> None:
    """Store commands and what they answered.

    The ids of a batch are distinct. Raises: Conflict when one was done meanwhile.
    """
    if answered:
        tx.guard(
            Q.keep_commands,
            {
                "command_ids": [command.command_id for command, _ in answered],
                "hashes": [_hash(command) for command, _ in answered],
                "answers": [answer for _, answer in answered],
                "at": tx.now,
            },
            len(answered),
            "a command was done meanwhile",
        )


def _hash(command: Command) -> bytes:
    return hashlib.sha256(command.content).digest()


def _known(tx: Tx, ids: Sequence[str]) -> Mapping[str, tuple[bytes, bytes | None]]:
    if not ids:
        return {}
    rows = tx.rows(Q.read_commands, {"command_ids": list(ids)})
    return {row[0]: (row[1], row[2]) for row in rows}


def _earlier(
    command_id: str, content_hash: bytes, known: Mapping[str, tuple[bytes, bytes | None]]
) -> Repeated | Refusal:
    if command_id not in known:
        raise Conflict(f"command {command_id} was given up while being waited for", kind="command")
    first_hash, answer = known[command_id]
    if first_hash != content_hash:
        return reused()
    assert answer is not None, f"command {command_id} is committed without an answer"
    METRICS.command_replays.inc()
    return Repeated(answer)


def reused() -> Refusal:
    """The refusal of a key that means another command already."""
    return Refusal(
        code=RefusalCode.key_reused,
        message=(
            "this key was used before with other content, and nothing was changed; "
            "expected a new key, or the same content as the first time"
        ),
        field="command_id",
    )


def answer(tx: Tx, answers: Mapping[str, bytes]) -> None:
    """Store what each claimed command answered."""
    if answers:
        ids = sorted(answers)
        count = tx.count(
            Q.answer_commands, {"command_ids": ids, "answers": [answers[i] for i in ids]}
        )
        assert count == len(ids), "only claimed commands are answered"


def read_answer(tx: Tx, command_id: str) -> bytes | None:
    """What a command answered; None when there is no such command."""
    known = _known(tx, [command_id])
    return known[command_id][1] if command_id in known else None


def forget(database: Database) -> int:
    """Remove commands older than the retention, in small batches; gives how many."""
    total = 0
    while True:
        count = database.run(
            lambda tx: tx.count(
                Q.forget_commands,
                {"before": tx.now - timedelta(days=RETENTION_DAYS), "limit": FORGET_BATCH},
            )
        )
        total += count
        if count < FORGET_BATCH:
            return total
