"""The worker: numbers facts, runs subscriptions, jobs and the timetable, until told to stop.

Any number of workers may run; one of them sequences at a time (advisory lock), each subscription
is at work in one of them (its cursor row), and each job or due work is taken by one (skip locked).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from entrepot.ground import jobs, subscriptions
from entrepot.ground.database import Database
from entrepot.ground.events import (
    LISTEN,
    SEQUENCER_LOCK,
    UNLISTEN,
    WAKE,
    Subscription,
    drain,
    outbox_age,
)
from entrepot.ground.jobs import JobHandler, Periodic
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Fault

IDLE_FIRST_S = 0.005
IDLE_MAX_S = 0.1
LISTEN_S = 0.5
SLOW_S = 5.0
LEADER_RETRY_S = 1.0
GAUGES_EVERY_S = 5.0
FAULT_PAUSE_S = 1.0

log = get_logger(__name__)


class Worker:
    """The threads of one worker process.

    subscriptions  the table of reactions
    handlers       jobs by kind
    timetable      periodic work
    slow           periodic work that may take minutes: it has a thread of its own
    """

    def __init__(
        self,
        database: Database,
        *,
        subscriptions: Sequence[Subscription],
        handlers: dict[str, JobHandler],
        timetable: Sequence[Periodic],
        slow: Sequence[Periodic] = (),
    ) -> None:
        self._database = database
        self._subscriptions = subscriptions
        self._handlers = handlers
        self._timetable = timetable
        self._slow = slow
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Register cursors and timetable, then start the threads."""
        self._database.run(lambda tx: subscriptions.register(tx, self._subscriptions))
        self._database.run(lambda tx: jobs.register_timetable(tx, [*self._timetable, *self._slow]))
        loops: list[tuple[str, Callable[[], None]]] = [
            ("sequencer", self._sequence),
            ("subscriptions", self._subscribe),
            ("jobs", self._work),
            ("slow", self._work_slowly),
            ("gauges", self._measure),
        ]
        for name, loop in loops:
            # What is slow is not waited for at the end: it can be killed at any point.
            is_slow = name == "slow"
            thread = threading.Thread(
                target=self._guarded, args=(name, loop), name=name, daemon=is_slow
            )
            thread.start()
            if not is_slow:
                self._threads.append(thread)

    def ask_to_stop(self) -> None:
        """Let the threads end; safe to call from a signal handler."""
        self._stop.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let each thread end its present transaction, then end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout_s)

    def wait(self) -> None:
        """Until `stop` is called."""
        self._stop.wait()

    def _guarded(self, name: str, loop: Callable[[], None]) -> None:
        """Run a loop again after a fault: a database that is away comes back."""
        while not self._stop.is_set():
            try:
                loop()
            except Fault as fault:
                log.warning("worker.fault", loop=name, error=str(fault))
            except Exception as error:  # the other loops go on; this one is tried again, and loud
                log.exception("worker.bug", loop=name, error=repr(error))
            self._stop.wait(FAULT_PAUSE_S)

    def _sequence(self) -> None:
        """As leader, number facts as they come; else wait for the leader to go."""
        with self._database.session() as connection:
            if not _lead(connection):
                self._stop.wait(LEADER_RETRY_S)
                return
            try:
                idle = IDLE_FIRST_S
                while not self._stop.is_set():
                    if drain(self._database):
                        connection.execute(WAKE)
                        idle = IDLE_FIRST_S
                    else:
                        # Also proves that the lock's connection is still there.
                        connection.execute("SELECT 1")
                        self._stop.wait(idle)
                        idle = min(idle * 2, IDLE_MAX_S)
            finally:
                if not connection.closed:
                    connection.execute("SELECT pg_advisory_unlock(%s)", (SEQUENCER_LOCK,))

    def _subscribe(self) -> None:
        with self._database.session() as connection:
            connection.execute(LISTEN)
            try:
                while not self._stop.is_set():
                    moved = [subscriptions.advance(self._database, s) for s in self._subscriptions]
                    if not any(moved):
                        for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                            pass
            finally:
                if not connection.closed:
                    connection.execute(UNLISTEN)

    def _work(self) -> None:
        idle = IDLE_FIRST_S
        while not self._stop.is_set():
            busy = jobs.work_one(self._database, self._handlers) if self._handlers else False
            busy = jobs.work_due(self._database, self._timetable) or busy
            idle = IDLE_FIRST_S if busy else min(idle * 2, LISTEN_S)
            if not busy:
                self._stop.wait(idle)

    def _work_slowly(self) -> None:
        while not self._stop.is_set():
            if not jobs.work_due(self._database, self._slow):
                self._stop.wait(SLOW_S)

    def _measure(self) -> None:
        while not self._stop.is_set():
            with self._database.transaction(read_only=True) as tx:
                _, age_s = outbox_age(tx)
                METRICS.outbox_oldest_seconds.set(age_s)
                for name, lag in subscriptions.lags(tx).items():
                    METRICS.subscription_lag.labels(subscription=name).set(lag)
                for name, count in subscriptions.dead_letter_counts(tx).items():
                    METRICS.dead_letters.labels(subscription=name).set(count)
            for state, count in self._database.pool_state().items():
                METRICS.pool_connections.labels(state=state).set(count)
            self._stop.wait(GAUGES_EVERY_S)


def _lead(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (SEQUENCER_LOCK,)).fetchone()
    return bool(row and row[0])
