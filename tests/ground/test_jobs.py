"""Jobs and the timetable: once, by whoever is free, and never lost with a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from entrepot.ground import jobs
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import APPLICATION_ROLE, ATTEMPTS_DEFAULT, Database, Tx
from entrepot.ground.jobs import ATTEMPTS_MAX, Job, JobState, Periodic
from entrepot.words.outcome import Conflict, Unavailable
from tests.processes import hang, kill, process, until

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def effects(owner: psycopg.Connection) -> None:
    """Where work leaves its trace, as often as it is done."""
    owner.execute("CREATE TABLE public.effect (n integer, id integer GENERATED ALWAYS AS IDENTITY)")
    owner.execute(f"GRANT SELECT, INSERT ON public.effect TO {APPLICATION_ROLE}")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START, seed=1)


@pytest.fixture
def at_rest(database_on: Callable[[Clock], Database], clock: VirtualClock) -> Database:
    """The database on a clock that moves only when told."""
    return database_on(clock)


def write_effect(tx: Tx, arguments: Mapping[str, Any]) -> None:
    tx.run("INSERT INTO public.effect (n) VALUES (%s)", (arguments["n"],))


HANDLERS = {"write": write_effect}


def enqueue(database: Database, *numbers: int, at: datetime | None = None) -> None:
    with database.transaction() as tx:
        jobs.enqueue(tx, [Job("write", {"n": n}, at) for n in numbers])


def work(database: Database, handlers: Mapping[str, jobs.JobHandler] = HANDLERS) -> int:
    """Do all that is due; gives how many jobs were tried."""
    count = 0
    while jobs.work_one(database, handlers):
        count += 1
    return count


def found_effects(database: Database) -> list[int]:
    with database.transaction() as tx:
        return [row[0] for row in tx.rows("SELECT n FROM public.effect ORDER BY id")]


def waiting(database: Database) -> list[JobState]:
    with database.transaction() as tx:
        return jobs.waiting(tx)


def test_jobs_are_done_once_the_longest_due_first(at_rest: Database, clock: VirtualClock) -> None:
    for n, minutes in ((1, 3), (2, 1), (3, 2), (4, 60)):
        enqueue(at_rest, n, at=START + timedelta(minutes=minutes))
    assert work(at_rest) == 0
    clock.advance_to(START + timedelta(minutes=5))
    assert work(at_rest) == 3
    assert found_effects(at_rest) == [2, 3, 1]
    assert [job.run_at for job in waiting(at_rest)] == [START + timedelta(minutes=60)]


def test_a_job_goes_with_its_transaction(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction() as tx:
        jobs.enqueue(tx, [Job("write", {"n": 1})])
        raise KeyError
    with database.transaction() as tx:
        assert jobs.enqueue(tx, []) == []
        ids = jobs.enqueue(tx, [Job("write", {"n": 2}), Job("other", {})])
    assert [job.job_id for job in waiting(database)] == ids
    assert work(database) == 1
    assert found_effects(database) == [2]
    assert [job.kind for job in waiting(database)] == ["other"], "nobody here does it"


def test_several_workers_do_every_job_once(database: Database, database_url: str) -> None:
    enqueue(database, *range(300))
    done = [0, 0, 0, 0]

    def worker(which: int) -> None:
        with Database(database_url, connections_max=1) as own:
            done[which] = work(own)

    threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(found_effects(database)) == list(range(300))
    assert (sum(done), waiting(database)) == (300, [])
    assert min(done) > 0, "every worker was at it"


def test_a_job_at_work_does_not_stop_the_next(database: Database) -> None:
    enqueue(database, 1, 2)
    inside, go_on = threading.Event(), threading.Event()

    def slow(tx: Tx, arguments: Mapping[str, Any]) -> None:
        inside.set()
        assert go_on.wait(20)
        write_effect(tx, arguments)

    first = threading.Thread(target=jobs.work_one, args=(database, {"write": slow}))
    first.start()
    assert inside.wait(20)
    assert work(database) == 1
    assert found_effects(database) == [2]
    go_on.set()
    first.join(20)
    assert found_effects(database) == [2, 1]


# Workers that die.


def do_and_hang(url: str) -> None:
    def handle(tx: Tx, arguments: Mapping[str, Any]) -> None:
        write_effect(tx, arguments)
        hang()

    with Database(url) as database:
        jobs.work_one(database, {"write": handle})


def test_a_killed_worker_gives_its_job_back_at_once(
    database: Database, database_url: str, owner: psycopg.Connection
) -> None:
    enqueue(database, 1)
    with process(do_and_hang, database_url) as worker:
        until(
            lambda: owner.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND wait_event = 'ClientRead' AND query LIKE 'INSERT INTO public.effect%'"
            ).fetchone(),
            "the worker to have written its effect",
        )
        assert work(database) == 0, "the job is taken"
        kill(worker)
        killed_at = time.monotonic()
        until(lambda: work(database), "the job to come back")
    assert time.monotonic() - killed_at < 2
    assert (found_effects(database), waiting(database)) == ([1], [])


def test_a_database_that_goes_away_keeps_the_job(
    database: Database, owner: psycopg.Connection
) -> None:
    def cut(tx: Tx, arguments: Mapping[str, Any]) -> None:
        write_effect(tx, arguments)
        (pid,) = tx.rows("SELECT pg_backend_pid()")[0]
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        write_effect(tx, arguments)

    enqueue(database, 1)
    with pytest.raises(Unavailable):
        jobs.work_one(database, {"write": cut})
    (job,) = waiting(database)
    assert (job.attempts, job.state) == (0, "waiting")
    assert work(database) == 1
    assert found_effects(database) == [1]


# Jobs that fail.


def failing(error: Exception) -> Mapping[str, jobs.JobHandler]:
    def handle(tx: Tx, arguments: Mapping[str, Any]) -> None:
        write_effect(tx, arguments)
        raise error

    return {"write": handle}


@pytest.mark.parametrize(
    "error", [ValueError("no"), Unavailable("the carrier is away"), Conflict("never", kind="guard")]
)
def test_a_failing_job_is_put_off_and_then_dead(
    at_rest: Database, clock: VirtualClock, error: Exception
) -> None:
    enqueue(at_rest, 1)
    pauses = []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        before = clock.now()
        assert work(at_rest, failing(error)) == 1
        (job,) = waiting(at_rest)
        assert (job.attempts, job.error) == (attempt, repr(error))
        pauses.append(round((job.run_at - before).total_seconds()))
        assert work(at_rest) == 0, "it is not due"
        clock.advance_to(job.run_at)
    assert job.state == "dead"
    assert all(0 <= p - 2**n < 2 for n, p in enumerate(pauses, start=1)), pauses
    assert work(at_rest) == 0
    assert found_effects(at_rest) == []
    with at_rest.transaction() as tx:
        assert jobs.next_due(tx) is None
        assert jobs.revive(tx, job.job_id)
        assert not jobs.revive(tx, job.job_id), "it is not dead any more"
    assert work(at_rest) == 1
    assert (found_effects(at_rest), waiting(at_rest)) == ([1], [])


def test_a_failing_job_does_not_stop_the_others(at_rest: Database) -> None:
    """Whatever kind of failure: the queue's head is never tried again and again."""

    def handle(tx: Tx, arguments: Mapping[str, Any]) -> None:
        if arguments["n"] == 1:
            tx.run("SET LOCAL statement_timeout = '20ms'")
            tx.run("SELECT pg_sleep(5)")
        write_effect(tx, arguments)

    enqueue(at_rest, 1, 2, 3)
    assert work(at_rest, {"write": handle}) == 3
    assert found_effects(at_rest) == [2, 3]
    (job,) = waiting(at_rest)
    assert "database took too long" in str(job.error)


