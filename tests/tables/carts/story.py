"""Cart scenarios as aligned text: each line is one thing that somebody does, and what then stands.

    # cart  does           wants    ends               holds    free
      -     stock BER      A*3                                  A*3
      c1    open           A*2                         A*2      A*1
      c2    complete                not_enough_stock            A*1

The comment that begins with `cart` names the columns of the rows below it; a cell begins under its
column's name and is two spaces from the next. An empty cell is not compared, `-` is nothing. `ends`
is a refusal's code, the state the cart is in, or why a line is not held: `A:stock`. `holds` is what
the cart holds, `free` what anybody may have at all nodes. Carts go to Berlin; the channel holds ten
minutes after each change and half an hour in all. The price of A is 100, of B 200, of C 300.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory.model import Receipt
from entrepot.departments.ordering.carts import LineChange
from entrepot.departments.pricing import service as pricing
from entrepot.departments.pricing.model import PriceEntry, SetPrice
from entrepot.flows.cart_to_order import expire
from entrepot.flows.cart_to_order.model import CartView
from entrepot.flows.order_to_delivery.model import Placed, ShipTo
from entrepot.flows.watch.audit import audit
from entrepot.ground.clock import VirtualClock
from entrepot.ground.database import Database
from entrepot.words.outcome import Refusal
from tests.builders import BERLIN, ME, MUNICH, SKUS, an_order
from tests.flows.carting import (
    MARKET,
    WEB,
    abandon,
    complete,
    completing,
    opening,
    seen,
    try_change,
    try_open,
)
from tests.flows.test_place import place

NAMES = dict(zip("ABC", SKUS, strict=False))
LETTERS = {sku: letter for letter, sku in NAMES.items()}
COLUMNS = ("cart", "does", "wants", "ends", "holds", "free")
PLACES = {"Berlin": BERLIN, "Munich": MUNICH, "Germany": ShipTo("DE"), "nowhere": None}
MINUTES = {"m": 1, "h": 60, "d": 1_440}


class Row(NamedTuple):
    """One line of a scenario; a cell is None where it is empty."""

    line: int
    text: str
    cart: str
    does: str
    wants: str | None
    ends: str | None
    holds: str | None
    free: str | None


class BadTable(ValueError):
    """A scenario that cannot be read; the message begins with file and line."""


def parse(file: str, text: str) -> Iterator[Row]:
    """The rows of a scenario. Raises: BadTable."""
    starts: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = [(m.start(), m.group()) for m in re.finditer(r"\S+(?: \S+)*", line)]
        if line.startswith("# cart "):
            starts = {m.start(): m.group() for m in re.finditer(r"[a-z]+", line)}
            if unknown := set(starts.values()) - set(COLUMNS):
                raise BadTable(f"{file}:{number}: no column {sorted(unknown)}")
        elif line.strip() and not line.startswith("#"):
            cells: dict[str, str | None] = dict.fromkeys(COLUMNS)
            for start, word in words:
                if start not in starts:
                    raise BadTable(f"{file}:{number}: {word!r} stands under no column")
                cells[starts[start]] = word
            cart, does = cells.pop("cart"), cells.pop("does")
            if cart is None or does is None:
                raise BadTable(f"{file}:{number}: a row has a cart (or -) and something done")
            yield Row(number, line, cart, does, **cells)


def amounts(text: str | None) -> dict[str, int]:
    """`A*2 B*1` by SKU."""
    if text in (None, "-"):
        return {}
    pairs = (part.split("*") for part in text.split())
    return {NAMES[letter]: int(each) for letter, each in pairs}


def written(each: Mapping[str, int]) -> str:
    """Amounts as a cell has them; `-` for none."""
    found = [f"{LETTERS[sku]}*{n}" for sku, n in sorted(each.items()) if n and sku in LETTERS]
    return " ".join(found) or "-"


class Story:
    """One scenario at work."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database = database
        self.clock = clock

    def play(self, file: str, text: str) -> str | None:
        """Do every line; None when each ends as it says, else what went otherwise."""
        for row in parse(file, text):
            verb, *words = row.does.split()
            answer = VERBS[verb](self, row, words)
            expected, found = self._compared(row, answer)
            if expected != found:
                place = f"{file}:{row.line}: {row.text.strip()}"
                return f"{place}\n  expected {expected}\n  found    {found}"
        with self.database.transaction(read_only=True) as tx:
            findings = audit(tx).findings
        return f"{file}: audit: {findings}" if findings else None

    def _compared(self, row: Row, answer: Any) -> tuple[list[str], list[str]]:
        """What the line says and what is there, cut to what the line says."""
        expected, found = [], []
        if row.ends is not None:
            expected.append(row.ends)
            found.append(self._ending(row, answer))
        elif isinstance(answer, Refusal):
            return ["no refusal"], [answer.message]
        if row.holds is not None:
            expected.append(row.holds)
            view = seen(self.database, row.cart)
            found.append(written({line.sku: line.held for line in view.lines}))
        if row.free is not None:
            expected.append(row.free)
            found.append(self._free())
        return expected, found

    def _ending(self, row: Row, answer: Any) -> str:
        if isinstance(answer, Refusal):
            return answer.code
        if isinstance(answer, CartView) and row.ends is not None and ":" in row.ends:
            why = [(LETTERS[x.sku], x.unheld_because) for x in answer.lines if x.unheld_because]
            return " ".join(f"{letter}:{reason}" for letter, reason in why)
        if isinstance(answer, CartView) and row.ends is not None and "*" in row.ends:
            return written({x.sku: x.quantity for x in answer.lines if not x.saved})
        if isinstance(answer, CartView):
            return answer.state
        if isinstance(answer, Placed):
            return "placed"
        return answer if isinstance(answer, str) else "-"

    def _free(self) -> str:
        with self.database.transaction(read_only=True) as tx:
            found = inventory.balances(tx, SKUS)
        free: dict[str, int] = {}
        for balance in found:
            free[balance.sku] = free.get(balance.sku, 0) + balance.available
        return written(free)

    def stock(self, row: Row, words: list[str]) -> Any:
        commands = [
            Receipt(f"line {row.line}", ME, sku, words[0], each, f"receipt {row.line}")
            for sku, each in amounts(row.wants).items()
        ]
        return self.database.run(lambda tx: inventory.receive(tx, commands))

    def open(self, row: Row, words: list[str]) -> Any:
        channel = {"web": WEB}.get(words[0] if words else "", MARKET)
        to = PLACES[words[-1]] if words and words[-1] in PLACES else BERLIN
        wants = amounts(row.wants).items()
        command = opening(
            row.cart, lines=tuple(LineChange(s, n) for s, n in wants), channel=channel, ship_to=to
        )
        return try_open(self.database, command)[0]

    def change(self, row: Row, words: list[str]) -> Any:
        return try_change(self.database, row.cart, *amounts(row.wants).items())

    def keep(self, row: Row, words: list[str]) -> Any:
        """`keep A for later` and `keep A no longer`."""
        saved = words[1:] == ["for", "later"]
        lines = (LineChange(NAMES[words[0]], saved=saved),)
        return try_change(self.database, row.cart, lines=lines)

    def agree(self, row: Row, words: list[str]) -> Any:
        """`agree A at 150`."""
        lines = (LineChange(NAMES[words[0]], unit_price_minor=int(words[2])),)
        return try_change(self.database, row.cart, lines=lines)

    def go(self, row: Row, words: list[str]) -> Any:
        """`go to Munich`."""
        return try_change(self.database, row.cart, ship_to=PLACES[words[1]])

    def drop(self, row: Row, words: list[str]) -> Any:
        return abandon(self.database, row.cart)

    def complete(self, row: Row, words: list[str]) -> Any:
        """`complete`, `complete on backorder`, or `complete with c2 c3`: ends as each does."""
        changes = {"backorder": True} if words[:1] == ["on"] else {}
        carts = [row.cart, *words[1:]] if words[:1] == ["with"] else [row.cart]
        answers = complete(self.database, *(completing(c, **changes) for c in carts))
        if len(answers) == 1:
            return answers[0]
        return " ".join(a.code if isinstance(a, Refusal) else "placed" for a in answers)

    def order(self, row: Row, words: list[str]) -> Any:
        """Somebody orders without a cart."""
        lines = amounts(row.wants).items()
        return place(self.database, an_order(f"line {row.line}", *lines))[0]

    def price(self, row: Row, words: list[str]) -> Any:
        """`price A 150`."""
        entry = PriceEntry(NAMES[words[0]], "EUR", int(words[1]))
        return self.database.run(lambda tx: pricing.set_prices(tx, [SetPrice("p", ME, entry)]))

    def later(self, row: Row, words: list[str]) -> Any:
        minutes = int(words[0][:-1]) * MINUTES[words[0][-1]]
        self.clock.sleep(60 * minutes)

    def sweep(self, row: Row, words: list[str]) -> Any:
        expire.expire_holds(self.database)
        expire.expire_carts(self.database)

    def look(self, row: Row, words: list[str]) -> Any:
        return seen(self.database, row.cart)


VERBS: Mapping[str, Callable[[Story, Row, list[str]], Any]] = {
    "stock": Story.stock,
    "open": Story.open,
    "change": Story.change,
    "touch": Story.change,
    "keep": Story.keep,
    "agree": Story.agree,
    "go": Story.go,
    "drop": Story.drop,
    "complete": Story.complete,
    "order": Story.order,
    "price": Story.price,
    "later": Story.later,
    "sweep": Story.sweep,
    "look": Story.look,
}
