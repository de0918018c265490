"""Short ways to say cart commands in tests."""

from __future__ import annotations

from typing import Any

import msgspec

from entrepot.departments.ordering import service_carts as ordering
from entrepot.departments.ordering.carts import ChannelChange, ChannelSaid, LineChange, SameRule
from entrepot.departments.ordering.model import ChannelRule
from entrepot.flows.cart_to_order.abandon import abandon_carts
from entrepot.flows.cart_to_order.change import change_carts
from entrepot.flows.cart_to_order.complete import complete_carts
from entrepot.flows.cart_to_order.model import (
    AbandonCart,
    CartLineView,
    CartView,
    ChangeCart,
    CompleteCart,
    OpenCart,
)
from entrepot.flows.cart_to_order.open import open_carts
from entrepot.flows.cart_to_order.see import read_carts
from entrepot.flows.order_to_delivery.model import Placed
from entrepot.ground.database import Database
from entrepot.ground.keys import KeyStore
from entrepot.words.outcome import Refusal
from tests.builders import BERLIN, ME, SIGNING_KEY, SKUS

WEB = "web"
MARKET = "marketplace"
HOLD_MINUTES = 10
HOLD_MINUTES_MAX = 30


def channels(database: Database, **changes: Any) -> None:
    """The web holds nothing, the marketplace ten minutes and half an hour at most."""
    rule = ChannelRule(MARKET, HOLD_MINUTES, HOLD_MINUTES_MAX)
    market = msgspec.structs.replace(rule, **changes)
    rules = [market, ChannelRule(WEB, cart_days=market.cart_days)]
    for answer in database.run(
        lambda tx: ordering.set_channels(tx, [ChannelChange("set-up", ME, r) for r in rules])
    ):
        assert isinstance(answer, ChannelSaid | SameRule), answer


def lines(*wanted: tuple[str, int]) -> tuple[LineChange, ...]:
    """(SKU, each) as a change."""
    return tuple(LineChange(sku, each) for sku, each in wanted)


def opening(cart_id: str | None, *wanted: tuple[str, int], **changes: Any) -> OpenCart:
    """A command to open a cart of the marketplace for Berlin."""
    values: dict[str, Any] = {
        "command_id": f"open-{cart_id}",
        "actor": ME,
        "currency": "EUR",
        "cart_id": cart_id,
        "channel": MARKET,
        "lines": lines(*wanted or ((SKUS[0], 1),)),
        "ship_to": BERLIN,
    }
    return OpenCart(**{**values, **changes})


def completing(cart_id: str, **changes: Any) -> CompleteCart:
    """A command to complete a cart to Berlin."""
    return CompleteCart(**{"actor": ME, "cart_id": cart_id, "ship_to": BERLIN, **changes})


def try_open(
    database: Database, *commands: OpenCart, keys: KeyStore | None = None
) -> list[CartView | Refusal]:
    """Open carts together."""
    return database.run(lambda tx: open_carts(tx, commands, keys=keys))


def opened(database: Database, cart_id: str, *wanted: tuple[str, int], **changes: Any) -> CartView:
    """Open a cart that is not refused."""
    (answer,) = try_open(database, opening(cart_id, *wanted, **changes))
    assert isinstance(answer, CartView), answer
    return answer


def try_change(
    database: Database, cart_id: str, *wanted: tuple[str, int], **changes: Any
) -> CartView | Refusal:
    """Change a cart: (SKU, each) lines, or anything a command may say."""
    values: dict[str, Any] = {"actor": ME, "cart_id": cart_id, "lines": lines(*wanted)}
    keys = changes.pop("keys", None)
    command = ChangeCart(**{**values, **changes})
    return database.run(lambda tx: change_carts(tx, [command], keys=keys))[0]


def changed(database: Database, cart_id: str, *wanted: tuple[str, int], **changes: Any) -> CartView:
    """Change a cart and be not refused."""
    answer = try_change(database, cart_id, *wanted, **changes)
    assert isinstance(answer, CartView), answer
    return answer


def abandon(database: Database, cart_id: str, version: int | None = None) -> CartView | Refusal:
    """Give a cart up."""
    return database.run(lambda tx: abandon_carts(tx, [AbandonCart(ME, cart_id, version)]))[0]


def complete(
    database: Database, *commands: CompleteCart, keys: KeyStore | None = None
) -> list[Placed | Refusal]:
    """Complete carts together."""
    return database.run(
        lambda tx: complete_carts(tx, commands, signing_keys=[SIGNING_KEY], keys=keys)
    )


def completed(database: Database, cart_id: str, **changes: Any) -> Placed:
    """Complete a cart and be not refused."""
    (answer,) = complete(database, completing(cart_id, **changes))
    assert isinstance(answer, Placed), answer
    return answer


def refused(answer: object) -> Refusal:
    """The refusal that an answer is."""
    assert isinstance(answer, Refusal), answer
    return answer


def seen(database: Database, cart_id: str) -> CartView:
    """A cart as it stands."""
    with database.transaction(read_only=True) as tx:
        (answer,) = read_carts(tx, [cart_id])
    assert isinstance(answer, CartView), answer
    return answer


def line(view: CartView, sku: str) -> CartLineView:
    """The line of a SKU."""
    (found,) = [one for one in view.lines if one.sku == sku]
    return found
