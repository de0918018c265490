"""What stories are made of: moments in time, and words for what happened to stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Topic(StrEnum):
    """What a moment is about."""

    order = "order"
    cart = "cart"
    promise = "promise"
    decision = "decision"
    stock = "stock"
    parcel = "parcel"
    purchase = "purchase"
    queue = "queue"


class Moment(NamedTuple):
    """Something that happened, in words; `what` is one or two of them."""

    at: datetime
    topic: Topic
    what: str
    words: str
    actor: str = ""


def in_order(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """As they happened; those of one instant stay as they were told."""
    return tuple(sorted(moments, key=lambda moment: moment.at))


def stock_moved(
    at: datetime, sku: str, node: str, came_from: str, went_to: str, each: int, cause: str
) -> Moment:
    """A movement of the ledger in words."""
    words = f"{each} of {sku} at {node}: {came_from} to {went_to}"
    return Moment(at, Topic.stock, cause.replace("_", " "), words)
