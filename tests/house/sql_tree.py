"""The packages of the working tree that hold SQL, and running the rules over them."""

from __future__ import annotations

from pglast import ast
from pglast.parser import ParseError

from tests.house import sql_rules
from tests.house.sql import parse, relation
from tests.house.sql_rooms import Package, check_package
from tests.house.tidy import Violation
from tests.house.tree import PACKAGE, ROOT, files, read


def packages() -> list[Package]:
    """Every folder of the package with a schema.sql or a queries.sql."""
    found = []
    for folder in sorted(
        {f.parent for f in PACKAGE.rglob("*.sql") if f.parent.name != "migrations"}
    ):
        path = folder.relative_to(ROOT).as_posix()
        schema = read(f"{path}/schema.sql") if (folder / "schema.sql").exists() else None
        parts = [read(f"{path}/{f.name}") or "" for f in sorted(folder.glob("queries*.sql"))]
        code = {n: read(n) or "" for n in files() if n.startswith(f"{path}/") and n.endswith(".py")}
        name = folder.relative_to(PACKAGE.parent).as_posix().replace("/", ".")
        found.append(Package(name, path, schema, "\n".join(parts) or None, code))
    return found


def published(found: list[Package]) -> frozenset[str]:
    """The names of all published views."""
    return frozenset(
        relation(s.node.view)
        for package in found
        for s in parse(package.schema or "")
        if isinstance(s.node, ast.ViewStmt)
    )


def check_migration(path: str, text: str) -> list[Violation]:
    """Every broken rule of a migration's statements."""
    try:
        statements = parse(text)
    except ParseError as error:
        return [Violation(path, 1, "parse", str(error))]
    return [
        Violation(path, statement.line, rule, message)
        for statement in statements
        for rule, message in sql_rules.statement_rules(statement)
    ]


def check_sql() -> list[Violation]:
    """Every broken rule of the tree's SQL."""
    found = packages()
    views = published(found)
    broken = [violation for package in found for violation in check_package(package, views)]
    for path in files():
        if path.startswith("src/entrepot/migrations/") and path.endswith(".sql"):
            broken += check_migration(path, read(path) or "")
    return broken


if __name__ == "__main__":
    print(*check_sql(), sep="\n")
