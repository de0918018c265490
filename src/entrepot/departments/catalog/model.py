"""Item values, the commands on them, and the facts about them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from entrepot.words.facts import Fact
from entrepot.words.quantity import Pack, PackLevel


class Handling(StrEnum):
    """What an item asks of whoever stores and carries it."""

    standard = "standard"
    fragile = "fragile"
    bulky = "bulky"
    dangerous = "dangerous"
    chilled = "chilled"
    frozen = "frozen"


class ItemStatus(StrEnum):
    """Whether an item may still be ordered."""

    active = "active"
    retired = "retired"


class Item(msgspec.Struct, frozen=True):
    """One stock-keeping unit; mass and dimensions are those of a single each, packed for sale.

    category       a path from the general to the special: `Home/Kitchen/Mugs`
    backorderable  whether it may be ordered while there is no stock
    inner_each, case_each, pallet_each  pieces in that pack; None = not packed so
    """

    sku: str
    name: str
    category: str
    mass_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    handling: Handling = Handling.standard
    backorderable: bool = False
    gtin: str | None = None
    inner_each: int | None = None
    case_each: int | None = None
    pallet_each: int | None = None
    status: ItemStatus = ItemStatus.active

    @property
    def volume_mm3(self) -> int:
        """Cubic millimeters of one each."""
        return self.length_mm * self.width_mm * self.height_mm

    @property
    def packs(self) -> tuple[Pack, ...]:
        """The pack hierarchy, smallest first, beginning with the single piece."""
        larger = (
            (PackLevel.inner, self.inner_each),
            (PackLevel.case, self.case_each),
            (PackLevel.pallet, self.pallet_each),
        )
        return (
            Pack(PackLevel.each, 1),
            *(Pack(level, held) for level, held in larger if held is not None),
        )


# Commands


class ItemChange(msgspec.Struct, frozen=True):
    """Register an item, or replace what is known of it; `status` active brings it back."""

    command_id: str
    actor: str
    item: Item


class Retire(msgspec.Struct, frozen=True):
    """Take an item off sale for good."""

    command_id: str
    actor: str
    sku: str


# Answers


class Registered(NamedTuple):
    """Written; `before` is what was known, None for a new item."""

    item: Item
    before: Item | None


class Unchanged(NamedTuple):
    """Nothing to do: it was so already."""

    item: Item


# Facts


class ItemRegistered(Fact, frozen=True):
    """An item is new in the catalog."""

    item: Item


class ItemChanged(Fact, frozen=True):
    """Something about an item changed; `fields` names what."""

    item: Item
    fields: tuple[str, ...]


class ItemRetired(Fact, frozen=True):
    """An item was taken off sale."""

    item: Item
