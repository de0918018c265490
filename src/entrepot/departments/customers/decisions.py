"""Pure decisions about people: which data are usable, their normal forms, what is new in them.

No message repeats a value: it is personal data, and messages go to logs and to strangers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from uuid import UUID

from entrepot.departments.customers.model import (
    Address,
    Contact,
    PersonalData,
    RecordKind,
    Region,
)
from entrepot.words.identifiers import parse_country, parse_postal_code, postal_area
from entrepot.words.outcome import Refusal, RefusalCode

NAME_CHARACTERS_MAX = 200
STREET_CHARACTERS_MAX = 500
EMAIL_CHARACTERS_MAX = 254
PHONE_DIGITS = range(4, 21)

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+?[0-9 ().\-/]+")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")


class File:
    """Which records a person has, by the hash of their content; grows while a batch is decided."""

    def __init__(self) -> None:
        self._contact: tuple[bytes, UUID] | None = None
        self._addresses: dict[bytes, UUID] = {}

    def find(self, kind: RecordKind, content_hash: bytes) -> UUID | None:
        """The record that holds this content: any address, but only the latest contact."""
        if kind is RecordKind.address:
            return self._addresses.get(content_hash)
        is_latest = self._contact is not None and self._contact[0] == content_hash
        return self._contact[1] if self._contact and is_latest else None

    def add(self, kind: RecordKind, content_hash: bytes, record_id: UUID) -> None:
        """Take a record into account."""
        if kind is RecordKind.address:
            self._addresses[content_hash] = record_id
        else:
            self._contact = (content_hash, record_id)


def kind_of(content: Contact | Address) -> RecordKind:
    """What kind of record holds this content."""
    return RecordKind.contact if isinstance(content, Contact) else RecordKind.address


def sealed_to(kind: RecordKind, person_id: UUID, record_id: UUID) -> bytes:
    """What a ciphertext belongs to: moved to another row it does not open."""
    return b"customers/" + kind.value.encode() + b"/" + person_id.bytes + record_id.bytes


def check(data: PersonalData) -> PersonalData | Refusal:
    """The command with its data trimmed and in normal spelling.

    Refuses: bad_identifier for the reference, and whatever is wrong with contact, address or
    country.
    """
    if data.customer_ref is not None and not _REFERENCE.fullmatch(data.customer_ref):
        return Refusal(
            RefusalCode.bad_identifier,
            f"customer_ref: found {len(data.customer_ref)} characters that do not fit, expected 1 "
            "to 100 letters, digits or . _ : / -; send the shop's own number, never an address "
            "of mail",
            "customer_ref",
        )
    contact = None if data.contact is None else check_contact(data.contact)
    if isinstance(contact, Refusal):
        return contact
    address = None if data.address is None else check_address(data.address)
    if isinstance(address, Refusal):
        return address
    country = None if data.country is None else parse_country(data.country)
    if isinstance(country, Refusal):
        return country
    return PersonalData(
        command_id=data.command_id,
        actor=data.actor,
        contact=contact,
        address=address,
        country=country,
        customer_ref=data.customer_ref,
    )


def check_content(content: Contact | Address) -> Contact | Address | Refusal:
    """The content in normal spelling, as `check_contact` and `check_address` give it."""
    return check_contact(content) if isinstance(content, Contact) else check_address(content)


def check_contact(contact: Contact) -> Contact | Refusal:
    """The contact, trimmed.

    Refuses: missing_value without a name; bad_value for a mail address or a phone number of
    another form; too_large for overlong text.
    """
    name = _text(contact.name, "name", NAME_CHARACTERS_MAX)
    if isinstance(name, Refusal):
        return name
    email = (contact.email or "").strip() or None
    if email is not None and (len(email) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(email)):
        return _bad("email", "an address of mail such as name@example.com")
    phone = (contact.phone or "").strip() or None
    if phone is not None and not (
        _PHONE.fullmatch(phone) and len(re.sub(r"[^0-9]", "", phone)) in PHONE_DIGITS
    ):
        return _bad("phone", "4 to 20 digits with + and spaces such as +44 20 7946 0000")
    return Contact(name, email, phone)


def check_address(address: Address) -> Address | Refusal:
    """The address, trimmed, with country and postal code in normal spelling.

    Refuses: missing_value, too_large, bad_value, bad_country, bad_postal_code.
    """
    name = _text(address.name, "name", NAME_CHARACTERS_MAX)
    street = _text(address.street, "street", STREET_CHARACTERS_MAX)
    city = _text(address.city, "city", NAME_CHARACTERS_MAX)
    country = parse_country(address.country)
    for part in (name, street, city, country):
        if isinstance(part, Refusal):
            return part
    assert isinstance(country, str)
    postal_code = parse_postal_code(address.postal_code, country)
    if isinstance(postal_code, Refusal):
        return postal_code
    assert isinstance(name, str) and isinstance(street, str) and isinstance(city, str)
    return Address(name, street, city, country, postal_code)


def _text(value: str, field: str, characters_max: int) -> str | Refusal:
    text = value.strip()
    if not text:
        return Refusal(
            RefusalCode.missing_value, f"{field}: found nothing, expected some text", field
        )
    if len(text) > characters_max:
        return Refusal(
            RefusalCode.too_large,
            f"{field}: found {len(text)} characters, expected at most {characters_max}",
            field,
        )
    if any(unicodedata.category(c) == "Cc" and c not in "\n\r\t" for c in text):
        return _bad(field, "text without control characters")
    return text


def _bad(field: str, expected: str) -> Refusal:
    return Refusal(
        RefusalCode.bad_value,
        f"{field}: found a value of another form (not repeated here), expected {expected}",
        field,
    )


def normal_email(email: str) -> str:
    """The form in which addresses of mail are compared: case does not matter."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


def normal_phone(phone: str) -> str:
    """The form in which phone numbers are compared: digits, and + for 00 before the country."""
    digits = re.sub(r"[^0-9]", "", phone)
    if phone.strip().startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def region(data: PersonalData) -> Region:
    """The region a command tells: the address's, else the bare country."""
    if data.address is None:
        return Region(data.country)
    return Region(
        data.address.country, postal_area(data.address.country, data.address.postal_code) or None
    )


def references(commands: Iterable[PersonalData]) -> list[str]:
    """The references the commands name, each once."""
    return sorted({c.customer_ref for c in commands if c.customer_ref is not None})


def unknown_person(field: str, value: object) -> Refusal:
    """The answer about someone who is not known or was erased; which of both is not told."""
    return Refusal(
        RefusalCode.unknown_person,
        f"{field}: found {value}, expected a person who is known and was not erased",
        field,
        {"value": str(value)},
    )
