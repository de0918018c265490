"""Keeping PostgreSQL up: notices its death, makes room, starts it again, ever more patiently."""

from __future__ import annotations

from collections.abc import Callable

from entrepot.ground.clock import Clock
from entrepot.ground.cluster import Cluster, Running
from entrepot.ground.disk import DiskGuard, prune_logs
from entrepot.ground.processes import identity
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Fault

PAUSE_FIRST_S = 1.0
PAUSE_MAX_S = 30.0
STEADY_S = 60.0
CHORES_EVERY_S = 5.0
LOGS_KEEP_MIB = 500

log = get_logger(__name__)


class Backoff:
    """When to try again after a failure: at once, then after pauses that double.

    A stretch of `STEADY_S` without a failure makes it forget.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed_at: float | None = None
        self.failures = 0

    def failed(self) -> None:
        """Note a failure, now."""
        now = self._clock.monotonic()
        if self._failed_at is not None and now - self._failed_at > self.pause_s + STEADY_S:
            self.failures = 0
        self.failures += 1
        self._failed_at = now

    @property
    def pause_s(self) -> float:
        """Seconds to wait after the last failure."""
        if self.failures <= 1:
            return 0.0
        return min(PAUSE_FIRST_S * 2.0 ** (self.failures - 2), PAUSE_MAX_S)

    @property
    def is_due(self) -> bool:
        """Whether the pause is over."""
        return self._failed_at is None or self._clock.monotonic() >= self._failed_at + self.pause_s


class Watch:
    """Looks after a cluster that was started; `tick` is called every fraction of a second."""

    def __init__(self, cluster: Cluster, guard: DiskGuard, clock: Clock) -> None:
        self._cluster = cluster
        self._guard = guard
        self._clock = clock
        self._backoff = Backoff(clock)
        self._chores_at: float | None = None
        self.running: Running | None = None
        self.restarts = 0
        self.trouble: str | None = None

    def start(self, keep_waiting: Callable[[], bool] | None = None) -> Running:
        """The first start.

        Raises: Fault as `Cluster.ensure_started`.
        """
        self.running = self._cluster.ensure_started(keep_waiting)
        return self.running

    def tick(self, keep_waiting: Callable[[], bool] | None = None) -> None:
        """One look: disk and old logs now and then, the server every time.

        A start that fails leaves its reason in `trouble` and is tried again after a pause.
        """
        now = self._clock.monotonic()
        if self._chores_at is None or now >= self._chores_at:
            self._chores_at = now + CHORES_EVERY_S
            self._guard.check()
            self._prune()
        if self.running is not None and identity(self.running.pid) is None:
            log.error("cluster.died", pid=self.running.pid)
            self.running = None
            self._backoff.failed()
            self._guard.check()  # a full disk is the likely cause: make room before the start
        if self.running is None and self._backoff.is_due:
            self._restart(keep_waiting)

    def _prune(self) -> None:
        try:
            prune_logs(self._cluster.settings.logs, LOGS_KEEP_MIB)
        except OSError as error:
            log.warning("cluster.logs_not_pruned", reason=str(error))

    def _restart(self, keep_waiting: Callable[[], bool] | None) -> None:
        try:
            self.running = self._cluster.ensure_started(keep_waiting)
        except Fault as fault:
            self._backoff.failed()
            self.trouble = str(fault)
            log.error(
                "cluster.start_failed",
                reason=self.trouble,
                failures=self._backoff.failures,
                again_in_s=self._backoff.pause_s,
            )
        else:
            self.restarts += 1
            self.trouble = None
            log.warning("cluster.restarted", pid=self.running.pid, restarts=self.restarts)
