"""Closed partitions leave the database for the archive, and nothing is lost, double or unsound."""

from __future__ import annotations

from pathlib import Path

from entrepot.flows.archiving.read import verify
from entrepot.ground.stores import FolderStore
from tests.archiving.house import House


def test_what_is_old_leaves_and_the_audit_stays_clean(
    house: House, store: FolderStore, tmp_path: Path
) -> None:
    assert house.findings() == []
    before = house.counts()
    closed = house.close(store, tmp_path)
    assert {c.kept_for for c in closed} == {None}
    left = house.counts()
    for relation, count in before.items():
        gone = sum(c.rows for c in closed if c.relation == relation)
        assert gone > 0 and left[relation] == count - gone, relation
    assert house.findings() == []
    assert [v for v in verify(house.database, store, tmp_path) if v.findings] == []
    assert house.close(store, tmp_path) == [], "nothing is closed twice"
