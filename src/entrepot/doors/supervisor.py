"""One command, several processes: PostgreSQL, the doors, the worker; kept up, and ended in order.

The supervisor has one thread and looks at everything several times a second. When it is killed,
doors and worker end with it, PostgreSQL goes on, and the next supervisor takes it over.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from entrepot.doors.children import Child, ChildPlan
from entrepot.doors.ports import require_free
from entrepot.doors.runfile import (
    RunFile,
    only_one,
    read_run_file,
    remove_run_file,
    write_run_file,
)
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster import Cluster, database_url
from entrepot.ground.cluster_watch import Watch
from entrepot.ground.disk import DiskGuard
from entrepot.ground.processes import identity, is_alive, reap_strays
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import forget_process, get_logger, share_metrics
from entrepot.words.outcome import Broken, Unavailable

LOOK_EVERY_S = 0.1
CHILDREN_STOP_S = 20.0
LEFT_BEHIND_STOP_S = 3.0
FIRST_FAILURES_MAX = 3
STRAYS_EVERY_S = 5.0

Prepare = Callable[[Settings, str], None]

log = get_logger(__name__)


class Supervisor:
    """Runs one installation.

    plans     the processes, started in this order
    prepare   called with the settings and the database's address before they start
    on_ready  called once, when all are ready
    """

    def __init__(
        self,
        settings: Settings,
        plans: Sequence[ChildPlan],
        *,
        prepare: Prepare | None = None,
        on_ready: Callable[[], None] | None = None,
        clock: Clock | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self._settings = settings
        self._plans = plans
        self._prepare = prepare
        self._on_ready = on_ready
        self._clock = clock or SystemClock()
        self._signals = 0
        self._metrics = settings.run / "metrics"
        self._children: list[Child] = []
        self._started_at = self._clock.now()
        self._state = "starting"
        self._strays_at = 0.0
        self._watch: Watch | None = None
        self._cluster = cluster or Cluster(settings, clock=self._clock)
        self._disk = DiskGuard(settings)

    def run(self) -> None:
        """Start everything, keep it up until SIGTERM or SIGINT, and end it in order.

        A second signal ends the children without waiting for what they are doing.
        Raises: Broken or Unavailable when it cannot start; what had started is ended before.
        """
        with self._signals_counted(), only_one(self._settings):
            self._end_left_behind()
            for port in sorted({plan.port for plan in self._plans if plan.port is not None}):
                require_free(self._settings.host, port)
            try:
                self._start()
                while not self._signals:
                    self._look()
                    self._clock.sleep(LOOK_EVERY_S)
            finally:
                self._end()

    @contextmanager
    def _signals_counted(self) -> Iterator[None]:
        def count(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1

        # A terminal that closes (SIGHUP) ends the house as politely as Ctrl-C does.
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, count) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end_left_behind(self) -> None:
        """Children of a supervisor that was killed, if any did not heed the kernel."""
        known = read_run_file(self._settings)
        if known is None:
            return
        log.warning("supervisor.run_file_stale", supervisor=known.supervisor.pid)
        left = [child.process for child in known.children if child.process is not None]
        for process in filter(is_alive, left):
            os.kill(process.pid, signal.SIGTERM)
        if not self._until(lambda: not any(map(is_alive, left)), LEFT_BEHIND_STOP_S):
            for process in filter(is_alive, left):
                log.warning("supervisor.left_behind_killed", pid=process.pid)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            self._until(lambda: not any(map(is_alive, left)), LEFT_BEHIND_STOP_S)
        remove_run_file(self._settings)

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while not condition():
            if self._clock.monotonic() >= deadline:
                return False
            self._clock.sleep(LOOK_EVERY_S)
        return True

    def _start(self) -> None:
        self._write("starting")
        self._disk.check()
        if self._settings.is_embedded:
            self._watch = Watch(self._cluster, self._disk, self._clock)
            self._watch.start(lambda: not self._signals)
        if self._prepare is not None:
            self._prepare(self._settings, database_url(self._settings))
        environment = share_metrics(self._metrics)
        self._children = [Child(plan, environment, self._clock) for plan in self._plans]
        for child in self._children:
            child.start()
        while not self._signals and not all(child.is_ready for child in self._children):
            self._look()
            failed = [
                child
                for child in self._children
                if not child.was_ever_ready and child.failures >= FIRST_FAILURES_MAX
            ]
            if failed:
                raise Broken(failed[0].failing_message())
            self._clock.sleep(LOOK_EVERY_S)
        if not self._signals:
            self._write("ready")
            log.info("supervisor.ready", host=self._settings.host, port=self._settings.port)
            if self._on_ready is not None:
                self._on_ready()

    def _look(self) -> None:
        if self._watch is not None:
            self._watch.tick(lambda: not self._signals)
        else:
            self._disk.check()
        changed = False
        for child in self._children:
            family = child.family
            if child.tick():
                changed = True
                if child.pid is None:
                    for pid in family:
                        forget_process(self._metrics, pid)
        now = self._clock.monotonic()
        if now >= self._strays_at:
            self._strays_at = now + STRAYS_EVERY_S
            reap_strays(self._waited_for())
        if changed:
            self._write(self._state)

    def _waited_for(self) -> set[int]:
        known = {child.pid for child in self._children if child.pid is not None}
        if self._watch is not None and self._watch.running is not None:
            known.add(self._watch.running.pid)
        return known

    def _end(self) -> None:
        self._write("stopping")
        log.info("supervisor.ending", signals=self._signals)
        self._end_children([child for child in self._children if not child.plan.is_last])
        if self._watch is not None:
            self._end_postgres()
        self._end_children([child for child in self._children if child.plan.is_last])
        remove_run_file(self._settings)
        log.info("supervisor.ended")

    def _end_children(self, children: Sequence[Child]) -> None:
        def all_ended() -> bool:
            ended = [child.has_ended() for child in children]
            return all(ended)

        for child in children:
            child.ask_to_end()
        self._until(lambda: all_ended() or self._signals > 1, CHILDREN_STOP_S)
        for child in children:
            if child.pid is not None:
                log.warning("child.killed", child=child.plan.name, pid=child.pid)
                child.end_now()
        self._until(all_ended, LEFT_BEHIND_STOP_S)

    def _end_postgres(self) -> None:
        try:
            self._cluster.stop("fast")
        except Unavailable as fault:
            log.error("cluster.stop_slow", reason=str(fault), next="immediate stop")
            self._cluster.stop("immediate")

    def _write(self, state: str) -> None:
        self._state = state
        us = identity(os.getpid())
        assert us is not None
        content = RunFile(
            supervisor=us,
            started_at=self._started_at,
            state=state,
            host=self._settings.host,
            port=self._settings.port,
            embedded=self._settings.is_embedded,
            children=tuple(child.described() for child in self._children),
        )
        try:
            write_run_file(self._settings, content)
        except OSError as error:
            # On a full disk the house runs on; only `status` sees an older state.
            log.error("supervisor.run_file_not_written", reason=str(error))
