"""The house's SQL as values: statements, tables, queries, read with PostgreSQL's own grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from pglast import ast, parse_sql
from pglast.enums import ConstrType

from entrepot.ground.queries import parse_queries

_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%s|%%")
_DECLARATION = re.compile(
    r"^--\s*(?:distributed by \((\w+)\)|(reference)|(local))\s*$", re.MULTILINE
)


class Statement(NamedTuple):
    """One statement of a file.

    line      where it begins
    comments  what stands between it and the statement before
    """

    line: int
    node: Any
    comments: str


class Declaration(NamedTuple):
    """How a table is spread: kind `distributed` with a column, `reference`, `local`."""

    kind: str
    column: str | None = None


class ForeignKey(NamedTuple):
    """Columns here, the table they point to, columns there (empty = its primary key)."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


class Table(NamedTuple):
    """A CREATE TABLE with its indexes; keys are in the order they are declared."""

    name: str
    line: int
    declarations: list[Declaration]
    columns: dict[str, Any]
    primary: list[tuple[str, ...]]
    uniques: list[tuple[str, ...]]
    foreign: list[ForeignKey]
    partition: bool


def placeholders(text: str) -> set[str]:
    """The names of the parameters a query takes."""
    return {found[1] for found in _PLACEHOLDER.finditer(text) if found[1]}


def numbered(text: str) -> str:
    """A query with the driver's placeholders as PostgreSQL's own: `$1`, the same for a name."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[0] not in names:
            names.append(found[0])
        return f"${names.index(found[0]) + 1}"

    return _PLACEHOLDER.sub(number, text)


def parse(text: str) -> list[Statement]:
    """The statements of a text.

    Raises: pglast.parser.ParseError for what PostgreSQL would not parse.
    """
    plain = numbered(text)
    statements, end = [], 0
    for raw in parse_sql(plain):
        line = plain.count("\n", 0, raw.stmt_location) + 1
        statements.append(Statement(line, raw.stmt, plain[end : raw.stmt_location]))
        end = raw.stmt_location + raw.stmt_len
    return statements


def declarations(comments: str) -> list[Declaration]:
    """The distribution declarations among comments."""
    return [
        Declaration("distributed", found[1]) if found[1] else Declaration(found[2] or found[3])
        for found in _DECLARATION.finditer(comments)
    ]


def queries(text: str) -> Iterator[tuple[str, int, str]]:
    """The named queries of a file: name, line of its body, body."""
    for name, body in parse_queries("", text).items():
        head = re.search(rf"^--\s*name:\s*{name}\s*$", text, re.MULTILINE)
        assert head is not None
        yield name, text.count("\n", 0, text.index(body, head.end())) + 1, body


def walk(node: Any) -> Iterator[Any]:
    """A node and everything under it."""
    if isinstance(node, tuple):
        for part in node:
            yield from walk(part)
    elif isinstance(node, ast.Node):
        yield node
        for attribute in node:
            yield from walk(getattr(node, attribute))


def relation(node: Any) -> str:
    """`schema.table` of a RangeVar, or the bare name."""
    return f"{node.schemaname}.{node.relname}" if node.schemaname else str(node.relname)


def texts(nodes: Any) -> tuple[str, ...]:
    """The words of a list of strings in the tree."""
    return tuple(node.sval for node in nodes or () if isinstance(node, ast.String))


def type_name(node: Any) -> str:
    """The plain name of a type: `int8`, `timestamptz`."""
    return texts(node.names)[-1]


def tables(statements: list[Statement]) -> dict[str, Table]:
    """Every table created, with the unique indexes created on it."""
    found: dict[str, Table] = {}
    for statement in statements:
        node = statement.node
        if isinstance(node, ast.CreateStmt):
            table = _table(statement)
            found[table.name] = table
        elif isinstance(node, ast.IndexStmt) and node.unique and relation(node.relation) in found:
            columns = tuple(part.name or "(expression)" for part in node.indexParams)
            found[relation(node.relation)].uniques.append(columns)
    return found


def _table(statement: Statement) -> Table:
    node = statement.node
    table = Table(
        relation(node.relation),
        statement.line,
        declarations(statement.comments),
        columns={},
        primary=[],
        uniques=[],
        foreign=[],
        partition=node.partbound is not None,
    )
    for element in node.tableElts or ():
        if isinstance(element, ast.ColumnDef):
            table.columns[element.colname] = element
            for constraint in element.constraints or ():
                _constrain(table, constraint, (element.colname,))
        elif isinstance(element, ast.Constraint):
            _constrain(table, element, ())
    return table


def _constrain(table: Table, node: Any, column: tuple[str, ...]) -> None:
    kind = node.contype
    if kind == ConstrType.CONSTR_PRIMARY:
        table.primary.append(texts(node.keys) or column)
    elif kind == ConstrType.CONSTR_UNIQUE:
        table.uniques.append(texts(node.keys) or column)
    elif kind == ConstrType.CONSTR_EXCLUSION:
        equal = [part.name for part, operator in node.exclusions if texts(operator) == ("=",)]
        table.uniques.append(tuple(equal))
    elif kind == ConstrType.CONSTR_FOREIGN:
        columns = texts(node.fk_attrs) or column
        table.foreign.append(ForeignKey(columns, relation(node.pktable), texts(node.pk_attrs)))
