"""Stores keep files whole, in a folder and behind a real S3 server, and every call ends in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.ground.stores import FolderStore, Place, Store, is_place, open_store
from entrepot.words.outcome import Broken, Unavailable
from tests.archiving.seaweed import Seaweed

TIMEOUT_S = 1
BOUND_S = 10  # on a machine that is busy with other tests
# A part more than one request carries, and not a round number of them.
LARGE = bytes(range(256)) * 80_001


@pytest.fixture(params=["folder", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Both kinds, empty."""
    if request.param == "folder":
        return FolderStore(tmp_path)
    seaweed: Seaweed = request.getfixturevalue("seaweed")
    return open_store(seaweed.place(tmp_path.name))


def test_what_is_put_comes_back(any_store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("files")
    source, target = folder / "source", folder / "target"
    for content in (LARGE, b"x", b"in its place"):
        source.write_bytes(content)
        any_store.put("a.b/c.parquet", source)
        any_store.get("a.b/c.parquet", target)
        assert target.read_bytes() == content
    any_store.put_bytes("a.b/c.json", b"{}")
    assert any_store.read("a.b/c.json") == b"{}"
    assert any_store.names() == ["a.b/c.json", "a.b/c.parquet"]


def test_what_is_not_there(any_store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert any_store.read("a/none.json") is None
    assert any_store.names() == []
    with pytest.raises(Broken, match="a/none is not there; restore it"):
        any_store.get("a/none", tmp_path_factory.mktemp("files") / "target")


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "a//b", ""])
def test_no_name_leads_elsewhere(any_store: Store, name: str) -> None:
    for call in (any_store.read, lambda n: any_store.put_bytes(n, b"")):
        with pytest.raises(AssertionError):
            call(name)


def test_an_aborted_write_is_no_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(FileNotFoundError):
        store.put("a/b", tmp_path / "no such source")
    (tmp_path / "a" / ".b.aside").write_bytes(b"half")
    assert store.names() == []
    (tmp_path / "source").write_bytes(b"whole")
    store.put("a/b", tmp_path / "source")
    assert store.read("a/b") == b"whole"


CALLS: list[Callable[[Store, Path], object]] = [
    lambda store, _: store.read("a/b"),
    # What was given up may still happen when the server wakes up.
    lambda store, _: store.put_bytes("a/c", b"x"),
    lambda store, file: store.put("a/d", file),
    lambda store, file: store.get("a/b", file),
    lambda store, _: store.names(),
]


def test_a_hung_server_is_given_up_in_bounded_time(seaweed: Seaweed, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(LARGE)
    store = open_store(seaweed.place("hung", TIMEOUT_S))
    store.put_bytes("a/b", b"there")
    with seaweed.hung():
        for call in CALLS:
            begun = time.monotonic()
            with pytest.raises(Unavailable, match="s3://history/hung does not do what it is asked"):
                call(store, large)
            assert time.monotonic() - begun < BOUND_S
    assert store.read("a/b") == b"there"


def test_wrong_keys_and_no_server_are_told(seaweed: Seaweed) -> None:
    wrong = seaweed.place("x")._replace(secret="not this one")
    with pytest.raises(Unavailable, match="SignatureDoesNotMatch") as told:
        open_store(wrong).put_bytes("a/b", b"x")
    assert "not this one" not in f"{told.value!r} {wrong!r}"
    nobody = Place("s3://history", "http://127.0.0.1:9", None, "key", "secret", 1)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="check that it runs, its address and the keys"):
        open_store(nobody).names()
    assert time.monotonic() - begun < 5


def test_places() -> None:
    good = ["/var/archive", "s3://bucket", "s3://bucket/", "s3://my-bucket.name/some/prefix"]
    bad = ["archive", "./archive", "s3:/bucket", "s3://B", "s3://bucket/a b", "http://x/y", "s3://"]
    assert [p for p in good if not is_place(p)] == [p for p in bad if is_place(p)] == []
    with pytest.raises(Broken, match="is no folder; make it, or name another place"):
        open_store(Place("/no such folder"))
