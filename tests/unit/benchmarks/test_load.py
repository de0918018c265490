"""The generator of load: when requests begin, what their time counts from, servers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Timer
from typing import Any

import msgspec
from benchmarks import load
from benchmarks.load import Generator, Plan, Result

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nbusy"


@asynccontextmanager
async def a_server(
    stall_s: float, answer: bytes = ANSWER, port: int = 0, drops: int = 0
) -> AsyncIterator[int]:
    """An HTTP server that answers one request after another, each after a stall.

    drops  so many requests get no answer: their connection is closed
    """
    one_at_a_time = asyncio.Lock()
    left = [drops]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\r\n\r\n{}")
            except asyncio.IncompleteReadError:
                break
            async with one_at_a_time:
                await asyncio.sleep(stall_s)
            if left[0]:
                left[0] -= 1
                break
            # In two pieces, as a network may hand it over.
            writer.write(answer[:20])
            await writer.drain()
            writer.write(answer[20:])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def a_plan(port: int, **changes: Any) -> Plan:
    plan = Plan(
        host="127.0.0.1",
        port=port,
        path="/",
        authorization="",
        bodies=["{}"],
        key="k",
        seconds=0.6,
        connections=4,
    )
    return msgspec.structs.replace(plan, **changes)


def sent(stall_s: float, server: dict[str, Any] | None = None, **changes: Any) -> Result:
    async def measured() -> Result:
        async with a_server(stall_s, **(server or {})) as port:
            return await asyncio.to_thread(load.run, a_plan(port, **changes))

    return asyncio.run(measured())


def test_the_closed_model_waits_for_answers() -> None:
    found = sent(0.02)
    assert set(found.statuses) == {200} and not found.late_ms
    # Four wait for one another at 20 ms each, and none begins before it has its answer.
    assert 4 <= found.good <= 34
    assert found.all_good


def test_the_open_model_counts_the_time_a_request_had_to_wait_for_its_turn() -> None:
    found = sent(0.02, rate=150.0)
    # Twice or more is asked of what the server can do: it falls behind by about as long again.
    assert set(found.statuses) == {200}
    assert len(found.late_ms) == found.good >= 40
    assert max(found.latencies_ms) > 600


def test_requests_that_find_every_connection_busy_wait_and_their_time_runs() -> None:
    found = sent(0.02, rate=150.0, connections=2, connections_max=2)
    assert len(found.late_ms) == found.good >= 40
    assert max(found.latencies_ms) > 600
    # It took them up in time itself: the server kept them waiting.
    assert sorted(found.late_ms)[len(found.late_ms) // 2] < 100


def test_errors_are_counted_apart_and_have_no_part_in_the_times() -> None:
    found = sent(0.01, {"answer": BUSY})
    assert found.good == 0 and not found.all_good
    assert found.statuses[503] == found.retry_later > 4


def test_a_request_whose_connection_is_lost_has_no_answer_and_the_next_one_goes_on() -> None:
    found = sent(0.01, {"drops": 3}, journal=True)
    assert found.statuses[0] == 3 and found.statuses[200] > 4
    lost = [one for one in found.sent if not one.status]
    assert len(lost) == 3 and all(one.ended_at >= one.sent_at for one in lost)
    numbers = [one.number for one in found.sent]
    assert sorted(numbers) == list(range(len(numbers)))


def test_the_requests_that_are_named_are_sent_once_each() -> None:
    found = sent(0.0, numbers=[7, 3, 11], journal=True, seconds=5.0)
    assert sorted(one.number for one in found.sent) == [3, 7, 11]
    assert found.took_s < 3


def test_a_server_that_is_away_is_waited_for() -> None:
    async def measured() -> Result:
        async with a_server(0.0) as port:
            pass  # nobody listens there any more
        waiting = asyncio.create_task(asyncio.to_thread(load.run, a_plan(port, seconds=1.0)))
        await asyncio.sleep(0.3)
        async with a_server(0.01, port=port):
            return await waiting

    found = asyncio.run(measured())
    assert found.statuses.get(200, 0) > 4


def test_a_generator_that_is_stopped_sends_nothing_more() -> None:
    async def measured() -> Result:
        async with a_server(0.01) as port:
            generator = Generator(a_plan(port, seconds=60.0))
            Timer(0.2, generator.stop).start()
            return await asyncio.to_thread(generator.run)

    found = asyncio.run(measured())
    assert found.all_good and found.took_s < 5
