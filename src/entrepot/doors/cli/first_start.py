"""What `serve` does before its processes start: the schema fits, somebody can get in."""

from __future__ import annotations

from entrepot.departments.access import service as access
from entrepot.doors.cli.endings import console
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database
from entrepot.ground.migrate import migrate
from entrepot.ground.settings import Settings


def prepare(_settings: Settings, url: str) -> None:
    """Bring the database to this version's schema; print the first admin key, once."""
    clock = SystemClock()
    done = migrate(url, clock=clock)
    for step in done.applied:
        console.print(f"database: applied {step}")
    with Database(url, clock=clock, connections_max=1, name="entrepot-first-start") as database:
        key = database.run(access.create_first_admin)
    if key is not None:
        console.print()
        console.print("The admin key, shown only this once; keep it well:")
        console.print(f"[bold]{key}[/]", soft_wrap=True)
        console.print()
