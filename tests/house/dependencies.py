"""What the project depends on: as declared, as documented, as pinned, as imported.

`python -m tests.house.dependencies` writes constraints.txt from what is installed.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT, files, read

PROJECT = ROOT / "pyproject.toml"
DOCUMENT = ROOT / "docs" / "dependencies.md"
CONSTRAINTS = ROOT / "constraints.txt"
RUN, DEVELOP = "To run", "To develop"


def declared(extra: str | None = None) -> list[Requirement]:
    """The requirements of pyproject.toml: to run, or those of one extra."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    texts = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(text) for text in texts]


def extras() -> list[str]:
    """The names of the extras."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return list(project["optional-dependencies"])


def documented() -> dict[str, set[str]]:
    """The first cells of the document's tables by heading; a row has six filled cells."""
    found: dict[str, set[str]] = {}
    heading = ""
    for number, line in enumerate(DOCUMENT.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("| ") and not line.startswith(("| name ", "| --- ")):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            assert len(cells) == 6 and all(cells), f"docs/dependencies.md:{number}: six cells"
            found.setdefault(heading, set()).add(canonicalize_name(cells[0]))
    return found


def pins(text: str) -> dict[str, str]:
    """The pinned versions by name.

    Raises: ValueError for a line that is not `name==version` or a comment.
    """
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", line)
        if match is None:
            raise ValueError(f"constraints.txt: found {line!r}, expected name==version")
        found[canonicalize_name(match[1])] = match[2]
    return found


def closure(wanted: Iterable[Requirement]) -> dict[str, str]:
    """Installed versions of requirements and of all they require, on this Python and machine."""
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    waiting = list(wanted)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for wish in ("", *sorted(requirement.extras)):
            if (name, wish) in done:
                continue
            done.add((name, wish))
            found[name] = metadata.version(name)
            for text in metadata.requires(name) or ():
                inner = Requirement(text)
                if inner.marker is None or inner.marker.evaluate({"extra": wish}):
                    waiting.append(inner)
    return found


def everything() -> list[Requirement]:
    """All that is declared, with every extra."""
    return [*declared(), *(r for extra in extras() for r in declared(extra))]


def imported(prefix: str) -> Iterator[tuple[frozenset[str], str]]:
    """Third-party packages imported under a folder: the distributions that share it, the file."""
    owners = metadata.packages_distributions()
    own = {"entrepot", "tests", "benchmarks", "conftest"}
    for path in files():
        if not (path.startswith(prefix) and path.endswith(".py")):
            continue
        for node in ast.walk(ast.parse(read(path) or "")):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names}:
                if top not in sys.stdlib_module_names and top not in own:
                    yield frozenset(map(canonicalize_name, owners.get(top, [top]))), path


def main() -> None:
    """Pin what is installed."""
    wanted = [*everything(), *(Requirement(n) for ns in documented().values() for n in ns)]
    found = sorted(closure(wanted).items())
    head = "# The versions this code is tested with, of all it needs, directly or not.\n"
    lines = "".join(f"{name}=={version}\n" for name, version in found)
    CONSTRAINTS.write_text(head + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
