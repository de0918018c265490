"""Whether what is asked for makes sense: each finding names its field, what was found, and what
was expected. Nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entrepot.departments.catalog.model import Item, ItemStatus
from entrepot.departments.pricing.model import Price
from entrepot.flows.order_to_delivery.model import (
    CHANNEL_CHARACTERS_MAX,
    LINES_MAX,
    ORDER_ID_CHARACTERS_MAX,
    PAYMENT_MINUTES_MAX,
    AskedLine,
    PlaceOrder,
    ShipTo,
)
from entrepot.words.identifiers import parse_country, parse_postal_code, postal_area
from entrepot.words.money import parse_currency
from entrepot.words.outcome import Refusal, RefusalCode, shown
from entrepot.words.quantity import MAX_EACH


class Destination(ShipTo, frozen=True):
    """A checked destination; `region` is the part of the postal code that is not personal."""

    region: str = ""


def destination(ship_to: ShipTo) -> Destination | Refusal:
    """Refuses: bad_country, bad_postal_code."""
    country = parse_country(ship_to.country, "ship_to.country")
    if isinstance(country, Refusal):
        return country
    code = ""
    if ship_to.postal_code:
        parsed = parse_postal_code(ship_to.postal_code, country, "ship_to.postal_code")
        if isinstance(parsed, Refusal):
            return parsed
        code = parsed
    region = postal_area(country, code)
    return Destination(country=country, postal_code=code, region=region)


def currency(code: str) -> Refusal | None:
    """Refuses: bad_value for what is not an ISO 4217 code."""
    parsed = parse_currency(code, "currency")
    return parsed if isinstance(parsed, Refusal) else None


def line_shapes(lines: Sequence[AskedLine]) -> Refusal | None:
    """Refuses: missing_value for no line, too_many, bad_identifier, bad_quantity."""
    if not lines:
        return Refusal(
            code=RefusalCode.missing_value,
            message="lines: found none, expected at least one line",
            field="lines",
        )
    if len(lines) > LINES_MAX:
        return Refusal(
            code=RefusalCode.too_many,
            message=(
                f"lines: found {len(lines)}, expected at most {LINES_MAX}; place several orders"
            ),
            field="lines",
        )
    for number, line in enumerate(lines, start=1):
        if not line.sku.isprintable():
            return Refusal(
                code=RefusalCode.bad_identifier,
                message=(
                    f"lines[{number}].sku: found {shown(line.sku)}, expected a SKU of printable "
                    "characters"
                ),
                field=f"lines[{number}].sku",
                facts={"line": number},
            )
        if not 1 <= line.quantity <= MAX_EACH:
            return Refusal(
                code=RefusalCode.bad_quantity,
                message=(
                    f"lines[{number}].quantity: found {line.quantity}, "
                    f"expected a whole number from 1 to {MAX_EACH}"
                ),
                field=f"lines[{number}].quantity",
                facts={"line": number, "sku": line.sku},
            )
    return None


def line_contents(
    lines: Sequence[AskedLine],
    items: Mapping[str, Item],
    prices: Mapping[str, Price],
    *,
    first: int = 1,
) -> Refusal | None:
    """Refuses: unknown_sku, not_orderable, no_price, price_changed; lines count from `first`."""
    for number, line in enumerate(lines, start=first):
        field = f"lines[{number}].sku"
        item = items.get(line.sku)
        if item is None:
            return Refusal(
                code=RefusalCode.unknown_sku,
                message=f"{field}: found {shown(line.sku)}, expected a SKU of the catalog",
                field=field,
                facts={"line": number},
            )
        if item.status is not ItemStatus.active:
            return Refusal(
                code=RefusalCode.not_orderable,
                message=f"{field}: {line.sku} is {item.status} and not on sale any more",
                field=field,
                facts={"line": number, "sku": line.sku},
            )
        price = prices.get(line.sku)
        if price is None:
            return Refusal(
                code=RefusalCode.no_price,
                message=f"{field}: {line.sku} has no price in force in this currency",
                field=field,
                facts={"line": number, "sku": line.sku},
            )
        if line.unit_price_minor not in (None, price.amount_minor):
            return Refusal(
                code=RefusalCode.price_changed,
                message=(
                    f"lines[{number}].unit_price_minor: found {line.unit_price_minor}, the price "
                    f"of {line.sku} in force is {price.amount_minor}; show it and ask again"
                ),
                field=f"lines[{number}].unit_price_minor",
                facts={"line": number, "sku": line.sku, "price_minor": price.amount_minor},
            )
    return None


def order_fields(command: PlaceOrder) -> Refusal | None:
    """Refuses: bad_identifier, bad_value for the order's own fields."""
    order_id = command.order_id
    if order_id is not None and not (
        1 <= len(order_id) <= ORDER_ID_CHARACTERS_MAX
        and order_id.isascii()
        and order_id.isprintable()
        and not set(order_id) & set(" /?#%")
    ):
        return Refusal(
            code=RefusalCode.bad_identifier,
            message=(
                f"order_id: found {shown(order_id)}, expected 1 to {ORDER_ID_CHARACTERS_MAX} "
                "printable ASCII characters without spaces and / ? # %"
            ),
            field="order_id",
        )
    channel = command.channel
    printable = channel.isascii() and channel.isprintable()
    if not (1 <= len(channel) <= CHANNEL_CHARACTERS_MAX and printable):
        return Refusal(
            code=RefusalCode.bad_value,
            message=(
                f"channel: found {shown(channel)}, "
                f"expected 1 to {CHANNEL_CHARACTERS_MAX} printable ASCII characters"
            ),
            field="channel",
        )
    minutes = command.payment_minutes
    if minutes is not None and not 1 <= minutes <= PAYMENT_MINUTES_MAX:
        return Refusal(
            code=RefusalCode.bad_value,
            message=(
                f"payment_minutes: found {minutes}, expected 1 to {PAYMENT_MINUTES_MAX}, "
                "or nothing when no payment is waited for"
            ),
            field="payment_minutes",
        )
    return None
