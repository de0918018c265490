"""Run Entrepot with `python -m entrepot`."""

from entrepot.doors.cli import main

main()
