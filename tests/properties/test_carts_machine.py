"""Carts on real PostgreSQL beside a small model: several carts that want the same few units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from entrepot.departments.catalog import service as catalog
from entrepot.departments.catalog.model import ItemChange
from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Receipt
from entrepot.departments.ordering.carts import LineChange
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceEntry, SetPrice
from entrepot.flows.cart_to_order import expire
from entrepot.flows.cart_to_order.change import change_carts
from entrepot.flows.cart_to_order.model import ChangeCart
from entrepot.flows.cart_to_order.see import read_carts
from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal
from tests.builders import BERLIN, ME, MUNICH, SKUS, a_network, an_item, an_order
from tests.flows.carting import (
    MARKET,
    WEB,
    abandon,
    channels,
    complete,
    completing,
    opening,
    try_open,
)
from tests.flows.test_place import place
from tests.properties.carts_model import Model, No

START = datetime(2026, 3, 10, 8, tzinfo=UTC)
FEW = SKUS[:2]
NODES = ("BER", "MUC")
CARTS = tuple(f"c{number}" for number in range(5))
TABLES = (
    "inventory.stock, inventory.movement, inventory.hold, inventory.reservation, "
    "ordering.cart, ordering.cart_line, ordering.orders, ordering.line, ordering.part, "
    "ordering.part_line, ordering.expectation, ordering.event, ordering.queue, "
    "ordering.return_order, ordering.return_line, pricing.price, events.outbox, events.log, "
    "tower.open_part, ground.command, decisions.decision"
)

names = st.sampled_from(CARTS)
wishes = st.dictionaries(st.sampled_from(FEW), st.integers(1, 5), max_size=2)
changes = st.dictionaries(st.sampled_from(FEW), st.integers(0, 5), max_size=2)
flags = st.dictionaries(st.sampled_from(FEW), st.booleans(), max_size=1)


class CartMachine(RuleBasedStateMachine):
    """Each command in a transaction of its own, completions in batches."""

    def __init__(self, database: Database, clock: VirtualClock, owner: psycopg.Connection) -> None:
        super().__init__()
        owner.execute(f"TRUNCATE {TABLES}")
        self.database, self.clock = database, clock
        self.model = Model(FEW, 100)
        self.receipts = 0
        self.orders: dict[str, str] = {}
        for sku in FEW:
            self.set_price(sku, 100)

    @initialize(each=st.lists(st.integers(0, 5), min_size=4, max_size=4))
    def begin(self, each: list[int]) -> None:
        for sku in FEW:
            for node in NODES:
                self.restock(sku, node, each.pop())

    @rule(sku=st.sampled_from(FEW), node=st.sampled_from(NODES), each=st.integers(0, 3))
    def restock(self, sku: str, node: str, each: int) -> None:
        if each:
            self.receipts += 1
            receipt = Receipt(f"r{self.receipts}", ME, sku, node, each, f"r{self.receipts}")
            self.database.run(lambda tx: inventory.receive(tx, [receipt]))
            self.model.free[sku] += each

    @rule(sku=st.sampled_from(FEW), price=st.sampled_from((100, 120)))
    def set_price(self, sku: str, price: int) -> None:
        entry = PriceEntry(sku, "EUR", price)
        self.database.run(lambda tx: pricing.set_prices(tx, [SetPrice("p", ME, entry)]))
        self.model.prices[sku] = price

    @rule(name=names, wants=wishes, holding=st.sampled_from((True, True, False)), far=st.booleans())
    def open(self, name: str, wants: dict[str, int], holding: bool, far: bool) -> None:
        said = self.model.open(name, wants, holding, self.clock.now())
        command = opening(
            name,
            lines=tuple(LineChange(s, n) for s, n in wants.items()),
            channel=MARKET if holding else WEB,
            ship_to=MUNICH if far else BERLIN,
        )
        (answer,) = try_open(self.database, command)
        assert _ending(answer) == said

    @rule(
        name=names,
        wants=changes,
        saved=flags,
        version=st.sampled_from((None, None, "now", "stale")),
    )
    def change(self, name: str, wants: dict[str, int], saved: dict[str, bool], version: No) -> None:
        cart = self.model.carts.get(name)
        there = set(cart.lines if cart else ()) | {sku for sku, each in wants.items() if each}
        gone = {sku for sku, each in wants.items() if not each}
        saved = {s: f for s, f in saved.items() if s in there - gone}
        number = {"now": cart.version if cart else 1, "stale": 1_000}.get(version or "")
        said = self.model.change(name, wants, saved, version, self.clock.now())
        command = ChangeCart(
            actor=ME,
            cart_id=name,
            version=number,
            lines=tuple(
                LineChange(sku, wants.get(sku), saved=saved.get(sku))
                for sku in sorted({*wants, *saved})
            ),
        )
        (answer,) = self.database.run(lambda tx: change_carts(tx, [command]))
        assert _ending(answer) == said

    @rule(name=names)
    def drop(self, name: str) -> None:
        said = self.model.drop(name, self.clock.now())
        assert _ending(abandon(self.database, name)) == said

    @rule(batch=st.lists(names, min_size=1, max_size=5))
    def complete(self, batch: list[str]) -> None:
        """Together they end as if one came after another."""
        said = [self.model.complete(name) for name in batch]
        answers = complete(self.database, *(completing(name) for name in batch))
        assert [_ending(answer) for answer in answers] == said
        for name, answer in zip(batch, answers, strict=True):
            if not isinstance(answer, Refusal):
                assert self.orders.setdefault(name, answer.order_id) == answer.order_id

    @rule(wants=st.dictionaries(st.sampled_from(FEW), st.integers(1, 3), min_size=1, max_size=2))
    def order(self, wants: dict[str, int]) -> None:
        """Somebody orders without a cart: what is held is not theirs."""
        said = self.model.order(wants)
        name = self.database.clock.new_id().hex
        (answer,) = place(self.database, an_order(name, *wants.items()))
        assert _ending(answer) == said

    @rule(minutes=st.sampled_from((1, 5, 10, 20, 30, 3_000)))
    def later(self, minutes: int) -> None:
        self.clock.sleep(60 * minutes)

    @rule()
    def sweep(self) -> None:
        self.model.sweep(self.clock.now())
        expire.expire_holds(self.database)
        expire.expire_carts(self.database)

    @invariant()
    def stock_is_that_of_the_model(self) -> None:
        with self.database.transaction(read_only=True) as tx:
            found = inventory.balances(tx, FEW)
        free: Counter[str] = Counter()
        sold: Counter[str] = Counter()
        for balance in found:
            free[balance.sku] += balance.available
            sold[balance.sku] += balance.reserved
        assert +free == +self.model.free
        assert +sold == +self.model.sold

    @invariant()
    def carts_are_those_of_the_model(self) -> None:
        with self.database.transaction(read_only=True) as tx:
            views = read_carts(tx, sorted(self.model.carts))
        for name, view in zip(sorted(self.model.carts), views, strict=True):
            cart = self.model.carts[name]
            assert not isinstance(view, Refusal)
            assert (view.state, view.version) == (cart.state, cart.version), name
            assert {
                x.sku: [x.quantity, x.unit_price_minor, x.saved] for x in view.lines
            } == cart.lines
            assert {x.sku: x.held for x in view.lines if x.held} == dict(+cart.held), name
            assert view.held_until == (cart.until if cart.holds() else None), name

    def teardown(self) -> None:
        """At the end, once everything that is over was swept, the audit finds nothing."""
        self.sweep()
        with self.database.transaction(read_only=True) as tx:
            assert audit(tx).findings == []


def _ending(answer: object) -> No:
    return str(answer.code) if isinstance(answer, Refusal) else None


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(30, 30, marks=pytest.mark.timeout(600)),
        pytest.param(2_000, 50, marks=[pytest.mark.long, pytest.mark.timeout(7_200)]),
    ],
)
def test_carts_do_what_the_model_does(
    database_on: Callable[[Clock], Database], owner: psycopg.Connection, examples: int, steps: int
) -> None:
    clock = VirtualClock(START, seed=1)
    database = database_on(clock)
    database.run(a_network)
    for sku in FEW:
        database.run(lambda tx, s=sku: catalog.register(tx, [ItemChange("i", ME, an_item(s))]))
    channels(database, cart_days=2)
    run_state_machine_as_test(
        lambda: CartMachine(database, clock, owner),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
