"""Free stock as a table: what a batch of orders is decided over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class FreeStock:
    """What may still be promised of some SKUs at some nodes: a table that decisions take from.

    skus, nodes  rows and columns by name
    each         int64 (SKUs, nodes)
    """

    def __init__(
        self,
        skus: Sequence[str],
        nodes: Sequence[str],
        rows: Sequence[int],
        columns: Sequence[int],
        eaches: Sequence[int],
    ) -> None:
        """Fill the table: what there is, by the places of its SKU and node; nothing elsewhere."""
        self.skus = {sku: row for row, sku in enumerate(skus)}
        self.nodes = {node: column for column, node in enumerate(nodes)}
        self.each = np.zeros((len(skus), len(nodes)), np.int64)
        self.each[np.array(rows, np.int64), np.array(columns, np.int64)] = eaches

    def available(self, sku: str, node: str) -> int:
        """What may still be promised now, each."""
        return int(self.each[self.skus[sku], self.nodes[node]])

    def take(self, sku: str, node: str, quantity_each: int) -> None:
        """Later decisions see this as gone."""
        self.each[self.skus[sku], self.nodes[node]] -= quantity_each
