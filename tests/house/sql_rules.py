"""Rules for every statement of SQL: what it may call, lock, name and leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, ConstrType, LockWaitPolicy

from tests.house.sql import Statement, Table, relation, texts, type_name, walk
from tests.house.tidy_numbers import kind_of

Found = Iterator[tuple[str, str]]

CLOCK_CALLS = {
    "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday",
    "random", "random_normal", "setseed", "gen_random_uuid", "gen_random_bytes",
    "uuid_generate_v1", "uuid_generate_v4", "uuidv4", "uuidv7", "pg_sleep",
}  # fmt: skip
CLOCK_WORDS = {"now", "today", "tomorrow", "yesterday", "allballs"}
TIMES = {"timestamptz", "timestamp", "date", "time", "timetz"}
SERIALS = {"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"}
FLOATS = {"float4", "float8", "numeric", "money"}


def clock(node: Any) -> Found:
    """Times and ids come from the clock, as parameters."""
    if isinstance(node, ast.FuncCall) and texts(node.funcname)[-1] in CLOCK_CALLS:
        yield "clock", f"{texts(node.funcname)[-1]}(): pass tx.now or tx.new_id() as a parameter"
    elif isinstance(node, ast.SQLValueFunction):
        if not node.op.name.endswith(("USER", "ROLE", "SCHEMA", "CATALOG")):
            yield "clock", f"{node.op.name[6:].lower()}: pass tx.now as a parameter"
    elif isinstance(node, ast.TypeCast) and isinstance(node.arg, ast.A_Const):
        value = getattr(node.arg.val, "sval", "")
        if type_name(node.typeName) in TIMES and value.strip().lower() in CLOCK_WORDS:
            yield "clock", f"'{value}' as a time reads the clock: pass tx.now as a parameter"


def column(node: Any) -> Found:
    """Columns of times have zones and no default; no SERIAL; counts are whole numbers."""
    if not isinstance(node, ast.ColumnDef) or node.typeName is None:
        return
    kind = type_name(node.typeName)
    defaults = any(c.contype == ConstrType.CONSTR_DEFAULT for c in node.constraints or ())
    if kind in TIMES and defaults:
        yield "time-default", f"{node.colname}: no default for a time, the writer gives tx.now"
    if kind in ("timestamp", "timetz"):
        yield "time-zone", f"{node.colname} {kind}: an instant is timestamptz"
    if kind in SERIALS:
        yield "serial", f"{node.colname} {kind}: tx.new_id(), or GENERATED ALWAYS AS IDENTITY"
    if kind in FLOATS and kind_of(node.colname):
        yield "float", f"{node.colname} {kind}: money and stock are bigint"


def stars(node: Any) -> Found:
    """Columns are named, one by one."""
    value = node.val if isinstance(node, ast.ResTarget) else None
    if isinstance(value, ast.ColumnRef) and isinstance(value.fields[-1], ast.A_Star):
        yield "star", "a star for columns: name them"


def writes(node: Any) -> Found:
    """INSERT and COPY list their columns."""
    if isinstance(node, ast.InsertStmt) and not node.cols:
        yield "columns", f"INSERT INTO {relation(node.relation)}: list the columns"
    elif isinstance(node, ast.CopyStmt) and node.relation and not node.attlist:
        yield "columns", f"COPY {relation(node.relation)}: list the columns"


def transaction(node: Any) -> Found:
    """A statement stands inside a transaction that the ground began."""
    if isinstance(node, ast.TransactionStmt | ast.VacuumStmt | ast.VariableSetStmt):
        yield "transaction", "transactions and settings are the ground's, not a file's"
    elif isinstance(node, ast.IndexStmt) and node.concurrent:
        yield "transaction", "CONCURRENTLY cannot run inside a migration's transaction"


def code(node: Any) -> Found:
    """Logic stays in Python: the body of a function is text that no rule reads."""
    if isinstance(node, ast.DoStmt | ast.CreateFunctionStmt | ast.CreateTrigStmt | ast.RuleStmt):
        yield "code", "logic stays in Python: no functions, triggers, rules or DO blocks"


def key_order(node: Any) -> Found:
    """Many rows are taken in key order: arrays are sorted by the statement itself."""
    advice = "sort the keys inside the statement: (SELECT ... FROM unnest(...) ORDER BY keys)"
    if isinstance(node, ast.InsertStmt) and node.onConflictClause:
        select = node.selectStmt
        if select and select.fromClause and not select.sortClause:
            yield "key-order", f"INSERT ... SELECT ... ON CONFLICT without ORDER BY: {advice}"
    sources = {ast.UpdateStmt: "fromClause", ast.DeleteStmt: "usingClause"}.get(type(node))
    if sources:
        for source in getattr(node, sources) or ():
            if any(isinstance(part, ast.RangeFunction) for part in _joined(source)):
                yield "key-order", f"rows are taken in the caller's order: {advice}"


def _joined(source: Any) -> Iterator[Any]:
    """The tables, functions and subselects of one FROM item, not what is inside them."""
    if isinstance(source, ast.JoinExpr):
        yield from _joined(source.larg)
        yield from _joined(source.rarg)
    else:
        yield source


SIMPLE = (clock, column, stars, writes, transaction, code, key_order)


def statement_rules(statement: Statement) -> Found:
    """The rules that need no more than the statement."""
    for node in walk(statement.node):
        for rule in SIMPLE:
            yield from rule(node)


def locks(statement: Statement, tables: dict[str, Table]) -> Found:
    """FOR UPDATE takes one row by its key, or skips what is locked."""
    for node in walk(statement.node):
        if not isinstance(node, ast.SelectStmt) or not node.lockingClause:
            continue
        waits = any(c.waitPolicy == LockWaitPolicy.LockWaitBlock for c in node.lockingClause)
        if waits and not _one_row(node, tables):
            yield (
                "lock",
                (
                    "FOR UPDATE over many rows: guard the UPDATE itself, "
                    "or give the whole key, LIMIT 1 or SKIP LOCKED"
                ),
            )


def _one_row(select: Any, tables: dict[str, Table]) -> bool:
    limit = getattr(getattr(select.limitCount, "val", None), "ival", None)
    if limit == 1:
        return True
    sources = select.fromClause or ()
    if len(sources) != 1 or not isinstance(sources[0], ast.RangeVar):
        return False
    table = tables.get(relation(sources[0]))
    fixed = set(_fixed(select.whereClause))
    return table is not None and any(
        set(key) <= fixed for key in [*table.primary, *table.uniques] if key
    )


def _fixed(condition: Any) -> Iterator[str]:
    """Columns that a condition holds to one value."""
    match condition:
        case ast.BoolExpr(boolop=BoolExprType.AND_EXPR, args=args):
            for part in args:
                yield from _fixed(part)
        case ast.A_Expr(kind=A_Expr_Kind.AEXPR_OP, name=name, lexpr=left, rexpr=right):
            if texts(name) == ("=",):
                for side, other in ((left, right), (right, left)):
                    if isinstance(side, ast.ColumnRef) and _is_value(other):
                        yield texts(side.fields)[-1]
        case ast.ColumnRef(fields=fields):
            yield texts(fields)[-1]


def _is_value(node: Any) -> bool:
    if isinstance(node, ast.TypeCast):
        return _is_value(node.arg)
    return isinstance(node, ast.ParamRef | ast.A_Const)


def names(statement: Statement) -> Iterator[tuple[str | None, str]]:
    """Every schema a statement names, None for a relation without one, with the name."""
    inner = {node.ctename for node in walk(statement.node) if isinstance(node, ast.CommonTableExpr)}
    for node in walk(statement.node):
        if isinstance(node, ast.RangeVar):
            if node.schemaname or node.relname not in inner:
                yield node.schemaname, relation(node)
        elif isinstance(node, ast.FuncCall) and len(node.funcname) > 1:
            yield texts(node.funcname)[0], ".".join(texts(node.funcname))
        elif isinstance(node, ast.TypeName) and len(node.names or ()) > 1:
            yield texts(node.names)[0], ".".join(texts(node.names))
        elif isinstance(node, ast.ColumnRef) and len(node.fields) > 2:
            yield texts(node.fields)[0], ".".join(texts(node.fields))
        elif isinstance(node, ast.CommentStmt | ast.DropStmt):
            yield from _objects(node)
        elif isinstance(node, ast.CreateSchemaStmt):
            yield node.schemaname, node.schemaname


def _objects(node: Any) -> Iterator[tuple[str | None, str]]:
    listed: Iterable[Any] = [node.object] if isinstance(node, ast.CommentStmt) else node.objects
    for item in listed:
        if isinstance(item, tuple):
            yield texts(item)[0], ".".join(texts(item))
        elif isinstance(item, ast.String):
            yield item.sval, item.sval


def own_schema(statement: Statement, own: set[str]) -> Found:
    """A room's SQL names only its own schema, and always names it."""
    for schema, name in names(statement):
        if schema is None:
            yield "own-schema", f"{name}: name the schema"
        elif schema not in own and schema != "pg_catalog":
            yield "own-schema", f"{name} is not of {', '.join(sorted(own))}: the flow passes it in"
