"""A generator of HTTP load, in a process of its own: `python -m benchmarks.load < plan > result`.

Closed: so many connections, each sends its next request when it has the answer to the last; finds
what the server can do. Open: requests begin at instants drawn beforehand (Poisson), whether the
earlier ones are answered or not, and the time counts from the instant a request was meant to
begin, so that a server that stalls cannot hide it by delaying the generator.

It shares the cores with what it measures, so it is cheap: one thread over one epoll, requests put
together from bytes made beforehand, and of an answer only its status and length are looked at. A
connection that is lost is opened again, patiently: the server may be away. SIGTERM ends it: what
was sent is still waited for.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import re
import select
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterator
from itertools import count
from time import perf_counter, process_time

import msgspec

PATIENCE_S = 20.0
# From the last preparation to the first request of the open model.
SPARE_S = 0.05
LOOK_EVERY_S = 0.1
CONNECT_S = 1.0
AGAIN_S = 0.02
READ_BYTES = 65_536
NOTHING = -1

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after:", re.IGNORECASE)


class Plan(msgspec.Struct, frozen=True):
    """What to send.

    bodies           sent in turn, each as often as it comes round
    key              begins the Idempotency-Key of every request; its number ends it
    connections      open from the beginning
    rate             requests per second for the open model; None = closed
    connections_max  the open model opens more when all are busy, up to so many; then requests
                     wait, and their time runs
    numbers          send the requests of these numbers, each once; None = count on from 0
    journal          keep what became of each request
    """

    host: str
    port: int
    path: str
    authorization: str
    bodies: list[str]
    key: str
    seconds: float
    connections: int
    rate: float | None = None
    connections_max: int = 1_000
    seed: int = 1
    numbers: list[int] | None = None
    journal: bool = False


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """What became of one request.

    status   0 = no answer, and what it did is not known
    sent_at, ended_at  seconds of the machine's monotonic clock, the same in every process
    answer   its body
    """

    number: int
    status: int
    sent_at: float
    ended_at: float
    answer: str


class Result(msgspec.Struct, frozen=True):
    """What came of it; times in ms.

    took_s         from the first request to the last answer
    latencies_ms   of answers of success alone
    late_ms        how long after its instant the generator itself took a request up (open model)
    statuses       how many answers of each status; 0 = none at all
    retry_later    how many of them said when to try again
    processor      of one core, what the generator used; 1.0 = all of it
    sent           in a plan with a journal
    """

    took_s: float
    latencies_ms: list[float]
    late_ms: list[float]
    statuses: dict[int, int]
    retry_later: int
    processor: float
    sent: list[Sent]

    @property
    def good(self) -> int:
        """How many were answered with success."""
        return len(self.latencies_ms)

    @property
    def all_good(self) -> bool:
        """Whether everything was."""
        return self.good == sum(self.statuses.values())


class _Connection:
    """One connection; `number` is that of the request under way, if any."""

    __slots__ = ("again_at", "answer", "meant", "number", "sent_at", "socket")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.number = NOTHING
        self.meant = self.sent_at = self.again_at = 0.0
        self.answer = b""


class Generator:
    """Connections that are kept, and what was measured over them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        # Taken in turn: the last one used would send everything to the door behind it.
        self._idle: deque[_Connection] = deque()
        self._away: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._numbers = count() if plan.numbers is None else iter(plan.numbers)
        self._parts = [_request(plan, body.encode()) for body in plan.bodies]
        self._under_way = 0
        self._over = False
        self._looked_at = 0.0
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.statuses: dict[int, int] = {}
        self.retry_later = 0
        self.sent: list[Sent] = []

    def run(self) -> Result:
        """Send what the plan says."""
        for _ in range(self._plan.connections):
            self._connect(_Connection())
        begun, worked = perf_counter(), process_time()
        end = begun + self._plan.seconds
        instants = None if self._plan.rate is None else self._instants(begun)
        due = next(instants, None) if instants else None
        while True:
            now = perf_counter()
            if instants is None:
                self._over = self._over or now >= end
                while self._idle and not self._over:
                    self._send(perf_counter())
            else:
                while due is not None and due <= now and not self._over:
                    self.late.append((now - due) * 1e3)
                    self._waiting.append(due)
                    due = next(instants, None)
                self._send_waiting()
                self._over = self._over or (due is None and not self._waiting)
            if self._over and not self._under_way:
                break
            self._read_on(now, due)
        took, worked = perf_counter() - begun, process_time() - worked
        self.close()
        return Result(
            took_s=took,
            latencies_ms=self.latencies,
            late_ms=self.late,
            statuses=self.statuses,
            retry_later=self.retry_later,
            processor=worked / took,
            sent=self.sent,
        )

    def stop(self) -> None:
        """Send nothing more."""
        self._over = True

    def close(self) -> None:
        """End the connections."""
        for connection in self._connections.values():
            if connection.socket is not None:
                connection.socket.close()
        self._connections.clear()
        self._epoll.close()

    def _instants(self, begun: float) -> Iterator[float]:
        assert self._plan.rate is not None, "the open model has a rate"
        chance = random.Random(self._plan.seed)
        meant = 0.0
        while (meant := meant + chance.expovariate(self._plan.rate)) < self._plan.seconds:
            yield begun + SPARE_S + meant

    def _send_waiting(self) -> None:
        while self._waiting:
            if not self._idle:
                if len(self._connections) + len(self._away) >= self._plan.connections_max:
                    return
                self._connect(_Connection())
                if not self._idle:
                    return
            self._send(self._waiting.popleft())

    def _send(self, meant: float) -> None:
        """The next request; its time counts from `meant`."""
        number = next(self._numbers, NOTHING)
        if number == NOTHING:
            self._over = True
            return
        connection = self._idle.popleft()
        assert connection.socket is not None, "a connection away is not idle"
        before, after = self._parts[number % len(self._parts)]
        connection.number, connection.meant, connection.sent_at = number, meant, perf_counter()
        self._under_way += 1
        try:
            connection.socket.sendall(b"%b-%d%b" % (before, number, after))
        except OSError:
            self._lost(connection)

    def _read_on(self, now: float, due: float | None) -> None:
        """Answers as they come, until something else is to be done."""
        wait = LOOK_EVERY_S if due is None else min(LOOK_EVERY_S, max(0.0, due - now))
        if self._away:
            wait = min(wait, AGAIN_S)
        for descriptor, _ in self._epoll.poll(wait):
            if descriptor in self._connections:
                self._read(self._connections[descriptor])
        now = perf_counter()
        while self._away and self._away[0].again_at <= now:
            self._connect(self._away.popleft())
        if now - self._looked_at > LOOK_EVERY_S:
            self._looked_at = now
            for connection in list(self._connections.values()):
                if connection.number != NOTHING and now - connection.sent_at > PATIENCE_S:
                    self._lost(connection)

    def _read(self, connection: _Connection) -> None:
        assert connection.socket is not None, "epoll tells of open ones alone"
        try:
            data = connection.socket.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._lost(connection)
            return
        connection.answer += data
        head = connection.answer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(connection.answer, 0, head)
        if length is None:  # in pieces without a length: nothing here is answered so
            self._lost(connection)
            return
        if len(connection.answer) >= head + 4 + int(length[1]):
            self._answered(connection, head)

    def _answered(self, connection: _Connection, head: int) -> None:
        status = int(connection.answer[9:12])
        if 200 <= status < 300:
            self.latencies.append((perf_counter() - connection.meant) * 1e3)
        elif _RETRY_AFTER.search(connection.answer, 0, head):
            self.retry_later += 1
        self._note(connection, status, connection.answer[head + 4 :])
        self._idle.append(connection)

    def _note(self, connection: _Connection, status: int, answer: bytes = b"") -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if self._plan.journal:
            times = connection.sent_at, perf_counter()
            self.sent.append(Sent(connection.number, status, *times, answer.decode()))
        connection.number = NOTHING
        connection.answer = b""
        self._under_way -= 1

    def _lost(self, connection: _Connection) -> None:
        """A connection that broke: what was under way on it has no answer."""
        if connection.number != NOTHING:
            self._note(connection, 0)
        if connection.socket is not None:
            del self._connections[connection.socket.fileno()]
            connection.socket.close()
            connection.socket = None
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
        self._later(connection)

    def _later(self, connection: _Connection) -> None:
        connection.again_at = perf_counter() + AGAIN_S
        self._away.append(connection)

    def _connect(self, connection: _Connection) -> None:
        try:
            opened = socket.create_connection((self._plan.host, self._plan.port), CONNECT_S)
        except OSError:
            self._later(connection)
            return
        opened.settimeout(None)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._epoll.register(opened, select.EPOLLIN)
        connection.socket, connection.answer = opened, b""
        self._connections[opened.fileno()] = connection
        self._idle.append(connection)


def _request(plan: Plan, body: bytes) -> tuple[bytes, bytes]:
    """A request but for the number of its key: what stands before it, and what after."""
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: {plan.authorization}\r\nContent-Length: {len(body)}\r\n"
        f"Idempotency-Key: {plan.key}"
    )
    return head.encode(), b"\r\n\r\n" + body


def run(plan: Plan) -> Result:
    """Send what the plan says, from this thread."""
    return Generator(plan).run()


if __name__ == "__main__":
    # A generator that waits for its turn behind what it measures would be late; only root may ask.
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    gc.disable()
    generator = Generator(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    signal.signal(signal.SIGTERM, lambda _number, _frame: generator.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then ends this
    sys.stdout.buffer.write(msgspec.json.encode(generator.run()))
