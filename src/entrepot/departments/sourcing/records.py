"""The canonical bytes of a sourcing decision, and how it is decided again from them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from entrepot.departments.sourcing.decisions import (
    Split,
    able,
    best_split,
    candidates,
    split,
)
from entrepot.departments.sourcing.model import Candidate, Demand, Outcome, Plan, Site, Sites
from entrepot.words.outcome import Refusal

INPUTS_VERSION = 2


class _Inputs(msgspec.Struct, frozen=True, array_like=True):
    """Sites as columns; nodes are equal where their names are."""

    version: int
    demand: tuple[Demand, ...]
    keys: tuple[tuple[str, str], ...]
    box_mills: list[int]
    item_mills: list[list[int]]
    stock: list[list[int]]
    unfilled_mills: tuple[int, ...] | None
    keep_together: bool
    max_boxes: int | None


class _FirstInputs(msgspec.Struct, frozen=True, array_like=True):
    """Version 1: sites one by one."""

    version: int
    demand: tuple[Demand, ...]
    sites: tuple[Site, ...]
    unfilled_mills: tuple[int, ...] | None
    keep_together: bool
    max_boxes: int | None


_ENCODER = msgspec.msgpack.Encoder()
_INPUTS = msgspec.msgpack.Decoder(_Inputs)
_FIRST_INPUTS = msgspec.msgpack.Decoder(_FirstInputs)
# An array of six items, the first of them the version.
_FIRST = bytes((0x96, 1))


def decision_inputs(
    demand: Sequence[Demand],
    sites: Sites,
    *,
    unfilled_mills: Sequence[int] | None = None,
    keep_together: bool = False,
    max_boxes: int | None = None,
) -> bytes:
    """Everything `split` was given, as canonical MessagePack for the decision log."""
    return _ENCODER.encode(
        (
            INPUTS_VERSION,
            demand,
            sites.keys,
            sites.box_mills.tolist(),
            sites.item_mills.tolist(),
            sites.stock.tolist(),
            unfilled_mills,
            keep_together,
            max_boxes,
        )
    )


def decision_outcome(result: Plan | Refusal, possible: Sequence[Candidate]) -> bytes:
    """What was decided and what else was possible, as canonical MessagePack; see `Outcome`."""
    plan, refusal = (None, result) if isinstance(result, Refusal) else (result, None)
    return _ENCODER.encode(Outcome(plan, refusal, tuple(possible)))


def replay(inputs: bytes) -> bytes:
    """The outcome decided again from recorded inputs, byte for byte.

    Raises: msgspec.DecodeError when the inputs are not those of a sourcing decision.
    """
    if inputs.startswith(_FIRST):
        return _replay_first(_FIRST_INPUTS.decode(inputs))
    read = _INPUTS.decode(inputs)
    numbers: dict[str, int] = {}
    shape = (len(read.keys), len(read.demand))
    sites = Sites(
        read.keys,
        np.array([numbers.setdefault(node, len(numbers)) for node, _ in read.keys], np.int64),
        np.array(read.box_mills, np.int64),
        np.array(read.item_mills, np.int64).reshape(shape),
        np.array(read.stock, np.int64).reshape(shape),
    )
    found: Split = split(
        read.demand,
        sites,
        unfilled_mills=read.unfilled_mills,
        keep_together=read.keep_together,
        max_boxes=read.max_boxes,
    )
    return decision_outcome(found.result, able(sites, found.alone))


def _replay_first(read: _FirstInputs) -> bytes:
    result = best_split(
        read.demand,
        read.sites,
        unfilled_mills=read.unfilled_mills,
        keep_together=read.keep_together,
        max_boxes=read.max_boxes,
    )
    return decision_outcome(result, candidates(read.demand, read.sites))
