"""Golden plans of the hot queries, and the order in which they take rows.

To make a query hot, add two lines to `HOT`, rows to plans/fill.sql if its tables have none, and run
`ENTREPOT_ACCEPT_PLANS=1 pytest tests/house/test_plans.py`; review the new file like code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

from entrepot.ground.migrate import migrate
from tests.house.explain import Plan, explain, index_columns, locking, order
from tests.postgres import Server, fresh_database

PLANS = Path(__file__).parent / "plans"
ACCEPT = "ENTREPOT_ACCEPT_PLANS"

AT = datetime(2025, 3, 2, 12, tzinfo=UTC)
COMMANDS = [f"app:{n:08}" for n in range(29_990, 30_010)]
SKUS = [f"SKU-{n:06}" for n in range(100, 120)]
NODES = ["DC1"] * len(SKUS)
IDS = [UUID(int=n) for n in range(401, 401 + 4 * len(SKUS), 4)]
ORDERS = [f"O-{n:06}" for n in range(12_000, 12_020)]
ONES, TEXTS, TIMES = [1] * len(ORDERS), ["c"] * len(ORDERS), [AT] * len(ORDERS)
PARTS = {"order_ids": ORDERS, "part_nos": ONES}
PARCELS = {**PARTS, "shipment_nos": ONES}
SSCCS = [f"{n:018}" for n in range(12_000, 12_020)]
PO_IDS = [f"PO-{n}" for n in range(9_600, 9_620)]
CARTS = [f"cart-{n}" for n in range(4_900, 4_920)]
RETURNS = {"order_ids": [f"O-{4 * n}" for n in range(600, 620)], "return_ids": ["R-1"] * 20}


class Hot(NamedTuple):
    """A hot query with values like those of every day.

    takes  the columns by which it takes the rows it locks; or in words why no order is needed;
           None = it locks none
    """

    package: str
    name: str
    values: dict[str, Any]
    takes: tuple[str, ...] | str | None = None


GROUND, INVENTORY = "entrepot.ground", "entrepot.departments.inventory"
WAREHOUSE, CARRIAGE = "entrepot.departments.warehouse", "entrepot.departments.carriage"
ORDERING, PURCHASING = "entrepot.departments.ordering", "entrepot.departments.purchasing"

HOT = [
    Hot(GROUND, "claim_commands", {"command_ids": COMMANDS, "hashes": [b"x" * 32] * 20, "at": AT},
        takes=("command_id",)),
    Hot(GROUND, "keep_commands",
        {"command_ids": COMMANDS, "hashes": [b"x" * 32] * 20, "answers": [b"{}"] * 20, "at": AT},
        takes=("command_id",)),
    Hot(GROUND, "read_commands", {"command_ids": COMMANDS}),
    Hot(GROUND, "answer_commands", {"command_ids": COMMANDS, "answers": [b"{}"] * 20},
        takes="the rows were locked in order when the commands were claimed"),
    Hot(GROUND, "sequence_batch", {"limit": 2_000, "head": 30_000},
        takes="one sequencer at a time, by the lock of the head"),
    Hot(GROUND, "read_log", {"after": 29_000, "to": 30_000, "names": ["OrderPlaced", "PriceSet"]}),
    Hot(GROUND, "read_subject", {"subject": "order/O-5000", "limit": 1_000}),
    Hot(GROUND, "lock_subscription", {"name": "subscription_3"},
        takes="one row, and passes on when it is locked"),
    Hot(GROUND, "take_job", {"kinds": ["print_label", "send_notice"], "at": AT},
        takes="one row, past those that are locked"),
    Hot(INVENTORY, "take_stock", {"skus": SKUS, "nodes": NODES},
        takes=("sku", "node")),
    Hot(INVENTORY, "ensure_stock", {"skus": SKUS, "nodes": NODES},
        takes=("sku", "node")),
    Hot(INVENTORY, "post",
        {"balance_skus": SKUS, "balance_nodes": NODES, "on_hand": [0] * 20, "held": [0] * 20,
         "reserved": [1] * 20, "allocated": [0] * 20, "quarantined": [0] * 20, "balances": 20,
         "movement_ids": IDS, "skus": SKUS, "nodes": NODES, "from_accounts": ["free"] * 20,
         "to_accounts": ["reserved"] * 20, "quantities": [1] * 20, "causes": ["order"] * 20,
         "documents": ["O-1"] * 20, "command_ids": ["c"] * 20, "actors": ["a"] * 20, "at": AT},
        takes=("sku", "node")),
    Hot(INVENTORY, "read_stock", {"skus": SKUS}),
    Hot(INVENTORY, "read_available", {"skus": SKUS, "nodes": ["DC1", "DC2"]}),
    Hot(INVENTORY, "read_reservations", {"skus": SKUS, "reservation_ids": IDS}),
    Hot(INVENTORY, "move_reservations",
        {"skus": SKUS, "reservation_ids": IDS, "quantities": [1] * 20,
         "from_states": ["reserved"] * 20, "to_states": ["allocated"] * 20, "nodes": NODES},
        takes=("sku", "reservation_id")),
    Hot(INVENTORY, "read_holds", {"carts": CARTS}),
    Hot(INVENTORY, "extend_holds", {"carts": CARTS, "expires": TIMES, "at": AT.replace(hour=0)},
        takes="their carts were taken in order before"),
    Hot(INVENTORY, "remove_holds", {"skus": SKUS, "hold_ids": IDS, "quantities": ONES},
        takes=("sku", "hold_id")),
    Hot(WAREHOUSE, "release_works",
        {**PARTS, "nodes": NODES, "priorities": ONES, "line_counts": ONES, "asked": ONES,
         "masses": ONES, "pick_dues": TIMES, "ship_bys": TIMES, "command_ids": TEXTS, "at": AT},
        takes=("order_id", "part_no")),
    Hot(WAREHOUSE, "read_works", PARTS),
    Hot(WAREHOUSE, "read_lines", PARTS),
    Hot(WAREHOUSE, "read_cartons", PARTS),
    Hot(WAREHOUSE, "find_cartons", {"ssccs": SSCCS}),
    Hot(WAREHOUSE, "due_works",
        {"nodes": ["DC1", "DC2"], "state": "released", "at": AT, "limit": 1_000}),
    Hot(WAREHOUSE, "pick_works",
        {**PARTS, "shorts": ONES, "short_masses": ONES, "command_ids": TEXTS, "at": AT},
        takes=("order_id", "part_no")),
    Hot(WAREHOUSE, "short_lines", {**PARTS, "line_nos": ONES, "shorts": ONES, "reasons": TEXTS},
        takes=("order_id", "part_no", "line_no")),
    Hot(WAREHOUSE, "take_serials", {"prefix": "0000007", "count": 20, "serials": 10**10},
        takes="one row"),
    Hot(WAREHOUSE, "pack_works", {**PARTS, "command_ids": TEXTS, "at": AT},
        takes=("order_id", "part_no")),
    Hot(WAREHOUSE, "hand_over_works", {**PARTS, "command_ids": TEXTS, "at": AT},
        takes=("order_id", "part_no")),
    Hot(WAREHOUSE, "close_cartons", {"order_ids": ORDERS, "ssccs": SSCCS, "at": AT},
        takes=("order_id", "sscc")),
    Hot(WAREHOUSE, "cancel_works",
        {**PARTS, "from_states": TEXTS, "reasons": TEXTS, "command_ids": TEXTS, "at": AT},
        takes=("order_id", "part_no")),
    Hot(WAREHOUSE, "void_cartons", {**PARTS, "at": AT},
        takes="the rows of their work were taken in order before"),
    Hot(CARRIAGE, "claim_tracking_numbers", {**PARCELS, "tracking_nos": SSCCS},
        takes=("tracking_no",)),
    Hot(CARRIAGE, "shipments_of_orders", {"order_ids": ORDERS}),
    Hot(CARRIAGE, "shipments_by_number", {"tracking_nos": SSCCS}),
    Hot(CARRIAGE, "moving_shipments", {"before": AT, "limit": 1_000}),
    Hot(CARRIAGE, "move_shipments",
        {**PARCELS, "versions": ONES, "states": TEXTS, "handed_over": TIMES, "delivered": TIMES,
         "voided": TIMES, "last_events": TIMES, "incidents": TEXTS, "hand_over_commands": TEXTS,
         "void_commands": TEXTS},
        takes=("order_id", "part_no", "shipment_no")),
    Hot(CARRIAGE, "told_before", {**PARCELS, "event_ids": TEXTS}),
    Hot(CARRIAGE, "insert_events",
        {**PARCELS, "event_ids": TEXTS, "ats": TIMES, "kinds": TEXTS, "incidents": TEXTS,
         "places": TEXTS, "details": TEXTS, "to_states": TEXTS, "heard_at": AT},
        takes=("order_id", "part_no", "shipment_no", "event_id")),
    Hot(ORDERING, "read_shipped", {"order_ids": ORDERS}),
    Hot(ORDERING, "read_returned", {"order_ids": ORDERS}),
    Hot(ORDERING, "insert_return_lines",
        {**RETURNS, "line_nos": ONES, "skus": SKUS, "quantities": ONES, "prices": ONES,
         "wanted": ONES}),
    Hot(ORDERING, "take_returns", RETURNS,
        takes=("order_id", "return_id")),
    Hot(ORDERING, "move_returns",
        {**RETURNS, "from_states": ["authorized"] * 20, "to_states": ["received"] * 20,
         "received": TIMES, "graded": [None] * 20, "at": AT},
        takes=("order_id", "return_id")),
    Hot(ORDERING, "book_return_lines",
        {**RETURNS, "line_nos": ONES, "counted": ONES, "received": ONES, "restocked": ONES,
         "scrapped": ONES},
        takes=("order_id", "return_id", "line_no")),
    Hot(ORDERING, "read_carts", {"cart_ids": CARTS}),
    Hot(ORDERING, "take_carts", {"cart_ids": CARTS},
        takes=("cart_id",)),
    Hot(ORDERING, "read_cart_lines", {"cart_ids": CARTS}),
    Hot(ORDERING, "put_cart_lines",
        {"cart_ids": CARTS, "skus": SKUS, "line_nos": ONES, "quantities": ONES, "prices": ONES,
         "saved": [False] * 20},
        takes=("cart_id", "sku")),
    Hot(ORDERING, "remove_cart_lines", {"cart_ids": CARTS, "skus": SKUS},
        takes=("cart_id", "sku")),
    Hot(ORDERING, "change_carts",
        {"cart_ids": CARTS, "states": ["open"] * 20, "versions": ONES, "person_ids": [None] * 20,
         "countries": [None] * 20, "postal_areas": [None] * 20, "active": TIMES, "expires": TIMES,
         "holds": [False] * 20, "held_since": TIMES, "held_until": TIMES, "ended": [None] * 20,
         "order_ids": [None] * 20, "order_commands": [None] * 20, "hashes": [None] * 20},
        takes=("cart_id",)),
    Hot(ORDERING, "lapse_carts", {"at": AT, "limit": 200},
        takes="any, past those that are locked"),
    Hot(ORDERING, "expire_carts", {"at": AT, "limit": 200},
        takes="any, past those that are locked"),
    Hot(ORDERING, "forgettable_carts", {"before": AT, "limit": 200},
        takes="any, past those that are locked"),
    Hot(PURCHASING, "on_order", {"skus": [f"SKU-{n:06}" for n in range(7_200, 7_220)]}),
    Hot(PURCHASING, "open_purchase_orders",
        {"by": AT.replace(year=2027), "after": AT, "after_id": "", "limit": 500}),
    Hot(PURCHASING, "take_purchase_orders", {"po_ids": PO_IDS},
        takes=("po_id",)),
    Hot(PURCHASING, "read_po_lines", {"po_ids": PO_IDS}),
    Hot(PURCHASING, "move_purchase_orders",
        {"po_ids": PO_IDS, "from_states": ["sent"] * 20, "to_states": ["partly_received"] * 20,
         "due": TIMES, "received": TIMES, "ended": [None] * 20, "reasons": [None] * 20},
        takes=("po_id",)),
    Hot(PURCHASING, "book_po_lines",
        {"po_ids": PO_IDS, "line_nos": ONES, "known": [0] * 20, "received": ONES,
         "damaged": [0] * 20, "open": [True] * 20},
        takes=("po_id", "line_no")),
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[psycopg.Connection]:
    """A database with many rows and fresh statistics, as its owner."""
    with fresh_database(server) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((PLANS / "fill.sql").read_text(encoding="utf-8"))
            connection.execute("VACUUM ANALYZE")
            yield connection


@pytest.mark.parametrize("hot", HOT, ids=lambda hot: f"{hot.package.rpartition('.')[2]}.{hot.name}")
def test_a_hot_query_keeps_its_plan(filled: psycopg.Connection, hot: Hot) -> None:
    found = explain(filled, hot.package, hot.name, hot.values)
    file = PLANS / f"{hot.package.rpartition('.')[2]}.{hot.name}.txt"
    if os.environ.get(ACCEPT) == "1":
        file.write_text(found.text, encoding="utf-8")
    assert file.is_file(), f"no plan yet: {ACCEPT}=1 pytest tests/house/test_plans.py"
    golden = file.read_text(encoding="utf-8")
    assert found.text == golden, f"{file.name}: another plan; if it is better, {ACCEPT}=1"
    indexes = index_columns(filled)
    for kind, tree in found.trees.items():
        assert complaints(tree, hot.takes, indexes) == [], f"with {kind}"


def complaints(
    tree: Plan, takes: tuple[str, ...] | str | None, indexes: dict[str, list[str]]
) -> list[str]:
    """What is wrong with the way a plan takes rows."""
    locks = locking(tree)
    if takes is None:
        return ["locks rows: say by which columns in order, or why none is needed"] if locks else []
    if not locks:
        return ["locks no row: leave `takes` out"]
    if isinstance(takes, str):
        return []
    orders = [order(node, tree, indexes) for node in locks]
    return [f"takes rows by {found}, not by {takes}" for found in orders if not _fits(found, takes)]


def _fits(found: list[str], takes: tuple[str, ...]) -> bool:
    return tuple(found[: len(takes)]) == takes


def test_every_plan_belongs_to_a_hot_query() -> None:
    names = {f"{hot.package.rpartition('.')[2]}.{hot.name}.txt" for hot in HOT}
    assert {file.name for file in PLANS.glob("*.txt")} == names


def test_the_kinds_of_order(filled: psycopg.Connection) -> None:
    indexes = index_columns(filled)
    source = "unnest(ARRAY['SKU-000007', 'SKU-000003']) AS k (sku)"
    update = "UPDATE inventory.stock AS s SET on_hand = 9 FROM {} WHERE s.sku = k.sku"
    ordered = update.format(f"(SELECT k.sku FROM {source} ORDER BY k.sku) AS k")
    whole = "UPDATE inventory.stock AS s SET on_hand = s.on_hand + 1"
    upsert = (
        f"INSERT INTO inventory.stock (sku, node) SELECT k.sku, 'X' FROM {source} "
        "{} ON CONFLICT DO NOTHING"
    )
    lock = "SELECT sku FROM inventory.stock WHERE sku > 'SKU-007400' {} FOR UPDATE"

    def takes(statement: str) -> list[str]:
        row = filled.execute(f"EXPLAIN (FORMAT JSON) {statement}").fetchone()
        assert row is not None
        return complaints(row[0][0]["Plan"], ("sku",), indexes)

    assert takes(ordered) == []
    assert takes(upsert.format("ORDER BY k.sku")) == []
    assert takes(lock.format("ORDER BY sku, node")) == []
    assert takes(update.format(source)) == ["takes rows by [], not by ('sku',)"]
    assert takes(whole) == ["takes rows by [], not by ('sku',)"]
    assert takes(upsert.format("")) == ["takes rows by [], not by ('sku',)"]
    assert takes(lock.format("ORDER BY node DESC")) == [
        "takes rows by ['node DESC'], not by ('sku',)"
    ]
    assert takes("SELECT 1") == ["locks no row: leave `takes` out"]


def test_locks_must_be_declared(filled: psycopg.Connection) -> None:
    row = filled.execute("EXPLAIN (FORMAT JSON) DELETE FROM jobs.job").fetchone()
    assert row is not None
    (said,) = complaints(row[0][0]["Plan"], None, {})
    assert said.startswith("locks rows: say")
