"""Tidiness rules that read Python: banned names, sizes of functions, errors, spelling.

A banned name is found however it is imported or renamed: names are resolved through the file's
imports to what they stand for, and a mention counts, not only a call.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from tests.house.tidy import Found

FUNCTION_LINES_MAX = 70
SOURCE = "src/entrepot/"
OLDEST = (3, 11)


@lru_cache(maxsize=8)
def parsed(text: str) -> ast.Module:
    """The tree of a file, in the syntax of the oldest Python supported.

    Raises: SyntaxError when it does not parse.
    """
    return ast.parse(text, feature_version=OLDEST)


def syntax(path: str, text: str) -> Found:
    """Python of the oldest version supported."""
    try:
        parsed(text)
    except SyntaxError as error:
        yield (
            error.lineno or 1,
            f"{error.msg}; the syntax is that of Python {OLDEST[0]}.{OLDEST[1]}",
        )


def function_size(path: str, text: str) -> Found:
    """At most 70 lines in a function, its decorators not counted."""
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


CLOCK = "ask the clock: tx.now, clock.now(), clock.monotonic(), clock.sleep()"
CLOCK_NAMES = {
    f"{module}.{name}"
    for module, names in {
        "datetime.datetime": "now utcnow today",
        "datetime.date": "today",
        "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns sleep localtime "
        "gmtime ctime asctime process_time thread_time clock_gettime",
    }.items()
    for name in names.split()
}


def wall_clock(path: str, text: str) -> Found:
    """Only ground/clock.py reads time."""
    if path.startswith(SOURCE) and path != f"{SOURCE}ground/clock.py":
        for line, name, _ in mentions(parsed(text)):
            if name in CLOCK_NAMES:
                yield line, f"{name}: {CLOCK}"


RANDOM = "ask the clock: tx.new_id(), tx.random_bytes(), clock.random_bytes()"
RANDOM_NAMES = {
    "os.urandom",
    "os.getrandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
}
RANDOM_MODULES = ("random.", "secrets.", "numpy.random.")
SEEDED = {"numpy.random.default_rng": SOURCE, "random.Random": f"{SOURCE}simulation/"}
SEEDED_TYPES = {"numpy.random.Generator", "numpy.random.SeedSequence"}


def randomness(path: str, text: str) -> Found:
    """Only ground/clock.py draws random bytes; a generator with a given seed is a pure value.

    `numpy.random.default_rng(seed)` may stand anywhere, `random.Random(seed)` in the simulation.
    """
    if not path.startswith(SOURCE) or path == f"{SOURCE}ground/clock.py":
        return
    for line, name, call in mentions(parsed(text)):
        allowed = name in SEEDED and path.startswith(SEEDED[name]) and _seeded(call)
        if allowed or name in SEEDED_TYPES:
            continue
        if name in RANDOM_NAMES or name.startswith(RANDOM_MODULES):
            yield line, f"{name}: {RANDOM}"


def _seeded(call: ast.Call | None) -> bool:
    """Whether a call gives a seed; a mention that is no call is a type or an import."""
    if call is None:
        return True
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(not (isinstance(v, ast.Constant) and v.value is None) for v in given)


def builtin_hash(path: str, text: str) -> Found:
    """`hash()` of text differs from process to process."""
    if not path.startswith(SOURCE):
        return
    tree = parsed(text)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "__hash__"
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_name(node.func, "hash") and id(node) not in inside:
            yield node.lineno, "hash() differs from process to process: hashlib or zlib.crc32"


NAIVE = {
    "datetime.datetime.now": 0,
    "datetime.datetime.fromtimestamp": 1,
    "datetime.datetime.utcnow": None,
    "datetime.datetime.utcfromtimestamp": None,
    "datetime.datetime.today": None,
}


def naive_time(path: str, text: str) -> Found:
    """An instant carries its zone, everywhere."""
    for line, name, call in mentions(parsed(text)):
        if name in NAIVE and call:
            position = NAIVE[name]
            zoned = any(k.arg == "tz" for k in call.keywords)
            if position is None or not (zoned or len(call.args) > position):
                yield line, f"{name} gives an instant without a zone: give UTC as tz"


def environment(path: str, text: str) -> Found:
    """Only the settings and the telemetry read the environment."""
    allowed = (f"{SOURCE}ground/settings.py", f"{SOURCE}ground/telemetry")
    if path.startswith(SOURCE) and not path.startswith(allowed):
        for line, name, _ in mentions(parsed(text)):
            if name in ("os.environ", "os.environb", "os.getenv", "os.putenv"):
                yield line, f"{name}: add a setting to ground/settings.py and take it from there"


def printing(path: str, text: str) -> Found:
    """Only the command prints."""
    if path.startswith(SOURCE) and not path.startswith(f"{SOURCE}doors/cli"):
        for node in ast.walk(parsed(text)):
            if isinstance(node, ast.Call) and _is_name(node.func, "print"):
                yield node.lineno, "print(): log it, or return it to doors/cli"


def opening(path: str, text: str) -> Found:
    """Words, models and decisions touch no file and run no text."""
    parts = path.removeprefix(f"{SOURCE}departments/").split("/")
    room = path.startswith(f"{SOURCE}departments/") and len(parts) > 1
    pure = room and not re.match(r"(service|store)(_\w+)?(\.py)?$", parts[1])
    if pure or path.startswith(f"{SOURCE}words/"):
        for node in ast.walk(parsed(text)):
            if isinstance(node, ast.Call):
                for name in ("open", "input", "exec", "eval", "__import__"):
                    if _is_name(node.func, name):
                        yield node.lineno, f"{name}() in a pure file: take the value as an argument"


def bare_except(path: str, text: str) -> Found:
    """An error is named; a broad one is raised again or has a reason beside it."""
    lines = text.splitlines()
    for node in ast.walk(parsed(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield node.lineno, "bare except: name the exception"
        elif path.startswith(SOURCE) and _is_broad(node.type):
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            comment = lines[node.lineno - 1].partition("#")[2].replace("noqa: BLE001", "")
            if not raises and len(comment.split()) < 3:
                yield node.lineno, "broad except: name the exception, raise again, or say why here"


def _is_broad(node: ast.expr) -> bool:
    kinds = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(_is_name(kind, "Exception") or _is_name(kind, "BaseException") for kind in kinds)


def transactions(path: str, text: str) -> Found:
    """Only the ground commits."""
    if path.startswith(SOURCE) and not path.startswith(f"{SOURCE}ground/"):
        for node in ast.walk(parsed(text)):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in ("commit", "rollback"):
                yield called.lineno, f"{called.attr}(): return, or raise; the ground does it"


def mocks(path: str, text: str) -> Found:
    """No mocks inside the house."""
    for line, name, _ in mentions(parsed(text)):
        if name.startswith("unittest.mock") or name == "mock":
            yield line, "no mocks inside the house: use the real thing, or a fake at a real edge"


# British stems by their American spelling; a stem matches the start of one word of an identifier.
BRITISH = {
    "analyse(?!s)": "analyze",
    "authoris": "authoriz",
    "behaviour": "behavior",
    "cartonis": "cartoniz",
    "catalogue": "catalog",
    "categoris": "categoriz",
    "centre": "center",
    "cheque": "check",
    "colour": "color",
    "customis": "customiz",
    "defence": "defense",
    "favour": "favor",
    "finalis(?!t)": "finaliz",
    "fulfil(?!l)": "fulfill",
    "grey": "gray",
    "initialis": "initializ",
    "instalment": "installment",
    "labelled": "labeled",
    "licence": "license",
    "materialis(?!t|m)": "materializ",
    "maximis": "maximiz",
    "minimis(?=[aei])": "minimiz",
    "modelled": "modeled",
    "neighbour": "neighbor",
    "normalis": "normaliz",
    "optimis(?!ti|m)": "optimiz",
    "organis(?!m)": "organiz",
    "palletis": "palletiz",
    "personalis": "personaliz",
    "prioritis": "prioritiz",
    "randomis": "randomiz",
    "recognis": "recogniz",
    "serialis": "serializ",
    "standardis": "standardiz",
    "summaris": "summariz",
    "synchronis": "synchroniz",
    "tokenis": "tokeniz",
    "tyre": "tire",
    "utilis": "utiliz",
}
_BRITISH = re.compile("|".join(f"(?P<g{n}>{stem})" for n, stem in enumerate(BRITISH)))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def spelling(path: str, text: str) -> Found:
    """American spelling in identifiers and file names."""
    yield from ((1, message) for message in _british(path.rpartition("/")[2].partition(".")[0]))
    for line, name in defined(parsed(text)):
        yield from ((line, message) for message in _british(name))


def _british(name: str) -> Iterator[str]:
    for word in _WORD.findall(name):
        found = _BRITISH.match(word.lower())
        if found and found.lastgroup:
            american = list(BRITISH.values())[int(found.lastgroup[1:])]
            yield f"{name}: American spelling, {american}..."


def sql_spelling(path: str, text: str) -> Found:
    """American spelling in the identifiers of SQL."""
    for number, line in enumerate(text.splitlines(), start=1):
        code = re.sub(r"'[^']*'", "''", line.partition("--")[0])
        for name in re.findall(r"[A-Za-z_]\w*", code):
            yield from ((number, message) for message in _british(name))


def defined(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name the file gives to something, by line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def mentions(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call | None]]:
    """Every dotted name that stands for something imported: line, full name, its call if called.

    An import itself is a mention of what it names.
    """
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}", None
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = _dotted(node)
            head, _, rest = name.partition(".") if name else ("", "", "")
            if head in known:
                yield node.lineno, known[head] + (f".{rest}" if rest else ""), calls.get(id(node))


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else None
    return None


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
