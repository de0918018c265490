"""Commands that run an installation: serve, status, stop, doctor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from entrepot.doors.children import ChildPlan
from entrepot.doors.cli.endings import BROKEN, FOUND_WRONG, UNREACHABLE, complain, console
from entrepot.doors.doctor import examine
from entrepot.doors.runfile import RunFile, read_run_file
from entrepot.doors.supervisor import Prepare, Supervisor
from entrepot.ground.backup.state import read_state, told
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster import Cluster, ClusterStatus, database_url
from entrepot.ground.database_state import database_state
from entrepot.ground.disk import read_only_reason
from entrepot.ground.processes import is_alive
from entrepot.ground.settings import Settings
from entrepot.ground.telemetry import configure
from entrepot.words.outcome import Fault

STOP_S = 120
PAUSE_S = 0.1


def plans(settings: Settings) -> list[ChildPlan]:
    """The processes of an installation, in the order in which they are started."""
    # -P: what lies in the present folder is never imported by mistake.
    command = [sys.executable, "-P", "-m", "entrepot"]
    doors = [
        ChildPlan(f"door-{number}", [*command, "door"], port=settings.port)
        for number in range(1, settings.doors + 1)
    ]
    found = [*doors, ChildPlan("worker", [*command, "work"])]
    if settings.backup is not None and settings.is_embedded:
        archiver = ChildPlan("archiver", [*command, "archiver"], niceness=5, is_last=True)
        found.append(archiver)
    return found


def serve_command(prepare: Prepare) -> Callable[[], None]:
    """The command `serve`.

    prepare  brings the database in order before the processes start
    """

    def serve() -> None:
        """Run everything: PostgreSQL, the doors, the worker. Ends on Ctrl-C or SIGTERM."""
        clock = SystemClock()
        settings = Settings.from_environment()
        configure(now=clock.now, level=settings.log_level, fields={"process": "supervisor"})

        def tell_ready() -> None:
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            console.print(f"[green]Entrepot is ready:[/] http://{host}:{settings.port}")

        Supervisor(
            settings, plans(settings), prepare=prepare, on_ready=tell_ready, clock=clock
        ).run()

    return serve


def status() -> None:
    """Show what runs; exit code 3 when nothing does."""
    clock = SystemClock()
    settings = Settings.from_environment()
    run = read_run_file(settings)
    cluster = Cluster(settings).status() if settings.is_embedded else None
    is_up = run is not None and run.is_current
    console.print(_processes(run if is_up else None, cluster, clock))
    if run is not None and is_up:
        console.print(f"address: http://{run.host}:{run.port}")
    _describe_database(settings, cluster)
    _describe_backups(settings, clock)
    reason = read_only_reason(settings)
    console.print(
        f"[bold red]read-only:[/] {escape(reason)}" if reason else "changes are accepted",
        soft_wrap=True,
    )
    if not is_up:
        complain("not running; start it with `entrepot serve`")
        raise typer.Exit(UNREACHABLE)


def _processes(run: RunFile | None, cluster: ClusterStatus | None, clock: Clock) -> Table:
    table = Table("process", "state", "pid", "up", "restarts")
    if run is None:
        table.add_row("supervisor", "stopped", "", "", "")
    else:
        up = _duration(clock.now() - run.started_at)
        table.add_row("supervisor", run.state, str(run.supervisor.pid), up, "")
    if cluster is not None:
        up, pid = "", ""
        if cluster.pid is not None:
            pid = str(cluster.pid)
            up = _duration(clock.now() - datetime.fromtimestamp(cluster.started_at, UTC))
        table.add_row("PostgreSQL", cluster.state, pid, up, "")
    for child in run.children if run is not None else ():
        up, pid = "", ""
        if child.process is not None and child.started_at is not None:
            pid, up = str(child.process.pid), _duration(clock.now() - child.started_at)
        table.add_row(child.name, child.state, pid, up, str(child.restarts))
    return table


def _describe_database(settings: Settings, cluster: ClusterStatus | None) -> None:
    if cluster is not None and cluster.state != "ready":
        console.print(f"database: {cluster.state}")
        return
    try:
        state = database_state(database_url(settings))
    except Fault as fault:
        console.print(f"database: [red]{escape(str(fault))}[/]", soft_wrap=True)
        return
    size_mib = state.size_bytes / 1024 / 1024
    where = "embedded" if settings.is_embedded else "external"
    console.print(f"database: PostgreSQL {state.version}, {where}, {size_mib:,.0f} MiB")


def _describe_backups(settings: Settings, clock: Clock) -> None:
    state = read_state(settings)
    if settings.backup is None and (state is None or not state.is_current):
        console.print("backups: none (ENTREPOT_BACKUP is not set)")
        return
    if state is None:
        console.print("backups: [yellow]the archiver has not said anything yet[/]")
        return
    now = clock.now()
    newest = f"newest {told(state.newest[1])}" if state.newest else "none yet"
    archive = (
        f"WAL archive complete to {told(state.complete_to)}"
        if state.complete_to
        else "no WAL archive"
    )
    console.print(f"backups: {newest}; {archive}")
    for trouble in state.late(now) if state.is_current else ["the archiver does not run"]:
        console.print(f"[bold red]backups:[/] {escape(trouble)}", soft_wrap=True)


def _duration(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def stop(
    timeout: Annotated[int, typer.Option(min=1, help="Seconds to wait before giving up.")] = STOP_S,
) -> None:
    """End everything in order: doors and worker first, then PostgreSQL."""
    clock = SystemClock()
    settings = Settings.from_environment()
    run = read_run_file(settings)
    stopped = False
    if run is not None and run.is_current:
        os.kill(run.supervisor.pid, signal.SIGTERM)
        deadline = clock.monotonic() + timeout
        with console.status("waiting for what is in work to be finished"):
            while is_alive(run.supervisor):
                if clock.monotonic() >= deadline:
                    complain(
                        f"process {run.supervisor.pid} has not ended within {timeout} s; see its "
                        "log, wait with `entrepot stop`, or end it with a second SIGTERM"
                    )
                    raise typer.Exit(BROKEN)
                clock.sleep(PAUSE_S)
        stopped = True
    if settings.is_embedded:
        # One that a killed supervisor has left running.
        stopped = Cluster(settings).stop() or stopped
    console.print("stopped" if stopped else "nothing was running")


def doctor() -> None:
    """Check this installation and say what to do; exit code 1 when something is bad."""
    checks = examine(Settings.from_environment(), SystemClock())
    marks = {True: "[green]good[/]", None: "[yellow]note[/]", False: "[bold red]bad[/]"}
    table = Table(
        *(Column(c, overflow="fold") for c in ("check", "", "found", "expected", "to do"))
    )
    for check in checks:
        table.add_row(
            check.name,
            marks[check.ok],
            escape(check.found),
            escape(check.expected),
            escape(check.advice),
        )
    console.print(table)
    bad = sum(check.ok is False for check in checks)
    if bad:
        complain(f"{bad} of {len(checks)} checks are bad")
        raise typer.Exit(FOUND_WRONG)
