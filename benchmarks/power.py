"""A disk that can lose its power: a file system of its own in a file, cut off in full work.

The file system is told to go down at once without writing anything more, its log included: what
was not synced is gone, as after a power cut, and the next mount recovers from its log. That tests
that everything is synced that must be; whether a device keeps its promise it does not test.
Source: XFS_IOC_GOINGDOWN in Linux, fs/xfs/libxfs/xfs_fs.h, which ext4 takes too; `xfs_io -x -c
shutdown` does the same.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path
from time import perf_counter, sleep

SIZE_BYTES = 8 << 30  # the file has holes: what is not used takes no room
TRIAL_BYTES = 1 << 29
BUSY_S = 15.0
# _IOR('X', 125, __u32), and not to write the log before.
GOING_DOWN = 0x8004587D
WITHOUT_LOG = 2
SYSTEMS = ("xfs", "ext4")


class Disk:
    """A file system in a file below `folder`, mounted at `at`."""

    def __init__(self, folder: Path, size_bytes: int = SIZE_BYTES) -> None:
        self.at = folder / "disk"
        self._file = folder / "disk.image"
        self.system = next(s for s in SYSTEMS if shutil.which(f"mkfs.{s}"))
        with self._file.open("wb") as file:
            file.truncate(size_bytes)
        _run(f"mkfs.{self.system}", "-q", str(self._file))
        self.at.mkdir(mode=0o711)
        self.mount()

    def mount(self) -> None:
        """Put it in place; after a cut it recovers from its log."""
        _run("mount", "-o", "loop", str(self._file), str(self.at))
        self.at.chmod(0o711)

    def cut(self) -> None:
        """Nothing reaches it any more, and what was not synced is lost."""
        here = os.open(self.at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(here, GOING_DOWN, struct.pack("I", WITHOUT_LOG))
        finally:
            os.close(here)

    def unmount(self) -> None:
        """Take it away, as soon as nobody has it open."""
        end = perf_counter() + BUSY_S
        while True:
            try:
                _run("umount", str(self.at))
            except OSError:
                if perf_counter() > end:
                    raise
                sleep(0.02)
            else:
                return

    def remove(self) -> None:
        """Unmount it and remove its file."""
        if self.at.is_mount():
            self.unmount()
        self._file.unlink()


def why_not(folder: Path) -> str | None:
    """Why there can be no such disk here; None when one was tried and lost what it had to lose."""
    if os.geteuid() != 0:
        return "only root may mount a file system"
    if not any(shutil.which(f"mkfs.{system}") for system in SYSTEMS):
        return f"there is no mkfs.{' and no mkfs.'.join(SYSTEMS)}"
    folder.mkdir()
    try:
        return _tried(Disk(folder, TRIAL_BYTES))
    except OSError as error:
        return str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tried(disk: Disk) -> str | None:
    try:
        for name in ("synced", "lost"):
            with (disk.at / name).open("wb") as file:
                file.write(bytes(100_000))
                file.flush()
                if name == "synced":
                    os.fsync(file.fileno())
        disk.cut()
        disk.unmount()
        disk.mount()
        left = [entry.name for entry in disk.at.iterdir() if entry.stat().st_size == 100_000]
        return None if left == ["synced"] else f"after a cut of {disk.system} there is {left}"
    finally:
        disk.remove()


def _run(*command: str) -> None:
    """Raises: OSError with what the program said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command[:2])}: {done.stderr.strip() or done.stdout.strip()}")
