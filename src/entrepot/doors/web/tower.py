"""The tower: one page that shows how the house stands, and its figures as they change."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.response import Redirect, Stream

from entrepot.departments.access.model import Permission
from entrepot.doors.http.admission import PUBLIC, house_of, principal_of
from entrepot.doors.http.sessions import HONORED
from entrepot.doors.web.answers import EVENT_STREAM, html
from entrepot.doors.web.live import Live
from entrepot.doors.web.render import render
from entrepot.flows.views.tower_page import tower_page
from entrepot.ground.database import Tx

BEHIND = {"permission": Permission.operations_read.value, HONORED: True}


def fragment(tx: Tx) -> str:
    """The figures alone, as the live page takes them in."""
    return render("figures.html", page=tower_page(tx))


@get("/", sync_to_thread=False, opt={"permission": PUBLIC})
def home() -> Redirect:
    """There is one page so far."""
    return Redirect("/tower", status_code=303)


@get("/tower", sync_to_thread=True, opt=BEHIND)
def tower(request: Request[Any, Any, Any]) -> Response[str]:
    """The whole page, complete without any script."""
    with house_of(request).database.transaction(read_only=True) as tx:
        page = tower_page(tx)
    return html(render("tower.html", page=page, who=principal_of(request).principal_id))


@get("/tower/live", opt=BEHIND)
async def live(request: Request[Any, Any, Any]) -> Stream:
    """The figures now and whenever they change, as server-sent events."""
    shared: Live = request.app.state.live
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(shared.listen(), media_type=EVENT_STREAM, headers=headers)


HANDLERS = [home, tower, live]
