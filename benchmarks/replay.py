"""Replaying a real retailer, from a started database to the report, against a plain script.

Each replay runs in a process of its own, so that its memory is its own: `benchmarks.replaying`
plays it through the house, `benchmarks.replaying_plainly` writes the same orders by hand.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks.runner import Figure, Report, compared, figure
from benchmarks.server import Server

ROOT = Path(__file__).parents[1]
SCENARIO = ROOT / "scenarios" / "uk-gifts"
SEED = 1
ROUNDS = 2
QUICK_DAYS = (date(2011, 8, 30), date(2011, 9, 1))
FOUR_WEEKS, QUICK, WHOLE = "four_weeks_s", "quick_s", "all_s"
AIMS = {FOUR_WEEKS: 40.0, WHOLE: 600.0, "peak_mib": 1_024.0}
OURS, PLAIN = "benchmarks.replaying", "benchmarks.replaying_plainly"


class Request(msgspec.Struct, frozen=True):
    """What a process is to play.

    url         of a migrated database for ours, an empty one for the plain script
    folder      where keys and report go
    days        the first day and the day after the last; None = the last four weeks
    everything  the whole history
    """

    url: str
    folder: str
    scenario: str = str(SCENARIO)
    seed: int = SEED
    days: tuple[date, date] | None = None
    everything: bool = False


class Played(msgspec.Struct, frozen=True):
    """What a replay took and came to.

    phases       seconds by what was done; together they are `seconds`
    processor_s  of the process, which neighbors leave alone; PostgreSQL's is not in it
    peak_mib     most memory the process had, resident
    findings     of the audit
    report       SHA-256 of report.json
    """

    seconds: float
    phases: dict[str, float]
    processor_s: float
    peak_mib: float
    orders: int
    lines: int
    rows: int
    invoices: int
    findings: list[str]
    report: str


class Written(msgspec.Struct, frozen=True):
    """What the plain script took, and how many orders and lines it wrote."""

    seconds: float
    orders: int
    lines: int


T = TypeVar("T", Played, Written)


def run(report: Report, server: Server) -> None:
    """Two replays of four weeks with the same seed, and one of everything when it is asked for."""
    days = QUICK_DAYS if report.quick else None
    name = QUICK if report.quick else FOUR_WEEKS
    plain: list[Written] = []
    ours: list[Played] = []
    for number in range(1, ROUNDS + 1):
        with report.console.status(f"replay: {name}, round {number} of {ROUNDS}"):
            with server.database("empty") as url:
                plain.append(_done(server, PLAIN, url, f"plain-{number}", days, Written))
            with server.database() as url:
                ours.append(_done(server, OURS, url, f"ours-{number}", days, Played))
    tell(report, name, ours, plain)
    if report.quick:
        report.note(f"{FOUR_WEEKS}: not measured, as the run is quick")
    if report.everything:
        _everything(report, server)
    else:
        report.note(f"{WHOLE}: not measured; `python -m benchmarks replay --all` plays everything")


def tell(report: Report, name: str, ours: Sequence[Played], plain: Sequence[Written]) -> None:
    """The figures of replays of the same days with the same seed."""
    first = ours[0]
    way = figure("replay", f"{name}: plain script", "s", [w.seconds for w in plain])
    taken = compared(figure("replay", name, "s", [p.seconds for p in ours]), way)
    report.figures += [way, taken]
    python = report.add(
        "replay", f"{name}: processor time of Python", "s", [p.processor_s for p in ours]
    )
    peak = report.add("replay", "peak_mib", "MiB", [p.peak_mib for p in ours])
    report.show(f"{first.orders:,} orders with {first.lines:,} lines", [way, taken, python, peak])
    report.show(
        "where the time of ours goes",
        [
            report.add("replay", f"{name}: {phase}", "s", [p.phases.get(phase, 0.0) for p in ours])
            for phase in sorted(
                first.phases, key=lambda phase: -sum(p.phases.get(phase, 0.0) for p in ours)
            )
        ],
    )
    _aim(report, taken)
    _aim(report, peak)
    findings = [finding for played in ours for finding in played.findings]
    report.check(not findings, f"audit_ok: {len(findings)} findings {findings[:3] or ''}".rstrip())
    report.add("replay", "audit_ok", "1 = yes", [float(not findings)])
    same = len({played.report for played in ours}) == 1
    report.check(same, f"deterministic: {len(ours)} runs of seed {SEED} give the same report.json")
    report.add("replay", "deterministic", "1 = yes", [float(same)])
    report.note(
        f"the plain script wrote {plain[0].orders:,} orders with {plain[0].lines:,} lines: no "
        "quote, date, split, purchase, return, ledger, fact, audit or report"
    )


def _everything(report: Report, server: Server) -> None:
    with (
        report.console.status("replay: everything, which takes many minutes"),
        server.database() as url,
    ):
        played = _done(server, OURS, url, "everything", None, Played, everything=True)
    taken = report.add("replay", WHOLE, "s", [played.seconds])
    peak = report.add("replay", f"{WHOLE}: peak_mib", "MiB", [played.peak_mib])
    title = f"everything: {played.rows:,} rows of {played.invoices:,} invoices"
    report.show(title, [taken, peak])
    report.show(
        "where the time goes",
        [
            report.add("replay", f"{WHOLE}: {phase}", "s", [seconds])
            for phase, seconds in sorted(played.phases.items(), key=lambda item: -item[1])
        ],
    )
    _aim(report, taken)
    report.check(
        not played.findings,
        f"audit_ok over everything: {len(played.findings)} findings {played.findings[:3] or ''}",
    )


def _aim(report: Report, found: Figure) -> None:
    aim = AIMS.get(found.name)
    if aim is not None:
        reached = "reached" if found.median <= aim else "not reached"
        report.note(f"{found.name}: {found.median:,.1f} {found.unit}, aim {aim:,.0f}: {reached}")


def _done(
    server: Server,
    module: str,
    url: str,
    name: str,
    days: tuple[date, date] | None,
    kind: type[T],
    *,
    everything: bool = False,
) -> T:
    """What a process of its own found.

    Raises: RuntimeError with what the process said when it failed.
    """
    folder = server.folder / f"replay-{name}"
    request = Request(url=url, folder=str(folder), days=days, everything=everything)
    done = subprocess.run(
        [sys.executable, "-m", module, msgspec.json.encode(request).decode()],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr.decode(errors='replace')}")
    return msgspec.json.decode(done.stdout, type=kind)
