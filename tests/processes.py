"""Processes for tests that are killed in the middle of their work, as a machine would."""

from __future__ import annotations

import multiprocessing
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from typing import Any

_SPAWN = multiprocessing.get_context("spawn")
WAIT_S = 30.0


def until(condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
    """The first true value of `condition`, asked again and again."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {timeout_s} s for {what}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program to end, and kill it when it does not in ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def process(target: Callable[..., None], *args: Any) -> Iterator[SpawnProcess]:
    """A process of its own running `target(*args)`; killed at the end if it still runs."""
    started = _SPAWN.Process(target=target, args=args, daemon=True)
    started.start()
    try:
        yield started
    finally:
        kill(started)


def kill(running: SpawnProcess) -> None:
    """SIGKILL: no handler runs, no connection is closed in order."""
    running.kill()
    running.join(WAIT_S)
    assert running.exitcode is not None, "a killed process ends"


def hang() -> None:
    """Stay at this point until killed."""
    time.sleep(600)
