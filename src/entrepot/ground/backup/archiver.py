"""The process beside a running installation that keeps its backups going.

Four things at once, none of which waits for another: the log is streamed into the archive; new
keys are added to the copy of the keys; a backup is taken every day; and what is reached is
measured and told. Only the last is done in the main thread, and it never touches the folders: they
may be full, gone, or hang for hours. Whatever happens to them, orders go on; when the disk of the
data home runs low, what PostgreSQL keeps for the archive is given up first.
"""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg

from entrepot.ground.backup import place as places
from entrepot.ground.backup import slot, stream, wal
from entrepot.ground.backup.key_copies import KeyCopies
from entrepot.ground.backup.place import Place
from entrepot.ground.backup.programs import started
from entrepot.ground.backup.state import State, read_state, write_state
from entrepot.ground.backup.take import BUSY, FULL_EVERY, take
from entrepot.ground.backup.tools import Tools
from entrepot.ground.database import translated
from entrepot.ground.disk import BALLAST_MIB, disk_state
from entrepot.ground.processes import Identity
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Fault, Unavailable

LOOK_EVERY_S = 1.0
TELL_EVERY_S = 2.0
KEYS_EVERY_S = 2.0
DUE_EVERY_S = 10.0
AGAIN_S = 2.0
BACKUP_AGAIN_S = 900.0
BACKUP_EVERY = timedelta(days=1)
GIVEN_UP_MIB = 64
STOP_S = 5.0

_MIB = 1024 * 1024
# What PostgreSQL says of a segment that it does not have any more.
_GONE = "has already been removed"

log = get_logger(__name__)


