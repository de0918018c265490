"""People in the database: registered once, found, read, added to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import (
    AddData,
    Address,
    Contact,
    Person,
    PersonRef,
    RecordRef,
)
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Broken, Refusal, RefusalCode
from tests.integration.customers.people import ADA, HOME, ME, WORK, data, read, register

THREADS = 12
NOBODY = UUID(int=7)


def test_a_person_is_registered_and_read(database: Database, keys: KeyStore) -> None:
    (ref,) = register(database, keys, data())
    assert ref.is_new and ref.contact_id and ref.address_id
    assert read(database, keys, ref.person_id) == Person(ref.person_id, ADA, {ref.address_id: HOME})
    drain(database)
    with database.transaction() as tx:
        facts = facts_of(tx, f"person/{ref.person_id}")
        assert [f[1] for f in facts] == ["PersonRegistered"]
        row = tx.row("SELECT country, postal_area, erased_at FROM customers.v_person")
        assert row == ("GB", "SW1Y", None)


def test_the_same_again_makes_no_second_record(database: Database, keys: KeyStore) -> None:
    (first,) = register(database, keys, data())
    again = register(database, keys, data(command_id="c2"), data(command_id="c3"))
    assert again == [first._replace(is_new=False)] * 2
    (other,) = register(database, keys, data(address=WORK))
    assert other.contact_id == first.contact_id and other.address_id != first.address_id
    (moved_back,) = register(database, keys, data(contact=None))
    assert moved_back == PersonRef(first.person_id, None, first.address_id, False)


def test_a_batch_is_decided_in_order(database: Database, keys: KeyStore) -> None:
    answers = database.run(
        lambda tx: customers.register(
            tx,
            keys,
            [
                data(),
                data(contact=Contact("")),
                data(contact=Contact("Ada King"), address=WORK),
                data(customer_ref=None),
                data(customer_ref=None),
                data(customer_ref="99", contact=None, address=None, country="FR"),
                data(customer_ref="99", address=None),
            ],
        )
    )
    assert isinstance(answers[1], Refusal) and answers[1].code is RefusalCode.missing_value
    refs = [a for a in answers if isinstance(a, PersonRef)]
    assert [r.is_new for r in refs] == [True, False, True, True, True, False]
    assert refs[0].person_id == refs[1].person_id and refs[4].person_id == refs[5].person_id
    assert len({r.person_id for r in refs}) == 4
    found = read(database, keys, refs[0].person_id)
    assert isinstance(found, Person) and found.contact == Contact("Ada King")
    assert found.addresses == {refs[0].address_id: HOME, refs[1].address_id: WORK}
    late = read(database, keys, refs[4].person_id)
    assert isinstance(late, Person) and late.contact == ADA and late.addresses == {}
    with database.transaction() as tx:
        versions = tx.rows(
            "SELECT version FROM customers.person_data WHERE person_id = %s ORDER BY record_id",
            (refs[0].person_id,),
        )
        assert versions == [(1,), (2,), (3,), (4,)]


def test_someone_of_whom_nothing_is_known(database: Database, keys: KeyStore) -> None:
    (ref,) = register(database, keys, data(contact=None, address=None, country="FR"))
    assert ref.contact_id is None and ref.address_id is None
    assert read(database, keys, ref.person_id) == Person(ref.person_id, None, {})
    assert keys.keys_for([ref.person_id], create=False) == {}


def test_one_reference_from_many_threads_is_one_person(database: Database, keys: KeyStore) -> None:
    together = threading.Barrier(THREADS)

    def act(n: int) -> list[PersonRef]:
        together.wait(20)
        # In two orders: neither may wait for the other for ever.
        refs = [f"r{i}" for i in range(8)][:: 1 if n % 2 else -1]
        commands = [data(customer_ref=r, contact=Contact(f"Name {n} {r}")) for r in refs]
        return register(database, keys, *commands)

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(act, range(THREADS)))
    persons = {tuple(sorted(ref.person_id for ref in refs)) for refs in found}
    assert len(persons) == 1 and len(*persons) == 8
    assert sum(ref.is_new for refs in found for ref in refs) == 8
    with database.transaction() as tx:
        by_ref = customers.by_reference(tx, [f"r{i}" for i in range(9)])
        assert set(by_ref.values()) == set(*persons)
        assert tx.row("SELECT count(*) FROM customers.person") == (8,)
        (person,) = customers.read(tx, keys, [by_ref["r3"]])
        assert isinstance(person, Person) and person.contact is not None
        assert person.contact.name.endswith("r3") and len(person.addresses) == 1


def test_people_are_found(database: Database, keys: KeyStore) -> None:
    same_mail = Contact("A. Lovelace", "ADA@example.COM", "0044 (20) 7946-0000")
    one, two = register(
        database, keys, data(), data(customer_ref=None, contact=same_mail, address=None)
    )
    register(database, keys, data(customer_ref="2", contact=Contact("Bob", "bob@example.com")))
    with database.transaction(read_only=True) as tx:
        both = sorted([one.person_id, two.person_id])
        assert customers.find_by_email(tx, keys, " ada@EXAMPLE.com") == both
        assert customers.find_by_phone(tx, keys, "+442079460000") == both
        assert customers.find_by_email(tx, keys, "nobody@example.com") == []
        assert customers.by_reference(tx, ["13085", "3"]) == {"13085": one.person_id}
        assert customers.by_reference(tx, []) == {}
    register(database, keys, data(contact=Contact("Ada King", "king@example.com")))
    with database.transaction(read_only=True) as tx:
        assert one.person_id in customers.find_by_email(tx, keys, "ada@example.com")
        assert customers.find_by_email(tx, keys, "king@example.com") == [one.person_id]


def test_data_are_added_to_known_people(database: Database, keys: KeyStore) -> None:
    (ref,) = register(database, keys, data(contact=None, address=None))
    married = Contact("Ada King")

    def add(*pairs: tuple[UUID, Contact | Address]) -> list[RecordRef | Refusal]:
        commands = [AddData("c", ME, person_id, content) for person_id, content in pairs]
        return database.run(lambda tx: customers.add_data(tx, keys, commands))

    first, second, bad, unknown = add(
        (ref.person_id, HOME),
        (ref.person_id, ADA),
        (ref.person_id, Contact("")),
        (NOBODY, ADA),
    )
    assert isinstance(bad, Refusal) and bad.code is RefusalCode.missing_value
    assert isinstance(unknown, Refusal) and unknown.code is RefusalCode.unknown_person
    (third, again) = add((ref.person_id, married), (ref.person_id, HOME))
    assert again == first
    drain(database)
    with database.transaction() as tx:
        facts = facts_of(tx, f"person/{ref.person_id}")
    assert [f[1] for f in facts] == ["PersonRegistered", *["PersonDataAdded"] * 3]
    assert not any("Ada" in f[4] or "London" in f[4] for f in facts)
    found = read(database, keys, ref.person_id)
    assert isinstance(first, RecordRef)
    assert found == Person(ref.person_id, married, {first.record_id: HOME})
    wanted = [first, second, third, RecordRef(ref.person_id, NOBODY), RecordRef(NOBODY, NOBODY)]
    with database.transaction(read_only=True) as tx:
        *there, missing, none = customers.read_records(tx, keys, wanted)  # type: ignore[arg-type]
    assert there == [HOME, ADA, married]
    for refusal in (missing, none):
        assert isinstance(refusal, Refusal) and refusal.code is RefusalCode.unknown_person


def test_a_ciphertext_in_another_row_does_not_open(
    database: Database, keys: KeyStore, owner: psycopg.Connection
) -> None:
    (ref,) = register(database, keys, data())
    (other,) = register(database, keys, data(address=WORK))
    owner.execute(
        "UPDATE customers.person_data AS a SET ciphertext = b.ciphertext"
        " FROM customers.person_data AS b WHERE a.record_id = %s AND b.record_id = %s",
        (ref.address_id, other.address_id),
    )
    with pytest.raises(Broken, match="does not open"):
        read(database, keys, ref.person_id)


def test_a_rollback_leaves_nobody(database: Database, keys: KeyStore) -> None:
    with pytest.raises(KeyboardInterrupt), database.transaction() as tx:
        customers.register(tx, keys, [data()])
        raise KeyboardInterrupt
    with database.transaction() as tx:
        assert customers.by_reference(tx, ["13085"]) == {}
    (ref,) = register(database, keys, data())
    assert ref.is_new and isinstance(read(database, keys, ref.person_id), Person)


def test_another_process_reads_the_same(
    database: Database, keys: KeyStore, keys_folder: object
) -> None:
    (ref,) = register(database, keys, data())
    with KeyStore.open(keys_folder, SystemClock()) as other:  # type: ignore[arg-type]
        found = read(database, other, ref.person_id)
        assert isinstance(found, Person) and found.contact == ADA
        (again,) = register(database, other, data())
        assert again == ref._replace(is_new=False)
