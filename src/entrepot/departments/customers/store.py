"""The customers tables' only speaker of SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from entrepot.departments.customers.decisions import File
from entrepot.departments.customers.model import (
    Erase,
    PendingErasure,
    Record,
    RecordKind,
    Region,
    StoredRecord,
)
from entrepot.ground.database import Tx
from entrepot.ground.queries import load_queries

Q = load_queries("entrepot.departments.customers")


def claim_references(tx: Tx, wanted: Mapping[str, UUID]) -> set[str]:
    """Give references to these persons where they are free; gives those that were."""
    if not wanted:
        return set()
    refs = sorted(wanted)
    rows = tx.rows(
        Q.claim_references, {"customer_refs": refs, "person_ids": [wanted[r] for r in refs]}
    )
    return {row[0] for row in rows}


def references(tx: Tx, customer_refs: Iterable[str]) -> dict[str, UUID]:
    """Whom references name."""
    refs = sorted(set(customer_refs))
    return dict(tx.rows(Q.read_references, {"customer_refs": refs})) if refs else {}


def references_of(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, str]:
    """By which references persons are known."""
    ids = sorted(set(person_ids))
    rows = tx.rows(Q.references_of, {"person_ids": ids}) if ids else []
    return {row[0]: row[1] for row in rows}


def add_persons(tx: Tx, persons: Mapping[UUID, Region]) -> None:
    """Write persons, without data yet."""
    if persons:
        tx.run(
            Q.insert_persons,
            {
                "person_ids": list(persons),
                "countries": [r.country for r in persons.values()],
                "postal_areas": [r.postal_area for r in persons.values()],
                "at": tx.now,
            },
        )


def add_records(tx: Tx, records: Sequence[Record]) -> None:
    """Write personal data.

    Raises: Conflict when one of the persons was erased meanwhile.
    """
    if not records:
        return
    tx.guard(
        Q.add_records,
        {
            "person_ids": [r.person_id for r in records],
            "record_ids": [r.record_id for r in records],
            "kinds": [r.kind.value for r in records],
            "ciphertexts": [r.ciphertext for r in records],
            "content_hashes": [r.content_hash for r in records],
            "email_indexes": [r.email_index for r in records],
            "phone_indexes": [r.phone_index for r in records],
            "at": tx.now,
        },
        len(records),
        "a person was erased meanwhile",
    )


def persons(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, datetime | None]:
    """When persons were erased, None for those who were not; unknown ones are left out."""
    ids = sorted(set(person_ids))
    return dict(tx.rows(Q.read_persons, {"person_ids": ids})) if ids else {}


def files(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, File]:
    """Which records persons have; an empty file for who has none."""
    ids = sorted(set(person_ids))
    found = {person_id: File() for person_id in ids}
    for person_id, record_id, kind, content_hash in (
        tx.rows(Q.read_files, {"person_ids": ids}) if ids else ()
    ):
        found[person_id].add(RecordKind(kind), content_hash, record_id)
    return found


def records(tx: Tx, person_ids: Iterable[UUID]) -> dict[UUID, list[StoredRecord]]:
    """All records of persons, oldest first; who has none is left out."""
    found: dict[UUID, list[StoredRecord]] = {}
    for row in tx.rows(Q.read_records, {"person_ids": sorted(set(person_ids))}):
        found.setdefault(row[0], []).append(_record(row))
    return found


def pick(tx: Tx, keys: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], StoredRecord]:
    """Single records by (person id, record id)."""
    rows = tx.rows(
        Q.pick_records, {"person_ids": [k[0] for k in keys], "record_ids": [k[1] for k in keys]}
    )
    return {(row[0], row[1]): _record(row) for row in rows}


def _record(row: tuple[Any, ...]) -> StoredRecord:
    return StoredRecord(row[0], row[1], RecordKind(row[2]), row[3])


def find_by_email(tx: Tx, email_index: bytes) -> list[UUID]:
    """Persons who have or had this mail, by its hash."""
    return [row[0] for row in tx.rows(Q.find_by_email, {"email_index": email_index})]


def find_by_phone(tx: Tx, phone_index: bytes) -> list[UUID]:
    """Persons who have or had this phone, by its hash."""
    return [row[0] for row in tx.rows(Q.find_by_phone, {"phone_index": phone_index})]


def request_erasures(tx: Tx, commands: Sequence[Erase]) -> None:
    """Mark persons as erased, and note who asked.

    Raises: Conflict when one was marked meanwhile.
    """
    if not commands:
        return
    tx.guard(
        Q.request_erasures,
        {
            "person_ids": [c.person_id for c in commands],
            "command_ids": [c.command_id for c in commands],
            "actors": [c.actor for c in commands],
            "at": tx.now,
        },
        len(commands),
        "an erasure was requested meanwhile",
    )


def pending_erasures(tx: Tx, limit: int) -> list[PendingErasure]:
    """Erasures that are not complete, oldest first."""
    return [PendingErasure(*row) for row in tx.rows(Q.pending_erasures, {"limit": limit})]


def erasures_since(tx: Tx, since: datetime) -> list[tuple[UUID, datetime]]:
    """Whose erasure was requested at `since` or later, and when."""
    return [(row[0], row[1]) for row in tx.rows(Q.erasures_since, {"since": since})]


def complete_erasures(tx: Tx, person_ids: Sequence[UUID]) -> set[UUID]:
    """Delete what is left of persons; gives those whose erasure this completed."""
    tx.run(Q.delete_data, {"person_ids": list(person_ids)})
    rows = tx.rows(Q.complete_erasures, {"person_ids": list(person_ids), "at": tx.now})
    return {row[0] for row in rows}


def persons_with_data(tx: Tx, after: UUID, limit: int) -> list[UUID]:
    """Whoever has personal data, by id, from behind `after` on."""
    return [row[0] for row in tx.rows(Q.persons_with_data, {"after": after, "limit": limit})]
