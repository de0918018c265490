"""Who a process is. A process id alone names nobody: ids are used again, and zombies keep theirs.

A process is known by its id together with the instant it started, counted from the machine's boot,
and by that boot.
Source: proc_pid_stat(5), field 22.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

# Objects made before the young ones are looked at, and how often the older ones are. A batch makes
# ten thousands of small values and drops them by itself: with Python's own numbers the collector
# took a quarter of a batch's time.
COLLECT_AFTER = (20_000, 20, 50)

_PROC = Path("/proc")
_BOOT = _PROC / "sys" / "kernel" / "random" / "boot_id"
_PR_SET_PDEATHSIG = 1  # Source: prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)


class Identity(NamedTuple):
    """One process, never mistaken for a later one with the same id.

    started  opaque; equal only for the same process
    """

    pid: int
    started: str


def identity(pid: int) -> Identity | None:
    """Who runs under that id now; None when nobody does or only a zombie."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold spaces and parentheses of its own.
    fields = text.rpartition(")")[2].split()
    state, ticks = fields[0], fields[19]
    if state in ("Z", "X"):
        return None
    return Identity(pid, f"{_boot_id()}:{ticks}")


def _boot_id() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return "unknown"


def is_alive(known: Identity) -> bool:
    """Whether that very process still runs."""
    return identity(known.pid) == known


def reap(pid: int) -> None:
    """Take a dead child's exit status, so that it is no longer a zombie; others are left alone."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def reap_strays(known: set[int]) -> list[int]:
    """Reap dead children nobody waits for; gives their ids.

    In a container the first process inherits the orphans of the others.

    known  children that someone else waits for
    """
    strays = []
    for child in psutil.Process().children():
        try:
            dead = child.pid not in known and child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            continue
        if dead:
            reap(child.pid)
            strays.append(child.pid)
    return strays


def end_with(parent: int) -> bool:
    """Let the kernel ask this process to end (SIGTERM) when its parent dies, however that happens.

    False = the parent was dead before the kernel was told.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


def collect_seldom() -> None:
    """For a process that serves: what is there now stays, and what comes is looked at seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
