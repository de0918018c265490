"""The demo's days: customers, payments, events and deliveries from one seed, on a virtual clock.

Everything goes through the flows that the doors call. One thread works until all is quiet before
time moves, so the same seed gives the same run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Adjustment, Cause, Receipt
from entrepot.departments.ordering import service as ordering
from entrepot.departments.ordering.model import CancelReason, PartState, Queue
from entrepot.departments.ordering.service import Cancelled
from entrepot.flows.order_to_delivery import expire
from entrepot.flows.order_to_delivery.cancel import cancel_orders
from entrepot.flows.order_to_delivery.model import (
    Ask,
    AskedLine,
    Placed,
    PlaceOrder,
    Quoted,
    Recipient,
    ShipTo,
)
from entrepot.flows.order_to_delivery.place import place_orders
from entrepot.flows.order_to_delivery.quote import quote
from entrepot.flows.reactions import SUBSCRIPTIONS
from entrepot.flows.stock_control.adjust import adjust
from entrepot.ground import subscriptions
from entrepot.ground.clock import Clock, VirtualClock
from entrepot.ground.database import Database
from entrepot.ground.events import drain
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal

T = TypeVar("T")

ACTOR = "demo"
CURRENCY = "EUR"
STEP = timedelta(minutes=15)
ORDERS_A_STEP = 6
PAYMENT_MINUTES = 30
# A stock-keeping unit stands here as often as it is wanted.
WANTED = (
    *("MUG-BLUE",) * 4,
    *("THROW-WOOL",) * 4,
    *("CUSHION-45",) * 3,
    *("NOTEBOOK-A5",) * 3,
    *("PEN-BRASS",) * 3,
    *("MUG-SAND", "CANDLE-FIG", "TEAPOT-1L", "LAMP-DESK") * 2,
    *("BOWL-SET-4", "VASE-30", "STOOL-OAK"),
)
PLACES = (
    *(ShipTo("NL", "1012 JS"), ShipTo("NL", "3011 AD")) * 3,
    *(ShipTo("DE", "10115"), ShipTo("DE", "20095"), ShipTo("DE", "04109")) * 2,
    *(ShipTo("FR", "75001"), ShipTo("FR", "69002")) * 2,
    ShipTo("BE", "1000"),
    ShipTo("AT", "1010"),
    ShipTo("ES", "07001"),
    ShipTo("GB", "SW1A 1AA"),
)
# What goes wrong at a counter: a mistyped SKU, an impossible quantity, a place nobody sends to.
MISTAKES: tuple[tuple[tuple[AskedLine, ...], ShipTo], ...] = (
    ((AskedLine("MUG-BLEU", 1),), PLACES[0]),
    ((AskedLine("MUG-BLUE", 0),), PLACES[0]),
    ((AskedLine("MUG-BLUE", 1),), ShipTo("JP", "100-0001")),
)


class Dice:
    """Choices from a seed and the day a run begins."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._source = VirtualClock(start, seed ^ int(start.timestamp()))

    def below(self, count: int) -> int:
        """A whole number from 0 to below `count`."""
        return int.from_bytes(self._source.random_bytes(6)) % count

    def one_of(self, values: Sequence[T]) -> T:
        """One of the values."""
        return values[self.below(len(values))]

    def percent(self, chance: int) -> bool:
        """True in `chance` of a hundred cases."""
        return self.below(100) < chance


class Basket(NamedTuple):
    """What a customer comes with."""

    number: int
    lines: tuple[AskedLine, ...]
    ship_to: ShipTo


def _nothing() -> None:
    """What happens mostly."""


class Told(NamedTuple):
    """How far a run is, for who watches."""

    at: datetime
    asked: int
    placed: int
    waiting: int


