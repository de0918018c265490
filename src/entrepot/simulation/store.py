"""The run's own tables: how far it has come, and what the world still has to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries
from entrepot.simulation.day_close import DayClose

Q = load_queries("entrepot.simulation")


class Run(NamedTuple):
    """A run: its window, its seed, and the virtual time up to which everything is done.

    state   running while orders come in, draining while what is on its way arrives, ended
    counts  what the world did, by name
    """

    run_id: str
    seed: int
    starts_at: datetime
    ends_at: datetime
    reached_at: datetime
    state: str
    counts: dict[str, int]


class Pending(NamedTuple):
    """Something that will happen at `due_at`; once per kind and key."""

    kind: str
    key: str
    due_at: datetime
    payload: Any


def start(tx: Tx, run_id: str, seed: int, starts_at: datetime, ends_at: datetime) -> Run:
    """The run of this id, begun if there is none."""
    tx.run(
        Q.start_run,
        {"run_id": run_id, "seed": seed, "starts_at": starts_at, "ends_at": ends_at},
    )
    found = read(tx, run_id)
    assert found is not None, "it was just written"
    return found


def read(tx: Tx, run_id: str) -> Run | None:
    """The run of this id; None when there is none."""
    row = tx.row(Q.read_run, {"run_id": run_id})
    if row is None:
        return None
    return Run(row[0], row[1], row[2], row[3], row[4], row[5], msgspec.json.decode(row[6]))


def move(tx: Tx, run: Run) -> None:
    """Keep how far the run has come."""
    tx.run(
        Q.move_run,
        {
            "run_id": run.run_id,
            "reached_at": run.reached_at,
            "state": run.state,
            "counts": msgspec.json.encode(run.counts, order="sorted").decode(),
        },
    )


def add_days(tx: Tx, run_id: str, days: Sequence[DayClose]) -> None:
    """Keep how days ended."""
    if days:
        tx.run(
            Q.add_days,
            {
                "run_id": run_id,
                "days": [d.day for d in days],
                "closes": [msgspec.json.encode(d).decode() for d in days],
            },
        )


def days(tx: Tx, run_id: str) -> list[DayClose]:
    """How the days of a run ended, in order."""
    rows = tx.rows(Q.read_days, {"run_id": run_id})
    return [msgspec.json.decode(close, type=DayClose) for (close,) in rows]


def add(tx: Tx, pending: Sequence[Pending]) -> None:
    """Let things happen later."""
    if pending:
        tx.run(
            Q.add_pending,
            {
                "kinds": [p.kind for p in pending],
                "keys": [p.key for p in pending],
                "due": [p.due_at for p in pending],
                "payloads": [msgspec.json.encode(p.payload).decode() for p in pending],
            },
        )


def take(tx: Tx, at: datetime) -> list[Pending]:
    """Everything due by `at`, by kind, time and key; it is gone when the transaction commits."""
    rows = tx.rows(Q.take_pending, {"at": at})
    found = [Pending(r[0], r[1], r[2], msgspec.json.decode(r[3])) for r in rows]
    return sorted(found, key=lambda p: (p.kind, p.due_at, p.key))


def next_due(tx: Tx) -> datetime | None:
    """When the next thing happens; None when nothing is left."""
    row = tx.row(Q.next_pending)
    return row[0] if row else None
