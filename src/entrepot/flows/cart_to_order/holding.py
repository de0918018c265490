"""Hold and release stock for carts as they change: what stays is prolonged, what is not wanted any
more goes back, what is missing is held where the order will probably leave from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from entrepot.departments.inventory import service as inventory
from entrepot.departments.inventory import service_commitments as commitments
from entrepot.departments.inventory.decisions import Ledger
from entrepot.departments.inventory.model import Balance, Hold, PlaceHold, ReleaseHold
from entrepot.departments.ordering import decisions_carts
from entrepot.departments.ordering.carts import Cart, CartHead
from entrepot.departments.ordering.decisions_carts import HoldWindow
from entrepot.departments.ordering.model import ChannelRule, ReleasedLine
from entrepot.departments.sourcing.holds import where_to_hold
from entrepot.ground.database import Tx
from entrepot.words.outcome import Conflict, Refusal


class Wish(NamedTuple):
    """A cart as it was (None = it is new) and as it shall be; who wants it, by which command.

    ranks  of the nodes that serve its destination
    """

    before: Cart | None
    after: Cart
    rule: ChannelRule
    ranks: Mapping[str, int]
    command_id: str
    actor: str

    @property
    def cart_id(self) -> str:
        """Whose stock it is."""
        return self.after.head.cart_id


class Stock:
    """Stock as it is once the batch is written."""

    def __init__(self, balances: Sequence[Balance]) -> None:
        self.balances = balances
        self._ledger = Ledger(balances)
        self._nodes: dict[str, list[str]] = defaultdict(list)
        for balance in balances:
            self._nodes[balance.sku].append(balance.node)

    def free(self, sku: str, nodes: Mapping[str, int]) -> int:
        """Units of a SKU that anybody may still have at some nodes."""
        return sum(
            max(0, self._ledger.available(sku, node))
            for node in self._nodes.get(sku, ())
            if node in nodes
        )

    def available(self, skus: Iterable[str]) -> dict[tuple[str, str], int]:
        """Units of SKUs that anybody may still have, by SKU and node."""
        return {
            (sku, node): self._ledger.available(sku, node)
            for sku in skus
            for node in self._nodes.get(sku, ())
        }

    def take(self, sku: str, node: str, each: int) -> None:
        """Units that are held from now on."""
        self._ledger.reserve(sku, node, each)


class Held(NamedTuple):
    """A cart with what it holds now, and which units it held before and does not any more."""

    cart: Cart
    holds: tuple[Hold, ...]
    released: tuple[ReleasedLine, ...]


def keep(tx: Tx, wishes: Sequence[Wish]) -> tuple[list[Held], Stock]:
    """Make carts hold what they want, as far as there is stock; gives them in order.

    The transaction writes its stock last from here on.
    Raises: Conflict when stock or a hold changed meanwhile.
    """
    commitments.stock_last(tx)
    mine = by_cart(
        commitments.holds_of(tx, [w.cart_id for w in wishes if w.before and w.before.head.holds])
    )
    staying = {w.cart_id: _staying(w, mine.get(w.cart_id, ()), tx.now) for w in wishes}
    commitments.release(
        tx,
        [
            ReleaseHold(w.command_id, w.actor, hold)
            for w in wishes
            for hold in mine.get(w.cart_id, ())
            if hold not in staying[w.cart_id]
        ],
    )
    balances = inventory.balances(tx, {line.sku for w in wishes for line in w.after.lines})
    stock = Stock(balances)
    windows = {w.cart_id: decisions_carts.hold_window(w.rule, w.after.head, tx.now) for w in wishes}
    placed = _place(tx, wishes, staying, windows, stock)
    ends = {
        w.cart_id: _end(w, window)
        for w in wishes
        if (window := windows[w.cart_id]) and staying[w.cart_id]
    }
    commitments.extend_holds(tx, ends)
    held = []
    for w in wishes:
        end = ends.get(w.cart_id)
        after = [h._replace(expires_at=end) if end else h for h in staying[w.cart_id]]
        after += placed.get(w.cart_id, ())
        held.append(_held(w, mine.get(w.cart_id, ()), after, windows[w.cart_id], tx.now))
    return held, stock


def by_cart(holds: Sequence[Hold]) -> dict[str, list[Hold]]:
    """Holds by the cart they are for."""
    found: dict[str, list[Hold]] = defaultdict(list)
    for hold in holds:
        found[hold.cart].append(hold)
    return found


def held_each(holds: Sequence[Hold]) -> Counter[str]:
    """Units held, by SKU."""
    held: Counter[str] = Counter()
    for hold in holds:
        held[hold.sku] += hold.quantity_each
    return held


def _staying(wish: Wish, holds: Sequence[Hold], at: datetime) -> list[Hold]:
    """The holds that are still wanted where they are; none of those past their time."""
    before, after = wish.before, wish.after
    if before is None or not before.head.holds or _is_over(before.head, at):
        return []
    if (before.head.country, before.head.postal_area) != (
        after.head.country,
        after.head.postal_area,
    ):
        return []
    left = {line.sku: decisions_carts.target_each(wish.rule, line) for line in after.lines}
    staying = []
    for hold in holds:
        if hold.quantity_each <= left.get(hold.sku, 0):
            left[hold.sku] -= hold.quantity_each
            staying.append(hold)
    return staying


def _is_over(head: CartHead, at: datetime) -> bool:
    """Whether its holds are past their time, and not swept yet."""
    return head.held_until is not None and head.held_until <= at


def _end(wish: Wish, window: HoldWindow) -> datetime:
    """A hold that was granted is never shortened."""
    head = wish.after.head
    return max(window.until, head.held_until) if head.holds and head.held_until else window.until


def _place(
    tx: Tx,
    wishes: Sequence[Wish],
    staying: Mapping[str, Sequence[Hold]],
    windows: Mapping[str, HoldWindow | None],
    stock: Stock,
) -> dict[str, list[Hold]]:
    """Hold what is missing, cart after cart: who came first is served first."""
    commands: list[PlaceHold] = []
    for wish in wishes:
        window = windows[wish.cart_id]
        if window is None:
            continue
        there = held_each(staying[wish.cart_id])
        missing = [
            (line.sku, each)
            for line in wish.after.lines
            if (each := decisions_carts.target_each(wish.rule, line) - there[line.sku]) > 0
        ]
        available = stock.available(sku for sku, _ in missing)
        for place in where_to_hold(missing, available, wish.ranks):
            stock.take(*place)
            commands.append(
                PlaceHold(
                    command_id=wish.command_id,
                    actor=wish.actor,
                    cart=wish.cart_id,
                    sku=place.sku,
                    node=place.node,
                    quantity_each=place.quantity_each,
                    expires_at=_end(wish, window),
                )
            )
    placed: list[Hold] = []
    for answer in commitments.hold(tx, commands, known=stock.balances) if commands else ():
        if isinstance(answer, Refusal):
            raise Conflict(f"stock changed meanwhile: {answer.message}", kind="guard")
        placed.append(answer)
    return by_cart(placed)


def _held(
    wish: Wish,
    before: Sequence[Hold],
    after: Sequence[Hold],
    window: HoldWindow | None,
    at: datetime,
) -> Held:
    head = wish.after.head
    if after and window is not None:
        head = head._replace(holds=True, held_since=window.since, held_until=_end(wish, window))
    elif not after and head.holds:
        assert head.held_until is not None, "a cart that holds says until when"
        head = head._replace(holds=False, held_until=min(at, head.held_until))
    gone: Counter[tuple[str, str]] = Counter()
    for hold in before:
        gone[hold.sku, hold.node] += hold.quantity_each
    for hold in after:
        gone[hold.sku, hold.node] -= hold.quantity_each
    return Held(
        cart=wish.after._replace(head=head),
        holds=tuple(after),
        released=tuple(
            ReleasedLine(sku, node, each) for (sku, node), each in sorted(gone.items()) if each > 0
        ),
    )
