"""The marker of a data home that is being restored: nothing else may work there before the end.

A home that is half copied would be taken for an empty one and begun anew; one that is recovered
but not finished would serve people who asked to be forgotten.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from entrepot.ground.files import write_durably
from entrepot.words.outcome import Broken

MARKER = "restore.json"
RESTORING = "restoring"
RECOVERED = "recovered"


class Restoring(msgspec.Struct, frozen=True):
    """How far a restore is.

    stage   restoring: not whole yet; recovered: whole, erasures not replayed and not audited yet
    at      the instant it is restored to
    """

    stage: str
    at: datetime


def marker(data: Path) -> Path:
    """Where the marker of a data home is."""
    return data / MARKER


def read(data: Path) -> Restoring | None:
    """How far the restore of a data home is; None when none is at work there.

    Raises: Broken when the marker cannot be read.
    """
    try:
        return msgspec.json.decode(marker(data).read_bytes(), type=Restoring)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise Broken(f"{marker(data)}: it cannot be read ({error}); restore once more") from error


def write(data: Path, restoring: Restoring) -> None:
    """Note how far it is."""
    write_durably(marker(data), msgspec.json.encode(restoring), mode=0o644)


def remove(data: Path) -> None:
    """The restore is finished."""
    marker(data).unlink()


def require_whole(data: Path) -> None:
    """Raises: Broken when a restore has not brought everything there yet."""
    found = read(data)
    if found is not None and found.stage != RECOVERED:
        raise Broken(
            f"{data}: a restore was begun here and is not whole; run the same `entrepot restore` "
            "again, it starts afresh"
        )


def require_finished(data: Path) -> None:
    """Raises: Broken when a restore is not finished: erasures may be missing."""
    require_whole(data)
    if read(data) is not None:
        raise Broken(
            f"{data}: restored, but erasures were not replayed yet; run `entrepot restore "
            f"{data} --finish`"
        )
