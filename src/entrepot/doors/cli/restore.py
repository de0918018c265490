"""The command that makes a new installation from backups, as it was at an instant."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from entrepot.doors.cli.backup import telling
from entrepot.doors.cli.endings import FOUND_WRONG, complain, console
from entrepot.doors.cli.opened import running_database, settings_now
from entrepot.flows.watch.restored import Standing
from entrepot.flows.watch.restored import finish as finish_house
from entrepot.ground import restoring
from entrepot.ground.backup import place
from entrepot.ground.backup import restore as restorer
from entrepot.ground.backup.key_copies import KeyCopy
from entrepot.ground.backup.plan import Plan, choose
from entrepot.ground.backup.state import told
from entrepot.ground.backup.tools import Tools
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.cluster import Cluster
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.ground.migrate import latest, schema_number_of
from entrepot.ground.settings import Expected, Settings
from entrepot.words.outcome import shown

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")


def restore(
    folder: Annotated[Path, typer.Argument(help="The new data home: a new or empty folder.")],
    to: Annotated[
        str | None,
        typer.Option(
            help="The instant, such as 2026-11-24T21:14:36Z; UTC without a zone. As late as "
            "possible by default."
        ),
    ] = None,
    backup: Annotated[
        str | None,
        typer.Option(help="The backup to start from; by default the newest before the instant."),
    ] = None,
    without_keys: Annotated[
        bool,
        typer.Option(
            "--without-keys",
            help="There is no copy of the keys any more: all but personal data.",
        ),
    ] = False,
    finish: Annotated[
        bool,
        typer.Option(
            "--finish", help="Only the end, in a restored folder whose schema was migrated."
        ),
    ] = False,
) -> None:
    """Make a new data home as everything was at an instant, from ENTREPOT_BACKUP.

    Checks the backups, combines them, replays the write-ahead log to the instant, erases again
    whoever asked to be forgotten since, audits, and says what stands there. What runs meanwhile is
    not touched. Exit code 1 when the audit finds something or the schema is to be migrated first.
    """
    settings = settings_now()
    clock = SystemClock()
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  resolve() would follow links
    target = restorer.settings_for(settings, folder)
    if finish:
        _finish_there(target, clock)
        return
    if settings.backup is None:
        raise Expected("ENTREPOT_BACKUP: not set, expected the folder of backups to restore from")
    at = None if to is None else read_instant(to)
    _require_apart(settings, folder)
    restorer.require_free(folder)
    opened = place.opened(settings.backup)
    keys = None if without_keys else restorer.usable_keys(settings.backup_keys)[0]
    reader = Tools.reader(settings, clock)
    plan = choose(opened, reader.programs, reader.account, at, backup)
    _say(plan, keys)
    with restorer.alone_in(folder), telling(clock) as tell:
        restorer.check(reader, opened, plan, tell)
        restorer.bring_back(target, clock, opened, plan, keys, tell)
    try:
        _finish_there(target, clock)
    finally:
        # It stands there as one that was stopped in order.
        Cluster(target, clock=clock).stop()


def read_instant(text: str) -> datetime:
    """An instant as a person writes it; without a zone it is UTC.

    Raises: Expected with what was found.
    """
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Expected(
            f"--to: found {shown(text)}, expected an instant such as 2026-11-24T21:14:36Z"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _require_apart(settings: Settings, folder: Path) -> None:
    for path in (settings.backup, settings.backup_keys):
        if path is not None and (folder.is_relative_to(path) or path.is_relative_to(folder)):
            raise Expected(f"{folder}: expected a folder apart from the backups in {path}")


def _say(plan: Plan, keys: KeyCopy | None) -> None:
    names = " + ".join(backup.name for backup in plan.chain)
    log = f" and {plan.run.last - plan.run.first + 1:,} segments of the log" if plan.run else ""
    console.print(f"restoring to {told(plan.at)} from {names}{log}", soft_wrap=True)
    if keys is not None:
        console.print(f"keys from {escape(str(keys.folder))}, until {told(keys.at)}")


def _finish_there(target: Settings, clock: Clock) -> None:
    begun = restoring.read(target.data)
    if begun is None:
        raise Expected(f"{target.data}: nothing was restored there that is not finished")
    with running_database(target) as url, Database(url, clock=clock, name="restore") as database:
        with database.transaction(read_only=True) as tx:
            schema = schema_number_of(tx)
        if schema != latest():
            _tell_schema(target, schema)
            raise typer.Exit(FOUND_WRONG)
        with (
            console.status("replaying erasures, auditing"),
            KeyStore.open(target.keys, clock, signing_key=target.signing_key) as keys,
        ):
            standing = finish_house(database, keys)
    restoring.remove(target.data)
    _tell(target, standing, begun.at)
    if not standing.audit.ok:
        raise typer.Exit(FOUND_WRONG)


def _tell_schema(target: Settings, schema: int) -> None:
    if schema > latest():
        complain(
            f"restored with schema {schema}, this version knows {latest()}: finish it with the "
            f"newer entrepot: entrepot restore {target.data} --finish"
        )
        return
    complain(
        f"restored with schema {schema}, this version needs {latest()}; nothing was migrated. "
        "Next, in this order:"
    )
    console.print(f"  ENTREPOT_DATA={escape(str(target.data))} entrepot migrate", soft_wrap=True)
    console.print(f"  entrepot restore {escape(str(target.data))} --finish", soft_wrap=True)


def _tell(target: Settings, standing: Standing, at: datetime) -> None:
    counts = ", ".join(f"{n:,} {name}" for name, n in standing.audit.looked_at.items())
    console.print(f"[green]restored[/] to {told(at)}: {counts}", soft_wrap=True)
    if standing.last_order is not None:
        order_id, placed_at = standing.last_order
        console.print(f"last order: {escape(order_id)}, placed {told(placed_at)}")
    if standing.erased_again:
        console.print(f"erased again: {standing.erased_again:,} persons")
    if standing.without_keys:
        complain(
            f"the data of {standing.without_keys:,} persons cannot be read any more: their keys "
            "are newer than the copy of the keys that was restored, or there was none"
        )
    if standing.audit.ok:
        console.print("[green]audit: all is well[/]")
    for finding in standing.audit.findings:
        console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    console.print("next, when this is to take over, with a folder of backups of its own:")
    console.print(
        f"  ENTREPOT_DATA={escape(str(target.data))} ENTREPOT_BACKUP=/path/to/another "
        "entrepot serve",
        soft_wrap=True,
    )
