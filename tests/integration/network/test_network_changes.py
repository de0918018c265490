"""Changing the network and reading it, on real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import msgspec
import pytest

from entrepot.departments.network import service, store
from entrepot.departments.network.model import (
    Change,
    Changed,
    CloseNode,
    Footprint,
    Network,
    NodeStatus,
    RateCard,
    RateStep,
    Transit,
    Unchanged,
)
from entrepot.ground.database import Database, Tx
from entrepot.ground.events import drain, facts_of
from entrepot.words.outcome import Refusal, RefusalCode
from tests.unit.network.test_network_questions import (
    LON,
    NETWORK,
    PARTS,
    ROAD,
    a_card,
    a_transit,
)

VERBS = (
    (service.set_calendars, PARTS.calendars),
    (service.open_nodes, PARTS.nodes),
    (service.set_carriers, PARTS.carriers),
    (service.set_services, PARTS.services),
    (service.offer_services, PARTS.offerings),
    (service.set_zones, PARTS.zones),
    (service.set_transits, PARTS.transits),
    (service.set_rates, PARTS.rates),
    (service.set_footprints, PARTS.footprints),
    (service.set_areas, PARTS.areas),
)


def changes(values: Sequence[Any]) -> list[Change[Any]]:
    return [Change(f"c{n}", "me", value) for n, value in enumerate(values)]


def put_all(tx: Tx) -> list[Any]:
    return [answer for verb, values in VERBS for answer in verb(tx, changes(list(values)))]


def snapshot(database: Database) -> Network:
    with database.transaction(read_only=True) as tx:
        return service.snapshot(tx)


def forget() -> None:
    """Let the next snapshot read everything, as a process that has just started."""
    service._KEPT._networks.clear()


def without_version(network: Network) -> Network:
    return msgspec.structs.replace(network, number=0, fingerprint=b"")


def test_the_network_is_read_back_as_it_was_written(database: Database) -> None:
    answers = database.run(put_all)
    assert {type(a) for a in answers} == {Changed}
    forget()
    found = snapshot(database)
    assert without_version(found) == without_version(NETWORK)
    assert found.number == len(VERBS)


def test_writing_it_again_changes_nothing(database: Database) -> None:
    database.run(put_all)
    before = snapshot(database)
    drain(database)
    assert {type(a) for a in database.run(put_all)} == {Unchanged}
    assert snapshot(database) is before
    assert drain(database) == 0


def test_a_process_reads_the_network_once_per_version(database: Database) -> None:
    database.run(put_all)
    first = snapshot(database)
    assert snapshot(database) is first
    database.run(lambda tx: service.set_rates(tx, changes([a_card("road", 3)])))
    second = snapshot(database)
    assert second is not first and ("road", 3, "GBP") in second.rates
    assert ("road", 3, "GBP") not in first.rates


def test_what_was_rolled_back_is_not_remembered(database: Database) -> None:
    database.run(put_all)
    before = snapshot(database)
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        service.set_rates(tx, changes([a_card("road", 3)]))
        assert ("road", 3, "GBP") in service.snapshot(tx).rates
        raise ZeroDivisionError
    assert snapshot(database) is before
    database.run(lambda tx: service.set_rates(tx, changes([a_card("road", 4)])))
    assert set(snapshot(database).rates) - set(before.rates) == {("road", 4, "GBP")}


def test_a_card_and_a_distribution_are_replaced_whole(database: Database) -> None:
    database.run(put_all)
    card = RateCard("road", 1, "GBP", a_card("road", 1).steps[-1:])
    times = a_transit("road", 1, days=4)

    def work(tx: Tx) -> None:
        service.set_rates(tx, changes([a_card("road", 1), card]))
        service.set_transits(tx, changes([times]))

    database.run(work)
    forget()
    found = snapshot(database)
    assert found.rates[card.key] == card
    assert found.transits[times.key] == times
    assert found.transits["road", 1, 2] == a_transit("road", 1, 2, 3)


def test_a_refused_value_hurts_no_neighbor(database: Database) -> None:
    database.run(put_all)
    wrong = msgspec.structs.replace(LON, calendar_id="none")
    renamed = msgspec.structs.replace(LON, name="London East")
    answers = database.run(lambda tx: service.open_nodes(tx, changes([wrong, renamed])))
    assert [type(a) for a in answers] == [Refusal, Changed]
    assert snapshot(database).nodes["LON"].name == "London East"


@pytest.mark.parametrize(
    ("verb", "value", "code"),
    [
        (service.set_services, msgspec.structs.replace(ROAD, carrier_id="x"), "bad_value"),
        (service.set_transits, Transit("x", 1, 7, a_transit("x", 1).shares), "unknown_service"),
        (service.set_footprints, Footprint("x", 1, 1, 1), "unknown_service"),
    ],
)
def test_what_names_nothing_is_refused(
    database: Database, verb: Any, value: Any, code: str
) -> None:
    database.run(put_all)
    (refusal,) = database.run(lambda tx: verb(tx, changes([value])))
    assert refusal.code.value == code


def told(database: Database, subject: str) -> list[tuple[str, Any]]:
    drain(database)
    with database.transaction(read_only=True) as tx:
        return [(f[1], msgspec.json.decode(f[4])) for f in facts_of(tx, subject)]


def test_opening_and_closing_nodes_is_told(database: Database) -> None:
    database.run(put_all)
    closing = [
        CloseNode("x", "me", "LON"),
        CloseNode("x", "me", "NONE"),
        CloseNode("x", "me", "LON"),
    ]
    answers = database.run(lambda tx: service.close_nodes(tx, closing))
    assert [type(a) for a in answers] == [Changed, Refusal, Unchanged]
    assert answers[1].code is RefusalCode.unknown_node
    assert snapshot(database).nodes["LON"].status is NodeStatus.closed
    database.run(lambda tx: service.open_nodes(tx, changes([LON])))
    assert [name for name, _ in told(database, "node/LON")] == [
        "NodeOpened",
        "NodeClosed",
        "NodeOpened",
    ]


def test_every_change_is_told_with_its_number(database: Database) -> None:
    database.run(put_all)
    facts = told(database, "network")
    assert [name for name, _ in facts] == ["NetworkChanged"] * len(VERBS)
    assert [body["number"] for _, body in facts] == list(range(1, len(VERBS) + 1))
    assert facts[5][1] == {
        "kind": "zone",
        "keys": ["any/GB/", "any/GB/L", "any/GB/LS1", "LEE/GB/LS1", "LON/GB/LS", "any/FR/20"],
        "number": 6,
    }


def test_closed_dates_and_hours_survive(database: Database) -> None:
    (calendar,) = PARTS.calendars
    dates = (date(2025, 12, 25), date(2026, 1, 1))
    closed = msgspec.structs.replace(calendar, closed_dates=dates)
    database.run(lambda tx: service.set_calendars(tx, changes([closed])))
    forget()
    assert snapshot(database).calendars == {"work": closed}


def set_rates(database: Database, *cards: RateCard) -> None:
    database.run(lambda tx: service.set_rates(tx, changes(cards)))


def test_changes_from_many_threads_all_count(database: Database) -> None:
    database.run(put_all)
    barrier = threading.Barrier(6)

    def work(zone: int) -> None:
        barrier.wait()
        for step in range(5):
            set_rates(database, a_card("road", 10 * zone + step))
            snapshot(database)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = snapshot(database)
    forget()
    found = snapshot(database)
    assert found == kept and found.number == len(VERBS) + 30
    assert len(found.rates) == len(NETWORK.rates) + 30


class Meanwhile(Tx):
    """A transaction in which others do `work` right after a query was answered, the first time."""

    def __init__(self, tx: Tx, query: str, work: Callable[[], None]) -> None:
        vars(self).update(vars(tx))
        self._awaited: str | None = query
        self._work = work

    def rows(self, query: Any, params: Any = None) -> list[tuple[Any, ...]]:
        found = super().rows(query, params)
        if query == self._awaited:
            self._awaited = None
            self._work()
        return found


def test_half_of_a_change_is_never_seen(database: Database) -> None:
    def put_both(number: int) -> None:
        def work(tx: Tx) -> None:
            steps = (RateStep(30_000, number, number),)
            service.set_rates(tx, changes([RateCard("road", 1, "GBP", steps)]))
            service.set_footprints(tx, changes([Footprint("road", 1, number, number)]))

        database.run(work)

    database.run(put_all)
    put_both(1)
    forget()
    with database.transaction(read_only=True) as tx:
        meanwhile = Meanwhile(tx, store.Q.read_rates, lambda: put_both(2))
        found = service.snapshot(meanwhile)
    assert found.rates["road", 1, "GBP"].steps[0].price_minor == 2
    assert found.footprints["road", 1].co2e_g_per_kg == 2
    assert found.number == len(VERBS) + 4
