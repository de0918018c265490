"""Processes under supervision: started, watched, started again, ended with their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import psutil

from entrepot.doors.runfile import RunningChild
from entrepot.ground.clock import Clock
from entrepot.ground.cluster_watch import Backoff
from entrepot.ground.processes import Identity, end_with, identity
from entrepot.ground.settings import child_environment
from entrepot.ground.telemetry import get_logger

READY_S = 60.0
SETTLED_S = 0.5
FAILING_AFTER = 4

log = get_logger(__name__)


class ChildPlan(NamedTuple):
    """One row of the table of processes.

    name      unique in the table; shown by `status`
    port      ready once it, or a process it started, listens there; None = once it has lived for
              half a second
    niceness  0 = as important as the supervisor, 19 = least
    is_last   ended after PostgreSQL, whose last words it takes
    """

    name: str
    command: Sequence[str]
    port: int | None = None
    niceness: int = 0
    is_last: bool = False


class Child:
    """One supervised process through all its lives."""

    def __init__(self, plan: ChildPlan, environment: Mapping[str, str], clock: Clock) -> None:
        self.plan = plan
        self._environment = environment
        self._clock = clock
        self._backoff = Backoff(clock)
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._started_at: datetime | None = None
        self._born_at = 0.0
        self.is_ready = False
        self.was_ever_ready = False
        self.starts = 0
        self.last_end = "it has not ended yet"
        self.family: set[int] = set()

    @property
    def pid(self) -> int | None:
        """Its process id; None between two lives."""
        return self._process.pid if self._process is not None else None

    @property
    def failures(self) -> int:
        """How often it ended, or never became ready, without a steady stretch between."""
        return self._backoff.failures

    @property
    def is_failing(self) -> bool:
        """Whether it does so again and again."""
        return self.failures >= FAILING_AFTER

    def start(self) -> None:
        """A new life; when the command cannot be started, that counts as an end."""
        assert self._process is None, f"{self.plan.name} runs already"
        self.starts += 1
        try:
            self._process = self._spawned()
        except OSError as error:
            self._note_end(f"{self.plan.command[0]} cannot be started: {error.strerror}")
            return
        self._identity = identity(self._process.pid)
        self._started_at = self._clock.now()
        self._born_at = self._clock.monotonic()
        self.is_ready = False
        self.family = {self._process.pid}
        log.info("child.started", child=self.plan.name, pid=self._process.pid)

    def _spawned(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(self.plan.command),
            stdin=subprocess.DEVNULL,
            env=child_environment(self._environment),
            # A session of its own: Ctrl-C at the terminal is for the supervisor, and whatever the
            # child starts can be ended with it.
            start_new_session=True,
            # Safe here: the supervisor has one thread.
            preexec_fn=_before_exec(os.getpid(), self.plan.niceness),
        )

    def tick(self) -> bool:
        """One look: notice readiness, an end, or too long a start; gives whether anything changed.

        Starts it again when it ended and its pause is over.
        """
        if self._process is None:
            if not self._backoff.is_due:
                return False
            self.start()
            return True
        if identity(self._process.pid) is None:
            self._ended()
            return True
        if self.is_ready:
            return False
        if self._looks_ready():
            self.is_ready = self.was_ever_ready = True
            log.info("child.ready", child=self.plan.name, pid=self._process.pid)
            return True
        if self._clock.monotonic() - self._born_at > READY_S:
            self.end_now()
            self._ended(f"not ready after {READY_S:.0f} s")
            return True
        return False

    def ask_to_end(self) -> None:
        """Let it finish what it is doing."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    def end_now(self) -> None:
        """End it and every process of its session."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether its process is gone; its exit status is then taken."""
        if self._process is not None and identity(self._process.pid) is None:
            pid = self._process.pid
            log.info("child.stopped", child=self.plan.name, pid=pid, how=_ending(self._reap()))
        return self._process is None

    def described(self) -> RunningChild:
        """For the run file."""
        state = "ready" if self.is_ready else "starting"
        if self.is_failing and not self.is_ready:
            state = "failing"
        elif self._process is None:
            state = "waiting"
        restarts = max(0, self.starts - 1)
        return RunningChild(self.plan.name, state, restarts, self._identity, self._started_at)

    def _looks_ready(self) -> bool:
        assert self._process is not None
        if self.plan.port is None:
            return self._clock.monotonic() - self._born_at >= SETTLED_S
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            parent = psutil.Process(self._process.pid)
            family = [parent, *parent.children(recursive=True)]
            self.family = {process.pid for process in family}
            return any(_listens(process, self.plan.port) for process in family)
        return False

    def _ended(self, why: str | None = None) -> None:
        code = self._reap()
        self._note_end(why or _ending(code))

    def _note_end(self, why: str) -> None:
        self.last_end = why
        self._backoff.failed()
        log.error(
            "child.ended",
            child=self.plan.name,
            why=self.last_end,
            failures=self.failures,
            again_in_s=self._backoff.pause_s,
        )
        if self.is_failing:
            log.error("child.failing", child=self.plan.name, advice=self.failing_message())

    def failing_message(self) -> str:
        """What to tell a person about a child that ends again and again."""
        return (
            f"{self.plan.name} ended {self.failures} times soon after its start; last: "
            f"{self.last_end}. Its own words are in the output above; to see them alone, run: "
            f"{' '.join(self.plan.command)}"
        )

    def _reap(self) -> int:
        assert self._process is not None
        # Before its exit status is taken, its number cannot be another's: end what it left behind.
        self.end_now()
        code = self._process.wait()
        self._process = None
        self._identity = None
        self.is_ready = False
        return code


def _before_exec(supervisor: int, niceness: int) -> Callable[[], None]:
    def run() -> None:
        if not end_with(supervisor):
            os._exit(1)
        if niceness:
            os.nice(niceness)

    return run


def _listens(process: psutil.Process, port: int) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return any(
            c.status == psutil.CONN_LISTEN and c.laddr.port == port
            for c in process.net_connections(kind="tcp")
        )
    return False


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
