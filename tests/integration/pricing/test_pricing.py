"""Prices: which is in force, and that every version stays, on real PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.departments.pricing import service
from entrepot.departments.pricing.model import (
    BEGINNING,
    Price,
    Priced,
    PriceEntry,
    SetPrice,
    Unchanged,
)
from entrepot.ground.database import Database
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ENTRY = PriceEntry("MUG", "EUR", 1_295)


def day(number: int) -> datetime:
    return DAY + timedelta(days=number)


def entry(**changes: Any) -> PriceEntry:
    return msgspec.structs.replace(ENTRY, **changes)


def put(database: Database, *entries: PriceEntry) -> list[Any]:
    commands = [SetPrice(f"c{n}", "me", each) for n, each in enumerate(entries)]
    return database.run(lambda tx: service.set_prices(tx, commands))


def at(database: Database, when: datetime, **how: str) -> int | None:
    with database.transaction(read_only=True) as tx:
        found = service.prices_at(tx, ["MUG"], how.pop("currency", "EUR"), when, **how)
    return found["MUG"].amount_minor if found else None


def test_the_price_in_force_begins_at_its_instant_and_ends_before_the_next(
    database: Database,
) -> None:
    put(database, entry(valid_from=day(1), valid_to=day(3)))
    found = [at(database, when) for when in (day(1) - timedelta(microseconds=1), day(1), day(3))]
    assert found == [None, 1_295, None]


def test_the_latest_beginning_is_in_force_where_periods_overlap(database: Database) -> None:
    put(
        database,
        ENTRY,
        entry(valid_from=day(10), amount_minor=1_400),
        entry(valid_from=day(5), valid_to=day(20), amount_minor=999),
    )
    found = [at(database, day(n)) for n in (0, 5, 10, 25)]
    assert found == [1_295, 999, 1_400, 1_400]


def test_a_later_version_replaces_the_earlier_one_whole(database: Database) -> None:
    put(database, ENTRY, entry(valid_to=day(1), amount_minor=1_100))
    assert [at(database, day(n)) for n in (0, 1)] == [1_100, None]


def test_setting_the_same_twice_changes_nothing(database: Database) -> None:
    answers = put(database, ENTRY, ENTRY)
    assert [type(a) for a in answers] == [Priced, Unchanged]
    assert put(database, ENTRY) == [Unchanged(answers[0].version)]
    with database.transaction(read_only=True) as tx:
        found = service.prices_at(tx, ["MUG"], "EUR", day(0))
    assert found == {"MUG": Price(answers[0].version.version_id, 1_295)}


def test_every_version_stays_and_is_told(database: Database, owner: psycopg.Connection) -> None:
    put(database, ENTRY, entry(amount_minor=1_300), ENTRY)
    kept = owner.execute(
        "SELECT revision, amount_minor FROM pricing.price ORDER BY revision"
    ).fetchall()
    assert kept == [(1, 1_295), (2, 1_300), (3, 1_295)]
    drain(database)
    with database.transaction(read_only=True) as tx:
        assert [f[1] for f in facts_of(tx, "price/MUG")] == ["PriceSet"] * 3


def test_currencies_and_lists_are_apart(database: Database) -> None:
    put(database, ENTRY, entry(price_list="b2b", amount_minor=900))
    assert at(database, day(0), price_list="b2b") == 900
    assert at(database, day(0), currency="GBP") is None


def test_a_refused_entry_hurts_no_neighbor(database: Database) -> None:
    answers = put(database, entry(amount_minor=0), ENTRY)
    assert [type(a) for a in answers] == [Refusal, Priced]
    assert at(database, day(0)) == 1_295


def test_threads_on_one_place_give_each_a_version_of_its_own(
    database: Database, owner: psycopg.Connection
) -> None:
    barrier = threading.Barrier(6)

    def set_price(amount_minor: int) -> None:
        barrier.wait()
        put(database, entry(amount_minor=amount_minor))

    threads = [threading.Thread(target=set_price, args=(100 + n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = owner.execute("SELECT revision FROM pricing.price ORDER BY revision").fetchall()
    assert kept == [(n,) for n in range(1, 7)]


ENTRIES = st.builds(
    lambda start, length, amount: entry(
        valid_from=BEGINNING if start is None else day(start),
        valid_to=None if length is None else day((start or 0) + length),
        amount_minor=amount,
    ),
    st.one_of(st.none(), st.integers(0, 6)),
    st.one_of(st.none(), st.integers(1, 6)),
    st.integers(1, 9),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=st.lists(ENTRIES, max_size=8), when=st.integers(-1, 14))
def test_the_price_in_force_is_the_one_plain_python_finds(
    database: Database, owner: psycopg.Connection, entries: list[PriceEntry], when: int
) -> None:
    owner.execute("TRUNCATE pricing.price")
    latest: dict[datetime, PriceEntry] = {}
    for each in entries:
        put(database, each)
        latest[each.valid_from] = each
    holding = [
        e
        for e in latest.values()
        if e.valid_from <= day(when) and (e.valid_to is None or day(when) < e.valid_to)
    ]
    expected = max(holding, key=lambda e: e.valid_from).amount_minor if holding else None
    assert at(database, day(when)) == expected
