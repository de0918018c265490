"""Files that survive a power cut, and folders that only their owner may enter.

Appending to a file, or writing over it, can leave it empty after a power cut; a configuration that
is empty is read as all defaults. So a file is written aside, synced, renamed, and its folder
synced: a reader sees the old content or the new, never a part.
"""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from entrepot.words.outcome import Broken


class Owner(NamedTuple):
    """The account a file is to belong to."""

    uid: int
    gid: int


def write_durably(
    path: Path, content: str | bytes, *, mode: int = 0o600, owner: Owner | None = None
) -> None:
    """Replace `path` by `content`; when this returns, a power cut does not undo it.

    owner  None = whoever runs this process
    """
    data = content.encode() if isinstance(content, str) else content
    aside = path.with_name(f".{path.name}.aside")
    # Left by a writer that was killed. Removing it and creating it exclusively also means that a
    # link planted under that name is never followed.
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        if owner is not None and os.geteuid() == 0:
            os.fchown(descriptor, owner.uid, owner.gid)
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable: files created in it, renamed or removed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_folder(path: Path, *, mode: int = 0o700, owner: Owner | None = None) -> Path:
    """`path` as a folder of that owner and mode, made if it is missing; gives the path.

    Safe in a folder where others may write, such as /tmp: a link or a folder that someone else
    put there is refused, never used.
    Raises: Broken when something else stands there or it cannot be made.
    """
    wanted = owner or Owner(os.geteuid(), os.getegid())
    try:
        path.mkdir(mode=0o700, parents=False)
    except FileExistsError:
        pass
    except OSError as error:
        raise Broken(
            f"{path}: cannot make this folder ({error.strerror}); "
            "make it, or choose another data home with ENTREPOT_DATA"
        ) from error
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise Broken(
            f"{path}: found something that is not a folder we may open ({error.strerror}), "
            "expected our own folder; move it away"
        ) from error
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (wanted.uid, os.geteuid()):
            raise Broken(
                f"{path}: owned by account {found.st_uid}, expected {wanted.uid}; "
                "move it away, or run as the account that owns it"
            )
        if os.geteuid() == 0 and found.st_uid != wanted.uid:
            os.fchown(descriptor, wanted.uid, wanted.gid)
        ours = os.geteuid() in (0, found.st_uid)
        if ours and stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
    return path


def data_home(path: Path, *, mode: int = 0o700) -> Path:
    """The data home, made with `mode` if it is missing and left as it is otherwise; gives the path.

    Raises: Broken when it cannot be made or this account may not write to it.
    """
    us = account_name()
    if not path.is_dir():
        try:
            path.mkdir(parents=True)
            path.chmod(mode)
        except OSError as error:
            raise Broken(
                f"ENTREPOT_DATA: cannot make {path} ({error.strerror}); "
                f"make it for account {us}, or choose another folder"
            ) from error
    elif not os.access(path, os.W_OK | os.X_OK):
        raise Broken(
            f"ENTREPOT_DATA: account {us} may not write to {path}; "
            f"give it the folder (chown {us} {path}) or choose another"
        )
    return path


def account_name() -> str:
    """The name of the account this process runs as; its number when it has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
