"""Rules that any file can break: its size, its comments, what it names.

The rules that read Python are in `tidy_code`, `tidy_sql` and `tidy_numbers`. Each message says
what to do instead. Banned words are written in parts here, so that this file keeps its own rules.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

LINES_MAX = 500
COLUMNS_MAX = 100

CODE = frozenset({".py", ".sql", ".html", ".css", ".js"})
DATA = frozenset({".csv", ".tsv", ".json", ".jsonl", ".parquet", ".svg", ".edi", ".xml"})


class Violation(NamedTuple):
    """One broken rule; prints as `path:line: rule: message`."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


Found = Iterator[tuple[int, str]]


def file_size(path: str, text: str) -> Found:
    """At most 500 lines; a migration is a record and is never split."""
    lines = text.count("\n") + (not text.endswith("\n"))
    if _is_ours(path) and "/migrations/" not in path and lines > LINES_MAX:
        yield LINES_MAX + 1, f"{lines} lines, at most {LINES_MAX}: split the file by decision"


def line_length(path: str, text: str) -> Found:
    """At most 100 columns."""
    if _is_ours(path):
        for number, line in enumerate(text.splitlines(), start=1):
            if len(line) > COLUMNS_MAX:
                yield number, f"{len(line)} columns, at most {COLUMNS_MAX}: break the line"


def _is_ours(path: str) -> bool:
    """Whether it is code that is written here, not shipped as others publish it."""
    return _suffix(path) in CODE and "/vendored/" not in path


def _spell(*words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("".join(parts) for parts in words)


MARKERS = _spell(("TO", "DO"), ("FIX", "ME"), ("X", "XX"))
_MARKER = re.compile(rf"\b({'|'.join(MARKERS)})\b")
_COMMENT = re.compile(r"(?:^|\s)(?:#|--|//|/\*|<!--|\{#)(.*)")


def marker(path: str, text: str) -> Found:
    """No note to oneself in a comment, a docstring or a document."""
    if _suffix(path) in DATA:
        return
    for number, comment in _prose(path, text):
        found = _MARKER.search(comment)
        if found:
            yield number, f"{found[1]}: do it now, or file an issue and remove the note"


def _prose(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Comments and docstrings of a file, by line; every line of a document."""
    suffix = _suffix(path)
    if suffix == ".py":
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        for token in tokens:
            multiline = token.type == tokenize.STRING and token.string.startswith(('"""', 'r"""'))
            if token.type == tokenize.COMMENT or multiline:
                for offset, line in enumerate(token.string.splitlines()):
                    yield token.start[0] + offset, line
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if suffix in (".md", ".txt", ".rst"):
            yield number, line
        elif found := _COMMENT.search(line):
            yield number, found[1]


AUTHORS = _spell(
    ("clau", "de"),
    ("anth", "ropic"),
    ("chat", "gpt"),
    ("open", "ai"),
    ("copi", "lot"),
    ("llm-", "generated"),
    ("ai-", "generated"),
    ("generated ", "by ai"),
    ("as an ", "ai"),
    ("co-authored", "-by"),
)
_AUTHOR = re.compile(r"(?<![\w-])(" + "|".join(AUTHORS) + r")(?![\w])", re.IGNORECASE)


def author(path: str, text: str) -> Found:
    """The text speaks of the system, never of who or what wrote it."""
    if _suffix(path) not in DATA:
        for number, found in _matches(_AUTHOR, text):
            yield number, f"'{found[1]}' speaks of authors or their tools: leave it out"


MACHINE_PATHS = _spell(("/wo", "rk/"), ("/ro", "ot/"))
_MACHINE_PATH = re.compile(r"(?<![\w.}/])(" + "|".join(MACHINE_PATHS) + ")")


def machine_path(path: str, text: str) -> Found:
    """No path of one machine."""
    for number, found in _matches(_MACHINE_PATH, text):
        yield number, f"'{found[1]}' is a path of one machine: use a relative path or a setting"


REGISTRIES = _spell(
    ("pypi", ".org"),
    ("files.python", "hosted.org"),
    ("registry.npm", "js.org"),
    ("deb.debi", "an.org"),
)
_REGISTRY = re.compile("|".join(re.escape(name) for name in REGISTRIES), re.IGNORECASE)


def registry(path: str, text: str) -> Found:
    """No address of a package registry."""
    for number, found in _matches(_REGISTRY, text):
        yield number, f"{found[0]}: name the package; the client knows its registry"


OPTIMIZED = "".join(("PYTHON", "OPTIMIZE"))
_OPTIMIZED = re.compile(rf"python[\d.]*(?:\s+-[a-zA-NP-Z]+)*\s+-O{{1,2}}\b|{OPTIMIZED}")


def optimized(path: str, text: str) -> Found:
    """Assertions mark bugs and are kept on."""
    for number, _ in _matches(_OPTIMIZED, text):
        yield number, "assertions would be off: start Python without -O"


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, re.Match[str]]]:
    for found in pattern.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix


TEXT_RULES = {
    "file-size": file_size,
    "line-length": line_length,
    "marker": marker,
    "author": author,
    "machine-path": machine_path,
    "registry": registry,
    "optimized": optimized,
}
