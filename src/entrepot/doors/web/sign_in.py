"""Signing in with an API key or a link, and out again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from entrepot.departments.access.decisions import permit
from entrepot.departments.access.model import Permission
from entrepot.doors.http import sessions
from entrepot.doors.http.admission import PUBLIC, house_of, prove
from entrepot.doors.http.problems import Refused
from entrepot.doors.web.answers import SIGN_IN, html
from entrepot.doors.web.render import render
from entrepot.words.outcome import Refusal, http_status

HOME = "/tower"
NEEDED = Permission.operations_read.value
FIELD = "key"
FOREIGN = "This was sent from another site; sign in here instead."
OLD_LINK = "This link is not good any more; sign in with a key instead."


@get(SIGN_IN, sync_to_thread=False, opt={"permission": PUBLIC})
def sign_in_page() -> Response[str]:
    """The form that takes the key."""
    return html(render("sign_in.html", words=""))


@post(SIGN_IN, status_code=303, opt={"permission": PUBLIC})
async def sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
    """Begin a session when the key is good and may see the tower."""
    if not sessions.is_ours(request):
        return html(render("sign_in.html", words=FOREIGN), 403)
    house = house_of(request)
    form = await request.form()
    try:
        principal = await prove(house, str(form.get(FIELD, "")).strip())
    except Refused as error:
        return _refused(error.refusal)
    if refusal := permit(principal, NEEDED):
        return _refused(refusal)
    return _begun(request, principal.key_prefix)


def link(key_prefix: str, signing_key: bytes, at: datetime) -> str:
    """The path by which a browser signs in without the key, until `sessions.LINK_LIFE` is over."""
    session = sessions.Session(key_prefix, at + sessions.LINK_LIFE)
    return f"{SIGN_IN}/{sessions.seal(session, signing_key, sessions.LINK_PREFIX)}"


@get(f"{SIGN_IN}/{{token:str}}", sync_to_thread=False, opt={"permission": PUBLIC})
def sign_in_by_link(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[Any]:
    """Begin a session with a link; what its key may is asked by every page."""
    if not sessions.is_ours(request):
        return html(render("sign_in.html", words=FOREIGN), 403)
    house = house_of(request)
    found = sessions.open_token(
        token, house.signing_keys(), house.clock.now(), sessions.LINK_PREFIX
    )
    if found is None:
        return html(render("sign_in.html", words=OLD_LINK), 401)
    return _begun(request, found.key_prefix)


def _begun(request: Request[Any, Any, Any], key_prefix: str) -> Response[Any]:
    house = house_of(request)
    session = sessions.Session(key_prefix, house.clock.now() + sessions.LIFE)
    return _led(HOME, request, sessions.seal(session, house.signing_keys()[0]))


@post(
    "/sign-out",
    operation_id="signOut",
    status_code=303,
    sync_to_thread=False,
    opt={"permission": NEEDED, sessions.HONORED: True},
)
def sign_out(request: Request[Any, Any, Any]) -> Response[Any]:
    """End the session."""
    return _led(SIGN_IN, request, "")


def _refused(refusal: Refusal) -> Response[str]:
    return html(render("sign_in.html", words=refusal.message), http_status(refusal.code))


def _led(where: str, request: Request[Any, Any, Any], token: str) -> Response[Any]:
    kept = sessions.cookie(token, secure=request.url.scheme == "https")
    headers = {"Cache-Control": "no-store"}
    return Redirect(where, status_code=303, cookies=[kept], headers=headers)


HANDLERS = [sign_in_page, sign_in, sign_in_by_link, sign_out]
