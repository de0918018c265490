"""The way to PostgreSQL: a pool, transactions, retry on conflict.

READ COMMITTED throughout: what must hold is held by guarded statements and constraints, never by
the isolation level (docs/decisions/0003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg import errors, pq
from psycopg_pool import ConnectionPool, PoolTimeout

from entrepot.ground.arrays import register
from entrepot.ground.clock import Clock, SystemClock
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Broken, Conflict, Fault, Unavailable

T = TypeVar("T")
Params = Mapping[str, Any] | Sequence[Any]

APPLICATION_ROLE = "entrepot_app"
ATTEMPTS_DEFAULT = 8
NOT_EXECUTED = -1
Guard = tuple[psycopg.Cursor[tuple[Any, ...]], int, str]
BACKOFF_FIRST_S = 0.005
BACKOFF_MAX_S = 0.5
READ_ONLY = (
    "SET TRANSACTION READ ONLY; SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on"
)

log = get_logger(__name__)


class Tx:
    """One open transaction. Never kept, never shared between threads.

    now   the transaction's instant, read once from the clock
    kept  what was read in this transaction and need not be read again, by the name of a room
    """

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._gathered: dict[Callable[[Tx, list[Any]], None], list[Any]] = {}
        self._guards: list[Guard] = []
        self._later = ExitStack()
        self._piped = False
        self.now: datetime = clock.now()
        self.kept: dict[str, Any] = {}

    def rows(self, query: LiteralString, params: Params | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query or of a statement with RETURNING."""
        with self._judged():
            return self._connection.execute(query, params).fetchall()

    def row(self, query: LiteralString, params: Params | None = None) -> tuple[Any, ...] | None:
        """The first row, or None."""
        with self._judged():
            return self._connection.execute(query, params).fetchone()

    def count(self, query: LiteralString, params: Params | None = None) -> int:
        """Execute a statement; gives the number of rows it touched."""
        with self._blamed():
            cursor = self._connection.execute(query, params)
        self.settle()
        return cursor.rowcount

    def run(self, query: LiteralString, params: Params | None = None) -> None:
        """Execute a statement whose outcome nobody waits for; it fails at the commit at the latest.

        The next statement need not wait for it either: decisions go on while it is at work.
        """
        self._send(query, params)

    def guard(self, query: LiteralString, params: Params, expected: int, otherwise: str) -> None:
        """Execute a statement that has to touch so many rows, as `run` does.

        Raises: Conflict with these words when it does not, at the commit at the latest.
        """
        self._guards.append((self._send(query, params), expected, otherwise))

    def settle(self) -> None:
        """Wait until everything was executed.

        Raises: what the statements that nobody waited for raise.
        """
        with self._judged():
            self._later.close()
            self._piped = False

    def _send(self, query: LiteralString, params: Params | None) -> psycopg.Cursor[tuple[Any, ...]]:
        if not self._piped:
            self._later.enter_context(self._connection.pipeline())
            self._piped = True
        with self._blamed():
            return self._connection.execute(query, params)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """With an answer come those of the guards before it."""
        with self._blamed():
            yield
        self._judge(self._guards)
        self._guards = []

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """What fails after a guard that did not hold fails for that reason."""
        try:
            yield
        except psycopg.Error:
            self._judge([guard for guard in self._guards if guard[0].rowcount != NOT_EXECUTED])
            raise

    def _judge(self, guards: Sequence[Guard]) -> None:
        for cursor, expected, otherwise in guards:
            if cursor.rowcount != expected:
                raise Conflict(otherwise, kind="guard")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail by itself: when the block raises, only its effects are undone."""
        self.end()
        with self._connection.transaction(), self.whole():
            yield

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What is done in the block is done, or has failed, at its end."""
        try:
            yield
            self.end()
        except BaseException:
            self._gathered.clear()
            self._guards.clear()
            with suppress(psycopg.Error):
                self.settle()
            raise

    def gather(self, write: Callable[[Tx, list[T]], None], items: Iterable[T]) -> None:
        """Keep what only has to be there at the commit: `write` gets all of it at once, before it.

        Nothing in this transaction can read it before.
        """
        self._gathered.setdefault(write, []).extend(items)

    def gathered(self, write: Callable[[Tx, list[T]], None]) -> list[T]:
        """What waits for `write`; what is taken out of this list is not written."""
        return self._gathered.setdefault(write, [])

    @property
    def is_gathering(self) -> bool:
        """Whether something waits to be written before the commit."""
        return any(self._gathered.values())

    def end(self) -> None:
        """Write what was gathered, and wait until everything was executed."""
        for write, items in self._gathered.items():
            if items:
                write(self, items)
        self._gathered.clear()
        self.settle()

    def new_id(self) -> UUID:
        """A fresh time-ordered id."""
        return self._clock.new_id()

    def new_ids(self, count: int) -> list[UUID]:
        """`count` fresh time-ordered ids, ascending."""
        return self._clock.new_ids(count)

    def random_bytes(self, count: int) -> bytes:
        """`count` random bytes from the clock's source."""
        return self._clock.random_bytes(count)


