"""The audit chain: every kind of tampering shows, at the right place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.departments.access import chain
from entrepot.departments.access.chain import End
from entrepot.departments.access.model import Anchor, AuditEntry, AuditRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNT = 9


def written(count: int = COUNT, stream: str = "stock") -> list[AuditRow]:
    entries = [
        AuditEntry("ann", f"{stream}.adjust", f"{stream}/{n}", f"c{n}", {"change": n, "a": None})
        for n in range(1, count + 1)
    ]
    return chain.extend(Anchor(stream, 0, chain.genesis(stream)), entries, NOW)


def end_of(rows: list[AuditRow]) -> End:
    return End(rows[-1].position, rows[-1].hash, rows[-1].position)


def test_an_entry_names_its_stream() -> None:
    assert AuditEntry("a", "stock.adjust", "s", "c").stream == "stock"


def test_a_whole_chain() -> None:
    rows = written()
    assert [r.position for r in rows] == list(range(1, COUNT + 1))
    assert rows[2].details == '{"a":null,"change":3}'
    assert chain.first_break("stock", rows, end_of(rows)) is None
    anchors = [Anchor("stock", r.position, r.hash) for r in rows]
    assert chain.first_break("stock", rows, end_of(rows), anchors) is None
    assert chain.first_break("stock", [], End(None, None, None)) is None


def test_a_chain_goes_on_from_its_end() -> None:
    rows = written()
    parts = chain.extend(
        Anchor("stock", 4, rows[3].hash),
        [
            AuditEntry(r.actor, r.action, r.subject, r.command_id, {"change": n, "a": None})
            for n, r in enumerate(rows[4:], start=5)
        ],
        NOW,
    )
    assert parts == rows[4:]


def test_streams_do_not_share_hashes() -> None:
    assert not {r.hash for r in written(stream="a")} & {r.hash for r in written(stream="b")}


CHANGES: list[tuple[str, Callable[[AuditRow], AuditRow]]] = [
    ("at", lambda r: r._replace(at=r.at + timedelta(microseconds=1))),
    ("actor", lambda r: r._replace(actor="eve")),
    ("action", lambda r: r._replace(action="stock.steal")),
    ("subject", lambda r: r._replace(subject="stock/x")),
    ("command", lambda r: r._replace(command_id="other")),
    ("details", lambda r: r._replace(details=r.details.replace(":", ": "))),
    ("hash", lambda r: r._replace(hash=bytes(32))),
    ("stream", lambda r: r._replace(stream="other")),
    ("moved text", lambda r: r._replace(actor=r.actor + r.action[0], action=r.action[1:])),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
@pytest.mark.parametrize("at", [1, 5, COUNT])
def test_a_changed_entry(change: Callable[[AuditRow], AuditRow], at: int) -> None:
    rows = written()
    rows[at - 1] = change(rows[at - 1])
    assert chain.first_break("stock", rows, end_of(written())) == at


@given(st.integers(1, COUNT - 1), st.integers(1, COUNT - 1))
def test_swapped_entries(one: int, other: int) -> None:
    rows = written()
    first, second = rows[one - 1], rows[other - 1]
    rows[one - 1] = second._replace(position=one)
    rows[other - 1] = first._replace(position=other)
    found = chain.first_break("stock", rows, end_of(rows))
    assert found == (None if one == other else min(one, other))


@given(st.integers(1, COUNT))
def test_a_removed_entry(at: int) -> None:
    rows = written()
    end = end_of(rows)
    del rows[at - 1]
    assert chain.first_break("stock", rows, end) == at


def test_the_end_cut_off() -> None:
    whole = written()
    rows = whole[:6]
    assert chain.first_break("stock", rows, end_of(whole)) == 7, "the head still tells"
    assert chain.first_break("stock", rows, end_of(rows)) is None, "unseen without an anchor"
    late, early = Anchor("stock", 8, whole[7].hash), Anchor("stock", 6, whole[5].hash)
    assert chain.first_break("stock", rows, end_of(rows), [early]) is None
    assert chain.first_break("stock", rows, end_of(rows), [early, late]) == 7
    assert chain.first_break("stock", [], End(None, None, None), [late]) == 1


def test_a_chain_computed_anew() -> None:
    whole = written()
    forged = chain.extend(
        Anchor("stock", 3, whole[2].hash),
        [AuditEntry("eve", "stock.adjust", "stock/x", "c") for _ in range(COUNT - 3)],
        NOW,
    )
    rows = whole[:3] + forged
    assert chain.first_break("stock", rows, end_of(rows)) is None, "unseen without an anchor"
    anchors = [Anchor("stock", n, whole[n - 1].hash) for n in (2, 5, 9)]
    assert chain.first_break("stock", rows, end_of(rows), anchors) == 5


def test_anchors_that_contradict_each_other() -> None:
    rows = written()
    anchors = [Anchor("stock", 4, rows[3].hash), Anchor("stock", 4, bytes(32))]
    assert chain.first_break("stock", rows, end_of(rows), anchors) == 4
    assert chain.first_break("stock", rows, end_of(rows), anchors[::-1]) == 4


def test_a_changed_head() -> None:
    rows = written()
    assert chain.first_break("stock", rows, End(COUNT, bytes(32), COUNT)) == COUNT
    assert chain.first_break("stock", rows, End(6, rows[5].hash, COUNT)) == 7
    assert chain.first_break("stock", rows, End(COUNT + 2, bytes(32), COUNT)) == COUNT + 1
    assert chain.first_break("stock", rows, End(None, None, COUNT)) == 1
