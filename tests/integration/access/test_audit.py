"""The audit log in the database: written by many at once, tampered with by its owner."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from entrepot.departments.access import service as access
from entrepot.departments.access import store
from entrepot.departments.access.model import Anchor, AuditEntry
from entrepot.ground.database import Database, Tx

THREADS = 12
TIMES = 5


def entry(stream: str, n: int) -> AuditEntry:
    return AuditEntry("ann", f"{stream}.adjust", f"{stream}/{n}", f"c{n}", {"change_each": n})


@pytest.fixture
def written(database: Database) -> Database:
    """Two streams of twenty entries, written in batches of two of each."""
    for n in range(1, 21, 2):
        batch = [entry(stream, m) for m in (n, n + 1) for stream in ("stock", "orders")]
        database.run(lambda tx, batch=batch: access.record(tx, batch))
    return database


def broken(database: Database, anchors: list[Anchor] | None = None) -> dict[str, int]:
    with database.transaction(read_only=True) as tx:
        return access.verify_all(tx, anchors or [])


def anchors_of(database: Database) -> list[Anchor]:
    with database.transaction(read_only=True) as tx:
        return access.anchor(tx)


def test_a_log_that_nobody_touched_is_whole(written: Database) -> None:
    anchors = anchors_of(written)
    assert [(a.stream, a.position) for a in anchors] == [("orders", 20), ("stock", 20)]
    assert broken(written) == broken(written, anchors) == {}
    with written.transaction() as tx:
        rows = access.read_audit(tx, "stock")
        assert [r.subject for r in rows] == [f"stock/{n}" for n in range(1, 21)]
        assert access.audit_findings(tx) == []
        assert access.verify(tx, "nothing") is None
        access.record(tx, [])
    written.run(lambda tx: access.record(tx, [entry("stock", 21)]))
    assert broken(written, anchors) == {}


def test_a_long_log_is_read_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "AUDIT_PAGE", 7)
    for count in (20, 1):
        database.run(
            lambda tx, count=count: access.record(tx, [entry("stock", n) for n in range(count)])
        )
        assert broken(database) == {}


def test_writers_at_once_make_one_chain(database: Database) -> None:
    together = threading.Barrier(THREADS)

    def write(who: int) -> None:
        together.wait(20)
        for n in range(TIMES):
            batch = [entry("stock", who * 100 + n), entry("orders", n), entry("stock", -n)]
            database.run(lambda tx, batch=batch: access.record(tx, batch), attempts=1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    assert [(a.stream, a.position) for a in anchors_of(database)] == [
        ("orders", THREADS * TIMES),
        ("stock", 2 * THREADS * TIMES),
    ]
    assert broken(database) == {}


def test_an_entry_goes_with_its_transaction(database: Database) -> None:
    def half(tx: Tx) -> None:
        access.record(tx, [entry("stock", 1)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.run(half)
    assert anchors_of(database) == []
    database.run(lambda tx: access.record(tx, [entry("stock", 2)]))
    assert broken(database) == {}


def test_verifying_while_others_write(database: Database) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            database.run(lambda tx: access.record(tx, [entry("stock", 1)] * 3))

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(write)
        try:
            assert [broken(database) for _ in range(40)] == [{}] * 40
        finally:
            stop.set()
        running.result()
    assert anchors_of(database)[0].position > 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access.audit SET actor = 'eve' WHERE position = 1",
        "DELETE FROM access.audit",
        "TRUNCATE access.audit",
    ],
)
def test_the_application_may_not_change_the_past(written: Database, statement: str) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        written.session() as connection,
    ):
        connection.execute(statement)  # type: ignore[arg-type]


SWAP = """
UPDATE access.audit AS a
   SET actor = b.actor, action = b.action, subject = b.subject, command_id = b.command_id,
       details = b.details, at = b.at{hash}
  FROM access.audit AS b
 WHERE a.stream = 'stock' AND b.stream = 'stock'
   AND (a.position, b.position) IN ((5, 9), (9, 5))
"""
CUT = "DELETE FROM access.audit WHERE stream = 'stock' AND position > 12"

TAMPERING = [
    ("UPDATE access.audit SET details = '{}' WHERE stream = 'stock' AND position = 7", 7),
    ("UPDATE access.audit SET actor = 'eve' WHERE stream = 'stock' AND position = 1", 1),
    ("UPDATE access.audit SET at = at - interval '1 us' WHERE position = 20", 20),
    ("UPDATE access.audit SET hash = sha256('x') WHERE stream = 'stock' AND position = 20", 20),
    ("DELETE FROM access.audit WHERE stream = 'stock' AND position = 4", 4),
    ("DELETE FROM access.audit WHERE stream = 'stock' AND position = 1", 1),
    ("DELETE FROM access.audit WHERE stream = 'stock'", 1),
    (SWAP.format(hash=""), 5),
    (SWAP.format(hash=", hash = b.hash"), 5),
    (CUT, 13),
    ("DELETE FROM access.audit_head WHERE stream = 'stock'", 1),
    ("UPDATE access.audit_head SET hash = sha256('x') WHERE stream = 'stock'", 20),
    (
        "INSERT INTO access.audit SELECT stream, 21, at, actor, action, subject, command_id,"
        " details, hash FROM access.audit WHERE stream = 'stock' AND position = 20",
        21,
    ),
]


@pytest.mark.parametrize(("statement", "position"), TAMPERING)
def test_the_owner_is_found_out(
    written: Database, owner: psycopg.Connection, statement: str, position: int
) -> None:
    assert owner.execute(statement).rowcount > 0  # type: ignore[arg-type]
    found = broken(written)
    assert found["stock"] == position
    with written.transaction() as tx:
        assert access.audit_findings(tx)[-1] == (
            f"audit log stock: from entry {position} on it is not what was written"
        )


def test_a_cut_with_its_head_shows_by_an_anchor(
    written: Database, owner: psycopg.Connection
) -> None:
    anchors = anchors_of(written)
    owner.execute(CUT)
    owner.execute(
        "UPDATE access.audit_head AS h SET position = 12, hash = a.hash FROM access.audit AS a"
        " WHERE h.stream = 'stock' AND a.stream = 'stock' AND a.position = 12"
    )
    assert broken(written) == {}
    assert broken(written, anchors) == {"stock": 13}
    # Writing on does not hide it.
    written.run(lambda tx: access.record(tx, [entry("stock", n) for n in range(13, 30)]))
    assert broken(written) == {}
    assert broken(written, anchors) == {"stock": 20}


def test_a_stream_that_is_gone_shows_by_an_anchor(
    written: Database, owner: psycopg.Connection
) -> None:
    anchors = anchors_of(written)
    owner.execute("DELETE FROM access.audit WHERE stream = 'orders'")
    owner.execute("DELETE FROM access.audit_head WHERE stream = 'orders'")
    assert broken(written) == {}
    assert broken(written, anchors) == {"orders": 1}