def test_a_conflict_that_passes_costs_no_attempt(at_rest: Database) -> None:
    calls = 0

    def handle(tx: Tx, arguments: Mapping[str, Any]) -> None:
        nonlocal calls
        calls += 1
        write_effect(tx, arguments)
        if calls < ATTEMPTS_DEFAULT:
            code = "40P01" if calls % 2 else "55P03"
            tx.run(f"DO $$ BEGIN RAISE EXCEPTION 'passing' USING ERRCODE = '{code}'; END $$")

    enqueue(at_rest, 1)
    assert work(at_rest, {"write": handle}) == 1
    assert (found_effects(at_rest), waiting(at_rest)) == ([1], [])


def test_workers_do_not_burn_the_attempts_of_a_failing_job(
    database: Database, database_url: str
) -> None:
    """A job that fails is put off before another worker can take it."""
    enqueue(database, 1)
    tried: list[int] = []

    def worker() -> None:
        with Database(database_url, connections_max=2) as own:
            for _ in range(40):
                tried.append(work(own, failing(ValueError("no"))))

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(tried) == waiting(database)[0].attempts
    assert waiting(database)[0].attempts <= 2


def test_a_body_that_cannot_be_stored_in_full_is_cut(at_rest: Database) -> None:
    enqueue(at_rest, 1)
    assert work(at_rest, failing(ValueError("x" * 10_000))) == 1
    assert len(str(waiting(at_rest)[0].error)) == jobs.ERROR_CHARACTERS_MAX


