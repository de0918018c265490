"""Our way to take orders in a process: offers beforehand, then batches by `place_orders`.

`python -m benchmarks.placing URL` is one of several processes that place: threads of one process
would wait for one another. `python -m benchmarks.placing URL sequencer` numbers the facts meanwhile
as a worker does, in a process of its own.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from time import perf_counter, process_time

import msgspec

from benchmarks import retailer
from benchmarks.hands import ROOT, Hands, lend
from benchmarks.orders import SIGNING_KEYS, batches, retries
from entrepot.doors.worker import Worker
from entrepot.flows.order_to_delivery.model import Ask as Asked
from entrepot.flows.order_to_delivery.model import AskedLine, Placed, PlaceOrder
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.words.outcome import Conflict, Refusal, RefusalCode

MODULE = "benchmarks.placing"
SEQUENCER = "sequencer"
QUOTES = 200
# One to five lines alike.
UNIFORM = (1, 1, 1, 1, 1)
ONE_LINE = (1, 0, 0, 0, 0)
HOT_IN_TEN = 9


class Ask(msgspec.Struct, frozen=True):
    """Orders to place: so many, in batches of so many, of one to five lines among `size` items.

    hot  nine of ten are for one of this item; then all are of one line
    """

    seed: int
    count: int
    batch: int
    size: int
    hot: str | None = None


class Answered(msgspec.Struct, frozen=True):
    """What came of them.

    refused    for want of stock; another refusal ends the process
    conflicts  batches begun again because stock changed meanwhile
    processor_s  of this process
    """

    placed: int
    refused: int
    conflicts: int
    processor_s: float


class Placing:
    """Processes that place orders in one database, and one that numbers the facts."""

    def __init__(self, database: Database, processes: int, size: int) -> None:
        self._database = database
        self._size = size
        self._seeds = count(1_000)
        self._hands = Hands(processes, MODULE, database.url)

    def place(
        self, orders: int, *, batch: int, processes: int | None = None, hot: str | None = None
    ) -> tuple[Answered, float]:
        """Place so many; what came of them, and the seconds until every fact was numbered."""
        shares = processes or len(self._hands)
        each = -(-orders // shares)
        self._hands.prepare(
            [Ask(next(self._seeds), each, batch, self._size, hot) for _ in range(shares)]
        )
        found, seconds = self._hands.work(Answered)
        begun = perf_counter()
        drain(self._database)
        return (
            Answered(
                placed=sum(a.placed for a in found),
                refused=sum(a.refused for a in found),
                conflicts=sum(a.conflicts for a in found),
                processor_s=sum(a.processor_s for a in found),
            ),
            seconds + perf_counter() - begun,
        )

    def close(self) -> None:
        """End the processes."""
        self._hands.close()

    def __enter__(self) -> Placing:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@contextmanager
def sequencer(url: str) -> Iterator[None]:
    """A process that numbers facts until the end of the block."""
    process = subprocess.Popen([sys.executable, "-m", MODULE, url, SEQUENCER], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def offered(database: Database, orders: Sequence[PlaceOrder]) -> list[PlaceOrder]:
    """The orders, each naming the cheapest offer of a quote that was made for it."""
    found: list[PlaceOrder] = []
    for batch in batches(orders, QUOTES):
        asks = [Asked(order.lines, order.ship_to, order.currency) for order in batch]
        with database.transaction(read_only=True) as tx:
            answers = quote(tx, asks, SIGNING_KEYS[0])
        for order, answer in zip(batch, answers, strict=True):
            assert not isinstance(answer, Refusal), answer
            (token,) = (o.offer for o in answer.options if o.service == answer.cheapest)
            found.append(msgspec.structs.replace(order, offer=token))
    return found


def wanted(ask: Ask) -> list[PlaceOrder]:
    """The orders asked for, without offers."""
    goods = retailer.skus(ask.size)
    if ask.hot is None:
        return retailer.orders(ask.count, ask.seed, goods=goods, weights=UNIFORM)
    return [
        msgspec.structs.replace(order, lines=(AskedLine(ask.hot, 1),))
        if number % 10 < HOT_IN_TEN
        else order
        for number, order in enumerate(
            retailer.orders(ask.count, ask.seed, goods=goods, weights=ONE_LINE)
        )
    ]


def _place(database: Database, work: Sequence[Sequence[PlaceOrder]]) -> Answered:
    placed = refused = 0
    before, begun = retries(), process_time()
    for batch in work:
        while True:
            try:
                answers = database.run(
                    lambda tx, batch=batch: place_orders(tx, batch, signing_keys=SIGNING_KEYS)
                )
            except Conflict:
                continue
            break
        for answer in answers:
            if isinstance(answer, Placed):
                placed += 1
            else:
                assert answer.code is RefusalCode.not_enough_stock, answer
                refused += 1
    return Answered(placed, refused, int(retries() - before), process_time() - begun)


def _serve(url: str) -> None:
    with Database(url, connections_max=2, name="benchmark-placing") as database:
        lend(
            Ask,
            lambda ask: batches(offered(database, wanted(ask)), ask.batch),
            lambda work: _place(database, work),
        )


def _sequence(url: str) -> None:
    with Database(url, connections_max=4, name="benchmark-sequencer") as database:
        worker = Worker(database, subscriptions=[], handlers={}, timetable=[])
        signal.signal(signal.SIGTERM, lambda _number, _frame: worker.ask_to_stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        worker.start()
        worker.wait()
        worker.stop()


if __name__ == "__main__":
    if SEQUENCER in sys.argv[2:]:
        _sequence(sys.argv[1])
    else:
        _serve(sys.argv[1])
