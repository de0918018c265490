"""Pure decisions about carts: what a change makes of one, and how long it holds how much."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from entrepot.departments.ordering.carts import Cart, CartHead, CartLine, CartState, LineChange
from entrepot.departments.ordering.model import CartedLine, ChannelRule
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH

LINES_MAX = 1_000
CHANNEL_CHARACTERS_MAX = 40
HOLD_MINUTES_MAX = 24 * 60
CART_DAYS_MAX = 400

_CART_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class HoldWindow(NamedTuple):
    """Within a span that began at `since`, holds now end at `until`."""

    since: datetime
    until: datetime


class Unheld(StrEnum):
    """Why units of a line are not held."""

    saved = "saved"
    channel = "channel"
    limit = "limit"
    time = "time"
    stock = "stock"


def cart_subject(cart_id: str) -> str:
    """The subject of a cart's facts."""
    return f"cart/{cart_id}"


def check_id(cart_id: str) -> Refusal | None:
    """Refuses: bad_identifier unless 1 to 64 letters, digits, . _ or -, a letter or digit first."""
    if _CART_ID.fullmatch(cart_id):
        return None
    return Refusal(
        code=RefusalCode.bad_identifier,
        message=(
            f"cart_id: found {shown(cart_id)}, expected 1 to 64 letters, digits, . _ or -, with a "
            "letter or digit first; leave it out to get one of ours"
        ),
        field="cart_id",
    )


def check_channel(channel: str) -> Refusal | None:
    """Refuses: bad_value."""
    printable = channel.isascii() and channel.isprintable()
    if 1 <= len(channel) <= CHANNEL_CHARACTERS_MAX and printable:
        return None
    return Refusal(
        code=RefusalCode.bad_value,
        message=(
            f"channel: found {shown(channel)}, expected 1 to {CHANNEL_CHARACTERS_MAX} printable "
            "ASCII characters"
        ),
        field="channel",
    )


def check_rule(rule: ChannelRule) -> Refusal | None:
    """Refuses: bad_value for the channel or a number out of its range."""
    if refusal := check_channel(rule.channel):
        return refusal
    ranges = (
        ("hold_minutes", rule.hold_minutes, 0, HOLD_MINUTES_MAX),
        ("hold_minutes_max", rule.hold_minutes_max, rule.hold_minutes, HOLD_MINUTES_MAX),
        ("hold_each_max", rule.hold_each_max or 1, 1, MAX_EACH),
        ("cart_days", rule.cart_days, 1, CART_DAYS_MAX),
    )
    for name, found, least, most in ranges:
        if not least <= found <= most:
            return Refusal(
                code=RefusalCode.bad_value,
                message=f"{name}: found {found}, expected {least} to {most}; correct it",
                field=name,
            )
    return None


def change_lines(
    lines: Sequence[CartLine], changes: Sequence[LineChange], prices: Mapping[str, int]
) -> tuple[CartLine, ...] | Refusal:
    """The lines after a change.

    prices  in force, by SKU, for the lines that are new; what was given is right already

    Refuses: duplicate_value for a SKU given twice, bad_quantity, missing_value for a new line
    without quantity, too_many.
    """
    after = {line.sku: line for line in lines}
    next_no = max((line.line_no for line in lines), default=0) + 1
    given: set[str] = set()
    for number, change in enumerate(changes, start=1):
        if change.sku in given:
            return Refusal(
                code=RefusalCode.duplicate_value,
                message=(
                    f"lines[{number}].sku: found {shown(change.sku)} a second time, expected each "
                    "SKU once; add the quantities up"
                ),
                field=f"lines[{number}].sku",
            )
        given.add(change.sku)
        if change.quantity == 0:
            after.pop(change.sku, None)
            continue
        line = after.get(change.sku)
        if refusal := _check_quantity(number, change, line):
            return refusal
        if line is None:
            assert change.quantity is not None, "a new line has a quantity"
            line = CartLine(next_no, change.sku, change.quantity, prices[change.sku])
            next_no += 1
        after[change.sku] = _changed(line, change)
    return check_count(len(after)) or tuple(sorted(after.values()))


def check_count(lines: int) -> Refusal | None:
    """Refuses: too_many lines in a cart or in a change of one."""
    if lines <= LINES_MAX:
        return None
    return Refusal(
        code=RefusalCode.too_many,
        message=(
            f"lines: found {lines}, expected at most {LINES_MAX} in a cart; open a second one"
        ),
        field="lines",
    )


