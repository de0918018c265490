"""Pure catalog decisions: is an item well described, and what does a change mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from entrepot.departments.catalog.model import (
    Item,
    ItemChange,
    ItemChanged,
    ItemRegistered,
    ItemRetired,
    ItemStatus,
    Registered,
    Retire,
    Unchanged,
)
from entrepot.words.facts import Fact
from entrepot.words.identifiers import as_gtin14, parse_gtin, parse_sku
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_LENGTH_MM, MAX_MASS_G, check_packs

TEXT_CHARACTERS_MAX = 300


def check_item(item: Item) -> Refusal | None:
    """The first thing wrong with an item's description, or None.

    Refuses: bad_identifier, missing_value, bad_value, bad_quantity.
    """
    if refusal := _check_form("sku", item.sku, parse_sku(item.sku)):
        return refusal
    if item.gtin is not None and (refusal := _check_form("gtin", item.gtin, parse_gtin(item.gtin))):
        return refusal
    for field, text in (("name", item.name), ("category", item.category)):
        if refusal := _check_text(field, text):
            return refusal
    for field, number, maximum, unit in (
        ("mass_g", item.mass_g, MAX_MASS_G, "g"),
        ("length_mm", item.length_mm, MAX_LENGTH_MM, "mm"),
        ("width_mm", item.width_mm, MAX_LENGTH_MM, "mm"),
        ("height_mm", item.height_mm, MAX_LENGTH_MM, "mm"),
    ):
        if not 1 <= number <= maximum:
            return Refusal(
                RefusalCode.bad_value,
                f"{field}: found {shown(number)}, expected 1 to {maximum} {unit}; "
                "measure one packed each",
                field,
            )
    return check_packs(item.packs, "packs")


def _check_form(field: str, found: str, parsed: str | Refusal) -> Refusal | None:
    if isinstance(parsed, Refusal) or parsed == found:
        return parsed if isinstance(parsed, Refusal) else None
    return Refusal(
        RefusalCode.bad_identifier,
        f"{field}: found {shown(found)}, expected {shown(parsed)}; leave separators out",
        field,
    )


def _check_text(field: str, text: str) -> Refusal | None:
    if not text.strip():
        return Refusal(
            RefusalCode.missing_value, f"{field}: found nothing, expected a text; give one", field
        )
    if len(text) > TEXT_CHARACTERS_MAX or not text.isprintable() or text != text.strip():
        return Refusal(
            RefusalCode.bad_value,
            f"{field}: found {shown(text)}, expected at most {TEXT_CHARACTERS_MAX} printable "
            "characters without spaces around; shorten or clean the text",
            field,
        )
    return None


class Shelf:
    """The items and GTIN owners a batch decides over; every decision changes it.

    gtins  owner by GTIN in its 14-digit form
    """

    def __init__(self, items: Mapping[str, Item], gtins: Mapping[str, str]) -> None:
        self.items = dict(items)
        self.gtins = dict(gtins)

    def put(self, item: Item) -> None:
        """Take an item into account."""
        before = self.items.get(item.sku)
        if before is not None and before.gtin is not None:
            del self.gtins[as_gtin14(before.gtin)]
        if item.gtin is not None:
            self.gtins[as_gtin14(item.gtin)] = item.sku
        self.items[item.sku] = item


def register(shelf: Shelf, change: ItemChange) -> Registered | Unchanged | Refusal:
    """What registering means over the present shelf.

    Refuses: what `check_item` refuses; duplicate_value for a GTIN of another SKU.
    """
    item = change.item
    if refusal := check_item(item):
        return refusal
    before = shelf.items.get(item.sku)
    if before == item:
        return Unchanged(item)
    if item.gtin is not None:
        owner = shelf.gtins.get(as_gtin14(item.gtin), item.sku)
        if owner != item.sku:
            return gtin_taken(item.gtin, owner)
    return Registered(item, before)


def gtin_taken(gtin: str, owner: str) -> Refusal:
    """The refusal of a GTIN that names another SKU already."""
    return Refusal(
        RefusalCode.duplicate_value,
        f"gtin: found {gtin}, which is the GTIN of {owner}; expected one of its own: "
        "compare the labels, and give the wrong one of the two another or none",
        "gtin",
        {"owner": owner},
    )


def retire(shelf: Shelf, command: Retire) -> Registered | Unchanged | Refusal:
    """What retiring means over the present shelf.

    Refuses: unknown_sku.
    """
    before = shelf.items.get(command.sku)
    if before is None:
        return unknown_sku(command.sku)
    if before.status is ItemStatus.retired:
        return Unchanged(before)
    return Registered(msgspec.structs.replace(before, status=ItemStatus.retired), before)


def unknown_sku(sku: str) -> Refusal:
    """The refusal of a SKU the catalog does not have."""
    return Refusal(
        RefusalCode.unknown_sku,
        f"sku: found {shown(sku)}, which is not in the catalog; register the item first",
        "sku",
    )


def told(registered: Registered) -> Fact:
    """The fact of a written item."""
    item, before = registered
    if before is None:
        return ItemRegistered(item)
    changed = changed_fields(before, item)
    if changed == ("status",) and item.status is ItemStatus.retired:
        return ItemRetired(item)
    return ItemChanged(item, changed)


def changed_fields(before: Item, after: Item) -> tuple[str, ...]:
    """Names of the fields that differ, in their order."""
    return tuple(f for f in Item.__struct_fields__ if getattr(before, f) != getattr(after, f))


def gtin_moves(
    before: Mapping[str, Item], written: Sequence[Item]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(given up, taken) as (GTIN-14, SKU) between the items before a batch and after it."""
    old = {
        (as_gtin14(b.gtin), b.sku)
        for item in written
        if (b := before.get(item.sku)) is not None and b.gtin is not None
    }
    new = {(as_gtin14(item.gtin), item.sku) for item in written if item.gtin is not None}
    return sorted(old - new), sorted(new - old)
