"""What the inventory room should do, in memory and without any care for speed or concurrency."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

Key = tuple[str, str]  # SKU and node
No = str | None  # the code it refuses with, `repeated`, or None after it has changed state
Thing = dict[str, Any]

STEPS = {
    ("waiting", "reserved"): ("free", "reserved"),
    ("waiting", "cancelled"): None,
    ("reserved", "allocated"): ("reserved", "allocated"),
    ("reserved", "cancelled"): ("reserved", "free"),
    ("allocated", "reserved"): ("allocated", "reserved"),
    ("allocated", "shipped"): ("allocated", "outside"),
    ("allocated", "cancelled"): ("allocated", "free"),
}


class Model:
    """Units by SKU, node and place; order lines by number; what was opened and is expected."""

    def __init__(self) -> None:
        self.stock: dict[Key, Counter[str]] = defaultdict(Counter)
        self.opened: dict[Key, int] = {}
        self.lines: dict[int, Thing] = {}
        self.expected: dict[Key, Thing] = {}

    def shift(self, key: Key, source: str, target: str, each: int) -> No:
        if each < 1:
            return "bad_quantity"
        if source != "outside" and self.stock[key][source] < each:
            return "not_enough_stock"
        self.stock[key].update({source: -each, target: each})
        return None

    def open(self, key: Key, each: int) -> No:
        if each >= 1 and key in self.opened:
            return "repeated" if self.opened[key] == each else "already_counted"
        return self.shift(key, "outside", "free", each) or self.opened.update({key: each})

    def receive(self, key: Key, each: int, to: str, coming: Thing | None, close: bool) -> No:
        refused = self.shift(key, "outside", to, each)
        if not refused and coming and coming["open"]:
            left = coming["left"] - each
            coming.update(left=left, open=left > 0 and not close)
        return refused

    def adjust(self, key: Key, change: int, reason: str) -> No:
        if change and reason not in ("lost", "found"):
            return "bad_value"
        return self.shift(key, *(("outside", "free") if change > 0 else ("free", "outside")),
                          abs(change))  # fmt: skip

    def count(self, key: Key, counted: int) -> No:
        there = sum(self.stock[key][a] for a in ("free", "held", "reserved", "allocated"))
        if counted < 0 or counted == there:
            return "bad_quantity" if counted < 0 else None
        return self.adjust(key, counted - there, "found")

    def expect(self, key: Key, node: str, each: int, due: datetime) -> No:
        before = self.expected.get(key, {"open": True, "all": 0, "left": 0})
        if each < 1 or not before["open"]:
            return "bad_quantity" if each < 1 else "wrong_state"
        left = each - before["all"] + before["left"]
        self.expected[key] = {"open": True, "all": each, "left": left, "due": due, "node": node}
        return None

    def move(self, line: Thing, to: str, node: str) -> No:
        if (line["state"], to) not in STEPS:
            return "wrong_state"
        taken, at = STEPS[line["state"], to], line["node"] or node
        refused = self.shift((line["sku"], at), *taken, line["each"]) if taken else None
        return refused or line.update(state=to, node=at)

    def shorten(self, line: Thing, each: int, reason: str) -> No:
        if line["state"] != "allocated":
            return "wrong_state"
        if not 1 <= each <= line["each"] or reason == "moths":
            return "bad_value" if 1 <= each <= line["each"] else "bad_quantity"
        self.shift((line["sku"], line["node"]), "allocated", "outside", each)
        left = line["each"] - each
        return line.update({"each": left} if left else {"state": "cancelled"})

    def promised(self, sku: str, now: datetime, at: datetime) -> int:
        changes = [(e["due"], max(e["left"], 0)) for (of, _), e in self.expected.items()
                   if of == sku and e["open"]]  # fmt: skip
        changes += [(w["due"] or now, -w["each"]) for w in self.lines.values()
                    if w["sku"] == sku and w["state"] == "waiting"]  # fmt: skip
        free = sum(units["free"] for (of, _), units in self.stock.items() if of == sku)
        instants = {at, *(due for due, _ in changes if due > at)}
        return max(0, min(free + sum(c for due, c in changes if due <= t) for t in instants))
