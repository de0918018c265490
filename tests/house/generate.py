"""Documents made from the code: `python -m tests.house.generate` writes them, a test compares.

Each is a table the code already holds: the settings, the facts, the commands.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import typer
import typer.main

from entrepot.ground.settings import SETTINGS
from entrepot.words.facts import Fact
from entrepot.words.outcome import RefusalCode
from tests.house.tree import PACKAGE, ROOT, rooms

COMMAND_MODULE = "entrepot.doors.cli"


def settings() -> str:
    """docs/settings.md: every setting, its unit, default and purpose."""
    rows = [
        (
            f"`{s.name}`",
            s.purpose + (" Secret." if s.secret else ""),
            s.unit,
            _default(s.default_text),
        )
        for s in SETTINGS
    ]
    return _page(
        "Settings",
        "Entrepot reads these environment variables once, when it starts. None has to be set.",
        [_table(("variable", "what it is for", "unit", "default"), rows)],
    )


def _default(text: str) -> str:
    return f"`{text}`" if text and " " not in text else text or "not set"


def fact_classes() -> dict[str, list[type[Fact]]]:
    """The facts of each room, by the room's name, in the order of its model."""
    found: dict[str, list[type[Fact]]] = {}
    for folder in rooms():
        if not (folder / "model.py").is_file():
            continue
        module = importlib.import_module(f"entrepot.departments.{folder.name}.model")
        facts = [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, Fact) and value is not Fact
        ]
        found[folder.name] = [fact for fact in facts if fact.__module__ == module.__name__]
    return {room: facts for room, facts in found.items() if facts}


def facts() -> str:
    """docs/facts.md: every fact, its version, fields and meaning, and what it is about."""
    parts = []
    for room, classes in fact_classes().items():
        subjects = ", ".join(f"`{subject}`" for subject in subjects_of(room)) or "no subject yet"
        parts.append(f"## {room}\n\nAbout: {subjects}.")
        for fact in classes:
            parts.append(_struct(fact, f"Version {fact.version}. {_about(fact)}"))
        parts += [_value(value) for value in values_in(classes)]
    return _page(
        "Facts",
        "What the rooms announce. In the log each fact also carries its position, subject, id,\n"
        "version, instant, command, cause and actor. Order holds among the facts of one subject.\n"
        "Values that facts are made of stand after the facts of their room.",
        parts,
    )


def _about(cls: type) -> str:
    """A docstring: its sentence as text, the aligned columns below it as they are."""
    sentence, _, rest = (inspect.getdoc(cls) or "").partition("\n\n")
    return sentence + (f"\n\n```text\n{rest}\n```" if rest else "")


def _value(cls: type) -> str:
    if issubclass(cls, StrEnum):
        return _struct(cls, f"{_about(cls)}\n\nOne of: {', '.join(f'`{v.value}`' for v in cls)}.")
    return _struct(cls, _about(cls))


def _struct(cls: type, about: str) -> str:
    rows = [(f"`{name}`", f"`{kind}`".replace("|", "\\|")) for name, kind in fields_of(cls)]
    return f"### {cls.__name__}\n\n{about}" + (
        f"\n\n{_table(('field', 'type'), rows)}" if rows else ""
    )


def fields_of(cls: type) -> list[tuple[str, str]]:
    """The fields of a value with their types as written, those of its bases first."""
    return [
        (name, kind if isinstance(kind, str) else kind.__name__)
        for base in reversed(cls.__mro__)
        if issubclass(base, msgspec.Struct) and base is not Fact
        for name, kind in inspect.get_annotations(base).items()
        if not str(kind).startswith("ClassVar")
    ]


def values_in(classes: Sequence[type]) -> list[type]:
    """The values that fields of these classes are made of, deep, in the order they are met."""
    found: list[type] = []
    waiting = list(classes)
    while waiting:
        cls = waiting.pop(0)
        known = vars(sys.modules[cls.__module__])
        for _, kind in fields_of(cls):
            for name in re.findall(r"\w+", kind):
                value = known.get(name)
                holds = inspect.isclass(value) and issubclass(value, msgspec.Struct | StrEnum)
                if holds and value not in found:
                    found.append(value)
                    waiting.append(value)
    return found


def refusals() -> str:
    """docs/refusals.md: every code, and when it is given."""
    source = inspect.getsource(RefusalCode)
    rows = re.findall(r'^    (\w+) = "\1"  # (.+)$', source, re.MULTILINE)
    assert [code for code, _ in rows] == [code.value for code in RefusalCode], "a comment per code"
    return _page(
        "Refusals",
        "A refusal is a business no: nothing was changed, and the answer says why.\n"
        "Over HTTP it is problem+json with one of these codes. The list is closed.",
        [_table(("code", "when"), [(f"`{code}`", when) for code, when in rows])],
    )


def subjects_of(room: str) -> list[str]:
    """What the facts of a room are about, as the code writes it: `stock/<sku>/<node>`."""
    found = set()
    for file in sorted((PACKAGE / "departments" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found |= {_pattern(k.value) for k in node.keywords if k.arg == "subject"}
                if ast.unparse(node.func).endswith("Announcement") and node.args:
                    found.add(_pattern(node.args[0]))
            elif isinstance(node, ast.FunctionDef) and node.name.endswith("subject"):
                found |= {_pattern(n.value) for n in ast.walk(node) if isinstance(n, ast.Return)}
    return sorted(pattern for pattern in found if pattern)


def _pattern(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            parts.append(f"<{ast.unparse(part.value).rpartition('.')[2].strip('()')}>")
    return "".join(parts)


def commands() -> str:
    """docs/commands.md: every command with its arguments and options."""
    module = importlib.import_module(COMMAND_MODULE)
    (app,) = [value for value in vars(module).values() if isinstance(value, typer.Typer)]
    root = typer.main.get_command(app)
    return _page("Commands", (root.help or "").strip(), list(_commands(root, "entrepot")))


def _commands(command: object, path: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is not None:
        for name, child in inner.items():
            yield from _commands(child, f"{path} {name}")
        return
    rows = [
        (f"`{_spelled(parameter)}`", _help(parameter))
        for parameter in command.params  # type: ignore[attr-defined]
    ]
    about = inspect.cleandoc(command.help or "")  # type: ignore[attr-defined]
    yield f"## {path}\n\n{about}" + (f"\n\n{_table(('argument', 'meaning'), rows)}" if rows else "")


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def _help(parameter: object) -> str:
    return " ".join((getattr(parameter, "help", None) or "").split())


def _page(title: str, opening: str, parts: list[str]) -> str:
    made = "<!-- Made from the code by `python -m tests.house.generate`. -->"
    return "\n\n".join([f"# {title}", made, opening, *parts]) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def openapi() -> str:
    """docs/openapi.json: the HTTP API."""
    app = importlib.import_module("entrepot.doors.http.app")
    return json.dumps(app.describe(), indent=2, ensure_ascii=False) + "\n"


def documents() -> dict[str, Callable[[], str]]:
    """The documents by path from the root."""
    made = {"docs/settings.md": settings, "docs/facts.md": facts, "docs/refusals.md": refusals}
    if (PACKAGE / "doors" / "http").is_dir():
        made["docs/openapi.json"] = openapi
    if (PACKAGE / "doors" / "cli").is_dir() or (PACKAGE / "doors" / "cli.py").is_file():
        made["docs/commands.md"] = commands
    return made


def main() -> None:
    """Write every document that differs."""
    for path, make in documents().items():
        text, file = make(), ROOT / path
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
