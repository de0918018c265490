"""Carts from several processes: the last units, one completed twice, the sweeper, and kills."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Balance
from entrepot.flows.cart_to_order import expire
from entrepot.flows.cart_to_order.complete import complete_carts
from entrepot.flows.cart_to_order.model import CartView, OpenCart
from entrepot.flows.cart_to_order.open import open_carts
from entrepot.flows.order_to_delivery.model import Placed
from entrepot.flows.watch.audit import audit
from entrepot.ground.database import APPLICATION_ROLE, Database
from entrepot.words.outcome import Refusal, RefusalCode
from tests.builders import BERLIN, MUNICH, SIGNING_KEY, SKUS, a_retailer, an_order
from tests.flows.carting import (
    WEB,
    abandon,
    changed,
    channels,
    complete,
    completed,
    completing,
    opened,
    opening,
    seen,
    try_change,
    try_open,
)
from tests.flows.test_place import place
from tests.processes import hang, kill, process, until

HOT = SKUS[0]
BUYERS = 8
PROCESSES = 4
NODES = ("BER", "MUC")
WAIT_S = 120


@pytest.fixture
def shop(database: Database, owner: psycopg.Connection) -> Iterator[Database]:
    """Ten of the hot SKU at each of two nodes; a table for what processes have to tell.

    Whatever they do, the audit finds nothing and nobody met a deadlock.
    """
    a_retailer(database, {(HOT, "BER"): 10, (HOT, "MUC"): 10} | {(s, "BER"): 500 for s in SKUS[1:]})
    channels(database)
    owner.execute("CREATE TABLE public.result (who text, what text, which text)")
    owner.execute(f"GRANT SELECT, INSERT ON public.result TO {APPLICATION_ROLE}")
    yield database
    expire.expire_holds(database)
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []
    row = owner.execute(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row == (0,)


def tell(database: Database, who: str, what: str, which: str) -> None:
    database.run(
        lambda tx: tx.run("INSERT INTO public.result VALUES (%s, %s, %s)", (who, what, which))
    )


def told(owner: psycopg.Connection, what: str) -> dict[str, str]:
    rows = owner.execute("SELECT who, which FROM public.result WHERE what = %s", (what,))
    return dict(rows.fetchall())


def stock(database: Database) -> Balance:
    """Of the hot SKU, all nodes together."""
    with database.transaction(read_only=True) as tx:
        found = inventory.balances(tx, [HOT])
    return Balance(HOT, "all", *map(sum, zip(*(b[2:] for b in found), strict=True)))


def run_all(target: Callable[..., None], *arguments: tuple[object, ...]) -> None:
    """Each with a process of its own; all end well."""
    running = [process(target, *some) for some in arguments]
    started = [each.__enter__() for each in running]
    try:
        for each in started:
            each.join(WAIT_S)
        assert [each.exitcode for each in started] == [0] * len(started)
    finally:
        for each in running:
            each.__exit__(None, None, None)


# The last units.


def buy(url: str, number: int) -> None:
    """Buyers who each want one or two of the hot SKU, hesitate, and buy what they hold."""
    with Database(url, connections_max=BUYERS) as database:

        def one(buyer: int) -> None:
            chance = random.Random(number * 100 + buyer)
            name = f"c{number}-{buyer}"
            place_of = {"ship_to": MUNICH} if buyer % 2 else {}
            wants = chance.randint(1, 2)
            cart = opened(database, name, (HOT, wants), **place_of)
            if chance.random() < 0.5:
                wants = 3 - wants
                cart = changed(database, name, (HOT, wants))
            if chance.random() < 0.2:
                abandon(database, name)
                return
            held = cart.lines[0].held == wants
            (answer,) = complete(database, completing(name, **place_of))
            if isinstance(answer, Placed):
                tell(database, name, "sold", str(wants))
            else:
                assert answer.code is RefusalCode.not_enough_stock
                assert not held, "a hold that was granted was broken"
                abandon(database, name)

        with ThreadPoolExecutor(BUYERS) as pool:
            list(pool.map(one, range(BUYERS)))


def test_thirty_two_buyers_get_exactly_what_is_there(
    shop: Database, database_url: str, owner: psycopg.Connection
) -> None:
    run_all(buy, *((database_url, number) for number in range(PROCESSES)))
    sold = sum(map(int, told(owner, "sold").values()))
    left = stock(shop)
    assert (left.reserved, left.held) == (sold, 0)
    assert left.on_hand == 20 and left.available == 20 - sold
    # Who was refused may have gone before others gave up: what is left can still be bought.
    if left.available:
        opened(shop, "last", (HOT, left.available))
        (answer,) = complete(shop, completing("last"))
        assert isinstance(answer, Placed), "there is stock, and nobody holds it"
        assert stock(shop).available == 0


# One cart, asked for from two processes.


def complete_all(url: str, who: str, carts: list[str], together: int) -> None:
    """Complete carts in an order of one's own, so many in a transaction."""
    chance = random.Random(who)
    chance.shuffle(carts)
    with Database(url) as database:
        for start in range(0, len(carts), together):
            some = carts[start : start + together]
            answers = complete(database, *(completing(cart) for cart in some))
            for cart, answer in zip(some, answers, strict=True):
                assert isinstance(answer, Placed), answer
                tell(database, cart, who, answer.order_id)


