"""The verbs about people: batches in, answers in order out, in the caller's transaction.

Keys are made durable before the ciphertext is committed, and destroyed only after the request to
erase is committed: whatever a crash leaves, no data are without a key that should have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from entrepot.departments.customers import decisions, store
from entrepot.departments.customers.decisions import File, unknown_person
from entrepot.departments.customers.model import (
    AddData,
    Address,
    Contact,
    Erase,
    ErasureAccepted,
    ErasureRequested,
    PendingErasure,
    Person,
    PersonalData,
    PersonDataAdded,
    PersonErased,
    PersonRef,
    PersonRegistered,
    Record,
    RecordKind,
    RecordRef,
    Region,
    StoredRecord,
)
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import Announcement, announce
from entrepot.ground.keys import Erasure, KeyStore
from entrepot.words.facts import Fact
from entrepot.words.outcome import Refusal

ERASURE_BATCH = 500
SYSTEM = "system"
REPLAY = "replay-erasures"
NOBODY = UUID(int=0)
KEYS_PAGE = 5_000

_TYPES: dict[RecordKind, type[Contact] | type[Address]] = {
    RecordKind.contact: Contact,
    RecordKind.address: Address,
}


# --- writing -------------------------------------------------------------------------------------


class _Desk:
    """Where a batch is written: records to add, each encrypted, and the facts about them."""

    def __init__(
        self, tx: Tx, keys: KeyStore, files: dict[UUID, File], data_keys: dict[UUID, bytes]
    ) -> None:
        self._tx = tx
        self._keys = keys
        self._files = files
        self._data_keys = data_keys
        self.records: list[Record] = []
        self.told: list[Announcement] = []

    def knows(self, person_id: UUID, *, needs_key: bool) -> bool:
        """Whether this person is there and was not erased, by the key store either."""
        return person_id in self._files and (not needs_key or person_id in self._data_keys)

    def put(
        self,
        command: PersonalData | AddData,
        person_id: UUID,
        content: Contact | Address,
        *,
        is_told: bool = True,
    ) -> UUID:
        """The record that holds the content: one that is there, or a new one, told by a fact."""
        kind = decisions.kind_of(content)
        plaintext = msgspec.json.encode(content)
        content_hash = self._keys.lookup_hash("record", f"{person_id}/{kind}/{plaintext.decode()}")
        file = self._files[person_id]
        if known := file.find(kind, content_hash):
            return known
        record_id = self._tx.new_id()
        file.add(kind, content_hash, record_id)
        email, phone = (
            (content.email, content.phone) if isinstance(content, Contact) else (None, None)
        )
        self.records.append(
            Record(
                person_id=person_id,
                record_id=record_id,
                kind=kind,
                ciphertext=self._keys.encrypt(
                    self._data_keys[person_id],
                    plaintext,
                    decisions.sealed_to(kind, person_id, record_id),
                ),
                content_hash=content_hash,
                email_index=None if email is None else _email_index(self._keys, email),
                phone_index=None if phone is None else _phone_index(self._keys, phone),
            )
        )
        if is_told:
            self.tell(command, person_id, PersonDataAdded(person_id, record_id, kind.value))
        return record_id

    def tell(self, command: PersonalData | AddData, person_id: UUID, fact: Fact) -> None:
        """Announce a fact about a person when the batch is written."""
        self.told.append(_about(person_id, fact, command.command_id, command.actor))


def _about(person_id: UUID, fact: Fact, command_id: str, actor: str) -> Announcement:
    return Announcement(f"person/{person_id}", fact, command_id, actor)


def _email_index(keys: KeyStore, email: str) -> bytes:
    return keys.lookup_hash("email", decisions.normal_email(email))


def _phone_index(keys: KeyStore, phone: str) -> bytes:
    return keys.lookup_hash("phone", decisions.normal_phone(phone))


def register(tx: Tx, keys: KeyStore, commands: Sequence[PersonalData]) -> list[PersonRef | Refusal]:
    """Make persons known, or add what is new about those their reference names.

    Equal content makes no second record. Without a reference every command makes a person: the
    flow that repeats a command keeps its first answer.

    Refuses: unknown_person when the reference names someone erased; what `decisions.check` does.
    Facts: PersonRegistered, PersonDataAdded.
    Raises: Conflict when someone is erased meanwhile.
    """
    checked = [decisions.check(command) for command in commands]
    good = [c for c in checked if isinstance(c, PersonalData)]
    named, fresh = _named(tx, good)
    ids = [tx.new_id() if c.customer_ref is None else named[c.customer_ref] for c in good]
    new: dict[UUID, Region] = {}
    for person_id, command in zip(ids, good, strict=True):
        if command.customer_ref is None or command.customer_ref in fresh:
            new.setdefault(person_id, decisions.region(command))
    desk = _desk(tx, keys, {i for i in ids if i not in new}, new, _with_content(ids, good))
    seen: set[UUID] = set()
    placed = iter(ids)
    answers: list[PersonRef | Refusal] = []
    for data in checked:
        if isinstance(data, Refusal):
            answers.append(data)
            continue
        person_id = next(placed)
        if not desk.knows(person_id, needs_key=_has_content(data)):
            answers.append(unknown_person("customer_ref", data.customer_ref))
            continue
        is_new = person_id in new and person_id not in seen
        seen.add(person_id)
        answers.append(_register(desk, person_id, data, new[person_id] if is_new else None))
    store.add_persons(tx, new)
    store.add_records(tx, desk.records)
    announce(tx, desk.told)
    return answers


def _named(tx: Tx, commands: Iterable[PersonalData]) -> tuple[dict[str, UUID], set[str]]:
    """Whom the references name, and which of them name someone new since now."""
    wanted = {ref: tx.new_id() for ref in decisions.references(commands)}
    fresh = store.claim_references(tx, wanted)
    named = {ref: person_id for ref, person_id in wanted.items() if ref in fresh}
    return named | store.references(tx, wanted.keys() - fresh), fresh


def _has_content(command: PersonalData) -> bool:
    return command.contact is not None or command.address is not None


def _with_content(ids: Sequence[UUID], commands: Sequence[PersonalData]) -> set[UUID]:
    return {i for i, c in zip(ids, commands, strict=True) if _has_content(c)}


def _register(
    desk: _Desk, person_id: UUID, command: PersonalData, region: Region | None
) -> PersonRef:
    """Write one command about a person; a region is given for one not known before."""
    is_new = region is not None
    if region is not None:
        fact = PersonRegistered(person_id, region.country, region.postal_area)
        desk.tell(command, person_id, fact)

    def put(content: Contact | Address | None) -> UUID | None:
        # One fact tells a new person and the data they came with.
        if content is None:
            return None
        return desk.put(command, person_id, content, is_told=not is_new)

    return PersonRef(person_id, put(command.contact), put(command.address), is_new)


def add_data(tx: Tx, keys: KeyStore, commands: Sequence[AddData]) -> list[RecordRef | Refusal]:
    """Add addresses to known persons, or replace their contact by a new version.

    Refuses: unknown_person; what `decisions.check_contact` and `check_address` do.
    Facts: PersonDataAdded.
    Raises: Conflict when someone is erased meanwhile.
    """
    ids = {c.person_id for c in commands}
    desk = _desk(tx, keys, ids, (), ids)
    answers: list[RecordRef | Refusal] = []
    for command in commands:
        content = decisions.check_content(command.content)
        if isinstance(content, Refusal):
            answers.append(content)
        elif not desk.knows(command.person_id, needs_key=True):
            answers.append(unknown_person("person_id", command.person_id))
        else:
            record_id = desk.put(command, command.person_id, content)
            answers.append(RecordRef(command.person_id, record_id))
    store.add_records(tx, desk.records)
    announce(tx, desk.told)
    return answers


def _desk(
    tx: Tx, keys: KeyStore, known: set[UUID], new: Iterable[UUID], with_content: set[UUID]
) -> _Desk:
    """A desk that knows the new persons and those of the known ones who are not erased."""
    alive = _alive(tx, known)
    files = store.files(tx, alive) | {person_id: File() for person_id in new}
    return _Desk(tx, keys, files, keys.keys_for(with_content & files.keys()))


def _alive(tx: Tx, person_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the persons who are known and not erased."""
    found = store.persons(tx, person_ids)
    return {person_id for person_id, erased_at in found.items() if erased_at is None}


