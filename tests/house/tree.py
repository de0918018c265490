"""Where things are in the working tree, for the checks that read it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "entrepot"
DEPARTMENTS = PACKAGE / "departments"


@cache
def files() -> tuple[str, ...]:
    """Every file that is tracked or about to be, relative to the root, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(
        sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file())
    )


def read(name: str) -> str | None:
    """The text of a file by its path from the root; None for one that is no UTF-8 text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def rooms() -> list[Path]:
    """The folders of the rooms, by name."""
    return sorted(f for f in DEPARTMENTS.iterdir() if (f / "__init__.py").is_file())
