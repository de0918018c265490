"""How pages are answered: with their headers, and in words when something does not go well."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Response
from litestar.response import Redirect

from entrepot.doors.http import problems
from entrepot.doors.http.problems import Refused
from entrepot.doors.web.render import render
from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Fault, RefusalCode, http_status

SIGN_IN = "/sign-in"
EVENT_STREAM = "text/event-stream"
HEADERS = {
    # Everything comes from this house, nothing is framed, and only files of ours are run.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = get_logger(__name__)


def html(text: str, status: int = 200) -> Response[str]:
    """A page."""
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


def page_refused(request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """Who is not signed in is led to where one does; everything else is said."""
    refusal = error.refusal
    if EVENT_STREAM in request.headers.get("Accept", ""):
        return problems.refused(request, error)
    if refusal.code is RefusalCode.unauthenticated:
        return Redirect(SIGN_IN, status_code=303, headers={"Cache-Control": "no-store"})
    status = http_status(refusal.code)
    return html(render("said.html", title="That is not possible", words=refusal.message), status)


def page_failed(request: Request[Any, Any, Any], fault: Fault) -> Response[Any]:
    """The world failed: to be tried again."""
    if EVENT_STREAM in request.headers.get("Accept", ""):
        return problems.failed(request, fault)
    log.error("web.fault", kind=fault.kind, error=str(fault))
    return html(render("said.html", title="Not possible at present", words=str(fault)), 503)