# --- reading -------------------------------------------------------------------------------------


def read(tx: Tx, keys: KeyStore, person_ids: Sequence[UUID]) -> list[Person | Refusal]:
    """All that is known of persons: their latest contact and every address.

    Refuses: unknown_person, also for someone erased.
    Raises: Broken when data do not open with their key.
    """
    alive = _alive(tx, person_ids)
    records = store.records(tx, alive)
    data_keys = keys.keys_for(records, create=False)
    answers: list[Person | Refusal] = []
    for person_id in person_ids:
        if person_id not in alive or (person_id in records and person_id not in data_keys):
            answers.append(unknown_person("person_id", person_id))
            continue
        contact: Contact | None = None
        addresses: dict[UUID, Address] = {}
        for record in records.get(person_id, ()):
            content = _opened(keys, data_keys[person_id], record)
            if isinstance(content, Contact):
                contact = content
            else:
                addresses[record.record_id] = content
        answers.append(Person(person_id, contact, addresses))
    return answers


def read_records(
    tx: Tx, keys: KeyStore, refs: Sequence[RecordRef]
) -> list[Contact | Address | Refusal]:
    """Single records, such as the address an order goes to.

    Refuses: unknown_person, also for someone erased and for a record that is not theirs.
    Raises: Broken when data do not open with their key.
    """
    alive = _alive(tx, {r.person_id for r in refs})
    records = store.pick(tx, [(r.person_id, r.record_id) for r in refs if r.person_id in alive])
    data_keys = keys.keys_for({person_id for person_id, _ in records}, create=False)
    answers: list[Contact | Address | Refusal] = []
    for ref in refs:
        record = records.get((ref.person_id, ref.record_id))
        if record is None or ref.person_id not in data_keys:
            answers.append(unknown_person("person_id", ref.person_id))
        else:
            answers.append(_opened(keys, data_keys[ref.person_id], record))
    return answers


