"""Adjust stock: only known SKUs at known nodes, audited."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from entrepot.departments.access import service as access
from entrepot.departments.access.model import AuditEntry
from entrepot.departments.catalog import service as catalog
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Recorded
from entrepot.departments.network import service as network
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal, RefusalCode, shown


def adjust(tx: Tx, commands: Sequence[Adjustment]) -> list[Recorded | Refusal]:
    """Correct free stock. Audited as `stock.adjust`.

    Refuses: unknown_sku, unknown_node, bad_quantity, bad_value for the reason, not_enough_stock.
    """
    items = catalog.read(tx, {c.sku for c in commands})
    nodes = network.snapshot(tx).nodes
    refusals = [_unknown(c, items.keys(), nodes.keys()) for c in commands]
    good = [c for c, refusal in zip(commands, refusals, strict=True) if refusal is None]
    answered = iter(inventory.adjust(tx, good))
    answers: list[Recorded | Refusal] = [refusal or next(answered) for refusal in refusals]
    access.record(
        tx,
        [
            AuditEntry(
                actor=c.actor,
                action="stock.adjust",
                subject=f"stock/{c.sku}/{c.node}",
                command_id=c.command_id,
                details={"change_each": c.change_each, "reason": c.reason},
            )
            for c, a in zip(commands, answers, strict=True)
            if isinstance(a, Recorded)
        ],
    )
    return answers


def _unknown(command: Adjustment, skus: Collection[str], nodes: Collection[str]) -> Refusal | None:
    if command.sku not in skus:
        return Refusal(
            code=RefusalCode.unknown_sku,
            message=f"sku: found {shown(command.sku)}, expected a SKU of the catalog",
            field="sku",
        )
    if command.node not in nodes:
        return Refusal(
            code=RefusalCode.unknown_node,
            message=(
                f"node: found {shown(command.node)}, expected one of {', '.join(sorted(nodes))}"
            ),
            field="node",
        )
    return None
