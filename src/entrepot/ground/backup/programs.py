"""PostgreSQL's programs that take long: run as their account, listened to, ended with us."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from entrepot.ground.cluster_account import PROGRAM_ENVIRONMENT, Account
from entrepot.words.outcome import Unavailable

LOOK_EVERY_S = 0.2
END_S = 5.0
END_LOOKS = 250
END_LOOK_S = 0.02
SAID_LINES = 4

_PROGRESS = re.compile(r"^\s*(\d+)/(\d+) kB \(")

Told = Callable[[int, int], None]
Go = Callable[[], bool]


class Ended(NamedTuple):
    """How a program ended; what it said last is on one line."""

    returncode: int
    said: str


def silent(_done: int, _of: int) -> None:
    """Tells nobody of progress."""


def always() -> bool:
    """Goes on until the end."""
    return True


def run_watched(
    command: Sequence[str], account: Account, *, told: Told = silent, go_on: Go = always
) -> Ended:
    """One program run to its end; it and its children are ended when this is left otherwise.

    told   is called with what is done and of how much, KiB, when the program tells progress;
           with (0, 0) now and then when it tells none
    go_on  asked several times a second; False ends the program
    Raises: Unavailable when `go_on` ended it.
    """
    with started(command, account, stderr=subprocess.PIPE) as process:
        lines: list[str] = []
        assert process.stderr is not None
        for line in _heard(process.stderr):
            if not go_on():
                raise Unavailable(f"{Path(command[0]).name}: ended before it was done")
            progress = _PROGRESS.match(line)
            if progress:
                told(int(progress[1]), int(progress[2]))
            elif line.strip():
                lines = [*lines, line.strip()][-SAID_LINES:]
            else:
                told(0, 0)
        return Ended(process.wait(), " | ".join(lines))


@contextmanager
def started(
    command: Sequence[str], account: Account, *, stderr: int | IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program at work, ended with the block."""
    # An interruption while it is being started would leave it behind: it waits until we can end it.
    interrupted = _interruptions_held()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd="/",
            env=PROGRAM_ENVIRONMENT,
            # Ctrl-C at the terminal is for us; we end the program.
            start_new_session=True,
            **account.popen_options(),
        )
    except BaseException:
        interrupted()
        raise
    try:
        interrupted()
        yield process
    finally:
        _end(process)


def _interruptions_held() -> Callable[[], None]:
    """Hold Ctrl-C back until the function it gives is called, which raises what came meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))

    def release() -> None:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)

    return release


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program, if it still runs, and what it has started; all are gone then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
    for _ in range(END_LOOKS):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        selectors.DefaultSelector().select(END_LOOK_S)  # nothing to select: a pause
    if process.stderr is not None:
        process.stderr.close()


def _heard(stream: IO[bytes]) -> Iterator[str]:
    """Its lines as they come, and an empty one whenever there was none for a moment."""
    os.set_blocking(stream.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if not selector.select(LOOK_EVERY_S):
                yield ""
                continue
            chunk = os.read(stream.fileno(), 65_536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
    yield rest.decode(errors="replace")
