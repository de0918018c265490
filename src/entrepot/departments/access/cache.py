"""Keys proven a moment ago, so that not every request asks the database."""

from __future__ import annotations

from entrepot.departments.access import decisions
from entrepot.departments.access.model import Principal

LIFE_S = 5.0
ENTRIES_MAX = 10_000


class KeyCache:
    """What authentication answered for each key within the last LIFE_S seconds, in one process.

    A revoked key, a role taken away and an expiry take effect in every process at the latest
    LIFE_S after the commit: an entry's age counts from before the database was read, and entries
    are never renewed, only made again from the database. So the risk is bounded whatever the
    traffic, without a message between processes that could get lost. What it saves is a query per
    request: a storefront with one key asks once in LIFE_S instead of hundreds of times a second.

    Only proven keys are kept: a wrong key is asked for again each time, so a new key works at once
    and nobody fills the memory with guesses. Kept under the hash, so that memory holds no secrets.
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[Principal, float]] = {}

    def get(self, presented_key: str, at_s: float) -> Principal | None:
        """Who the key stands for when that was found less than LIFE_S before `at_s`."""
        found = self._entries.get(decisions.hash_of(presented_key))
        if found is None or not found[1] <= at_s < found[1] + LIFE_S:
            return None
        return found[0]

    def put(self, presented_key: str, principal: Principal, at_s: float) -> None:
        """Keep a proven key; `at_s` is a monotonic time from before the database was read."""
        if len(self._entries) >= ENTRIES_MAX:
            self._entries.clear()
        self._entries[decisions.hash_of(presented_key)] = (principal, at_s)
