"""Many at one SKU at once: every unit goes once, and what is counted is what stands."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Adjustment,
    Count,
    Expect,
    Held,
    Hold,
    OpeningStock,
    PlaceHold,
    Quarantine,
    Receipt,
    Recorded,
    Repeated,
    Reservation,
    ReservationState,
    Reserve,
    Shorten,
    StockAdjusted,
    StockCounted,
    StockQuarantined,
    StockReceived,
)
from entrepot.ground import events
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Conflict, Refusal
from tests.races.stock import NODE, WHO, balance, findings, open_stock, reserve, step

THREADS = 32
A = TypeVar("A")
MUG = {**WHO, "sku": "MUG", "node": NODE}


def at_once(count: int, work: Callable[[int], A]) -> list[A]:
    """`count` threads begin together; their answers by number."""
    together = threading.Barrier(count)

    def begin(number: int) -> A:
        together.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


@pytest.mark.parametrize(
    ("units", "buyers_each"), [(100, 20), pytest.param(5_000, 400, marks=pytest.mark.long)]
)
def test_a_hundred_units_are_sold_a_hundred_times(
    database: Database, units: int, buyers_each: int
) -> None:
    open_stock(database, {"MUG": units})

    def buy(number: int) -> Counter[str]:
        ends: Counter[str] = Counter()
        for buyer in range(buyers_each):
            order_id = f"O-{number}-{buyer}"
            (answer,) = database.run(lambda tx, o=order_id: reserve(tx, [("MUG", 1)], o))
            ends["sold" if isinstance(answer, Held) else answer.code] += 1
        return ends

    ends = sum(at_once(THREADS, buy), Counter())
    assert ends == {"sold": units, "not_enough_stock": THREADS * buyers_each - units}
    assert (balance(database, "MUG").reserved, balance(database, "MUG").available) == (units, 0)
    assert findings(database) == []


def test_baskets_of_several_units_never_oversell(database: Database) -> None:
    open_stock(database, {"MUG": 100})

    def buy(number: int) -> int:
        chance = random.Random(number)
        sold = 0
        for basket in range(20):
            wanted = [("MUG", chance.randint(1, 9)) for _ in range(chance.randint(1, 3))]
            answers = database.run(lambda tx, w=wanted, b=basket: reserve(tx, w, f"O-{number}-{b}"))
            sold += sum(a.reservation.quantity_each for a in answers if isinstance(a, Held))
        return sold

    assert sum(at_once(THREADS, buy)) == balance(database, "MUG").reserved <= 100
    assert balance(database, "MUG").available == 0, "somebody wanted just one more"
    assert findings(database) == []


def test_the_last_unit_goes_to_one_of_sixteen(database: Database) -> None:
    for round_ in range(15):
        sku = f"MUG-{round_}"
        open_stock(database, {sku: 1})
        answers = at_once(16, lambda n, s=sku: database.run(lambda tx: reserve(tx, [(s, 1)], "O")))
        assert sum(isinstance(a, Held) for (a,) in answers) == 1
    assert findings(database) == []


def test_opening_stock_is_booked_once_by_sixteen(database: Database) -> None:
    command = OpeningStock(**MUG, quantity_each=10)
    answers = at_once(
        16, lambda _: database.run(lambda tx: inventory.record_opening(tx, [command]))
    )
    kinds = Counter(type(answer) for (answer,) in answers)
    assert kinds == {Recorded: 1, Repeated: 15}
    assert balance(database, "MUG").on_hand == 10


def test_opening_stock_cannot_be_booked_twice_even_past_the_decision(database: Database) -> None:
    """The guard in the database: the key of what was opened; and what goes past it is found."""
    open_stock(database, {"MUG": 10})
    with pytest.raises(Conflict, match="opened_pkey"), database.transaction() as tx:
        tx.run(
            "INSERT INTO inventory.opened (sku, node, quantity_each) "
            "SELECT sku, node, quantity_each FROM inventory.opened"
        )
    with database.transaction() as tx:
        tx.run(
            "INSERT INTO inventory.movement SELECT sku, %s, node, from_account, to_account, "
            "quantity_each, cause, document, at, command_id, actor FROM inventory.movement",
            (tx.new_id(),),
        )
    assert any("opened with 10, the ledger says 20" in finding for finding in findings(database))


@pytest.mark.parametrize("opened", [0, 4, 30])
def test_what_sixteen_count_at_once_is_what_stands(database: Database, opened: int) -> None:
    """Each sees the same nine units: a difference booked twice would give another number."""
    if opened:
        open_stock(database, {"MUG": opened})
    command = Count(**MUG, counted_each=9, document="count")
    answers = at_once(16, lambda _: database.run(lambda tx: inventory.count(tx, [command])))
    assert [a.balance.on_hand for (a,) in answers if isinstance(a, Recorded)] == [9] * 16
    assert balance(database, "MUG").on_hand == 9
    assert findings(database) == []


def test_every_answer_of_receipts_at_once_is_the_balance_after_it(database: Database) -> None:
    command = Receipt(**MUG, quantity_each=5, document="d")
    answers = at_once(16, lambda _: database.run(lambda tx: inventory.receive(tx, [command])))
    seen = sorted(a.balance.on_hand for (a,) in answers if isinstance(a, Recorded))
    assert seen == [5 * n for n in range(1, 17)]


# Everything at once.


def anything(tx: Tx, chance: random.Random, mine: list[Reservation]) -> None:
    """One command of any kind on one of two SKUs."""
    one = {**WHO, "sku": chance.choice(("MUG", "CUP")), "node": NODE}
    each = chance.randint(1, 6)
    verb = chance.choice(
        ("reserve", "cancel", "adjust", "count", "receive", "check", "hold", "expire")
    )
    if verb == "reserve":
        mine += [a.reservation for a in reserve(tx, [(one["sku"], each)], "O") if held(a)]
    elif verb == "cancel" and mine:
        chosen = mine.pop(chance.randrange(len(mine)))
        (answer,) = step(tx, [chosen], ReservationState.cancelled)
        assert not isinstance(answer, Refusal), answer
    elif verb == "adjust":
        inventory.adjust(
            tx, [Adjustment(**one, change_each=chance.choice((-each, each)), reason="correction")]
        )
    elif verb == "count":
        there = {b.sku: b for b in inventory.balances(tx, [one["sku"]])}[one["sku"]]
        counted = max(0, there.on_hand + chance.choice((-2, 0, 0, 3)))
        (answer,) = inventory.count(tx, [Count(**one, counted_each=counted, document="count")])
        assert isinstance(answer, Refusal) or answer.balance.on_hand == counted
    elif verb == "receive":
        inventory.receive(tx, [Receipt(**one, quantity_each=each, document="d")])
    elif verb == "check":
        release = chance.random() < 0.5
        command = Quarantine(**one, quantity_each=each, document="d", release=release)
        inventory.quarantine(tx, [command])
    elif verb == "hold":
        ends = tx.now + timedelta(seconds=0.01)
        commitments.hold(tx, [PlaceHold(**one, cart="c", quantity_each=each, expires_at=ends)])
    else:
        # By itself, as the sweeper does: after a hold it would take stock against the lock order.
        commitments.expire_holds(tx, 3)


def held(answer: object) -> bool:
    return isinstance(answer, Held)


def on_hand_by_facts(database: Database, sku: str) -> int:
    """The stock as the facts tell it, in the order of the log; each count must find just that."""
    told = {f.name(): f for f in (StockReceived, StockAdjusted, StockCounted, StockQuarantined)}
    with database.transaction() as tx:
        rows = tx.rows(events.Q.read_log, {"after": 0, "to": events.head(tx), "names": list(told)})
    on_hand = 0
    for recorded in events.decode(rows, told):
        fact: Any = recorded.fact
        if recorded.subject != f"stock/{sku}/{NODE}":
            continue
        if isinstance(fact, StockReceived):
            on_hand += fact.quantity_each
        elif isinstance(fact, StockQuarantined):
            on_hand -= fact.change_each
        else:
            on_hand += fact.change_each
        if isinstance(fact, StockCounted):
            assert on_hand == fact.counted_each, f"position {recorded.position}"
    return on_hand


@pytest.mark.parametrize(
    "steps", [25, pytest.param(2_000, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])]
)
def test_everything_at_once_keeps_the_books(database: Database, steps: int) -> None:
    open_stock(database, {"MUG": 40, "CUP": 40})

    def work(number: int) -> None:
        chance = random.Random(number)
        mine: list[Reservation] = []
        for _ in range(steps):
            before, state = list(mine), chance.getstate()

            def attempt(tx: Tx, before: list[Reservation] = before, state: Any = state) -> None:
                mine[:] = before
                chance.setstate(state)
                anything(tx, chance, mine)

            database.run(attempt)

    at_once(16, work)
    assert findings(database) == []
    events.drain(database)
    for sku in ("MUG", "CUP"):
        assert on_hand_by_facts(database, sku) == balance(database, sku).on_hand


# Holds.


def a_hold(cart: str, seconds: float, tx: Tx) -> PlaceHold:
    ends = tx.now + timedelta(seconds=seconds)
    return PlaceHold(**MUG, cart=cart, quantity_each=1, expires_at=ends)


def test_two_sweepers_expire_each_hold_once(database: Database) -> None:
    open_stock(database, {"MUG": 300})
    database.run(lambda tx: commitments.hold(tx, [a_hold(f"c{n}", 0.001, tx) for n in range(300)]))
    database.clock.sleep(0.01)

    def sweep(_: int) -> list[Hold]:
        gone: list[Hold] = []
        while batch := database.run(lambda tx: commitments.expire_holds(tx, 7)):
            gone += batch
        return gone

    swept = at_once(2, sweep)
    assert sorted(h.cart for gone in swept for h in gone) == sorted(f"c{n}" for n in range(300))
    assert min(len(gone) for gone in swept) > 0, "both sweepers were at it"
    assert balance(database, "MUG").available == 300
    assert findings(database) == []


@pytest.mark.parametrize("seen", [0, 1, 2, 50])
def test_a_sweep_takes_no_more_than_its_limit(
    database: Database, owner: psycopg.Connection, seen: int
) -> None:
    """Whatever plan the statistics lead to: those of a table of one row join other than many."""
    open_stock(database, {"MUG": 100})

    def hold_until_over(count: int) -> None:
        database.run(
            lambda tx: commitments.hold(tx, [a_hold(f"c{n}", 0.001, tx) for n in range(count)])
        )
        database.clock.sleep(0.005)

    hold_until_over(seen)
    owner.execute("VACUUM ANALYZE inventory.hold")
    database.run(commitments.expire_holds)
    hold_until_over(30)
    sweeps = [len(database.run(lambda tx: commitments.expire_holds(tx, 7))) for _ in range(6)]
    assert sweeps == [7, 7, 7, 7, 2, 0]


def test_a_hold_is_extended_or_expired_or_dropped(database: Database) -> None:
    """Three reach for the same holds at the very end of their time."""
    for round_ in range(10):
        carts = [f"c{round_}-{n}" for n in range(8)]
        open_stock(database, {"MUG": 80}) if round_ == 0 else None
        database.run(lambda tx, c=carts: commitments.hold(tx, [a_hold(x, 0.02, tx) for x in c]))
        database.clock.sleep(0.015)

        def reach(number: int, carts: list[str] = carts) -> int:
            if number == 0:
                later = database.clock.now() + timedelta(hours=1)
                return database.run(
                    lambda tx: commitments.extend_holds(tx, dict.fromkeys(carts, later))
                )
            if number == 1:
                return len(database.run(commitments.expire_holds))
            return len(database.run(lambda tx: commitments.release_holds(tx, carts[:3], **WHO)))

        _, expired, dropped = at_once(3, reach)
        left = len(database.run(lambda tx, c=carts: commitments.release_holds(tx, c, **WHO)))
        assert expired + dropped + left == 8
        assert balance(database, "MUG").held == 0
    assert findings(database) == []


# Two at one reservation: the second waits for the first and must see what it did.


def a_reservation(database: Database, each: int) -> Reservation:
    (answer,) = database.run(lambda tx: reserve(tx, [("MUG", each)], "O"))
    assert isinstance(answer, Held)
    (allocated,) = database.run(
        lambda tx: step(tx, [answer.reservation], ReservationState.allocated)
    )
    assert isinstance(allocated, Reservation)
    return allocated


def shorten(tx: Tx, reservation: Reservation, each: int) -> Reservation | Refusal:
    command = Shorten(
        **WHO,
        sku="MUG",
        reservation_id=reservation.reservation_id,
        short_each=each,
        reason="lost",
        document="pick",
    )
    return commitments.shorten(tx, [command])[0]


SECONDS: dict[str, Callable[[Tx, Reservation], object]] = {
    "ship": lambda tx, r: step(tx, [r], ReservationState.shipped)[0],
    "cancel": lambda tx, r: step(tx, [r], ReservationState.cancelled)[0],
    "shorten to nothing": lambda tx, r: shorten(tx, r, 5),
    "shorten more than is left": lambda tx, r: shorten(tx, r, 4),
}


@pytest.mark.parametrize("second", sorted(SECONDS))
def test_what_was_shortened_meanwhile_is_not_moved_whole(database: Database, second: str) -> None:
    """Another reservation's units stand beside: a movement of the old size would take of them."""
    open_stock(database, {"MUG": 20})
    mine, _ = a_reservation(database, 5), a_reservation(database, 5)
    ends: list[str] = []

    def follow() -> None:
        try:
            with database.transaction() as tx:
                SECONDS[second](tx, mine)
            ends.append("done")
        except Conflict:
            ends.append("conflict")

    follower = threading.Thread(target=follow)
    with database.transaction() as tx:
        shorten(tx, mine, 2)
        follower.start()
        while not tx.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            database.clock.sleep(0.005)
    follower.join(20)
    assert ends == ["conflict"]
    assert findings(database) == []
    assert balance(database, "MUG")[2:] == (18, 0, 0, 8, 0)


