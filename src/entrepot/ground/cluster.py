"""The embedded PostgreSQL: made, started, found again, stopped.

One cluster per data home, reached through a socket only. It outlives the process that started it:
when that one is killed, the next finds the running server and attaches. Whoever makes, starts or
stops it holds the starters' lock, so that two never do so at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import psycopg

from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster_account import (
    MAJOR,
    PROGRAM_ENVIRONMENT,
    Account,
    Programs,
    programs_for,
    require_reachable,
    run_program,
    server_account,
)
from entrepot.ground.cluster_locks import (
    Postmaster,
    clear_stale_locks,
    live_postmaster,
    only_starter,
    read_postmaster,
    server_processes,
)
from entrepot.ground.cluster_settings import (
    LOCAL_TUNING,
    SOCKET_PORT,
    SUPERUSER,
    Wanted,
    configuration_files,
    drifts,
    memory_mib,
    wanted_settings,
    write_configuration,
)
from entrepot.ground.files import (
    Owner,
    account_name,
    data_home,
    private_folder,
    sync_folder,
)
from entrepot.ground.processes import identity, reap
from entrepot.ground.restoring import require_whole
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken, Unavailable

DATABASE = "entrepot"
SOCKET_NAME = f".s.PGSQL.{SOCKET_PORT}"
SOCKET_PATH_BYTES_MAX = 107
READY_S = 300.0
STOP_S = 60.0
TELL_EVERY_S = 10.0
PAUSE_S = 0.03
RELOAD_S = 2.0
LOG_TAIL_LINES = 12

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS: dict[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,  # waits for clients to leave
    "fast": signal.SIGINT,  # ends clients' transactions, then a checkpoint
    "immediate": signal.SIGQUIT,  # no checkpoint: the next start recovers
}

log = get_logger(__name__)


class Running(NamedTuple):
    """A server that answers.

    url      of the database `entrepot`, for libpq
    started  whether this call started it; False when it was found running
    """

    socket_dir: Path
    pid: int
    url: str
    started: bool


class ClusterStatus(NamedTuple):
    """What is there.

    state       absent (never made), stopped, starting, stopping or ready
    started_at  Unix time, seconds; 0 when no server runs
    """

    state: str
    pid: int | None
    started_at: int
    socket_dir: Path


def socket_folder(data_home: Path) -> Path:
    """Where the server's socket is: in the data home, or elsewhere when that path is too long.

    The kernel takes at most 107 bytes. The other place is the same for the same data home.
    Source: unix(7), struct sockaddr_un.
    """
    inside = data_home / "socket"
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
        return inside
    short = hashlib.sha256(os.fsencode(data_home.resolve())).hexdigest()[:16]
    # Only root may write to /run; in /tmp nobody else can remove or replace a folder of ours, and
    # `private_folder` refuses one that somebody else has put there before.
    elsewhere = "/run" if os.geteuid() == 0 else "/tmp"  # noqa: S108
    return Path(elsewhere) / f"entrepot-{os.geteuid()}-{short}"


def socket_url(folder: Path, database: str = DATABASE) -> str:
    """The libpq address of a database behind the socket in `folder`."""
    host = quote(str(folder), safe="")
    return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={SOCKET_PORT}"


def database_url(settings: Settings) -> str:
    """The address of the installation's database, whether it runs or not."""
    return settings.database_url or socket_url(socket_folder(settings.data))


