"""docs/GLOSSARY.md as values, and the words the code uses as names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.house.sql import parse, tables
from tests.house.tidy_code import defined
from tests.house.tree import PACKAGE, ROOT, files, read

GLOSSARY = ROOT / "docs" / "GLOSSARY.md"

# Abbreviations of the trade: used in a name, they stand in the glossary.
ABBREVIATIONS = frozenset(
    re.findall(
        r"\w+",
        """aql asn atp b2b bom cogs ctp dsd edi eoq eta fefo fifo gln gmv gs1 gtin iban mape mase
        mcp moq mrp msrp oms otif p2p pim po poa pod pos psp rfid rma roq sku sla sscc tms ttl ucp
        uom upc vat vmi wape wms""",
    )
)

_ENTRY = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*(?P<names>(?:,? `[a-z0-9_]+`)*): (?P<meaning>.+)$")


class Term(NamedTuple):
    """One line: the term, its names in the code (may be none), its meaning, its area."""

    term: str
    names: tuple[str, ...]
    meaning: str
    area: str
    line: int


def read_glossary(text: str) -> tuple[list[Term], list[int]]:
    """The terms, and the lines below the first area that are neither term, heading nor empty."""
    terms, odd, area = [], [], ""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _ENTRY.match(line)
        if line.startswith("## "):
            area = line[3:].strip()
        elif found:
            names = tuple(re.findall(r"`([a-z0-9_]+)`", found["names"]))
            terms.append(Term(found["term"], names, found["meaning"], area, number))
        elif area and line.strip():
            odd.append(number)
    return terms, odd


def singular(name: str) -> str:
    """A name without the plural of its last word: `orders`, `entries`, `boxes`."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ss", "ss"), ("s", "")):
        if name.endswith(ending):
            return name[: -len(ending)] + instead
    return name


@cache
def used_names() -> frozenset[str]:
    """Every name in the package's Python and SQL, in snake case: columns, arguments, files too."""
    found: set[str] = set()
    for path in files():
        if not path.startswith("src/entrepot/"):
            continue
        text = read(path) or ""
        found.update(path.removeprefix("src/entrepot/").partition(".")[0].split("/"))
        if path.endswith(".py"):
            found |= {_snake(name) for _, name in defined(ast.parse(text))}
        elif path.endswith(".sql"):
            found |= set(re.findall(r"\b[a-z_][a-z0-9_]*\b", re.sub(r"--.*|'[^']*'", "", text)))
            # States and kinds are values of text columns; they are words of the system too.
            found |= set(re.findall(r"'([a-z_]+)'", re.sub(r"--.*", "", text)))
    return frozenset(found)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def is_used(term: str, names: frozenset[str]) -> bool:
    """Whether a term stands in a name, whole or as some of its words in a row."""
    wanted = re.compile(rf"(?:^|_){re.escape(term)}(?:s|es)?(?:_|$)")
    return any(wanted.search(name) for name in names)


def places() -> Iterator[tuple[str, str]]:
    """The words that need an entry because they are places: floors, rooms, flows, tables."""
    for folder in sorted(PACKAGE.iterdir()):
        if (folder / "__init__.py").is_file() and folder.name != "migrations":
            yield folder.name, "floor"
    for floor in ("departments", "flows"):
        for folder in sorted((PACKAGE / floor).iterdir()):
            if (folder / "__init__.py").is_file():
                yield folder.name, floor[:-1]
    for file in sorted(PACKAGE.rglob("schema.sql")):
        for name, table in tables(parse(file.read_text(encoding="utf-8"))).items():
            if not table.partition:
                yield name.rpartition(".")[2], f"table of {file.parent.name}"
