"""Raise, send and confirm purchase orders: the stock counts on what they announce."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.departments.network import service as network
from entrepot.departments.purchasing import service_orders as purchasing
from entrepot.departments.purchasing.model import (
    Advance,
    Advanced,
    Raised,
    RaiseOrder,
    Repeated,
)
from entrepot.flows.procure_to_stock import expected
from entrepot.flows.procure_to_stock.expected import Announced
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal, RefusalCode, shown


def raise_orders(tx: Tx, commands: Sequence[RaiseOrder]) -> list[Raised | Repeated | Refusal]:
    """Order goods for nodes; what is sent is expected there.

    Refuses: unknown_node, and what purchasing refuses.
    Raises: Conflict when an id was taken meanwhile.
    """
    nodes = network.snapshot(tx).nodes
    good = [c for c in commands if c.node in nodes]
    answered = iter(purchasing.raise_orders(tx, good))
    answers: list[Raised | Repeated | Refusal] = [
        next(answered) if c.node in nodes else unknown_node(c.node, nodes) for c in commands
    ]
    expected.announce(
        tx,
        [
            Announced(c.command_id, c.actor, a.order)
            for c, a in zip(commands, answers, strict=True)
            if isinstance(a, Raised)
        ],
    )
    return answers


def advance_orders(tx: Tx, commands: Sequence[Advance]) -> list[Advanced | Refusal]:
    """Orders are sent, or confirmed for a time; what they announce is expected then.

    Refuses: unknown_order, wrong_state.
    """
    answers = purchasing.advance(tx, commands)
    expected.announce(
        tx,
        [
            Announced(c.command_id, c.actor, a.order)
            for c, a in zip(commands, answers, strict=True)
            if isinstance(a, Advanced)
        ],
    )
    return answers


def unknown_node(node: str, nodes: Iterable[str]) -> Refusal:
    """The refusal of a node that the network does not have."""
    return Refusal(
        RefusalCode.unknown_node,
        f"node: found {shown(node)}, expected one of {', '.join(sorted(nodes))}",
        "node",
    )
