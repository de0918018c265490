"""Closed partitions leave the database for the archive, and nothing is lost, double or unsound."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psycopg
import pytest

from entrepot.flows.archiving import close as closing
from entrepot.flows.archiving.close import Closed, close_due
from entrepot.flows.archiving.read import Asked, manifests, rows, table_named, verify
from entrepot.flows.watch.subscribed import SUBSCRIPTIONS
from entrepot.ground import archive, events, partitions, subscriptions
from entrepot.ground.clock import VirtualClock
from entrepot.ground.events import Subscription
from entrepot.ground.stores import FolderStore, open_store
from entrepot.words.outcome import Broken, Conflict, Unavailable
from tests.archiving.house import POSITIONS, TABLES, House
from tests.archiving.seaweed import Seaweed
from tests.builders import SKUS, an_order
from tests.flows.test_place import placed
from tests.processes import hang, kill, process


def gone_by_table(closed: list[Closed]) -> dict[str, int]:
    """Rows that left, by table."""
    assert {c.kept_for for c in closed} <= {None}
    return {name: sum(c.rows for c in closed if c.relation == name) for name in TABLES}


def all_rows(house: House, relation: str) -> set[str]:
    """Every row of a table in the database, as text of JSON."""
    with psycopg.connect(house.url) as owner:
        found = owner.execute(f"SELECT to_jsonb(t)::text FROM {relation} AS t").fetchall()
    return {canonical(json.loads(text)) for (text,) in found}


def archived_rows(store: FolderStore, folder: Path, relation: str) -> set[str]:
    """Every row of a table in the archive, in the same form."""
    found = [
        dict(zip(part.columns, row, strict=True))
        for part in rows(store, folder, table_named(relation), Asked())
        for row in part.rows
    ]
    texts = {canonical(row) for row in found}
    assert len(texts) == len(found), "no row twice"
    return texts


def canonical(row: dict[str, Any]) -> str:
    """A row without the differences of two ways to spell a value."""
    spelled = {}
    for name, value in row.items():
        if isinstance(value, bytes):
            value = "\\x" + value.hex()
        elif hasattr(value, "isoformat"):
            value = value.isoformat()
        elif name == "body":
            value = json.loads(value) if isinstance(value, str) else value
        spelled[name] = value
    return json.dumps(spelled, sort_keys=True)


def test_what_is_old_leaves_and_the_audit_stays_clean(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    assert house.findings() == []
    before = house.counts()
    stood = {name: all_rows(house, name) for name in TABLES}
    gone = gone_by_table(house.close(store, tmp_path))
    left = house.counts()
    for relation in TABLES:
        assert gone[relation] > 0 and left[relation] == before[relation] - gone[relation]
        in_archive = archived_rows(store, tmp_path, relation)
        assert in_archive | all_rows(house, relation) == stood[relation], "every value of every row"
    assert house.findings() == []
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []
    assert house.close(store, tmp_path) == [], "nothing is closed twice"


def test_what_is_not_old_enough_stays(house: House, store: FolderStore, tmp_path: Path) -> None:
    assert house.close(store, tmp_path, keep_days=900) == []
    assert list((tmp_path / "archive").rglob("*")) == []


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (
            "UPDATE inventory.carried SET quantity_each = quantity_each + 1 WHERE account = 'free'",
            "came in less",
        ),
        ("DELETE FROM inventory.carried WHERE account = 'opening'", "the ledger says 0"),
        ("DELETE FROM inventory.carried", "ledger {0,0,0,0,0}"),
        ("UPDATE events.carried SET facts = facts + 1 WHERE name = 'OrderPlaced'", "has handled"),
        ("DELETE FROM events.carried", "has handled"),
    ],
)
def test_what_was_carried_forward_wrongly_is_found(
    house: House, store: FolderStore, tmp_path: Path, spoil: str, finding: str
) -> None:
    house.close(store, tmp_path)
    with psycopg.connect(house.url) as owner:
        owner.execute(spoil)
    assert any(finding in words for words in house.findings()), house.findings()


def test_a_second_archiver_is_turned_away(house: House, store: FolderStore, tmp_path: Path) -> None:
    with archive.opened(house.url), pytest.raises(Conflict, match="another process is at it"):
        house.close(store, tmp_path)


# Killed at every step.

STEPS: dict[str, tuple[object, str, bool]] = {
    "before the rows are read": (closing.parquet, "write", False),
    "before the file is stored": (FolderStore, "put", False),
    "before the manifest is stored": (FolderStore, "put_bytes", False),
    "before it is read back": (closing, "check", False),
    "before it is noted": (archive, "note_written", False),
    "before it is dropped": (archive, "drop", False),
    "in the transaction that drops it": (partitions, "shortly", True),
}


def _hung(step: str, reached: Event) -> None:
    """Let this process stop at a step."""
    holder, name, only_drop = STEPS[step]
    module: Any = archive if only_drop else holder
    real = getattr(module, name)

    def stop(*args: Any, **others: Any) -> Any:
        if only_drop and "DROP TABLE" not in repr(args):
            return real(*args, **others)
        reached.set()
        return hang()

    setattr(module, name, stop)


def _close_until(url: str, folder: str, now: Any, step: str, reached: Event) -> None:
    partitions.POSITIONS = POSITIONS
    _hung(step, reached)
    clock = VirtualClock(now, seed=2)
    store = FolderStore(Path(folder) / "archive")
    for _ in close_due(url, store, Path(folder), clock):
        pass


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_nothing_is_lost_or_double(
    house: House, store: FolderStore, tmp_path: Path, step: str
) -> None:
    stood = {name: all_rows(house, name) for name in TABLES}
    reached = multiprocessing.get_context("spawn").Event()
    with process(
        _close_until, house.url, str(tmp_path), house.clock.now(), step, reached
    ) as archiver:
        assert reached.wait(60), f"it never came to {step}"
        assert house.findings(upkeep=False) == [], "sound while it is at it"
        kill(archiver)
    assert house.findings() == [], "sound after the kill"
    gone_by_table(house.close(store, tmp_path))
    for relation in TABLES:
        in_archive = archived_rows(store, tmp_path, relation)
        left = all_rows(house, relation)
        assert not in_archive & left and in_archive | left == stood[relation], relation
    assert house.findings() == []
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []


def test_a_frozen_partition_takes_no_row(house: House) -> None:
    with archive.opened(house.url) as owner:
        table = archive.partitioned(owner, "ordering.event")
        part, until_at = next(archive.ended(owner, table, "at", house.clock.now()))
        for _ in range(2):
            assert archive.freeze(owner, house.clock, part, until_at).state == "frozen"
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(
                "INSERT INTO ordering.event (order_id, event_id, at, kind, detail, command_id, "
                "actor) SELECT order_id || 'x', event_id, at, kind, detail, command_id, actor "
                "FROM ordering.event ORDER BY event_id LIMIT 1"
            )


# Facts are kept for those who still need them.


def test_facts_wait_for_the_slowest_subscription(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    with psycopg.connect(house.url) as owner:
        owner.execute("UPDATE events.subscription SET position = 3 WHERE name = 'fill-backorders'")
    closed = house.close(store, tmp_path)
    kept = [c for c in closed if c.kept_for]
    assert [(c.relation, c.kept_for) for c in kept] == [
        ("events.log", "subscription fill-backorders has come to position 3 only")
    ]
    assert not any(c.relation == "events.log" for c in closed if not c.kept_for)


def test_facts_wait_for_a_dead_letter(house: House, store: FolderStore, tmp_path: Path) -> None:
    with psycopg.connect(house.url) as owner:
        owner.execute(
            "INSERT INTO events.dead_letter SELECT 'fill-backorders', position, subject, name, "
            "'x', 1, occurred_at FROM events.log WHERE position = 7"
        )
    (kept,) = [c for c in house.close(store, tmp_path) if c.kept_for]
    assert kept.kept_for is not None and "could not handle position 7" in kept.kept_for


def test_a_subscription_that_comes_later_begins_after_the_archive(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    house.close(store, tmp_path)
    later = Subscription("later", SUBSCRIPTIONS[1].facts, lambda _tx, _facts: None)
    house.database.run(lambda tx: subscriptions.register(tx, [later]))
    while subscriptions.advance(house.database, later):
        pass
    with house.database.transaction(read_only=True) as tx:
        last = subscriptions.archived_position(tx)
        assert 0 < last < events.head(tx)
        assert subscriptions.audit(tx, [later], at_rest=True) == []
    with pytest.raises(Broken, match=f"facts up to position {last} are in the archive"):
        house.database.run(lambda tx: subscriptions.rewind(tx, "later", 0))
    names = sorted(later.by_name())
    assert house.database.run(lambda tx: subscriptions.rewind(tx, "later", last, names))
    while subscriptions.advance(house.database, later):
        pass
    with house.database.transaction(read_only=True) as tx:
        assert subscriptions.audit(tx, [later], at_rest=True) == []


def test_a_part_without_its_reservation_is_found_all_the_same(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    house.close(store, tmp_path)
    with psycopg.connect(house.url) as owner:
        owner.execute("UPDATE ordering.part SET state = 'reserved' WHERE state = 'cancelled'")
        owner.execute("DELETE FROM inventory.reservation WHERE state = 'shipped'")
    found = [f for f in house.findings() if "no reservation stands behind it" in f]
    with psycopg.connect(house.url) as owner:
        (parts,) = owner.execute(
            "SELECT count(*) FROM ordering.part_line AS l JOIN ordering.part AS p USING "
            "(order_id, part_no) WHERE NOT EXISTS (SELECT 1 FROM inventory.reservation AS r "
            "WHERE r.reservation_id = l.reservation_id)"
        ).fetchone() or (0,)
    assert len(found) == parts > 6, "of those in the archive too, once they count on it again"


# Damage.


def parquet_file(tmp_path: Path) -> Path:
    return sorted((tmp_path / "archive" / "inventory.movement").glob("*.parquet"))[0]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def swap(path: Path) -> None:
    other = next(p for p in sorted(path.parent.parent.rglob("*.parquet")) if p != path)
    path.write_bytes(other.read_bytes())


def spoil_manifest(path: Path) -> None:
    manifest = path.with_name(path.name.split(".")[0] + ".json")
    manifest.write_text(manifest.read_text().replace('"rows": ', '"rows": 1'))


def break_manifest(path: Path) -> None:
    path.with_name(path.name.split(".")[0] + ".json").write_text("{}")


def remove_manifest(path: Path) -> None:
    path.with_name(path.name.split(".")[0] + ".json").unlink()


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (flip, "expected"),
    (cut, "expected"),
    (swap, "expected"),
    (Path.unlink, "is not there; restore it from a copy"),
    (spoil_manifest, "expected Content(rows=1"),
    (break_manifest, "is no manifest"),
    (remove_manifest, "the archive has no manifest of it"),
]


@pytest.mark.parametrize(("damage", "finding"), DAMAGES, ids=lambda v: getattr(v, "__name__", ""))
def test_damage_is_found(
    house: House,
    store: FolderStore,
    tmp_path: Path,
    damage: Callable[[Path], None],
    finding: str,
) -> None:
    house.close(store, tmp_path)
    damage(parquet_file(tmp_path))
    found = [f for v in verify(house.database, store, tmp_path) for f in v.findings]
    assert found and finding in found[0], found
    assert len(found) == 1 or damage is break_manifest


def test_a_damaged_file_is_not_read(house: House, store: FolderStore, tmp_path: Path) -> None:
    house.close(store, tmp_path)
    flip(parquet_file(tmp_path))
    with pytest.raises(Broken, match="is damaged"):
        list(rows(store, tmp_path, table_named("inventory.movement"), Asked()))


def test_a_store_that_keeps_something_else_loses_nothing(
    house: House, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house.counts()
    real = FolderStore.put

    def put(self: FolderStore, name: str, source: Path) -> None:
        real(self, name, source)
        flip(tmp_path / "archive" / name)

    with monkeypatch.context() as bad:
        bad.setattr(FolderStore, "put", put)
        with pytest.raises(Broken, match="was written but is not the same"):
            house.close(store, tmp_path)
    assert house.counts() == before and house.findings() == []
    gone_by_table(house.close(store, tmp_path))
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []


def test_two_installations_never_share_an_archive(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    house.close(store, tmp_path)
    manifest = next((tmp_path / "archive").rglob("*.json"))
    with psycopg.connect(house.url) as owner:
        owner.execute("UPDATE archive.installation SET installation_id = gen_random_uuid()")
        owner.execute("DELETE FROM archive.partition")
    part = manifest.parent.name, manifest.stem
    schema, _, table = part[0].partition(".")
    with psycopg.connect(house.url, autocommit=True) as owner:
        # The same partition once more, as another installation would have it.
        (first,) = [p for p in partitions.tables(owner, [schema]) if p.name == table]
        owner.execute(f"CREATE TABLE {schema}.{part[1]} (LIKE {part[0]} INCLUDING CONSTRAINTS)")
        bounds = json.loads(manifest.read_text())
        since = f"'{bounds['since']}'" if bounds["since"] else "MINVALUE"
        owner.execute(
            f"ALTER TABLE {first.relation} ATTACH PARTITION {schema}.{part[1]} "
            f"FOR VALUES FROM ({since}) TO ('{bounds['until']}')"
        )
    with pytest.raises(Broken, match="belongs to another installation"):
        house.close(store, tmp_path)


# Behind a real S3 server.


def test_the_same_behind_an_s3_server(house: House, seaweed: Seaweed, tmp_path: Path) -> None:
    store = open_store(seaweed.place(tmp_path.name))
    before = house.counts()
    gone = gone_by_table(house.close(store, tmp_path))
    assert house.counts() == {name: before[name] - gone[name] for name in TABLES}
    assert house.findings() == []
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []
    assert len(manifests(store)) == len({(m.table, m.partition) for m in manifests(store)}) > 4


@contextmanager
def ordering(house: House) -> Iterator[list[float]]:
    """Orders that are placed all the while; gives how long each one took, in seconds."""
    stop, took, failed = threading.Event(), [0.0], list[Exception]()

    def order() -> None:
        try:
            while not stop.is_set():
                begun = time.monotonic()
                placed(house.database, an_order(f"now-{len(took)}", (SKUS[7], 1), backorder=True))
                took.append(time.monotonic() - begun)
        except Exception as error:
            failed.append(error)

    buyer = threading.Thread(target=order)
    buyer.start()
    try:
        yield took
    finally:
        stop.set()
        buyer.join()
    assert not failed, failed


def test_orders_go_on_while_partitions_leave_and_while_the_store_hangs(
    house: House, seaweed: Seaweed, tmp_path: Path
) -> None:
    store = open_store(seaweed.place(tmp_path.name, timeout_s=1))
    before = house.counts()
    with ordering(house) as took:
        with seaweed.hung():
            begun, placed_before = time.monotonic(), len(took)
            with pytest.raises(Unavailable):
                house.close(store, tmp_path)
            assert time.monotonic() - begun < 10, "it gives up in time"
            assert len(took) > placed_before + 5, "nobody waits for the store"
        assert {n: c for n, c in house.counts().items() if c < before[n]} == {}
        gone = gone_by_table(house.close(open_store(seaweed.place(tmp_path.name)), tmp_path))
        assert min(gone.values()) > 0
    assert max(took) < 2
    assert house.findings() == []
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []
