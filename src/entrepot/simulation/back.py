"""What comes back, and what the books have to be corrected by, as the history tells it.

A return belongs to the order that sold it. It is authorized once that order was shipped, travels,
is looked at, and goes back to sale or is scrapped. What came back from sales before the run, and
what nobody can tie to a sale, is a correction of stock with that cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import Adjustment
from entrepot.departments.inventory.model import Cause as Booked
from entrepot.departments.ordering.returns import (
    AskedReturn,
    AuthorizeReturn,
    Grade,
    GradeReturn,
    ReceiveReturn,
)
from entrepot.flows.order_to_delivery.agree import agreed
from entrepot.flows.return_to_stock.authorize import authorize_returns
from entrepot.flows.return_to_stock.grade import grade_returns
from entrepot.flows.return_to_stock.receive import receive_returns
from entrepot.flows.stock_control.adjust import adjust
from entrepot.simulation import store, world
from entrepot.simulation.fulfillment import ACTOR, Scene
from entrepot.simulation.history import Cause, Correction, Return
from entrepot.simulation.store import Pending
from entrepot.words.outcome import Refusal

CLAIM, TRAVEL, LOOK = "return_claim", "return_travel", "return_look"
REASON = "unwanted"
TRY_AGAIN = timedelta(days=2)
TRIES_MAX = 20
LOOK_AFTER = timedelta(days=1)

BOOKED_AS = {
    Cause.untied_return: Booked.untied_return,
    Cause.write_off: Booked.write_off,
    Cause.found: Booked.found,
}


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """A return on its way through the steps; `tries` counts how often it was asked for."""

    order_id: str
    return_id: str
    line_no: int
    quantity_each: int
    document: str
    number: int
    tries: int = 0


def _pend(scene: Scene, kind: str, parcel: Parcel, at: datetime) -> Pending:
    key = f"{parcel.order_id}/{parcel.return_id}"
    return Pending(kind, key, max(at, scene.now + timedelta(minutes=1)), _plain(parcel))


def _plain(parcel: Parcel) -> object:
    return msgspec.to_builtins(parcel)


def _parcels(due: Sequence[Pending]) -> list[Parcel]:
    return [msgspec.convert(p.payload, Parcel) for p in due]


def ask(scene: Scene, returns: Sequence[Return], starts_at: datetime) -> None:
    """Customers want to send goods back; those of sales before the run are corrections."""
    mine = [r for r in returns if r.sale_at >= starts_at]
    store.add(
        scene.tx,
        [
            _pend(
                scene,
                CLAIM,
                Parcel(
                    order_id=r.sale_invoice,
                    return_id=f"{r.document}-{r.number}",
                    line_no=r.sale_line_no,
                    quantity_each=r.quantity_each,
                    document=r.document,
                    number=r.number,
                ),
                scene.now,
            )
            for r in mine
        ],
    )
    scene.counts["returns_asked"] += len(mine)
    correct(
        scene,
        [
            Correction(r.at, r.document, r.number, r.sku, r.quantity_each, Cause.untied_return, "")
            for r in returns
            if r.sale_at < starts_at
        ],
    )


def claim(scene: Scene, due: Sequence[Pending]) -> None:
    """Returns are authorized once their goods were shipped; until then they are asked for again."""
    parcels = _parcels(due)
    answers = authorize_returns(
        scene.tx,
        [
            AuthorizeReturn(
                command_id=f"return:{p.order_id}:{p.return_id}",
                actor=ACTOR,
                order_id=p.order_id,
                return_id=p.return_id,
                reason=REASON,
                lines=(AskedReturn(p.line_no, p.quantity_each),),
            )
            for p in parcels
        ],
    )
    later = []
    for parcel, answer in zip(parcels, answers, strict=True):
        if not isinstance(answer, Refusal):
            days = world.return_days(scene.seed, parcel.document, parcel.number)
            comes = world.brought_at(scene.now + timedelta(days=days))
            later.append(_pend(scene, TRAVEL, parcel, comes))
            scene.counts["returns_authorized"] += 1
        elif parcel.tries < TRIES_MAX:
            again = msgspec.structs.replace(parcel, tries=parcel.tries + 1)
            later.append(_pend(scene, CLAIM, again, scene.now + TRY_AGAIN))
        else:
            scene.counts[f"returns_refused_{answer.code}"] += 1
    store.add(scene.tx, later)


def arrive(scene: Scene, due: Sequence[Pending]) -> None:
    """Returns come in and wait to be looked at."""
    parcels = _parcels(due)
    agreed(
        receive_returns(
            scene.tx,
            [
                ReceiveReturn(
                    command_id=f"return-in:{p.order_id}:{p.return_id}",
                    actor=ACTOR,
                    order_id=p.order_id,
                    return_id=p.return_id,
                    lines=(AskedReturn(p.line_no, p.quantity_each),),
                )
                for p in parcels
            ],
        )
    )
    scene.counts["returns_received"] += len(parcels)
    store.add(scene.tx, [_pend(scene, LOOK, p, scene.now + LOOK_AFTER) for p in parcels])


def look(scene: Scene, due: Sequence[Pending]) -> None:
    """What came back is looked at: most goes back to sale."""
    commands = []
    for parcel in _parcels(due):
        good = world.is_restocked(scene.seed, parcel.document, parcel.number)
        each = parcel.quantity_each
        scene.counts["returned_each_restocked" if good else "returned_each_scrapped"] += each
        commands.append(
            GradeReturn(
                command_id=f"return-look:{parcel.order_id}:{parcel.return_id}",
                actor=ACTOR,
                order_id=parcel.order_id,
                return_id=parcel.return_id,
                lines=(Grade(parcel.line_no, each if good else 0, 0 if good else each),),
            )
        )
    agreed(grade_returns(scene.tx, commands))


def correct(scene: Scene, corrections: Sequence[Correction]) -> None:
    """Correct the books, at the node that has most of the SKU; no more is written off than is
    there and free."""
    if not corrections:
        return
    balances = inventory.balances(scene.tx, {c.sku for c in corrections})
    ledger = Ledger(balances)
    nodes: dict[str, list[str]] = {}
    for balance in balances:
        nodes.setdefault(balance.sku, []).append(balance.node)
    commands = []
    for correction in corrections:
        if correction.sku not in nodes:
            scene.counts["corrections_of_nothing"] += 1
            continue
        sku = correction.sku
        _, node = max((ledger.available(sku, n), n) for n in nodes[sku])
        change = max(correction.change_each, -ledger.available(sku, node))
        scene.counts["write_offs_cut_each"] += change - correction.change_each
        if not change:
            continue
        ledger.reserve(sku, node, -change)
        commands.append(
            Adjustment(
                command_id=f"correct:{correction.document}:{correction.number}",
                actor=ACTOR,
                sku=sku,
                node=node,
                change_each=change,
                reason=BOOKED_AS[correction.cause],
                document=correction.document,
            )
        )
    agreed(adjust(scene.tx, commands))
    scene.counts["corrections"] += len(commands)
