"""Rules for the SQL of one package: how its tables are spread, its views, its named queries."""

from __future__ import annotations

import ast as python
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pglast import ast
from pglast.parser import ParseError

from tests.house import sql_rules
from tests.house.sql import (
    Declaration,
    ForeignKey,
    Statement,
    Table,
    declarations,
    parse,
    placeholders,
    queries,
    relation,
    tables,
)
from tests.house.tidy import Violation
from tests.house.tidy_code import parsed


class Package(NamedTuple):
    """The SQL of the ground, of a room, or of a folder of flows, and the code that speaks it.

    name     dotted
    folder   path from the root
    schema   text of schema.sql, or None
    queries  text of queries.sql, or None
    code     path from the root to text, of each Python file of the package
    """

    name: str
    folder: str
    schema: str | None
    queries: str | None
    code: Mapping[str, str]

    @property
    def is_room(self) -> bool:
        return self.name.startswith("entrepot.departments.")

    @property
    def is_flow(self) -> bool:
        return self.name.startswith("entrepot.flows")

    @property
    def own(self) -> set[str]:
        """The database schemas it may name."""
        if self.is_room:
            return {self.name.rpartition(".")[2]}
        return {
            s.node.schemaname
            for s in parse(self.schema or "")
            if isinstance(s.node, ast.CreateSchemaStmt)
        }


def check_package(package: Package, views: frozenset[str] = frozenset()) -> list[Violation]:
    """Every broken rule of a package; `views` are the published views that a flow may read."""
    found: list[Violation] = []
    own_tables: dict[str, Table] = {}
    if package.schema is not None:
        path = f"{package.folder}/schema.sql"
        try:
            statements = parse(package.schema)
        except ParseError as error:
            return [Violation(path, 1, "parse", str(error))]
        own_tables = tables(statements)
        found += _schema(package, path, statements, own_tables)
    if package.queries is not None:
        found += _queries(package, f"{package.folder}/queries.sql", own_tables, views)
    return found + list(_uses(package))


def _schema(
    package: Package, path: str, statements: list[Statement], own_tables: dict[str, Table]
) -> Iterator[Violation]:
    for statement in statements:
        rules = [*sql_rules.statement_rules(statement)]
        rules += sql_rules.own_schema(statement, package.own)
        if declarations(statement.comments) and not isinstance(statement.node, ast.CreateStmt):
            rules.append(("spread", "a declaration of spread without its CREATE TABLE below"))
        if isinstance(statement.node, ast.AlterTableStmt):
            rules.append(
                ("spread", "ALTER TABLE: say it in CREATE TABLE, where its rules are read")
            )
        if isinstance(statement.node, ast.CreateTableAsStmt):
            rules.append(("spread", "a table made by a query: declare it and fill it by its facts"))
        for rule, message in rules:
            yield Violation(path, statement.line, rule, message)
    for table in own_tables.values():
        for rule, message in _spread(table, own_tables):
            yield Violation(path, table.line, rule, f"{table.name}: {message}")
    if package.is_room:
        for line, message in _views(package, statements, own_tables):
            yield Violation(path, line, "views", message)


def _spread(table: Table, own_tables: dict[str, Table]) -> Iterator[tuple[str, str]]:
    """How a table is spread, and that its keys allow it."""
    if table.partition:
        return
    if len(table.declarations) != 1:
        count = len(table.declarations)
        yield (
            "spread",
            (
                f"found {count} declarations, expected one comment line above CREATE TABLE: "
                "-- distributed by (column), -- reference, or -- local"
            ),
        )
        return
    spread = table.declarations[0]
    if len(table.primary) != 1:
        yield "primary-key", "every table has one primary key"
    if spread.kind == "distributed":
        if spread.column not in table.columns:
            yield "spread", f"distributed by ({spread.column}), which is no column of it"
        for rule, keys in (("primary-key", table.primary), ("unique", table.uniques)):
            for key in keys:
                if spread.column not in key:
                    yield rule, f"({', '.join(key)}) lacks the distribution column {spread.column}"
    for key in table.foreign:
        target = own_tables.get(key.table)
        if target is None or len(target.declarations) != 1:
            yield "foreign-key", f"to {key.table}, which is no table of this room"
        elif not _may_point(spread, key, target):
            yield (
                "foreign-key",
                (
                    f"({', '.join(key.columns)}) to {key.table}: only to a reference table, or to "
                    "one spread by the same column, with that column in the key on both sides"
                ),
            )


