"""Numbers that look random and depend on nothing but the seed and the thing they are drawn for."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence

_SEPARATOR = "\x1f"
_BITS = 64


def draw(seed: int, *what: str | int) -> int:
    """A number from 0 to 2**64 - 1; equal seeds and things give equal numbers.

    what  names the thing and the question, such as ("customer 12346", "street")
    """
    text = _SEPARATOR.join(map(str, (seed, *what)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=_BITS // 8).digest())


def below(drawn: int, count: int) -> int:
    """The number brought to the range from 0 to count - 1, each equally likely."""
    assert count >= 1, f"{count} choices are none"
    return drawn * count >> _BITS


def weighted(drawn: int, sums: Sequence[int]) -> int:
    """The position a number falls on.

    sums  running sums of whole weights, rising; a position is as likely as its weight is large
    """
    return bisect_right(sums, below(drawn, sums[-1]))
