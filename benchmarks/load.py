"""A generator of HTTP load, in a process of its own: `python -m benchmarks.load < plan > result`.

Closed: so many connections, each sends its next request when it has the answer to the last; finds
what the server can do. Open: requests begin at instants drawn beforehand (Poisson), whether the
earlier ones are answered or not, and the time counts from the instant a request was meant to
begin, so that a server that stalls cannot hide it by delaying the generator.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from time import perf_counter

import msgspec

PATIENCE_S = 20.0
SPARE_S = 0.05


class Plan(msgspec.Struct, frozen=True):
    """What to send.

    bodies    sent in turn, each as often as it comes round
    key       begins the Idempotency-Key of every request
    rate      requests per second for the open model; None = closed
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
    seed: int = 1


class Result(msgspec.Struct, frozen=True):
    """What came of it; times in ms.

    took_s      from the first request to the last answer
    late_ms     how long after its instant the generator itself began a request (open model)
    statuses    how many answers of each status; 0 = none at all
    """

    took_s: float
    latencies_ms: list[float]
    late_ms: list[float]
    statuses: dict[int, int]


class _Sender:
    """Connections that are kept, and what was measured over them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # Taken in turn: the last one used would send everything to the door behind it.
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._numbers = count()
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.statuses: dict[int, int] = {}

    async def open(self) -> None:
        """Connect beforehand: connecting is no part of a request."""
        for _ in range(self._plan.connections):
            self._idle.append(await self._connect())

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._plan.host, self._plan.port)

    def close(self) -> None:
        """End the connections."""
        for _, writer in self._idle:
            writer.close()

    async def send(self, meant: float) -> None:
        """One request; its time counts from `meant`."""
        connection = self._idle.popleft() if self._idle else await self._connect()
        try:
            status = await asyncio.wait_for(self._exchange(*connection), PATIENCE_S)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status = 0
            connection[1].close()
        else:
            self._idle.append(connection)
        self.latencies.append((perf_counter() - meant) * 1e3)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        plan, number = self._plan, next(self._numbers)
        body = plan.bodies[number % len(plan.bodies)].encode()
        head = (
            f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}\r\nContent-Type: application/json\r\n"
            f"Authorization: {plan.authorization}\r\nIdempotency-Key: {plan.key}-{number}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in answer.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        await reader.readexactly(length)
        return int(answer.split(b" ", 2)[1])


async def _closed(sender: _Sender, plan: Plan) -> None:
    end = perf_counter() + plan.seconds

    async def one_after_another() -> None:
        while perf_counter() < end:
            await sender.send(perf_counter())

    await asyncio.gather(*(one_after_another() for _ in range(plan.connections)))


async def _open(sender: _Sender, plan: Plan) -> None:
    assert plan.rate is not None, "the open model has a rate"
    chance = random.Random(plan.seed)
    begun, meant = perf_counter() + SPARE_S, 0.0
    running: list[Awaitable[None]] = []
    while (meant := meant + chance.expovariate(plan.rate)) < plan.seconds:
        if (left := begun + meant - perf_counter()) > 0:
            await asyncio.sleep(left)
        sender.late.append((perf_counter() - begun - meant) * 1e3)
        running.append(asyncio.ensure_future(sender.send(begun + meant)))
    await asyncio.gather(*running)


async def run(plan: Plan) -> Result:
    """Send what the plan says."""
    sender = _Sender(plan)
    await sender.open()
    begun = perf_counter()
    model: Callable[[_Sender, Plan], Awaitable[None]] = _closed if plan.rate is None else _open
    await model(sender, plan)
    took = perf_counter() - begun
    sender.close()
    return Result(took, sender.latencies, sender.late, sender.statuses)


if __name__ == "__main__":
    # A generator that waits for its turn behind what it measures would be late; only root may ask.
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    gc.disable()
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(run(wanted))))
