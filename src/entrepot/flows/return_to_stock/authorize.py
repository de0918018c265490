"""Authorize returns: what was shipped may come back, to a node of the network."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.network import service as network
from entrepot.departments.ordering import service_returns as ordering
from entrepot.departments.ordering.returns import AuthorizeReturn, Returned, SameReturn
from entrepot.flows.procure_to_stock.raise_orders import unknown_node
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def authorize_returns(
    tx: Tx, commands: Sequence[AuthorizeReturn]
) -> list[Returned | SameReturn | Refusal]:
    """Let customers send goods back.

    Refuses: unknown_node, and what ordering refuses.
    Raises: Conflict when an order changed meanwhile.
    """
    nodes = network.snapshot(tx).nodes
    known = [c for c in commands if c.node is None or c.node in nodes]
    answered = iter(ordering.authorize_returns(tx, known))
    return [
        next(answered) if c.node is None or c.node in nodes else unknown_node(c.node, nodes)
        for c in commands
    ]
