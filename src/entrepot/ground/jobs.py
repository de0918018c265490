"""Deferred and periodic work, a queue in PostgreSQL.

A job is done in the transaction that removes it, so its effects happen exactly once; a process
that dies gives its job back at once, because the row's lock dies with its connection. Work is
taken with SKIP LOCKED: any number of workers never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Connection

from entrepot.ground.database import ATTEMPTS_DEFAULT, Database, Tx, translated
from entrepot.ground.queries import load_queries
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Conflict

Q = load_queries("entrepot.ground")

ATTEMPTS_MAX = 8
RETRY_FIRST_S = 2
RETRY_MAX_S = 3_600
ERROR_CHARACTERS_MAX = 2_000
TIMETABLE_LOCKS = 0x656E_7472

log = get_logger(__name__)


class Job(NamedTuple):
    """Work to be done once, not before `run_at` (None = as soon as possible)."""

    kind: str
    arguments: Mapping[str, Any]
    run_at: datetime | None = None


JobHandler = Callable[[Tx, Mapping[str, Any]], None]


class Periodic(NamedTuple):
    """Work done again and again, `every_s` seconds after it was due; missed times are not made up.

    run  called with the database, outside a transaction; must be safe to repeat
    """

    name: str
    every_s: int
    run: Callable[[Database], None]


class JobState(NamedTuple):
    """A job as it stands in the queue."""

    job_id: UUID
    kind: str
    run_at: datetime
    attempts: int
    state: str
    error: str | None


def enqueue(tx: Tx, jobs: Sequence[Job]) -> list[UUID]:
    """Add jobs in the caller's transaction; gives their ids in order."""
    if not jobs:
        return []
    ids = tx.new_ids(len(jobs))
    tx.run(
        Q.enqueue_jobs,
        {
            "job_ids": ids,
            "kinds": [job.kind for job in jobs],
            "arguments": [msgspec.json.encode(job.arguments).decode() for job in jobs],
            "run_ats": [job.run_at or tx.now for job in jobs],
            "at": tx.now,
        },
    )
    return ids


def work_one(database: Database, handlers: Mapping[str, JobHandler]) -> bool:
    """Do the oldest job that is due; gives whether there was one.

    A job that fails is put off with growing pauses and is dead after `ATTEMPTS_MAX` attempts;
    dead jobs stay visible until someone revives them.
    Raises: Unavailable when the database is away; the job is still there.
    """
    tries = count(1)
    ended = database.run(lambda tx: _do(tx, handlers, last=next(tries) == ATTEMPTS_DEFAULT))
    if ended is None:
        return False
    kind, outcome = ended
    METRICS.jobs_done.labels(kind=kind, outcome=outcome).inc()
    return True


def _do(tx: Tx, handlers: Mapping[str, JobHandler], *, last: bool) -> tuple[str, str] | None:
    """The kind of the job that was taken and how it ended; None when none is due.

    A failure is undone alone, so that the job stays locked until it is put off.
    """
    row = tx.row(Q.take_job, {"kinds": sorted(handlers), "at": tx.now})
    if row is None:
        return None
    job_id, kind, arguments, attempts = row
    try:
        with translated(), tx.savepoint():
            handlers[kind](tx, msgspec.json.decode(arguments))
    except Exception as error:  # told in the queue, where the job waits for its next attempt
        if isinstance(error, Conflict) and not last:
            raise
        return kind, _postpone(tx, job_id, kind, attempts, error)
    tx.run(Q.remove_job, {"job_id": job_id})
    return kind, "done"


def _postpone(tx: Tx, job_id: UUID, kind: str, attempts: int, error: Exception) -> str:
    dead = attempts + 1 >= ATTEMPTS_MAX
    pause_s = min(RETRY_FIRST_S * 2**attempts, RETRY_MAX_S)
    log.error("job.failed", kind=kind, job_id=str(job_id), dead=dead, error=repr(error))
    tx.run(
        Q.postpone_job,
        {
            "job_id": job_id,
            "run_at": tx.now + timedelta(seconds=pause_s),
            "error": repr(error)[:ERROR_CHARACTERS_MAX],
            "state": "dead" if dead else "waiting",
        },
    )
    return "dead" if dead else "failed"


def revive(tx: Tx, job_id: UUID) -> bool:
    """Give a dead job new attempts; False when there is no such dead job."""
    return tx.count(Q.revive_job, {"job_id": job_id, "at": tx.now}) == 1


def waiting(tx: Tx, limit: int = 1_000) -> list[JobState]:
    """The queue, what is due first at the front."""
    return [JobState(*row) for row in tx.rows(Q.read_jobs, {"limit": limit})]


def register_timetable(tx: Tx, timetable: Sequence[Periodic]) -> None:
    """Make sure each periodic work has a row; a new one is due at once."""
    tx.run(Q.register_timetable, {"names": [p.name for p in timetable], "at": tx.now})


def work_due(database: Database, timetable: Sequence[Periodic]) -> bool:
    """Do one periodic work that is due; gives whether there was one.

    A lock of the session keeps other workers away while the work runs and goes with the
    connection when the worker dies. No transaction stays open: the work may take its time.
    """
    by_name = {periodic.name: periodic for periodic in timetable}
    due = {"at": database.clock.now(), "names": sorted(by_name)}
    with database.session() as session:
        for (name,) in session.execute(Q.read_due, due).fetchall():
            with _alone(session, name) as alone:
                # Another worker may have done it between the reading and the lock.
                if alone and session.execute(Q.read_due, {**due, "names": [name]}).fetchone():
                    _do_due(database, session, by_name[name])
                    return True
    return False


@contextmanager
def _alone(session: Connection[tuple[Any, ...]], name: str) -> Iterator[bool]:
    key = {"space": TIMETABLE_LOCKS, "name": name}
    row = session.execute(Q.lock_periodic, key).fetchone()
    alone = bool(row and row[0])
    try:
        yield alone
    finally:
        if alone:
            session.execute(Q.unlock_periodic, key)


def _do_due(database: Database, session: Connection[tuple[Any, ...]], periodic: Periodic) -> None:
    started_at = database.clock.now()
    error = _run(database, periodic)
    session.execute(
        Q.end_due,
        {
            "name": periodic.name,
            "next_at": started_at + timedelta(seconds=periodic.every_s),
            "started_at": started_at,
            "ended_at": database.clock.now(),
            "error": error,
        },
    )


def _run(database: Database, periodic: Periodic) -> str | None:
    try:
        periodic.run(database)
    except Exception as error:  # noqa: BLE001  shown in the timetable; tried again when due
        log.error("timetable.failed", name=periodic.name, error=repr(error))
        METRICS.jobs_done.labels(kind=periodic.name, outcome="failed").inc()
        return repr(error)[:ERROR_CHARACTERS_MAX]
    METRICS.jobs_done.labels(kind=periodic.name, outcome="done").inc()
    return None


def next_due(tx: Tx) -> datetime | None:
    """When the next job or periodic work is due; None when nothing waits."""
    row = tx.row(Q.next_due)
    return row[0] if row else None
