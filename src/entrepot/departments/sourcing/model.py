"""Values of a sourcing decision. Costs are integers in mills, 1/1000 of the currency's minor unit.

Those that stand in a decision record are encoded as arrays, so a new field goes last and has a
default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from entrepot.words.outcome import Refusal


class Demand(msgspec.Struct, frozen=True, array_like=True):
    """One line to be sent.

    line_no        the line's number in its order; no two demands of one decision share it
    quantity_each  1 or more
    """

    line_no: int
    sku: str
    quantity_each: int


class Site(msgspec.Struct, frozen=True, array_like=True):
    """A node with one of its carrier services, both able to meet the date.

    box_mills   cost of sending one box at all, 0 or more
    item_mills  cost of one each of every demand, in the order of the demands; stock prices included
    stock       eaches of every demand that may be taken here, in the same order, 0 or more; two
                services of one node draw on the same stock and say so each
    """

    node: str
    service_id: str
    box_mills: int
    item_mills: tuple[int, ...]
    stock: tuple[int, ...]


Array = np.ndarray[Any, Any]


class Sites(NamedTuple):
    """Sites as columns, int64, as a decision is made over them.

    keys        (node, service_id) by site
    node_of     by site, equal for services of one node
    box_mills   by site
    item_mills  (sites, lines), as in `Site`
    stock       (sites, lines), as in `Site`
    """

    keys: tuple[tuple[str, str], ...]
    node_of: Array
    box_mills: Array
    item_mills: Array
    stock: Array

    @classmethod
    def of(cls, sites: Sequence[Site], lines: int) -> Sites:
        """The same as columns.

        Raises: OverflowError for costs beyond 64 bits.
        """
        nodes: dict[str, int] = {}
        for site in sites:
            assert len(site.item_mills) == len(site.stock) == lines, (
                f"{site.node} by {site.service_id} has no cost or stock for some line"
            )
        shape = (len(sites), lines)
        return cls(
            tuple((site.node, site.service_id) for site in sites),
            np.array([nodes.setdefault(site.node, len(nodes)) for site in sites], np.int64),
            np.array([site.box_mills for site in sites], np.int64),
            np.array([site.item_mills for site in sites], np.int64).reshape(shape),
            np.array([site.stock for site in sites], np.int64).reshape(shape),
        )

    def rows(self) -> list[Site]:
        """The same one by one."""
        columns = self.box_mills.tolist(), self.item_mills.tolist(), self.stock.tolist()
        return [
            Site(node, service_id, box_mills, tuple(item_mills), tuple(stock))
            for (node, service_id), box_mills, item_mills, stock in zip(
                self.keys, *columns, strict=True
            )
        ]

    def of_these(self, places: Sequence[int]) -> Sites:
        """Some of the sites."""
        return Sites(
            tuple([self.keys[place] for place in places]),
            self.node_of[places],
            self.box_mills[places],
            self.item_mills[places],
            self.stock[places],
        )


class Box(msgspec.Struct, frozen=True, array_like=True):
    """What one node sends by one service: `(line_no, quantity_each)` in demand order."""

    node: str
    service_id: str
    lines: tuple[tuple[int, int], ...]


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """Who sends what.

    cost_mills  boxes and items together; what stays unfilled adds nothing
    unfilled    `(line_no, quantity_each)` that no box holds
    exact       no better plan exists; False when the search ended at its limit
    """

    boxes: tuple[Box, ...]
    cost_mills: int
    unfilled: tuple[tuple[int, int], ...] = ()
    exact: bool = True


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """A site that could send everything alone, and what that would cost."""

    node: str
    service_id: str
    cost_mills: int


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What stands in the decision log: a plan or a refusal, and every candidate, cheapest first."""

    plan: Plan | None
    refusal: Refusal | None
    candidates: tuple[Candidate, ...]


class Policy(msgspec.Struct, frozen=True):
    """How orders are sourced; a version never changes once published.

    quantile_ppm          probability with which a site must meet the date to be considered
    max_boxes             most boxes for one order; None = no limit
    keep_together         one box or a refusal
    stock_price_ppm       share of the published stock prices that enters the cost of an item
    carbon_mills_per_kg   what a kilogram of CO2e of a box adds to its cost
    """

    policy_id: str
    version: int
    quantile_ppm: int = 950_000
    max_boxes: int | None = None
    keep_together: bool = False
    stock_price_ppm: int = 1_000_000
    carbon_mills_per_kg: int = 0
