"""The key store: keys for many processes, gone for good once destroyed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.ground import keys as keys_module
from entrepot.ground.clock import SystemClock, VirtualClock
from entrepot.ground.keys import (
    CACHED_KEYS_MAX,
    INDEX,
    PERSONS,
    SIGNING,
    Erasure,
    KeyStore,
)
from entrepot.words.outcome import Broken, Fault, Unavailable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCK = SystemClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def opened(folder: Path) -> Iterator[Callable[[], KeyStore]]:
    """Opens the folder again and again, each time as another process would."""
    stores: list[KeyStore] = []

    def open_one() -> KeyStore:
        stores.append(KeyStore.open(folder, CLOCK))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def ids(count: int) -> list[UUID]:
    return [CLOCK.new_id() for _ in range(count)]


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_only_the_owner_may_enter(folder: Path, opened: Callable[[], KeyStore]) -> None:
    opened().keys_for(ids(3))
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert {PERSONS, f"{PERSONS}-wal", INDEX, SIGNING} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_key_stays_the_same(opened: Callable[[], KeyStore]) -> None:
    people = ids(50)
    first, second = opened(), opened()
    made = first.keys_for([*people, people[0]])
    assert sorted(made) == sorted(people)
    assert {len(key) for key in made.values()} == {32} and len(set(made.values())) == 50
    assert first.keys_for(people) == second.keys_for(people) == made
    first.close()
    assert opened().keys_for(people, create=False) == made


def test_nobody_gets_a_key_without_asking_for_one(opened: Callable[[], KeyStore]) -> None:
    person = CLOCK.new_id()
    assert opened().keys_for([person], create=False) == {}
    assert opened().keys_for([], create=True) == {}


def test_more_keys_than_are_kept_in_memory(opened: Callable[[], KeyStore]) -> None:
    store, people = opened(), ids(CACHED_KEYS_MAX + 500)
    made = store.keys_for(people)
    assert store.keys_for(people[:500]) == {p: made[p] for p in people[:500]}
    assert store.keys_for(people, create=False) == made


# --- erasure -------------------------------------------------------------------------------------


def test_destroyed_keys_are_nowhere_any_more(folder: Path, opened: Callable[[], KeyStore]) -> None:
    store, people = opened(), ids(3_000)
    made: dict[UUID, bytes] = {}
    for start in range(0, len(people), 500):
        made |= store.keys_for(people[start : start + 500])
    gone, kept = people[::6], [p for n, p in enumerate(people) if n % 6]
    before = everything_in(folder)
    assert all(made[p] in before for p in people), "the search finds what is there"

    for start in range(0, len(gone), 100):
        store.destroy(gone[start : start + 100])

    after = everything_in(folder)
    assert [p for p in gone if made[p] in after] == []
    assert all(made[p] in after for p in kept)
    assert store.keys_for(people, create=False) == {p: made[p] for p in kept}


def test_someone_erased_never_gets_a_key_again(opened: Callable[[], KeyStore]) -> None:
    store, (known, unknown) = opened(), ids(2)
    store.keys_for([known])
    store.destroy([known, unknown])
    store.destroy([known])
    assert store.keys_for([known, unknown], create=True) == {}
    assert opened().keys_for([known, unknown], create=True) == {}


def test_what_another_process_destroys_is_forgotten_here(opened: Callable[[], KeyStore]) -> None:
    here, there, people = opened(), opened(), ids(4)
    made = here.keys_for(people)
    there.destroy(people[:2])
    assert here.keys_for(people) == {p: made[p] for p in people[2:]}
    there.destroy(people[2:3])
    assert here.keys_for(people) == {people[3]: made[people[3]]}


def test_a_restored_copy_learns_the_erasures(tmp_path: Path) -> None:
    clock = VirtualClock(NOON, seed=1)
    people = [clock.new_id() for _ in range(3)]
    with KeyStore.open(tmp_path / "live", clock) as live:
        made = live.keys_for(people)
        live.destroy(people[:1])
        clock.sleep(60)
        live.destroy(people[1:2])
        assert live.erasures_since(NOON) == [
            Erasure(people[0], NOON),
            Erasure(people[1], NOON + timedelta(seconds=60)),
        ]
        late = live.erasures_since(NOON + timedelta(seconds=1))
        assert [e.person_id for e in late] == people[1:2]
        with KeyStore.open(tmp_path / "restored", VirtualClock(NOON, seed=1)) as restored:
            for person in people:
                restored.keys_for([person])
            restored.replay_erasures(late)
            assert set(restored.keys_for(people, create=False)) == {people[0], people[2]}
            assert restored.erasures_since(NOON) == late
    assert len(made) == 3


def test_a_reader_that_keeps_old_pages_is_told(
    folder: Path, opened: Callable[[], KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "BUSY_S", 0.2)
    store, (person,) = opened(), ids(1)
    key = store.keys_for([person])[person]
    reader = sqlite3.connect(folder / PERSONS, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM person_key").fetchone()
    with pytest.raises(Unavailable, match="log could not be emptied"):
        store.destroy([person])
    assert store.keys_for([person]) == {}, "destroyed all the same"
    assert key in everything_in(folder)
    reader.close()
    store.destroy([person])
    assert key not in everything_in(folder)


# --- encryption ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyStore]:
    with KeyStore.open(tmp_path_factory.mktemp("module") / "keys", CLOCK) as opened:
        yield opened


KEY = bytes(range(32))


@given(plaintext=st.binary(max_size=200), aad=st.binary(max_size=50))
def test_an_envelope_opens_again(store: KeyStore, plaintext: bytes, aad: bytes) -> None:
    envelope = store.encrypt(KEY, plaintext, aad)
    assert len(envelope) == len(plaintext) + 29 and envelope[0] == 1
    assert store.decrypt(KEY, envelope, aad) == plaintext
    assert store.encrypt(KEY, plaintext, aad) != envelope


def test_a_changed_envelope_does_not_open(store: KeyStore) -> None:
    envelope = store.encrypt(KEY, b"Ada Lovelace", b"row 1")
    for n in range(len(envelope)):
        changed = envelope[:n] + bytes([envelope[n] ^ 1]) + envelope[n + 1 :]
        with pytest.raises(Broken):
            store.decrypt(KEY, changed, b"row 1")
        with pytest.raises(Broken):
            store.decrypt(KEY, envelope[:n], b"row 1")
    with pytest.raises(Broken, match="does not open"):
        store.decrypt(KEY, envelope, b"row 2")
    with pytest.raises(Broken, match="does not open"):
        store.decrypt(bytes(32), envelope, b"row 1")
    with pytest.raises(Broken, match="found version 02"):
        store.decrypt(KEY, b"\x02" + envelope[1:], b"row 1")


def test_look_up_hashes(store: KeyStore, folder: Path, opened: Callable[[], KeyStore]) -> None:
    other = opened()
    assert store.lookup_hash("email", "a@b.cd") == store.lookup_hash("email", "a@b.cd")
    assert opened().lookup_hash("email", "a@b.cd") == other.lookup_hash("email", "a@b.cd")
    different = {
        store.lookup_hash("email", "a@b.cd"),
        store.lookup_hash("email", "a@b.ce"),
        store.lookup_hash("phone", "a@b.cd"),
        store.lookup_hash("emaila", "@b.cd"),
        other.lookup_hash("email", "a@b.cd"),
    }
    assert len(different) == 5 and {len(h) for h in different} == {32}


# --- signing -------------------------------------------------------------------------------------


def test_rotation_is_seen_by_all_and_honors_the_last_keys(opened: Callable[[], KeyStore]) -> None:
    here, there = opened(), opened()
    (first,) = here.signing_keys()
    assert there.signing_keys() == [first] and len(first) == 32
    there.rotate_signing_key()
    second, *rest = here.signing_keys()
    assert rest == [first] and second != first
    there.rotate_signing_key()
    there.rotate_signing_key()
    newest = here.signing_keys()
    assert newest == there.signing_keys() == opened().signing_keys()
    assert len(newest) == 3 and newest[2] == second


def test_the_setting_replaces_the_signing_keys(folder: Path) -> None:
    with KeyStore.open(folder, CLOCK, signing_key="x" * 32) as given_one:
        assert given_one.signing_keys() == [b"x" * 32]


# --- faults --------------------------------------------------------------------------------------


def expect(folder: Path, words: str) -> Fault:
    with pytest.raises(Broken, match=words) as found:
        KeyStore.open(folder, CLOCK).keys_for(ids(1))
    assert str(folder) in str(found.value), "the message names the path"
    return found.value


@pytest.fixture
def filled(folder: Path) -> Path:
    """A closed store with some keys."""
    with KeyStore.open(folder, CLOCK) as store:
        store.keys_for(ids(200))
    return folder


def test_an_empty_folder_is_made_private(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    KeyStore.open(folder, CLOCK).close()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", PERSONS, INDEX, SIGNING])
def test_what_others_could_read_is_refused(filled: Path, name: str) -> None:
    (filled / name).chmod(0o750)
    expect(filled, "found mode 0750, expected 0[76]00.*chmod")


@pytest.mark.parametrize("name", [PERSONS, INDEX])
def test_a_file_that_is_gone_is_missed(filled: Path, name: str) -> None:
    (filled / name).unlink()
    expect(filled, "gone while .* restore the folder of keys from its backup")
    expect(filled, "gone while")


def test_signing_keys_that_are_gone_are_made_anew(filled: Path) -> None:
    (filled / SIGNING).unlink()
    with KeyStore.open(filled, CLOCK) as store:
        assert len(store.signing_keys()) == 1
        (filled / SIGNING).unlink()
        with pytest.raises(Broken, match="cannot be read"):
            store.signing_keys()


@pytest.mark.parametrize("name", [INDEX, SIGNING])
@pytest.mark.parametrize("content", ["", "00" * 31 + "\n", "zz" * 32 + "\n", "00" * 32, "ü\n"])
def test_a_damaged_key_file(filled: Path, name: str, content: str) -> None:
    (filled / name).write_text(content, encoding="utf-8")
    expect(filled, f"{name}: it is damaged")


def test_a_damaged_file_of_persons(filled: Path) -> None:
    file = filled / PERSONS
    whole = file.read_bytes()
    for content, words in (
        (b"", "found version 0"),
        (b"not a database" * 100, "not a database"),
        (whole[:4096] + b"\xff" * (len(whole) - 4096), "malformed|damaged"),
        (whole[: len(whole) // 8192 * 4096], "malformed"),
    ):
        file.write_bytes(content)
        expect(filled, words)


def test_a_key_with_a_flipped_bit_is_never_used(folder: Path) -> None:
    people = ids(2)
    with KeyStore.open(folder, CLOCK) as store:
        made = store.keys_for(people)
    content = (folder / PERSONS).read_bytes()
    at = content.index(made[people[0]])
    (folder / PERSONS).write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    with KeyStore.open(folder, CLOCK) as store:
        assert store.keys_for(people[1:]) == {people[1]: made[people[1]]}
        with pytest.raises(Broken, match=f"key of person {people[0]} is damaged"):
            store.keys_for(people)


def test_a_newer_file_is_left_alone(filled: Path) -> None:
    with sqlite3.connect(filled / PERSONS) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    expect(filled, "found version 2, expected 1; use the newer entrepot")


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    expect(folder, "not a folder")
