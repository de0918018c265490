"""What the archiver says of itself, for `status`, `doctor` and the next archiver.

It stands in the data home, so that nobody who asks has to touch a folder that may hang.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from entrepot.ground.files import write_durably
from entrepot.ground.processes import Identity, is_alive
from entrepot.ground.settings import Settings

LATE_S = 120.0


class State(msgspec.Struct, frozen=True):
    """One look of the archiver.

    since        when it started; at: when it looked
    folder       of backups, and whose archive is told of
    complete_to  everything acknowledged until then is in the archive; None = not known yet
    kept_bytes   what PostgreSQL keeps for the archive
    keys_to      until then every key is in the copy; None = not known yet
    newest       name of the newest backup, and when it ended; None = there is none
    shares_disk  the folder of backups is on the data home's own disk
    *_trouble    what keeps it from going on, in words; None = it goes on
    """

    archiver: Identity
    since: datetime
    at: datetime
    folder: str
    complete_to: datetime | None = None
    kept_bytes: int = 0
    keys_to: datetime | None = None
    newest: tuple[str, datetime] | None = None
    shares_disk: bool = False
    archive_trouble: str | None = None
    keys_trouble: str | None = None
    backup_trouble: str | None = None

    @property
    def is_current(self) -> bool:
        """Whether that archiver still runs."""
        return is_alive(self.archiver)

    def late(self, now: datetime) -> list[str]:
        """What a person should look at, in words."""
        found = []
        for what, to, trouble in (
            ("WAL archive", self.complete_to, self.archive_trouble),
            ("copy of the keys", self.keys_to, self.keys_trouble),
        ):
            if trouble:
                found.append(f"{what}: {trouble}")
            elif (now - (to or self.since)).total_seconds() > LATE_S:
                since = "nothing yet" if to is None else f"complete to {told(to)}"
                found.append(f"{what}: {since}, and no error is told: its folder may hang")
        if self.backup_trouble:
            found.append(f"backup: {self.backup_trouble}")
        return found


def told(instant: datetime) -> str:
    """An instant for a person."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def state_path(settings: Settings) -> Path:
    """Where it is."""
    return settings.run / "archiver.json"


def read_state(settings: Settings) -> State | None:
    """What an archiver said last, of the folder in use if one is set here; None = nothing."""
    try:
        state = msgspec.json.decode(state_path(settings).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None
    is_other = settings.backup is not None and state.folder != str(settings.backup)
    return None if is_other else state


def write_state(settings: Settings, state: State) -> None:
    """Say it."""
    write_durably(state_path(settings), msgspec.json.encode(state))
