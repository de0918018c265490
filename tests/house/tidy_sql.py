"""Tidiness rules about SQL inside Python: never built from text, never outside the SQL files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tidy import Found
from tests.house.tidy_code import SOURCE, parsed

# What begins like a statement. Upper case on purpose: prose that begins with "Update" is no SQL.
_BEGINS = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*"
    r"(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s|MERGE\s+INTO\s|COPY\s"
    r"|CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+|TEMP\w*\s+)?(?:TABLE|INDEX|VIEW|SCHEMA|ROLE|"
    r"DATABASE|FUNCTION|SEQUENCE|TYPE|EXTENSION)\s"
    r"|ALTER\s+(?:TABLE|ROLE|DATABASE|SYSTEM|INDEX)\s|DROP\s+(?:TABLE|INDEX|VIEW|SCHEMA|DATABASE)\s"
    r"|TRUNCATE\s|GRANT\s|REVOKE\s|SET\s+(?:LOCAL|ROLE|TIME|SESSION|TRANSACTION)|LOCK\s+TABLE\s"
    r"|EXPLAIN\s|LISTEN\s|NOTIFY\s|VACUUM\b|ANALYZE\b)"
)
_WHOLE = re.compile(
    r"SELECT\b.+\bFROM\b|INSERT\s+INTO\s+\w|UPDATE\s+[\w.]+.*\bSET\b|DELETE\s+FROM\s+\w", re.DOTALL
)
_STAR = re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?(?:\w+\.)?\*|\bRETURNING\s+\*")

# What is given to these is SQL, whatever it looks like.
SPEAKERS = frozenset({"execute", "executemany", "rows", "row", "SQL"})
OF_TX = frozenset({"run", "count", "guard"})


def built_sql(path: str, text: str) -> Found:
    """A statement is one literal: never a format, a sum or a join of text."""
    if not path.startswith(SOURCE):
        return
    advice = "SQL built from text: write it whole and pass parameters; a name is sql.Identifier"
    tree = parsed(text)
    seen: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _speaks(node) and node.args and _made(node.args[0]):
            seen.add(id(node.args[0]))
            yield node.lineno, advice
    for node in ast.walk(tree):
        made = isinstance(node, ast.expr) and id(node) not in seen and _made(node)
        if made and _BEGINS.match(_beginning(node)):
            yield node.lineno, advice


def _speaks(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "SQL"
    if not isinstance(function, ast.Attribute):
        return False
    to_tx = isinstance(function.value, ast.Name) and function.value.id == "tx"
    return function.attr in SPEAKERS or (function.attr in OF_TX and to_tx)


def _made(node: ast.expr) -> bool:
    """Whether an expression makes text from parts."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("format", "join", "replace") and _is_text(node.func.value)
    return False


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.JoinedStr) or _made(node)


def _beginning(node: ast.expr) -> str:
    """The literal text an expression begins with."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return _beginning(node.values[0])
    if isinstance(node, ast.BinOp):
        return _beginning(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "join" and node.args and isinstance(node.args[0], ast.List):
            return _beginning(node.args[0].elts[0]) if node.args[0].elts else ""
        return _beginning(node.func.value)
    return ""


def loose_sql(path: str, text: str) -> Found:
    """Outside the ground, SQL stands in the .sql files."""
    if path.startswith(SOURCE) and not path.startswith(f"{SOURCE}ground/"):
        for line, literal in literals(parsed(text)):
            if _BEGINS.match(literal) and _WHOLE.search(literal):
                yield line, "SQL in Python: give it a name in the room's queries.sql"


def select_star(path: str, text: str) -> Found:
    """Columns are named, in Python's SQL too."""
    for line, literal in literals(parsed(text)):
        if _BEGINS.match(literal) and _STAR.search(literal):
            yield line, "a star for columns: name them"


def literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every text literal that is no docstring, by line; of a format, each literal part."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if literal and id(node) not in docstrings:
            yield node.lineno, node.value
