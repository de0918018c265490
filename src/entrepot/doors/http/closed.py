"""The API while it is closed: whatever is asked, that is the answer."""

from __future__ import annotations

from typing import Any

from litestar import HttpMethod, Request, Router, route

from entrepot.doors.http.admission import PUBLIC
from entrepot.doors.http.problems import Refused
from entrepot.words.outcome import Refusal, RefusalCode

CLOSED = Refusal(
    RefusalCode.read_only,
    "a demo is being played here: it can be watched at /tower; orders are taken when it is over "
    "and `entrepot serve` runs",
)


@route(
    ["/", "/{rest:path}"],
    http_method=[
        HttpMethod.GET,
        HttpMethod.POST,
        HttpMethod.PUT,
        HttpMethod.PATCH,
        HttpMethod.DELETE,
    ],
    sync_to_thread=False,
    opt={"permission": PUBLIC},
)
def closed(request: Request[Any, Any, Any]) -> None:
    """Refuse."""
    raise Refused(CLOSED)


ROUTER = Router(path="/v1", route_handlers=[closed], include_in_schema=False)