class Cluster:
    """The cluster of one data home.

    changes  other values for PostgreSQL settings that guard nothing
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.data = settings.data / "postgres" / "data"
        self.socket_dir = socket_folder(settings.data)
        self._clock = clock or SystemClock()
        self._changes = changes
        self._child: subprocess.Popen[bytes] | None = None
        self._start_log = settings.run / "postgres-start.log"

    def ensure_started(
        self, keep_waiting: Callable[[], bool] | None = None, *, restoring: bool = False
    ) -> Running:
        """The server, ready: found running, or made when there is none yet, and started.

        keep_waiting  asked again and again during a long recovery; False ends the waiting.
                      None = wait five minutes
        restoring     by whoever restores this data home; else one that is not whole is refused
        Raises: Broken with what a person must do; Unavailable when it takes too long or waiting
        was ended. The server may then still become ready: call again.
        """
        if not restoring:
            require_whole(self.settings.data)
        account = server_account(self.settings.pg_user)
        self.make_folders(account)
        with only_starter(self._lock, self._clock):
            keep_waiting = keep_waiting or self._five_minutes()
            found = self._settled()
            if found is not None:
                self._wait_ready(found.pid, keep_waiting)
                running = self._running(found, started=False)
                self._require_guarded(running, account)
                log.info("cluster.attached", pid=found.pid)
                return running
            return self._start(account, keep_waiting)

    def status(self) -> ClusterStatus:
        """What is there, verified against living processes."""
        found = live_postmaster(self.data)
        if found is None:
            state = "stopped" if (self.data / "PG_VERSION").exists() else "absent"
            return ClusterStatus(state, None, 0, self.socket_dir)
        state = found.status if found.status in ("ready", "stopping") else "starting"
        return ClusterStatus(state, found.pid, found.started_at, Path(found.socket_folder))

    def stop(self, mode: StopMode = "fast", timeout_s: float = STOP_S) -> bool:
        """Stop the server and wait for its end; gives whether one was running.

        Raises: Unavailable when it has not ended in time; it may still do so.
        """
        if not self.settings.run.is_dir():
            return False
        with only_starter(self._lock, self._clock):
            found = live_postmaster(self.data)
            if found is None:
                return False
            os.kill(found.pid, _SIGNALS[mode])
            if not self._wait_gone(found.pid, timeout_s):
                raise Unavailable(
                    f"PostgreSQL (process {found.pid}): not ended {timeout_s:.0f} s after a {mode} "
                    "stop; wait, or stop it in immediate mode (the next start then recovers)"
                )
            log.info("cluster.stopped", pid=found.pid, mode=mode)
            return True

    def url(self, database: str = DATABASE) -> str:
        """The libpq address of one of its databases."""
        return socket_url(self.socket_dir, database)

    def wanted(self) -> tuple[Wanted, ...]:
        """The PostgreSQL settings this data home is run with."""
        return wanted_settings(self.settings, self.socket_dir, memory_mib(), self._changes)

    @property
    def _lock(self) -> Path:
        return self.settings.run / "postgres.lock"

    def make_folders(self, account: Account) -> None:
        """The data home and the folders in it, each of its owner."""
        # The server's account must pass through folders that belong to root, but not list them.
        passed = 0o711 if account.switch else 0o700
        home = data_home(self.settings.data, mode=passed)
        require_reachable(home, account)
        us = Owner(os.geteuid(), os.getegid())
        private_folder(self.settings.run, owner=us)
        private_folder(self.data.parent, mode=passed, owner=us)
        private_folder(self.settings.logs, owner=account.owner)
        private_folder(self.socket_dir, owner=account.owner)

    def _settled(self) -> Postmaster | None:
        """The running server, if any; one that is just stopping is waited for."""
        found = live_postmaster(self.data)
        if found is not None and found.status == "stopping":
            if not self._wait_gone(found.pid, STOP_S):
                raise Unavailable(
                    f"PostgreSQL (process {found.pid}): still stopping after {STOP_S:.0f} s; "
                    "try again when it has ended"
                )
            return None
        return found

    def _start(self, account: Account, keep_waiting: Callable[[], bool]) -> Running:
        programs = programs_for(account, self.settings.pg_bin, self.settings.data / "programs")
        self._ensure_made(programs, account)
        clear_stale_locks(self.data, self.socket_dir / SOCKET_NAME, self._clock)
        for name in self._write_configuration(self.data, account):
            log.warning("cluster.configuration_written", file=str(self.data / name))
        output = os.open(
            self._start_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
        )
        try:
            # In a session of its own: Ctrl-C at the terminal is for the supervisor, which stops
            # the doors first.
            self._child = subprocess.Popen(
                [programs.path("postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=PROGRAM_ENVIRONMENT,
                start_new_session=True,
                **account.popen_options(),
            )
        finally:
            os.close(output)
        pid = self._child.pid
        self._wait_ready(pid, keep_waiting)
        found = live_postmaster(self.data)
        if found is None:
            raise Broken(f"PostgreSQL ended right after its start; {self._last_words()}")
        running = self._running(found, started=True)
        self._ensure_database()
        try:
            self._require_guarded(running, account)
        except Broken:
            os.kill(pid, _SIGNALS["fast"])
            self._wait_gone(pid, STOP_S)
            raise
        log.info("cluster.started", pid=pid, version=programs.version)
        return running

    def _running(self, found: Postmaster, *, started: bool) -> Running:
        folder = Path(found.socket_folder)
        return Running(folder, found.pid, socket_url(folder), started)

    def _ensure_made(self, programs: Programs, account: Account) -> None:
        """The data directory: there and of our version, or made aside and put in place whole."""
        half_made = self.data.with_name("data.aside")
        if half_made.exists():
            log.warning("cluster.half_made_removed", folder=str(half_made))
            shutil.rmtree(half_made)
        if self.data.exists() and any(self.data.iterdir()):
            self._require_version()
            return
        private_folder(half_made, owner=account.owner)
        command = [programs.path("initdb"), "--pgdata", str(half_made), "--username", SUPERUSER]
        command += ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions"]
        command += ["--auth-local=peer", "--auth-host=reject"]
        done = run_program(command, account)
        if done.returncode != 0:
            shutil.rmtree(half_made, ignore_errors=True)
            raise Broken(f"initdb: cannot make a database cluster in {self.data}: {_tail(done)}")
        self._write_configuration(half_made, account)
        half_made.rename(self.data)
        sync_folder(self.data.parent)
        log.info("cluster.made", folder=str(self.data), version=programs.version)

    def _require_version(self) -> None:
        file = self.data / "PG_VERSION"
        try:
            found = file.read_text().strip()
        except FileNotFoundError:
            raise Broken(
                f"{self.data}: found files, but no PostgreSQL data directory (no PG_VERSION); "
                "move them away, or restore a backup there"
            ) from None
        if found != str(MAJOR):
            raise Broken(
                f"{self.data}: found a data directory of PostgreSQL {found or '(empty file)'}, "
                f"expected {MAJOR}; bring it to {MAJOR} with pg_upgrade, or dump it with the "
                "version that wrote it and load the dump into a new data home"
            )

    def _write_configuration(self, data: Path, account: Account) -> list[str]:
        local = self.settings.data / LOCAL_TUNING
        files = configuration_files(data, self.wanted(), account, account_name(), local)
        return write_configuration(data, files, account)

    def _wait_ready(self, pid: int, keep_waiting: Callable[[], bool]) -> None:
        refused = "it has not said so"
        tell_at = self._clock.monotonic() + TELL_EVERY_S
        while True:
            if self._is_gone(pid):
                raise Broken(f"PostgreSQL did not start; {self._last_words()}")
            found = read_postmaster(self.data)
            if found is not None and found.pid == pid and found.status == "ready":
                try:
                    with self._connect("postgres"):
                        return
                except psycopg.OperationalError as error:
                    refused = str(error).strip()
            if not keep_waiting():
                raise Unavailable(
                    f"PostgreSQL (process {pid}) is not ready, perhaps still recovering "
                    f"({refused}); see {self.settings.logs}, then start again to go on waiting"
                )
            if self._clock.monotonic() >= tell_at:
                tell_at += TELL_EVERY_S
                log.warning("cluster.not_ready_yet", pid=pid, reason=refused)
            self._clock.sleep(PAUSE_S)

    def _five_minutes(self) -> Callable[[], bool]:
        deadline = self._clock.monotonic() + READY_S
        return lambda: self._clock.monotonic() < deadline

    def _is_gone(self, pid: int) -> bool:
        if identity(pid) is not None:
            return False
        if self._child is not None and self._child.pid == pid:
            self._child.poll()
        else:
            reap(pid)
        return True

    def _wait_gone(self, pid: int, timeout_s: float) -> bool:
        deadline = self._clock.monotonic() + timeout_s
        while not self._is_gone(pid) or server_processes(self.data):
            if self._clock.monotonic() >= deadline:
                return False
            self._clock.sleep(PAUSE_S)
        return True

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.url(database), autocommit=True, connect_timeout=5, application_name="cluster"
        )

    def _ensure_database(self) -> None:
        with self._connect("postgres") as connection:
            there = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            if there is None:
                connection.execute(
                    "CREATE DATABASE entrepot TEMPLATE template0 ENCODING 'UTF8' "
                    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"
                )

    def _require_guarded(self, running: Running, account: Account) -> None:
        """The server uses the settings that guard the data; what a reload can mend is mended.

        What is only tuning may differ, by the keeper's own file or by an earlier start with
        other memory; it is told, not refused.
        """
        wanted = self.wanted()
        with self._connect("postgres") as connection:
            found = drifts(connection, wanted)
            if any(drift.guarded for drift in found):
                self._write_configuration(self.data, account)
                connection.execute("SELECT pg_reload_conf()")
                deadline = self._clock.monotonic() + RELOAD_S
                while any(d.guarded for d in found) and self._clock.monotonic() < deadline:
                    self._clock.sleep(PAUSE_S)
                    found = drifts(connection, wanted)
        for drift in found:
            log.warning("cluster.setting_differs", setting=str(drift))
        guarded = [str(drift) for drift in found if drift.guarded]
        if guarded:
            raise Broken(
                f"PostgreSQL (process {running.pid}) runs with settings that put data at risk: "
                f"{'; '.join(guarded)}. Remove them where they come from, then stop and start "
                "(`entrepot stop`, `entrepot serve`)"
            )

    def _last_words(self) -> str:
        """The last lines PostgreSQL wrote, for a message."""
        newest = sorted(self.settings.logs.glob("postgresql-*.log"))[-1:]
        for path in (*newest, self._start_log):
            with open(path, errors="replace") as file:  # noqa: PTH123
                lines = file.read().strip().splitlines()[-LOG_TAIL_LINES:]
            if any("FATAL" in line or "PANIC" in line or "ERROR" in line for line in lines):
                return "its last words: " + " | ".join(lines)
        return f"it left no message in {self._start_log}"


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return " | ".join(lines[-LOG_TAIL_LINES:])