class Archiver:
    """One installation's; `run` returns after `ask_to_stop`."""

    def __init__(self, tools: Tools, me: Identity) -> None:
        self._tools = tools
        self._settings = tools.settings
        self._clock = tools.clock
        self._stop = threading.Event()
        self._url = tools.cluster.url()
        self._samples: deque[tuple[datetime, int]] = deque(maxlen=100_000)
        self._reached: wal.Reached | None = None
        self._anew = False
        self._failed: tuple[float, Fault] | None = None
        self._receiver: subprocess.Popen[bytes] | None = None
        self._told_at = -TELL_EVERY_S
        self._changing = threading.Lock()
        known = read_state(self._settings)
        now = self._clock.now()
        self._state = State(me, now, now, str(self._settings.backup))
        if known is not None:
            self._change(complete_to=known.complete_to, keys_to=known.keys_to, newest=known.newest)

    def ask_to_stop(self) -> None:
        """Let it end; safe to call from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Until it is asked to stop."""
        loops: list[tuple[str, float, Callable[[], None]]] = [
            ("archive", AGAIN_S, self._stream),
            ("keys", KEYS_EVERY_S, self._copy_keys),
            ("backup", DUE_EVERY_S, self._back_up),
        ]
        # Daemons: one that hangs in a folder must not keep the process from ending.
        threads = [
            threading.Thread(target=self._loop, args=loop, name=loop[0], daemon=True)
            for loop in loops
        ]
        for thread in threads:
            thread.start()
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                with translated(), psycopg.connect(self._url, autocommit=True) as connection:
                    while not self._stop.wait(LOOK_EVERY_S):
                        self._look(connection)
            except Fault as fault:
                self._change(archive_trouble=str(fault))
                self._tell()
        for thread in threads:
            thread.join(STOP_S)
        self._end_receiver()
        self._told_at = -TELL_EVERY_S
        self._tell()

    def _loop(self, name: str, pause_s: float, work: Callable[[], None]) -> None:
        while True:
            trouble = None
            try:
                work()
            except (Fault, OSError, psycopg.Error) as error:
                trouble = str(error).strip() or repr(error)
                if not self._stop.is_set():
                    log.warning("archiver.trouble", doing=name, reason=trouble)
            except Exception as error:  # the other loops go on; this one is tried again, and loud
                trouble = repr(error)
                log.exception("archiver.bug", doing=name, reason=trouble)
            if trouble is not None or name != "archive":  # what is archived ends its trouble
                self._change(**{f"{name}_trouble": trouble})
            if self._stop.wait(pause_s):
                return

    # --- the archive -----------------------------------------------------------------------------

    def _stream(self) -> None:
        """One life of the program that streams; it ends with the server, or in trouble."""
        with translated(), psycopg.connect(self._url, autocommit=True) as connection:
            place = self._tools.place(slot.system(connection))
            slot.end_receiver(connection)
            folder = stream.stretch(self._tools, connection, place, anew=self._anew)
        self._anew = False
        said = self._settings.run / "archive.log"
        with (
            said.open("wb") as output,
            started(
                stream.command(self._tools, folder), self._tools.account, stderr=output
            ) as process,
        ):
            self._receiver = process
            noted = None
            while process.poll() is None and not self._stop.wait(LOOK_EVERY_S):
                reached = self._reached
                if reached is not None and reached != noted:
                    with suppress(OSError):  # the log itself may still find room
                        wal.write_reached(folder, reached, self._tools.account.owner)
                        noted = reached
            if self._stop.is_set():
                return
        words = " | ".join(said.read_text(errors="replace").split("\n")[-4:]).strip(" |")
        self._anew = self._anew or _GONE in words
        raise Unavailable(f"pg_receivewal ended: {words or process.returncode}")

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        now = self._clock.now()
        found = slot.positions(connection)
        self._samples.append((now, found.written))
        complete = None
        while self._samples and (found.received or 0) >= self._samples[0][1]:
            complete = self._samples.popleft()
        if complete is not None:
            self._reached = wal.Reached(*complete)
            self._change(complete_to=complete[0], archive_trouble=None)
        self._change(kept_bytes=found.kept)
        self._give_up_for_orders(connection, found.kept)
        self._tell()

    def _give_up_for_orders(self, connection: psycopg.Connection[Any], kept_bytes: int) -> None:
        disk = disk_state(self._settings.data, self._settings.disk_floor_mib)
        room = disk.free_mib - self._settings.disk_floor_mib
        if room >= BALLAST_MIB or kept_bytes < GIVEN_UP_MIB * _MIB:
            return
        log.error("archiver.gave_up_for_orders", disk=str(disk), kept_mib=kept_bytes // _MIB)
        self._anew = True
        self._end_receiver()
        slot.drop(connection)
        connection.execute("CHECKPOINT")  # removes what was kept
        self._samples.clear()

    def _end_receiver(self) -> None:
        if self._receiver is not None:
            self._receiver.kill()

    # --- keys and backups ------------------------------------------------------------------------

    def _copy_keys(self) -> None:
        with translated(), psycopg.connect(self._url, autocommit=True) as connection:
            system = slot.system(connection)
        copies = KeyCopies(self._settings, system.identifier, self._clock)
        while True:
            now = self._clock.now()
            copies.bring_up_to_date()
            self._change(keys_to=now, keys_trouble=None)
            if self._stop.wait(KEYS_EVERY_S):
                return

    def _back_up(self) -> None:
        """Take the backup of the day when it is due, or one at once after a gap in the archive."""
        with translated(), psycopg.connect(self._url, autocommit=True) as connection:
            system = slot.system(connection)
        place = self._tools.place(system)
        due = self._due(place)
        if due is not None:
            if self._failed is not None and self._clock.monotonic() < self._failed[0]:
                raise self._failed[1]
            full, why = due
            log.info("archiver.backup_due", full=full, why=why)
            self._take(full)
            KeyCopies(self._settings, system.identifier, self._clock).keep_dated()
        backups = places.read_backups(place)
        self._change(
            newest=(backups[-1].name, backups[-1].ended_at) if backups else None,
            shares_disk=place.root.stat().st_dev == self._settings.data.stat().st_dev,
        )

    def _take(self, full: bool) -> None:
        try:
            take(self._tools, full=full, go_on=lambda: not self._stop.is_set())
        except Fault as fault:
            # Somebody else's is as good; one that failed is not tried all the time.
            if fault.kind != BUSY:
                self._failed = (self._clock.monotonic() + BACKUP_AGAIN_S, fault)
                raise
        else:
            self._failed = None

    def _due(self, place: Place) -> tuple[bool, str] | None:
        """Whether a backup is due, a full one, and why; None when none is."""
        now = self._clock.now()
        backups = places.read_backups(place)
        full = [backup for backup in backups if backup.kind == places.FULL]
        if not full or now - full[-1].started_at >= FULL_EVERY:
            return True, f"there is no full one of the last {FULL_EVERY.days} days"
        newest = backups[-1]
        if now - newest.started_at >= BACKUP_EVERY:
            return False, "a day has passed"
        if wal.is_cut(wal.read_stretches(place.wal), newest.stop_lsn, newest.timeline):
            return False, "the archive has a gap after the newest one"
        return None

    # --- telling ---------------------------------------------------------------------------------

    def _change(self, **changes: object) -> None:
        with self._changing:
            self._state = msgspec.structs.replace(self._state, **changes)

    def _tell(self) -> None:
        """Metrics every time, the state now and then."""
        now = self._clock.now()
        state = self._state
        if state.complete_to is not None:
            METRICS.wal_archive_complete.set(state.complete_to.timestamp())
        if state.keys_to is not None:
            METRICS.keys_copied.set(state.keys_to.timestamp())
        if state.newest is not None:
            METRICS.backup_newest.set(state.newest[1].timestamp())
        METRICS.wal_archive_kept_bytes.set(state.kept_bytes)
        if self._clock.monotonic() - self._told_at >= TELL_EVERY_S:
            self._told_at = self._clock.monotonic()
            self._change(at=now)
            with suppress(OSError):  # on a full disk: told again when there is room
                write_state(self._settings, self._state)
