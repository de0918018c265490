"""What personal data are usable, and that nothing about them speaks."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.customers import decisions
from entrepot.departments.customers.decisions import File
from entrepot.departments.customers.model import (
    AddData,
    Address,
    Contact,
    Person,
    PersonalData,
    RecordKind,
    Region,
)
from entrepot.words.outcome import Refusal, RefusalCode

ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))
HOME = Address("Ada Lovelace", "12 St James's Square", "London", "GB", "SW1Y 4LE")
ADA = Contact("Ada Lovelace", "Ada@Example.com", "+44 20 7946 0000")


def data(**others: object) -> PersonalData:
    values: dict[str, object] = {"contact": ADA, "address": HOME, "customer_ref": "13085"}
    return PersonalData("c", "me", **(values | others))  # type: ignore[arg-type]


def test_good_data_are_trimmed_and_spelled_normally() -> None:
    rough = data(
        contact=Contact("  Ada Lovelace ", " Ada@Example.com ", ""),
        address=Address(" Ada ", "1 Way\nFlat 2 ", " London", "gb", "sw1y4le"),
    )
    found = decisions.check(rough)
    assert isinstance(found, PersonalData)
    assert found.contact == Contact("Ada Lovelace", "Ada@Example.com", None)
    assert found.address is not None
    assert (found.address.name, found.address.street) == ("Ada", "1 Way\nFlat 2")
    assert (found.address.country, found.address.postal_code) == ("GB", "SW1Y4LE")
    assert decisions.check(found) == found


def test_almost_nothing_may_be_known() -> None:
    bare = PersonalData("c", "me", country="fr", customer_ref="13085")
    found = decisions.check(bare)
    assert isinstance(found, PersonalData) and found.country == "FR"
    assert decisions.region(found) == Region("FR", None)


def test_the_region_comes_from_the_address() -> None:
    assert decisions.region(data(country="FR")) == Region("GB", "SW1Y")
    irish = Address("A", "B", "C", "AE")
    assert decisions.region(data(address=irish)) == Region("AE", None)
    assert decisions.region(data(address=None)) == Region(None, None)


SECRET = "Zanzibar77"
BAD = [
    (data(customer_ref=f"{SECRET}@example.com"), RefusalCode.bad_identifier, "customer_ref"),
    (data(customer_ref=""), RefusalCode.bad_identifier, "customer_ref"),
    (data(country=f"{SECRET}land", address=None), RefusalCode.bad_country, "country"),
    (data(contact=Contact(" ")), RefusalCode.missing_value, "name"),
    (data(contact=Contact(SECRET * 30)), RefusalCode.too_large, "name"),
    (data(contact=Contact(f"{SECRET}\x00")), RefusalCode.bad_value, "name"),
    (data(contact=Contact("A", SECRET)), RefusalCode.bad_value, "email"),
    (data(contact=Contact("A", f"{SECRET}@{'x' * 250}.com")), RefusalCode.bad_value, "email"),
    (data(contact=Contact("A", f"a {SECRET}@b.cd")), RefusalCode.bad_value, "email"),
    (data(contact=Contact("A", None, SECRET)), RefusalCode.bad_value, "phone"),
    (data(contact=Contact("A", None, "+1")), RefusalCode.bad_value, "phone"),
    (data(address=Address("A", "", "C", "DE", "10115")), RefusalCode.missing_value, "street"),
    (data(address=Address("A", SECRET * 60, "C", "DE", "10115")), RefusalCode.too_large, "street"),
    (data(address=Address("A", "B", " ", "DE", "10115")), RefusalCode.missing_value, "city"),
    (data(address=Address("A", "B", "C", "ZZ", "10115")), RefusalCode.bad_country, "country"),
    (
        data(address=Address("A", "B", "C", "DE", SECRET)),
        RefusalCode.bad_postal_code,
        "postal_code",
    ),
]


@pytest.mark.parametrize(("bad", "code", "field"), BAD)
def test_bad_data_are_refused_without_repeating_them(
    bad: PersonalData, code: RefusalCode, field: str
) -> None:
    found = decisions.check(bad)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == (code, field)
    if code is not RefusalCode.bad_country:
        assert SECRET not in str(found)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=40))
def test_any_text_is_taken_or_refused(name: str, email: str, phone: str) -> None:
    found = decisions.check_contact(Contact(name, email, phone))
    assert isinstance(found, Contact | Refusal)
    if isinstance(found, Contact):
        assert decisions.check_contact(found) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.COM", " ada@example.com "),
        ("STRASSE@x.de", "straße@x.de"),
        ("ａｄａ@x.de", "ada@x.de"),
    ],
)
def test_addresses_of_mail_that_are_the_same(one: str, other: str) -> None:
    assert decisions.normal_email(one) == decisions.normal_email(other)


@pytest.mark.parametrize(
    ("phone", "normal"),
    [
        ("+44 (20) 7946-0000", "+442079460000"),
        ("0044 20 7946 0000", "+442079460000"),
        ("020 7946 0000", "02079460000"),
        (" +44.20/79460000", "+442079460000"),
    ],
)
def test_phone_numbers_that_are_the_same(phone: str, normal: str) -> None:
    assert decisions.normal_phone(phone) == normal
    assert decisions.normal_phone(normal) == normal


def test_a_file_finds_any_address_but_only_the_latest_contact() -> None:
    file = File()
    assert file.find(RecordKind.contact, b"a") is None
    file.add(RecordKind.contact, b"a", ONE)
    assert file.find(RecordKind.contact, b"a") == ONE
    assert file.find(RecordKind.address, b"a") is None
    file.add(RecordKind.contact, b"b", TWO)
    assert file.find(RecordKind.contact, b"a") is None
    assert file.find(RecordKind.contact, b"b") == TWO
    file.add(RecordKind.address, b"x", ONE)
    file.add(RecordKind.address, b"y", THREE)
    assert file.find(RecordKind.address, b"x") == ONE
    assert file.find(RecordKind.address, b"y") == THREE


def test_an_envelope_belongs_to_one_row() -> None:
    places = {
        decisions.sealed_to(kind, person, record)
        for kind in RecordKind
        for person, record in ((ONE, TWO), (TWO, ONE), (ONE, ONE))
    }
    assert len(places) == 6


@pytest.mark.parametrize(
    "value",
    [
        ADA,
        HOME,
        data(),
        AddData("c", "me", ONE, ADA),
        Person(ONE, ADA, {TWO: HOME}),
        [ADA, (HOME,)],
    ],
)
def test_personal_data_do_not_show_themselves(value: object) -> None:
    for text in (repr(value), str(value), f"{value}"):
        assert "Ada" not in text and "London" not in text and "..." in text
