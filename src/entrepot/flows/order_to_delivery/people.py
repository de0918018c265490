"""Who an order is for: personal data goes to customers, the order keeps ids and a region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.departments.customers import decisions
from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import Address, Contact, PersonalData
from entrepot.flows.order_to_delivery.model import PlaceOrder
from entrepot.ground.database import Tx
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal


class OrderPerson(NamedTuple):
    """A person, and the address record an order is sent to."""

    person_id: UUID
    address_id: UUID | None


def content(command: PlaceOrder, keys: KeyStore | None) -> bytes:
    """What a command asks, as canonical bytes; personal data only as a keyed hash."""
    if command.recipient is None:
        return msgspec.json.encode(command, order="deterministic")
    assert keys is not None, "personal data needs the key store"
    text = msgspec.json.encode(command.recipient, order="deterministic").decode()
    bare = msgspec.structs.replace(command, recipient=None)
    return msgspec.json.encode(
        (bare, keys.lookup_hash("recipient", text).hex()), order="deterministic"
    )


def check(command: PlaceOrder) -> Refusal | None:
    """Refuses: what customers says of the reference, the contact or the address."""
    data = _personal(command)
    checked = None if data is None else decisions.check(data)
    return checked if isinstance(checked, Refusal) else None


def register(
    tx: Tx, keys: KeyStore | None, commands: Sequence[PlaceOrder]
) -> dict[str, OrderPerson | Refusal]:
    """Write who orders are for; by command id, for those that name somebody.

    Refuses: unknown_person when the reference names someone who was erased.
    """
    given = [(c, data) for c in commands if (data := _personal(c)) is not None]
    if not given:
        return {}
    assert keys is not None, "personal data needs the key store"
    answers = customers.register(tx, keys, [data for _, data in given])
    return {
        command.command_id: answer
        if isinstance(answer, Refusal)
        else OrderPerson(answer.person_id, answer.address_id)
        for (command, _), answer in zip(given, answers, strict=True)
    }


def _personal(command: PlaceOrder) -> PersonalData | None:
    """What the command says about a person; None when it names nobody."""
    recipient = command.recipient
    if recipient is None and command.customer_ref is None:
        return None
    return PersonalData(
        command_id=command.command_id,
        actor=command.actor,
        contact=None
        if recipient is None
        else Contact(recipient.name, recipient.email, recipient.phone),
        address=None
        if recipient is None
        else Address(
            name=recipient.name,
            street=recipient.street,
            city=recipient.city,
            country=command.ship_to.country,
            postal_code=command.ship_to.postal_code,
        ),
        country=command.ship_to.country,
        customer_ref=command.customer_ref,
    )
