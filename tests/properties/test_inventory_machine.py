"""The inventory room on real PostgreSQL beside a small model: after every step, the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.model import (
    Adjustment,
    Balance,
    Count,
    Expect,
    Held,
    Hold,
    Move,
    OpeningStock,
    PlaceHold,
    Quarantine,
    Receipt,
    Repeated,
    ReservationState,
    Reserve,
    Shorten,
)
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database, Tx
from entrepot.words.outcome import Refusal
from tests.properties.inventory_model import STEPS, Key, Model, No

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS_AHEAD = 8
ONE_STEP = {"command_id": "machine", "actor": "test"}

SKUS = ("CUP", "MUG")
NODES = ("DC1", "DC2")
keys = st.tuples(st.sampled_from(SKUS), st.sampled_from(NODES))
units = st.integers(-1, 12)
days = st.integers(-2, DAYS_AHEAD - 2)
carts = st.sampled_from(("c1", "c2"))
expected_ids = st.sampled_from(("e1", "e2"))
numbers = st.integers(0, 11)
wild = st.sampled_from((True, False, False, False))
states = st.sampled_from(ReservationState)


def batches(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Batches of one to four commands, given as tuples."""
    return st.lists(st.tuples(*columns), min_size=1, max_size=4)


class InventoryMachine(RuleBasedStateMachine):
    """Every verb in batches; the model takes the same commands one after another."""

    def __init__(self, database: Database, clock: VirtualClock, owner: psycopg.Connection) -> None:
        super().__init__()
        owner.execute(
            "TRUNCATE inventory.stock, inventory.movement, inventory.opened, inventory.carried, "
            "inventory.hold, inventory.reservation, "
            "inventory.expected_receipt, events.outbox"
        )
        self.database, self.clock = database, clock
        self.model = Model()
        self.ids: dict[int, UUID] = {}
        self.holds: list[Hold] = []

    def both(
        self, verb: Callable[[Tx, Any], Sequence[Any]], commands: Sequence[Any], said: Sequence[No]
    ) -> Sequence[Any]:
        """Give the commands to the room; they must end as the model said."""
        with self.database.transaction() as tx:
            answers = verb(tx, commands)
        assert [_ending(answer) for answer in answers] == list(said)
        return answers

    # The ledger.

    @initialize(each=st.lists(st.integers(5, 60), min_size=4, max_size=4))
    def begin(self, each: list[int]) -> None:
        self.open([((sku, node), each.pop()) for sku in SKUS for node in NODES])

    @rule(batch=batches(keys, units))
    def open(self, batch: list[tuple[Key, int]]) -> None:
        said = [self.model.open(key, each) for key, each in batch]
        commands = [OpeningStock(**ONE_STEP, **_at(key), quantity_each=n) for key, n in batch]
        self.both(inventory.record_opening, commands, said)

    @rule(batch=batches(keys, units, st.booleans(), st.none() | expected_ids, st.booleans()))
    def receive(self, batch: list[tuple[Key, int, bool, str | None, bool]]) -> None:
        said = []
        for key, each, apart, name, close in batch:
            coming = self.model.expected.get((key[0], name or ""))
            to = "quarantine" if apart else "free"
            said.append(self.model.receive(key, each, to, coming, close))
        commands = [
            Receipt(
                **ONE_STEP,
                **_at(key),
                quantity_each=each,
                document="d",
                expected_id=name,
                closes_expected=close,
                quarantine=apart,
            )
            for key, each, apart, name, close in batch
        ]
        self.both(inventory.receive, commands, said)

    @rule(
        batch=batches(
            keys, st.integers(-12, 12), st.sampled_from(("lost", "found", "found", "moths"))
        )
    )
    def adjust(self, batch: list[tuple[Key, int, str]]) -> None:
        said = [self.model.adjust(*one) for one in batch]
        commands = [
            Adjustment(**ONE_STEP, **_at(key), change_each=n, reason=why) for key, n, why in batch
        ]
        self.both(inventory.adjust, commands, said)

    @rule(batch=batches(keys, st.integers(-1, 60)))
    def count(self, batch: list[tuple[Key, int]]) -> None:
        said = [self.model.count(*one) for one in batch]
        commands = [Count(**ONE_STEP, **_at(k), counted_each=n, document="d") for k, n in batch]
        self.both(inventory.count, commands, said)

    @rule(batch=batches(keys, units, st.sampled_from(("quarantine", "release", "scrap"))))
    def quarantine(self, batch: list[tuple[Key, int, str]]) -> None:
        places = {
            "quarantine": ("free", "quarantine"),
            "release": ("quarantine", "free"),
            "scrap": ("quarantine", "outside"),
        }
        said = [self.model.shift(key, *places[how], each) for key, each, how in batch]
        commands = [
            Quarantine(
                **ONE_STEP,
                **_at(key),
                quantity_each=each,
                document="d",
                release=how == "release",
                scrap=how == "scrap",
            )
            for key, each, how in batch
        ]
        self.both(inventory.quarantine, commands, said)

    @rule(sku=st.sampled_from(SKUS), name=expected_ids, node=st.sampled_from(NODES), each=units,
          ahead=days)  # fmt: skip
    def expect(self, sku: str, name: str, node: str, each: int, ahead: int) -> None:
        due = self.clock.now() + ahead * DAY
        said = self.model.expect((sku, name), node, each, due)
        command = Expect(
            **ONE_STEP,
            sku=sku,
            node=node,
            expected_id=name,
            quantity_each=each,
            due_at=due,
            document="d",
        )
        self.both(inventory.expect, [command], [said])

    # Commitments.

    @rule(batch=batches(keys, units, st.booleans(), st.none() | days))
    def reserve(self, batch: list[tuple[Key, int, bool, int | None]]) -> None:
        said, commands, lines = [], [], []
        for (sku, node), each, waits, ahead in batch:
            due = None if ahead is None else self.clock.now() + ahead * DAY
            at = None if waits else node
            taken = None if waits and each > 0 else ("free", "reserved")
            said.append(self.model.shift((sku, node), *taken, each) if taken else None)
            state = "waiting" if waits else "reserved"
            lines.append({"sku": sku, "node": at, "each": each, "state": state, "due": due})
            commands.append(
                Reserve(
                    **ONE_STEP,
                    order_id="o",
                    line_no=1,
                    sku=sku,
                    node=at,
                    quantity_each=each,
                    promised_at=due,
                )
            )
        for line, answer in zip(lines, self.both(commitments.reserve, commands, said), strict=True):
            if isinstance(answer, Held):
                number = len(self.ids)
                self.ids[number] = answer.reservation.reservation_id
                self.model.lines[number] = line

    @precondition(lambda self: self.ids)
    @rule(number=numbers, choices=st.lists(numbers, min_size=1, max_size=5))
    def live(self, number: int, choices: list[int]) -> None:
        """One reservation some steps on, each in its own transaction."""
        for choice in choices:
            self.move([(number, False, choice, ReservationState.shipped, NODES[choice % 2])])

    @precondition(lambda self: self.ids)
    @rule(batch=batches(numbers, wild, numbers, states, st.sampled_from(NODES)))
    def move(self, batch: list[tuple[int, bool, int, ReservationState, str]]) -> None:
        """Mostly steps that are allowed, of reservations that are there; sometimes any."""
        said: list[No] = []
        commands = []
        moved: set[int] = set()
        for number, any_step, choice, to_state, node in batch:
            starts = {start for start, _ in STEPS}
            alive = [n for n, line in self.model.lines.items() if line["state"] in starts]
            if alive and not any_step:
                number = alive[number % len(alive)]
            line = self.model.lines.get(number)
            allowed = [to for start, to in STEPS if line and start == line["state"]]
            to = to_state if any_step or not allowed else allowed[choice % len(allowed)]
            known = line is not None and number not in moved
            said.append(
                self.model.move(line, to, node) if line and known else "unknown_reservation"
            )
            if said[-1] is None:
                moved.add(number)
            commands.append(
                Move(
                    **ONE_STEP,
                    sku=line["sku"] if line else "MUG",
                    reservation_id=self.ids.get(number, UUID(int=number)),
                    to_state=ReservationState(to),
                    document="d",
                    node=node,
                )
            )
        self.both(commitments.move, commands, said)

    def allocated(self) -> list[int]:
        return [n for n, line in self.model.lines.items() if line["state"] == "allocated"]

    @precondition(lambda self: self.allocated())
    @rule(batch=batches(numbers, units, st.sampled_from(("lost", "lost", "moths"))))
    def shorten(self, batch: list[tuple[int, int, str]]) -> None:
        """Mostly allocated reservations; a second time in one batch it is not found."""
        said: list[No] = []
        commands = []
        named: set[int] = set()
        for number, each, reason in batch:
            able = self.allocated()
            chosen = able[number % len(able)] if able else number % len(self.ids)
            line = self.model.lines[chosen]
            fresh = chosen not in named
            said.append(self.model.shorten(line, each, reason) if fresh else "unknown_reservation")
            named.add(chosen)
            commands.append(
                Shorten(
                    **ONE_STEP,
                    sku=line["sku"],
                    reservation_id=self.ids[chosen],
                    short_each=each,
                    reason=reason,
                    document="d",
                )
            )
        self.both(commitments.shorten, commands, said)

    @rule(batch=batches(carts, keys, units, st.integers(-1, 3)))
    def hold(self, batch: list[tuple[str, Key, int, int]]) -> None:
        said, commands = [], []
        for cart, key, each, ahead in batch:
            over = ahead <= 0
            said.append("bad_date" if over else self.model.shift(key, "free", "held", each))
            ends = self.clock.now() + ahead * DAY
            commands.append(
                PlaceHold(**ONE_STEP, **_at(key), cart=cart, quantity_each=each, expires_at=ends)
            )
        answers = self.both(commitments.hold, commands, said)
        self.holds += [answer for answer in answers if isinstance(answer, Hold)]

    @rule(cart=carts, ahead=st.integers(-1, 3))
    def extend(self, cart: str, ahead: int) -> None:
        now = self.clock.now()
        living = [h for h in self.holds if h.cart == cart and h.expires_at > now]
        with self.database.transaction() as tx:
            assert commitments.extend_holds(tx, {cart: now + ahead * DAY}) == len(living)
        self.holds = [
            h._replace(expires_at=now + ahead * DAY) if h in living else h for h in self.holds
        ]

    @rule(dropped=st.sets(carts))
    def drop(self, dropped: set[str]) -> None:
        with self.database.transaction() as tx:
            found = commitments.release_holds(tx, sorted(dropped), **ONE_STEP)
        self.give_back(found, [h for h in self.holds if h.cart in dropped])

    @rule(limit=st.integers(1, 4))
    def expire(self, limit: int) -> None:
        due = [h for h in self.holds if h.expires_at <= self.clock.now()]
        with self.database.transaction() as tx:
            found = commitments.expire_holds(tx, limit)
        assert len(found) == min(limit, len(due))
        assert set(found) <= set(due)
        self.give_back(found, found)

    def give_back(self, found: Sequence[Hold], expected: Sequence[Hold]) -> None:
        assert set(found) == set(expected)
        for held in found:
            assert (
                self.model.shift((held.sku, held.node), "held", "free", held.quantity_each) is None
            )
            self.holds.remove(held)

    @rule(hours=st.sampled_from((1, 24, 72)))
    def later(self, hours: int) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(hours=hours))

    # What must be the same.

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        with self.database.transaction() as tx:
            found = {(b.sku, b.node): b for b in inventory.balances(tx, SKUS)}
            findings, looked_at = inventory.audit(tx)
        assert findings == []
        assert looked_at["reservations"] == len(self.model.lines)
        for key, places in self.model.stock.items():
            inside = [places[p] for p in ("free", "held", "reserved", "allocated", "quarantine")]
            there = found.pop(key, Balance(*key, 0))
            assert [there.available, *there[3:]] == inside, key
            assert there.on_hand == sum(inside[:4])
        assert found == {}

    @invariant()
    def promises_by_date_are_those_of_the_model(self) -> None:
        now = self.clock.now()
        with self.database.transaction() as tx:
            staircases = inventory.available_by_date(tx, SKUS)
            coming = {(e.sku, e.expected_id): e.quantity_each for e in inventory.expected(tx, SKUS)}
            waiting = {w.reservation_id for w in commitments.waiting(tx, SKUS)}
        for sku, steps in staircases.items():
            assert steps[0].since == now
            for instant in (now + n * DAY / 2 for n in range(2 * DAYS_AHEAD)):
                found = [step.available_each for step in steps if step.since <= instant][-1]
                assert found == self.model.promised(sku, now, instant), (sku, instant)
        open_ones = {k: e["left"] for k, e in self.model.expected.items() if e["open"]}
        assert coming == {key: left for key, left in open_ones.items() if left > 0}
        lines = self.model.lines.items()
        assert waiting == {self.ids[n] for n, line in lines if line["state"] == "waiting"}


def _at(key: Key) -> dict[str, str]:
    return {"sku": key[0], "node": key[1]}


def _ending(answer: object) -> No:
    if isinstance(answer, Refusal):
        return str(answer.code)
    return "repeated" if isinstance(answer, Repeated) else None


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        # Long enough for Hypothesis to find a short story of a failure.
        pytest.param(100, 40, marks=pytest.mark.timeout(900)),
        pytest.param(5_000, 50, marks=[pytest.mark.long, pytest.mark.timeout(7_200)]),
    ],
)
def test_the_room_does_what_the_model_does(
    database_on: Callable[[Clock], Database], owner: psycopg.Connection, examples: int, steps: int
) -> None:
    clock = VirtualClock(START, seed=1)
    database = database_on(clock)
    run_state_machine_as_test(
        lambda: InventoryMachine(database, clock, owner),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
