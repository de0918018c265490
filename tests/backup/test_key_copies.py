"""The key store's own backup: fresh, apart, and without those who were erased."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from entrepot.ground.backup import key_copies
from entrepot.ground.backup.key_copies import Counted, KeyCopies
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.keys import INDEX, PERSONS, KeyStore
from entrepot.ground.settings import Settings
from entrepot.words.outcome import Broken
from tests.postgres import settings_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON, seed=7)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = settings_in(tmp_path / "home", BACKUP=str(tmp_path / "backups"))
    found.run.mkdir(parents=True)
    return found


@pytest.fixture
def store(settings: Settings, clock: VirtualClock) -> Iterator[KeyStore]:
    with KeyStore.open(settings.keys, clock) as store:
        yield store


@pytest.fixture
def copies(settings: Settings, clock: VirtualClock) -> KeyCopies:
    return KeyCopies(settings, "7000", clock)


def ids(count: int) -> list[UUID]:
    clock = SystemClock()
    return [clock.new_id() for _ in range(count)]


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_new_keys_are_added_and_a_copy_restored_gives_the_same(
    settings: Settings, store: KeyStore, copies: KeyCopies, clock: VirtualClock, tmp_path: Path
) -> None:
    people = ids(20)
    first = store.keys_for(people[:10])
    assert copies.bring_up_to_date() == 10
    second = store.keys_for(people[10:])
    assert copies.bring_up_to_date() == 10
    assert copies.bring_up_to_date() == 0, "nothing is new"
    (copy,) = key_copies.copies(copies.root)
    assert copy.at == clock.now()
    assert key_copies.count(copy.folder) == Counted(20, 0)
    assert {p.stat().st_mode & 0o777 for p in copy.folder.iterdir()} == {0o600}
    key_copies.restore(copy.folder, tmp_path / "restored")
    with KeyStore.open(tmp_path / "restored", clock) as restored:
        assert restored.keys_for(people, create=False) == first | second
        assert restored.lookup_hash("email", "a@b.c") == store.lookup_hash("email", "a@b.c")
        assert restored.signing_keys() == store.signing_keys()


def test_a_destroyed_key_is_destroyed_in_every_copy(
    store: KeyStore, copies: KeyCopies, clock: VirtualClock, tmp_path: Path
) -> None:
    people = ids(3)
    keys = store.keys_for(people)
    copies.keep_dated()
    clock.sleep(60)
    store.destroy(people[:1])
    copies.bring_up_to_date()
    found = key_copies.copies(copies.root)
    assert len(found) == 2
    for copy in found:
        assert keys[people[0]] not in bytes_in(copy.folder)
        assert keys[people[1]] in bytes_in(copy.folder)
        assert key_copies.count(copy.folder) == Counted(2, 1)
        key_copies.restore(copy.folder, tmp_path / "restored")
        with KeyStore.open(tmp_path / "restored", clock) as restored:
            assert restored.keys_for(people[:1]) == {}, "and never gets a key again"
            assert [e.person_id for e in restored.erasures_since(NOON)] == people[:1]


def test_two_dated_copies_are_kept(store: KeyStore, copies: KeyCopies, clock: VirtualClock) -> None:
    store.keys_for(ids(1))
    made = []
    for _ in range(4):
        made.append(copies.keep_dated())
        clock.sleep(3_600)
    assert [c.folder for c in key_copies.copies(copies.root)[1:]] == made[:1:-1]


def test_no_store_no_copy(settings: Settings, copies: KeyCopies) -> None:
    assert copies.bring_up_to_date() == 0
    assert copies.keep_dated() is None
    assert not copies.root.exists()


def test_a_damaged_copy_is_found_and_the_next_one_used(store: KeyStore, copies: KeyCopies) -> None:
    people = ids(3)
    keys = store.keys_for(people)
    dated = copies.keep_dated()
    assert dated is not None
    latest = copies.root / key_copies.LATEST
    path = latest / PERSONS
    content = bytearray(path.read_bytes())
    content[content.index(keys[people[1]]) + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(Broken, match=f"the key of {people[1]} is damaged"):
        key_copies.count(latest)
    copies.keep_dated()
    assert key_copies.count(latest) == Counted(3, 0), "made anew from the store"
    (latest / INDEX).unlink()
    with pytest.raises(Broken, match="this copy of the keys is not whole"):
        key_copies.count(latest)


def test_another_store_is_not_mixed_in(
    settings: Settings, store: KeyStore, copies: KeyCopies, clock: VirtualClock
) -> None:
    store.keys_for(ids(3))
    copies.bring_up_to_date()
    store.close()
    shutil.rmtree(settings.keys)
    with KeyStore.open(settings.keys, clock) as another:
        another.keys_for(ids(5))
        with pytest.raises(Broken, match="it is a copy of another key store"):
            copies.bring_up_to_date()
    assert key_copies.count(copies.root / key_copies.LATEST) == Counted(3, 0)


def test_a_store_that_was_put_back_is_noticed(
    settings: Settings, store: KeyStore, copies: KeyCopies, clock: VirtualClock
) -> None:
    """An older one in the place of the store would lose the keys made since."""
    store.keys_for(ids(3))
    dated = copies.keep_dated()
    assert dated is not None
    store.keys_for(ids(3))
    copies.bring_up_to_date()
    store.close()
    key_copies.restore(dated, settings.keys)
    with pytest.raises(Broken, match=r"it has keys that .* lacks: the store was replaced"):
        copies.bring_up_to_date()
    with KeyStore.open(settings.keys, clock) as older:
        older.keys_for(ids(3))
    with pytest.raises(Broken, match=r"it has keys that .* lacks"):
        copies.bring_up_to_date()
    assert key_copies.count(copies.root / key_copies.LATEST) == Counted(6, 0)


def test_many_keys_are_copied_in_parts(
    store: KeyStore, copies: KeyCopies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_copies, "ROWS_AT_ONCE", 7)
    store.keys_for(ids(50))
    assert copies.bring_up_to_date() == 50
    assert key_copies.count(copies.root / key_copies.LATEST) == Counted(50, 0)


def test_what_a_kill_left_is_no_copy(store: KeyStore, copies: KeyCopies) -> None:
    store.keys_for(ids(1))
    copies.bring_up_to_date()
    (copies.root / ".20260301T120000Z.aside").mkdir()
    assert [c.folder.name for c in key_copies.copies(copies.root)] == [key_copies.LATEST]
    copies.bring_up_to_date()
    assert sorted(p.name for p in copies.root.iterdir()) == ["latest", "place.json"]


def test_a_copy_does_not_hold_the_store(store: KeyStore, copies: KeyCopies) -> None:
    """Destroying empties the store's log, which a reader would keep."""
    people = ids(2)
    store.keys_for(people)
    copies.bring_up_to_date()
    store.destroy(people)
    copies.bring_up_to_date()
    connection = sqlite3.connect(copies.root / key_copies.LATEST / PERSONS)
    rows = connection.execute("SELECT data_key FROM person_key").fetchall()
    connection.close()
    assert rows == [(bytes(40),)] * 2
