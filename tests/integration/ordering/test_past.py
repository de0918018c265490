"""Sales from before this system: written once, told apart by their content."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import Line, PastOrder
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Conflict
from tests.integration.ordering.orders import AT, an_order, findings, record, told


def past(order_id: str, each: int = 1) -> PastOrder:
    return PastOrder(
        order_id=order_id,
        content_hash=hashlib.sha256(f"{order_id} {each}".encode()).digest(),
        customer_ref="12347",
        country="GB",
        currency="GBP",
        placed_at=AT,
        lines=(Line(1, "85123A", each, 255), Line(2, "71053", 1, 339)),
    )


def sales(owner: psycopg.Connection) -> list[tuple[str, int, int]]:
    return owner.execute(
        "SELECT order_id, line_no, quantity_each FROM ordering.v_sale ORDER BY 1, 2"
    ).fetchall()


def test_history_is_written_once(database: Database, owner: psycopg.Connection) -> None:
    batch = [past("A"), past("B", 5)]
    assert database.run(lambda tx: ordering.record_past(tx, batch)) == {"A", "B"}
    again = [past("B", 5), past("C"), past("A", 9)]
    assert database.run(lambda tx: ordering.record_past(tx, again)) == {"C"}
    assert database.run(lambda tx: ordering.record_past(tx, [])) == set()
    assert sales(owner) == [
        ("A", 1, 1),
        ("A", 2, 1),
        ("B", 1, 5),
        ("B", 2, 1),
        ("C", 1, 1),
        ("C", 2, 1),
    ]
    assert told(database, "A") == [], "history is no news"
    assert findings(database) == []


def test_an_id_twice_in_one_batch_is_written_as_it_first_stands(
    database: Database, owner: psycopg.Connection
) -> None:
    twice = [past("A", 3), past("A", 3), past("A", 4)]
    assert database.run(lambda tx: ordering.record_past(tx, twice)) == {"A"}
    assert sales(owner) == [("A", 1, 3), ("A", 2, 1)]


def test_known_ids_tell_history_from_living_orders(database: Database) -> None:
    record(database, an_order())
    database.run(lambda tx: ordering.record_past(tx, [past("A", 3)]))
    with database.transaction() as tx:
        known = ordering.known_ids(tx, ["A", "O-1", "X"])
    assert known == {"A": past("A", 3).content_hash, "O-1": None}
    assert known["A"] != past("A", 4).content_hash


def test_many_at_once_write_each_order_once(database: Database, owner: psycopg.Connection) -> None:
    orders = [past(f"P-{n}") for n in range(40)]
    together = threading.Barrier(8)

    def work(number: int) -> int:
        mine = orders[number:] + orders[:number]
        together.wait(20)
        return len(database.run(lambda tx: ordering.record_past(tx, mine)))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 40
    assert len(sales(owner)) == 80


def test_an_order_that_does_not_fit_takes_its_batch_with_it(database: Database) -> None:
    """What reaches the room was checked; the database refuses what was not."""

    def work(tx: Tx) -> None:
        ordering.record_past(tx, [past("A"), past("B", 0)])

    with pytest.raises(Conflict, match="past_line_quantity_each_check"):
        database.run(work, attempts=1)
    with database.transaction() as tx:
        assert ordering.known_ids(tx, ["A", "B"]) == {}
