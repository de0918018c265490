"""The way to PostgreSQL: retries, translated faults, least privilege."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors

from entrepot.ground import migrate
from entrepot.ground.database import (
    APPLICATION_ROLE,
    ATTEMPTS_DEFAULT,
    Database,
    Tx,
    is_idle,
    reachable,
)
from entrepot.words.outcome import Broken, Conflict, Fault, Unavailable

FAST_S = 0.5


@pytest.fixture
def numbers(owner: psycopg.Connection) -> None:
    """A table of two rows that the application may change."""
    owner.execute("CREATE TABLE public.n (id integer PRIMARY KEY, v integer CHECK (v < 100))")
    owner.execute("INSERT INTO public.n VALUES (1, 0), (2, 0)")
    owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.n TO {APPLICATION_ROLE}")


def values(database: Database) -> list[int]:
    with database.transaction() as tx:
        return [row[0] for row in tx.rows("SELECT v FROM public.n ORDER BY id")]


def raise_by_one(tx: Tx, row: int) -> None:
    tx.count("UPDATE public.n SET v = v + 1 WHERE id = %s", (row,))


def test_a_transaction_has_one_instant_and_commits_at_the_end(
    database: Database, numbers: None
) -> None:
    with database.transaction() as tx:
        instant = tx.now
        database.clock.sleep(0.01)
        assert tx.now == instant
        assert tx.row("SELECT 1 WHERE false") is None
        assert tx.new_id() < tx.new_id()
        assert len(tx.random_bytes(3)) == 3
        raise_by_one(tx, 1)
    assert values(database) == [1, 0]


def test_a_transaction_that_raises_leaves_nothing(database: Database, numbers: None) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        raise_by_one(tx, 1)
        raise ZeroDivisionError
    assert values(database) == [0, 0]


def test_a_savepoint_undoes_only_itself(database: Database, numbers: None) -> None:
    with database.transaction() as tx:
        raise_by_one(tx, 1)
        with pytest.raises(errors.CheckViolation), tx.savepoint():
            raise_by_one(tx, 2)
            tx.run("UPDATE public.n SET v = 100 WHERE id = 2")
    assert values(database) == [1, 0]


def test_a_deadlock_is_tried_again_and_both_get_through(database: Database, numbers: None) -> None:
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def work(name: str, first: int, second: int) -> None:
        def attempt(tx: Tx) -> None:
            attempts.append(name)
            raise_by_one(tx, first)
            if attempts.count(name) == 1:
                both_hold_one.wait(timeout=10)
            raise_by_one(tx, second)

        database.run(attempt)

    threads = [
        threading.Thread(target=work, args=args) for args in (("forth", 1, 2), ("back", 2, 1))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert values(database) == [2, 2]
    assert len(attempts) == 3


@pytest.mark.parametrize(
    ("statement", "kind", "constraint"),
    [
        ("UPDATE public.n SET v = 100", "guard", "n_v_check"),
        ("INSERT INTO public.n VALUES (1, 1)", "unique", "n_pkey"),
    ],
)
def test_a_broken_guard_is_decided_again_and_then_raised(
    database: Database, numbers: None, statement: str, kind: str, constraint: str
) -> None:
    calls = 0

    def work(tx: Tx) -> None:
        nonlocal calls
        calls += 1
        raise_by_one(tx, 2)
        tx.run(statement)

    with pytest.raises(Conflict, match=constraint) as raised:
        database.run(work, attempts=3)
    assert (raised.value.kind, raised.value.retryable, calls) == (kind, True, 3)
    assert values(database) == [0, 0]


def test_a_conflict_that_goes_away_is_not_seen(database: Database, numbers: None) -> None:
    calls = 0

    def work(tx: Tx) -> int:
        nonlocal calls
        calls += 1
        raise_by_one(tx, 1)
        if calls < ATTEMPTS_DEFAULT:
            raise Conflict("someone was faster")
        return calls

    assert database.run(work) == ATTEMPTS_DEFAULT
    assert values(database) == [1, 0]


@pytest.mark.parametrize("fault", [Unavailable("away"), Broken("broken"), KeyError("bug")])
def test_only_conflicts_are_tried_again(database: Database, fault: Exception) -> None:
    calls = 0

    def work(tx: Tx) -> None:
        nonlocal calls
        calls += 1
        raise fault

    with pytest.raises(type(fault)):
        database.run(work)
    assert calls == 1


def test_a_lock_timeout_and_a_serialization_failure_are_conflicts(
    database: Database, owner: psycopg.Connection, numbers: None
) -> None:
    with owner.transaction():
        owner.execute("UPDATE public.n SET v = 5 WHERE id = 1")
        with pytest.raises(Conflict) as raised, database.transaction() as tx:
            tx.run("SET LOCAL lock_timeout = '50ms'")
            raise_by_one(tx, 1)
    assert raised.value.kind == "lock_timeout"
    with pytest.raises(Conflict) as raised, database.transaction() as tx:
        tx.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tx.rows("SELECT v FROM public.n")
        owner.execute("UPDATE public.n SET v = 6 WHERE id = 1")
        raise_by_one(tx, 1)
    assert raised.value.kind == "serialization"


def test_a_wrong_statement_stays_a_bug(database: Database, numbers: None) -> None:
    with pytest.raises(errors.SyntaxError), database.transaction() as tx:
        tx.run("SELEKT 1")
    with pytest.raises(errors.DivisionByZero), database.transaction() as tx:
        tx.rows("SELECT 1 / 0")
    assert values(database) == [0, 0]


# What the world can do to it.


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_database_that_is_away_is_unavailable() -> None:
    url = f"host=127.0.0.1 port={free_port()} dbname=nowhere user=nobody"
    with Database(url, timeout_s=FAST_S) as database:
        with pytest.raises(Unavailable, match="no connection became free") as raised:
            database.run(lambda tx: None)
        assert raised.value.retryable
    fault = reachable(url)
    assert isinstance(fault, Unavailable)
    assert "not reachable" in str(fault)


def test_a_database_that_is_there_is_reachable(database_url: str) -> None:
    assert reachable(database_url) is None


def test_a_missing_database_is_a_fault(server: str) -> None:
    fault = reachable(psycopg.conninfo.make_conninfo(server, dbname="entrepot_no_such"))
    assert isinstance(fault, Fault)
    assert "entrepot_no_such" in str(fault)


def test_a_pool_without_a_free_connection_is_unavailable(database_url: str) -> None:
    with (
        Database(database_url, connections_max=1, timeout_s=FAST_S) as database,
        database.transaction(),
    ):
        assert database.pool_state() == {"open": 1, "idle": 0, "waiting": 0}
        with pytest.raises(Unavailable, match="ENTREPOT_POOL"):
            database.run(lambda tx: None)


@pytest.mark.parametrize("when", ["before the statement", "before the commit"])
def test_a_killed_connection_is_unavailable_and_replaced(
    database: Database, owner: psycopg.Connection, numbers: None, when: str
) -> None:
    with pytest.raises(Unavailable), database.transaction() as tx:
        (pid,) = tx.rows("SELECT pg_backend_pid()")[0]
        if when == "before the commit":
            raise_by_one(tx, 1)
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        if when == "before the statement":
            raise_by_one(tx, 1)
    assert values(database) == [0, 0]


def test_a_read_only_database_is_unavailable(
    database_url: str, owner: psycopg.Connection, numbers: None
) -> None:
    name = owner.info.dbname
    owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with Database(database_url) as database:
        with pytest.raises(Unavailable, match="refuses to write: cannot execute UPDATE"):
            database.run(lambda tx: raise_by_one(tx, 1))
        assert values(database) == [0, 0]


def test_a_reading_transaction_writes_nothing(database: Database, numbers: None) -> None:
    with pytest.raises(Unavailable), database.transaction(read_only=True) as tx:
        raise_by_one(tx, 1)
    raise_and_read = database.run(lambda tx: tx.count("UPDATE public.n SET v = 1 WHERE id = 1"))
    assert raise_and_read == 1, "the connection is not left read-only"


@pytest.mark.parametrize(
    "setting",
    ["statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"],
)
def test_what_takes_too_long_is_unavailable(
    database: Database, database_url: str, numbers: None, setting: str
) -> None:
    limited = psycopg.conninfo.make_conninfo(database_url, options=f"-c {setting}=100ms")
    with (
        Database(limited, connections_max=1) as hurried,
        pytest.raises(Unavailable),
        hurried.transaction() as tx,
    ):
        raise_by_one(tx, 1)
        if setting == "idle_in_transaction_session_timeout":
            hurried.clock.sleep(0.3)
        tx.run("SELECT pg_sleep(5)")
    assert values(database) == [0, 0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda owner: owner.execute("ALTER TABLE events.head RENAME COLUMN position TO p"),
        lambda owner: owner.execute("ALTER TABLE events.head RENAME TO h"),
        lambda owner: owner.execute("ALTER SCHEMA events RENAME TO e"),
    ],
)
def test_a_schema_that_does_not_fit_is_broken(
    database: Database,
    owner: psycopg.Connection,
    spoil: Callable[[psycopg.Connection], None],
) -> None:
    spoil(owner)
    with pytest.raises(Broken, match="run `entrepot migrate`") as raised:
        database.run(lambda tx: tx.rows("SELECT position FROM events.head"))
    assert not raised.value.retryable


def test_a_closed_database_is_unavailable(database_url: str) -> None:
    database = Database(database_url)
    database.close()
    with pytest.raises(Unavailable):
        database.run(lambda tx: None)


def test_a_session_runs_outside_a_transaction(database: Database, numbers: None) -> None:
    with database.session() as connection:
        assert is_idle(connection)
        connection.execute("UPDATE public.n SET v = 1 WHERE id = 1")
        assert is_idle(connection)
        with connection.transaction():
            assert not is_idle(connection)
    assert values(database) == [1, 0]


# Least privilege.

TABLES = """
SELECT n.nspname || '.' || c.relname, c.relkind, c.relispartition,
       coalesce(obj_description(c.oid, 'pg_class'), '') LIKE 'append only%%',
       has_table_privilege(%(role)s, c.oid, 'SELECT'),
       has_table_privilege(%(role)s, c.oid, 'INSERT'),
       has_table_privilege(%(role)s, c.oid, 'UPDATE'),
       has_table_privilege(%(role)s, c.oid, 'DELETE'),
       has_table_privilege(%(role)s, c.oid, 'TRUNCATE')
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname = ANY(%(schemas)s)
 ORDER BY 1
