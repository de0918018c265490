"""Values about people. Whatever holds personal data here hides it from repr, and so from logs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from entrepot.words.facts import Fact


class RecordKind(StrEnum):
    """What a record of personal data holds."""

    contact = "contact"
    address = "address"


class Private(msgspec.Struct, frozen=True):
    """Personal data: its text form tells nothing but the type."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Contact(Private, frozen=True):
    """How a person is called and reached."""

    name: str
    email: str | None = None
    phone: str | None = None


class Address(Private, frozen=True):
    """Where something goes to. `street` is everything between the name and the city."""

    name: str
    street: str
    city: str
    country: str
    postal_code: str = ""


class Record(NamedTuple):
    """One version of personal data as it stands, encrypted.

    content_hash  equal for equal content of one person
    email_index, phone_index  keyed hashes to find a contact by
    """

    person_id: UUID
    record_id: UUID
    kind: RecordKind
    ciphertext: bytes
    content_hash: bytes
    email_index: bytes | None
    phone_index: bytes | None


class StoredRecord(NamedTuple):
    """What is read back of a record."""

    person_id: UUID
    record_id: UUID
    kind: RecordKind
    ciphertext: bytes


class Region(NamedTuple):
    """Where a person is at home, no closer than that; None where nothing told it."""

    country: str | None = None
    postal_area: str | None = None


class Person(Private, frozen=True):
    """All that is known of a person: the latest contact, and every address by its record."""

    person_id: UUID
    contact: Contact | None
    addresses: dict[UUID, Address]


class PendingErasure(NamedTuple):
    """An erasure that was asked for and is not complete."""

    person_id: UUID
    command_id: str
    actor: str


# Commands


class PersonalData(Private, frozen=True):
    """Register a person, or add to one that `customer_ref` names what is new about them.

    contact, address  None where nothing is known of it; nothing is taken away by that
    country       where no address tells it
    customer_ref  the shop's own id, never personal data itself; None = someone without account
    """

    command_id: str
    actor: str
    contact: Contact | None = None
    address: Address | None = None
    country: str | None = None
    customer_ref: str | None = None


class AddData(Private, frozen=True):
    """A new contact or a further address of a known person."""

    command_id: str
    actor: str
    person_id: UUID
    content: Contact | Address


class Erase(msgspec.Struct, frozen=True):
    """Forget a person."""

    command_id: str
    actor: str
    person_id: UUID


# Answers


class PersonRef(NamedTuple):
    """Where a person's data stand; ids only.

    contact_id, address_id  the record that holds what the command gave, None when it gave none;
                            equal content stands in one record
    is_new                  whether the person was not known before
    """

    person_id: UUID
    contact_id: UUID | None
    address_id: UUID | None
    is_new: bool


class RecordRef(NamedTuple):
    """One record of personal data."""

    person_id: UUID
    record_id: UUID


class ErasureAccepted(NamedTuple):
    """The person is not to be found from the commit on; `since` is when that was first asked."""

    person_id: UUID
    since: datetime


# Facts


class PersonRegistered(Fact, frozen=True):
    """A person is known, with the data of their first command."""

    person_id: UUID
    country: str | None
    postal_area: str | None


class PersonDataAdded(Fact, frozen=True):
    """Personal data were added to a known person."""

    person_id: UUID
    record_id: UUID
    kind: str


class ErasureRequested(Fact, frozen=True):
    """A person is to be forgotten; nobody may use their data any more."""

    person_id: UUID


class PersonErased(Fact, frozen=True):
    """The person's key is destroyed and their data are deleted."""

    person_id: UUID