class Database:
    """A pool of connections to one PostgreSQL.

    url      libpq address
    clock    where transactions take their time and ids from
    role     role taken on for every connection: least privilege; None keeps the login role
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        connections_max: int = 4,
        role: str | None = APPLICATION_ROLE,
        timeout_s: float = 5.0,
        name: str = "entrepot",
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.url = url
        self._role = role
        self._pool: ConnectionPool[psycopg.Connection[tuple[Any, ...]]] = ConnectionPool(
            url,
            min_size=1,
            max_size=connections_max,
            timeout=timeout_s,
            kwargs={"application_name": name, "autocommit": True},
            configure=self._configure,
            check=ConnectionPool.check_connection,
            open=False,
            name=name,
        )
        self._pool.open()

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        connection.prepare_threshold = 2
        register(connection)
        if self._role is not None:
            connection.execute(
                psycopg.sql.SQL("SET ROLE {}").format(psycopg.sql.Identifier(self._role))
            )
        connection.execute("SET TIME ZONE 'UTC'")
        # Rows must be locked in the order of their keys, which hash joins do not keep
        # (docs/decisions/0009).
        connection.execute("SET enable_hashjoin = off")
        # A statement's plan is kept while its table grows: on a young table it must already be
        # the one that a large table needs.
        connection.execute("SET enable_seqscan = off")

    def close(self) -> None:
        """Give every connection back."""
        self._pool.close(timeout=2.0)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def pool_state(self) -> dict[str, int]:
        """Connections by state: size, idle, waiting."""
        stats = self._pool.get_stats()
        return {
            "open": stats.get("pool_size", 0),
            "idle": stats.get("pool_available", 0),
            "waiting": stats.get("requests_waiting", 0),
        }

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Tx]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Raises: Conflict for a deadlock, a lock time-out or a serialization failure;
        Unavailable when the database cannot be reached or refuses for lack of space.
        """
        with translated(), self._pool.connection() as connection, connection.transaction():
            started = self.clock.monotonic()
            if read_only:
                connection.execute(READ_ONLY, prepare=False)
            tx = Tx(connection, self.clock)
            with tx.whole():
                yield tx
            METRICS.transaction_seconds.observe(self.clock.monotonic() - started)

    def run(self, work: Callable[[Tx], T], *, attempts: int = ATTEMPTS_DEFAULT) -> T:
        """Do `work` in one transaction; on a retryable fault roll back and start afresh.

        work      called once per attempt with a new transaction; must hold no state between calls
        attempts  at most so many tries; the last fault is raised
        """
        for attempt in range(1, attempts + 1):
            try:
                with self.transaction() as tx:
                    return work(tx)
            except Conflict as fault:
                METRICS.conflicts_retried.labels(kind=fault.kind).inc()
                if attempt == attempts:
                    raise
                jitter = self.clock.random_bytes(1)[0] / 255
                pause = min(BACKOFF_FIRST_S * 2 ** (attempt - 1), BACKOFF_MAX_S)
                self.clock.sleep(pause * (0.5 + jitter))
        raise AssertionError("attempts must be at least one")

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A bare autocommit connection, for advisory locks, LISTEN and administration."""
        with translated(), self._pool.connection() as connection:
            yield connection


_CONFLICTS: dict[type[psycopg.Error], str] = {
    errors.DeadlockDetected: "deadlock",
    errors.SerializationFailure: "serialization",
    errors.LockNotAvailable: "lock_timeout",
    errors.UniqueViolation: "unique",
    errors.CheckViolation: "guard",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's errors into the house's faults; a wrong statement stays a bug.

    A unique or check violation is a Conflict: decisions are made over facts read before, and the
    constraint is the guard that has the last word. Tried again, the fresh facts give the business
    answer. If they do not, the last attempt raises the Conflict with the constraint's name.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable(
            "database: no connection became free or could be opened in time; "
            "check that PostgreSQL runs (`entrepot status`) and raise ENTREPOT_POOL if it does"
        ) from error
    except tuple(_CONFLICTS) as error:
        kind = next(name for cls, name in _CONFLICTS.items() if isinstance(error, cls))
        constraint = error.diag.constraint_name
        detail = f" on {constraint}" if constraint else ""
        raise Conflict(f"database: {kind}{detail}", kind=kind) from error
    except (errors.DiskFull, errors.OutOfMemory, errors.ReadOnlySqlTransaction) as error:
        raise Unavailable(f"database refuses to write: {_first_line(error)}") from error
    except (
        errors.QueryCanceled,
        errors.TransactionTimeout,
        errors.IdleInTransactionSessionTimeout,
    ) as error:
        raise Unavailable(f"database took too long: {_first_line(error)}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"database not reachable: {_first_line(error)}") from error
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn) as error:
        raise Broken(
            f"database schema does not fit this version: {_first_line(error)}; "
            "run `entrepot migrate`"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def reachable(url: str, timeout_s: int = 3) -> Fault | None:
    """None when the database answers a query, else the fault that says why not."""
    try:
        with (
            translated(),
            psycopg.connect(url, connect_timeout=timeout_s, autocommit=True) as connection,
        ):
            connection.execute("SELECT 1")
    except Fault as fault:
        return fault
    return None


def is_idle(connection: psycopg.Connection[Any]) -> bool:
    """Whether the connection has no transaction open."""
    return connection.info.transaction_status == pq.TransactionStatus.IDLE