@pytest.mark.parametrize("together", [1, 7])
def test_two_processes_complete_the_same_carts_at_once(
    shop: Database, database_url: str, owner: psycopg.Connection, together: int
) -> None:
    carts = [f"c{number}" for number in range(40)]
    for number, cart in enumerate(carts):
        opened(shop, cart, (SKUS[1 + number % 5], 2), (SKUS[6 + number * 7 % 5], 1))
    run_all(
        complete_all,
        (database_url, "one", carts, together),
        (database_url, "two", carts, together),
    )
    one, two = told(owner, "one"), told(owner, "two")
    assert one == two and len(set(one.values())) == len(carts)


# The sweeper at the same instant.


def sweep(url: str, carts: list[str]) -> None:
    with Database(url) as database:
        while any(seen(database, cart).held_until is not None for cart in carts):
            expire.expire_holds(database)


def snatch(url: str, carts: list[str]) -> None:
    """Orders of people without a cart, for whatever gets free."""
    with Database(url) as database:
        sold = 0
        while any(seen(database, cart).held_until is not None for cart in carts):
            (answer,) = place(database, an_order(f"snatch-{sold}-{database.clock.new_id()}"))
            sold += isinstance(answer, Placed)
        tell(database, "snatcher", "snatched", str(sold))


def complete_each(url: str, carts: list[str]) -> None:
    with Database(url) as database:
        for cart in carts:
            (answer,) = complete(database, completing(cart))
            if isinstance(answer, Refusal):
                assert answer.code is RefusalCode.not_enough_stock
            else:
                tell(database, cart, "completed", answer.order_id)


def test_the_sweeper_and_the_completion_meet(
    shop: Database, database_url: str, owner: psycopg.Connection
) -> None:
    """Each unit goes to its cart, or to whoever ordered it after the hold was over."""
    carts = [f"c{number}" for number in range(20)]
    for cart in carts:
        opened(shop, cart, (HOT, 1))
    owner.execute("UPDATE ordering.cart SET held_until = %s", (shop.clock.now(),))
    owner.execute("UPDATE inventory.hold SET expires_at = %s", (shop.clock.now(),))
    owner.execute(
        "UPDATE inventory.hold AS h SET expires_at = c.held_until FROM ordering.cart AS c "
        "WHERE c.cart_id = h.cart"
    )
    with (
        process(complete_each, database_url, carts) as a,
        process(sweep, database_url, carts) as b,
        process(snatch, database_url, carts) as c,
    ):
        for running in (a, b, c):
            running.join(WAIT_S)
            assert running.exitcode == 0
    bought = len(told(owner, "completed")) + int(told(owner, "snatched").get("snatcher", 0))
    left = stock(shop)
    assert (left.on_hand, left.held, left.reserved) == (20, 0, bought)


# Carts that want each other's goods, in batches.


