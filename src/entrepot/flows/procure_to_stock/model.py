"""What a review is asked and answers; values only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from entrepot.departments.purchasing.decisions_reorder import ReorderPolicy
from entrepot.words.outcome import Refusal

PLAIN = ReorderPolicy(policy_id="plain", version=1, review_days=7, safety_days=7, cover_days=14)
"""Weekly reviews, a week of demand for safety, two weeks' demand at a time."""


class Demand(msgspec.Struct, frozen=True):
    """What the caller expects to sell of a SKU.

    mean_daily_milli  of a day, thousandths of one each
    weights           by node, how much of it each node is to be stocked for, in any unit;
                      None = the same at every open fulfillment center
    """

    sku: str
    mean_daily_milli: int
    weights: Mapping[str, int] | None = None


class Reorder(msgspec.Struct, frozen=True):
    """The command to review SKUs and buy what is short.

    command_id  repeating it gives the first answer and buys nothing
    demand      each SKU once
    """

    command_id: str
    actor: str
    demand: tuple[Demand, ...]
    policy: ReorderPolicy = PLAIN


class Unbought(msgspec.Struct, frozen=True):
    """A SKU that should be bought, or could not be reviewed, and why not."""

    sku: str
    refusal: Refusal


class Reordered(msgspec.Struct, frozen=True):
    """The orders that were raised, and what could not be bought."""

    po_ids: tuple[str, ...]
    unbought: tuple[Unbought, ...]
