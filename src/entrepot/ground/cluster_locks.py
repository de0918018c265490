"""Who holds a data directory: locks are read, checked against living processes, and then believed.

After a kill or a power cut PostgreSQL's lock files can name a process that is dead, a zombie, or
somebody else's by now; PostgreSQL then refuses to start. A lock is removed only when no process of
that data directory is left: a second server on live shared memory would destroy the data.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from entrepot.ground.clock import Clock
from entrepot.ground.cluster_account import Account, run_program
from entrepot.ground.processes import identity, reap
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Broken, Unavailable

POSTMASTER_FILE = "postmaster.pid"
STARTER_WAIT_S = 300.0
ORPHANS_WAIT_S = 2.0
ORPHANS_KILL_S = 10.0
PAUSE_S = 0.05

_PROC = Path("/proc")

log = get_logger(__name__)


class Postmaster(NamedTuple):
    """What PostgreSQL wrote into its lock file.

    started_at  Unix time, seconds
    status      starting, stopping, ready or standby; '' when it was not yet written
    Source: PostgreSQL 18, src/include/utils/pidfile.h.
    """

    pid: int
    data: Path
    started_at: int
    socket_folder: str
    status: str


def read_postmaster(data: Path) -> Postmaster | None:
    """The lock file's content; None when there is none or it is not whole."""
    try:
        lines = (data / POSTMASTER_FILE).read_text(errors="replace").splitlines()
        lines += [""] * (8 - len(lines))
        return Postmaster(
            pid=int(lines[0]),
            data=Path(lines[1]),
            started_at=int(lines[2]),
            socket_folder=lines[4].strip(),
            status=lines[7].strip(),
        )
    except (OSError, ValueError):
        return None


def server_processes(data: Path) -> list[int]:
    """Process ids of every PostgreSQL process at work in `data`: the server and its children.

    Each of them has the data directory as its working directory, and belongs to its owner:
    PostgreSQL refuses to run in a directory that is not its own account's.
    """
    try:
        here = data.stat()
    except OSError:
        return []
    found, closed = [], []
    for process in psutil.process_iter(["name", "uids"]):
        uids = process.info["uids"]
        if process.info["name"] != "postgres" or uids is None or uids.real != here.st_uid:
            continue
        try:
            there = (_PROC / str(process.pid) / "cwd").stat()
        except PermissionError:
            closed.append(process.pid)
        except OSError:
            continue  # it has just ended, or is a zombie
        else:
            if (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino):
                found.append(process.pid)
    return found + _in_folder(closed, data, here)


# Prints the processes of the list whose working directory is the one given first.
_ASK = 'd=$1; shift; for p; do [ "/proc/$p/cwd" -ef "$d" ] && echo "$p"; done; true'


def _in_folder(pids: list[int], data: Path, here: os.stat_result) -> list[int]:
    """Those of `pids` that work in `data`, asked as their own account.

    Root in a container may lack the right to look into other accounts' processes.
    """
    if not pids:
        return []
    if os.geteuid() != 0:
        raise Broken(
            f"{data}: processes {pids} belong to another account and cannot be looked into; "
            "run this as root or as the account that runs PostgreSQL"
        )
    owner = Account("", here.st_uid, here.st_gid, switch=True)
    asked = run_program(["/bin/sh", "-c", _ASK, "sh", str(data), *map(str, pids)], owner)
    return [int(pid) for pid in asked.stdout.split()]


def live_postmaster(data: Path) -> Postmaster | None:
    """The running server of `data`, verified; None when none runs, whatever the lock says."""
    found = read_postmaster(data)
    if found is None or identity(found.pid) is None:
        return None
    return found if found.pid in server_processes(data) else None


def clear_stale_locks(data: Path, socket: Path, clock: Clock) -> list[str]:
    """Remove lock files that no living server holds; gives the names of those removed.

    Called only while holding the starters' lock, and when no server of `data` runs.
    Raises: Broken when processes of a dead server cannot be ended, or the socket is another
    server's.
    """
    removed = []
    _end_orphans(data, clock)
    lock = data / POSTMASTER_FILE
    if lock.exists():
        held = read_postmaster(data)
        if held is not None:
            reap(held.pid)
        # PostgreSQL would clear a lock of a dead process itself, but not an empty one and not one
        # whose number somebody else has by now.
        lock.unlink()
        removed.append(str(lock))
    socket_lock = socket.with_name(f"{socket.name}.lock")
    holder = _socket_holder(socket_lock)
    if holder is not None:
        raise Broken(
            f"{socket}: in use by the PostgreSQL server with process id {holder.pid} and data "
            f"directory {holder.data}, expected {data}; stop that server first"
        )
    for path in (socket_lock, socket):
        if path.exists() or path.is_symlink():
            path.unlink()
            removed.append(str(path))
    if removed:
        log.warning("cluster.stale_locks_removed", files=removed)
    return removed


def _socket_holder(socket_lock: Path) -> Postmaster | None:
    """The living server that a socket lock names, if it names one."""
    try:
        lines = socket_lock.read_text(errors="replace").splitlines()
        named = Path(lines[1])
    except (OSError, IndexError):
        return None
    return live_postmaster(named)


def _end_orphans(data: Path, clock: Clock) -> None:
    """Wait for the children of a dead server to end; they must, before the next one starts.

    Idle ones notice at once that their server is gone; one in a long computation does not.
    """
    if _wait_until(lambda: not server_processes(data), ORPHANS_WAIT_S, clock):
        return
    orphans = server_processes(data)
    log.warning("cluster.orphans_killed", pids=orphans)
    # Safe: what they had not committed is lost with their server anyway, and the next start
    # recovers from the log.
    for pid in orphans:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not _wait_until(lambda: not server_processes(data), ORPHANS_KILL_S, clock):
        raise Broken(
            f"{data}: processes {server_processes(data)} of an earlier PostgreSQL server do not "
            "end (a hanging disk?); no other server may start before they are gone"
        )


def _wait_until(condition: Callable[[], bool], seconds: float, clock: Clock) -> bool:
    deadline = clock.monotonic() + seconds
    while not condition():
        if clock.monotonic() >= deadline:
            return False
        clock.sleep(PAUSE_S)
    return True


@contextmanager
def only_starter(lock: Path, clock: Clock, wait_s: float = STARTER_WAIT_S) -> Iterator[None]:
    """Holds the starters' lock: one process at a time makes, starts or stops the cluster.

    The kernel gives the lock back when its holder dies.
    Raises: Unavailable when another process holds it longer than `wait_s`.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _wait_until(lambda: _try_lock(descriptor), wait_s, clock):
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise Unavailable(
                f"{lock}: process {holder} has been starting or stopping PostgreSQL here for more "
                f"than {wait_s:.0f} s; wait for it, or end it, and try again"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
