"""The catalog verbs: batches in, answers in order out, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.departments.catalog import decisions, store
from entrepot.departments.catalog.decisions import Shelf
from entrepot.departments.catalog.model import (
    Item,
    ItemChange,
    Registered,
    Retire,
    Unchanged,
)
from entrepot.ground.database import Tx
from entrepot.ground.events import Announcement, announce
from entrepot.words.identifiers import as_gtin14
from entrepot.words.outcome import Refusal

Answer = Registered | Unchanged | Refusal


def read(tx: Tx, skus: Iterable[str]) -> dict[str, Item]:
    """The items of these SKUs; retired ones too, unknown ones left out."""
    return store.read(tx, skus)


def register(tx: Tx, changes: Sequence[ItemChange]) -> list[Answer]:
    """Register items or replace what is known of them; equal content changes nothing.

    Refuses: missing_value, bad_value, bad_identifier, bad_quantity (packs that do not nest),
    duplicate_value (the GTIN of another SKU).
    Facts: ItemRegistered, ItemChanged, ItemRetired.
    """
    items = store.read(tx, (c.item.sku for c in changes))
    gtins = [c.item.gtin for c in changes] + [i.gtin for i in items.values()]
    shelf = Shelf(items, store.gtin_owners(tx, (as_gtin14(g) for g in gtins if g is not None)))
    answers: list[Answer] = []
    for change in changes:
        answer = decisions.register(shelf, change)
        if isinstance(answer, Registered):
            shelf.put(answer.item)
        answers.append(answer)
    _write(tx, changes, answers, items)
    return answers


def retire(tx: Tx, commands: Sequence[Retire]) -> list[Answer]:
    """Take items off sale; a retired one stays so.

    Refuses: unknown_sku. Facts: ItemRetired.
    """
    items = store.read(tx, (c.sku for c in commands))
    gtins = [as_gtin14(i.gtin) for i in items.values() if i.gtin is not None]
    shelf = Shelf(items, store.gtin_owners(tx, gtins))
    answers: list[Answer] = []
    for command in commands:
        answer = decisions.retire(shelf, command)
        if isinstance(answer, Registered):
            shelf.put(answer.item)
        answers.append(answer)
    _write(tx, commands, answers, items)
    return answers


def _write(
    tx: Tx,
    commands: Sequence[ItemChange | Retire],
    answers: Sequence[Answer],
    before: dict[str, Item],
) -> None:
    last = {a.item.sku: a.item for a in answers if isinstance(a, Registered)}
    given_up, taken = decisions.gtin_moves(before, list(last.values()))
    store.insert(tx, [item for sku, item in last.items() if sku not in before])
    store.update(tx, [item for sku, item in last.items() if sku in before])
    store.move_gtins(tx, given_up, taken)
    announce(
        tx,
        [
            Announcement(
                subject=f"item/{answer.item.sku}",
                fact=decisions.told(answer),
                command_id=command.command_id,
                actor=command.actor,
            )
            for command, answer in zip(commands, answers, strict=True)
            if isinstance(answer, Registered)
        ],
    )
