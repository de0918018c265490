"""The data home of a demo: one of its own, known by a marker, wiped by the next demo.

The marker is the first file of such a home and the last that is left of it. A home without one, or
with something in it that no installation makes, is never touched.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import msgspec

from entrepot.doors.runfile import LOCK, read_run_file
from entrepot.ground.cluster import Cluster
from entrepot.ground.cluster_settings import BACKED_UP, LOCAL_TUNING
from entrepot.ground.files import write_durably
from entrepot.ground.settings import Expected, Settings

MARKER = "demo.json"
REPORT = "report"
# What an installation and a demo put into a data home.
OURS = frozenset(
    {MARKER, REPORT, "ballast", "ballast.aside", "keys", "log", "postgres", "programs", "run"}
    | {"socket", f".{MARKER}.aside", BACKED_UP, f".{BACKED_UP}.aside"}
)
NAMED_MOST = 4


class Begun(msgspec.Struct, frozen=True):
    """How the demo of a home was begun.

    starts_at, ends_at  orders are placed from the first until before the second
    is_cleared          nothing of an earlier demo is left in the home
    """

    scenario: str
    seed: int
    starts_at: datetime
    ends_at: datetime
    is_cleared: bool = False


def is_demo(settings: Settings) -> bool:
    """Whether the data home is a demo's."""
    return (settings.data / MARKER).is_file()


def require_ours(settings: Settings) -> None:
    """Raises: Expected when a demo may not have this data home, with what is in the way."""
    if not settings.is_embedded:
        raise Expected(
            "ENTREPOT_DATABASE_URL: found an address, expected none: a demo makes and wipes a "
            "PostgreSQL of its own; run it without this variable"
        )
    data = settings.data
    if settings.keys != data / "keys":
        raise Expected(
            f"ENTREPOT_KEYS: found {settings.keys}, expected none: a demo makes and wipes keys of "
            "its own; run it without this variable"
        )
    if data.exists() and not data.is_dir():
        raise Expected(f"ENTREPOT_DATA: found {data}, which is a file, expected a folder")
    run_file = read_run_file(settings)
    if run_file is not None and run_file.is_current:
        raise Expected(
            f"{data} is in use: process {run_file.supervisor.pid}, port {run_file.port}, is "
            f"{run_file.state}; end it first with `entrepot stop`"
        )
    known = OURS if is_demo(settings) else frozenset()
    foreign = sorted(
        p.name for p in _entries(data) if p.name not in known and p.name != LOCAL_TUNING
    )
    if foreign:
        more = ", ..." if len(foreign) > NAMED_MOST else ""
        raise Expected(
            f"ENTREPOT_DATA: {data} holds {', '.join(foreign[:NAMED_MOST])}{more}, which is not of "
            "a demo; nothing was changed. A demo wipes its data home, so give it one of its own: "
            "ENTREPOT_DATA=/path/to/another entrepot demo"
        )


def read_begun(settings: Settings) -> Begun | None:
    """How the demo of this home was begun; None when there is none that was cleared."""
    try:
        found = msgspec.json.decode((settings.data / MARKER).read_bytes(), type=Begun)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    return found if found.is_cleared else None


def mark(settings: Settings, begun: Begun) -> None:
    """Write the marker; from now on the home is a demo's."""
    write_durably(settings.data / MARKER, msgspec.json.encode(begun), mode=0o644)


def clear(settings: Settings, begun: Begun) -> None:
    """Make room for a demo in a home that holds one, or nothing."""
    mark(settings, begun)
    _wipe(settings)
    mark(settings, msgspec.structs.replace(begun, is_cleared=True))


def _wipe(settings: Settings) -> None:
    """Remove what a demo's home holds, except its marker and the lock of whoever wipes it."""
    Cluster(settings).stop("immediate")
    kept = {MARKER, LOCAL_TUNING}
    for path in _entries(settings.data):
        if path == settings.run:
            for inside in _entries(path):
                if inside.name not in (LOCK, "postgres.lock"):
                    _remove(inside)
        elif path.name not in kept:
            _remove(path)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
