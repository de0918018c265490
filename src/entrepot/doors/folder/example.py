"""Writing the example folder that a retailer begins with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from entrepot.doors.folder.describe import describe
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.ground.files import write_durably

README = "README.md"
READABLE = 0o644


def write_example(folder: Path) -> list[str]:
    """Write the example into a new or empty folder; gives the names of its files.

    Raises: UnusableFolder when something stands there already or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UnusableFolder(
                [f"{folder}: found files in it, expected a new or empty folder; choose another"]
            )
        files = {file.name: file.read_text(encoding="utf-8") for file in _template()}
        files[README] = describe()
        for name, text in sorted(files.items()):
            write_durably(folder / name, text, mode=READABLE)
    except OSError as error:
        raise UnusableFolder(
            [f"{folder}: cannot be written ({error.strerror}); choose another folder"]
        ) from error
    return sorted(files)


def _template() -> list[resources.abc.Traversable]:
    template = resources.files("entrepot.doors.folder") / "template"
    return [f for f in template.iterdir() if f.name.endswith((".csv", ".toml"))]