def _opened(keys: KeyStore, data_key: bytes, record: StoredRecord) -> Contact | Address:
    aad = decisions.sealed_to(record.kind, record.person_id, record.record_id)
    plaintext = keys.decrypt(data_key, record.ciphertext, aad)
    return msgspec.json.decode(plaintext, type=_TYPES[record.kind])


def by_reference(tx: Tx, customer_refs: Iterable[str]) -> dict[str, UUID]:
    """Whom the shop's references name; unknown and erased ones are left out."""
    named = store.references(tx, customer_refs)
    alive = _alive(tx, named.values())
    return {ref: person_id for ref, person_id in named.items() if person_id in alive}


def references_of(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The shop's references of persons that have one, of erased ones too."""
    return store.references_of(tx, person_ids)


def find_by_email(tx: Tx, keys: KeyStore, email: str) -> list[UUID]:
    """Everyone who has or had this address of mail and was not erased; case does not matter."""
    return store.find_by_email(tx, _email_index(keys, email))


def find_by_phone(tx: Tx, keys: KeyStore, phone: str) -> list[UUID]:
    """Everyone who has or had this phone number and was not erased; 00 counts as +."""
    return store.find_by_phone(tx, _phone_index(keys, phone))


# --- erasure -------------------------------------------------------------------------------------


def erase(tx: Tx, commands: Sequence[Erase]) -> list[ErasureAccepted | Refusal]:
    """Accept that persons are to be forgotten; after the commit call `finish_erasures`.

    From the commit on they are not found, read or added to. The key lives until the commit is
    sure: destroyed before, a rollback would leave a customer whose data are lost. Repeatable.

    Refuses: unknown_person. Facts: ErasureRequested.
    """
    known = store.persons(tx, {c.person_id for c in commands})
    answers: list[ErasureAccepted | Refusal] = []
    asked: dict[UUID, Erase] = {}
    for command in commands:
        if command.person_id not in known:
            answers.append(unknown_person("person_id", command.person_id))
            continue
        erased_at = known[command.person_id]
        if erased_at is None:
            asked.setdefault(command.person_id, command)
        answers.append(ErasureAccepted(command.person_id, erased_at or tx.now))
    store.request_erasures(tx, list(asked.values()))
    announce(tx, [_about(i, ErasureRequested(i), c.command_id, c.actor) for i, c in asked.items()])
    return answers


def finish_erasures(database: Database, keys: KeyStore) -> int:
    """Destroy the keys of everyone whose erasure is committed, delete their data; gives how many.

    For the timetable, and to be called right after an erasure. Safe to repeat and to run twice at
    once: a crash after any step leaves the erasure pending, and every step does no harm again.
    Raises: Unavailable when a key store or the database is away; what is left stays pending.
    """
    total = 0
    while pending := database.run(lambda tx: store.pending_erasures(tx, ERASURE_BATCH)):
        keys.destroy(p.person_id for p in pending)
        total += _complete(database, pending)
    return total


def _complete(database: Database, pending: Sequence[PendingErasure]) -> int:
    def work(tx: Tx) -> int:
        done = store.complete_erasures(tx, [p.person_id for p in pending])
        announce(
            tx,
            [
                _about(p.person_id, PersonErased(p.person_id), p.command_id, p.actor)
                for p in pending
                if p.person_id in done
            ],
        )
        return len(done)

    return database.run(work)


def replay_erasures(database: Database, keys: KeyStore, since: datetime) -> int:
    """After a restore: erase again whom the restored side still knows; gives how many persons.

    Compares both sides and mends either: a database restored from before an erasure is told by
    the key store, a key store restored from before it by the database.

    since  an instant before the backup that was restored
    """
    in_keys = keys.erasures_since(since)
    commands = [Erase(REPLAY, SYSTEM, e.person_id) for e in in_keys]
    in_database = database.run(lambda tx: _erase_again(tx, commands, since))
    keys.replay_erasures([Erasure(person_id, at) for person_id, at in in_database])
    return finish_erasures(database, keys)


def _erase_again(tx: Tx, commands: Sequence[Erase], since: datetime) -> list[tuple[UUID, datetime]]:
    before = store.erasures_since(tx, since)
    erase(tx, commands)
    return before


def without_keys(tx: Tx, keys: KeyStore) -> int:
    """How many persons have data and no key to read them with, as after the loss of a key store."""
    missing, after = 0, NOBODY
    while page := store.persons_with_data(tx, after, KEYS_PAGE):
        missing += len(page) - len(keys.keys_for(page, create=False))
        after = page[-1]
    return missing
