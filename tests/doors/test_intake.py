"""The intake over a real database: gathered, answered one by one, taken apart, turned away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from entrepot.departments.inventory import service as inventory
from entrepot.departments.ordering import service as ordering
from entrepot.doors.intake import Intake, Place
from entrepot.flows.order_to_delivery.model import AskedLine, Placed, PlaceOrder, ShipTo
from entrepot.flows.order_to_delivery.place import Answer, place_orders
from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import SystemClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Conflict, Refusal, Unavailable
from tests.builders import ME, SIGNING_KEY, SKUS, a_retailer


def an_order(name: str, sku: str = SKUS[0], quantity: int = 1) -> PlaceOrder:
    return PlaceOrder(
        command_id=f"{ME}:{name}",
        actor=ME,
        lines=(AskedLine(sku, quantity),),
        ship_to=ShipTo("DE", "10117"),
        currency="EUR",
        order_id=f"O-{name}",
    )


class Placing:
    """Places in the database, and remembers the batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.batches: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, orders: Sequence[PlaceOrder]) -> list[Answer]:
        self.batches.append(len(orders))
        assert self.may_go_on.wait(30)
        return self._database.run(lambda tx: place_orders(tx, orders, signing_keys=[SIGNING_KEY]))


@contextmanager
def opened(place: Place, **limits: float) -> Iterator[Intake]:
    intake = Intake(place, SystemClock(), **limits)  # type: ignore[arg-type]
    intake.start()
    try:
        yield intake
    finally:
        intake.close()


def in_database(database: Database, orders: Sequence[PlaceOrder]) -> set[str]:
    with database.transaction(read_only=True) as tx:
        assert audit(tx).findings == []
        return {o.header.order_id for o in ordering.read(tx, [str(o.order_id) for o in orders])}


def test_orders_that_come_together_are_placed_together(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 40, (SKUS[0], "MUC"): 20})
    orders = [an_order(f"{n:03}", quantity=1 + (n == 7) * 1_000) for n in range(50)]
    unknown = an_order("unknown", sku="NO-SUCH")
    placing = Placing(database)
    with opened(placing) as intake:

        async def all_at_once() -> list[Answer | BaseException]:
            waiting = [intake.place(order) for order in [*orders, unknown]]
            return await asyncio.gather(*waiting, return_exceptions=True)

        answers = asyncio.run(all_at_once())
    assert len(placing.batches) <= 3, placing.batches
    for number, (order, answer) in enumerate(zip(orders, answers, strict=False)):
        if number == 7:
            assert isinstance(answer, Refusal)
            assert answer.code == "not_enough_stock"
        else:
            assert isinstance(answer, Placed)
            assert answer.order_id == order.order_id
    assert isinstance(answers[-1], Refusal)
    assert answers[-1].code == "unknown_sku"
    assert len(in_database(database, orders)) == 49


def test_the_last_units_go_to_those_who_came_first(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 30})
    orders = [an_order(f"{n:03}") for n in range(100)]
    with opened(Placing(database), batch_max=8, gather_s=0) as intake:

        async def in_turn() -> list[Answer]:
            return list(await asyncio.gather(*[intake.place(order) for order in orders]))

        answers = asyncio.run(in_turn())
    sold = [isinstance(answer, Placed) for answer in answers]
    assert sold == [True] * 30 + [False] * 70
    with database.transaction(read_only=True) as tx:
        assert sum(b.available for b in inventory.balances(tx, [SKUS[0]])) == 0


@pytest.mark.parametrize("error", [RuntimeError("a bug"), Conflict("never free", kind="guard")])
def test_one_that_cannot_be_placed_does_not_touch_the_others(
    database: Database, error: Exception
) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 100})
    orders = [an_order(f"{n:03}") for n in range(21)]
    placing = Placing(database)

    def spoiled(batch: Sequence[PlaceOrder]) -> list[Answer]:
        """The 14th fails after everything was written: the transaction is rolled back."""

        def work(tx):  # type: ignore[no-untyped-def]
            answers = place_orders(tx, batch, signing_keys=[SIGNING_KEY])
            if any(order.order_id == "O-013" for order in batch):
                raise error
            return answers

        placing.batches.append(len(batch))
        return database.run(work, attempts=1)  # type: ignore[no-any-return]

    with opened(spoiled) as intake:

        async def all_at_once() -> list[Answer | BaseException]:
            waiting = [intake.place(order) for order in orders]
            return await asyncio.gather(*waiting, return_exceptions=True)

        answers = asyncio.run(all_at_once())
    assert answers[13] is error
    assert all(isinstance(answer, Placed) for n, answer in enumerate(answers) if n != 13)
    assert in_database(database, orders) == {o.order_id for o in orders} - {"O-013"}
    assert placing.batches[0] == 21


def test_when_the_database_is_away_everyone_hears_it_at_once() -> None:
    tried = []

    def away(batch: Sequence[PlaceOrder]) -> list[Answer]:
        tried.append(len(batch))
        raise Unavailable("database not reachable")

    with opened(away) as intake:

        async def all_at_once() -> list[Answer | BaseException]:
            waiting = [intake.place(an_order(str(n))) for n in range(10)]
            return await asyncio.gather(*waiting, return_exceptions=True)

        answers = asyncio.run(all_at_once())
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert tried == [10], "nothing is gained by taking the batch apart"


def test_a_full_line_turns_away_and_closing_places_what_waits(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 100})
    placing = Placing(database)
    placing.may_go_on.clear()
    orders = [an_order(f"{n:03}") for n in range(12)]

    async def crowd(intake: Intake) -> list[Answer | BaseException]:
        first = asyncio.create_task(intake.place(orders[0]))
        while not placing.batches:
            await asyncio.sleep(0.001)
        waiting = [asyncio.create_task(intake.place(order)) for order in orders[1:]]
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(asyncio.to_thread(intake.close))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable, match="closes") as late:
            await intake.place(an_order("late"))
        assert late.value.kind == "closing"
        placing.may_go_on.set()
        await closing
        return await asyncio.gather(first, *waiting, return_exceptions=True)

    intake = Intake(placing, SystemClock(), batch_max=4, waiting_max=8, gather_s=0)
    intake.start()
    answers = asyncio.run(crowd(intake))
    turned_away = [a for a in answers if isinstance(a, Unavailable)]
    assert len(turned_away) == 3, "one at work, eight in the line, three too many"
    assert {fault.kind for fault in turned_away} == {"busy"}
    assert sum(isinstance(answer, Placed) for answer in answers) == 9
    assert len(in_database(database, orders)) == 9


def test_who_went_away_finds_the_order(database: Database) -> None:
    a_retailer(database, {(SKUS[0], "BER"): 5})
    placing = Placing(database)
    placing.may_go_on.clear()
    order = an_order("gone")
    with opened(placing, gather_s=0) as intake:

        async def impatient() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(intake.place(order), 0.05)
            placing.may_go_on.set()

        asyncio.run(impatient())
    assert in_database(database, [order]) == {"O-gone"}
