"""What registering items does on real PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from entrepot.departments.catalog import service
from entrepot.departments.catalog.model import (
    Handling,
    Item,
    ItemChange,
    ItemStatus,
    Registered,
    Retire,
    Unchanged,
)
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.identifiers import as_gtin14, make_gtin
from entrepot.words.outcome import Refusal, RefusalCode

GTIN = make_gtin("200000000001")
OTHER_GTIN = make_gtin("200000000002")
MUG = Item(
    "MUG", "Mug, blue", "Kitchen/Mugs", 410, 120, 95, 105, Handling.fragile, True, GTIN, 6, 36
)


def item(**changes: Any) -> Item:
    return msgspec.structs.replace(MUG, **changes)


def register(database: Database, *items: Item) -> list[Any]:
    changes = [ItemChange(f"c{n}", "me", each) for n, each in enumerate(items)]
    return database.run(lambda tx: service.register(tx, changes))


def read(database: Database, *skus: str) -> dict[str, Item]:
    with database.transaction(read_only=True) as tx:
        return service.read(tx, skus)


def told(database: Database, sku: str) -> list[str]:
    drain(database)
    with database.transaction(read_only=True) as tx:
        return [name for _, name, _, _, _ in facts_of(tx, f"item/{sku}")]


def test_registering_twice_changes_nothing(database: Database) -> None:
    assert register(database, MUG) == [Registered(MUG, None)]
    assert register(database, MUG) == [Unchanged(MUG)]
    assert read(database, "MUG", "NONE") == {"MUG": MUG}
    assert told(database, "MUG") == ["ItemRegistered"]


def test_a_change_is_told_with_its_fields(database: Database) -> None:
    heavier = item(mass_g=500, gtin=None)
    register(database, MUG)
    assert register(database, heavier, heavier) == [Registered(heavier, MUG), Unchanged(heavier)]
    drain(database)
    with database.transaction(read_only=True) as tx:
        *_, body = facts_of(tx, "item/MUG")[-1]
    assert msgspec.json.decode(body)["fields"] == ["mass_g", "gtin"]


def test_a_batch_answers_in_order_and_a_bad_item_hurts_no_neighbor(database: Database) -> None:
    good, bad = item(sku="A", gtin=None), item(sku="B", gtin=None, mass_g=-1)
    answers = register(database, bad, good, good)
    assert [type(a) for a in answers] == [Refusal, Registered, Unchanged]
    assert read(database, "A", "B") == {"A": good}


def test_a_gtin_names_one_item(database: Database) -> None:
    register(database, MUG)
    (refusal,) = register(database, item(sku="CUP", gtin=as_gtin14(GTIN)))
    assert (refusal.code, refusal.facts) == (RefusalCode.duplicate_value, {"owner": "MUG"})


def test_a_gtin_that_was_given_up_may_be_taken(database: Database) -> None:
    register(database, MUG)
    cup = item(sku="CUP")
    answers = register(database, cup, item(gtin=OTHER_GTIN), cup, item(gtin=GTIN))
    assert [type(a) for a in answers] == [Refusal, Registered, Registered, Refusal]
    found = read(database, "MUG", "CUP")
    assert (found["MUG"].gtin, found["CUP"].gtin) == (OTHER_GTIN, GTIN)
    assert [type(a) for a in register(database, item(sku="JUG"))] == [Refusal]


def test_two_that_take_one_gtin_at_once_do_not_both_get_it(database: Database) -> None:
    skus = [f"RACE-{n}" for n in range(8)]
    barrier = threading.Barrier(len(skus))
    answers: list[Any] = []

    def take(sku: str) -> None:
        barrier.wait()
        answers.extend(register(database, item(sku=sku)))

    threads = [threading.Thread(target=take, args=(sku,)) for sku in skus]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(a).__name__ for a in answers) == ["Refusal"] * 7 + ["Registered"]
    assert len(read(database, *skus)) == 1


def test_retiring_is_told_once_and_undone_by_registering(database: Database) -> None:
    register(database, MUG)
    commands = [Retire("r", "me", "MUG"), Retire("r", "me", "MUG"), Retire("r", "me", "NONE")]
    answers = database.run(lambda tx: service.retire(tx, commands))
    assert [type(a) for a in answers] == [Registered, Unchanged, Refusal]
    assert answers[2].code is RefusalCode.unknown_sku
    assert read(database, "MUG")["MUG"].status is ItemStatus.retired
    register(database, MUG)
    assert told(database, "MUG") == ["ItemRegistered", "ItemRetired", "ItemChanged"]
