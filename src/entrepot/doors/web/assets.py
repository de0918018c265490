"""Files that pages need: the stylesheet, the picture, the scripts."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from entrepot.doors.http.admission import PUBLIC
from entrepot.doors.http.problems import Refused
from entrepot.words.outcome import Refusal, RefusalCode, shown

FILES = {
    "house.css": ("static", "text/css; charset=utf-8"),
    "tower.js": ("static", "text/javascript; charset=utf-8"),
    "mark.svg": ("static", "image/svg+xml"),
    "htmx.min.js": ("vendored", "text/javascript; charset=utf-8"),
    "hx-sse.min.js": ("vendored", "text/javascript; charset=utf-8"),
}
YEAR_S = 365 * 24 * 3_600


class Asset(NamedTuple):
    """A file with its type; `version` names its content."""

    content: bytes
    media_type: str
    version: str


@cache
def asset(name: str) -> Asset:
    """A file by its name, read once per process.

    Raises: KeyError for any other name.
    """
    folder, media_type = FILES[name]
    content = (resources.files("entrepot.doors.web") / folder / name).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])


def address(name: str) -> str:
    """Where a page finds a file: another address when its content is another."""
    return f"/assets/{asset(name).version}/{name}"


@get("/assets/{version:str}/{name:str}", sync_to_thread=False, opt={"permission": PUBLIC})
def read_asset(version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file; kept by browsers as long as its address is the present one."""
    if name not in FILES:
        raise Refused(
            Refusal(
                RefusalCode.not_found,
                f"name: found {shown(name)}, expected one of {', '.join(FILES)}",
                "name",
            )
        )
    found = asset(name)
    fresh = version == found.version
    return Response(
        found.content,
        media_type=found.media_type,
        headers={
            "Cache-Control": f"public, max-age={YEAR_S}, immutable" if fresh else "no-cache",
            "X-Content-Type-Options": "nosniff",
        },
    )


HANDLERS = [read_asset]
