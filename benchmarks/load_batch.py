"""A client of NDJSON, in a process of its own: `python -m benchmarks.load_batch < plan > result`.

Sends orders, one a line, over a few connections as fast as they are taken, and reads the answers,
one a line, while it still sends. Answers are kept as they come and counted when all is over.
"""

from __future__ import annotations

import gc
import http.client
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from time import perf_counter, process_time

import msgspec

PATIENCE_S = 120.0
PIECE = 1 << 16


class BatchPlan(msgspec.Struct, frozen=True):
    """What to send: a connection for each list of lines."""

    host: str
    port: int
    path: str
    authorization: str
    lines: list[list[str]]


class BatchResult(msgspec.Struct, frozen=True):
    """What came of it.

    statuses   of the answers as wholes, by how many
    placed     lines that tell an order
    refused    lines that do not; `other` are the first of them
    processor  of one core, what this process used; 1.0 = all of it
    """

    took_s: float
    statuses: dict[int, int]
    placed: int
    refused: int
    other: list[str]
    processor: float


class _Line(msgspec.Struct):
    order: msgspec.Raw = msgspec.Raw()


def run(plan: BatchPlan) -> BatchResult:
    """Send everything and read every answer."""
    bodies = ["".join(f"{line}\n" for line in lines).encode() for lines in plan.lines]
    begun, worked = perf_counter(), process_time()
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(lambda body: _stream(plan, body), bodies))
    took, worked = perf_counter() - begun, process_time() - worked
    statuses: dict[int, int] = {}
    placed, other = 0, []
    for status, answer in answers:
        statuses[status] = statuses.get(status, 0) + 1
        for line in answer.splitlines():
            if status == 200 and _is_placed(line):
                placed += 1
            else:
                other.append(line.decode(errors="replace"))
    return BatchResult(took, statuses, placed, len(other), other[:3], worked / took)


def _is_placed(line: bytes) -> bool:
    try:
        return bool(bytes(msgspec.json.decode(line, type=_Line).order))
    except msgspec.DecodeError:
        return False


def _stream(plan: BatchPlan, body: bytes) -> tuple[int, bytes]:
    """One connection: a thread sends, this one reads."""
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}\r\nContent-Type: application/x-ndjson\r\n"
        f"Authorization: {plan.authorization}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    with socket.create_connection((plan.host, plan.port), PATIENCE_S) as connection:
        sender = Thread(target=_send, args=(connection, head.encode() + body), daemon=True)
        sender.start()
        answer = http.client.HTTPResponse(connection, method="POST")
        answer.begin()
        return answer.status, answer.read()


def _send(connection: socket.socket, content: bytes) -> None:
    try:
        for start in range(0, len(content), PIECE):
            connection.sendall(content[start : start + PIECE])
    except OSError:  # refused before everything was sent: the answer tells why
        return


if __name__ == "__main__":
    gc.disable()
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=BatchPlan)
    sys.stdout.buffer.write(msgspec.json.encode(run(wanted)))
