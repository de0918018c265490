"""What every fact has in common.

A fact says in the past tense what happened; rooms declare theirs in `model.py` as frozen values.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Base of all facts; the class name is the fact's name.

    version  raised when a field changes its meaning; new optional fields need no new version
    """

    version: ClassVar[int] = 1

    @classmethod
    def name(cls) -> str:
        """The fact's name in the log: `OrderPlaced`."""
        return cls.__name__
