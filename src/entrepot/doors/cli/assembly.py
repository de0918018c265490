"""The table of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from entrepot import __version__
from entrepot.doors.cli import (
    archive,
    backup,
    data,
    demo,
    importing,
    importing_orders,
    keys,
    load,
    operate,
    processes,
    restore,
    show,
)
from entrepot.doors.cli.endings import console
from entrepot.doors.cli.first_start import prepare

APP = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Entrepot: the information management system of a large online retailer.",
)


def _version(wanted: bool) -> None:
    if wanted:
        console.print(f"entrepot {__version__}")
        raise typer.Exit


@APP.callback()
def entrepot(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Settings come from the environment; docs/settings.md lists them."""


RUNNING = "Running it"
DATA = "A retailer's data"
CARE = "Taking care"

APP.command("demo", rich_help_panel=RUNNING)(demo.demo)
APP.command("serve", rich_help_panel=RUNNING)(operate.serve_command(prepare))
APP.command("status", rich_help_panel=RUNNING)(operate.status)
APP.command("stop", rich_help_panel=RUNNING)(operate.stop)
APP.command("doctor", rich_help_panel=RUNNING)(operate.doctor)
APP.command("new", rich_help_panel=DATA)(load.new)
APP.command("load", rich_help_panel=DATA)(load.load)
IMPORT = typer.Typer(no_args_is_help=True, help="Read what another system knows.")
IMPORT.command("orders")(importing.import_orders)
IMPORT.command("new-orders")(importing_orders.import_new_orders)
APP.add_typer(IMPORT, name="import", rich_help_panel=DATA)
APP.command("show", rich_help_panel=CARE)(show.show)
APP.command("migrate", rich_help_panel=CARE)(data.migrate)
APP.command("audit", rich_help_panel=CARE)(data.audit)
APP.command("replay", rich_help_panel=CARE)(data.replay)
APP.command("dead-letters", rich_help_panel=CARE)(data.dead_letters)
APP.add_typer(archive.APP, name="archive", rich_help_panel=CARE)
APP.command("backup", rich_help_panel=CARE)(backup.backup)
APP.command("restore", rich_help_panel=CARE)(restore.restore)
APP.add_typer(keys.APP, name="key", rich_help_panel=CARE)
APP.command("door", hidden=True)(processes.door)
APP.command("page", hidden=True)(processes.page)
APP.command("work", hidden=True)(processes.work)
APP.command("archiver", hidden=True)(processes.archiver)
