"""Many SKUs in random orders from several processes: no deadlock reaches anybody, books stay whole;
a process killed in the middle of a batch leaves nothing half done."""

from __future__ import annotations

import random
import time

import psycopg
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Count, Held, Receipt, Reservation, ReservationState
from entrepot.ground.database import APPLICATION_ROLE, Database, Tx
from tests.processes import hang, kill, process, until
from tests.races.stock import NODE, WHO, balance, findings, open_stock, reserve, step

SKUS = tuple(f"SKU-{number:03d}" for number in range(60))
PROCESSES = 4
LINES = 20


def work_in_random_order(url: str, number: int, batches: int) -> None:
    """Reserve, allocate, ship, cancel and count batches of SKUs, each batch in an order of its own;
    tells what it did, and how often it had to try again, in a table."""
    chance = random.Random(number)
    tries = done = units = 0
    with Database(url, connections_max=1) as database:
        for batch in range(batches):
            wanted = [(sku, chance.randint(1, 3)) for sku in chance.sample(SKUS, LINES)]

            def attempt(tx: Tx, wanted: list[tuple[str, int]] = wanted, batch: int = batch) -> int:
                nonlocal tries
                tries += 1
                answers = reserve(tx, wanted, f"O-{number}-{batch}")
                return _on(tx, [a.reservation for a in answers if isinstance(a, Held)])

            units += database.run(attempt)
            done += 1
        database.run(
            lambda tx: tx.run("INSERT INTO public.result VALUES (%s, %s, %s)", (done, tries, units))
        )


def _on(tx: Tx, reservations: list[Reservation]) -> int:
    """Half of the lines go out, a quarter is given back, the rest stays; gives the units sent."""
    out, back = reservations[::2], reservations[1::4]
    step(tx, out, ReservationState.allocated)
    step(tx, out[::-1], ReservationState.shipped)
    step(tx, back, ReservationState.cancelled)
    return sum(r.quantity_each for r in out)


def count_in_random_order(url: str, number: int, batches: int) -> None:
    """Counts and receipts over the same SKUs meanwhile."""
    chance = random.Random(number)
    with Database(url, connections_max=1) as database:
        for _ in range(batches):
            chosen = chance.sample(SKUS, LINES)

            def attempt(tx: Tx, chosen: list[str] = chosen) -> None:
                there = {b.sku: b.on_hand for b in inventory.balances(tx, chosen)}
                one = [{**WHO, "sku": sku, "node": NODE} for sku in chosen]
                inventory.count(
                    tx, [Count(**o, counted_each=there[o["sku"]], document="c") for o in one]
                )
                inventory.receive(
                    tx, [Receipt(**o, quantity_each=1, document="d") for o in reversed(one)]
                )

            database.run(attempt)


@pytest.fixture
def results(owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE public.result (done integer, tries integer, units integer)")
    owner.execute(f"GRANT SELECT, INSERT ON public.result TO {APPLICATION_ROLE}")


@pytest.mark.parametrize(
    "batches", [40, pytest.param(3_000, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])]
)
def test_random_orders_from_four_processes_never_deadlock(
    database: Database,
    database_url: str,
    owner: psycopg.Connection,
    results: None,
    batches: int,
) -> None:
    open_stock(database, dict.fromkeys(SKUS, 10_000))
    with (
        process(work_in_random_order, database_url, 1, batches) as a,
        process(work_in_random_order, database_url, 2, batches) as b,
        process(work_in_random_order, database_url, 3, batches) as c,
        process(count_in_random_order, database_url, 4, batches) as d,
    ):
        for running in (a, b, c, d):
            running.join(3_000)
            assert running.exitcode == 0
    assert findings(database) == []
    found = owner.execute("SELECT sum(done), sum(tries), sum(units) FROM public.result").fetchone()
    assert found is not None
    done, tries, units = found
    assert done == 3 * batches
    assert tries == done, "there was stock for all: nothing had to be tried again"
    assert units == _sent(owner)
    assert _deadlocks(owner) == 0


