"""Every rule of tidiness by name, and running them over a file or the whole tree."""

from __future__ import annotations

from collections.abc import Iterator

from tests.house import tidy_code, tidy_numbers, tidy_sql
from tests.house.tidy import TEXT_RULES, Violation
from tests.house.tree import files, read

PYTHON_RULES = {
    "function-size": tidy_code.function_size,
    "wall-clock": tidy_code.wall_clock,
    "randomness": tidy_code.randomness,
    "hash": tidy_code.builtin_hash,
    "naive-time": tidy_code.naive_time,
    "environment": tidy_code.environment,
    "print": tidy_code.printing,
    "open": tidy_code.opening,
    "except": tidy_code.bare_except,
    "commit": tidy_code.transactions,
    "mock": tidy_code.mocks,
    "spelling": tidy_code.spelling,
    "built-sql": tidy_sql.built_sql,
    "loose-sql": tidy_sql.loose_sql,
    "select-star": tidy_sql.select_star,
    "float": tidy_numbers.float_counts,
}
SQL_RULES = {"sql-spelling": tidy_code.sql_spelling}
RULES = {**TEXT_RULES, "syntax": tidy_code.syntax, **PYTHON_RULES, **SQL_RULES}


def check(path: str, text: str) -> Iterator[Violation]:
    """Every broken rule of one text, as if it stood at `path`."""
    rules = dict(TEXT_RULES)
    if path.endswith(".py"):
        broken = [Violation(path, n, "syntax", m) for n, m in tidy_code.syntax(path, text)]
        if broken:
            yield from broken
            return
        rules |= PYTHON_RULES
    elif path.endswith(".sql"):
        rules |= SQL_RULES
    for name, rule in rules.items():
        for line, message in rule(path, text):
            yield Violation(path, line, name, message)


def check_tree() -> list[Violation]:
    """Every broken rule in the working tree."""
    return [
        violation
        for path in files()
        for text in [read(path)]
        if text is not None
        for violation in check(path, text)
    ]


if __name__ == "__main__":
    print(*check_tree(), sep="\n")
