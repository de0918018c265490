"""The audit of orders: silent over a full life, and loud over every corruption planted here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import PartState
from entrepot.departments.ordering.service import Promise
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database, Tx
from tests.integration.ordering.orders import (
    LATEST,
    LIFE,
    WHO,
    a_move,
    an_order,
    an_unpaid_order,
    expectation,
    move,
    record,
)
from tests.postgres import Server, fresh_database

R, B = PartState.reserved, PartState.backordered


@pytest.fixture(scope="module")
def orders(server: Server, template_database: str) -> Iterator[psycopg.Connection]:
    """Orders of every kind: on backorder, unpaid, completed, cancelled, promised again."""
    with fresh_database(server, template_database) as url:
        with Database(url) as database:
            record(
                database,
                an_order("O-1", states=(R, B)),
                an_unpaid_order("O-2"),
                an_order("O-3"),
                an_order("O-4"),
                an_order("O-5", states=(R, R)),
            )
            for state in LIFE:
                database.run(lambda tx, s=state: move(tx, a_move(s, 1, "O-3")))
            database.run(lambda tx: ordering.cancel(tx, {"O-4": "customer"}, **WHO))
            again = expectation(2, latest_date=LATEST + timedelta(days=1))
            database.run(lambda tx: ordering.promise(tx, [Promise("O-5", again, **WHO)]))
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


@contextmanager
def planted(orders: psycopg.Connection, *statements: str) -> Iterator[Tx]:
    """Rows changed past every guard, as a broken disk or a careless person might; undone after."""
    with orders.transaction(force_rollback=True):
        orders.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            assert orders.execute(statement).rowcount > 0, statement
        yield Tx(orders, SystemClock())


def findings(orders: psycopg.Connection, *statements: str) -> list[str]:
    with planted(orders, *statements) as tx:
        return ordering.audit(tx)[0]


def test_orders_of_every_kind_are_in_order(orders: psycopg.Connection) -> None:
    with planted(orders) as tx:
        found, looked_at = ordering.audit(tx)
    assert found == []
    assert (looked_at["orders"], looked_at["parts"], looked_at["past orders"]) == (5, 7, 0)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE ordering.part_line SET quantity_each = 5 WHERE (order_id, part_no) = ('O-1',2)",
            "order O-1 line 2: 2 ordered, 5 in parts",
        ),
        (
            "DELETE FROM ordering.part_line WHERE order_id = 'O-1' AND part_no = 1",
            "order O-1 line 1: 1 ordered, 0 in parts",
        ),
        (
            "UPDATE ordering.line SET quantity_each = 9 WHERE order_id = 'O-2'",
            "order O-2 line 1: 9 ordered, 1 in parts",
        ),
        (
            "UPDATE ordering.part SET state = 'reserved' WHERE order_id = 'O-4'",
            "order O-4 has ended but a part has not",
        ),
        (
            "UPDATE ordering.part SET state = 'shipped' WHERE order_id = 'O-3'",
            "order O-3 has ended but a part has not",
        ),
        (
            "UPDATE ordering.part SET state = 'delivered' WHERE order_id = 'O-5'",
            "order O-5 is open but every part has ended",
        ),
        (
            "UPDATE ordering.part SET state = 'picked' WHERE order_id = 'O-2'",
            "order O-2 waits for payment but a part is at work",
        ),
        (
            "DELETE FROM ordering.queue WHERE order_id = 'O-2'",
            "order O-2 waits for payment but stands in no queue",
        ),
        (
            "DELETE FROM ordering.queue WHERE order_id = 'O-1'",
            "order O-1 has a backordered part that stands in no queue",
        ),
        (
            "INSERT INTO ordering.queue VALUES ('O-5', 'backorder', 1, 'care', 'x', '2026-01-05Z')",
            "order O-5 part 1: stands in queue backorder, but does not wait",
        ),
        (
            "INSERT INTO ordering.queue VALUES ('O-5', 'payment', 0, 'care', 'x', '2026-01-05Z')",
            "order O-5 part 0: stands in queue payment, but does not wait",
        ),
        (
            "INSERT INTO ordering.queue VALUES ('O-4', 'exception', 0, 'care', 'x', '2026-01-05Z')",
            "order O-4 part 0: stands in queue exception, but does not wait",
        ),
        (
            "INSERT INTO ordering.queue VALUES ('O-9', 'exception', 0, 'care', 'x', '2026-01-05Z')",
            "order O-9 part 0: stands in queue exception, but does not wait",
        ),
    ],
)
def test_one_corruption_is_one_finding(
    orders: psycopg.Connection, statement: str, found: str
) -> None:
    assert findings(orders, statement) == [found]


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (
            ("UPDATE ordering.queue SET part_no = 1 WHERE order_id = 'O-1'",),
            {
                "order O-1 has a backordered part that stands in no queue",
                "order O-1 part 1: stands in queue backorder, but does not wait",
            },
        ),
        (
            (
                "DELETE FROM ordering.part_line WHERE order_id = 'O-5'",
                "DELETE FROM ordering.part WHERE order_id = 'O-5'",
            ),
            {
                "order O-5 has no part",
                "order O-5 is open but every part has ended",
                "order O-5 line 1: 1 ordered, 0 in parts",
                "order O-5 line 2: 2 ordered, 0 in parts",
            },
        ),
        (
            ("DELETE FROM ordering.line WHERE order_id = 'O-5'",),
            {
                "order O-5 has no line",
                "units of line 1 in part 1 of order O-5 belongs to nothing",
                "units of line 2 in part 2 of order O-5 belongs to nothing",
            },
        ),
        (
            (
                "INSERT INTO ordering.line VALUES ('O-9', 1, 'MUG', 1, 1, NULL)",
                "INSERT INTO ordering.part_line VALUES ('O-9', 1, 1, 1, NULL)",
            ),
            {
                "line 1 of order O-9 belongs to nothing",
                "units of line 1 in part 1 of order O-9 belongs to nothing",
            },
        ),
        (
            (
                "INSERT INTO ordering.part "
                "VALUES ('O-9', 1, 'reserved', 'DC1', 'post', '2026-01-05Z')",
                "INSERT INTO ordering.expectation "
                "VALUES ('O-9', 1, 0, NULL, NULL, NULL, 'x', '2026-01-05Z')",
            ),
            {
                "part 1 of order O-9 belongs to nothing",
                "promise 1 of part 0 of order O-9 belongs to nothing",
            },
        ),
        (
            ("DELETE FROM ordering.expectation WHERE order_id = 'O-5' AND version = 2",),
            {
                "order O-5 has no expectation of its promise version",
                "order O-5: promise version 2, but 1 versions are kept",
            },
        ),
        (
            ("DELETE FROM ordering.expectation WHERE order_id = 'O-5' AND version = 1",),
            {"order O-5: promise version 2, but 1 versions are kept"},
        ),
        (
            ("UPDATE ordering.orders SET promise_version = 4 WHERE order_id = 'O-5'",),
            {
                "order O-5 has no expectation of its promise version",
                "order O-5: promise version 4, but 2 versions are kept",
            },
        ),
    ],
)
def test_a_corruption_with_several_faces(
    orders: psycopg.Connection, statements: tuple[str, ...], found: set[str]
) -> None:
    assert set(findings(orders, *statements)) == found


def test_findings_are_cut_at_a_hundred(orders: psycopg.Connection) -> None:
    many = (
        "INSERT INTO ordering.queue SELECT 'X-' || i, 'exception', 0, 'care', 'x', '2026-01-05Z' "
        "FROM generate_series(1, 120) AS i"
    )
    assert len(findings(orders, many)) == ordering.AUDIT_FINDINGS_MAX


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ordering.orders SET state = 'lost in thought'",
        "UPDATE ordering.orders SET state = 'completed' WHERE order_id = 'O-1'",
        "UPDATE ordering.orders SET cancel_reason = 'x' WHERE order_id = 'O-1'",
        "UPDATE ordering.orders SET payment_due_at = NULL WHERE order_id = 'O-2'",
        "UPDATE ordering.orders SET items_minor = -1",
        "UPDATE ordering.part SET node = NULL WHERE order_id = 'O-3'",
        "UPDATE ordering.part SET state = 'eaten'",
        "UPDATE ordering.part_line SET quantity_each = 0",
        "UPDATE ordering.queue SET queue = 'elsewhere'",
    ],
)
def test_what_the_tables_refuse_by_themselves(orders: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        orders.execute(statement)


def test_the_audit_only_reads(orders: psycopg.Connection) -> None:
    with planted(orders) as tx:
        tx.run("SET TRANSACTION READ ONLY")
        assert ordering.audit(tx)[0] == []
