"""What carts should do, in memory: sums over all nodes, one command after another, no concurrency.

Every node of the test serves every destination, so that only sums count.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

HOLD = timedelta(minutes=10)
SPAN = timedelta(minutes=30)
DAYS = timedelta(days=2)

No = str | None  # the code it refuses with; None = done


class ModelCart:
    """Lines by SKU: quantity, price seen, saved; what is held of each; when it was touched."""

    def __init__(self, at: datetime, holding: bool) -> None:
        self.state = "open"
        self.version = 1
        self.holding = holding
        self.lines: dict[str, list[Any]] = {}
        self.held: Counter[str] = Counter()
        self.since: datetime | None = None
        self.until: datetime | None = None
        self.active = at

    def wanted(self) -> dict[str, int]:
        return {sku: quantity for sku, (quantity, _, saved) in self.lines.items() if not saved}

    def holds(self) -> bool:
        return any(self.held.values())


class Model:
    """Free units and prices by SKU, and the carts."""

    def __init__(self, skus: tuple[str, ...], price: int) -> None:
        self.free: Counter[str] = Counter(dict.fromkeys(skus, 0))
        self.sold: Counter[str] = Counter()
        self.prices = dict.fromkeys(skus, price)
        self.carts: dict[str, ModelCart] = {}

    def open(self, name: str, wants: dict[str, int], holding: bool, at: datetime) -> No:
        if name in self.carts:
            return "cart_exists"
        cart = ModelCart(at, holding)
        for sku, each in wants.items():
            cart.lines[sku] = [each, self.prices[sku], False]
        self.carts[name] = cart
        self._keep(cart, at)
        return None

    def change(
        self, name: str, wants: dict[str, int], saved: dict[str, bool], version: No, at: datetime
    ) -> No:
        cart = self.carts.get(name)
        if cart is None:
            return "unknown_cart"
        if cart.state not in ("open", "expired"):
            return "wrong_state"
        after = {sku: list(line) for sku, line in cart.lines.items()}
        for sku, each in wants.items():
            if each:
                after.setdefault(sku, [0, self.prices[sku], False])[0] = each
            else:
                after.pop(sku, None)
        for sku, flag in saved.items():
            if sku in after:
                after[sku][2] = flag
        if after != cart.lines:
            if version == "stale":
                return "cart_changed"
            cart.version += 1
        cart.lines, cart.state, cart.active = after, "open", at
        self._keep(cart, at)
        return None

    def _keep(self, cart: ModelCart, at: datetime) -> None:
        """Release what is not wanted or past its time, then hold what is missing."""
        targets = cart.wanted() if cart.holding else {}
        over = cart.until is not None and cart.until <= at
        was_holding = cart.holds()
        for sku in list(cart.held):
            keep = 0 if over else min(cart.held[sku], targets.get(sku, 0))
            self.free[sku] += cart.held[sku] - keep
            cart.held[sku] = keep
        fresh = cart.since is None or cart.until is None or at >= cart.until + SPAN
        since = at if fresh else cart.since
        until = min(at + HOLD, since + SPAN)
        if cart.holding and until > at:
            for sku, each in targets.items():
                more = min(each - cart.held[sku], self.free[sku])
                cart.held[sku] += more
                self.free[sku] -= more
            if cart.holds():
                cart.since, cart.until = since, until
        if was_holding and not cart.holds():
            cart.until = min(cart.until, at)

    def drop(self, name: str, at: datetime) -> No:
        cart = self.carts.get(name)
        if cart is None or cart.state == "abandoned":
            return "unknown_cart" if cart is None else None
        if cart.state == "completed":
            return "wrong_state"
        cart.state, cart.version = "abandoned", cart.version + 1
        self._give_back(cart)
        return None

    def _give_back(self, cart: ModelCart) -> None:
        for sku, each in cart.held.items():
            self.free[sku] += each
        cart.held.clear()

    def complete(self, name: str) -> No:
        cart = self.carts.get(name)
        if cart is None:
            return "unknown_cart"
        if cart.state == "completed":
            return None
        if cart.state == "abandoned":
            return "wrong_state"
        wanted = cart.wanted()
        if not wanted:
            return "missing_value"
        if any(cart.lines[sku][1] != self.prices[sku] for sku in wanted):
            return "price_changed"
        if any(cart.held[sku] + self.free[sku] < each for sku, each in wanted.items()):
            return "not_enough_stock"
        self._give_back(cart)
        for sku, each in wanted.items():
            self.free[sku] -= each
            self.sold[sku] += each
        cart.state, cart.version = "completed", cart.version + 1
        return None

    def order(self, wants: dict[str, int]) -> No:
        if any(self.free[sku] < each for sku, each in wants.items()):
            return "not_enough_stock"
        for sku, each in wants.items():
            self.free[sku] -= each
            self.sold[sku] += each
        return None

    def sweep(self, at: datetime) -> None:
        for cart in self.carts.values():
            if cart.holds() and cart.until is not None and cart.until <= at:
                self._give_back(cart)
            if cart.state == "open" and cart.active + DAYS <= at and not cart.holds():
                cart.state = "expired"
