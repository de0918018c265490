"""Named SQL, read from the `queries.sql` beside the code that uses it.

A package with many has more files, `queries_<decision>.sql`; their names are one set.

A query starts with `-- name: <identifier>` and may be followed by comment lines that describe it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from functools import cache
from importlib import resources
from typing import Any, LiteralString

_NAME = re.compile(r"^--\s*name:\s*([a-z][a-z0-9_]*)\s*$")


class Queries:
    """The named queries of one package, as attributes: `Q.reserve_stock`."""

    def __init__(self, package: str, texts: dict[str, LiteralString]) -> None:
        self._package = package
        self._texts = texts

    def __getattr__(self, name: str) -> LiteralString:
        try:
            return self._texts[name]
        except KeyError:
            raise AttributeError(
                f"{self._package}/queries.sql has no query named {name!r}; "
                f"it has {', '.join(sorted(self._texts))}"
            ) from None

    def names(self) -> list[str]:
        """The names in the file's order."""
        return list(self._texts)


def parse_queries(package: str, text: LiteralString) -> dict[str, LiteralString]:
    """The queries of one file by name, comments of the head line kept out.

    Raises: ValueError for SQL before the first name, a name given twice, or an empty query.
    """
    found: dict[str, list[LiteralString]] = {}
    current: list[LiteralString] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        head = _NAME.match(line)
        if head:
            if head.group(1) in found:
                raise ValueError(f"{package}/queries.sql:{number}: {head.group(1)} is named twice")
            current = found.setdefault(head.group(1), [])
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.lstrip().startswith("--"):
            raise ValueError(f"{package}/queries.sql:{number}: SQL before the first '-- name:'")
    texts = {name: "\n".join(lines).strip() for name, lines in found.items()}
    for name, body in texts.items():
        lines = [line.strip() for line in body.splitlines()]
        if not any(line and not line.startswith("--") for line in lines):
            raise ValueError(f"{package}/queries.sql: {name} is empty")
    return texts


@cache
def load_queries(package: str) -> Queries:
    """The queries of `package` (a dotted name), read once per process."""
    files = [f for f in resources.files(package).iterdir() if fnmatch(f.name, "queries*.sql")]
    texts = [f.read_text(encoding="utf-8") for f in sorted(files, key=lambda f: f.name)]
    text: Any = "\n".join(texts)
    # The files ship with the code and hold no user input: they are literals in all but type.
    return Queries(package, parse_queries(package, text))
