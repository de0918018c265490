"""Sessions of browsers: a sealed cookie that names a proven key, and where it may be used.

A session begins with a key, or with a link that whoever holds the signing keys has sealed.

The cookie holds the key's public prefix and an end, never the secret; who the key stands for and
what it may is asked anew for each request. It is honored only by routes that say so (pages, never
the API), so that no other site can use it: SameSite=Strict keeps it at home, and what changes
something must come from a page of ours.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

COOKIE = "entrepot_session"
LIFE = timedelta(hours=12)
LINK_LIFE = timedelta(hours=1)
# What a token is for: one that is kept as a cookie is not good as a link, to begin anew with.
PREFIX, LINK_PREFIX = b"s1.", b"l1."
TOKEN_CHARACTERS_MAX = 500
# The option of a route by which it honors sessions.
HONORED = "session"


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What a token says."""

    key_prefix: str
    ends_at: datetime


def seal(session: Session, key: bytes, prefix: bytes = PREFIX) -> str:
    """The session as a token of ASCII characters: `s1.<content>.<seal>`."""
    signed = prefix + _text(msgspec.msgpack.encode(session))
    return (signed + b"." + _seal(signed, key)).decode("ascii")


def open_token(
    token: str, keys: Sequence[bytes], at: datetime, prefix: bytes = PREFIX
) -> Session | None:
    """The session in a token; None unless it is whole, ours, and `at` is before its end.

    keys    the present signing key and those still honored
    prefix  what the token is for
    """
    if not token.isascii() or len(token) > TOKEN_CHARACTERS_MAX:
        return None
    signed, _, sealed = token.encode("ascii").rpartition(b".")
    if not signed.startswith(prefix):
        return None
    if not any(hmac.compare_digest(_seal(signed, key), sealed) for key in keys):
        return None
    payload = signed[len(prefix) :]
    session = msgspec.msgpack.decode(
        urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)), type=Session
    )
    return session if at < session.ends_at else None


def cookie(token: str, *, secure: bool) -> Cookie:
    """What a browser keeps; an empty token ends the session.

    secure  the page came over TLS, so the cookie never leaves it
    """
    return Cookie(
        key=COOKIE,
        value=token,
        max_age=int(LIFE.total_seconds()) if token else 0,
        path="/",
        httponly=True,
        samesite="strict",
        secure=secure,
    )


def is_ours(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether a request comes from a page of this house, or from no page at all.

    Browsers say it themselves and no script can change it; one that says nothing sends no cookie
    of another site either, or is no browser.
    Source: W3C Fetch Metadata, Sec-Fetch-Site; RFC 6454, Origin.
    """
    site = connection.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = connection.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("Host")


def _seal(signed: bytes, key: bytes) -> bytes:
    return _text(hmac.digest(key, signed, "sha256"))


def _text(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
