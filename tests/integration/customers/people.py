"""Made-up people, and the verbs a test repeats."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import (
    Address,
    Contact,
    Erase,
    ErasureAccepted,
    Person,
    PersonalData,
    PersonRef,
)
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal, RefusalCode

ME = "test"
ADA = Contact("Ada Lovelace", "Ada@Example.com", "+44 20 7946 0000")
HOME = Address("Ada Lovelace", "12 St James's Square", "London", "GB", "SW1Y 4LE")
WORK = Address("Analytical Engines", "1 Dorset Street", "London", "GB", "W1U 6QE")


def data(**others: Any) -> PersonalData:
    """Ada, with an account, unless told otherwise."""
    values = {"contact": ADA, "address": HOME, "customer_ref": "13085", "command_id": "c"}
    return PersonalData(actor=ME, **(values | others))


def register(database: Database, keys: KeyStore, *commands: PersonalData) -> list[PersonRef]:
    """Registered without a refusal."""
    answers = database.run(lambda tx: customers.register(tx, keys, list(commands)))
    refs = [a for a in answers if isinstance(a, PersonRef)]
    assert len(refs) == len(commands), answers
    return refs


def read(database: Database, keys: KeyStore, person_id: UUID) -> Person | RefusalCode:
    """All that is known of one person."""
    (found,) = database.run(lambda tx: customers.read(tx, keys, [person_id]))
    return found.code if isinstance(found, Refusal) else found


def erase(database: Database, *person_ids: UUID) -> list[ErasureAccepted]:
    """Accepted, committed, and not finished yet."""
    commands = [Erase("e", ME, person_id) for person_id in person_ids]
    answers = database.run(lambda tx: customers.erase(tx, commands))
    accepted = [a for a in answers if isinstance(a, ErasureAccepted)]
    assert len(accepted) == len(commands), answers
    return accepted
