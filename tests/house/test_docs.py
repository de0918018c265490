"""What the code has, the documents have: settings, facts, commands, words, docstrings."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator

import pytest

from tests.house.generate import documents, fact_classes, fields_of, subjects_of, values_in
from tests.house.glossary import (
    ABBREVIATIONS,
    GLOSSARY,
    is_used,
    places,
    read_glossary,
    singular,
    used_names,
)
from tests.house.tidy_code import parsed
from tests.house.tree import PACKAGE, ROOT, files, read, rooms

SENTENCES_MIN = 3
DOCUMENTED = tuple(
    f"src/entrepot/{floor}/" for floor in ("words", "ground", "departments", "flows")
)

# Words of fields that would hold personal data; facts live for ever and go to the lake. Where a
# node of the network stands is no secret of a person.
PLACES_OF_BUSINESS = frozenset({"Node"})
PERSONAL = frozenset(
    {"address", "birthday", "email", "mail", "phone", "postal_code", "postcode", "recipient"}
    | {"street", "surname", "first_name", "last_name", "full_name", "iban", "ip_address"}
)


@pytest.mark.parametrize("path", documents())
def test_a_document_made_from_the_code_is_current(path: str) -> None:
    file = ROOT / path
    found = file.read_text(encoding="utf-8") if file.is_file() else "nothing"
    assert found == documents()[path](), "run: python -m tests.house.generate"


def test_the_commands_are_documented_once_there_are_commands() -> None:
    assert ("docs/commands.md" in documents()) == any(PACKAGE.glob("doors/cli*"))


def undocumented(text: str) -> Iterator[tuple[int, str]]:
    """Public functions and methods of public classes without a docstring, by line."""

    def visit(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield from visit(node.body)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                overload = any("overload" in ast.unparse(d) for d in node.decorator_list)
                if not (node.name.startswith("_") or overload or ast.get_docstring(node)):
                    yield node.lineno, node.name

    yield from visit(parsed(text).body)


def test_public_functions_have_docstrings() -> None:
    found = [
        f"{path}:{line}: {name}"
        for path in files()
        if path.startswith(DOCUMENTED) and path.endswith(".py")
        for line, name in undocumented(read(path) or "")
    ]
    assert not found, "\nno docstring:\n" + "\n".join(found)


def test_a_missing_docstring_is_found() -> None:
    text = (
        "def _private(): ...\ndef public(): ...\ndef told():\n    'Gives x.'\n"
        "class A:\n    def __init__(self): ...\n    def method(self): ...\n"
        "class _B:\n    def method(self): ...\n"
    )
    assert [name for _, name in undocumented(text)] == ["public", "method"]


def test_every_module_says_what_it_is() -> None:
    found = [
        path
        for path in files()
        if path.startswith("src/") and path.endswith(".py")
        if not ast.get_docstring(parsed(read(path) or ""))
    ]
    assert not found, f"no docstring at the top of {found}"


def card(room: str) -> str:
    return (
        ast.get_docstring(parsed(read(f"src/entrepot/departments/{room}/__init__.py") or "")) or ""
    )


def sentences(text: str) -> int:
    """How many sentences a text has; a card's first line counts as one."""
    return len(re.findall(r"[.!?](?=\s|$)", text))


def facts_on(text: str) -> set[str]:
    """The facts a card names, in its sentence that begins with `Facts:`."""
    found = re.search(r"^Facts:(.*?)\.(?:\s|$)", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"\b[A-Z]\w+[a-z][A-Z]\w+\b", found[1])) if found else set()


@pytest.mark.parametrize("room", [room.name for room in rooms()])
def test_a_room_has_a_card(room: str) -> None:
    text = card(room)
    assert sentences(text) >= SENTENCES_MIN, f"{room}/__init__.py: say what it owns and what not"
    assert "\nFacts:" in text, f"{room}/__init__.py: a line 'Facts: ...' or 'Facts: none.'"
    assert re.search(r"^Deliberately ", text, re.MULTILINE), f"{room}: what it leaves to others"
    known = {fact.name() for fact in fact_classes().get(room, [])}
    assert facts_on(text) == known, f"{room}/__init__.py: its Facts are those of model.py"


