"""No float for money or stock: a rule that follows names and what flows into them.

A name counts when its last word says so: `_minor`, `_mills`, `_each`, `quantity`, `on_hand`,
`reserved` and their like. Names with a word of statistics (mean, forecast, rate ...) do not, and
a ratio of two counts is a plain number; both may be floats as long as no count takes them in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tidy import Found
from tests.house.tidy_code import SOURCE, parsed

MONEY = {"minor", "mills", "amount"}
STOCK = {"each", "quantity", "quantities", "reserved", "allocated", "held", "quarantined"}
STOCK_PAIRS = {("on", "hand"), ("on", "order"), ("in", "transit")}
STATISTICS = (
    {"average", "demand", "deviation", "factor", "forecast", "fraction", "mean", "median"}
    | {"probability", "quantile", "ratio", "rate", "score", "share", "sigma", "smoothed"}
    | {"std", "variance", "weight", "weighted"}
)

ADVICE = {
    "money": "money is whole minor units or mills: Decimal at the edge, // and divmod inside",
    "stock": "stock is whole units: use //, -(-a // b) to round up, divmod",
}
ROUNDING = frozenset({"int", "round", "ceil", "floor", "trunc"})
CARRYING = frozenset({"sum", "min", "max", "abs"})
FLOATING = frozenset({"float", "sqrt", "exp", "log", "fsum", "pow", "mean", "fmean"})


def kind_of(name: str) -> str | None:
    """What a name counts: 'money', 'stock', or None. Constants in capitals count nothing."""
    words = name.lower().strip("_").split("_")
    if name.isupper() or STATISTICS & set(words):
        return None
    if words[-1] in MONEY:
        return "money"
    if words[-1] in STOCK or tuple(words[-2:]) in STOCK_PAIRS:
        return "stock"
    return None


def float_counts(path: str, text: str) -> Found:
    """No float annotation, literal, call or true division reaches money or stock."""
    if not path.startswith(SOURCE):
        return
    tree = parsed(text)
    reported: set[int] = set()
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            for line, message in _Scope(scope).violations():
                if line not in reported:
                    reported.add(line)
                    yield line, message


class _Scope:
    """One function (or the module): its own nodes, and which of its names hold floats."""

    def __init__(self, scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scope = scope
        self.nodes = list(_own_nodes(scope))
        self.floats: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.arg | ast.AnnAssign):
                name = node.arg if isinstance(node, ast.arg) else _name(node.target)
                if name and _says_float(node.annotation):
                    self.floats.add(name)
            elif isinstance(node, ast.Assign) and self.is_float(node.value):
                self.floats.update(t.id for t in node.targets if isinstance(t, ast.Name))

    def violations(self) -> Iterator[tuple[int, str]]:
        for node in self.nodes:
            for name, annotation in _annotations(node):
                kind = kind_of(name)
                if kind and _says_float(annotation):
                    yield node.lineno, f"{name} is annotated float: {ADVICE[kind]}"
            for name, value in self.flows(node):
                kind = kind_of(name)
                if kind and (self.is_float(value) or self.is_rounded(value, kind)):
                    yield value.lineno, f"{name} takes in a float: {ADVICE[kind]}"
            if self.spends(node):
                yield node.lineno, f"arithmetic of money with a float: {ADVICE['money']}"

    def flows(self, node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
        """What a node puts into a name: assignments, arguments, defaults, fields, results."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            yield from _pairs(node.target, node.value)
        elif isinstance(node, ast.AugAssign):
            name = _name(node.target) or ""
            yield name, ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
        elif isinstance(node, ast.Call):
            yield from ((k.arg, k.value) for k in node.keywords if k.arg)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(node, ast.Return) and node.value and not isinstance(self.scope, ast.Module):
            yield self.scope.name, node.value
        elif isinstance(node, ast.arguments):
            named = [*node.posonlyargs, *node.args]
            yield from zip(
                (a.arg for a in named[len(named) - len(node.defaults) :]),
                node.defaults,
                strict=True,
            )
            pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
            yield from ((a.arg, value) for a, value in pairs if value)

    def is_float(self, node: ast.expr) -> bool:
        """Whether an expression's value is a float, as far as the text of the function tells."""
        match node:
            case ast.Constant(value=value):
                return isinstance(value, float)
            case ast.Name(id=name):
                return name in self.floats
            case ast.BinOp(op=ast.Div()):
                return True
            case ast.BinOp(left=left, right=right):
                return self.is_float(left) or self.is_float(right)
            case ast.UnaryOp(operand=operand):
                return self.is_float(operand)
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_float(body) or self.is_float(orelse)
            case ast.BoolOp(values=values) | ast.List(elts=values) | ast.Tuple(elts=values):
                return any(self.is_float(value) for value in values)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return self.is_float(element)
            case ast.Call():
                called = _called(node)
                if called in CARRYING or (called == "round" and len(node.args) == 2):
                    return any(self.is_float(argument) for argument in node.args)
                return called in FLOATING
        return False

    def is_rounded(self, node: ast.expr, kind: str) -> bool:
        """Whether a count is made by rounding a count times or over a float."""
        return any(
            isinstance(inner, ast.BinOp) and self.spoils(inner, kind)
            for call in ast.walk(node)
            if isinstance(call, ast.Call) and _called(call) in ROUNDING
            for inner in ast.walk(call)
        )

    def spends(self, node: ast.AST) -> bool:
        """Whether a node makes a float of money, wherever it goes; a ratio of two is fine."""
        match node:
            case ast.BinOp(op=ast.Div(), right=right):
                return self.spoils(node, "money") and _is_number(right)
            case ast.BinOp():
                return self.spoils(node, "money")
            case ast.Call(args=[amount]) if _called(node) == "float":
                return kind_of(_name(amount) or "") == "money"
        return False

    def spoils(self, node: ast.BinOp, kind: str) -> bool:
        """Whether an operation makes a float of a count; stock less a float level is fine."""
        for count, other in ((node.left, node.right), (node.right, node.left)):
            if kind_of(_name(count) or "") == kind:
                literal = isinstance(other, ast.Constant) and isinstance(other.value, float)
                if isinstance(node.op, ast.Div) or literal:
                    return True
                if kind == "money" and self.is_float(other):
                    return True
        return False


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own_nodes(child)


def _annotations(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(node, ast.arg):
        yield node.arg, node.annotation
    elif isinstance(node, ast.AnnAssign):
        yield _name(node.target) or "", node.annotation
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, node.returns


def _says_float(annotation: ast.expr | None) -> bool:
    return annotation is not None and any(
        re.match(r"float\d*$", _name(node) or "")
        for node in ast.walk(annotation)
        if isinstance(node, ast.Name | ast.Attribute)
    )


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _pairs(inner, part)
    elif name := _name(target):
        yield name, value


def _name(node: ast.expr) -> str | None:
    """The last word of what an expression names: a variable, an attribute, a text key."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return None


def _called(node: ast.Call) -> str | None:
    return _name(node.func)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
