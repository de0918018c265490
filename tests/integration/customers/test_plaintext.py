"""Personal data are nowhere in plain: not in a dump, the write-ahead log, the files, the facts."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from entrepot.departments.customers import service as customers
from entrepot.departments.customers.model import AddData, Address, Contact, Person
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.keys import KeyStore
from tests.integration.customers.people import ME, data, erase, read, register

WHO = Contact("Quixotic Zephyrine", "quixotic.zephyrine@xylophone.example", "+49 30 77788899")
WHERE = Address("Zephyrine Warehouse", "4711 Vexillology Walk", "Wobblethorpe", "GB", "ZE2 9XX")
REFERENCE = "planted-reference-77"
PLANTED = [
    *("Zephyrine", "zephyrine", "xylophone.example", "77788899"),
    *("Vexillology", "Wobblethorpe", "ZE2 9XX"),
]
CARELESS = ["Careless Whisperer", "Blabberton"]


def spellings(text: str) -> list[bytes]:
    """A text as it could stand in a file: plain, UTF-16, hexadecimal as a dump writes bytea."""
    plain = text.encode()
    aligned = [base64.b64encode(b" " * n + plain)[4:-4] for n in range(3)]
    return [plain, text.encode("utf-16-le"), plain.hex().encode(), *(a for a in aligned if a)]


def found_in(content: bytes, texts: Sequence[str]) -> list[str]:
    return [text for text in texts if any(s in content for s in spellings(text) if len(s) > 4)]


def files_of(owner: psycopg.Connection) -> dict[Path, bytes]:
    """Every file of the server's data directory, log included, after all of it is written out."""
    owner.execute("CHECKPOINT")
    row = owner.execute("SHOW data_directory").fetchone()
    assert row is not None
    found = {}
    # The server removes files and folders meanwhile: of databases other tests drop, of a log that
    # is over.
    for folder, _, names in os.walk(row[0]):
        for name in names:
            with suppress(FileNotFoundError):
                found[Path(folder, name)] = Path(folder, name).read_bytes()
    return found


def dump_of(database: Database, programs: Path) -> bytes:
    return subprocess.run(
        [programs / "pg_dump", database.url], capture_output=True, check=True, timeout=60
    ).stdout


@pytest.fixture
def programs(owner: psycopg.Connection) -> Path:
    """Where the server's programs are."""
    row = owner.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
    assert row is not None
    return Path(row[0])


def hits(files: dict[Path, bytes], texts: Sequence[str]) -> dict[str, list[str]]:
    found = {file.name: found_in(content, texts) for file, content in files.items()}
    return {name: named for name, named in found.items() if named}


def test_planted_plaintext_is_found_nowhere(
    database: Database,
    keys: KeyStore,
    keys_folder: Path,
    owner: psycopg.Connection,
    programs: Path,
) -> None:
    (ref,) = register(database, keys, data(contact=WHO, address=WHERE, customer_ref=REFERENCE))
    moved = Address(WHO.name, WHERE.street, WHERE.city, "GB", "ZE2 9XX")
    database.run(lambda tx: customers.add_data(tx, keys, [AddData("c", ME, ref.person_id, moved)]))
    drain(database)
    assert isinstance(read(database, keys, ref.person_id), Person), "it is all there"
    envelopes = [r[0] for r in owner.execute("SELECT ciphertext FROM customers.person_data")]
    data_key = keys.keys_for([ref.person_id], create=False)[ref.person_id]

    dump, files = dump_of(database, programs), files_of(owner)
    assert REFERENCE.encode() in dump and envelopes[0].hex().encode() in dump
    log = [content for file, content in files.items() if file.parent.name == "pg_wal"]
    assert any(envelopes[0] in content for content in log), "the search finds what is there"
    table = [content for file, content in files.items() if file.parent.parent.name == "base"]
    assert any(envelopes[0] in content for content in table)
    assert found_in(dump, PLANTED) == [] and hits(files, PLANTED) == {}
    assert not any(data_key in content for content in [dump, *files.values()])
    assert hits({f: f.read_bytes() for f in keys_folder.iterdir()}, PLANTED) == {}

    erase(database, ref.person_id)
    customers.finish_erasures(database, keys)

    after, kept = dump_of(database, programs), files_of(owner)
    assert found_in(after, PLANTED) == [] and hits(kept, PLANTED) == {}
    assert not any(e.hex().encode() in after for e in envelopes)
    # What the log still holds of it no longer has a key anywhere.
    places = [after, *kept.values(), *(f.read_bytes() for f in keys_folder.iterdir())]
    assert not any(data_key in content for content in places)


def test_the_search_would_find_it(owner: psycopg.Connection) -> None:
    owner.execute("CREATE TABLE public.careless (note text, raw bytea)")
    # Other text than the one planted above: the server's files are shared.
    name, city = CARELESS
    owner.execute("INSERT INTO public.careless VALUES (%s, %s)", (name, city.encode("utf-16-le")))
    found = hits(files_of(owner), CARELESS)
    assert {name, city} == {text for texts in found.values() for text in texts}
    assert any(file.startswith("0000") for file in found), "in the write-ahead log too"
