"""The license is the one that is declared, and data of others carries their names."""

from __future__ import annotations

import hashlib
import tomllib

from tests.house.tree import ROOT, files

# SHA-256 of the terms of the Apache License 2.0 with one space between words, without the appendix.
APACHE_2 = "09ae9bf1886f530f7338889ef805f37b288ec6adedd1e1e32058921acf05a782"
DATA = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xml", ".edi", ".txt", ".gz", ".zip")
SHIPPED = ("src/", "tests/data/", "benchmarks/data/")


def fingerprint(text: str) -> str:
    """Of the terms, however they are laid out."""
    terms = text.partition("END OF TERMS AND CONDITIONS")[0]
    return hashlib.sha256(" ".join(terms.split()).encode()).hexdigest()


def test_the_license_is_apache_2() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0" and project["license-files"][0] == "LICENSE"
    file = ROOT / "LICENSE"
    assert file.is_file(), "LICENSE is missing: the text of the Apache License 2.0"
    assert fingerprint(file.read_text(encoding="utf-8")) == APACHE_2


def unattributed(paths: tuple[str, ...], notice: str) -> list[str]:
    """Data files that ship and are not named in NOTICE, nor is their folder."""
    data = [p for p in paths if p.startswith(SHIPPED) and p.endswith(DATA) and "egg-info" not in p]
    lines = [line.strip() for line in notice.splitlines()]
    named = {line.removeprefix("- ").partition(" ")[0].rstrip(":") for line in lines}
    return [
        p for p in data if not any(p == n or (n.endswith("/") and p.startswith(n)) for n in named)
    ]


def test_shipped_data_is_attributed() -> None:
    file = ROOT / "NOTICE"
    notice = file.read_text(encoding="utf-8") if file.is_file() else ""
    missing = unattributed(files(), notice)
    assert not missing, f"NOTICE: a line 'path: source, author, license' for each of {missing}"


def test_data_without_its_author_is_seen() -> None:
    paths = ("src/entrepot/words/iso.csv", "tests/data/edi/a.edi", "docs/x.csv", "src/a.py")
    assert unattributed(paths, "") == list(paths[:2])
    assert unattributed(paths, "- src/entrepot/words/iso.csv: ISO\ntests/data/edi/: x, CC0\n") == []
