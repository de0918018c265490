"""Who an order is for: personal data goes to customers, the order keeps two ids."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class PersonRef(NamedTuple):
    """A person and the address record an order is sent to."""

    person_id: UUID
    address_id: UUID | None
