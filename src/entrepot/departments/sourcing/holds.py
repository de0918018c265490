"""Where a cart's stock is held: a guess that costs nothing, for the order decides anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class HoldPlace(NamedTuple):
    """So many of a SKU are to be held at a node."""

    sku: str
    node: str
    quantity_each: int


def where_to_hold(
    wanted: Sequence[tuple[str, int]],
    available: Mapping[tuple[str, str], int],
    ranks: Mapping[str, int],
) -> list[HoldPlace]:
    """Nodes at which as much as possible of what is wanted is held, whole lines rather than parts.

    wanted     (SKU, each), each SKU once
    available  (SKU, node) -> each
    ranks      how near a node is to the destination, the least the nearest; nodes that are not
               here cannot serve it. Among equals the one with the most stock comes first.

    A node that has everything is best, as the order then leaves in one box; else each line goes to
    one node if one has it whole, else over the nodes in their order.
    """

    skus = [sku for sku, _ in wanted]
    for_all = [node for node in ranks if _has(available, node, wanted)]
    if for_all:
        best = _in_order(available, ranks, for_all, skus)[0]
        return [HoldPlace(sku, best, each) for sku, each in wanted]
    places: list[HoldPlace] = []
    for sku, each in wanted:
        whole = [node for node in ranks if _has(available, node, [(sku, each)])]
        nodes = _in_order(available, ranks, whole, [sku])[:1]
        left_each = each
        for node in nodes or _in_order(available, ranks, ranks, [sku]):
            part_each = min(left_each, max(0, available.get((sku, node), 0)))
            if part_each:
                places.append(HoldPlace(sku, node, part_each))
                left_each -= part_each
    return places


def _has(
    available: Mapping[tuple[str, str], int], node: str, lines: Sequence[tuple[str, int]]
) -> bool:
    return all(available.get((sku, node), 0) >= each for sku, each in lines)


def _in_order(
    available: Mapping[tuple[str, str], int],
    ranks: Mapping[str, int],
    nodes: Iterable[str],
    skus: Sequence[str],
) -> list[str]:
    """The nearest first; of equally near ones, the one with the most."""

    def place(node: str) -> tuple[int, int, str]:
        return ranks[node], -sum(available.get((sku, node), 0) for sku in skus), node

    return sorted(nodes, key=place)
