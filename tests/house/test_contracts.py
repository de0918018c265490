"""The import contracts hold, and each of them fails when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from importlinter.api import use_cases

from tests.house.tree import PACKAGE, ROOT

CONFIGURATION = ROOT / ".importlinter"


def test_every_contract_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    kept = use_cases.lint_imports(str(CONFIGURATION), cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def test_the_migrations_package_is_data() -> None:
    code = (PACKAGE / "migrations" / "__init__.py").read_text(encoding="utf-8")
    assert code.startswith('"""') and code.rstrip().endswith('"""') and code.count('"""') == 2
    assert {file.suffix for file in (PACKAGE / "migrations").glob("*.*")} <= {".py", ".sql"}


class Plant(NamedTuple):
    """A line written into a file of the copy, the contract it breaks and what must be said."""

    name: str
    file: str
    line: str
    contract: str
    said: str


ROOM = "departments/planted_room"
A, B = "entrepot.departments.planted_room", "entrepot.departments.planted_other"

PLANTS = [
    Plant(f"{contract}: {name}", file, line, contract, said)
    for contract, name, file, line, said in (
        ("rooms", "direct", f"{ROOM}/service.py", f"import {B}.model", f"{A}.service -> {B}.model"),
        ("rooms", "words", "words/planted.py", f"import {B}.model", f"words.planted -> {B}.model"),
        (
            "floors",
            "flow in room",
            f"{ROOM}/store.py",
            "import entrepot.flows.planted",
            "-> entrepot.flows",
        ),
        (
            "floors",
            "door in flow",
            "flows/planted.py",
            "import entrepot.doors.planted",
            "-> entrepot.doors",
        ),
        (
            "floors",
            "ground in words",
            "words/planted.py",
            "import entrepot.ground.clock",
            "words.planted -> entrepot.ground.clock",
        ),
        (
            "floors",
            "room in ground",
            "ground/planted.py",
            f"import {A}.model",
            f"ground.planted -> {A}.model",
        ),
        ("floors", "new floor", "helpers/__init__.py", "", "- entrepot.helpers"),
        (
            "floors",
            "migration",
            "words/planted.py",
            "import entrepot.migrations",
            "words.planted -> entrepot.migrations",
        ),
        (
            "inside",
            "store up",
            f"{ROOM}/store.py",
            f"import {A}.service",
            f"{A}.store -> {A}.service",
        ),
        (
            "inside",
            "second store up",
            f"{ROOM}/store_more.py",
            f"import {A}.service_more",
            f"{A}.store_more -> {A}.service_more",
        ),
        (
            "pure",
            "like a service",
            f"{ROOM}/services.py",
            "import entrepot.ground.clock",
            f"{A}.services -> entrepot.ground.clock",
        ),
        (
            "inside",
            "decision up",
            f"{ROOM}/decisions.py",
            f"import {A}.store",
            f"{A}.decisions -> {A}.store",
        ),
        ("inside", "new file up", f"{ROOM}/odd.py", f"import {A}.store", f"{A}.odd -> {A}.store"),
        ("inside", "model up", f"{ROOM}/model.py", f"import {A}.odd", f"{A}.model -> {A}.odd"),
        ("pure", "driver", f"{ROOM}/decisions.py", "import psycopg", f"{A}.decisions -> psycopg"),
        (
            "pure",
            "clock",
            f"{ROOM}/decisions.py",
            "import entrepot.ground.clock",
            f"{A}.decisions -> entrepot.ground.clock",
        ),
        ("pure", "model", f"{ROOM}/model.py", "from time import time", f"{A}.model -> time"),
        ("pure", "new file", f"{ROOM}/odd.py", "import random", f"{A}.odd -> random"),
        (
            "pure",
            "in function",
            f"{ROOM}/odd.py",
            "def f():\n    import socket",
            f"{A}.odd -> socket",
        ),
        ("pure", "words", "words/planted.py", "import pathlib", "words.planted -> pathlib"),
        ("driver", "store", f"{ROOM}/store.py", "import psycopg", f"{A}.store -> psycopg"),
        ("driver", "flow", "flows/planted.py", "import psycopg", "flows.planted -> psycopg"),
        (
            "acyclic",
            "decisions",
            f"{ROOM}/odd.py",
            f"import {A}.decisions",
            "No cycles are allowed in entrepot.departments.planted_room",
        ),
        (
            "acyclic",
            "flows",
            "flows/planted.py",
            "import entrepot.flows.other",
            "No cycles are allowed in entrepot.flows",
        ),
    )
]

FILES = {
    f"{ROOM}/__init__.py": "",
    f"{ROOM}/model.py": "import entrepot.words.planted\n",
    f"{ROOM}/decisions.py": f"import {A}.model\n",
    f"{ROOM}/odd.py": f"import {A}.model\n",
    f"{ROOM}/store.py": f"import {A}.decisions\n",
    f"{ROOM}/store_more.py": f"import {A}.store\n",
    f"{ROOM}/service.py": f"import {A}.store\nimport {A}.store_more\n",
    f"{ROOM}/service_more.py": f"import {A}.service\nimport entrepot.ground.planted\n",
    "departments/planted_other/__init__.py": "",
    "departments/planted_other/model.py": "",
    "departments/planted_other/service.py": f"import {B}.model\n",
    "words/planted.py": "",
    "ground/planted.py": "import entrepot.words.planted\n",
    "flows/planted.py": f"import {A}.service\nimport {B}.service\n",
    "flows/other.py": "",
    "doors/planted.py": "import entrepot.flows.planted\n",
}
# What closes each planted cycle is harmless alone.
BACK = {
    "acyclic: decisions": (f"{ROOM}/decisions.py", f"import {A}.odd\n"),
    "acyclic: flows": ("flows/other.py", "import entrepot.flows.planted\n"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A package of the house's outline with two rooms, a flow and a door."""
    package = tmp_path / "entrepot"
    for source in PACKAGE.glob("*/__init__.py"):
        target = package / source.relative_to(PACKAGE)
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    for name in ("__init__.py", "__main__.py", "doors/cli.py", "ground/clock.py"):
        write(package / name, "")
    for name, text in FILES.items():
        write(package / name, text)
    return tmp_path


def write(file: Path, text: str) -> None:
    """Add text to a file, made with its folder when missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(text)


def lint(copy: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run the command over a copy; all contracts when none is named."""
    chosen = [part for contract in contracts for part in ("--contract", contract)]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", *chosen],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_copy_without_a_plant_is_clean(copy: Path) -> None:
    found = lint(copy)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"Analyzed {sum(1 for _ in copy.rglob('*.py'))} files" in found.stdout


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_import_is_caught(copy: Path, plant: Plant) -> None:
    write(copy / "entrepot" / plant.file, f"{plant.line}\n")
    if plant.name in BACK:
        file, text = BACK[plant.name]
        write(copy / "entrepot" / file, text)
    found = lint(copy, plant.contract)
    assert found.returncode == 1, found.stdout + found.stderr
    broken = found.stdout.split("Broken contracts")
    assert len(broken) == 2 and plant.said in broken[1], found.stdout + found.stderr


def contracts() -> Iterator[str]:
    """The ids of all contracts in the configuration."""
    for options in use_cases.read_user_options(str(CONFIGURATION)).contracts_options:
        yield options["id"]


def test_every_contract_has_a_plant() -> None:
    assert set(contracts()) == {plant.contract for plant in PLANTS}
