"""The run file: who is running, for `status`, `stop` and the next start.

A run file outlives a supervisor that was killed. So every process in it is named by its identity,
not its number, and the file counts only while that supervisor lives.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from entrepot.ground.files import account_name, data_home, private_folder, write_durably
from entrepot.ground.processes import Identity, is_alive
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Broken

LOCK = "supervisor.lock"


class RunningChild(msgspec.Struct, frozen=True):
    """One supervised process.

    state     starting, ready, waiting (for its next start) or failing (again and again)
    restarts  since the supervisor started
    """

    name: str
    state: str
    restarts: int
    process: Identity | None
    started_at: datetime | None


class RunFile(msgspec.Struct, frozen=True):
    """What one supervisor runs.

    state     starting, ready or stopping
    embedded  whether PostgreSQL is ours; then its state stands in the data directory
    """

    supervisor: Identity
    started_at: datetime
    state: str
    host: str
    port: int
    embedded: bool
    children: tuple[RunningChild, ...]

    @property
    def is_current(self) -> bool:
        """Whether that supervisor still runs."""
        return is_alive(self.supervisor)


def run_file_path(settings: Settings) -> Path:
    """Where it is."""
    return settings.run / "supervisor.json"


def read_run_file(settings: Settings) -> RunFile | None:
    """The run file, of a living supervisor or not; None when there is none that can be read.

    Raises: Broken when this account may not see it.
    """
    path = run_file_path(settings)
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunFile)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    except PermissionError as error:
        raise Broken(
            f"{path}: closed to account {account_name()}; "
            "run this as the account that runs Entrepot, or as root"
        ) from error


def write_run_file(settings: Settings, content: RunFile) -> None:
    """Replace the run file; a reader sees the old one or the new."""
    write_durably(run_file_path(settings), msgspec.json.encode(content), mode=0o600)


def remove_run_file(settings: Settings) -> None:
    """Nobody runs here any more."""
    run_file_path(settings).unlink(missing_ok=True)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One supervisor or demo per data home; the kernel gives the lock back when its holder dies.

    Raises: Broken when another one runs here.
    """
    data_home(settings.data, mode=0o711 if os.geteuid() == 0 else 0o700)
    private_folder(settings.run)
    descriptor = os.open(
        settings.run / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            known = read_run_file(settings)
            who = (
                f"process {known.supervisor.pid}, port {known.port}"
                if known is not None and known.is_current
                else "a start or a demo"
            )
            raise Broken(
                f"{settings.data}: Entrepot already runs here ({who}); see `entrepot status`, end "
                "it with `entrepot stop`, or choose another ENTREPOT_DATA"
            ) from None
        yield
    finally:
        os.close(descriptor)