def shuffle_carts(url: str, number: int) -> None:
    """Batches of carts over the same SKUs, opened, changed and completed in orders of their own."""
    chance = random.Random(number)
    with Database(url) as database:
        for batch in range(8):
            names = [f"s{number}-{batch}-{n}" for n in range(6)]
            try_open(database, *(_wild(name, chance) for name in names))
            for name in chance.sample(names, 3):
                try_change(database, name, (chance.choice(SKUS[1:6]), chance.randint(0, 3)))
            complete(database, *(completing(name) for name in chance.sample(names, 5)))
            for name in names:
                if seen(database, name).state == "open":
                    abandon(database, name)


def _wild(name: str, chance: random.Random) -> OpenCart:
    wanted = [(sku, chance.randint(1, 3)) for sku in chance.sample(SKUS[1:6], 3)]
    changes = {"ship_to": MUNICH} if chance.random() < 0.5 else {}
    return opening(name, *wanted, **changes)


def move_to_and_fro(url: str, cart: str, first: int) -> None:
    """What is held at one node goes back, and is held at the other: against another's way."""
    with Database(url) as database:
        for step in range(first, first + 60):
            changed(database, cart, ship_to=(BERLIN, MUNICH)[step % 2])


def test_carts_that_move_past_each_other_never_deadlock(shop: Database, database_url: str) -> None:
    opened(shop, "c1", (HOT, 5))
    opened(shop, "c2", (HOT, 5), ship_to=MUNICH)
    run_all(move_to_and_fro, (database_url, "c1", 1), (database_url, "c2", 0))
    assert stock(shop).held == 10


def test_batches_that_want_each_others_goods_never_deadlock(
    shop: Database, database_url: str
) -> None:
    run_all(shuffle_carts, *((database_url, number) for number in range(2)))
    with shop.transaction(read_only=True) as tx:
        assert sum(b.held for b in inventory.balances(tx, SKUS)) == 0


# Killed in the middle.


def complete_and_hang(url: str, cart: str) -> None:
    with Database(url) as database, database.transaction() as tx:
        complete_carts(tx, [completing(cart)], signing_keys=[SIGNING_KEY])
        tx.end()
        hang()


def open_and_hang(url: str, cart: str) -> None:
    with Database(url) as database, database.transaction() as tx:
        open_carts(tx, [opening(cart, (HOT, 20))])
        tx.end()
        hang()


def test_a_completion_killed_in_the_middle_changes_nothing(
    shop: Database, database_url: str, owner: psycopg.Connection
) -> None:
    opened(shop, "c1", (HOT, 2))
    before = seen(shop, "c1")
    with process(complete_and_hang, database_url, "c1") as killed:
        until(lambda: _waits_in(owner), "the completion to stand before its commit")
        kill(killed)
    until(lambda: not _waits_in(owner), "the killed one's locks to go")
    assert seen(shop, "c1") == before
    assert isinstance(completed(shop, "c1"), Placed)
    assert stock(shop).reserved == 2


def test_an_opening_killed_in_the_middle_holds_nothing(
    shop: Database, database_url: str, owner: psycopg.Connection
) -> None:
    with process(open_and_hang, database_url, "c1") as killed:
        until(lambda: _waits_in(owner), "the opening to stand before its commit")
        kill(killed)
    until(lambda: not _waits_in(owner), "the killed one's locks to go")
    cart: CartView = opened(shop, "c1", (HOT, 20))
    assert cart.lines[0].held == 20


def _waits_in(owner: psycopg.Connection) -> bool:
    """Whether another connection to this database stands idle in a transaction."""
    row = owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
    ).fetchone()
    return row is not None and row[0] > 0


def test_who_holds_nothing_is_served_after_who_does(shop: Database) -> None:
    """The same, one after another: the last units are another's until the hold is over."""
    opened(shop, "c1", (HOT, 20))
    opened(shop, "c2", (HOT, 1), channel=WEB)
    (answer,) = complete(shop, completing("c2"))
    assert isinstance(answer, Refusal) and answer.code is RefusalCode.not_enough_stock
    completed(shop, "c1")
