"""The command `entrepot`: one module per group of commands, assembled here."""

from __future__ import annotations

import sys

from entrepot.doors.cli.assembly import APP
from entrepot.doors.cli.endings import ended


def main() -> None:
    """Run the command line; faults end with one clear line and an exit code, not a traceback."""
    with ended():
        APP(prog_name="entrepot")
    sys.exit(0)