class Run:
    """One run and what it saw.

    prefix   of its command ids and customers: no other run on the database has it
    options  quotes by how many options they offered
    refused  refusals by code
    """

    def __init__(
        self,
        database: Database,
        clock: VirtualClock,
        keys: KeyStore,
        seed: int,
        stopwatch: Clock,
    ) -> None:
        self.placed: dict[str, Placed] = {}
        self.options: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.place_seconds = 0.0
        self.place_calls = 0
        self._database = database
        self._clock = clock
        self._keys = keys
        self._dice = Dice(seed, clock.now())
        self._stopwatch = stopwatch
        self._prefix = f"{ACTOR}:{clock.now().isoformat()}"
        self._unpaid: list[tuple[str, datetime, bool]] = []

    def go(self, orders: int, tell: Callable[[Told], None]) -> None:
        """Let customers come until `orders` were asked for, then the rest of a day pass.

        tell  called after every step of time
        """
        self._database.run(lambda tx: subscriptions.register(tx, SUBSCRIPTIONS))
        asked = 0
        events = {orders // 3: self._damage}
        events |= dict.fromkeys((orders * 3 // 5, orders * 9 // 10), self._deliver)
        while asked < orders:
            baskets = [self._basket(n) for n in range(asked, min(asked + ORDERS_A_STEP, orders))]
            self._serve(baskets)
            self._pay()
            self._change_minds()
            for number in range(asked, asked + len(baskets)):
                events.get(number, _nothing)()
            asked += len(baskets)
            self._settle()
            tell(Told(self._clock.now(), asked, len(self.placed), self._waiting()))
            self._clock.sleep(STEP.total_seconds())
        while self._unpaid:
            self._pay()
            self._settle()
            self._clock.sleep(STEP.total_seconds())
        tell(Told(self._clock.now(), asked, len(self.placed), self._waiting()))

    def _basket(self, number: int) -> Basket:
        dice = self._dice
        if dice.percent(3):
            lines, ship_to = MISTAKES[number % len(MISTAKES)]
            return Basket(number, lines, ship_to)
        skus = dict.fromkeys(dice.one_of(WANTED) for _ in range(1 + dice.below(3)))
        lines = tuple(AskedLine(sku, 1 + dice.below(2) + dice.below(3)) for sku in skus)
        return Basket(number, lines, dice.one_of(PLACES))

    def _serve(self, baskets: Sequence[Basket]) -> None:
        """Quote all, let each customer choose, place what they chose in one batch."""
        asks = [Ask(b.lines, b.ship_to, CURRENCY) for b in baskets]
        signing_keys = self._keys.signing_keys()
        with self._database.transaction(read_only=True) as tx:
            quotes = quote(tx, asks, signing_keys[0])
        commands = [self._choose(b, q) for b, q in zip(baskets, quotes, strict=True)]
        begun = self._stopwatch.monotonic()
        answers = self._database.run(
            lambda tx: place_orders(tx, commands, signing_keys=signing_keys, keys=self._keys)
        )
        self.place_seconds += self._stopwatch.monotonic() - begun
        self.place_calls += len(commands)
        for answer in answers:
            if isinstance(answer, Refusal):
                self.refused[answer.code.value] += 1
            else:
                self.placed[answer.order_id] = answer
                if answer.payment_due_at is not None:
                    late = self._dice.percent(35)
                    self._unpaid.append((answer.order_id, answer.payment_due_at, late))

    def _choose(self, basket: Basket, quoted: Quoted | Refusal) -> PlaceOrder:
        """What this customer orders: an offer of the quote, or by a word, also to wait for it."""
        dice = self._dice
        offer, service = None, dice.one_of(("cheapest", "cheapest", "fastest"))
        if isinstance(quoted, Quoted):
            self.options[len(quoted.options)] += 1
            if dice.percent(70):
                offer = dice.one_of(quoted.options).offer
        recipient = None
        if dice.percent(60):
            recipient = Recipient(f"Customer {basket.number}", "Main Street 1", "Town")
        return PlaceOrder(
            command_id=f"{self._prefix}:{basket.number}",
            actor=ACTOR,
            lines=basket.lines,
            ship_to=basket.ship_to,
            currency=CURRENCY,
            offer=offer,
            service=service,
            recipient=recipient,
            backorder=offer is None and dice.percent(80),
            payment_minutes=PAYMENT_MINUTES if dice.percent(25) else None,
        )

    def _pay(self) -> None:
        """Payments come in a quarter of an hour, or a quarter after they were due."""
        now = self._clock.now()
        after = timedelta(minutes=PAYMENT_MINUTES) - STEP
        due = [
            order_id
            for order_id, due_at, late in self._unpaid
            if now >= (due_at + STEP if late else due_at - after)
        ]
        self._unpaid = [entry for entry in self._unpaid if entry[0] not in due]
        if not due:
            return
        command_id = f"{self._prefix}:pay:{now.isoformat()}"
        for answer in self._database.run(
            lambda tx: ordering.confirm_payment(tx, due, command_id=command_id, actor=ACTOR)
        ):
            too_late = isinstance(answer, Refusal)
            self.happened["payments that came too late" if too_late else "payments"] += 1

    def _change_minds(self) -> None:
        """Now and then a customer cancels an order."""
        if not self.placed or not self._dice.percent(35):
            return
        order_id = self._dice.one_of(list(self.placed))
        command_id = f"{self._prefix}:cancel:{self._clock.now().isoformat()}"
        answers = self._database.run(
            lambda tx: cancel_orders(
                tx, {order_id: CancelReason.customer}, command_id=command_id, actor=ACTOR
            )
        )
        if isinstance(answers[order_id], Cancelled):
            self.happened["orders cancelled by customers"] += 1

    def _damage(self) -> None:
        """A pallet falls: part of the free stock of two items is lost."""
        command_id = f"{self._prefix}:damage"
        answers = self._database.run(
            lambda tx: adjust(
                tx,
                [
                    Adjustment(command_id, ACTOR, sku, "RTM", -3, Cause.damaged, "pallet fell")
                    for sku in ("TEAPOT-1L", "VASE-30")
                ],
            )
        )
        for answer in answers:
            if isinstance(answer, Refusal):
                self.refused[answer.code.value] += 1
            else:
                self.happened["stock adjustments"] += 1

    def _deliver(self) -> None:
        """A supplier delivers: what customers wait for, and as much again."""
        command_id = f"{self._prefix}:receipt:{self._clock.now().isoformat()}"
        with self._database.transaction(read_only=True) as tx:
            waiting = {q.order_id for q in ordering.queues(tx, Queue.backorder)}
            orders = ordering.read(tx, sorted(waiting))
        missing: Counter[str] = Counter()
        for order in orders:
            skus = {line.line_no: line.sku for line in order.lines}
            for part in order.parts:
                if part.state is PartState.backordered:
                    for line in part.lines:
                        missing[skus[line.line_no]] += 2 * line.quantity_each
        receipts = [
            Receipt(command_id, ACTOR, sku, "RTM", each, "supplier")
            for sku, each in sorted(missing.items())
        ]
        self._database.run(lambda tx: inventory.receive(tx, receipts))
        self.happened["items received from suppliers"] += len(receipts)

    def _settle(self) -> None:
        """The worker's part, until nothing is left to do at this instant."""
        expire.expire_unpaid(self._database)
        expire.expire_holds(self._database)
        while any(self._moves()):
            pass

    def _moves(self) -> Iterator[int]:
        yield drain(self._database)
        for subscription in SUBSCRIPTIONS:
            yield subscriptions.advance(self._database, subscription)

    def _waiting(self) -> int:
        with self._database.transaction(read_only=True) as tx:
            counts = {queue: count for queue, count, _ in ordering.queue_counts(tx)}
        return counts.get(Queue.backorder.value, 0)
