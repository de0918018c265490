"""Many orders in one request: a line for each, answered as they are placed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Request, Router, post
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.types import ASGIApp, Receive, Scope, Send

from entrepot.doors.http.admission import intake_of, principal_of
from entrepot.doors.http.order_lines import (
    LINE_BYTES_MAX,
    LINES_MAX,
    Read,
    answers,
    read_line,
    too_long,
    too_many,
)
from entrepot.doors.intake import BATCH_MAX, Intake
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.ground.telemetry import METRICS
from entrepot.words.outcome import Refusal

NDJSON = "application/x-ndjson"
# Batches of one request that may be on their way: one is read while another is placed.
AHEAD = 2


@dataclass
class _Described(Operation):
    """What the framework cannot read from the handler: the body is lines, and so is the answer."""

    def __post_init__(self) -> None:
        line = Schema(
            type=OpenAPIType.STRING,
            description="One JSON object a line: an order as POST /v1/orders takes it, with its "
            f"`key`; at most {LINES_MAX} lines of {LINE_BYTES_MAX} bytes.",
        )
        answered = Schema(
            type=OpenAPIType.STRING,
            description="One JSON object for each line, in order: `line`, `key`, and the `order` "
            "as placed or the `problem`.",
        )
        self.request_body = RequestBody(
            content={NDJSON: OpenAPIMediaType(schema=line)}, required=True
        )
        self.responses = {
            "200": OpenAPIResponse(
                description="Answers, sent as orders are placed",
                content={NDJSON: OpenAPIMediaType(schema=answered)},
            )
        }


@post(
    "/orders:batch",
    operation_id="placeOrders",
    operation_class=_Described,
    status_code=200,
    request_max_body_size=None,
    opt={"permission": "orders:place"},
)
async def place_batch(request: Request[Any, Any, Any]) -> ASGIApp:
    """Place many orders: a line for each in, a line for each out, in the same order.

    Read the answers while sending. A line that is wrong is answered by its number and the others
    are placed. Sending the same lines again places nothing twice.
    """
    actor = principal_of(request).principal_id
    intake = intake_of(request)

    # The framework's own stream reads on to see whether the client is gone, and would take the
    # lines: here nobody but `_lines` receives.
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"content-type", NDJSON.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for part in _answered(request, actor, intake):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


async def _answered(
    request: Request[Any, Any, Any], actor: str, intake: Intake[PlaceOrder]
) -> AsyncIterator[bytes]:
    ahead: list[tuple[list[Read], asyncio.Task[list[Any]]]] = []
    async for batch in _batches(request, actor):
        orders = [line.found for line in batch if isinstance(line.found, PlaceOrder)]
        ahead.append((batch, asyncio.create_task(intake.place_patiently(orders))))
        if len(ahead) >= AHEAD:
            yield await _next(ahead)
    while ahead:
        yield await _next(ahead)


async def _next(ahead: list[tuple[list[Read], asyncio.Task[list[Any]]]]) -> bytes:
    batch, placing = ahead.pop(0)
    outcomes = await placing
    _count(outcomes)
    return b"".join(answers(batch, outcomes))


def _count(outcomes: Sequence[Any]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            METRICS.orders_refused.labels(code=outcome.code).inc()
    METRICS.orders_placed.inc(sum(not isinstance(o, Refusal | Exception) for o in outcomes))


async def _batches(request: Request[Any, Any, Any], actor: str) -> AsyncIterator[list[Read]]:
    batch: list[Read] = []
    async for number, content in _lines(request):
        if number > LINES_MAX:
            batch.append(Read(number, None, too_many()))
            break
        if content is None:
            batch.append(Read(number, None, too_long(number)))
        elif content.strip():
            batch.append(read_line(number, content, actor))
        if len(batch) >= BATCH_MAX:
            yield batch
            batch = []
    if batch:
        yield batch


async def _lines(request: Request[Any, Any, Any]) -> AsyncIterator[tuple[int, bytes | None]]:
    """Lines by number, from 1; None for one that is too long, of which nothing is kept."""
    number, rest, is_too_long = 1, b"", False
    async for chunk in request.stream():
        first, *others = chunk.split(b"\n")
        rest += first
        for following in others:
            yield number, None if is_too_long else rest
            number, rest, is_too_long = number + 1, following, False
        if len(rest) > LINE_BYTES_MAX:
            rest, is_too_long = b"", True
    if rest or is_too_long:
        yield number, None if is_too_long else rest


ROUTER = Router(path="/v1", tags=["orders"], route_handlers=[place_batch])