def _may_point(spread: Declaration, key: ForeignKey, target: Table) -> bool:
    there = target.declarations[0]
    if there.kind != "distributed":
        return there.kind == "reference" or spread.kind == "local"
    columns, wanted = key.columns, key.target or target.primary[0]
    pairs = set(zip(columns, wanted, strict=False))
    return spread.kind == "distributed" and (spread.column, there.column) in pairs


def _views(
    package: Package, statements: list[Statement], own_tables: dict[str, Table]
) -> Iterator[tuple[int, str]]:
    """The published views end the file; a room with tables has at least one."""
    first: int | None = None
    for statement in statements:
        node = statement.node
        if isinstance(node, ast.ViewStmt):
            first = first or statement.line
            if not node.view.relname.startswith("v_"):
                yield statement.line, f"{relation(node.view)}: a published view is named v_..."
        elif first is not None and not isinstance(node, ast.CommentStmt):
            yield statement.line, "published views end the file: move this above them"
    if own_tables and first is None:
        yield 1, f"no published view: end the file with {package.name.rpartition('.')[2]}.v_..."


def _queries(
    package: Package, path: str, own_tables: dict[str, Table], views: frozenset[str]
) -> Iterator[Violation]:
    assert package.queries is not None
    for name, line, body in queries(package.queries):
        try:
            statements = parse(body)
        except ParseError as error:
            yield Violation(path, line, "parse", f"{name}: {error}")
            continue
        if len(statements) != 1:
            yield Violation(path, line, "one", f"{name}: {len(statements)} statements, expected 1")
        for statement in statements:
            rules = [*sql_rules.statement_rules(statement)]
            if package.is_flow:
                rules += _reads_views(statement, views)
            else:
                rules += sql_rules.own_schema(statement, package.own)
                rules += sql_rules.locks(statement, own_tables)
            for rule, message in rules:
                yield Violation(path, line + statement.line - 1, rule, f"{name}: {message}")


def _reads_views(statement: Statement, views: frozenset[str]) -> sql_rules.Found:
    """A flow reads published views and writes nothing."""
    if not isinstance(statement.node, ast.SelectStmt):
        yield "own-schema", "a flow writes through the rooms' services"
    for _schema_name, name in sql_rules.names(statement):
        if name not in views and not name.startswith("pg_catalog."):
            yield "own-schema", f"{name} is no published view: only room.v_... may be read here"


def _uses(package: Package) -> Iterator[Violation]:
    """Every named query is used, every use exists, and gets the parameters it names."""
    known = dict[str, tuple[int, str]]()
    if package.queries is not None:
        known = {name: (line, body) for name, line, body in queries(package.queries)}
    used: set[str] = set()
    for path, text in package.code.items():
        speaks = not package.is_room or path.removeprefix(f"{package.folder}/").startswith("store")
        for node in python.walk(parsed(text)):
            name = _query_name(node)
            if name is None:
                continue
            used.add(name)
            if not speaks:
                yield Violation(path, node.lineno, "speaker", f"Q.{name}: only store speaks SQL")
            if name not in known:
                yield Violation(path, node.lineno, "unknown", f"queries.sql has no query {name}")
        for line, name, given in _given(parsed(text)):
            wanted = placeholders(known[name][1]) if name in known else given
            if given != wanted:
                yield Violation(path, line, "parameters", _difference(name, given, wanted))
    for name in known.keys() - used:
        path = f"{package.folder}/queries.sql"
        yield Violation(path, known[name][0], "unused", f"{name}: no code uses it, remove it")


def _query_name(node: python.AST) -> str | None:
    named = isinstance(node, python.Attribute) and isinstance(node.value, python.Name)
    if named and node.value.id == "Q" and node.attr != "names":  # type: ignore[attr-defined]
        return str(node.attr)  # type: ignore[attr-defined]
    return None


def _given(tree: python.Module) -> Iterator[tuple[int, str, set[str]]]:
    """Calls that give a query a literal dictionary: line, query, names given."""
    for node in python.walk(tree):
        if isinstance(node, python.Call) and node.args and (name := _query_name(node.args[0])):
            if len(node.args) == 1:
                yield node.lineno, name, set()
            elif isinstance(node.args[1], python.Dict):
                keys = [k.value for k in node.args[1].keys if isinstance(k, python.Constant)]
                if len(keys) == len(node.args[1].keys):
                    yield node.lineno, name, {str(key) for key in keys}


def _difference(name: str, given: set[str], wanted: set[str]) -> str:
    lacks, extra = ", ".join(sorted(wanted - given)), ", ".join(sorted(given - wanted))
    parts = [
        f"lacks {lacks}" if lacks else "",
        f"gets {extra}, which it never uses" if extra else "",
    ]
    return f"{name} {' and '.join(part for part in parts if part)}"
