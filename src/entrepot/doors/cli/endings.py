"""How a command ends: exit codes, and one clear line instead of a traceback.

0 done; 1 done, but something was refused or found broken; 2 unusable input; 3 not running or not
reachable; 4 a person must mend something; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from entrepot.ground.settings import Expected
from entrepot.words.outcome import Broken, Fault

DONE = 0
FOUND_WRONG = 1
UNUSABLE = 2
UNREACHABLE = 3
BROKEN = 4
INTERRUPTED = 130

console = Console()
errors = Console(stderr=True)


def complain(message: str) -> None:
    """One line to standard error, in words."""
    errors.print(f"[bold red]entrepot:[/] {escape(message)}", soft_wrap=True)


@contextmanager
def ended() -> Iterator[None]:
    """Turn faults into messages and exit codes."""
    try:
        yield
    except Broken as fault:
        complain(str(fault))
        sys.exit(BROKEN)
    except Fault as fault:
        complain(str(fault))
        sys.exit(UNREACHABLE)
    except Expected as error:
        complain(str(error))
        sys.exit(UNUSABLE)
    except SystemExit as end:
        # Typer turns Ctrl-C into this code before it can be caught here.
        if end.code == INTERRUPTED:
            complain(
                "interrupted; what was done is kept, and the same command goes on from there or "
                "begins afresh, a demo with --resume"
            )
        raise
    except BrokenPipeError:
        sys.exit(DONE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}; `entrepot doctor` checks disk and permissions")
        sys.exit(BROKEN)
