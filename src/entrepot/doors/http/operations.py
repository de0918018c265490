"""Health and metrics."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Request, Response, Router, get

from entrepot.doors.http.admission import PUBLIC, house_of
from entrepot.doors.http.bodies import HealthView
from entrepot.ground.migrate import latest, schema_number_of
from entrepot.ground.telemetry import render_metrics
from entrepot.words.outcome import Fault

OK = "ok"


@get("/health/live", operation_id="live", sync_to_thread=False, opt={"permission": PUBLIC})
def live() -> HealthView:
    """Whether the process answers; looks at nothing else."""
    return HealthView(OK)


@get("/health/ready", operation_id="ready", sync_to_thread=True, opt={"permission": PUBLIC})
def ready(request: Request[Any, Any, Any]) -> Response[HealthView]:
    """Whether orders can be taken: the database answers, its schema fits, changes are accepted."""
    house = house_of(request)
    checks: dict[str, str] = {}
    try:
        with house.database.transaction(read_only=True) as tx:
            found = schema_number_of(tx)
        checks["database"] = OK
        checks["schema"] = OK if found == latest() else f"found {found}, expected {latest()}"
    except Fault as fault:
        checks["database"] = str(fault)
    checks["changes"] = "refused: the disk is nearly full" if house.is_read_only() else OK
    good = all(value == OK for value in checks.values())
    return Response(
        HealthView(OK if good else "not ready", checks), status_code=200 if good else 503
    )


@get(
    "/metrics",
    operation_id="metrics",
    sync_to_thread=True,
    media_type=MediaType.TEXT,
    opt={"permission": "operations:read"},
)
def metrics() -> Response[bytes]:
    """Metrics of all processes in the Prometheus text format."""
    content, content_type = render_metrics()
    return Response(content, media_type=content_type)


@get("/openapi.json", include_in_schema=False, sync_to_thread=False, opt={"permission": PUBLIC})
def description(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """This API, described in OpenAPI."""
    return request.app.openapi_schema.to_schema()


ROUTER = Router(path="/v1", tags=["operations"], route_handlers=[live, ready, description])
METRICS_ROUTER = Router(path="/", tags=["operations"], route_handlers=[metrics])
