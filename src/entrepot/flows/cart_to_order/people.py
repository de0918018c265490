"""Whose cart it is: the shop's reference names a person, the cart keeps the person's id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from entrepot.departments.customers import decisions
from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import PersonalData
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal


class Named(NamedTuple):
    """A command that may name whose cart it is; `number` is its place in the batch."""

    number: int
    command_id: str
    actor: str
    customer_ref: str | None
    country: str | None


def check(customer_ref: str | None) -> Refusal | None:
    """Refuses: bad_identifier for what no reference can be."""
    checked = decisions.check(_data(Named(0, "", "", customer_ref, None)))
    return checked if isinstance(checked, Refusal) else None


def register(tx: Tx, keys: KeyStore | None, named: Iterable[Named]) -> dict[int, UUID | Refusal]:
    """Who carts are for, by number, for those that name somebody.

    Refuses: unknown_person when the reference names someone who was erased.
    """
    given = [one for one in named if one.customer_ref is not None]
    if not given:
        return {}
    assert keys is not None, "persons need the key store"
    answers = customers.register(tx, keys, [_data(one) for one in given])
    return {
        one.number: answer if isinstance(answer, Refusal) else answer.person_id
        for one, answer in zip(given, answers, strict=True)
    }


def _data(one: Named) -> PersonalData:
    return PersonalData(
        command_id=one.command_id,
        actor=one.actor,
        country=one.country,
        customer_ref=one.customer_ref,
    )


def references(tx: Tx, person_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """By which references the shop knows these persons."""
    return customers.references_of(tx, {i for i in person_ids if i is not None})
