"""The intake: orders that come at the same time are placed together, each with its own answer; and
so are carts that are completed, in a line of their own.

Arriving orders wait in one line. A thread takes what has gathered, up to a batch, and places it in
one transaction; what arrives meanwhile is the next batch, so that a busy door works in large
batches and an idle one at once. Orders are decided in the order of their arrival. What cannot be
placed together is taken apart, down to the order that is the cause: the others do not notice.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

from entrepot.doors.house import House
from entrepot.flows.cart_to_order.model import CompleteCart
from entrepot.flows.order_to_delivery.model import Placed, PlaceOrder
from entrepot.flows.order_to_delivery.place import Answer
from entrepot.ground.clock import Clock
from entrepot.ground.telemetry import METRICS, get_logger
from entrepot.words.outcome import Conflict, Fault, Refusal, Unavailable

# Larger batches cost no less an order, and make the first of them wait for the last.
BATCH_MAX = 250
# Some seconds of work: who comes later is told to come again.
WAITING_MAX = 5_000
# How long the first of a batch waits for others.
GATHER_S = 0.002

# How often who waits for room in the line looks again.
ROOM_S = 0.005

C = TypeVar("C", PlaceOrder, CompleteCart)
Place = Callable[[Sequence[C]], Sequence[Answer]]
Outcome = Answer | Exception

log = get_logger(__name__)


class _Waiting(NamedTuple, Generic[C]):
    """An order in the line, and who waits for its answer."""

    order: C
    arrived: float
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Answer]


class Intake(Generic[C]):
    """The line of one process, and the thread that places what waits in it.

    place        places a batch in one transaction, which it may try again
    batch_max    orders placed together at most
    waiting_max  orders that may wait
    gather_s     seconds the first order of a batch waits for others
    """

    def __init__(
        self,
        place: Place[C],
        clock: Clock,
        *,
        batch_max: int = BATCH_MAX,
        waiting_max: int = WAITING_MAX,
        gather_s: float = GATHER_S,
    ) -> None:
        self._place: Place[C] = place
        self._clock = clock
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._gather_s = gather_s
        self._line: deque[_Waiting[C]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        """Begin to place what comes."""
        self._thread.start()

    def close(self) -> None:
        """Place what still waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    async def place(self, order: C) -> Answer:
        """The order's own answer.

        Raises: Unavailable when the line is full or the intake closes; what placing it raised.
        """
        (waiting,) = self._join([order])
        return await waiting

    async def place_patiently(self, orders: Sequence[C]) -> list[Outcome]:
        """Their answers in order, or what placing one raised; comes back when all are answered.

        Who sends many waits until half of the line is free: the other half is for those who send
        one.
        """
        while self.waiting and self.waiting + len(orders) > self._waiting_max // 2:
            await asyncio.sleep(ROOM_S)
        try:
            joined = self._join(orders)
        except Unavailable as fault:
            return [fault] * len(orders)
        found = await asyncio.gather(*joined, return_exceptions=True)
        return [one if isinstance(one, Placed | Refusal | Exception) else _ended() for one in found]

    @property
    def waiting(self) -> int:
        """How many orders stand in the line."""
        return len(self._line)

    def _join(self, orders: Sequence[C]) -> list[asyncio.Future[Answer]]:
        loop = asyncio.get_running_loop()
        now = self._clock.monotonic()
        joined = [_Waiting(order, now, loop, loop.create_future()) for order in orders]
        with self._changed:
            if self._closing:
                raise Unavailable("the door closes; send the same request again", kind="closing")
            if len(self._line) + len(joined) > self._waiting_max:
                METRICS.intake_turned_away.inc(len(joined))
                raise Unavailable(
                    f"{len(self._line)} orders wait already, expected at most "
                    f"{self._waiting_max}; send the same request again after a moment",
                    kind="busy",
                )
            before = len(self._line)
            self._line.extend(joined)
            # The thread wakes for the first of a batch, and once more when the batch is full.
            if not before or before < self._batch_max <= len(self._line):
                self._changed.notify()
        return [entry.answer for entry in joined]

    def _run(self) -> None:
        while batch := self._next():
            METRICS.intake_batch_orders.observe(len(batch))
            outcomes = placed_apart(self._place, [entry.order for entry in batch])
            pairs = list(zip(batch, outcomes, strict=True))
            for loop, mine in groupby(pairs, key=lambda pair: pair[0].loop):
                _tell(loop, list(mine))

    def _next(self) -> list[_Waiting[C]]:
        """The next batch; none when the intake is closed and everything was placed."""
        with self._changed:
            while not self._line and not self._closing:
                self._changed.wait()
            while 0 < len(self._line) < self._batch_max and not self._closing:
                left = self._line[0].arrived + self._gather_s - self._clock.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            count = min(len(self._line), self._batch_max)
            return [self._line.popleft() for _ in range(count)]


def together(house: House, verb: Callable[..., Sequence[Answer]]) -> Place[C]:
    """Gives a batch to `place_orders` or `complete_carts` in one transaction, which is tried again
    after a conflict."""

    def place(asked: Sequence[C]) -> Sequence[Answer]:
        signing_keys = house.signing_keys()
        return house.database.run(
            lambda tx: verb(tx, asked, signing_keys=signing_keys, keys=house.keys)
        )

    return place


def placed_apart(place: Place[C], orders: Sequence[C]) -> list[Outcome]:
    """Placed together; by halves when the reason that they are not may lie in one of them."""
    if not orders:
        return []
    try:
        return list(place(orders))
    except Exception as error:  # each caller gets it, or a half without it
        if len(orders) == 1:
            if not isinstance(error, Fault):
                log.exception("intake.bug", command=_name(orders[0]), error=repr(error))
            return [error]
        if isinstance(error, Fault) and not isinstance(error, Conflict):
            return [error] * len(orders)
        log.warning("intake.taken_apart", orders=len(orders), error=repr(error))
    middle = len(orders) // 2
    return placed_apart(place, orders[:middle]) + placed_apart(place, orders[middle:])


def _name(asked: PlaceOrder | CompleteCart) -> str:
    return asked.command_id if isinstance(asked, PlaceOrder) else f"cart/{asked.cart_id}"


def _ended() -> Unavailable:
    return Unavailable("the door closed; send the same order again", kind="closing")


def _tell(loop: asyncio.AbstractEventLoop, pairs: Sequence[tuple[_Waiting[C], Outcome]]) -> None:
    try:
        loop.call_soon_threadsafe(_set, pairs)
    except RuntimeError:  # the loop is closed, and nobody waits any more
        log.warning("intake.nobody_waits", orders=len(pairs))


def _set(pairs: Sequence[tuple[_Waiting[C], Outcome]]) -> None:
    for entry, outcome in pairs:
        # Who went away finds the order under its key.
        if not entry.answer.done():
            if isinstance(outcome, Exception):
                entry.answer.set_exception(outcome)
            else:
                entry.answer.set_result(outcome)