def test_a_receipt_is_expected_or_closed_and_told_so(database: Database) -> None:
    """Replacing what is expected races with its receipt; the answers fit what stands."""
    for round_ in range(10):
        announced = Expect(
            **MUG,
            expected_id=f"e{round_}",
            quantity_each=5,
            due_at=database.clock.now(),
            document="d",
        )
        database.run(lambda tx, a=announced: inventory.expect(tx, [a]))
        received = Receipt(**MUG, quantity_each=5, document="d", expected_id=announced.expected_id)

        def reach(number: int, announced: Expect = announced, received: Receipt = received) -> Any:
            if number == 0:
                return database.run(lambda tx: inventory.expect(tx, [announced]))[0]
            return database.run(lambda tx: inventory.receive(tx, [received]))[0]

        again, _ = at_once(2, reach)
        with database.transaction() as tx:
            assert inventory.expected(tx, ["MUG"]) == []
        assert isinstance(again, Expect | Refusal)
    assert findings(database) == []


def test_waiting_demand_is_filled_once(database: Database) -> None:
    open_stock(database, {"MUG": 7})
    wanted = [
        Reserve(**WHO, order_id=f"O-{n}", line_no=1, sku="MUG", node=None, quantity_each=1)
        for n in range(10)
    ]
    database.run(lambda tx: commitments.reserve(tx, wanted))

    def fill(_: int) -> int:
        def attempt(tx: Tx) -> int:
            moves = [
                commitments.Move(
                    **MUG,
                    reservation_id=w.reservation_id,
                    to_state=ReservationState.reserved,
                    document=w.order_id,
                )
                for w in commitments.waiting(tx, ["MUG"])
            ]
            return sum(isinstance(a, Reservation) for a in commitments.move(tx, moves))

        return database.run(attempt)

    assert sum(at_once(8, fill)) == 7
    assert balance(database, "MUG").reserved == 7
    assert findings(database) == []
