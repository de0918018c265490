"""Forgetting people: whatever fails in between, nobody is half forgotten for long."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import AddData, Contact, Erase, Person, PersonRef
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import drain, facts_of
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal, RefusalCode, Unavailable
from tests.integration.customers.people import (
    ADA,
    HOME,
    ME,
    WORK,
    data,
    erase,
    read,
    register,
)
from tests.processes import WAIT_S, process

GONE = RefusalCode.unknown_person


def is_unknown(database: Database, keys: KeyStore, person_id: UUID) -> bool:
    """Nobody finds, reads or adds to the person."""

    def work(tx: Tx) -> bool:
        added = customers.add_data(tx, keys, [AddData("c", ME, person_id, HOME)])[0]
        again = customers.register(tx, keys, [data()])[0]
        refusals = [added, again, *customers.read(tx, keys, [person_id])]
        assert {r.code for r in refusals if isinstance(r, Refusal)} <= {GONE}
        found = [
            *customers.find_by_email(tx, keys, "ada@example.com"),
            *customers.find_by_phone(tx, keys, "+442079460000"),
            *customers.by_reference(tx, ["13085"]).values(),
        ]
        return all(isinstance(r, Refusal) for r in refusals) and found == []

    return database.run(work)


def left_of(owner: psycopg.Connection, person_id: UUID) -> int:
    row = owner.execute(
        "SELECT count(*) FROM customers.person_data WHERE person_id = %s", (person_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_an_erased_person_is_gone(
    database: Database, keys: KeyStore, owner: psycopg.Connection
) -> None:
    (ref,) = register(database, keys, data())
    (accepted,) = erase(database, ref.person_id)
    assert is_unknown(database, keys, ref.person_id), "from the commit on"
    assert keys.keys_for([ref.person_id], create=False), "the key still lives"

    assert customers.finish_erasures(database, keys) == 1

    assert is_unknown(database, keys, ref.person_id)
    assert keys.keys_for([ref.person_id]) == {}
    assert left_of(owner, ref.person_id) == 0
    assert customers.finish_erasures(database, keys) == 0
    assert erase(database, ref.person_id) == [accepted]
    assert customers.finish_erasures(database, keys) == 0
    drain(database)
    with database.transaction() as tx:
        names = [fact[1] for fact in facts_of(tx, f"person/{ref.person_id}")]
        assert names == ["PersonRegistered", "ErasureRequested", "PersonErased"]
        row = tx.row("SELECT country, erased_at FROM customers.v_person")
        assert row == ("GB", accepted.since), "the region and the time remain"


def test_others_stay(database: Database, keys: KeyStore) -> None:
    ada, bob, guest = register(
        database, keys, data(), data(customer_ref="2"), data(customer_ref=None)
    )
    erase(database, ada.person_id, guest.person_id, ada.person_id)
    assert customers.finish_erasures(database, keys) == 2
    assert isinstance(read(database, keys, bob.person_id), Person)
    assert read(database, keys, ada.person_id) is read(database, keys, guest.person_id) is GONE
    with database.transaction() as tx:
        assert customers.find_by_email(tx, keys, "ada@example.com") == [bob.person_id]


def test_a_stranger_cannot_be_erased(database: Database, keys: KeyStore) -> None:
    (answer,) = database.run(lambda tx: customers.erase(tx, [Erase("e", ME, UUID(int=7))]))
    assert isinstance(answer, Refusal) and answer.code is GONE
    assert customers.finish_erasures(database, keys) == 0


def test_a_request_rolled_back_costs_nobody_their_data(database: Database, keys: KeyStore) -> None:
    (ref,) = register(database, keys, data())
    with pytest.raises(KeyboardInterrupt), database.transaction() as tx:
        customers.erase(tx, [Erase("e", ME, ref.person_id)])
        raise KeyboardInterrupt
    assert customers.finish_erasures(database, keys) == 0
    assert isinstance(read(database, keys, ref.person_id), Person)


def test_data_written_while_someone_is_erased_go_too(
    database: Database, keys: KeyStore, owner: psycopg.Connection
) -> None:
    """Writers and an erasure at once: whoever is first, nothing is left and nothing opens."""
    refs = register(database, keys, *(data(customer_ref=f"r{n}") for n in range(12)))

    def write(ref: PersonRef) -> None:
        together.wait(20)
        commands = [AddData("c", ME, ref.person_id, WORK), AddData("c", ME, ref.person_id, ADA)]
        database.run(lambda tx: customers.add_data(tx, keys, commands))

    def forget(ref: PersonRef) -> None:
        together.wait(20)
        erase(database, ref.person_id)
        customers.finish_erasures(database, keys)

    for ref in refs:
        together = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(f, ref) for f in (write, write, write, forget)]
            for one in running:
                one.result()
        assert left_of(owner, ref.person_id) == 0
        assert keys.keys_for([ref.person_id]) == {}


def test_many_who_finish_at_once_tell_it_once(database: Database, keys: KeyStore) -> None:
    refs = register(database, keys, *(data(customer_ref=f"r{n}") for n in range(40)))
    erase(database, *(ref.person_id for ref in refs))
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda _: customers.finish_erasures(database, keys), range(6)))
    assert sum(counts) == 40
    drain(database)
    with database.transaction() as tx:
        told = tx.row("SELECT count(*) FROM events.log WHERE name = 'PersonErased'")
        assert told == (40,)


class _Stopped(KeyStore):
    """A key store whose process dies before or after it destroyed keys."""

    before = False

    def destroy(self, person_ids: Iterable[UUID]) -> None:
        if not self.before:
            super().destroy(person_ids)
        os.kill(os.getpid(), signal.SIGKILL)


def _finish_and_die(url: str, folder: Path, before: bool) -> None:
    store = KeyStore.open(folder, SystemClock())
    store.__class__ = _Stopped
    _Stopped.before = before
    with Database(url) as database:
        customers.finish_erasures(database, store)


@pytest.mark.parametrize("before", [True, False])
def test_a_kill_in_between_is_made_good(
    database: Database, keys: KeyStore, keys_folder: Path, owner: psycopg.Connection, before: bool
) -> None:
    (ref,) = register(database, keys, data())
    erase(database, ref.person_id)
    with process(_finish_and_die, database.url, keys_folder, before) as dying:
        dying.join(WAIT_S)
        assert dying.exitcode == -signal.SIGKILL
    assert bool(keys.keys_for([ref.person_id], create=False)) is before
    assert left_of(owner, ref.person_id) == 2
    assert is_unknown(database, keys, ref.person_id)
    assert customers.finish_erasures(database, keys) == 1
    assert keys.keys_for([ref.person_id]) == {} and left_of(owner, ref.person_id) == 0


class _Away(KeyStore):
    def destroy(self, person_ids: Iterable[UUID]) -> None:
        raise Unavailable("the key store is away")


def test_a_key_store_that_is_away_leaves_the_erasure_pending(
    database: Database, keys: KeyStore
) -> None:
    (ref,) = register(database, keys, data())
    erase(database, ref.person_id)
    keys.__class__ = _Away
    with pytest.raises(Unavailable):
        customers.finish_erasures(database, keys)
    keys.__class__ = KeyStore
    assert customers.finish_erasures(database, keys) == 1


def test_a_key_store_restored_from_before_is_told(
    database: Database, keys: KeyStore, keys_folder: Path, tmp_path: Path
) -> None:
    ada, bob = register(database, keys, data(), data(customer_ref="2"))
    since = database.clock.now()
    keys.close()
    backup = shutil.copytree(keys_folder, tmp_path / "backup")
    with KeyStore.open(keys_folder, SystemClock()) as live:
        erase(database, ada.person_id)
        customers.finish_erasures(database, live)
    with KeyStore.open(backup, SystemClock()) as restored:
        assert restored.keys_for([ada.person_id], create=False), "it is back"
        assert customers.replay_erasures(database, restored, since) == 0
        assert restored.keys_for([ada.person_id]) == {}
        assert [e.person_id for e in restored.erasures_since(since)] == [ada.person_id]
        assert isinstance(read(database, restored, bob.person_id), Person)


def test_a_database_restored_from_before_is_told(
    database: Database, keys: KeyStore, owner: psycopg.Connection
) -> None:
    ada, bob = register(database, keys, data(), data(customer_ref="2", contact=Contact("Bob")))
    since = database.clock.now() - timedelta(seconds=1)
    # The database of the backup knows nothing of the erasure; the key store does.
    keys.destroy([ada.person_id, UUID(int=7)])
    assert customers.replay_erasures(database, keys, since) == 1
    assert is_unknown(database, keys, ada.person_id) and left_of(owner, ada.person_id) == 0
    assert isinstance(read(database, keys, bob.person_id), Person)
    assert customers.replay_erasures(database, keys, since) == 0


def test_before_the_replay_a_restored_database_gives_nothing_away(
    database: Database, keys: KeyStore
) -> None:
    (ref,) = register(database, keys, data())
    keys.destroy([ref.person_id])
    assert read(database, keys, ref.person_id) is GONE
    (added,) = database.run(
        lambda tx: customers.add_data(tx, keys, [AddData("c", ME, ref.person_id, WORK)])
    )
    (again,) = database.run(lambda tx: customers.register(tx, keys, [data()]))
    assert isinstance(added, Refusal) and isinstance(again, Refusal)
