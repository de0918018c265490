"""Commands that keep an installation restorable: take a backup, list what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from entrepot.doors.cli.endings import console, errors
from entrepot.doors.cli.opened import running_database, settings_now
from entrepot.ground.backup import key_copies, place, plan, slot
from entrepot.ground.backup.key_copies import KeyCopies
from entrepot.ground.backup.place import Place
from entrepot.ground.backup.state import told
from entrepot.ground.backup.take import Tell, take
from entrepot.ground.backup.tools import Tools
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster import Cluster
from entrepot.ground.settings import Expected, Settings

MIB = 1024 * 1024
LINE_EVERY_S = 10.0


def backup(
    full: Annotated[
        bool, typer.Option("--full", help="A full one, also where an incremental one could be.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Full backups to keep; as ENTREPOT_BACKUP_KEEP says by default."),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show what there is and until when it can be restored.")
    ] = False,
    end: Annotated[
        bool,
        typer.Option(
            "--end", help="Keep nothing for a folder of backups any more; what is in it stays."
        ),
    ] = False,
) -> None:
    """Back up database and keys, verify, and remove what is too old; safe at any time.

    Goes to ENTREPOT_BACKUP, the keys apart to ENTREPOT_BACKUP_KEYS. Incremental when there is a
    backup to build on. While `entrepot serve` runs with ENTREPOT_BACKUP, the write-ahead log and
    new keys go there all the time and a backup is taken every day; this command takes one more.
    """
    settings = settings_now()
    clock = SystemClock()
    if settings.is_embedded and Cluster(settings).status().state == "absent" and not listed:
        raise Expected(f"ENTREPOT_DATA: nothing to back up in {settings.data}")
    if end:
        _end(settings)
        return
    if settings.backup is None:
        raise Expected(
            "ENTREPOT_BACKUP: not set, expected a folder on another disk (docs/backup.md)"
        )
    if listed:
        _show(settings, clock)
        return
    _take(settings, clock, full=full, keep=keep)


def _end(settings: Settings) -> None:
    if settings.backup is not None:
        raise Expected(
            f"ENTREPOT_BACKUP: found {settings.backup}, expected none: leave it out, also where "
            "`entrepot serve` is started, and start that again"
        )
    with running_database(settings) as url:
        slot.give_up(url)
    place.give_up(settings)
    console.print("nothing is kept for a folder of backups any more")


def _take(settings: Settings, clock: Clock, *, full: bool, keep: int | None) -> None:
    assert settings.backup is not None, "the caller looked"
    tools = Tools.of(settings, clock)
    with running_database(settings), telling(clock) as tell:
        taken = take(tools, full=full, keep=keep, tell=tell)
        opened = place.opened(settings.backup)
        tell("copying the keys", 0, 0)
        kept = KeyCopies(settings, opened.mark.system, clock).keep_dated()
    made = taken.backup
    if taken.why_full:
        console.print(f"a full one: {escape(taken.why_full)}", soft_wrap=True)
    seconds = (made.ended_at - made.started_at).total_seconds()
    console.print(
        f"[green]{made.kind} backup {made.name}[/], verified: {made.bytes / MIB:,.0f} MiB in "
        f"{seconds:,.0f} s",
        soft_wrap=True,
    )
    if kept is not None:
        console.print(f"keys: {key_copies.count(kept).keys:,} persons, in {escape(str(kept))}")
    if taken.removed:
        console.print(f"removed: {', '.join(taken.removed)}", soft_wrap=True)
    found = plan.reach(opened, made, tools.programs, tools.account)
    console.print(f"restorable now: from {told(found.starts_at)} to {told(found.ends_at)}")


def _show(settings: Settings, clock: Clock) -> None:
    assert settings.backup is not None, "the caller looked"
    opened = place.opened(settings.backup)
    reader = Tools.reader(settings, clock)
    console.print(_table(opened, reader))
    assert settings.backup_keys is not None, "there is a default beside the backups"
    for copy in key_copies.copies(settings.backup_keys):
        console.print(f"keys: {escape(str(copy.folder))}, until {told(copy.at)}", soft_wrap=True)


def _table(opened: Place, reader: Tools) -> Table:
    heads = ("backup", "kind", "builds on", "MiB", "restorable from", "until", "")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for one in place.read_backups(opened):
        found = plan.reach(opened, one, reader.programs, reader.account)
        gap = f"then {found.missing} is missing" if found.missing else ""
        size = f"{one.bytes / MIB:,.0f}"
        times = (told(found.starts_at), told(found.ends_at))
        table.add_row(one.name, one.kind, one.parent or "", size, *times, gap)
    return table


@contextmanager
def telling(clock: Clock) -> Iterator[Tell]:
    """Shows on standard error what is being done: a bar on a terminal, else a line now and then."""
    if not errors.is_terminal:
        yield _Lines(errors, clock)
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[counted]}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    with bars:
        task = bars.add_task("", total=None, counted="")

        def tell(doing: str, done: int, of: int) -> None:
            # Nothing is known at this moment: what was shown last stays.
            if of:
                counted = f"{done // 1024:,} of {of // 1024:,} MiB"
                bars.update(task, description=doing, completed=done, total=of, counted=counted)
            elif bars.tasks[task].description != doing:
                bars.update(task, description=doing, total=None, counted="")

        yield tell


class _Lines:
    """A line for each thing that is done, and one every ten seconds."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._doing = ""
        self._wrote_at = 0.0

    def __call__(self, doing: str, done: int, of: int) -> None:
        now = self._clock.monotonic()
        if doing == self._doing and (not of or now - self._wrote_at < LINE_EVERY_S):
            return
        self._doing, self._wrote_at = doing, now
        counted = f": {done // 1024:,} of {of // 1024:,} MiB" if of else ""
        self._console.print(f"{doing}{counted}", soft_wrap=True, highlight=False, markup=False)