# The timetable.


def register(database: Database, *timetable: Periodic) -> None:
    with database.transaction() as tx:
        jobs.register_timetable(tx, timetable)


def state_of(database: Database, name: str) -> tuple[datetime, str | None]:
    with database.transaction() as tx:
        found = tx.row("SELECT next_at, error FROM jobs.timetable WHERE name = %s", (name,))
    assert found is not None
    return found[0], found[1]


def test_periodic_work_is_done_when_due_and_missed_times_are_not_made_up(
    at_rest: Database, clock: VirtualClock
) -> None:
    done: list[datetime] = []
    hourly = Periodic("hourly", 3_600, lambda database: done.append(clock.now()))
    register(at_rest, hourly)
    register(at_rest, hourly)
    assert jobs.work_due(at_rest, [hourly])
    assert not jobs.work_due(at_rest, [hourly])
    with at_rest.transaction() as tx:
        assert jobs.next_due(tx) == START + timedelta(hours=1)
    later = START + timedelta(hours=5, minutes=30)
    clock.advance_to(later)
    assert jobs.work_due(at_rest, [hourly])
    assert not jobs.work_due(at_rest, [hourly])
    assert done == [START, later]
    assert state_of(at_rest, "hourly") == (later + timedelta(hours=1), None)


def test_periodic_work_is_done_by_one_of_several_workers(
    database: Database, database_url: str
) -> None:
    together = threading.Barrier(4)
    done: list[str] = []

    def slowly(_: Database) -> None:
        done.append("once")
        time.sleep(0.2)

    slow = Periodic("slow", 3_600, slowly)
    quick = Periodic("zz quick", 3_600, lambda _: done.append("quick"))
    register(database, slow, quick)

    def worker() -> None:
        with Database(database_url, connections_max=2) as own:
            together.wait(10)
            for _ in range(10):
                jobs.work_due(own, [slow, quick])

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(done) == ["once", "quick"]


@pytest.mark.parametrize("error", [ValueError("no"), Unavailable("the carrier is away")])
def test_periodic_work_that_fails_is_shown_and_waits_for_its_time(
    at_rest: Database, clock: VirtualClock, error: Exception
) -> None:
    done: list[str] = []

    def fails(_: Database) -> None:
        raise error

    timetable = [
        Periodic("a fails", 60, fails),
        Periodic("b works", 60, lambda _: done.append("b")),
    ]
    register(at_rest, *timetable)
    assert jobs.work_due(at_rest, timetable)
    assert jobs.work_due(at_rest, timetable)
    assert not jobs.work_due(at_rest, timetable)
    assert done == ["b"]
    assert state_of(at_rest, "a fails") == (START + timedelta(seconds=60), repr(error))
    clock.advance_to(START + timedelta(seconds=60))
    well = Periodic("a fails", 60, lambda _: done.append("a"))
    assert jobs.work_due(at_rest, [well])
    assert state_of(at_rest, "a fails") == (START + timedelta(seconds=120), None)


def test_periodic_work_may_take_longer_than_a_transaction(
    database: Database, database_url: str
) -> None:
    hurried = psycopg.conninfo.make_conninfo(
        database_url,
        options="-c idle_in_transaction_session_timeout=100ms -c transaction_timeout=200ms",
    )
    long = Periodic("long", 3_600, lambda _: time.sleep(0.4))
    register(database, long)
    with Database(hurried) as own:
        assert jobs.work_due(own, [long])
        assert not jobs.work_due(own, [long])
    assert state_of(database, "long")[1] is None


def work_due_and_hang(url: str) -> None:
    with Database(url) as database:
        jobs.work_due(database, [Periodic("hangs", 60, lambda _: hang())])


def test_periodic_work_of_a_killed_worker_is_due_at_once(
    database: Database, database_url: str, owner: psycopg.Connection
) -> None:
    done: list[str] = []
    well = Periodic("hangs", 60, lambda _: done.append("well"))
    register(database, well)
    with process(work_due_and_hang, database_url) as worker:
        until(
            lambda: owner.execute(
                "SELECT 1 FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
                "WHERE d.datname = current_database() AND l.locktype = 'advisory'"
            ).fetchone(),
            "the worker to be at it",
        )
        assert not jobs.work_due(database, [well])
        kill(worker)
        until(lambda: jobs.work_due(database, [well]), "the work to be due again")
    assert done == ["well"]