def test_a_poor_card_is_seen() -> None:
    assert sentences("Stock.\n\nOwns e.g things. No more") == 2
    assert facts_on("A.\n\nFacts: StockReceived,\nOrderPaid. Not OrderShipped.") == {
        "StockReceived",
        "OrderPaid",
    }


def test_every_fact_is_announced() -> None:
    code = {
        path: read(path) or ""
        for path in files()
        if path.startswith("src/entrepot/") and not path.endswith(("/model.py", "/__init__.py"))
    }
    silent = [
        f"{room}: {fact.name()}"
        for room, classes in fact_classes().items()
        for fact in classes
        if not any(re.search(rf"\b{fact.name()}\(", text) for text in code.values())
    ]
    assert not silent, f"facts that no code announces: {silent}"
    lost = [room for room in fact_classes() if not subjects_of(room)]
    assert not lost, f"no subject='kind/<key>' in the code of {lost}"


def test_facts_are_described_and_hold_no_personal_data() -> None:
    for room, classes in fact_classes().items():
        for cls in [*classes, *values_in(classes)]:
            assert cls.__doc__ and inspect.getdoc(cls), f"{room}: {cls.__name__} has no docstring"
            names = {name for name, _ in fields_of(cls)}
            private = cls.__name__ not in PLACES_OF_BUSINESS
            assert not (private and names & PERSONAL), (
                f"{room}: {cls.__name__} holds {names & PERSONAL}"
            )


def test_the_glossary_is_in_order() -> None:
    terms, odd = read_glossary(GLOSSARY.read_text(encoding="utf-8"))
    assert not odd, f"lines {odd} are no '- **term** `name`: meaning'"
    for before, after in itertools.pairwise(terms):
        if before.area == after.area:
            ordered = before.term.lower() < after.term.lower()
            assert ordered, f"line {after.line}: {after.term} stands before {before.term}"
    areas = list(dict.fromkeys(term.area for term in terms))
    assert areas == sorted(areas), "areas by alphabet"
    names = [name for term in terms for name in term.names]
    assert sorted(names) == sorted(set(names)), "one word, one meaning"
    for term in terms:
        complete = term.meaning.endswith(".") and len(term.meaning.split()) >= 4
        assert complete, f"line {term.line}: {term.term}: a whole sentence"


def test_a_glossary_out_of_order_is_seen() -> None:
    terms, odd = read_glossary("# G\n\nx\n\n## A\n\n- **B** `b`, `bb`: one two.\n- C: none\n")
    assert [(t.term, t.names, t.area) for t in terms] == [("B", ("b", "bb"), "A")]
    assert odd == [8]


def test_the_words_of_the_glossary_are_used() -> None:
    terms, _ = read_glossary(GLOSSARY.read_text(encoding="utf-8"))
    unused = [name for term in terms for name in term.names if not is_used(name, used_names())]
    assert not unused, f"named in docs/GLOSSARY.md but nowhere in the code: {unused}"


def test_the_words_of_the_code_are_in_the_glossary() -> None:
    terms, _ = read_glossary(GLOSSARY.read_text(encoding="utf-8"))
    known = {singular(name) for term in terms for name in term.names}
    missing = [f"{name} ({kind})" for name, kind in places() if singular(name) not in known]
    missing += [
        f"{word} (abbreviation)"
        for word in sorted({w for name in used_names() for w in name.split("_")} & ABBREVIATIONS)
        if singular(word) not in known
    ]
    assert not missing, "docs/GLOSSARY.md lacks:\n" + "\n".join(missing)


def test_a_word_is_found_inside_names() -> None:
    names = frozenset({"promised_date", "order_lines", "skus"})
    assert is_used("promised_date", names) and is_used("line", names) and is_used("sku", names)
    assert not is_used("date_promised", names) and not is_used("der", names)
    assert [singular(n) for n in ("orders", "entries", "boxes", "address")] == [
        "order",
        "entry",
        "box",
        "address",
    ]
