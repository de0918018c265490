"""End purchase orders: cancelled or closed, the stock counts no more on what does not come."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.departments.purchasing import service_orders as purchasing
from entrepot.departments.purchasing.model import Ended, EndOrder
from entrepot.flows.procure_to_stock import expected
from entrepot.ground.database import Tx
from entrepot.words.outcome import Refusal


def cancel_orders(tx: Tx, commands: Sequence[EndOrder]) -> list[Ended | Refusal]:
    """Take back orders of which nothing came.

    Refuses: unknown_order, wrong_state, missing_value or bad_value for the reason.
    """
    return _withdrawn(tx, purchasing.cancel(tx, commands))


def close_orders(tx: Tx, commands: Sequence[EndOrder]) -> list[Ended | Refusal]:
    """Wait no longer for the rest of orders of which a part came.

    Refuses: unknown_order, wrong_state, missing_value or bad_value for the reason.
    """
    return _withdrawn(tx, purchasing.close(tx, commands))


def _withdrawn(tx: Tx, answers: list[Ended | Refusal]) -> list[Ended | Refusal]:
    expected.withdraw(
        tx, [(a.order.header.po_id, a.lines) for a in answers if isinstance(a, Ended)]
    )
    return answers
