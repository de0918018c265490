"""Commands about the database: migrate, audit, dead letters, replay of decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from entrepot.doors.cli.endings import FOUND_WRONG, UNUSABLE, complain, console
from entrepot.doors.cli.opened import opened_house, running_database, settings_now
from entrepot.flows import reactions
from entrepot.flows.watch.audit import audit as audit_house
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import decisions, subscriptions
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.migrate import migrate as migrate_database


def migrate() -> None:
    """Bring the database to this version's schema; safe to repeat, safe while orders come in."""
    with running_database(settings_now()) as url:
        done = migrate_database(url)
    if not done.applied:
        console.print(f"schema {done.after}: nothing to do")
    for step in done.applied:
        console.print(f"applied {step}")


def audit() -> None:
    """Check every invariant over the whole database; exit code 1 when one is broken."""
    with opened_house(name="audit") as house:
        drain(house.database)
        with console.status("auditing"), house.database.transaction(read_only=True) as tx:
            found = audit_house(tx)
    looked = ", ".join(f"{count:,} {name}" for name, count in found.looked_at.items())
    if found.ok:
        console.print(f"[green]audit: all is well[/] ({looked})")
        return
    for finding in found.findings:
        console.print(f"[red]broken:[/] {escape(finding)}", soft_wrap=True)
    console.print(f"[bold red]audit: {len(found.findings)} findings[/] ({looked})")
    raise typer.Exit(FOUND_WRONG)


def dead_letters(
    retry: Annotated[
        str | None,
        typer.Option(help="Handle what is parked for this SUBSCRIPTION:SUBJECT again."),
    ] = None,
) -> None:
    """List the facts that a subscription could not handle, or try them again."""
    with opened_house(name="dead-letters") as house:
        if retry is not None:
            _retry(house.database, retry)
        with house.database.transaction(read_only=True) as tx:
            parked = subscriptions.dead_letters(tx)
    if not parked:
        console.print("no dead letters")
        return
    table = Table("subscription", "position", "subject", "fact", "attempts", "since", "reason")
    for letter in parked:
        table.add_row(
            letter.subscription,
            str(letter.position),
            escape(letter.subject),
            letter.name,
            str(letter.attempts),
            letter.parked_at.isoformat(timespec="seconds"),
            escape(letter.reason),
        )
    console.print(table)
    raise typer.Exit(FOUND_WRONG)


def _retry(database: Database, wanted: str) -> None:
    name, _, subject = wanted.partition(":")
    chosen = [s for s in SUBSCRIPTIONS if s.name == name]
    if not chosen or not subject:
        names = ", ".join(s.name for s in SUBSCRIPTIONS)
        complain(
            f"--retry: found {wanted!r}, expected SUBSCRIPTION:SUBJECT with one of {names}, "
            "as the list shows them"
        )
        raise typer.Exit(UNUSABLE)
    done = subscriptions.retry_dead_letters(database, chosen[0], subject)
    console.print(f"handled {done} facts of {escape(subject)}")


def replay(
    days: Annotated[int, typer.Option(min=1, help="How many days back.")] = 1,
) -> None:
    """Decide recorded decisions again and compare byte for byte; exit code 1 on a difference."""
    same = 0
    differences = []
    with opened_house(name="replay") as house:
        since = house.clock.now() - timedelta(days=days)
        with house.database.transaction(read_only=True) as tx:
            for decision in decisions.decisions_since(tx, since):
                difference = decisions.replay(decision, reactions.REPLAYS)
                if difference is None:
                    same += 1
                else:
                    differences.append(difference)
    for difference in differences:
        console.print(
            f"[red]{escape(difference.decision.subject)}[/] {difference.decision.kind}: "
            f"{escape(difference.found)}"
        )
    console.print(f"{same} decisions came out the same, {len(differences)} did not")
    if differences:
        raise typer.Exit(FOUND_WRONG)