def _check_quantity(number: int, change: LineChange, line: CartLine | None) -> Refusal | None:
    if change.quantity is None:
        if line is not None:
            return None
        return Refusal(
            code=RefusalCode.missing_value,
            message=(
                f"lines[{number}].quantity: found nothing, expected how many of "
                f"{shown(change.sku)}, which is not in the cart yet"
            ),
            field=f"lines[{number}].quantity",
        )
    if 1 <= change.quantity <= MAX_EACH:
        return None
    return Refusal(
        code=RefusalCode.bad_quantity,
        message=(
            f"lines[{number}].quantity: found {change.quantity}, expected a whole number from 0 "
            f"(take the line out) to {MAX_EACH}"
        ),
        field=f"lines[{number}].quantity",
    )


def _changed(line: CartLine, change: LineChange) -> CartLine:
    return line._replace(
        quantity_each=line.quantity_each if change.quantity is None else change.quantity,
        unit_price_minor=line.unit_price_minor
        if change.unit_price_minor is None
        else change.unit_price_minor,
        saved=line.saved if change.saved is None else change.saved,
    )


def needs_check(lines: Sequence[CartLine], change: LineChange) -> bool:
    """Whether item and price must be looked at: more is wanted than was, or a price is named."""
    if change.quantity == 0:
        return False
    line = next((line for line in lines if line.sku == change.sku), None)
    return (
        line is None
        or change.unit_price_minor is not None
        or (change.quantity or 0) > line.quantity_each
    )


def cannot_change(head: CartHead, what: str) -> Refusal | None:
    """Refuses: wrong_state for a cart that was completed or abandoned."""
    if head.state in (CartState.open, CartState.expired):
        return None
    became = f" as order {head.order_id}" if head.order_id else ""
    return Refusal(
        code=RefusalCode.wrong_state,
        message=(
            f"cart {head.cart_id} is {head.state}{became} and cannot be {what} any more; "
            "open a new one"
        ),
        facts={"cart_id": head.cart_id, "state": head.state, "order_id": head.order_id},
    )


def other_version(head: CartHead, version: int | None) -> Refusal | None:
    """Refuses: cart_changed when the cart is not at the version that was expected."""
    if version is None or version == head.version:
        return None
    return Refusal(
        code=RefusalCode.cart_changed,
        message=(
            f"If-Match: found version {version}, cart {head.cart_id} is at version "
            f"{head.version}: another change came first; read the cart and decide again"
        ),
        field="If-Match",
        facts={"version": head.version},
    )


def hold_window(rule: ChannelRule, head: CartHead, at: datetime) -> HoldWindow | None:
    """Until when a cart that is touched at `at` holds; None = it holds nothing.

    Holds are prolonged with every change, up to hold_minutes_max after the span began. A new span
    begins once the cart has left the stock to others for as long as a span lasts.
    """
    span = timedelta(minutes=rule.hold_minutes_max)
    since = head.held_since
    if since is None or head.held_until is None or at >= head.held_until + span:
        since = at
    until = min(at + timedelta(minutes=rule.hold_minutes), since + span)
    return HoldWindow(since, until) if until > at else None


def target_each(rule: ChannelRule, line: CartLine) -> int:
    """How many units of a line are to be held."""
    if line.saved:
        return 0
    return min(line.quantity_each, rule.hold_each_max or line.quantity_each)


def why_unheld(
    rule: ChannelRule,
    head: CartHead,
    line: CartLine,
    held_each: int,
    at: datetime,
    *,
    is_tried: bool,
) -> Unheld | None:
    """Why not all units of a line are held; None when they are.

    is_tried  whether it was just tried to hold them; else the cart is only looked at
    """
    if line.saved:
        return Unheld.saved
    if held_each >= line.quantity_each:
        return None
    if not rule.hold_minutes:
        return Unheld.channel
    if held_each >= target_each(rule, line):
        return Unheld.limit
    if is_tried:
        over = hold_window(rule, head, at) is None
    else:
        over = head.held_since is not None and not head.holds
    return Unheld.time if over else Unheld.stock


def is_covered(cart: Cart, held: Mapping[str, int]) -> bool:
    """Whether a cart holds all it wants: SKU -> each held."""
    return all(held.get(line.sku, 0) >= line.quantity_each for line in cart.wanted)


def expiry(rule: ChannelRule, at: datetime) -> datetime:
    """When a cart that was touched at `at` expires."""
    return at + timedelta(days=rule.cart_days)


def told_lines(lines: Iterable[CartLine]) -> tuple[CartedLine, ...]:
    """Lines as facts tell them."""
    return tuple(CartedLine(line.sku, line.quantity_each, line.saved) for line in lines)
