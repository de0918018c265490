"""The key store in several processes at once, and in processes that are killed."""

from __future__ import annotations

import os
import shutil
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from entrepot.ground import keys as keys_module
from entrepot.ground.clock import SystemClock
from entrepot.ground.keys import INDEX, PERSONS, SIGNING, KeyStore
from entrepot.words.outcome import Broken
from tests.postgres import open_folder
from tests.processes import WAIT_S, process

CLOCK = SystemClock()
SPAWN = get_context("spawn")
PROCESSES = 6
# An account that owns nothing.
NOBODY = 65_534


def _start_together(folder: Path, people: list[UUID], gate: Any, answers: Any) -> None:
    gate.wait(WAIT_S)
    with KeyStore.open(folder, CLOCK) as store:
        found = store.keys_for(people)
        answers.put((store.lookup_hash("email", "a@b.cd"), store.signing_keys(), found))


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    people = [CLOCK.new_id() for _ in range(300)]
    gate, answers = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    arguments = (tmp_path / "keys", people, gate, answers)
    running = [SPAWN.Process(target=_start_together, args=arguments) for _ in range(PROCESSES)]
    for one in running:
        one.start()
    found = [answers.get(timeout=WAIT_S) for _ in running]
    for one in running:
        one.join(WAIT_S)
        assert one.exitcode == 0
    assert all(answer == found[0] for answer in found)
    assert len(found[0][2]) == 300


def _make_until_killed(folder: Path, made: Any) -> None:
    store = KeyStore.open(folder, CLOCK)
    while True:
        made.put(store.keys_for([CLOCK.new_id() for _ in range(5)]))


def test_keys_that_were_given_out_survive_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    promised: dict[UUID, bytes] = {}
    for _ in range(4):
        made = SPAWN.Queue()
        with process(_make_until_killed, folder, made):
            for _ in range(20):
                promised |= made.get(timeout=WAIT_S)
        with KeyStore.open(folder, CLOCK) as store:
            assert store.keys_for(promised, create=False) == promised


def _die_at(statement: str, folder: Path, person: UUID) -> None:
    """Destroy a key, and be killed when SQLite is about to do `statement`."""
    store = KeyStore.open(folder, CLOCK)

    def look(sql: str) -> None:
        if sql.strip().startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_trace_callback(look)
    store.destroy([person])


@pytest.mark.parametrize(
    ("statement", "is_destroyed"),
    [("UPDATE", False), ("INSERT", False), ("COMMIT", False), ("PRAGMA wal_checkpoint", True)],
)
def test_killed_while_destroying(tmp_path: Path, statement: str, is_destroyed: bool) -> None:
    folder, person = tmp_path / "keys", CLOCK.new_id()
    with KeyStore.open(folder, CLOCK) as store:
        key = store.keys_for([person])[person]
        with process(_die_at, statement, folder, person) as dying:
            dying.join(WAIT_S)
            assert dying.exitcode == -signal.SIGKILL
        assert store.keys_for([person]) == ({} if is_destroyed else {person: key})
        store.destroy([person])
        assert store.keys_for([person]) == {}
        assert all(key not in file.read_bytes() for file in folder.iterdir())


def _die_making(folder: Path, nth: int, after: bool) -> None:
    """Make the store, and be killed before or after its nth file of keys is written."""
    write, calls = keys_module.write_durably, [0]

    def write_or_die(*args: Any) -> None:
        calls[0] += 1
        if calls[0] == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        write(*args)
        if calls[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    keys_module.write_durably = write_or_die  # type: ignore[assignment]
    KeyStore.open(folder, CLOCK)


@pytest.mark.parametrize(("nth", "after"), [(1, False), (1, True), (2, False), (2, True)])
def test_killed_while_made(tmp_path: Path, nth: int, after: bool) -> None:
    folder = tmp_path / "keys"
    with process(_die_making, folder, nth, after) as dying:
        dying.join(WAIT_S)
        assert dying.exitcode == -signal.SIGKILL
    assert (folder / INDEX).exists() == ((nth, after) != (1, False))
    with KeyStore.open(folder, CLOCK) as store:
        assert len(store.keys_for([CLOCK.new_id()])) == 1
        assert len(store.signing_keys()) == 1
    names = {file.name for file in folder.iterdir()}
    assert names == {PERSONS, INDEX, SIGNING, "lock"}, "nothing is left lying about"


def _open_as_nobody(folder: Path, told: Any) -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        KeyStore.open(folder, CLOCK)
    except Broken as fault:
        told.put(str(fault))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_another_account_is_told_what_to_do() -> None:
    home, told = open_folder(), SPAWN.Queue()
    try:
        KeyStore.open(home / "keys", CLOCK).close()
        with process(_open_as_nobody, home / "keys", told):
            found = told.get(timeout=WAIT_S)
    finally:
        shutil.rmtree(home)
    assert found.startswith(f"{home / 'keys'}: cannot be read (Permission denied); run Entrepot as")