def _sent(owner: psycopg.Connection) -> int:
    found = owner.execute(
        "SELECT sum(quantity_each) FROM inventory.movement WHERE to_account = 'customer'"
    ).fetchone()
    assert found is not None
    return int(found[0])


def _deadlocks(owner: psycopg.Connection) -> int:
    found = owner.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert found is not None
    return int(found[0])


def reserve_and_hang(url: str) -> None:
    with Database(url) as database, database.transaction() as tx:
        answers = reserve(tx, [(sku, 2) for sku in SKUS], "O-1")
        step(tx, [a.reservation for a in answers[:9] if isinstance(a, Held)], ALLOCATED)
        tx.run("SELECT 'half done'")
        hang()


ALLOCATED = ReservationState.allocated


def test_a_batch_killed_in_the_middle_is_not_there_and_stops_nobody(
    database: Database, database_url: str, owner: psycopg.Connection
) -> None:
    open_stock(database, dict.fromkeys(SKUS, 3))
    with process(reserve_and_hang, database_url) as half:
        until(
            lambda: owner.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event = 'ClientRead' AND query LIKE '%half done%'"
            ).fetchone(),
            "the process to be in the middle",
        )
        kill(half)
        killed_at = time.monotonic()
        answers = database.run(lambda tx: reserve(tx, [(sku, 3) for sku in SKUS], "O-2"))
    assert time.monotonic() - killed_at < 3, "its locks went with it"
    assert all(isinstance(a, Held) for a in answers), "all three units of each are there"
    assert balance(database, SKUS[0])[2:] == (3, 0, 3, 0, 0)
    assert findings(database) == []


def work_until_killed(url: str, number: int) -> None:
    """Batches without an end; what belongs together carries the batch's own command id."""
    chance = random.Random(number)
    with Database(url, connections_max=1) as database:
        while True:
            chosen = chance.sample(SKUS, LINES)
            name = f"batch {database.clock.new_id()}"

            def attempt(tx: Tx, chosen: list[str] = chosen, name: str = name) -> None:
                one = [{**WHO, "command_id": name, "sku": s, "node": NODE} for s in chosen]
                inventory.receive(tx, [Receipt(**o, quantity_each=2, document="d") for o in one])
                _on(
                    tx,
                    [
                        a.reservation
                        for a in reserve(tx, [(s, 2) for s in chosen], name)
                        if isinstance(a, Held)
                    ],
                )

            database.run(attempt)


@pytest.mark.parametrize(
    "kills", [6, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])]
)
def test_processes_killed_at_any_moment_leave_whole_batches(
    database: Database, database_url: str, owner: psycopg.Connection, kills: int
) -> None:
    open_stock(database, dict.fromkeys(SKUS, 50))
    chance = random.Random(kills)

    def batches() -> int:
        found = owner.execute(
            "SELECT count(DISTINCT command_id) FROM inventory.movement WHERE cause = 'receipt'"
        ).fetchone()
        assert found is not None
        return int(found[0])

    for number in range(0, kills, 2):
        before = batches()
        with (
            process(work_until_killed, database_url, number) as first,
            process(work_until_killed, database_url, number + 1) as second,
        ):
            until(lambda before=before: batches() > before + 3, "some batches to be done")
            time.sleep(chance.uniform(0, 0.05))
            kill(first)
            time.sleep(chance.uniform(0, 0.02))
            kill(second)
        assert findings(database) == []
    broken = owner.execute(
        "SELECT command_id, count(*) FROM inventory.movement WHERE cause = 'receipt' "
        "GROUP BY command_id HAVING count(*) <> %(lines)s UNION ALL "
        "SELECT order_id, count(*) FROM inventory.reservation "
        "GROUP BY order_id HAVING count(*) <> %(lines)s",
        {"lines": LINES},
    ).fetchall()
    assert broken == []
    told = owner.execute(
        "SELECT count(*) FILTER (WHERE name = 'StockReceived') FROM events.outbox"
    ).fetchone()
    assert told == (len(SKUS) + LINES * batches(),)
