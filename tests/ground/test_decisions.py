"""The log of automatic decisions: kept as decided, and decided again byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from entrepot.ground import decisions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.decisions import PAGE, Decision, RecordedDecision

START = datetime(2026, 1, 5, tzinfo=UTC)


def cheapest(inputs: bytes) -> bytes:
    """A decision: the cheapest of the candidates, the first of equals."""
    candidates: dict[str, int] = json.loads(inputs)
    choice = min(sorted(candidates), key=candidates.__getitem__)
    return json.dumps({"choice": choice, "mills": candidates[choice]}).encode()


REPLAYS = {"cheapest": cheapest}


def decision(subject: str, **candidates: int) -> Decision:
    inputs = json.dumps(candidates).encode()
    return Decision(subject, "cheapest", "plain", 3, inputs, cheapest(inputs), "it costs least")


def record(database: Database, *recorded: Decision) -> None:
    with database.transaction() as tx:
        decisions.record(tx, recorded)


def read(database: Database, subject: str) -> list[RecordedDecision]:
    with database.transaction() as tx:
        return decisions.decisions_of(tx, subject)


def test_decisions_are_kept_as_they_were_made(
    database_on: Callable[[Clock], Database],
) -> None:
    database = database_on(VirtualClock(START, seed=1))
    first, second = decision("order/1", a=5, b=4), decision("order/1", a=1, b=4)
    record(database, first, decision("order/2", a=1), second)
    record(database)
    found = read(database, "order/1")
    assert [Decision(*d[:1], *d[2:5], d.inputs, d.outcome, d.reason) for d in found] == [
        first,
        second,
    ]
    assert {d.at for d in found} == {START}
    assert [d.inputs_hash for d in found] == [
        hashlib.sha256(d.inputs).digest() for d in (first, second)
    ]
    assert read(database, "order/3") == []


def test_a_decision_goes_with_its_effects(database: Database) -> None:
    with pytest.raises(KeyError), database.transaction() as tx:
        decisions.record(tx, [decision("order/1", a=1)])
        raise KeyError
    assert read(database, "order/1") == []


def test_bytes_of_any_kind_are_kept(database: Database) -> None:
    raw = bytes(range(256))
    record(database, Decision("order/1", "raw", "plain", 1, raw, raw[::-1], "Größe"))
    (found,) = read(database, "order/1")
    assert (found.inputs, found.outcome, found.reason) == (raw, raw[::-1], "Größe")


def test_a_decision_comes_out_the_same_again(database: Database) -> None:
    record(database, decision("order/1", a=5, b=4), decision("order/1", a=4, b=4))
    assert [decisions.replay(d, REPLAYS) for d in read(database, "order/1")] == [None, None]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("inputs = '{\"a\": 4}'", "the recorded inputs do not fit their hash"),
        ("outcome = outcome || ' '", "the same inputs give another outcome now"),
        ("kind = 'gone'", "no function decides gone any more"),
    ],
)
def test_a_decision_that_was_changed_is_found(
    database: Database, owner: psycopg.Connection, spoil: str, found: str
) -> None:
    record(database, decision("order/1", a=5, b=4))
    owner.execute(f"UPDATE decisions.decision SET {spoil}")
    (changed,) = read(database, "order/1")
    difference = decisions.replay(changed, REPLAYS)
    assert difference is not None
    assert (difference.decision, difference.found) == (changed, found)


def test_a_function_that_changed_is_found(database: Database) -> None:
    def dearest(inputs: bytes) -> bytes:
        return cheapest(json.dumps({k: -v for k, v in json.loads(inputs).items()}).encode())

    record(database, decision("order/1", a=5, b=4))
    difference = decisions.replay(read(database, "order/1")[0], {"cheapest": dearest})
    assert difference is not None
    assert "another outcome" in difference.found


def test_a_function_that_cannot_read_old_inputs_is_found(database: Database) -> None:
    def newer(inputs: bytes) -> bytes:
        return bytes(json.loads(inputs)["a new field"])

    record(database, decision("order/1", a=5, b=4))
    difference = decisions.replay(read(database, "order/1")[0], {"cheapest": newer})
    assert difference is not None
    assert "KeyError" in difference.found


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
def test_every_decision_since_an_instant_is_read_once_in_order(
    database_on: Callable[[Clock], Database], count: int
) -> None:
    """Many at one instant: the pages are cut by subject and id as well."""
    clock = VirtualClock(START, seed=count)
    database = database_on(clock)
    record(database, decision("order/before", a=1))
    clock.advance_to(START + timedelta(seconds=1))
    record(database, *(decision(f"order/{n % 7}", a=n) for n in range(count - 10)))
    clock.advance_to(START + timedelta(seconds=2))
    record(database, *(decision("order/after", a=n) for n in range(10)))
    with database.transaction() as tx:
        found = list(decisions.decisions_since(tx, START + timedelta(seconds=1)))
        assert len(list(decisions.decisions_since(tx, START))) == count + 1
    keys = [(d.at, d.subject, d.decision_id) for d in found]
    assert len(keys) == len(set(keys)) == count
    assert keys == sorted(keys)
