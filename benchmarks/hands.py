"""Processes of their own that prepare, begin together, and say what they did.

One line of JSON each way: what is asked, `ready` when all is prepared, `go`, what came of it.
"""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import IO, Any, TypeVar

import msgspec

ROOT = Path(__file__).resolve().parents[1]
READY, GO = b"ready\n", b"go\n"
STOP_S = 15.0

A = TypeVar("A", bound=msgspec.Struct)
T = TypeVar("T", bound=msgspec.Struct)
P = TypeVar("P")


class Hands:
    """So many processes of a module that calls `lend`; closed at the end."""

    def __init__(self, count: int, module: str, *arguments: str) -> None:
        self._running = [
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
            )
            for _ in range(count)
        ]

    def __len__(self) -> int:
        return len(self._running)

    def prepare(self, asks: Sequence[msgspec.Struct]) -> None:
        """Ask each, and wait until all are ready; those that are left over do nothing."""
        self._asked = self._running[: len(asks)]
        for process, ask in zip(self._asked, asks, strict=True):
            self._write(process, msgspec.json.encode(ask) + b"\n")
        for process in self._asked:
            said = self._read(process)
            assert said == READY, f"a process said {said!r}"

    def work(self, kind: type[T]) -> tuple[list[T], float]:
        """Let those that were asked begin; what each found, and the seconds until the last one."""
        begun = perf_counter()
        for process in self._asked:
            self._write(process, GO)
        found = [msgspec.json.decode(self._read(process), type=kind) for process in self._asked]
        return found, perf_counter() - begun

    def close(self) -> None:
        """End them."""
        for process in self._running:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._running:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @staticmethod
    def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
        pipe: IO[bytes] | None = process.stdin
        assert pipe is not None
        pipe.write(line)
        pipe.flush()

    @staticmethod
    def _read(process: subprocess.Popen[bytes]) -> bytes:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"a process ended with {process.wait()}; its words are above"
        return line


def lend(kind: type[A], prepare: Callable[[A], P], work: Callable[[P], Any]) -> None:
    """Do what is asked on standard input until it ends.

    prepare  what is not measured; work gets what it gives
    """
    # Ctrl-C at the terminal is for the run, which then closes standard input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        prepared = prepare(msgspec.json.decode(line, type=kind))
        gc.collect()
        _say(READY)
        assert sys.stdin.buffer.readline() == GO, "it is told when to begin"
        _say(msgspec.json.encode(work(prepared)) + b"\n")


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