"""


def test_the_application_may_do_what_its_tables_allow(owner: psycopg.Connection) -> None:
    found = owner.execute(
        TABLES, {"role": APPLICATION_ROLE, "schemas": migrate.own_schemas()}
    ).fetchall()
    assert {"events.log", "inventory.movement", "ordering.event"} <= {
        name for name, _, _, append_only, *_ in found if append_only
    }
    assert "events.log_default" in {name for name, _, is_partition, *_ in found if is_partition}
    for name, kind, is_partition, append_only, *rights in found:
        if is_partition:
            allowed = [False] * 5
        elif kind == "v" or name == "ground.migration":
            allowed = [True, False, False, False, False]
        elif append_only:
            allowed = [True, True, False, False, False]
        else:
            allowed = [True, True, True, True, False]
        assert rights == allowed, name


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory.movement SET quantity_each = 1",
        "DELETE FROM inventory.movement",
        "TRUNCATE inventory.movement",
        "DELETE FROM events.log",
        "UPDATE events.log_first SET position = 1",
        "INSERT INTO inventory.movement_default (sku) VALUES ('X')",
        "UPDATE ordering.expectation SET latest_date = NULL",
        "INSERT INTO ground.migration VALUES (9, 'x', 'x', '2026-01-01Z')",
        "UPDATE ground.migration SET checksum = ''",
        "DROP TABLE inventory.stock",
        "ALTER TABLE inventory.stock DROP CONSTRAINT stock_covers_commitments",
        "CREATE TABLE inventory.mine (a integer)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
    ],
)
def test_the_application_may_not(database: Database, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege), database.transaction() as tx:
        tx.run(statement)


def test_without_a_role_the_login_works_as_itself(database_url: str) -> None:
    with Database(database_url, role=None) as database:
        found = database.run(lambda tx: tx.row("SELECT current_user = session_user"))
    assert found == (True,)


# Migrating.


def test_migrating_again_changes_nothing(database_url: str, database: Database) -> None:
    done = migrate.migrate(database_url)
    assert (done.before, done.after, done.applied) == (migrate.latest(), migrate.latest(), [])
    migrate.require_schema(database_url)


def test_two_processes_may_migrate_at_once(empty_database: str) -> None:
    results: list[object] = []

    def work() -> None:
        try:
            results.append(migrate.migrate(empty_database).applied)
        except Fault as fault:
            results.append(fault)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(results, key=str) == [["schema.sql"], [], [], []]
