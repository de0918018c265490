"""Which column of an order history is what: told by a map, or recognized by obvious names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from entrepot.flows.onboarding.countries import fold
from entrepot.flows.onboarding.rows import UnusableFolder
from entrepot.words.identifiers import parse_country
from entrepot.words.money import parse_currency
from entrepot.words.outcome import Refusal

# What is asked of a file: its meaning, and names recognized without a map (case, spaces and
# punctuation do not count).
RECOGNIZED: Mapping[str, tuple[str, ...]] = {
    "order_id": (
        "order_id",
        "order",
        "order_number",
        "order_no",
        "invoice",
        "invoice_no",
        "invoice_number",
    ),
    "sku": ("sku", "stock_code", "item_code", "product_code", "article", "article_number"),
    "quantity": ("quantity", "qty", "quantity_each"),
    "unit_price": ("unit_price", "price"),
    "placed_at": ("placed_at", "order_date", "ordered_at", "invoice_date", "date"),
    "customer": ("customer", "customer_id", "customer_no", "customer_number"),
    "country": ("country", "country_code", "ship_to_country", "shipping_country"),
    "currency": ("currency", "currency_code"),
}
NEEDED = ("order_id", "sku", "quantity", "unit_price", "placed_at")


class PlacedAt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How times are written.

    format  of strptime, such as `%d/%m/%Y %H:%M`; None = ISO 8601
    zone    IANA zone of times without an offset; None = the retailer's
    """

    format: str | None = None
    zone: str | None = None


class Fixed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same for every row of a file that has no column for it."""

    country: str | None = None
    currency: str | None = None


class Returns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file marks what is no sale but a return: order ids that begin so."""

    order_id_prefixes: tuple[str, ...] = ()


class NotGoods(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes that stand where SKUs stand and are none, such as postage; * stands for any text."""

    skus: tuple[str, ...] = ()


class OrderMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A map file as it is written.

    columns     by meaning (the names of RECOGNIZED): the file's column
    countries   by the name in the file: the ISO 3166-1 code
    free_lines  whether lines at a price of 0 are sales
    """

    columns: dict[str, str] = {}
    placed_at: PlacedAt = PlacedAt()
    fixed: Fixed = Fixed()
    countries: dict[str, str] = {}
    returns: Returns = Returns()
    not_goods: NotGoods = NotGoods()
    free_lines: bool = False


class Columns(NamedTuple):
    """The file's column of each meaning; None where the file has none."""

    order_id: str
    sku: str
    quantity: str
    unit_price: str
    placed_at: str
    customer: str | None
    country: str | None
    currency: str | None


def read_map(content: Mapping[str, Any], file: str) -> OrderMap:
    """A map from the tables of its TOML file.

    Raises: UnusableFolder naming everything in it that cannot be understood.
    """
    try:
        order_map = msgspec.convert(content, OrderMap)
    except msgspec.ValidationError as error:
        known = ", ".join(OrderMap.__struct_fields__)
        raise UnusableFolder([f"{file}: {error}; expected the tables {known}"]) from error
    problems = [
        f"{file}: [columns] {name}: expected one of {', '.join(RECOGNIZED)}"
        for name in order_map.columns
        if name not in RECOGNIZED
    ]
    problems += _wrong_values(order_map)
    if problems:
        raise UnusableFolder(problems)
    return order_map


def _wrong_values(order_map: OrderMap) -> list[str]:
    fixed = order_map.fixed
    checked = [
        parse_country(code, f'[countries] "{name}"') for name, code in order_map.countries.items()
    ]
    if fixed.country is not None:
        checked.append(parse_country(fixed.country, "[fixed] country"))
    if fixed.currency is not None:
        checked.append(parse_currency(fixed.currency, "[fixed] currency"))
    problems = [refusal.message for refusal in checked if isinstance(refusal, Refusal)]
    zone = order_map.placed_at.zone
    if zone is not None and not _is_zone(zone):
        problems.append(
            f"[placed_at] zone: found {zone!r}, expected an IANA zone such as Europe/London"
        )
    return problems


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def own_countries(order_map: OrderMap) -> dict[str, str]:
    """The map's countries by folded name."""
    return {fold(name): code.strip().upper() for name, code in order_map.countries.items()}


def choose_columns(order_map: OrderMap, found: Sequence[str], file: str) -> Columns:
    """Which of the columns found is what.

    Raises: UnusableFolder naming each column that is missing or could be two things, with what was
    found and expected.
    """
    chosen: dict[str, str | None] = {}
    problems: list[str] = []
    for meaning, names in RECOGNIZED.items():
        mapped = order_map.columns.get(meaning)
        if mapped is not None:
            fitting = [mapped] if mapped in found else []
        else:
            fitting = [column for column in found if _plain(column) in map(_plain, names)]
        chosen[meaning] = fitting[0] if fitting else None
        if len(fitting) > 1:
            problems.append(
                f"{file}: {meaning}: found the columns {', '.join(fitting)}, expected one of them; "
                f'say which in a map (--map): [columns] {meaning} = "..."'
            )
        elif not fitting and (mapped is not None or _is_needed(meaning, order_map)):
            problems.append(_missing(file, meaning, mapped, found))
    if problems:
        raise UnusableFolder(problems)
    return Columns(**chosen)  # type: ignore[arg-type]


def _is_needed(meaning: str, order_map: OrderMap) -> bool:
    return meaning in NEEDED or (meaning == "country" and order_map.fixed.country is None)


def _missing(file: str, meaning: str, mapped: str | None, found: Sequence[str]) -> str:
    if mapped is not None:
        return (
            f"{file}: found the columns {', '.join(found) or 'none'}; expected also {mapped!r}, "
            f"which the map gives for {meaning}"
        )
    fixed = ', or a [fixed] country = "..." for all' if meaning == "country" else ""
    return (
        f"{file}: found the columns {', '.join(found) or 'none'}; expected also one for {meaning}: "
        f"one named {' or '.join(RECOGNIZED[meaning])}, or the one a map (--map) names as "
        f'[columns] {meaning} = "..."{fixed}'
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
