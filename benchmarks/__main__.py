"""The command: `python -m benchmarks NAME|all [--json FILE] [--quick] [--all] [--times N]`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from types import FrameType

from rich.console import Console

from benchmarks import (
    aged,
    crash,
    http,
    intake,
    orders,
    outbox,
    profiling,
    replay,
    server,
    sourcing,
    stock,
)
from benchmarks.runner import Report
from benchmarks.server import Neighbors, Server

BENCHMARKS: dict[str, Callable[[Report, Server], None]] = {
    "sourcing": sourcing.run,
    "stock": stock.run,
    "orders": orders.run,
    "outbox": outbox.run,
    "http": http.run,
    "intake": intake.run,
    "crash": crash.run,
    "replay": replay.run,
    "aged": aged.run,
}
# Not among `all`: half an hour and 40 GB.
ALONE = frozenset({"aged"})


def calibrate(report: Report, server_: Server) -> None:
    """What the machine and PostgreSQL alone can do, before anything of ours is measured."""
    for name, value in report.machine.items():
        report.console.print(f"  {name}: {value}", soft_wrap=True, highlight=False)
    seconds = 1 if report.quick else 3
    url = server_.empty("pgbench")
    with report.console.status("calibrating"):
        syncs = [server.syncs_per_second(server_.folder, seconds / 3) for _ in range(3)]
        server.pgbench(url, 1, make=True)
        tps = [server.pgbench(url, seconds) for _ in range(3)]
    report.show(
        "calibration",
        [
            report.add("calibration", "8 kB writes with fdatasync", "1/s", syncs),
            report.add("calibration", "pgbench TPC-B, 8 clients", "transactions/s", tps),
        ],
    )


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 0 unless something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer repeats")
    parser.add_argument("--profile", action="store_true", help="orders: where the time goes")
    parser.add_argument("--all", action="store_true", help="replay, intake: everything, long")
    parser.add_argument("--times", type=int, default=20, help="crash: each fault so often")
    asked = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    console = Console()
    with server.started() as running:
        machine = server.machine(running)
        report = Report(
            machine, console, quick=asked.quick, everything=asked.all, times=asked.times
        )
        calibrate(report, running)
        together = [name for name in BENCHMARKS if name not in ALONE]
        for name in together if asked.name == "all" else [asked.name]:
            console.rule(name)
            begun, neighbors = perf_counter(), Neighbors(running)
            BENCHMARKS[name](report, running)
            report.note(
                f"{name} took {perf_counter() - begun:.0f} s; meanwhile others used "
                f"{neighbors.share():.0%} of the machine"
            )
        if asked.profile:
            profiling.run(report, running)
    if asked.json is not None:
        report.write(asked.json)
    for failure in report.failures:
        console.print(f"[bold red]broken:[/] {failure}", soft_wrap=True, highlight=False)
    return 1 if report.failures else 0


def _terminated(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "110")
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main(sys.argv[1:]))
