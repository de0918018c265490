"""Stock, what is available to promise, and adjustments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from entrepot.departments.catalog import service as catalog
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Balance, Recorded
from entrepot.doors.http.admission import house_of
from entrepot.doors.http.bodies import (
    AdjustmentBody,
    AvailableStep,
    SkuView,
    StockPage,
    StockView,
)
from entrepot.doors.http.command import once
from entrepot.doors.http.orders import Key
from entrepot.doors.http.problems import Refused
from entrepot.flows.stock_control.adjust import adjust
from entrepot.words.outcome import Refusal, RefusalCode, shown

PAGE_MAX = 1_000
PAGE_DEFAULT = 200
CURSOR_SEPARATOR = "|"


@get(
    "/stock",
    operation_id="listStock",
    sync_to_thread=True,
    opt={"permission": "stock:read"},
)
def list_stock(
    request: Request[Any, Any, Any],
    after: Annotated[
        str | None, QueryParameter(name="after", description="`next` of the page before.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
) -> StockPage:
    """Balances of every SKU and node, by SKU and node, a page at a time."""
    sku, _, node = (after or "").partition(CURSOR_SEPARATOR)
    with house_of(request).database.transaction(read_only=True) as tx:
        found = inventory.balance_page(tx, (sku, node), limit)
        as_of = tx.now
    more = len(found) == limit
    last = CURSOR_SEPARATOR.join((found[-1].sku, found[-1].node)) if more else None
    return StockPage(as_of, [stock_view(b) for b in found], last)


@get(
    "/stock/{sku:path}",
    operation_id="readStock",
    sync_to_thread=True,
    opt={"permission": "stock:read"},
)
def read_stock(request: Request[Any, Any, Any], sku: FromPath[Path]) -> SkuView:
    """Stock of one SKU at every node, and what may be promised of it, now and by date."""
    wanted = str(sku).lstrip("/")
    with house_of(request).database.transaction(read_only=True) as tx:
        if wanted not in catalog.read(tx, [wanted]):
            raise Refused(
                Refusal(
                    code=RefusalCode.not_found,
                    message=f"sku: found {shown(wanted)}, expected a SKU of the catalog",
                    field="sku",
                )
            )
        balances = inventory.balances(tx, [wanted])
        steps = inventory.available_by_date(tx, [wanted])[wanted]
        as_of = tx.now
    return SkuView(
        sku=wanted,
        as_of=as_of,
        available=sum(b.available for b in balances),
        nodes=[stock_view(b) for b in balances],
        available_by_date=[AvailableStep(s.since, s.available_each) for s in steps],
    )


@post(
    "/stock/adjustments",
    operation_id="adjustStock",
    status_code=201,
    sync_to_thread=True,
    opt={"permission": "stock:adjust"},
)
def adjust_stock(
    request: Request[Any, Any, Any], data: JSONBody[AdjustmentBody], key: Key = ""
) -> StockView:
    """Correct the free stock of a SKU at a node, with a reason; audited."""

    def work(tx: Any, command_id: str, actor: str) -> StockView | Refusal:
        (found,) = adjust(
            tx,
            [
                Adjustment(
                    command_id=command_id,
                    actor=actor,
                    sku=data.sku,
                    node=data.node,
                    change_each=data.change,
                    reason=data.reason,
                    document=data.document,
                )
            ],
        )
        return stock_view(found.balance) if isinstance(found, Recorded) else found

    return once(request, key, data, StockView, work)


def stock_view(balance: Balance) -> StockView:
    """A balance as the API shows it."""
    return StockView(
        sku=balance.sku,
        node=balance.node,
        on_hand=balance.on_hand,
        held=balance.held,
        reserved=balance.reserved,
        allocated=balance.allocated,
        quarantined=balance.quarantined,
        available=balance.available,
    )


ROUTER = Router(path="/v1", tags=["stock"], route_handlers=[list_stock, read_stock, adjust_stock])
