"""Reading query plans: their golden text, and in which order they take the rows they lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import psycopg

from entrepot.ground.queries import load_queries
from tests.house.sql import numbered

Plan = dict[str, Any]

# What a plan depends on besides the rows: pinned, so that it is the same on every machine.
PINNED = {
    "work_mem": "4MB",
    "hash_mem_multiplier": "2",
    "random_page_cost": "1.1",
    "effective_cache_size": "1GB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    # As the connections of commands have them (docs/decisions/0009 and 0011).
    "enable_hashjoin": "off",
    "enable_seqscan": "off",
}

# Nodes that give the rows of their first child on in the same order.
KEEPING = frozenset(
    {
        "Limit",
        "LockRows",
        "Subquery Scan",
        "Unique",
        "Materialize",
        "Memoize",
        "Result",
        "WindowAgg",
    }
    | {"ProjectSet", "Group", "ModifyTable", "Nested Loop", "Merge Join"}
)


class Plans(NamedTuple):
    """The two plans of a query: for the values given, and the one for any values.

    A prepared statement uses the first kind for its first executions, then may settle on the
    second.
    """

    text: str
    trees: dict[str, Plan]


def explain(connection: psycopg.Connection[Any], package: str, name: str, values: Any) -> Plans:
    """The plans of one named query as text for people and as trees for checks."""
    query = getattr(load_queries(package), name)
    for setting, value in PINNED.items():
        connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
    parts, trees = [], {}
    for kind, options, text, given in (
        ("these values", "COSTS OFF", query, values),
        ("any values", "COSTS OFF, GENERIC_PLAN", numbered(query), None),
    ):
        shown = connection.execute(f"EXPLAIN ({options}) {text}", given).fetchall()
        tree = connection.execute(f"EXPLAIN ({options}, FORMAT JSON) {text}", given).fetchone()
        assert tree is not None
        parts.append(f"-- {kind}\n" + "\n".join(row[0] for row in shown))
        trees[kind] = tree[0][0]["Plan"]
    return Plans("\n\n".join(parts) + "\n", trees)


def index_columns(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """The columns of every index, by its name."""
    rows = connection.execute(
        """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
             FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
            WHERE c.relkind = 'i' GROUP BY c.oid, c.relname"""
    )
    return dict(rows.fetchall())


def nodes(plan: Plan) -> Iterator[Plan]:
    """A plan and all plans under it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def locking(plan: Plan) -> list[Plan]:
    """The nodes that lock rows that others may want: updates, deletes, upserts, FOR UPDATE."""
    return [
        node
        for node in nodes(plan)
        if node["Node Type"] == "LockRows"
        or (node["Node Type"] == "ModifyTable" and node["Operation"] in ("Update", "Delete"))
        or "Conflict Resolution" in node
    ]


def order(node: Plan, whole: Plan, indexes: Mapping[str, list[str]]) -> list[str]:
    """The columns by which a node's rows come in order; empty when that is not certain."""
    kind = node["Node Type"]
    if kind in ("Sort", "Incremental Sort"):
        return [_column(key) for key in node["Sort Key"]]
    if kind in ("Index Scan", "Index Only Scan"):
        forward = node.get("Scan Direction") == "Forward"
        return list(indexes.get(node["Index Name"], ())) if forward else []
    if kind == "CTE Scan":
        named = f"CTE {node['CTE Name']}"
        source = [n for n in nodes(whole) if n.get("Subplan Name") == named]
        return order(source[0], whole, indexes) if source else []
    first = [c for c in node.get("Plans", ()) if c["Parent Relationship"] in ("Outer", "Subquery")]
    sorted_groups = kind == "Aggregate" and node["Strategy"] == "Sorted"
    if first and (kind in KEEPING or sorted_groups):
        return order(first[0], whole, indexes)
    return []


def _column(key: str) -> str:
    """The bare column of a sort key; a descending one keeps its word and so equals no column."""
    return re.sub(r"^.*\.|\"|[()]|::\w+", "", key).strip()
