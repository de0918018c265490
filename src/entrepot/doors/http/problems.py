"""How things that do not go well are answered: problem+json (RFC 9457)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)

from entrepot.ground.telemetry import get_logger
from entrepot.words.outcome import Fault, Refusal, RefusalCode, http_status

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 1
# Faults of which a metric tells how often: a full line would fill the log as well.
COUNTED = frozenset({"busy", "closing"})

_EXPECTED_GOT = re.compile(r"Expected `(?P<expected>.+)`, got `(?P<got>.+)`")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field (?P<name>`.+`)")
_MISSING_FIELD = re.compile(r"Object missing required field (?P<name>`.+`)")

log = get_logger(__name__)


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not the one hoped for.

    type    stable name of the kind of problem
    code    the refusal's code, for programs
    detail  what was found and what was expected, for people
    field   the request's field it is about
    facts   what the decision was made over
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    facts: dict[str, Any] = {}


class Refused(Exception):
    """A refusal on its way out of a handler."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def problem(refusal: Refusal, status: int | None = None) -> Problem:
    """A refusal as a problem."""
    return Problem(
        type=f"urn:entrepot:problem:{refusal.code}",
        title=str(refusal.code).replace("_", " "),
        status=status or http_status(refusal.code),
        code=refusal.code,
        detail=refusal.message,
        field=refusal.field,
        facts=refusal.facts,
    )


def answer(found: Problem, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as a response."""
    extra = dict(headers or {})
    if found.status == 401:
        extra["WWW-Authenticate"] = 'Bearer realm="entrepot"'
    if found.status == 503:
        extra.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Response(
        msgspec.json.encode(found),
        status_code=found.status,
        media_type=PROBLEM_JSON,
        headers=extra,
    )


def refused(_request: Request[Any, Any, Any], error: Refused) -> Response[bytes]:
    """A business no."""
    return answer(problem(error.refusal))


def failed(_request: Request[Any, Any, Any], fault: Fault) -> Response[bytes]:
    """The world failed: to be tried again, or for the operator to mend."""
    if fault.kind not in COUNTED:
        log.error("http.fault", kind=fault.kind, error=str(fault))
    return answer(
        fault_problem(fault), {"Retry-After": str(RETRY_AFTER_S if fault.retryable else 60)}
    )


def fault_problem(fault: Fault) -> Problem:
    """A fault as a problem."""
    return Problem(
        type=f"urn:entrepot:problem:{fault.kind}",
        title="temporarily not possible" if fault.retryable else "not possible",
        status=503,
        code=fault.kind,
        detail=str(fault),
    )


def _plain(status: int, code: str, detail: str) -> Response[bytes]:
    return answer(
        Problem(
            type=f"urn:entrepot:problem:{code}",
            title=code.replace("_", " "),
            status=status,
            code=code,
            detail=detail,
        )
    )


def malformed(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework could not read: no JSON, a wrong type, no such address."""
    if isinstance(error, NotFoundException):
        detail = f"{request.url.path}: no such address; see /v1/openapi.json"
        return _plain(404, "not_found", detail)
    if isinstance(error, MethodNotAllowedException):
        return _plain(405, "not_found", f"{request.method}: not known at {request.url.path}")
    if error.status_code == 413:
        return _plain(
            413,
            RefusalCode.too_large,
            f"body: larger than the limit of {request.app.request_max_body_size} bytes",
        )
    if isinstance(error, ValidationException):
        return _invalid(error)
    if isinstance(error, ClientException | SerializationException):
        return _plain(400, "bad_request", f"body: expected JSON, found: {_reason(error)}")
    return _plain(error.status_code, "bad_request", error.detail)


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return str(cause).splitlines()[0][:300] if str(cause) else type(cause).__name__


def _invalid(error: ValidationException) -> Response[bytes]:
    """A body or parameter of the wrong shape."""
    entries = [e for e in error.extra if isinstance(e, dict)] if error.extra else []
    found = [(_field(e.get("key", "")), _in_words(e.get("message", ""))) for e in entries]
    if found == [("body", "'data'")]:
        return _plain(400, "bad_request", "body: found nothing, expected a JSON object")
    return answer(
        Problem(
            type=f"urn:entrepot:problem:{RefusalCode.bad_value}",
            title="bad value",
            status=422,
            code=RefusalCode.bad_value,
            detail="; ".join(f"{field}: {words}" for field, words in found) or error.detail,
            field=found[0][0] if found else None,
        )
    )


def _field(key: str) -> str:
    """The field as the caller knows it: the body as a whole is called `body`."""
    return "body" if key in ("", "data") else key


def _in_words(message: str) -> str:
    """What was found, then what was expected, as everywhere else."""
    if match := _EXPECTED_GOT.fullmatch(message):
        return f"found {match['got']}, expected {match['expected']}"
    if match := _UNKNOWN_FIELD.fullmatch(message):
        return f"found the field {match['name']}, expected only those of /v1/openapi.json"
    if match := _MISSING_FIELD.fullmatch(message):
        return f"found no {match['name']}, expected it"
    return message[:1].lower() + message[1:]


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A bug: logged with its trace, answered without its inside."""
    log.exception("http.bug", route=str(request.scope.get("path", "")), error=repr(error))
    return _plain(
        500,
        "bug",
        "an error in the system itself; it was logged, nothing was changed, "
        "and the same Idempotency-Key may be used to try again",
    )


HANDLERS: dict[Any, Any] = {
    Refused: refused,
    Fault: failed,
    HTTPException: malformed,
    Exception: broken,
}
JSON = MediaType.JSON
